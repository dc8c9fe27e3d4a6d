"""Frames: one frame with truth, prediction and errors."""

from __future__ import annotations

from pathlib import PurePosixPath

import streamlit as st

from dashboard import columns, links, parts, picture, reads, tables
from dashboard.scores import SOURCES_HELP

SPLITS = {"test": "Test", "val": "Validation"}
ZOOMS = ["1", "2", "4", "8"]
LONG = 8

parts.title(
    "Frames", "What a run did on a frame: outlines of truth and prediction, and what was missed or false at IoU 0.5."
)
runs = parts.experiments_or_stop()
names = tables.unique_names(runs)
one, two, three, four = st.columns([2, 1.2, 0.8, 1])
with one:
    run_id = links.one(
        st.selectbox,
        "Run",
        "run",
        list(names),
        tables.with_scores(runs),
        format_func=lambda run_id: names.get(run_id, run_id),
    )
zips = {split: [path for path in reads.files(run_id, f"{split}/previews") if path.endswith(".zip")] for split in SPLITS}
splits = [split for split in SPLITS if zips[split]]
if not splits:
    parts.stop(
        "No frames stored",
        "This run has no previews: it was not evaluated, or its files are gone. Evaluation writes them:",
        f"cytolapse evaluate {run_id} --data DATA",
        ":material/filter_center_focus:",
    )
with two:
    split = links.one(st.segmented_control, "Split", "split", splits, format_func=SPLITS.__getitem__, required=True)
with three:
    paths = {PurePosixPath(path).stem: path for path in zips[split]}
    sequence = links.one(st.selectbox, "Sequence", "sequence", sorted(paths))
frames, objects = (reads.table(run_id, f"{split}/{name}.parquet") for name in ("frames", "objects"))
with four:
    known = [name for name in ("gold", "silver") if frames is None or name in set(frames["reference"])]
    reference = links.one(
        st.segmented_control, "Truth", "reference", known, format_func=str.capitalize, help=SOURCES_HELP, required=True
    )

previews = reads.previews(run_id, paths[sequence])
numbers = [str(number) for number in previews.numbers]
if not numbers:
    parts.stop(
        "No frames in this sequence", "The stored previews hold no frame.", icon=":material/filter_center_focus:"
    )
worst = None if frames is None else tables.worst_frames(frames, reference, sequence)
scored = [] if worst is None else [str(frame) for frame in worst["frame"] if str(frame) in numbers]
stage, side = st.columns([2.6, 1.2], gap="medium")
with stage:
    number = links.stepper("Frame", "frame", numbers, (scored or numbers)[0])
shown = reads.frame(previews.path, int(number))
full = tables.is_full(frames, reference, sequence, int(number))
here = None if objects is None else tables.frame_objects(objects, reference, sequence, int(number), full)
judged = None if here is None or here.empty else here[here["kind"] != tables.NOT_JUDGED]
with side:
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, gap="medium"):
            truth = links.flag("Truth", "truth")
            prediction = links.flag("Prediction", "prediction")
            errors = links.flag("Errors", "errors")
        st.html(picture.legend(errors and judged is not None))
        zoom = links.one(st.segmented_control, "Zoom", "zoom", ZOOMS, format_func="{}x".format, required=True)
        targets, centres = ({}, {}) if here is None else (picture.describe(here), picture.centres(here))
        target = links.one(
            st.selectbox,
            "Centre on",
            "centre",
            ["frame", *targets],
            format_func=lambda key: targets.get(key, "the middle of the frame"),
            disabled=zoom == "1",
        )
    st.markdown("**Worst frames**", help="Most errors at IoU 0.5 first, then lowest SEG. Click a row to go there.")
    if worst is None or worst.empty:
        st.caption("No frame of this sequence was scored against this truth.")
    else:
        clicked = list(worst["frame"])
        list_key = f"worst-{run_id}-{split}-{sequence}-{reference}"
        st.dataframe(
            worst,
            hide_index=True,
            height="content" if len(worst) <= LONG else 320,
            column_order=list(columns.worst_frames()),
            column_config=columns.worst_frames(),
            key=list_key,
            selection_mode="single-row",
            placeholder="—",
            on_select=lambda: links.put_row("frame", list_key, clicked),
        )
with stage:
    look = picture.Look(reference, truth, prediction, errors and judged is not None, int(zoom), centres.get(target))
    st.image(
        picture.picture(shown, judged, look), output_format="PNG", width="stretch", alt=f"Frame {number} with outlines"
    )
    if reference not in shown.references:
        st.caption(f"This frame has no {reference} truth: only the prediction is drawn.")
    elif not full:
        st.caption("This frame's truth is partial: predictions without a match are not judged.")
if here is not None and len(here):
    st.subheader(f"Objects in frame {number}", anchor=False)
    st.dataframe(
        here, hide_index=True, column_order=list(columns.objects()), column_config=columns.objects(), placeholder="—"
    )
