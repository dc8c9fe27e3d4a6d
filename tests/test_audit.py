"""Audit: silver errors are found where models agree against silver, and what models always get wrong is not."""

import csv
import re

import numpy as np
import pytest
from audit_world import FAULTY, FRAMES, blurred, cells, seen, silver, store_masks, write_world
from conftest import ROOT, python
from PIL import Image

from cytolapse.audit.consensus import consensus
from cytolapse.audit.disagreement import cases
from cytolapse.audit.rank import rank
from cytolapse.audit.scene import Scene, weights_of
from cytolapse.data import open_dataset
from cytolapse.data.ignore import read_ignore


def models(frames=range(FRAMES), count=3):
    return [{t: seen(t, model) for t in frames} for model in range(count)]


@pytest.fixture
def world(tmp_path):
    """The data set and three runs that hold masks of it."""
    data = write_world(tmp_path / "world")
    dataset = open_dataset(data)
    return data, [store_masks(dataset, tmp_path / f"m{n}", {"01": each}) for n, each in enumerate(models())]


def rows_of(folder):
    with (folder / "audit.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def slow_consensus(masks):
    """Of masks whose ids tell the cells: what at least two, and more than half, of the masks that have it share."""
    out = np.zeros_like(masks[0])
    for label in np.unique(np.concatenate(masks)):
        have = [each == label for each in masks if (each == label).any()]
        if label and len(have) > max(1, len(masks) / 2):
            out[np.sum(have, axis=0) > max(1, len(have) / 2)] = label
    return out


@pytest.mark.parametrize("lost", [(), (0,), (0, 1)])
def test_the_consensus_is_what_most_models_share(lost):
    masks = [np.roll(cells(0), (0, shift), (0, 1)) for shift in (-1, 0, 1)]
    for model in lost:
        masks[model][masks[model] == 2] = 0
    agreed = consensus(dict(enumerate(masks)), [1, 1, 1])
    expected = slow_consensus(masks)
    assert ((agreed.labels > 0) == (expected > 0)).all()
    for n, group in enumerate(agreed.groups, start=1):
        assert set(group.values()) == set(np.unique(expected[agreed.labels == n]))
    assert (2 in np.unique(expected)) == (len(lost) < 2)
    whole = [n for n, group in enumerate(agreed.groups) if len(group) == 3]
    pairs = [(i, j) for i in range(3) for j in range(i)]
    label = agreed.groups[whole[0]][0]
    ious = [
        ((masks[i] == label) & (masks[j] == label)).sum() / ((masks[i] == label) | (masks[j] == label)).sum()
        for i, j in pairs
    ]
    assert agreed.agreement[whole[0]] == pytest.approx(np.mean(ious))
    part = [n for n, group in enumerate(agreed.groups) if len(group) == 2]
    assert len(part) == (len(lost) == 1)
    if part:
        assert agreed.agreement[part[0]] < 0.4, "the model that does not see it counts as 0"


def test_a_weak_model_changes_little():
    good, bad = cells(0), np.roll(cells(0), 20, axis=1)
    agreed = consensus({0: good, 1: good, 2: bad}, weights_of([0.9, 0.9, 0.1]))
    assert ((agreed.labels > 0) == (good > 0)).all()
    assert min(agreed.agreement) > 0.95


def test_each_kind_of_disagreement_is_named():
    agreed = consensus({n: cells(FAULTY) for n in range(3)}, [1, 1, 1])
    names = {n: group[0] for n, group in enumerate(agreed.groups, start=1)}
    found = {case.kind: case for case in cases(silver(FAULTY), agreed)}
    told = {kind: (case.silver, {names[n] for n in case.seen}) for kind, case in found.items()}
    assert told == {
        "absent": ((), {1}),
        "spurious": ((9,), set()),
        "merged": ((3,), {3, 4}),
        "split": ((2, 8), {2}),
        "boundary": ((5,), {5}),
    }
    half = (silver(FAULTY) == 5).sum() / (cells(FAULTY) == 5).sum()
    assert found["boundary"].iou == pytest.approx(half)
    assert found["boundary"].amount == pytest.approx(1 - half)
    assert all(found[kind].amount == 1 for kind in ("absent", "spurious", "merged", "split"))
    assert not cases(np.zeros((9, 9), int), consensus({0: np.zeros((9, 9), int), 1: np.zeros((9, 9), int)}, [1, 1]))


def test_errors_of_one_frame_rank_above_what_models_always_get_wrong():
    held = dict(enumerate(map(silver, range(FRAMES))))
    found = rank([Scene("01", held, models(), ["a", "b", "c"])], [1, 1, 1])
    assert {each.frame for each in found[:5]} == {FAULTY}
    assert {each.case.kind for each in found[:5]} == {"absent", "spurious", "merged", "split", "boundary"}
    debris = [each for each in found if each.case.kind == "absent" and each.frame != FAULTY]
    assert (len(debris) == FRAMES and all(each.score == 0 and each.persistence == 1 for each in debris)) or all(
        each.score < found[4].score / 3 for each in debris
    )
    assert all(each.models == ("a", "b", "c") for each in found[:5])


def test_a_cell_that_all_models_miss_in_one_frame_ranks_low():
    held = dict(enumerate(map(cells, range(FRAMES))))
    blind = models()
    for masks in blind:
        masks[FAULTY][cells(FAULTY) == 1] = 0
    found = rank([Scene("01", held, blind, ["a", "b", "c"])], [1, 1, 1])
    (missed,) = [each for each in found if each.case.kind == "spurious" and each.frame == FAULTY]
    assert missed.persistence == 1 and missed.score == 0, "silver has it in the frames around"


def test_the_command_writes_a_list_sheets_and_a_page(world, cli, tmp_path):
    data, runs = world
    code, out, err = cli("audit", data, "--runs", *runs, "--top", 5)
    assert code == 0, err
    assert "7 frames with silver truth and masks of two runs or more (test)" in out
    assert "5 findings: 1" in out
    folder = tmp_path / "audit-world"
    rows = rows_of(folder)
    assert [row["rank"] for row in rows] == list("12345")
    assert {row["frame"] for row in rows} == {str(FAULTY)}
    assert [float(row["score"]) for row in rows] == sorted((float(row["score"]) for row in rows), reverse=True)
    by_kind = {row["kind"]: row for row in rows}
    assert by_kind["absent"]["label"] == "" and by_kind["split"]["label"] == "2 8"
    y0, x0, y1, x1 = (int(by_kind["absent"][side]) for side in ("y0", "x0", "y1", "x1"))
    place = np.argwhere(cells(FAULTY) == 1)
    assert abs(np.array([y0, x0]) - place.min(0)).max() <= 1 and abs(np.array([y1, x1]) - place.max(0) - 1).max() <= 1
    with (folder / "frames.csv").open(encoding="utf-8") as file:
        frames = list(csv.DictReader(file))
    assert frames[0]["frame"] == str(FAULTY) and len(frames) == FRAMES
    for n in range(1, 6):
        sheet = np.asarray(Image.open(folder / f"findings/{n:04d}.png"))
        assert sheet.shape[1] > 900 and len(np.unique(sheet.reshape(-1, 3), axis=0)) > 10
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert page.count("<img") == 5 and "save the ignore list" in page
    saved = [re.sub("&quot;", '"', each) for each in re.findall(r'data-(?:row|header)="(.*?)"', page)]
    assert saved[0].split(",") == list(rows[0]), "what the page saves is an ignore list"


def test_the_list_is_what_ignore_takes(world, cli, tmp_path):
    data, runs = world
    assert cli("audit", data, "--runs", *runs, "--out", "found")[0] == 0
    dataset = open_dataset(data, read_ignore(tmp_path / "found/audit.csv"))
    ignored = dataset.movies["01"].references["silver"].ignored
    assert {9, 3, 5, 2, 8} <= ignored[FAULTY].labels


def test_runs_may_be_named_one_by_one_and_of_a_store(world, cli, store, tmp_path):
    data, runs = world
    ids = []
    for run in runs:
        code, out, err = cli("sync", run)
        assert code == 0, err
        ids.append(out.split()[-1])
    code, _, err = cli("audit", data, "--runs", ids[0], "--runs", ids[1], "--top", 3)
    assert code == 0, err
    code, _, err = cli("audit", "--runs", *ids, "--out", "other", "--top", 3, data)
    assert code == 0, err
    assert len(rows_of(tmp_path / "other")) == 3


def test_frames_of_several_parts_are_audited_together(tmp_path, cli):
    data = write_world(tmp_path / "world")
    dataset = open_dataset(data)
    early, late = range(0, 3), range(3, FRAMES)
    runs = []
    for n in range(2):
        run = store_masks(dataset, tmp_path / f"m{n}", {"01": models(early)[n]}, "val")
        other = store_masks(dataset, tmp_path / f"n{n}", {"01": models(late)[n]}, "test")
        runs += [run, other]
    code, _, err = cli("audit", data, "--runs", *runs, "--split", "val")
    assert code == 1 and "has no masks of val; it has those of test" in err
    code, out, err = cli("audit", data, "--runs", *runs, "--split", "all")
    assert code == 0, err
    assert "7 frames with silver truth and masks of two runs or more (all)" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["m0"], "1 run was given: an audit rests on the agreement of two runs or more; give --runs A B C"),
        (["m0", "m0"], "is given twice: its agreement with itself says nothing"),
        (["m0", "other"], "run other-\\w+ is of elsewhere, .* is world: give runs of these data"),
        (["m0", "old"], "has changed since run old-\\w+ was made"),
        (["m0", "small"], "its mask of frame 0 of sequence 01 is 80 x 70 px, the silver mask 80 x 80"),
        (["m0", "blank"], "run blank-\\w+ has no masks of test"),
        (["m0", "apart"], "no frame has a silver mask and masks of two of these runs"),
        (["m0", "elsewhere"], "no frame has a silver mask and masks of two of these runs"),
        (["m0", "nothing"], "there is no store at"),
    ],
)
def test_what_can_not_be_audited_is_named(words, message, tmp_path, cli):
    data = write_world(tmp_path / "world")
    dataset = open_dataset(data)
    own = models()[0]
    store_masks(dataset, tmp_path / "m0", {"01": own})
    store_masks(dataset, tmp_path / "other", {"01": own}, **{"cytolapse.dataset": "elsewhere"})
    store_masks(dataset, tmp_path / "old", {"01": own}, **{"cytolapse.digest": "0" * 16})
    store_masks(dataset, tmp_path / "small", {"01": {t: each[:, :70] for t, each in own.items()}})
    store_masks(dataset, tmp_path / "blank", {}, "val")
    store_masks(dataset, tmp_path / "apart", {"01": {t + 100: each for t, each in own.items()}})
    store_masks(dataset, tmp_path / "elsewhere", {"02": own})
    code, _, err = cli("audit", data, "--runs", *words)
    assert code == 1, err
    last = err.strip().splitlines()[-1]
    assert last.startswith("error: ") and re.search(message, last), err
    assert not (tmp_path / "audit-world").exists()


def test_without_silver_or_agreement_there_is_no_audit(world, cli, tmp_path):
    data, runs = world
    dataset = open_dataset(data)
    empty = {t: np.zeros((80, 80), np.uint16) for t in range(FRAMES)}
    blind = [store_masks(dataset, tmp_path / f"blind{n}", {"01": empty}) for n in range(2)]
    code, _, err = cli("audit", data, "--runs", *blind)
    assert code == 1 and "no model has any object that silver has too" in err
    (tmp_path / "full").mkdir()
    (tmp_path / "full/kept").write_text("mine")
    code, _, err = cli("audit", data, "--runs", *runs, "--out", "full")
    assert code == 1 and "full exists already: name a folder that does not, or empty it" in err
    code, _, err = cli("audit", data)
    assert code == 2 and "--runs" in err
    bare = write_world(tmp_path / "bare")
    for path in (bare / "01_ST/SEG").iterdir():
        path.unlink()
    code, _, err = cli("audit", bare, "--runs", *runs)
    assert code == 1 and "bare has no silver truth" in err


def test_where_silver_is_right_there_are_no_findings(tmp_path, cli):
    data = write_world(tmp_path / "world", FAULTY)  # the frames before the faulty one
    dataset = open_dataset(data)
    exact = {t: cells(t) for t in range(FAULTY)}
    runs = [store_masks(dataset, tmp_path / f"m{n}", {"01": exact}) for n in range(2)]
    code, out, err = cli("audit", data, "--runs", *runs)
    assert code == 0, err
    assert "0 findings: none" in out
    assert rows_of(tmp_path / "audit-world") == []


@pytest.mark.slow
def test_most_findings_in_simulated_data_are_planted_errors(tmp_path, monkeypatch, cli):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import audit as benchmark

    size = ("--size", 256, 256, "--frames", 90, "--gold-frames", 90, "--seed", 11)
    assert cli("simulate", tmp_path / "sim", "--preset", "demo", *size)[0] == 0
    dataset = open_dataset(tmp_path / "sim")
    runs = []
    for model in range(3):
        rng = np.random.default_rng(model)
        masks = {
            name: {
                int(n): blurred(np.asarray(labels), rng)
                for n, labels in zip(movie.numbers, movie.references["gold"].labels, strict=True)
            }
            for name, movie in dataset.movies.items()
        }
        runs.append(store_masks(dataset, tmp_path / f"model{model}", masks))
    found = benchmark.measure(tmp_path / "sim", benchmark.scenes_in(tmp_path / "sim", runs))
    assert found["share_wrong"] < 0.2, "errors are rare, so that they have to be found"
    assert found["wrong_silver_objects"] + found["missed_cells"] > 50
    assert found["precision_at"][50] >= 0.8, found


def test_help_shows_how_runs_are_named():
    done = python("-m", "cytolapse", "audit", "--help")
    assert done.returncode == 0 and "--runs RUN_ID..." in done.stdout
