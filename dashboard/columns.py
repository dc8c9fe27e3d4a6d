"""How the columns of the tables look, and what their help says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.runs.board import INTERVAL, STANDARD
from dashboard.scores import LEADERBOARD, OP_CSB, READINGS, SEG, TRUTH, Score

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

VALIDATION_HELP = (
    "OP_CSB on truth masks of the validation split, of the run's best checkpoint: (SEG + DET) / 2. "
    "The one score by which checkpoints and runs are chosen; the test split is for reporting."
)
STATUS_HELP = "stale: still marked as running, but silent for so long that its process must have died."

INTERVAL_HELP = "95 % of bootstrapped blocks of frames; runs whose intervals overlap may still differ: see Compare."
SPARK_HELP = "The selection score at each validation of the training."
SPREAD_HELP = "Sample standard deviation over the runs of the group; empty where there is one run."
MINUTES_HELP = (
    "Of training; for a run that noted none: from its start to its last end, later evaluations included. "
    "Of another tool's masks it is not known."
)
FP_HELP = "Predicted objects without a truth object at IoU 0.5; none are counted where the frame's truth is partial."
KIND_HELP = (
    "At one-to-one IoU of 0.5 or more. Not judged: a prediction without a match where the frame's truth is partial."
)
PARTNER_HELP = "The object's own id, or its partner's: its match, else the object of largest IoU."


def number(score: Score, **settings: Any) -> Any:
    """A column of scores."""
    return st.column_config.NumberColumn(score.title, help=score.help, format="%.3f", **settings)


def leaderboard() -> dict[str, Any]:
    """The usual columns of the Runs page."""
    column = st.column_config
    intervals = {
        score.key + INTERVAL: column.TextColumn(f"{score.title} 95 %", help=INTERVAL_HELP, width=112)
        for score in LEADERBOARD
    }
    return {
        "name": column.TextColumn("Run", pinned=True, width=215, help="Commands take a run's name, or its id."),
        "recipe": column.TextColumn("Recipe", help="What was trained; `cytolapse train --help` lists the recipes."),
        "head": column.TextColumn("Head", help="What the network's maps mean, and the way back to labels."),
        "seed": column.NumberColumn("Seed", help="Start of the random numbers: crops, first weights.", format="%d"),
        "dataset": None,
        "status": column.TextColumn("Status", help=STATUS_HELP),
        "tags": column.ListColumn("Tags", help="Given by people on this page.", width=110),
        "spark": column.LineChartColumn("Validation curve", help=SPARK_HELP, width=110),
        "selection": column.NumberColumn("Validation", help=VALIDATION_HELP, format="%.3f"),
        **{score.key: number(score) for score in LEADERBOARD},
        SEG.key: column.ProgressColumn(SEG.title, help=SEG.help, format="%.3f", min_value=0, max_value=1, width=115),
        **intervals,
        TRUTH.key: column.NumberColumn("n", help=TRUTH.help, format="%d"),
        READINGS.key: column.NumberColumn(READINGS.title, help=READINGS.help, format="%d"),
        "started": column.DatetimeColumn("Started (UTC)", format="YYYY-MM-DD HH:mm"),
        "minutes": column.NumberColumn("Minutes", help=MINUTES_HELP, format="%.1f"),
        "curves": column.LinkColumn("Curves", display_text="curves", help="Open in Compare.", width=70),
        "movie": column.LinkColumn("Movie", display_text="movie", help="Open in Movie.", width=70),
        "mlflow": column.LinkColumn("MLflow", display_text="open", help="Open in MLflow.", width=70),
    }


def chosen(table: pd.DataFrame, titles: Mapping[str, str]) -> dict[str, Any]:
    """The columns that someone chose beside the usual ones, under their short names."""
    column = st.column_config
    others = {name: titles[name].removeprefix("cfg.") for name in table if name in titles and name not in STANDARD}
    return {
        name: column.NumberColumn(title, help=f"`{name}`")
        if table[name].dtype.kind in "if"
        else column.TextColumn(title, help=f"`{name}`")
        for name, title in others.items()
    }


def groups() -> dict[str, Any]:
    """Groups of runs: means, and how far the runs of a group lie apart."""
    column = st.column_config
    pairs = [("selection", "Validation", VALIDATION_HELP)]
    pairs += [(score.key, score.title, score.help) for score in (SEG, OP_CSB)]
    scores: dict[str, Any] = {}
    for key, title, text in pairs:
        scores[key] = column.NumberColumn(title, help=f"Mean over the group. {text}", format="%.3f")
        scores[f"{key}_sd"] = column.NumberColumn("± SD", help=SPREAD_HELP, format="%.3f", width=70)
    return {
        "name": column.TextColumn("Group", pinned=True, width="large"),
        "n": column.NumberColumn("Runs", format="%d", width=60),
        **scores,
        "open": column.LinkColumn("", display_text="its runs", width=80),
    }


def newest() -> dict[str, Any]:
    """The newest runs of the Overview page."""
    column = st.column_config
    return {
        "open": column.LinkColumn("", display_text=":material/open_in_new:", width=34, help="Open in Runs."),
        "name": column.TextColumn("Run", width=172),
        "state": column.TextColumn("Status", help=STATUS_HELP, width=184),
        "loss": column.LineChartColumn("Loss", help="Training loss over the steps.", width=62),
        "selection": column.NumberColumn("Validation", help=VALIDATION_HELP, format="%.3f", width=74),
    }


def worst_frames() -> dict[str, Any]:
    """The list of frames beside the image."""
    column = st.column_config
    return {
        "frame": column.NumberColumn("Frame", format="%d"),
        "fp": column.NumberColumn("FP", format="%d", help=FP_HELP),
        "fn": column.NumberColumn("FN", format="%d", help="Truth objects without a prediction at IoU 0.5."),
        "seg": number(SEG),
        "n_truth": column.NumberColumn("n", format="%d", help="Truth objects in the frame."),
    }


def ranked_frames(several: bool) -> dict[str, Any]:
    """The worst frames of the Errors page, of several sequences or of one."""
    column = st.column_config
    return {
        "rank": column.NumberColumn("#", format="%d", width=40, help="Of all frames of this part, 1 is the worst."),
        **({"sequence": column.TextColumn("Seq.", width=45)} if several else {}),
        "frame": column.NumberColumn("Frame", format="%d", width=55),
        "movie": column.LinkColumn("Movie", display_text="open", help="Open in the movie.", width=50),
        "errors": column.NumberColumn("Errors", format="%d", width=50, help="Without a match at IoU 0.5, both sides."),
        "n_truth": column.NumberColumn("Cells", format="%d", width=45, help="True cells in the frame."),
        "seg": number(SEG, width=55),
        "kinds": column.TextColumn("Kinds", width=150, help="They add up to the errors: docs/metrics.md defines them."),
    }


def findings() -> dict[str, Any]:
    """What an audit found."""
    column = st.column_config
    return {
        "rank": column.NumberColumn("#", format="%d", width=45),
        "kind": column.TextColumn("Silver", help="What the models say of silver: docs/audit.md explains the kinds."),
        "sequence": column.TextColumn("Seq.", width=50),
        "frame": column.NumberColumn("Frame", format="%d", width=60),
        "score": column.NumberColumn("Score", format="%.2f", help="Agreement x disagreement x rarity; 1 is the most."),
        "agreement": column.NumberColumn("Agreement", format="%.2f", help="Of the models with each other."),
        "movie": column.LinkColumn("Movie", display_text="open", help="Open in the movie.", width=60),
    }


def objects() -> dict[str, Any]:
    """The objects of a frame."""
    column = st.column_config
    return {
        "kind": column.TextColumn("What became of it", help=KIND_HELP),
        "side": column.TextColumn("Side"),
        "truth": column.NumberColumn("Truth id", format="%d", help=PARTNER_HELP),
        "prediction": column.NumberColumn("Prediction id", format="%d", help=PARTNER_HELP),
        "iou": column.NumberColumn("IoU", format="%.3f", help="With its match, else with the object of largest IoU."),
        "area": column.NumberColumn("Area (px)", format="%d"),
        "y": column.NumberColumn("y (px)", format="%.0f"),
        "x": column.NumberColumn("x (px)", format="%.0f"),
    }


def definition() -> Any:
    """The last column of the table of scores."""
    return st.column_config.TextColumn("Definition", width="large")


def candidates() -> dict[str, Any]:
    """Runs that could become a registered model's first version."""
    column = st.column_config
    return {
        "name": column.TextColumn("Run", width="medium"),
        "dataset": column.TextColumn("Data set"),
        "selection": column.NumberColumn("Validation", help=VALIDATION_HELP, format="%.3f"),
        SEG.key: number(SEG),
        OP_CSB.key: number(OP_CSB),
        "f1_iou_0.50": number(LEADERBOARD[2]),
        TRUTH.key: column.NumberColumn("n", help=TRUTH.help, format="%d"),
        "started": column.DatetimeColumn("Started (UTC)", format="YYYY-MM-DD HH:mm"),
        "curves": column.LinkColumn("Curves", display_text="curves", width=70),
        "movie": column.LinkColumn("Movie", display_text="movie", width=70),
    }


def versions() -> dict[str, Any]:
    """The registered versions of a model."""
    column = st.column_config
    return {
        "version": column.NumberColumn("Version", format="%d", width=55),
        "aliases": column.ListColumn("Aliases", help="A name that points to one version: models:/NAME@champion."),
        "run": column.TextColumn("From run", width=150),
        "selection": column.NumberColumn("Validation", help=VALIDATION_HELP, format="%.3f"),
        SEG.key: number(SEG),
        OP_CSB.key: number(OP_CSB),
        "f1_iou_0.50": number(LEADERBOARD[2]),
        TRUTH.key: column.NumberColumn("n", help=TRUTH.help, format="%d"),
        "created": column.DatetimeColumn("Registered (UTC)", format="YYYY-MM-DD HH:mm"),
        "curves": column.LinkColumn("Curves", display_text="curves", width=70),
        "movie": column.LinkColumn("Movie", display_text="movie", width=70),
        "source": column.TextColumn("Source", help="Where the registry says the model's files come from."),
    }
