"""Try it: a person's own frames through a registered model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from cytolapse.errors import CytolapseError
from cytolapse.previews import Previews
from dashboard import parts, reads, writers
from dashboard.trial import drawing
from dashboard.trial.intake import LIMITS, MIB
from dashboard.trial.job import CELLS, MASKS, PREVIEWS, ROIS, Request, State
from dashboard.trial.visit import desk, mine
from dashboard.words import plain

if TYPE_CHECKING:
    from dashboard.trial.desk import Trial

DOWNLOADS = (
    (MASKS, "Masks (CTC)", "application/zip", "01_RES: maskTTTT.tif (uint16) and res_track.txt."),
    (ROIS, "ROIs for Fiji", "application/zip", "One ROI per cell and frame, for ImageJ's ROI Manager."),
    (CELLS, "Cells (CSV)", "text/csv", "One row per cell and frame: area, position, shape, intensity, track."),
)


def ask(models: dict[str, str]) -> None:
    """The form: which file, which model, and what the file may not say itself."""
    with st.form("trial", border=True):
        upload = st.file_uploader(
            f"A TIFF, a TIFF stack, or a zip of frames: at most {LIMITS.upload // MIB} MB and {LIMITS.frames} frames",
            type=["tif", "tiff", "png", "zip"],
            max_upload_size=LIMITS.upload // MIB,
            key="trial-file",
        )
        first, second, third, fourth = st.columns([2.4, 1, 1, 0.8], vertical_alignment="bottom")
        model = first.selectbox("Model", list(models), format_func=models.__getitem__, key="trial-model")
        um = second.number_input(
            "µm per pixel",
            min_value=0.001,
            max_value=100.0,
            value=None,
            format="%.4g",
            placeholder="from the file",
            help="Frames of another pixel size than the model's are rescaled for it. Empty: what the file says.",
        )
        minutes = third.number_input(
            "Minutes per frame",
            min_value=0.001,
            value=None,
            format="%.4g",
            placeholder="not needed",
            help="Puts hours instead of frames on the time axis.",
        )
        sent = fourth.form_submit_button("Segment", type="primary", icon=":material/play_arrow:", width="stretch")
    if sent and upload is None:
        st.warning("Choose a file first.")
    elif sent and upload is not None:
        begin(upload.getbuffer(), Request(model, um, minutes), models[model])


def begin(content: memoryview, request: Request, model: str) -> None:
    """Start the trial in place of an earlier one."""
    here = mine()
    here.close()
    try:
        here.trial, here.model = desk().start(content, request), model
    except CytolapseError as error:
        st.error(f"{plain(error)}.", icon=":material/error:")


def watch(trial: Trial) -> None:
    """The bar of a trial that waits or runs; ends the page with the result when it is done."""

    @st.fragment(run_every=1.0)
    def bar() -> None:
        state = desk().state(trial)
        if state.stage in ("done", "failed"):
            st.rerun()
        counted = f": {state.done} of {state.of} frames" if state.of else " ..."
        share = state.done / state.of if state.of else 0.0
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(share, text=f"{state.stage.capitalize()}{counted}")
            if st.button("Cancel", icon=":material/close:", key="trial-cancel"):
                mine().close()
                st.rerun()

    bar()


def result(trial: Trial, model: str, state: State) -> None:
    """The cells that were found, their numbers, and the files to take away."""
    cells = pd.read_csv(trial.folder / CELLS)
    previews = Previews(trial.folder / PREVIEWS)
    table = drawing.over_time(cells, previews.numbers, state.minutes)
    areas = drawing.unit(cells)[1]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(model)}**: {len(cells)} outlines in {len(table)} frames, {tracks(cells)}")
        for name, title, kind, told in DOWNLOADS:
            path = trial.folder / name
            st.download_button(title, path.read_bytes, name, kind, help=told, on_click="ignore", key=f"trial-{name}")
        if st.button("Discard", icon=":material/delete:", help="Remove the upload and these results from the server."):
            mine().close()
            st.rerun()
    for note in state.notes:
        st.caption(f":material/info: {plain(note)}")
    stage, side = st.columns([1.5, 1], gap="medium")
    with side:
        show_frame_choice(previews.numbers)
        tint = st.slider("Tint", 0.0, 1.0, 0.3, 0.1, key="trial-tint", help="0: outlines only.")
        show_frame_table(cells)
    with stage:
        number = st.session_state["trial-frame"]
        picture = drawing.painted(previews.frame(number), tint)
        st.image(picture, output_format="PNG", width="stretch", alt=f"Frame {number} with its cells")
    growth(table, areas)


def tracks(cells: pd.DataFrame) -> str:
    """How many cells they are once they are followed."""
    count = cells["track"].nunique()
    return f"{count} track" + "s" * (count != 1)


def show_frame_choice(numbers: list[int]) -> None:
    """The frame that is shown."""
    if st.session_state.get("trial-frame") not in numbers:
        st.session_state["trial-frame"] = numbers[0]
    if len(numbers) > 1:
        st.select_slider("Frame", numbers, key="trial-frame")


def show_frame_table(cells: pd.DataFrame) -> None:
    """The cells of the frame that is shown."""
    column, name = drawing.unit(cells)
    here = cells[cells["frame"] == st.session_state["trial-frame"]]
    st.markdown(f"**{len(here)} cell{'s' * (len(here) != 1)} in this frame**")
    names = {
        "track": st.column_config.NumberColumn("Cell"),
        column: st.column_config.NumberColumn(f"Area ({name})", format="%.4g"),
        "eccentricity": st.column_config.NumberColumn("Eccentricity", format="%.2f"),
        "intensity_mean": st.column_config.NumberColumn("Mean grey value", format="%.4g"),
    }
    st.dataframe(here, hide_index=True, column_order=list(names), column_config=names)


def growth(table: pd.DataFrame, areas: str) -> None:
    """The curves, where there is more than one frame."""
    if len(table) < 2:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Growth", anchor=False, width="content")
        log = st.toggle("Logarithmic", key="trial-log", help="Steady growth is a straight line.")
    st.plotly_chart(drawing.growth(table, areas, log), config={"displaylogo": False})


def choices(versions: pd.DataFrame) -> dict[str, str]:
    """models:/NAME/VERSION -> what a person reads; champions first."""
    rows = [(str(row["name"]), str(row["version"]), list(row["aliases"] or ())) for _, row in versions.iterrows()]
    rows.sort(key=lambda row: ("champion" not in row[2], row[0], -int(row[1])))
    return {
        f"models:/{name}/{number}": f"{name}, version {number}" + (f" ({', '.join(aliases)})" if aliases else "")
        for name, number, aliases in rows
    }


parts.title(
    "Try it", "Your own frames through a registered model: outlines, counts, areas, growth; files to take away."
)
if writers.writer_or_note("try a file") is None:
    parts.stop(
        "Trying is off for you",
        "An upload takes this machine's time and room: whoever serves the dashboard says who may. On your own machine:",
        f"{writers.VARIABLE}={writers.LOCAL} cytolapse dashboard",
        ":material/lock:",
    )
registered = reads.versions()
if registered.empty:
    parts.stop(
        "No model registered yet",
        "A file is tried with a model of the registry. Promote the model of a run first:",
        "cytolapse promote RUN_ID",
        ":material/workspace_premium:",
    )
ask(choices(registered))
current = mine()
if current.trial is not None:
    now = desk().state(current.trial)
    if now.stage == "failed":
        st.error(f"{plain(current.model)}: {plain(now.error)}.", icon=":material/error:")
    elif now.stage == "done":
        result(current.trial, current.model, now)
    else:
        watch(current.trial)
else:
    st.caption(
        "The file is read and segmented in a process of its own, kept for an hour at most, and shown to nobody else."
    )
