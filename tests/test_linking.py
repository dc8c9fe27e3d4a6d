"""Linking: what is followed through toy worlds, what the folders hold, and what is refused."""

from __future__ import annotations

import contextlib
import io
import json
import warnings

import numpy as np
import pytest
import tifffile
from conftest import TOY_FRAMES, toy_labels
from linked_world import as_tracks, random_prediction, random_truth, write_linked

from cytolapse import linking
from cytolapse.config import Config
from cytolapse.data.check_tracks import need_valid
from cytolapse.data.ctc import read_tracks
from cytolapse.displacement import costs, jitter, shifted
from cytolapse.errors import CytolapseError
from cytolapse.linking import link, link_folder, relabel
from cytolapse.metrics import Tracks, match, summarise
from cytolapse.metrics.overlap import overlap
from cytolapse.segmenter import Segmenter

CLASSICAL = Config(recipe="classical", model="classical", network="", head="")


def discs(centres, radius=8, side=160):
    """Discs, each with the id of its place in the list (None: it is not there): (side, side) uint16."""
    y, x = np.mgrid[:side, :side]
    image = np.zeros((side, side), np.uint16)
    for label, centre in enumerate(centres, start=1):
        if centre is not None:
            image[(y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2] = label
    return image


def shuffled(images, seed=0):
    """The same cells with ids that mean something else in every frame."""
    rng = np.random.default_rng(seed)
    new = [np.concatenate([[0], rng.choice(np.arange(1, 60000), 99, replace=False)]) for _ in images]
    return [lut[image].astype(np.uint16) for lut, image in zip(new, images, strict=True)]


def linked(images, numbers=None):
    """Labels of tracks by frame, and the tracks; they are a valid result."""
    numbers = list(range(len(images)) if numbers is None else numbers)
    found = link(numbers, images)
    named = [relabel(image, found.labels[number]) for number, image in zip(numbers, images, strict=True)]
    ids = {number: set(np.unique(image).tolist()) - {0} for number, image in zip(numbers, named, strict=True)}
    need_valid(__file__, found.tracks, ids)
    for image, new in zip(images, named, strict=True):
        assert ((image > 0) == (new > 0)).all()
    return named, found.tracks


def at(images, centres):
    """The track at a place in each frame."""
    return [int(image[round(y), round(x)]) for image, (y, x) in zip(images, centres, strict=True)]


def test_the_toy_world_is_followed_through_division_and_leaving():
    truth = [toy_labels(t) for t in range(TOY_FRAMES)]
    named, tracks = linked(shuffled(truth))
    lives: dict[int, set] = {}
    for image, new in zip(truth, named, strict=True):
        for label in np.unique(image[image > 0]):
            lives.setdefault(int(label), set()).update(np.unique(new[image == label]).tolist())
    assert all(len(each) == 1 for each in lives.values()), "each cell is one track"
    name = {label: next(iter(each)) for label, each in lives.items()}
    rows = {row[0]: row[1:] for row in tracks.tolist()}
    assert len(rows) == len(name) == 6
    assert rows[name[2]] == [0, 14, 0]
    assert rows[name[3]] == rows[name[4]] == [15, 39, name[2]]
    assert rows[name[1]] == rows[name[5]] == [0, 39, 0]
    assert rows[name[6]][2] == 0 and rows[name[6]][1] < 30


def test_shared_jitter_is_taken_away():
    """Cells 24 px apart in a row that jump together by more than half of that, and each walks 3 px on its own."""
    rng = np.random.default_rng(1)
    home = np.array([(40 + 40 * (n // 4), 30 + 24 * (n % 4)) for n in range(8)], float)
    jumps = np.array([(0, 0), (8, 5), (-6, 9), (9, -7), (0, 10), (-9, -4), (0, 0)])
    places = [home + rng.uniform(-3, 3, home.shape) + np.sum(jumps[: t + 1], 0) for t in range(len(jumps))]
    named, tracks = linked(shuffled([discs(each) for each in places]))
    assert tracks[:, 1:].tolist() == [[0, 6, 0]] * 8
    for n in range(8):
        assert len(set(at(named, [each[n] for each in places]))) == 1


def test_jitter_is_what_most_objects_share():
    before = np.array([[10.0, 10], [10, 60], [60, 10], [60, 60], [90, 90]])
    after = before + np.array([4, -3])
    after[4] += 20
    assert jitter(before, after[::-1]).tolist() == [4, -3]
    assert jitter(before[:2], after[:2]).tolist() == [0, 0], "two objects do not tell what is shared"
    assert jitter(before[:0], after).tolist() == jitter(before, after[:0]).tolist() == [0, 0]


@pytest.mark.parametrize("step", [(0, 0), (2, -3), (-1, 1), (0, 9), (-50, 0)])
def test_what_is_shifted_out_is_gone(step):
    image = np.arange(1, 31).reshape(5, 6)
    moved = shifted(image, np.array(step, float))
    expected = {(y + step[0], x + step[1]): image[y, x] for y in range(5) for x in range(6)}
    assert all(moved[y, x] == expected.get((y, x), 0) for y in range(5) for x in range(6))


def test_costs_are_the_distance_of_places_and_shapes():
    """Against the definition, with matrix roots."""
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(3)
    image = random_truth(3)[0]
    one, other = overlap(image, image).truth, overlap(image.T.copy(), image.T.copy()).truth
    found = costs(one, other, 10.0)
    for i, j in rng.integers(0, [len(one.ids), len(other.ids)], (9, 2)):
        (yy, xx, xy), (vv, uu, uv) = one.spreads[i], other.spreads[j]
        a, b = np.array([[yy, xy], [xy, xx]]), np.array([[vv, uv], [uv, uu]])
        shape = np.trace(a + b - 2 * np.real(sqrtm(sqrtm(a) @ b @ sqrtm(a))))
        apart = np.sum((one.centres[i] - other.centres[j]) ** 2)
        growth = abs(np.log(one.areas[i] / other.areas[j]))
        assert found[i, j] == pytest.approx(np.sqrt(apart + 4 * max(shape, 0)) / 10 + growth / 2, abs=1e-6)


@pytest.mark.parametrize("absent", [1, 2, 3])
def test_a_cell_out_of_sight_goes_on_as_the_daughter_of_itself(absent):
    away = range(3, 3 + absent)
    places = [[(40, 40 + 2 * t), None if t in away else (110, 100 - 2 * t)] for t in range(9)]
    _, tracks = linked([discs(each) for each in places])
    again = 3 + absent
    parent = 2 if absent < 3 else 0
    assert tracks.tolist() == [[1, 0, 8, 0], [2, 0, 2, 0], [3, again, 8, parent]]


def test_cells_that_touch_and_part_keep_their_names():
    gaps = [14, 9, 8.5, 8.5, 9, 14, 20]
    places = [[(60, 60 - gap), (60, 60 + gap), (120, 30 + 3 * t)] for t, gap in enumerate(gaps)]
    named, tracks = linked(shuffled([discs(each, radius=8) for each in places]))
    assert tracks[:, 1:].tolist() == [[0, 6, 0]] * 3
    for n in range(3):
        assert len(set(at(named, [each[n] for each in places]))) == 1


def test_a_cell_that_comes_in_has_no_parent():
    places = [[(40, 40), (80, 120), (150, 6) if t > 2 else None] for t in range(6)]
    _, tracks = linked([discs(each) for each in places])
    assert tracks.tolist() == [[1, 0, 5, 0], [2, 0, 5, 0], [3, 3, 5, 0]]


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ([], []),
        ([discs([])], []),
        ([discs([])] * 3, []),
        ([discs([(40, 40)])], [[1, 0, 0, 0]]),
        ([discs([(40, 40)])] * 4, [[1, 0, 3, 0]]),
        ([discs([]), discs([(40, 40)]), discs([])], [[1, 1, 1, 0]]),
        ([discs([(40, 40), (90, 90)])], [[1, 0, 0, 0], [2, 0, 0, 0]]),
        ([discs([(20, 20)]), discs([(140, 140)])], [[1, 0, 0, 0], [2, 1, 1, 0]]),
    ],
)
def test_few_cells_and_few_frames(images, expected):
    assert linked(images)[1].tolist() == expected


def test_frame_numbers_may_have_gaps():
    _, tracks = linked([discs([(40, 40 + 2 * t)]) for t in range(3)], numbers=[4, 5, 9])
    assert tracks.tolist() == [[1, 4, 9, 0]]


def test_ids_of_any_size_are_followed():
    image = discs([(40, 40)]).astype(np.int32) * (2**31 - 1)
    named, tracks = linked([image, image])
    assert tracks.tolist() == [[1, 0, 1, 0]] and named[0].max() == 1


@pytest.mark.parametrize("seed", range(6))
def test_the_result_is_valid_whatever_is_linked(seed):
    linked(random_prediction(seed, random_truth(seed, frames=14, cells=9)))


@pytest.mark.parametrize("seed", range(4))
def test_linked_results_score_as_in_py_ctcmetrics(cli, tmp_path, seed):
    from ctc_metrics.scripts.evaluate import evaluate_sequence

    truth, tracks = as_tracks(seed, random_truth(seed))
    write_linked(tmp_path / "01_GT/TRA", "man_track{:03d}.tif", truth, tracks, "man_track.txt")
    write_linked(tmp_path / "01_GT/SEG", "man_seg{:03d}.tif", truth, tracks, "ignored.txt")
    folder = write_linked(
        tmp_path / "01_RES", "mask{:04d}.tif", random_prediction(seed, truth), tracks, "res_track.txt"
    )
    link_folder(folder, range(len(truth)))
    code, _, err = cli("score", tmp_path / "01_GT", folder, "--json", "scores.json")
    assert code == 0, err
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = evaluate_sequence(str(folder), str(tmp_path / "01_GT"), ["Valid", "SEG", "DET", "TRA", "LNK"], 1)
    ours = json.loads((tmp_path / "scores.json").read_text())["scores"]
    assert theirs["Valid"] == 1
    for name in ("seg", "det", "tra", "lnk"):
        assert ours[name] == pytest.approx(theirs[name.upper()], abs=1e-9)


def test_too_many_tracks_are_refused_and_the_masks_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(linking, "HIGHEST", 2)
    folder = write_linked(
        tmp_path / "01_RES", "mask{:04d}.tif", [discs([(40, 40), (90, 90), (120, 40)])], np.zeros((0, 4), int), "x.txt"
    )
    before = (folder / "mask0000.tif").read_bytes()
    with pytest.raises(CytolapseError, match=r"01_RES would have 3 tracks, where a mask can name 2: link fewer frames"):
        link_folder(folder, [0])
    assert (folder / "mask0000.tif").read_bytes() == before and not (folder / "res_track.txt").exists()


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    Segmenter.build(CLASSICAL).save(folder)
    return folder


def test_segment_with_link_writes_a_result_folder(cli, toy, model, tmp_path):
    code, out, err = cli("segment", model, toy / "01", "01_RES", "--link")
    assert code == 0, err
    tracks = read_tracks(tmp_path / "01_RES/res_track.txt")
    assert out == f"40 masks and {len(tracks)} tracks in 01_RES\n"
    masks = [tifffile.imread(tmp_path / f"01_RES/mask{t:03d}.tif") for t in range(TOY_FRAMES)]
    assert sorted(path.name for path in (tmp_path / "01_RES").iterdir())[-1] == "res_track.txt"
    assert all(mask.dtype == np.uint16 for mask in masks)
    need_valid("", tracks, {t: set(np.unique(mask).tolist()) - {0} for t, mask in enumerate(masks)})
    code, out, err = cli("score", toy / "01_GT", "01_RES")
    assert code == 0 and "tra " in out, err
    plain = cli("segment", model, toy / "01", "plain")
    assert plain[0] == 0 and plain[1] == "40 masks in plain\n" and not (tmp_path / "plain/res_track.txt").exists()
    for t, mask in enumerate(masks):
        assert ((tifffile.imread(tmp_path / f"plain/mask{t:04d}.tif") > 0) == (mask > 0)).all()


def test_true_masks_of_the_toy_world_score_one():
    truth = [toy_labels(t) for t in range(TOY_FRAMES)]
    named, tracks = linked(shuffled(truth))
    rows = np.array([[1, 0, 39, 0], [2, 0, 14, 0], [3, 15, 39, 2], [4, 15, 39, 2], [5, 0, 39, 0], [6, 0, 26, 0]])
    rows[5, 2] = max(t for t, image in enumerate(truth) if (image == 6).any())
    markers = [match(image, new, frame=t) for t, (image, new) in enumerate(zip(truth, named, strict=True))]
    scores = summarise([], markers, tracks={"": Tracks(rows, tracks)}).scores
    assert scores["tra"] == scores["lnk"] == 1


@pytest.mark.slow
def test_true_masks_of_simulated_muscle_stem_cells(cli, tmp_path):
    """Of a seed that no default was chosen on, small and short; `benchmarks/linking.py` has full size and length."""
    words = ("--preset", "musc", "--frames", 200, "--size", 518, 535, "--gold-frames", 200, "--seed", 40)
    code, _, err = cli("simulate", "musc", *words)
    assert code == 0, err
    for sequence in ("01", "02"):
        truth = tmp_path / f"musc/{sequence}_GT"
        images = [tifffile.imread(truth / f"SEG/man_seg{t:04d}.tif") for t in range(200)]
        folder = write_linked(tmp_path / sequence, "mask{:04d}.tif", images, np.zeros((0, 4), int), "res_track.txt")
        link_folder(folder, range(200))
        code, _, err = cli("score", truth, folder, "--border", 0, "--json", "scores.json")
        assert code == 0, err
        assert json.loads((tmp_path / "scores.json").read_text())["scores"]["tra"] >= 0.98
