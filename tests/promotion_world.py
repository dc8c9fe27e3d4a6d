"""Runs that can be promoted: classical models on drawn discs, some better than others, with their masks and scores."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from compared_world import write_discs

from cytolapse.config import Config
from cytolapse.data import default_split, open_dataset
from cytolapse.metrics import METRIC_SCHEMA_VERSION
from cytolapse.segmenter import Segmenter
from cytolapse.tracking import start_run
from cytolapse.tracking.promotion import Wish, promote
from trainers.evaluate import evaluate_split
from trainers.masks import Segmented

if TYPE_CHECKING:
    from pathlib import Path

POINTS = {"poor": {}, "fair": {"window": 1.0}, "good": {"window": 1.0, "otsu": 1.3}}
"""Name -> operating point; SEG on gold: 0.31, 0.56, 0.59."""
VAL = {"poor": 0.5, "fair": 0.7, "good": 0.6}
"""Their scores on validation, which rank them otherwise."""
METRIC = "val/silver/op_csb_masks"


def trained(place: str, data: Path, name: str, folder: Path, evaluate: bool = True) -> str:
    """Id of a run with a model, a score on validation, and everything that `evaluate` logs of test."""
    dataset = open_dataset(data)
    split = default_split(dataset)
    config = Config(recipe="classical", model="classical", network="", head="", postprocess="none")
    segmenter = Segmenter.build(config, 0.65).at(POINTS[name])
    segmenter.save(folder / name)
    tags = {
        "cytolapse.dataset": dataset.name,
        "cytolapse.digest": dataset.digest,
        "cytolapse.split": json.dumps(split.as_dict()),
        "cytolapse.recipe": "classical",
        "cytolapse.git_commit": "c0ffee",
        "metric_schema_version": str(METRIC_SCHEMA_VERSION),
    }
    with start_run(place, dataset.name, name, tags=tags) as run:
        run.params({"cfg.train_on": "silver"})
        run.model(folder / name, "segmenter", step=1)
        run.metrics({METRIC: VAL[name]}, step=1, model="segmenter")
        if evaluate:
            evaluate_split(Segmented(segmenter), dataset, split, "test", run)
    assert run.closing_line().startswith("run_id: ")
    return run.run_id


def champions(place: str, folder: Path) -> dict[str, str]:
    """Ids of three runs on data in `folder / "discs"`: "poor" became champion, then "fair"; "good" waits."""
    data = write_discs(folder / "discs")
    ids = {name: trained(place, data, name, folder) for name in POINTS}
    promote(Wish([ids["poor"]], reason="first light", by="ada"), place)
    promote(Wish([ids["fair"]], reason="[x](http://evil) *better*", by="bob"), place)
    return ids
