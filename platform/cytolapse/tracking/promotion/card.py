"""The model card of a version: what it was made of, what it is worth, where it ends, how to run it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cytolapse.errors import CytolapseError
from cytolapse.tracking.load import load_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow import MlflowClient

    from cytolapse.tracking.logged import Logged

LONGEST = 5000
"""Characters that the description of a version may have in every database."""
SHOWN = ("seg", "det", "det_masks", "op_csb", "op_csb_masks", "pixel_iou", "f1_iou_0.50", "f1_iou_0.75")
NEEDED = {"frames", "full_frames", "n_truth", "border", "scores", "intervals", "curve", "by_sequence", "bins"}
PARTS = {"test": "Test", "val": "Validation"}
REFERENCES = ("gold", "silver")


@dataclass(frozen=True)
class Facts:
    """What a card is written from.

    Attributes:
        name: the registered model.
        version: its number.
        run: the run behind it.
        params: its parameters.
        um: um per pixel that the model was trained on; None = not known.
        results: "test", "val" -> "gold", "silver" -> what `Result.to_json` gave.
    """

    name: str
    version: str
    run: Logged
    params: Mapping[str, str]
    um: float | None
    results: Mapping[str, Mapping[str, Mapping[str, Any]]]


def facts_of(client: MlflowClient, name: str, version: str, run: Logged, model_id: str) -> Facts:
    """Read them from the store."""
    params = dict(client.get_run(run.reference).data.params)
    files = set(run.artifacts("curves"))
    results: dict[str, dict[str, Any]] = {}
    for part in PARTS:
        for reference in REFERENCES:
            if (path := f"curves/{part}-{reference}.json") in files:
                try:
                    result = run.json(path)
                except CytolapseError:  # damaged: the card says what is known
                    continue
                if set(result) >= NEEDED:  # else an older version wrote it
                    results.setdefault(part, {})[reference] = result
    return Facts(name, version, run, params, _um(model_id, client.tracking_uri), results)


def _um(model_id: str, store: str) -> float | None:
    try:
        found = json.loads((load_folder(f"models:/{model_id}", store) / "config.json").read_text()).get("um")
    except (CytolapseError, OSError, ValueError):
        return None
    return float(found) if isinstance(found, int | float) else None


def card(facts: Facts) -> str:
    """The card in Markdown, at most LONGEST characters."""
    sections = (_head(facts), _data(facts), _scores(facts), _limits(facts), _use(facts), _origin(facts))
    text = "\n\n".join("\n".join(section) for section in sections) + "\n"
    return text if len(text) <= LONGEST else text[: LONGEST - 2] + "…\n"


def _head(facts: Facts) -> list[str]:
    tags = facts.run.tags
    what = " with the ".join(filter(None, (tags.get("cytolapse.recipe", ""), tags.get("cytolapse.head", ""))))
    head = f" ({what} head)" if tags.get("cytolapse.head") else f" ({what})" if what else ""
    return [
        f"# {facts.name}, version {facts.version}",
        "",
        f"Labels cells in time-lapse frames: run `{facts.run.name.replace('`', '')}`{head}.",
    ]


def _data(facts: Facts) -> list[str]:
    tags = facts.run.tags
    um = "not known" if facts.um is None else f"{facts.um:g} um"
    learned = facts.params.get("cfg.train_on", "silver")
    lines = ["## Data", f"- Data set {tags.get('cytolapse.dataset', '?')}, digest {tags.get('cytolapse.digest', '?')}"]
    lines += [f"- Pixel size: {um}", f"- Learned from and chosen on: {learned} truth"]
    for part, blocks in json.loads(tags.get("cytolapse.split", "{}")).items():
        where = ", ".join(f"{start} to {stop - 1} of {name}" for name, start, stop in blocks)
        lines.append(f"- {part.capitalize()}: frames {where}, counted from 0")
    return lines


def _scores(facts: Facts) -> list[str]:
    lines = ["## Scores", "95 % intervals in brackets, by bootstrap over time blocks."]
    for part, results in facts.results.items():
        lines += [
            "",
            f"| {PARTS[part]} | {' | '.join(map(_title, results.items()))} |",
            "|---|" + "---|" * len(results),
        ]
        for name in SHOWN:
            cells = [_score(result, name) for result in results.values()]
            if any(cell != "-" for cell in cells):
                lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return lines if facts.results else [lines[0], "None: the run was not evaluated, or by an older version."]


def _title(item: tuple[str, Mapping[str, Any]]) -> str:
    name, result = item
    return f"{name}: {result['frames']} frames, {result['n_truth']} cells"


def _score(result: Mapping[str, Any], name: str) -> str:
    """`0.812 [0.780, 0.840]`; - where it is not defined."""
    value = result["scores"].get(name)
    if name.startswith("f1_iou_"):
        value = result["curve"][round(100 * float(name.removeprefix("f1_iou_")))]["f1"]
    if value is None:
        return "-"
    limits = result["intervals"].get(name, {})
    known = limits.get("low") is not None and limits.get("high") is not None
    return f"{value:.3f}" + (f" [{limits['low']:.3f}, {limits['high']:.3f}]" if known else "")


def _limits(facts: Facts) -> list[str]:
    return ["## Limits", *(f"- {line}" for line in _limit_lines(facts))]


def _limit_lines(facts: Facts) -> Iterator[str]:
    test = facts.results.get("test", {})
    if test:
        sequences = sorted({name for result in test.values() for name in result["by_sequence"]})
        where = f"sequence {', '.join(sequences)} of one data set"
        yield f"Test frames are of {where}: other microscopes, cells or media may score lower."
    else:
        yield "Not evaluated on test frames: what it is worth on frames that nothing was chosen on is not known."
    for name, result in test.items():
        yield from _limits_of(f"{name.capitalize()} truth", result)
    if border := max((result["border"] for result in test.values()), default=0):
        yield f"Cells that lie wholly within {border} px of the edge are not scored."
    if facts.params.get("cfg.train_on", "silver") == "silver":
        yield "Silver truth is made by programs: the model has learned their habits, too."
    if facts.um is None:
        yield "The pixel size is not known: frames of another magnification are not rescaled for it."
    yield "Intervals tell what other frames of such movies would change, not what another seed would."


def _limits_of(truth: str, result: Mapping[str, Any]) -> Iterator[str]:
    few = [cells for cells, each in result["bins"].items() if not each["frames"]]
    if few:
        yield f"{truth}: no test frame holds {' or '.join(few)} cells; nothing is known there."
    if result["full_frames"] < result["frames"]:
        full = f"{result['full_frames']} of {result['frames']}"
        yield f"{truth}: {full} frames hold every cell; false positives are counted in those."
    reasons = {each["reason"] for key, each in result["intervals"].items() if key in SHOWN and each["low"] is None}
    if few_blocks := sorted(reason for reason in reasons if reason.startswith("blocks")):
        yield f"{truth}: no interval; {few_blocks[0]}."


def _use(facts: Facts) -> list[str]:
    model = f"models:/{facts.name}/{facts.version}"
    size = "" if facts.um is None else " --um UM_PER_PIXEL"
    return [
        "## How to run it",
        "```sh",
        f"cytolapse segment {model} FRAMES MASKS{size}",
        "```",
        "It takes grey frames, a folder of TIFFs or one stack, and writes one label TIFF per frame.",
    ]


def _origin(facts: Facts) -> list[str]:
    tags = facts.run.tags
    versions = json.loads(tags.get("cytolapse.versions", "{}"))
    lines = [f"- Run {facts.run.reference}", f"- Commit {tags.get('cytolapse.git_commit') or 'not known'}"]
    if versions:
        lines.append("- " + ", ".join(f"{name} {number}" for name, number in versions.items()))
    if machine := tags.get("cytolapse.machine"):
        lines.append(f"- Trained on {machine}")
    return ["## Where it is from", *lines]
