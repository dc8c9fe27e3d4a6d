"""`cytolapse log-masks`: masks that any other tool made, as a run like ours."""

from __future__ import annotations

import logging
import re
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cytolapse.data import default_split, open_dataset
from cytolapse.data.ctc import need_inside
from cytolapse.errors import CytolapseError
from cytolapse.metrics.movies import references
from cytolapse.tracking import start_run
from cytolapse.tracking.candidates import FOREIGN
from trainers import provenance
from trainers.evaluate import PARTS, log_evaluation, segmented
from trainers.recipes import RECIPES
from trainers.tool_masks import ToolMasks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from cytolapse.data.ignore import IgnoreList

log = logging.getLogger("cytolapse.evaluate")
NAME = re.compile(r"[\w.-][\w.+ -]{0,99}")


@dataclass(frozen=True)
class Prediction:
    """Masks, and what made them.

    Attributes:
        path: one sequence's masks, or a folder with NN_RES or NN for several (`open_pictures` says what is read).
        name: of the tool: what tables show in the place of a recipe.
        sequence: which sequence they are of; "" where that is plain.
        settings: how the tool was set; logged as `tool.<key>`.
    """

    path: Path
    name: str
    sequence: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise CytolapseError(
                f"--name is {self.name!r}: letters, digits, spaces and . _ + - make a name, as cellpose"
            )
        if self.name in RECIPES:
            raise CytolapseError(
                f"--name is {self.name}, a recipe of cytolapse: its runs would be taken for trained ones; name the tool"
            )


def log_masks(
    prediction: Prediction,
    data: Path,
    test_sequence: str = "",
    ignore: IgnoreList | None = None,
    tracking: str = "",
) -> str:
    """Score the masks on the test part, and on validation where they are there; the line that says where the run is.

    Args:
        prediction: the masks.
        data: the data set that they are masks of.
        test_sequence: which sequence is tested on; the last one where none is named.
        ignore: what of the silver truth is not scored.
        tracking: the store, or `spool:DIR`.

    Raises:
        CytolapseError: a frame of the test part has no mask, or a mask can't be scored.
    """
    dataset = open_dataset(data, ignore)
    for movie in dataset.movies.values():
        need_inside(dataset.path, dataset.border, movie.frames.shape[1:])
    split = default_split(dataset, test_sequence)
    masks = ToolMasks.open(prediction.name, prediction.path, dataset, prediction.sequence)
    if missing := masks.missing(split.movies(dataset, "test")):
        raise CytolapseError(
            f"{prediction.path} has no masks of frames {missing}, which are in the test part: add them"
        )
    missing = masks.missing(split.movies(dataset, "validation"))
    if missing:
        log.info("not scored on validation: no masks of frames %s", missing)
    parts = ["test", *(["val"] if not missing and references(split.movies(dataset, "validation")) else [])]
    scored = sum(len(movie) for part in parts for movie in split.movies(dataset, PARTS[part]))
    masks = replace(masks, ignored=sum(len(masks.numbers(each)) for each in masks.pictures) - scored)
    with ExitStack() as written:
        parted = {part: written.enter_context(segmented(masks, dataset, split, part)) for part in parts}
        with start_run(tracking=tracking, experiment=dataset.name, name=prediction.name) as run:
            run.params({f"tool.{key}": value for key, value in prediction.settings.items()})
            run.tags({**provenance.tags(dataset, split), "cytolapse.recipe": prediction.name})
            run.tags({FOREIGN: str(prediction.path)})
            for part, evaluation in parted.items():
                log_evaluation(evaluation, masks, dataset, part, run)
    log.info("%d masks scored, %d of other frames ignored", scored, masks.ignored)
    return run.closing_line()


def settings_of(given: Sequence[str]) -> dict[str, str]:
    """`key=value`, as often as given.

    Raises:
        CytolapseError: one is not of that form, or a key stands twice.
    """
    found: dict[str, str] = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not equals or not re.fullmatch(r"[\w.-]{1,100}", key):
            raise CytolapseError(f"--param is {each!r}, where KEY=VALUE is expected, as --param diameter=30")
        if key in found:
            raise CytolapseError(f"--param {key} is given twice: {found[key]} and {value}; leave out one")
        found[key] = value
    return found
