"""The gate: whether a run may take the champion's place, rule by rule. Pure: what was scored in, a verdict out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cytolapse.metrics.bootstrap import paired
from cytolapse.metrics.comparison import compare_bins
from cytolapse.metrics.counts import OF_TRUTH
from cytolapse.tracking.pairs import IGNORE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cytolapse.metrics import Difference
    from cytolapse.metrics.comparison import Comparison, Scored
    from cytolapse.tracking.pairs import Evaluated
    from cytolapse.tracking.promotion.policy import Policy

PASSED, FAILED, UNKNOWN = "passed", "failed", "not enough evidence"
LOADS, REPRODUCES = "loads", "reproduces"
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Rule:
    """One rule and what became of it.

    Attributes:
        name: as "gold/seg".
        outcome: PASSED, FAILED or UNKNOWN.
        said: one line with the numbers.
        numbers: the same for a program.
    """

    name: str
    outcome: str
    said: str
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """One line for a terminal."""
        return f"{self.outcome:<19}  {self.name}: {self.said}"

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {"name": self.name, "outcome": self.outcome, "said": self.said, **self.numbers}


@dataclass(frozen=True)
class Verdict:
    """All rules that were looked at."""

    rules: tuple[Rule, ...]

    @property
    def objections(self) -> list[Rule]:
        """The rules that were not passed."""
        return [each for each in self.rules if each.outcome != PASSED]

    @property
    def outcome(self) -> str:
        """FAILED if any rule failed, else UNKNOWN if any could not be judged, else PASSED."""
        found = {each.outcome for each in self.rules}
        return next((each for each in (FAILED, UNKNOWN) if each in found), PASSED)


def judge(champion: Evaluated, candidate: Evaluated, policy: Policy) -> list[Rule]:
    """The rules of the policy for two runs that were evaluated on test.

    Runs that were not scored on the same frames of the same truth by the same rules are not compared any further.
    """
    same = _same_facts(champion.facts, candidate.facts)
    gold = any("gold" in each.scored for each in (champion, candidate))
    deciding = [each if "/" in each else f"{'gold' if gold else 'silver'}/{each}" for each in policy.deciding]
    references = dict.fromkeys(each.partition("/")[0] for each in deciding)
    for name in references:
        same.append(_same_frames(name, champion.scored.get(name), candidate.scored.get(name)))
    if any(each.outcome != PASSED for each in same):
        return same
    return [*same, *(rule for each in references for rule in _compared(each, champion, candidate, deciding, policy))]


def _compared(
    reference: str, champion: Evaluated, candidate: Evaluated, deciding: Sequence[str], policy: Policy
) -> list[Rule]:
    """The deciding scores of one truth, in all and by bin."""
    names = [each.partition("/")[2] for each in deciding if each.startswith(f"{reference}/")]
    a, b = champion.scored[reference], candidate.scored[reference]
    whole, bins = paired(a.counts, b.counts), compare_bins(a, b, names)
    rules = [judge_score(f"{reference}/{name}", whole[name], policy.margin) for name in names]
    return rules + [judge_bins(f"{reference}/{name}", name, bins, policy) for name in names]


def judge_score(name: str, each: Difference, margin: float) -> Rule:
    """Whether the lower end of candidate - champion is above -margin."""
    low, high, reason = each.interval
    numbers = {"champion": each.a, "candidate": each.b, "difference": each.difference, "margin": margin}
    numbers |= {"low": low, "high": high, "wins": each.wins}
    if each.difference is None or low is None or high is None:
        return Rule(name, UNKNOWN, f"{_values(each)}, no interval: {reason}", {**numbers, "reason": reason})
    passed = low > -margin
    said = f"{_values(each)}, difference {each.difference:+.3f} [{low:+.3f}, {high:+.3f}]"
    verb = "is above" if passed else "is not above"
    return Rule(name, PASSED if passed else FAILED, f"{said}: its lower end {verb} -{margin:g}", numbers)


def judge_bins(name: str, score: str, bins: Mapping[str, Comparison], policy: Policy) -> Rule:
    """Whether no bin of frames by their number of cells loses more than the policy allows."""
    losses, judged = [], {}
    for cells, each in bins.items():
        found = each.scores[score]
        counts = each.frames >= policy.bin_frames and found.difference is not None
        judged[cells] = {"champion": found.a, "candidate": found.b, "difference": found.difference}
        judged[cells] |= {"frames": each.frames, "judged": counts}
        if counts and found.difference is not None:
            losses.append((found.difference, cells))
    numbers = {"bins": judged, "bin_loss": policy.bin_loss}
    rule = f"{name} by cells"
    if not losses:
        return Rule(rule, UNKNOWN, f"no bin has {policy.bin_frames} frames in which the score is defined", numbers)
    worst, cells = min(losses)
    passed = worst >= -policy.bin_loss - _ROUNDING
    where = f"frames with {cells} cells ({bins[cells].frames}): {_values(bins[cells].scores[score])}, {worst:+.3f}"
    limit = f"no bin loses more than {policy.bin_loss:g}" if passed else f"that is more than -{policy.bin_loss:g}"
    return Rule(rule, PASSED if passed else FAILED, f"worst in {where}; {limit}", numbers)


def _values(each: Difference) -> str:
    a, b = ("undefined" if value is None else f"{value:.3f}" for value in (each.a, each.b))
    return f"{b}, champion {a}"


def _same_facts(champion: Mapping[str, Any], candidate: Mapping[str, Any]) -> list[Rule]:
    rules = []
    for name, mine in candidate.items():
        other = champion.get(name, "")
        one, two = ("none" if value == "" else value for value in (mine, other))
        said = f"{one}" if mine == other else f"{one}, the champion was scored with {two}"
        outcome = PASSED if mine == other else FAILED
        if "" in (mine, other) and name != IGNORE:  # without an ignore list nothing is ignored
            outcome, said = UNKNOWN, f"not known of {'both' if mine == other else 'one'}: evaluate again"
        rules.append(Rule(f"same {name}", outcome, said, {"value": mine, "champion": other}))
    return rules


def _same_frames(reference: str, champion: Scored | None, candidate: Scored | None) -> Rule:
    name = f"same frames of {reference} truth"
    a, b = ({} if each is None else _truth(each) for each in (champion, candidate))
    masks = sum(truth[0] for truth in b.values())
    numbers = {"frames": masks, "champion_frames": sum(truth[0] for truth in a.values())}
    if not a and not b:
        return Rule(name, UNKNOWN, f"the test part has no {reference} truth", numbers)
    if set(a) != set(b):
        alone = f"{len(set(b) - set(a))} only scored for the run, {len(set(a) - set(b))} only for the champion"
        return Rule(name, FAILED, f"{len(set(a) & set(b))} in both, {alone}", numbers)
    if other := sum(a[frame] != b[frame] for frame in a):
        return Rule(name, FAILED, f"the truth of {other} of {len(a)} frames is not the same", numbers)
    return Rule(name, PASSED, f"{masks:g}", numbers)


def _truth(scored: Scored) -> dict[tuple[str, int], tuple[Any, ...]]:
    """Frame -> what predictions have no part in."""
    return {
        (str(row["sequence"]), int(row["frame"])): tuple(row.get(name, 0) for name in OF_TRUTH) for row in scored.counts
    }
