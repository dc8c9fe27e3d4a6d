"""The gate's mathematics on counts that are plain: each rule fails alone, at its margin, and for lack of evidence."""

from __future__ import annotations

import pytest

from cytolapse.errors import CytolapseError
from cytolapse.metrics import Difference, Interval
from cytolapse.metrics.comparison import Comparison, Scored
from cytolapse.metrics.counts import COUNTS
from cytolapse.tracking.pairs import Evaluated
from cytolapse.tracking.promotion.gate import FAILED, PASSED, UNKNOWN, Verdict, judge, judge_bins, judge_score
from cytolapse.tracking.promotion.policy import Policy, policy_of, read_policy

FACTS = {"data set": "discs", "digest": "abc", "metric_schema_version": "1", "border": 0, "ignore list": ""}
GOLD_SEG = Policy(deciding=("gold/seg",))


def row(frame, cells=3, seg=0.9, matched=None, sequence="02"):
    """The counts of one fully annotated frame with so many cells of that IoU."""
    found = cells if matched is None else matched
    values = {"frames": 1, "truth": cells, "seg": seg * cells, "full": 1, "full_truth": cells, "full_pred": cells}
    values |= {"matched_75": found, "recalled_75": found, "matched_50": found, "recalled_50": found}
    return {"sequence": sequence, "frame": frame, **dict.fromkeys(COUNTS, 0.0), **values}


def run(rows, reference="gold", **facts):
    return Evaluated({reference: Scored(rows, {})}, {**FACTS, **facts})


def frames(blocks, **values):
    return [row(10 * block + t, **values) for block in range(blocks) for t in range(3)]


def outcomes(champion, candidate, policy=GOLD_SEG):
    return {each.name: each.outcome for each in judge(champion, candidate, policy)}


def test_a_better_run_passes_every_rule_and_each_says_its_numbers():
    rules = judge(run(frames(9, seg=0.8)), run(frames(9, seg=0.9)), Policy())
    assert Verdict(tuple(rules)).outcome == PASSED
    said = {each.name: each.said for each in rules}
    assert said["gold/seg"] == "0.900, champion 0.800, difference +0.100 [+0.100, +0.100]: its lower end is above -0.01"
    assert said["gold/f1_iou_0.75"].endswith("difference +0.000 [+0.000, +0.000]: its lower end is above -0.01")
    assert said["gold/seg by cells"] == (
        "worst in frames with 2-4 cells (27): 0.900, champion 0.800, +0.100; no bin loses more than 0.05"
    )
    assert said["same frames of gold truth"] == "27"
    numbers = next(each.as_dict() for each in rules if each.name == "gold/seg")
    assert (numbers["margin"], numbers["wins"], numbers["low"]) == (0.01, 1.0, pytest.approx(0.1))


def test_a_score_that_is_worse_by_more_than_the_margin_fails_alone():
    found = outcomes(run(frames(9, seg=0.9)), run(frames(9, seg=0.88)), Policy())
    assert [name for name, outcome in found.items() if outcome != PASSED] == ["gold/seg"]
    found = outcomes(run(frames(9)), run(frames(9, matched=2)), Policy(bin_loss=1))
    assert [name for name, outcome in found.items() if outcome != PASSED] == ["gold/f1_iou_0.75"]
    assert outcomes(run(frames(9, seg=0.9)), run(frames(9, seg=0.895)))["gold/seg"] == PASSED


@pytest.mark.parametrize(("low", "outcome"), [(-0.0099, PASSED), (-0.01, FAILED), (-0.0101, FAILED)])
def test_the_lower_end_must_be_above_the_margin(low, outcome):
    rule = judge_score("gold/seg", Difference(0.8, 0.9, 0.1, Interval(low, 0.2), 0.9), 0.01)
    assert rule.outcome == outcome
    assert "its lower end is not above -0.01" in rule.said or outcome == PASSED


def test_without_an_interval_there_is_not_enough_evidence_and_the_reason_is_said():
    rules = judge(run(frames(7, seg=0.8)), run(frames(7, seg=0.9)), GOLD_SEG)
    assert Verdict(tuple(rules)).outcome == UNKNOWN
    rule = next(each for each in rules if each.name == "gold/seg")
    assert rule.said == (
        "0.900, champion 0.800, no interval: blocks of 10 frame numbers that hold scored frames: 7, where 8 are needed"
    )
    worse = judge(run(frames(7, seg=0.9)), run(frames(7, seg=0.8)), GOLD_SEG)
    assert Verdict(tuple(worse)).outcome == FAILED, "a bin that loses is enough"


def comparison(difference, n=9):
    found = Difference(0.9, None if difference is None else 0.9 + difference, difference, Interval(), None)
    return Comparison(n, n, 0, n, {"seg": found})


@pytest.mark.parametrize(("difference", "outcome"), [(-0.0499, PASSED), (-0.05, PASSED), (-0.0501, FAILED)])
def test_a_bin_may_lose_as_much_as_the_policy_allows(difference, outcome):
    bins = {"1": comparison(0.2), "2-4": comparison(difference), "0": comparison(None)}
    rule = judge_bins("gold/seg", "seg", bins, Policy())
    assert rule.outcome == outcome
    assert rule.said.startswith("worst in frames with 2-4 cells (9)")
    assert ("that is more than -0.05" in rule.said) == (outcome == FAILED)


def test_a_bin_that_loses_fails_though_the_whole_gains():
    champion = [*frames(9, cells=3, seg=0.8), *(row(10 * b + 5, cells=1, seg=0.9) for b in range(9))]
    candidate = [*frames(9, cells=3, seg=0.9), *(row(10 * b + 5, cells=1, seg=0.7) for b in range(9))]
    found = outcomes(run(champion), run(candidate))
    assert [name for name, outcome in found.items() if outcome != PASSED] == ["gold/seg by cells"]
    assert outcomes(run(champion), run(candidate), Policy(("gold/seg",), bin_frames=10))["gold/seg by cells"] == PASSED
    nothing = outcomes(run(champion), run(candidate), Policy(("gold/seg",), bin_frames=28))
    assert nothing["gold/seg by cells"] == UNKNOWN


@pytest.mark.parametrize(
    ("name", "value"), [("digest", "xyz"), ("metric_schema_version", "2"), ("border", 25), ("ignore list", "l")]
)
def test_other_facts_fail_alone_and_nothing_is_compared(name, value):
    found = judge(run(frames(9)), run(frames(9), **{name: value}), GOLD_SEG)
    assert [each.name for each in found if each.outcome != PASSED] == [f"same {name}"]
    assert "gold/seg" not in {each.name for each in found}
    assert f"{value}, the champion was scored with" in next(each.said for each in found if each.outcome == FAILED)


def test_other_frames_or_truth_fail():
    found = judge(run(frames(9)), run(frames(9)[1:]), GOLD_SEG)
    assert found[-1].outcome == FAILED
    assert found[-1].said == "26 in both, 0 only scored for the run, 1 only for the champion"
    other = [*frames(9)[1:], row(0, cells=4)]
    assert judge(run(frames(9)), run(other), GOLD_SEG)[-1].said == "the truth of 1 of 27 frames is not the same"


def test_without_gold_truth_silver_decides_unless_the_policy_says_gold():
    champion, candidate = (run(frames(9, seg=seg), "silver") for seg in (0.8, 0.9))
    assert outcomes(champion, candidate, Policy(("seg",)))["silver/seg"] == PASSED
    assert outcomes(champion, candidate)["same frames of gold truth"] == UNKNOWN


def policy(tmp_path, text):
    path = tmp_path / "policy.toml"
    path.write_text(text)
    return path


def test_a_policy_file_says_what_it_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert policy_of("discs") == Policy()
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/discs.toml").write_text('margin = 0.02\ndeciding = ["gold/seg", "silver/f1_iou_0.75"]\n')
    found = policy_of("discs")
    assert (found.margin, found.deciding, found.bin_loss) == (0.02, ("gold/seg", "silver/f1_iou_0.75"), 0.05)
    assert found.source == "policies/discs.toml"
    assert policy_of("discs", str(policy(tmp_path, "bin_loss = 0.1"))).bin_loss == 0.1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("margn = 0.1", "has margn: a policy has deciding, margin, bin_loss"),
        ("margin = -0.1", "margin is -0.1, where a number from 0 to 1 is expected"),
        ("margin = true", "margin is True, where a number"),
        ("bin_frames = 0", "bin_frames is 0, where a whole number from 1 on is expected"),
        ("deciding = []", "deciding is .*, where a list of scores"),
        ('deciding = ["gold/sag"]', "deciding has 'gold/sag': gold/ or silver/ and one of .*seg"),
        ('deciding = ["false_per_frame"]', "deciding has 'false_per_frame'"),
        ('deciding = ["bronze/seg"]', "deciding has 'bronze/seg'"),
        ('deciding = ["seg", "seg"]', "deciding names a score twice"),
        ("margin 0.1", "is not valid TOML"),
    ],
)
def test_what_no_policy_says_is_refused_by_name(tmp_path, text, message):
    with pytest.raises(CytolapseError, match=message):
        read_policy(policy(tmp_path, text))


def test_a_policy_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CytolapseError, match=r"nowhere.toml can't be read"):
        policy_of("discs", str(tmp_path / "nowhere.toml"))
