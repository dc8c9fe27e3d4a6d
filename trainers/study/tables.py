"""The tables of a study: names of columns, and rows of text or numbers. Nothing is read or written here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cytolapse.metrics import SELECTION, paired
from trainers.study import published
from trainers.study.lines import PARTS, REFERENCES, Line, ranked

if TYPE_CHECKING:
    from collections.abc import Sequence

Table = tuple[list[str], list[list[str]]]
THRESHOLDS = ("0.25", "0.50", "0.75")
NONE = "-"
RATES = tuple(f"{rate}_iou_{threshold}" for threshold in THRESHOLDS for rate in ("precision", "recall"))
SOURCE_HEAD = ["IoU", *(f"{rate} at {threshold}" for threshold in THRESHOLDS for rate in ("precision", "recall"))]
HEADLINES = ("seg", "det_masks", "f1_iou_0.75")


def source_table(lines: Sequence[Line], reference: str, strict: bool) -> Table:
    """The columns of the published table on test, each published row under the one that repeats it.

    Args:
        lines: the rows.
        reference: silver or gold.
        strict: count one to one; else as the published table counts, which is given beside it.
    """
    names = ("pixel_iou", *RATES) if strict else published.COLUMNS
    rows = []
    for line in lines:
        cells = [with_limits(line, f"test/{reference}", name) for name in names]
        rows.append([_named(line), *cells])
        if line.published and not strict:
            rows.append([f"published: {line.published}", *map(_published, published.ROWS[line.published])])
    repeated = {line.published for line in lines}
    if not strict:
        rows += [
            [f"published: {name}", *map(_published, row)]
            for name, row in published.ROWS.items()
            if name not in repeated
        ]
    return ["model", *SOURCE_HEAD], rows


def choice_table(lines: Sequence[Line]) -> Table:
    """What ranks the rows, on validation, and what each took."""
    places = ranked(lines)
    head = ["place", "model", f"{SELECTION} on validation", "steps", "minimum", "minutes", "peak memory, GB", "state"]
    rows = []
    for line in sorted(lines, key=lambda line: places.get(line.name, len(lines) + 1)):
        place = str(places.get(line.name, NONE))
        chosen = with_limits(line, f"val/{line.chosen_on}", SELECTION)
        took = [_number(line.metrics.get(f"train/{key}"), 2) for key in ("minutes", "peak_memory_gb")]
        rows.append([place, line.name, chosen, str(line.steps), str(line.minimum), *took, line.state])
    return head, rows


def test_table(lines: Sequence[Line]) -> Table:
    """The scores on test that count in the field, against both truths."""
    columns = [(reference, name) for name in HEADLINES for reference in REFERENCES]
    head = ["model", *(f"{name}, {reference}" for reference, name in columns)]
    return head, [
        [_named(line), *(with_limits(line, f"test/{reference}", name) for reference, name in columns)] for line in lines
    ]


def pair_table(lines: Sequence[Line], reference: str) -> Table:
    """Every trained row against the best on validation: the same test frames, the same resamples."""
    places, where = ranked(lines), f"test/{reference}"
    head = ["model", "compared with", f"SEG, {reference}: difference", "share of resamples won"]
    ordered = sorted((line for line in lines if line.name in places), key=lambda line: places[line.name])
    if len(ordered) < 2 or where not in ordered[0].counts:
        return head, []
    best, *others = ordered
    rows = []
    for line in others:
        found = paired(best.counts[where], line.counts[where])["seg"]
        low, high, reason = found.interval
        limits = reason if low is None or high is None else f"[{low:+.3f}, {high:+.3f}]"
        change = NONE if found.difference is None else f"{found.difference:+.3f} {limits}"
        rows.append([line.name, best.name, change, _number(found.wins, 3)])
    return head, rows


def seed_table(lines: Sequence[Line]) -> Table:
    """Mean and range over the trained seeds of each row, where there are several."""
    groups: dict[str, list[Line]] = {}
    for line in (each for each in lines if each.trained):
        groups.setdefault(line.name.partition(", seed ")[0], []).append(line)
    rows = []
    for name, group in groups.items():
        values = [line.selection for line in group if line.selection is not None]
        if len(values) > 1:
            mean = sum(values) / len(values)
            rows.append([name, str(len(values)), f"{mean:.3f}", f"{min(values):.3f} to {max(values):.3f}"])
    return ["model", "seeds", f"mean {SELECTION} on validation", "range"], rows


def flat(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Every number of every row, for `table.csv` and `table.json`; None = undefined."""
    places = ranked(lines)
    rows = []
    for line in lines:
        row: dict[str, Any] = {"model": line.name, "recipe": line.recipe, "place": places.get(line.name)}
        row |= {"state": line.state, "steps": line.steps, "minimum_steps": line.minimum}
        row["seconds"] = None if "train/minutes" not in line.metrics else 60 * line.metrics["train/minutes"]
        row["peak_memory_gb"] = line.metrics.get("train/peak_memory_gb")
        row["run"] = "" if line.run is None else line.run.reference
        for where in (f"{part}/{reference}" for part in PARTS for reference in REFERENCES):
            for name in dict.fromkeys(("pixel_iou", SELECTION, *HEADLINES, *RATES, *published.COLUMNS)):
                row[f"{where}/{name}"] = line.score(where, name)
                limits = line.limits(where, name)
                row |= {} if limits is None else {f"{where}/{name}_low": limits[0], f"{where}/{name}_high": limits[1]}
        told = published.ROWS.get(line.published, (None,) * len(published.COLUMNS))
        row |= {f"published/{name}": value for name, value in zip(published.COLUMNS, told, strict=True)}
        rows.append(row)
    return rows


def _named(line: Line) -> str:
    return line.name if line.trained else f"{line.name} ({'failed' if line.error else 'not trained'})"


def with_limits(line: Line, where: str, name: str) -> str:
    """`0.812 [0.780, 0.840]`; without brackets where there is no interval, `-` where the score is undefined."""
    value, limits = line.score(where, name), line.limits(where, name)
    return _number(value) if limits is None else f"{_number(value)} [{limits[0]:.3f}, {limits[1]:.3f}]"


def _number(value: float | None, digits: int = 3) -> str:
    return NONE if value is None else f"{value:.{digits}f}"


def _published(value: float | None) -> str:
    return "not published" if value is None else f"{value:.2f}"
