"""Policy: what a run must show before it takes the champion's place; one TOML file per data set."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from cytolapse.errors import CytolapseError

FOLDER = Path("policies")
"""Where files are looked for, in the current folder: policies/MODEL.toml."""
REFERENCES = ("gold", "silver")


@dataclass(frozen=True)
class Policy:
    """The rules of one data set.

    Attributes:
        deciding: the scores on test that decide, as `gold/seg`; without a reference, as `seg`, gold where the test part
            has gold truth, else silver.
        margin: the lower end of each score's paired 95 % interval must be above -margin.
        bin_loss: how much a deciding score may lose in frames of one cell-count bin.
        bin_frames: bins of fewer frames are not judged.
        agreement: the least PQ (at IoU 0.5) between stored masks and those that the loaded model makes.
        check_frames: frames that the loaded model segments.
        source: the file, or "built in".
    """

    deciding: tuple[str, ...] = ("seg", "f1_iou_0.75")
    margin: float = 0.01
    bin_loss: float = 0.05
    bin_frames: int = 1
    agreement: float = 0.98
    check_frames: int = 4
    source: str = "built in"

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {**asdict(self), "deciding": list(self.deciding)}


def policy_of(model: str, file: str = "") -> Policy:
    """The policy of a registered model: `file`, else policies/MODEL.toml in the current folder, else the built-in one.

    Raises:
        CytolapseError: the file is absent or no TOML, or it says what no policy says.
    """
    path = Path(file) if file else FOLDER / f"{model}.toml"
    if not file and not path.is_file():
        return Policy()
    return read_policy(path)


def read_policy(path: Path) -> Policy:
    """Read a file; what it leaves out is as built in.

    Raises:
        CytolapseError: as `policy_of`.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CytolapseError(f"policy {path} can't be read ({error.strerror}): give a TOML file") from error
    except ValueError as error:
        raise CytolapseError(f"policy {path} is not valid TOML: {error}") from error
    known = [each.name for each in fields(Policy) if each.name != "source"]
    if unknown := sorted(set(found) - set(known)):
        raise CytolapseError(f"policy {path} has {', '.join(unknown)}: a policy has {', '.join(known)}")
    for name, value in found.items():
        if not _FITS[name][0](value):
            raise CytolapseError(f"policy {path}: {name} is {value!r}, where {_FITS[name][1]} is expected")
    if "deciding" in found:
        found["deciding"] = _scores(path, found["deciding"])
    return Policy(**found, source=str(path))


def scores() -> list[str]:
    """Names of the scores that can decide: those with intervals of which more is better."""
    import numpy as np

    from cytolapse.metrics.counts import COUNTS, LOWER, scores_of

    return sorted(set(scores_of(np.zeros((1, len(COUNTS))))) - set(LOWER))


def _scores(path: Path, names: list[str]) -> tuple[str, ...]:
    for each in names:
        reference, _, name = each.rpartition("/")
        if reference not in ("", *REFERENCES) or name not in scores():
            raise CytolapseError(
                f"policy {path}: deciding has {each!r}: gold/ or silver/ and one of {', '.join(scores())} is expected"
            )
    if len(set(names)) < len(names):
        raise CytolapseError(f"policy {path}: deciding names a score twice: {', '.join(names)}")
    return tuple(names)


def _number(least: float, most: float) -> Any:
    return lambda value: type(value) in (int, float) and least <= value <= most


def _whole(value: Any) -> bool:
    return type(value) is int and value >= 1


def _names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)


_SHARE = (_number(0, 1), "a number from 0 to 1")
_COUNT = (_whole, "a whole number from 1 on")
_FITS: dict[str, tuple[Any, str]] = {
    "deciding": (_names, 'a list of scores, as ["gold/seg"],'),
    "margin": _SHARE,
    "bin_loss": _SHARE,
    "bin_frames": _COUNT,
    "agreement": _SHARE,
    "check_frames": _COUNT,
}
