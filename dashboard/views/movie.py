"""Movie: the frames of up to three runs side by side, with truth, prediction and errors."""

from __future__ import annotations

from math import isfinite
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from cytolapse.errors import CytolapseError
from dashboard import columns, links, parts, player, reads, tables
from dashboard.bundles import written
from dashboard.player import Panel, View
from dashboard.scores import SOURCES_HELP
from dashboard.signing import Place, signed
from dashboard.words import plain

if TYPE_CHECKING:
    import pandas as pd

    from cytolapse.previews import Previews

SPLITS = {"test": "Test", "val": "Validation"}
MOST = 3
LONG = 8
KEY = "movie"
AT = ("frame", "y", "x", "zoom")
# Run id, its table of frames and of objects.
Table = tuple[str, "pd.DataFrame | None", "pd.DataFrame | None"]


def stored(run_id: str) -> dict[str, dict[str, str]]:
    """Split -> sequence -> path of its stored frames."""
    zips = {
        split: [path for path in reads.files(run_id, f"{split}/previews") if path.endswith(".zip")] for split in SPLITS
    }
    return {split: {PurePosixPath(path).stem: path for path in found} for split, found in zips.items() if found}


def moved() -> None:
    """The player was let go: its place goes into the address."""
    place = st.session_state[KEY].get("place") or {}
    links.put_all({name: "" if place.get(name) is None else f"{place[name]:g}" for name in AT})


def view(numbers: list[str], default: str) -> View:
    """Where the address says to look."""

    def number(name: str) -> float | None:
        try:
            value = float(st.query_params.get(name, ""))
        except ValueError:
            return None
        return value if isfinite(value) else None

    frame = st.query_params.get("frame", default)
    return View(int(frame if frame in numbers else default), number("y"), number("x"), max(1.0, number("zoom") or 1.0))


def worst(of: Table, sequence: str, reference: str) -> None:
    """The worst frames of one run; a click goes there."""
    run_id, frames, _ = of
    rows = None if frames is None else tables.worst_frames(frames, reference, sequence)
    st.markdown("**Worst frames**", help="Most errors at IoU 0.5 first, then lowest SEG. Click a row to go there.")
    if rows is None or rows.empty:
        st.caption("No frame of this sequence was scored against this truth.")
        return
    key = f"worst-{run_id}-{split}-{sequence}-{reference}"
    st.dataframe(
        rows,
        hide_index=True,
        height="content" if len(rows) <= LONG else 320,
        column_order=list(columns.worst_frames()),
        column_config=columns.worst_frames(),
        key=key,
        selection_mode="single-row",
        placeholder="—",
        on_select=lambda: links.put_row("frame", key, list(rows["frame"])),
    )


def cells(of: Table, sequence: str, reference: str, frame: int) -> None:
    """The scored objects of the frame shown."""
    _, frames, objects = of
    full = tables.is_full(frames, reference, sequence, frame)
    here = None if objects is None else tables.frame_objects(objects, reference, sequence, frame, full)
    st.markdown(f"**Objects in frame {frame}**")
    if here is None or here.empty:
        st.caption(f"This frame has no {reference} truth: nothing in it was scored.")
        return
    if not full:
        st.caption("This frame's truth is partial: predictions without a match are not judged.")
    st.dataframe(
        here,
        hide_index=True,
        height="content" if len(here) <= LONG else 320,
        column_order=list(columns.objects()),
        column_config=columns.objects(),
        placeholder="—",
    )


class Stage(NamedTuple):
    """What the player shows, whoever looks where.

    Attributes:
        panels: a run each.
        tables: of the runs that have stored frames.
        sequence: its name.
        reference: gold or silver.
        numbers: of all frames.
        first: where to begin.
    """

    panels: list[Panel]
    tables: list[Table]
    sequence: str
    reference: str
    numbers: list[str]
    first: str


@parts.alone
def show(stage: Stage) -> None:
    """The player and what belongs to its frame: the only part of the page that runs anew when it is let go."""
    at = view(stage.numbers, stage.first)
    player.show(stage.panels, stage.reference, at, KEY, moved)
    if not player.is_ready(KEY):
        return  # the tables would hold up the first frame: the player asks for them when it stands
    names = [plain(panel.name) for panel in stage.panels if panel.link]
    for tab, of in zip(st.tabs(names) if len(names) > 1 else [st.container()], stage.tables, strict=True):
        with tab:
            left, right = st.columns([1, 1.6], gap="medium")
            with left:
                worst(of, stage.sequence, stage.reference)
            with right:
                cells(of, stage.sequence, stage.reference, at.frame)


parts.title(
    "Movie",
    "Frame by frame: outlines of truth and prediction, and what was missed, spurious, merged or split.",
)
runs = parts.experiments_or_stop()
names = tables.unique_names(runs)
one, two, three, four = st.columns([2.6, 1.2, 0.8, 1])
with one:
    chosen = links.many(
        "Runs",
        "run",
        list(names),
        [tables.with_scores(runs)],
        format_func=lambda run_id: names.get(run_id, run_id),
        max_selections=MOST,
    )
    if len(st.query_params.get_all("run")) > len(chosen) == MOST:
        st.caption("The first three of the runs in the link are shown.")
if not chosen:
    parts.stop("No run chosen", "Pick one to three runs to see their movies side by side.", icon=":material/movie:")
zips = {run_id: stored(run_id) for run_id in chosen}
splits = [split for split in SPLITS if any(split in found for found in zips.values())]
if not splits:
    parts.stop(
        "No frames stored",
        f"{plain(' and '.join(names[run_id] for run_id in chosen))}: not evaluated, or the files are gone. "
        "Evaluation stores them:",
        f"cytolapse evaluate {chosen[0]} --data DATA",
        ":material/movie:",
    )
with two:
    split = links.one(st.segmented_control, "Split", "split", splits, format_func=SPLITS.__getitem__, required=True)
with three:
    sequences = sorted({sequence for found in zips.values() for sequence in found.get(split, {})})
    sequence = links.one(st.selectbox, "Sequence", "sequence", sequences)

panels: list[Panel] = []
found: list[Table] = []
opened: list[Previews] = []
lost: list[CytolapseError] = []
for run_id in chosen:
    path = zips[run_id].get(split, {}).get(sequence)
    try:
        previews = None if path is None else reads.previews(run_id, path)
    except CytolapseError as error:
        lost.append(error)
        panels.append(Panel(names[run_id], "", "The stored frames of this run are damaged: evaluate it again."))
        continue
    if previews is None:
        panels.append(Panel(names[run_id], "", f"This run has no stored frames of sequence {sequence}."))
        continue
    opened.append(previews)
    panels.append(Panel(names[run_id], signed(Place(run_id, split, sequence, written(previews.path)))))
    found.append((run_id, *(reads.table(run_id, f"{split}/{name}.parquet") for name in ("frames", "objects"))))
if not found:
    raise lost[0]
with four:
    scored = [frames for _, frames, _ in found if frames is not None]
    truths = [
        name for name in ("gold", "silver") if not scored or any(name in set(each["reference"]) for each in scored)
    ]
    reference = links.one(
        st.segmented_control, "Truth", "reference", truths, format_func=str.capitalize, help=SOURCES_HELP, required=True
    )
numbers = [str(number) for number in sorted({number for previews in opened for number in previews.numbers})]
if not numbers:
    parts.stop("No frames in this sequence", "The stored previews hold no frame.", icon=":material/movie:")
by_errors = tables.worst_frames(scored[0], reference, sequence)["frame"] if scored else []
first = next((str(number) for number in by_errors if str(number) in numbers), numbers[0])
links.asked("Frame", "frame", numbers)
if st.query_params.get("frame") not in numbers:
    links.keep("frame", first)
for name in AT[1:]:
    if name in st.query_params:
        links.keep(name, st.query_params[name])
show(Stage(panels, found, sequence, reference, numbers, first))
