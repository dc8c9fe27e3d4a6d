"""Data: what a data set holds, what of it is annotated and how, and what is wrong with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import streamlit as st

from cytolapse.data.findings import count
from dashboard import links, parts, tables
from dashboard.data import cells_shown, elsewhere, samples, shelf, strips
from dashboard.data.annotated import tables as read_tables
from dashboard.data.datasets import Known, Listed, folder_key, known
from dashboard.errors.mistakes import ALL
from dashboard.words import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from dashboard.data.reading import Reading

SHOWN = 8
# How often the page looks at a reading: drawing figures takes from the time that it needs.
BAR_S, FIGURES_S = 1.0, 6.0
SPLIT = "tags.cytolapse.split"
UNKNOWN_UM = "Pixel size unknown: `um = 0.65` in the folder's `dataset.toml` says it, and areas are then in µm²."


def choose(runs: pd.DataFrame) -> tuple[Known, str, Listed | None]:
    """The data set, the folder that is looked into ("" = none is known), and what lies there (None = not here)."""
    found = known(runs, shelf.inputs())
    if not found:
        parts.stop(
            "No data set yet",
            "No run of this store says what it read. Train a first model:",
            parts.FIRST_STEPS,
            elsewhere.ICON,
        )
    one, two, three = st.columns([1.6, 1.6, 1])
    with one:
        name = links.one(st.selectbox, "Data set", "dataset", list(found), format_func=_run_count(found))
    data = found[name]
    here = [folder for folder in data.folders if shelf.folder(folder) is not None]
    folder = (here or [*data.folders, ""])[0]
    if len(here) > 1:
        keys = {folder_key(each): each for each in here}
        with two:
            folder = keys[links.one(st.selectbox, "Folder", "folder", list(keys), format_func=keys.__getitem__)]
    listing = shelf.folder(folder) if here else None
    with three if len(here) > 1 else two:
        names = list(listing.sequences) if listing else []
        if len(names) > 1:
            links.one(
                st.segmented_control if len(names) < 5 else st.selectbox,
                "Sequence",
                "sequence",
                [ALL, *names],
                ALL,
                format_func=lambda each: "all" if each == ALL else each,
                **({"required": True} if len(names) < 5 else {}),
            )
    return data, folder, listing


def _run_count(found: Mapping[str, Known]) -> Any:
    return lambda name: f"{name} ({count(len(found[name].runs), 'run')})"


def wanted(names: Iterable[str]) -> list[str]:
    """The sequences that are chosen."""
    asked = st.query_params.get("sequence", ALL)
    every = list(names)
    return [asked] if asked in every else every


def facts(here: Listed, verdict: str) -> None:
    """Numbers of the whole data set, which need no image."""
    frames = [len(each.frames) for each in here.sequences.values()]
    looks = {each.look for each in here.sequences.values() if each.look}
    um, minutes = here.facts.um, here.facts.minutes
    one, two, three, four = st.columns(4)
    one.metric("Frames", f"{sum(frames):,}", f"in {count(len(frames), 'sequence')}", **QUIET)
    shape, told = "—", "no frame can be read"
    if looks:
        look = sorted(looks)[0]
        wide = "" if um is None else f", {look.shape[0] * um:,.3g} x {look.shape[1] * um:,.3g} µm"
        shape, told = "{} x {} px".format(*look.shape), f"{look.dtype}{wide}"
        told = "differs between sequences" if len(looks) > 1 else told
    two.metric("Frame size", shape, told, **QUIET, help="Height x width.")
    three.metric("Pixel size", f"{um:.4g} µm" if um else "not known", _border(here), **QUIET, help=BORDER_HELP)
    four.metric("Time step", f"{minutes:.4g} min" if minutes else "not known", _span(here), **QUIET)
    st.caption(f":material/folder: {plain(here.root)} · {here.size / 1e6:,.0f} MB · {verdict}")


def _span(here: Listed) -> str:
    """How long the movies are."""
    if not here.facts.minutes:
        return "so axes count frames"
    longest = max((each.frames[-1] - each.frames[0] for each in here.sequences.values() if each.frames), default=0)
    if not longest:
        return "single frames"
    what = "in all" if len(here.sequences) == 1 else "in the longest sequence"
    return f"{longest * here.facts.minutes / 60:,.3g} h {what}"


def verdict(data: Known, now: Reading, over: bool) -> str:
    """What the check says, and whether these are the files that the runs read, in few words."""
    if not over or now.state != "done":
        return "not read to the end" if over else "being checked ..."
    problems = sum(not each.note for each in now.findings)
    said = f":orange[{count(problems, 'problem')}, see Check]" if problems else ":green[no problems]"
    same = data.compared(now.digest)
    return f"{said} · {same}" if same else said


def _border(here: Listed) -> str:
    return f"border of {here.facts.border} px" if here.facts.border else "no border"


def split_of(data: Known, runs: pd.DataFrame) -> dict[str, Any]:
    """What the newest run used the frames for: train, validation, test -> [sequence, start, stop] by position."""
    rows = runs[runs["run_id"].isin(data.runs)]
    for text in tables.column(rows, SPLIT).dropna():
        try:
            found = json.loads(text)
            return {name: [(str(a), int(b), int(c)) for a, b, c in found[name]] for name in strips.PARTS}
        except (ValueError, TypeError, KeyError):
            continue
    return {}


def annotated(data: Known, here: Listed, runs: pd.DataFrame, full: Mapping[tuple[str, int], bool]) -> None:
    """Which frames are annotated, and what runs use them for."""
    st.subheader("What is annotated", anchor=False, help=cells_shown.KIND_HELP)
    shown = strips.annotation(here, split_of(data, runs), full)
    if shown:
        st.html(shown)
    else:
        st.caption("No file can be told by its number: see Check.")


def follow(here: Listed, over: bool) -> None:
    """The cells as far as they were read; drawn anew while reading goes on, and the whole page when it ends."""

    @st.fragment(run_every=None if over else BAR_S)
    def bar() -> None:
        now = shelf.reading(here)
        if now.over and not over:
            st.rerun(scope="app")
        if not now.over:
            progress(now)

    @st.fragment(run_every=None if over else FIGURES_S)
    def shown() -> None:
        found = read_tables(list(shelf.reading(here).found))
        cells_shown.cells(found.of(wanted(here.sequences)), here.facts.um, here.facts.minutes, "read")

    st.subheader("Cells of the truth", anchor=False, help="All cells that are drawn, those at the border too.")
    bar()
    shown()


def progress(now: Reading) -> None:
    """How far a reading is."""
    if now.state == "waiting":
        st.progress(0.0, text="Another data set is being read; this one is next ...")
    else:
        share = min(1.0, now.done / max(1, now.total))
        st.progress(share, text=f"Reading every file: {now.done:,} of {now.total:,} images ...")


def findings(here: Listed, now: Reading, over: bool) -> None:
    """What `cytolapse check` says."""
    left, right = st.columns([5, 1], vertical_alignment="bottom")
    left.subheader("Check", anchor=False, help="The same words as `cytolapse check FOLDER`.")
    if not over:
        st.caption("Comes when every file was read.")
        return
    right.button("Read again", icon=":material/refresh:", on_click=shelf.read_again, args=(here,), width="stretch")
    if now.state != "done":
        st.warning("Reading ended early: the folder went away or can't be read.", icon=":material/folder_off:")
        return
    problems = [each for each in now.findings if not each.note]
    if not problems:
        st.success(f"No problems in {count(now.total, 'image')}.", icon=":material/check_circle:")
    else:
        st.warning(f"{count(len(problems), 'problem')} in {count(now.total, 'image')}.", icon=":material/rule:")
    said = sorted(now.findings, key=lambda each: each.note)
    st.markdown(_lines(here, said[:SHOWN]))
    if len(said) > SHOWN:
        with st.expander(f"{len(said) - SHOWN} more"):
            st.markdown(_lines(here, said[SHOWN:]))


def _lines(here: Listed, said: Sequence[Any]) -> str:
    """Findings as a list; the folder, which stands above, is left out."""
    root = str(here.root)
    texts = (str(each).replace(f"{root}/", "").replace(root, here.root.name) for each in said)
    return "\n".join(f"- {plain(text)}" for text in texts)


def show_samples(here: Listed) -> None:
    """A few frames with their truth."""
    st.subheader("Samples", anchor=False, help="Spread over time; frames with gold masks where there are any.")
    chosen = samples.chosen(here.sequences[name] for name in wanted(here.sequences))
    if not chosen:
        st.caption("No frame is here: the folder holds masks only.")
        return
    for place, sample in zip(st.columns(samples.COUNT), chosen, strict=False):
        picture = shelf.picture(sample)
        with place:
            cells_shown.sample(picture, sample.sequence, sample.number, here.facts.minutes)
    st.html(samples.legend(kind for sample in chosen for kind in sample.files))


QUIET: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off", "border": True}
BORDER_HELP = "Cells that lie wholly within the border are not scored."

parts.title("Data", "What a data set holds, what of it is annotated and how, and what is wrong with it.")
all_runs = parts.runs_or_stop()
data_set, path, listing = choose(all_runs)
if listing is None:
    elsewhere.show(data_set, path, all_runs)
elif not listing.sequences:
    parts.note(
        "An empty folder",
        f"{plain(listing.root)} holds no sequence: put the frames into a folder 01.",
        "",
        elsewhere.ICON,
    )
else:
    begun = shelf.reading(listing)
    ended = begun.over  # asked once: it may end while the page is drawn, which then draws itself anew
    facts(listing, verdict(data_set, begun, ended))
    annotated(data_set, listing, all_runs, begun.full if ended else {})
    show_samples(listing)
    follow(listing, ended)
    findings(listing, begun, ended)
    if not listing.facts.um:
        st.caption(f":material/straighten: {UNKNOWN_UM}")
st.caption("A new upload that no run has read yet: `cytolapse check FOLDER` says the same in the terminal.")
