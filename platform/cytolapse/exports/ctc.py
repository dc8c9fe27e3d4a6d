"""A folder as the Cell Tracking Challenge takes results: `NN_RES/maskTTTT.tif` and `res_track.txt`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cytolapse.data.check_tracks import need_valid
from cytolapse.data.masks import new_mask_folder, write_masks, write_tracks
from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cytolapse.exports.labelled import Labelled

RESULT = re.compile(r"(\d\d)_RES")


def write_ctc(sequences: Sequence[Labelled], out: Path) -> None:
    """Write OUT/NN_RES for each sequence; where OUT itself is called NN_RES, it is the folder of the one sequence.

    Raises:
        CytolapseError: a sequence has no name, a track has gaps, a label exceeds 65535, or the folder can't be written.
    """
    own = RESULT.fullmatch(out.name)
    names = [each.sequence or (own[1] if own else "") for each in sequences]
    if not all(names):
        raise CytolapseError(f"{sequences[0].path} does not tell which sequence it is: give --sequence 01 or the like")
    if own and names != [own[1]]:
        raise CytolapseError(f"{out} is for sequence {own[1]}, but this is {', '.join(names)}: give another folder")
    for each in sequences:
        if each.tracks is not None:  # a result without gaps, stricter than the survey
            need_valid(each.tracks_file, each.tracks, each.survey.ids)
    with new_mask_folder(out) as partial:
        for name, each in zip(names, sequences, strict=True):
            _write(partial if own else partial / f"{name}_RES", each)


def _write(folder: Path, labelled: Labelled) -> None:
    write_masks(folder, labelled.numbers, (labels for _, labels in labelled), labelled.digits)
    if labelled.tracks is not None:
        write_tracks(folder, labelled.tracks[labelled.tracks[:, 0].argsort()])
