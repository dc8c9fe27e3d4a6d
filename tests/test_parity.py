"""Our scores beside those of other tools on 200 random worlds; every difference is one that docs/metrics.md names."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from random_worlds import SEEDS, TOP, World, world
from scipy.optimize import linear_sum_assignment
from skimage.measure import label as components
from skimage.segmentation import relabel_sequential

from cytolapse.metrics import match, summarise
from cytolapse.metrics.folders import score_folders

PERCENTS = (1, 10, 20, 25, 33, 40, 49, 50, 51, 67, 75, 90, 100)
THRESHOLDS = (0, *(percent / 100 for percent in PERCENTS))
ABSENT = "a tool to compare with, absent here: pip install -e '.[dev,parity]'"
worlds = pytest.mark.parametrize("seed", SEEDS)


def close(value, tolerance=1e-9):
    return pytest.approx(value, abs=tolerance, rel=0, nan_ok=True)


def matchings(seed):
    return [match(truth, pred, frame=frame) for frame, (truth, pred) in enumerate(world(seed).frames)]


def column(result, name):
    """One column of our curve at PERCENTS, 0 for null."""
    return np.array([result.curve[percent][name] or 0 for percent in PERCENTS])


def trivial(matching):
    """Matches at threshold 0 of a tool for which IoU 0 passes."""
    return min(matching.n_truth, matching.n_pred)


def test_the_worlds_hold_what_tools_disagree_on():
    frames = [pair for seed in SEEDS for pair in world(seed).frames]
    sides = list(zip(*frames, strict=True))
    empty = [(not truth.any(), not pred.any()) for truth, pred in frames]
    assert all(empty.count(which) > 30 for which in [(True, False), (False, True), (True, True)])
    assert sum(len(world(seed).truth) == 1 for seed in SEEDS) == 20
    assert sum(not np.any(world(seed).truth) for seed in SEEDS) > 10
    assert sum(not np.any(world(seed).pred) for seed in SEEDS) > 10
    for side in sides:
        assert sum(TOP in labels for labels in side) > 30
        assert sum(bool(labels.all()) for labels in side) > 30
        assert sum(components(labels).max() > len(np.unique(labels[labels > 0])) for labels in side) > 30
    shared = [match(truth, pred) for truth, pred in frames]
    assert sum((2 * each.table.shared == each.union).any() for each in shared) > 30


@worlds
def test_stardist(seed):
    stardist = pytest.importorskip("stardist.matching", reason=ABSENT)
    frames = matchings(seed)
    ours = summarise(frames)
    first, *rows = stardist.matching_dataset(*world(seed), thresh=THRESHOLDS, show_progress=False)
    for name in ("tp", "fp", "fn", "precision", "recall", "f1", "ap"):
        theirs = [getattr(row, "accuracy" if name == "ap" else name) for row in rows]
        assert theirs == close(column(ours, name))
    assert first.tp == sum(map(trivial, frames))
    assert {(row.n_true, row.n_pred) for row in (first, *rows)} == {(ours.n_truth, ours.n_pred)}
    cells = (ours.n_truth + ours.n_pred) / 2 or 1  # = tp + fp/2 + fn/2
    total = [sum(iou_as_stardist_chooses(each, percent) for each in frames) for percent in (0, *PERCENTS)]
    pq = np.array([row.panoptic_quality for row in (first, *rows)])
    assert pq == close(np.array(total) / cells, 1e-6)
    # at 0.5 and above no choice is left but between pairs of IoU 1/2
    below = np.array(PERCENTS) < 50
    assert pq[1:][~below] == close(column(ours, "pq")[~below], 1e-6)
    assert (pq[1:] <= column(ours, "pq") + 1e-6).all()


def iou_as_stardist_chooses(matching, percent):
    """Summed IoU of the matches: of the choices with most of them, that of largest summed IoU of ALL pairs."""
    iou, passes = np.zeros((2, matching.n_truth, matching.n_pred))
    iou[matching.table.rows, matching.table.columns] = matching.iou
    passes[matching.table.rows, matching.table.columns] = matching.level >= percent
    passes = passes if percent else np.ones_like(passes)
    chosen = linear_sum_assignment(passes + iou / (2 * trivial(matching) or 1), maximize=True)
    return float((iou * passes)[chosen].sum())


@worlds
@pytest.mark.filterwarnings("ignore:invalid value encountered in:RuntimeWarning")  # 0 / 0 in empty frames
def test_cellpose(seed):
    cellpose = pytest.importorskip("cellpose.metrics", reason=ABSENT)
    # relabelled, since its table has a row for every number up to the largest id: 34 GB for 65535
    truth, pred = ([relabel_sequential(labels)[0] for labels in side] for side in world(seed))
    by_frame = zip(*cellpose.average_precision(truth, pred, threshold=list(THRESHOLDS)), strict=True)
    for each, left, right, (ap, *counts) in zip(matchings(seed), truth, pred, by_frame, strict=True):
        ours = summarise([each])
        tp = np.array([trivial(each), *column(ours, "tp")])
        # it takes the least number of a frame for background, also where all is cells
        fp, fn = each.n_pred - bool(right.all()) - tp, each.n_truth - bool(left.all()) - tp
        assert np.array_equal(counts, [tp, fp, fn])
        known = tp + fp + fn != 0
        assert ap[known] == close((tp / (tp + fp + fn))[known], 1e-6)
        assert not known.all() or not np.isnan(ap).any()
        if not known.any():
            assert np.isnan(ap).all() and ours.at(0.5)["ap"] is None
        elif not left.all() and not right.all():
            assert ap[1:] == close(column(ours, "ap"), 1e-6)


@worlds
def test_torchmetrics(seed):
    torch = pytest.importorskip("torch")
    torchmetrics = pytest.importorskip("torchmetrics.detection", reason=ABSENT)
    frames = matchings(seed)
    ours = summarise(frames)
    theirs = torchmetrics.PanopticQuality(things={1}, stuffs={0}, return_per_class=True, return_sq_and_rq=True)
    truth, pred = (torch.from_numpy(np.stack(side).astype(np.int64)) for side in world(seed))
    theirs.update(*(torch.stack([labels > 0, labels], -1) for labels in (pred, truth)))
    pq, sq, rq = theirs.compute()[0].tolist()  # of the things; 0 for null
    above = [each.iou[2 * each.table.shared > each.union] for each in frames]
    tp, total, cells = sum(map(len, above)), sum(iou.sum() for iou in above), (ours.n_truth + ours.n_pred) / 2
    assert (sq, rq) == close((total / (tp or 1), tp / (cells or 1)), 1e-6)
    # what it leaves out of ours is the matches of IoU 1/2
    row = ours.at(0.5)
    assert pq == close((row["pq"] or 0) - (row["tp"] - tp) / 2 / (cells or 1), 1e-6)


@worlds
@pytest.mark.filterwarnings("ignore:Empty frame|No tracks in result|Label .+ in res_track:UserWarning")
def test_py_ctcmetrics(seed, tmp_path):
    scores = py_ctcmetrics()
    full = world(seed)
    dtype = np.uint32 if overflows(full) else np.uint16
    folders = write_ctc(tmp_path, full, dtype, as_marker=one_pixel if seed % 2 else np.copy)
    ours = score_folders(*folders).scores
    if len(full.truth) == 1 or not np.any(full.truth) or not np.any(full.pred):
        with pytest.raises(ValueError, match=r"need at least one array to concatenate|zero-size array"):
            scores(*folders, "SEG", "DET")
        found = scores(*folders, "SEG")
    elif any(labels.all() for labels in full.pred):
        assert scores(*folders, "SEG", "DET") == {"SEG": None, "DET": None, "Valid": 0}
        found = scores(*folders, "SEG")
    else:
        found = scores(*folders, "SEG", "DET")
        assert (found["DET"], found["OP_CSB"]) == close((ours["det"], ours["op_csb"]))
    # it takes the least number of a frame for background, also where all is cells
    as_read = [match(*(np.where(labels == labels.min(), 0, labels) for labels in pair)) for pair in full.frames]
    assert found["SEG"] == close(summarise(as_read).scores["seg"] or 0)
    if not any(labels.all() for side in full for labels in side):
        assert found["SEG"] == close(ours["seg"] or 0)


def test_py_ctcmetrics_wraps_large_ids_of_16_bits(tmp_path):
    truth, pred = np.zeros((2, 6, 8), np.uint16)
    truth[:, 1:3], truth[:, 5:7] = 40000, 7
    pred[:, 1:3], pred[:, 5:7] = 30000, 8
    once = World([truth], [pred])
    assert overflows(once)
    scores = py_ctcmetrics()
    narrow, wide = write_ctc(tmp_path / "16", once, np.uint16), write_ctc(tmp_path / "32", once, np.uint32)
    assert (
        score_folders(*narrow).scores["seg"] == score_folders(*wide).scores["seg"] == scores(*wide, "SEG")["SEG"] == 1
    )
    assert scores(*narrow, "SEG")["SEG"] < 1


def py_ctcmetrics():
    """Truth folder, predictions, names of scores -> name -> value, all None where it finds the result invalid."""
    evaluate = pytest.importorskip("ctc_metrics.scripts.evaluate", reason=ABSENT).evaluate_sequence
    return lambda truth, pred, *names: evaluate(str(pred), str(truth.parent), list(names), threads=1)


def overflows(world):
    """Whether 16 bits are too few for the predicted ids once it has added the largest truth id and 1 to them."""
    return any(int(truth.max()) + 1 + int(pred.max()) > TOP for truth, pred in world.frames)


def one_pixel(labels):
    """A marker of one pixel for each cell."""
    ids, first = np.unique(labels, return_index=True)
    marker = np.zeros_like(labels)
    marker.flat[first] = ids
    return marker


def write_ctc(root, world, dtype, as_marker=np.copy):
    """Masks, TRA markers and tracks as the challenge has them -> folder of the truth, folder of the predictions."""
    truth, pred = root / "01_GT" / "SEG", root / "01_RES"
    markers = truth.with_name("TRA")
    for folder in (truth, markers, pred):
        folder.mkdir(parents=True)
    for frame, (left, right) in enumerate(world.frames):
        tifffile.imwrite(truth / f"man_seg{frame:03d}.tif", left.astype(dtype))
        tifffile.imwrite(markers / f"man_track{frame:03d}.tif", as_marker(left).astype(dtype))
        tifffile.imwrite(pred / f"mask{frame:03d}.tif", right.astype(dtype))
    for file, side in ((markers / "man_track.txt", world.truth), (pred / "res_track.txt", world.pred)):
        ids = [(label, frame) for frame, labels in enumerate(side) for label in np.unique(labels[labels > 0])]
        file.write_text("".join(f"{label} {frame} {frame} 0\n" for label, frame in ids))
    return truth, pred
