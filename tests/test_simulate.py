"""Simulated data sets: layout, truth that agrees with itself, statistics of the cells they imitate."""

from __future__ import annotations

import hashlib
import tomllib

import numpy as np
import pandas as pd
import pytest
import tifffile

from benchmarks.simulated_statistics import MEDIANS, grey, measure, silver
from cytolapse.data.simulate import PRESETS, simulator_version, write_dataset
from cytolapse.data.simulate.movie import Sequence
from cytolapse.data.simulate.truth import largest
from cytolapse.errors import CytolapseError
from cytolapse.metrics import is_full, match, summarise


def digest(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo data set as the preset has it."""
    folder = tmp_path_factory.mktemp("simulated") / "demo"
    write_dataset(folder, "demo")
    return folder


def read(folder, pattern):
    return {int(path.stem[-3:]): tifffile.imread(path) for path in sorted(folder.glob(pattern))}


def table(folder):
    return [tuple(map(int, line.split())) for line in (folder / "man_track.txt").read_text().splitlines()]


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_dataset(tmp_path / name, "demo", frames=4, sequences=2, size=(128, 160), seed=seed)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    other = digest(tmp_path / "c")
    assert all(other[name] != value for name, value in digest(tmp_path / "a").items() if name.startswith("01/"))


def test_layout_is_that_of_the_challenge(demo):
    about = tomllib.loads((demo / "dataset.toml").read_text())
    assert about["name"] == "sim-demo"
    assert (about["um"], about["minutes"], about["border"], about["seed"]) == (0.645, 5.0, 0, 0)
    assert (about["preset"], about["simulator_version"]) == ("demo", simulator_version)
    assert sorted(path.name for path in demo.iterdir() if path.is_dir()) == [
        f"{number}{kind}" for number in ("01", "02") for kind in ("", "_GT", "_ST")
    ]
    for sequence in ("01", "02"):
        frames = read(demo / sequence, "t???.tif")
        assert sorted(frames) == list(range(48))
        assert {(frame.dtype.name, frame.shape) for frame in frames.values()} == {("uint8", (256, 256))}
        for folder, pattern, count in (("_GT/TRA", "man_track???", 48), ("_ST/SEG", "man_seg???", 48)):
            masks = read(demo / f"{sequence}{folder}", f"{pattern}.tif")
            assert len(masks) == count
            assert {(mask.dtype.name, mask.shape) for mask in masks.values()} == {("uint16", (256, 256))}


def test_gold_frames_are_spread_over_the_movie(demo):
    for sequence in ("01", "02"):
        gold = np.array(sorted(read(demo / f"{sequence}_GT/SEG", "man_seg???.tif")))
        assert len(gold) == 12
        assert (gold < 0.6 * 48).sum() >= 6
        assert (gold >= 0.75 * 48).sum() >= 2
        assert ((gold >= 0.6 * 48) & (gold < 0.75 * 48)).any()


@pytest.mark.parametrize(
    ("wanted", "numbers"), [(1, [6]), (3, [2, 6, 10]), (5, [1, 3, 6, 8, 10]), (12, range(12)), (99, range(12))]
)
def test_gold_frames_that_are_asked_for_are_even(tmp_path, wanted, numbers):
    write_dataset(tmp_path / "a", "demo", frames=12, sequences=1, size=(96, 96), gold_frames=wanted)
    assert list(read(tmp_path / "a/01_GT/SEG", "man_seg???.tif")) == list(numbers)


def test_gold_frames_change_nothing_but_the_gold_masks(tmp_path):
    for name, wanted in (("a", None), ("b", 12)):
        write_dataset(tmp_path / name, "demo", frames=12, sequences=1, size=(128, 128), gold_frames=wanted)
    few, every = digest(tmp_path / "a"), digest(tmp_path / "b")
    assert few.items() < every.items()
    assert len(every) - len(few) == 4
    assert all(name.startswith("01_GT/SEG") for name in every.keys() - few.keys())


def test_every_cell_of_every_frame_has_a_line(demo):
    for sequence in ("01", "02"):
        acts = pd.read_csv(demo / f"{sequence}_GT/cells.csv")
        assert list(acts) == ["frame", "label", "y", "x", "fading", "dividing"]
        assert set(acts.fading) == {0.25, 0.6, 1.0}
        alive = [(at, who) for who, begin, end, _ in table(demo / f"{sequence}_GT/TRA") for at in range(begin, end + 1)]
        assert sorted(zip(acts.frame, acts.label, strict=True)) == sorted(alive)
        marks = read(demo / f"{sequence}_GT/TRA", "man_track???.tif")
        hits = [marks[row.frame][round(row.y), round(row.x)] == row.label for row in acts.itertuples()]
        assert np.mean(hits) > 0.9  # other cells lie on some centres


def test_a_cell_is_dividing_before_its_division_and_after_its_birth(demo):
    acts = pd.read_csv(demo / "01_GT/cells.csv").set_index(["label", "frame"]).dividing
    tracks = {identity: (begin, end) for identity, begin, end, parent in table(demo / "01_GT/TRA")}
    parents = {identity: parent for identity, *_, parent in table(demo / "01_GT/TRA") if parent}
    for identity, parent in parents.items():
        assert acts[identity, tracks[identity][0]] == acts[parent, tracks[parent][1]] == 1
    assert 0 < acts.mean() < 0.5


def test_a_cell_that_fades_is_dim():
    preset = PRESETS["demo"]
    contrast = {1.0: [], 0.25: []}
    for frame in Sequence(preset, 0, 48, preset.size, 0):
        for act in frame.acts:
            seen = frame.image[frame.labels == act.label]
            if act.fading in contrast and seen.size:
                contrast[act.fading].append(seen.std())
    assert np.median(contrast[0.25]) < 0.5 * np.median(contrast[1.0])


@pytest.mark.parametrize("sequence", ["01", "02"])
def test_tracks_and_markers_agree(demo, sequence):
    marks = read(demo / f"{sequence}_GT/TRA", "man_track???.tif")
    tracks = table(demo / f"{sequence}_GT/TRA")
    for number, mask in marks.items():
        alive = {identity for identity, begin, end, _ in tracks if begin <= number <= end}
        assert set(np.unique(mask).tolist()) - {0} == alive
    known = {identity: (begin, end) for identity, begin, end, _ in tracks}
    children = [(identity, parent) for identity, _, _, parent in tracks if parent]
    assert len(children) >= 8
    for identity, parent in children:
        assert known[parent][1] == known[identity][0] - 1
        assert sum(other == parent for _, other in children) == 2


@pytest.mark.parametrize("sequence", ["01", "02"])
def test_every_gold_cell_is_one_piece_with_one_marker(demo, sequence):
    marks = read(demo / f"{sequence}_GT/TRA", "man_track???.tif")
    for number, gold in read(demo / f"{sequence}_GT/SEG", "man_seg???.tif").items():
        ids = np.unique(gold)[1:]
        assert ids.tolist() == list(range(1, len(ids) + 1))
        assert is_full(gold, marks[number])
        for identity in ids:
            mask = gold == identity
            assert len(np.unique(marks[number][mask])) <= 2
            assert largest(mask).sum() == mask.sum()


def test_demo_has_cells_that_spread_and_divide(demo):
    gold = [mask for path in ("01_GT/SEG", "02_GT/SEG") for mask in read(demo / path, "man_seg???.tif").values()]
    counts = [int(mask.max()) for mask in gold]
    assert min(counts) >= 3
    assert 5 <= np.mean(counts) <= 11


def test_demo_silver_has_its_quality(demo):
    for sequence in ("01", "02"):
        gold, spoiled = (read(demo / f"{sequence}{kind}", "man_seg???.tif") for kind in ("_GT/SEG", "_ST/SEG"))
        score = summarise([match(mask, spoiled[number], frame=number) for number, mask in gold.items()]).scores["seg"]
        assert score == pytest.approx(0.88, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(("index", "quality"), [(0, 0.83), (1, 0.78)])
def test_musc_silver_has_its_quality(index, quality):
    scores = silver(index, seed=0, every=25)
    assert scores["silver SEG"] == pytest.approx(quality, abs=0.02)
    assert scores["silver SEG in all frames"] == pytest.approx(quality, abs=0.02)


@pytest.mark.parametrize("index", [0, 1])
def test_musc_has_the_medians_of_the_real_cells(index):
    measured = measure(index, seed=0, every=15)
    for name, target in MEDIANS[index].items():
        assert measured[name] == pytest.approx(target, rel=0.15), name


@pytest.mark.parametrize(("index", "mean", "std"), [(0, 119.9, 11.6), (1, 112.0, 4.9)])
def test_musc_has_the_grey_values_of_real_frames(index, mean, std):
    numbers = grey(index, seed=0, frames=(10, 800, 1375))
    assert 112 * 0.95 <= min(numbers["grey mean"]) <= max(numbers["grey mean"]) <= 146 * 1.05
    assert numbers["grey mean"][-1] == pytest.approx(mean, rel=0.15)
    assert numbers["grey std"][-1] == pytest.approx(std, rel=0.15)


@pytest.mark.slow
def test_hsc_is_round_and_dense():
    preset = PRESETS["hsc"]
    movie = Sequence(preset, 1, preset.frames, preset.size, 0, picture=False)
    counts = [len(movie.skip().cells) for _ in range(preset.frames - 1)]
    frame = movie.draw()
    areas = np.bincount(frame.labels.ravel())[1:]
    assert counts[0] == 2
    assert 95 <= len(np.unique(frame.labels)) - 1 <= 130
    assert np.sqrt(np.median(areas[areas > 0]) * 4 / np.pi) == pytest.approx(19.5, rel=0.15)


def test_short_movies_reach_many_cells_too():
    preset = PRESETS["musc"]
    movie = Sequence(preset, 0, 40, (512, 512), 0, picture=False)
    counts = [len(movie.skip().cells) for _ in range(40)]
    assert counts[0] == 1
    assert counts[-1] >= 12


def test_masks_do_not_depend_on_the_picture():
    preset = PRESETS["demo"]
    pair = (Sequence(preset, 0, 10, preset.size, 5, picture=picture) for picture in (True, False))
    for seen, unseen in zip(*pair, strict=True):
        assert seen.image is not None
        assert unseen.image is None
        assert np.array_equal(seen.labels, unseen.labels)
        assert np.array_equal(seen.silver, unseen.silver)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"preset": "mouse"}, "unknown preset 'mouse': choose one of demo, hsc, musc"),
        ({"frames": 0}, "frames is 0: a movie needs at least 1"),
        ({"frames": 1001}, "frames is 1001: file names of preset demo have 3 digits, so at most 1000"),
        ({"sequences": 0}, "sequences is 0: a data set has 1 to 99"),
        ({"size": (64, 300)}, "size is 64 x 300: cells need frames of at least 96 x 96 px"),
        ({"gold_frames": 0}, "gold_frames is 0: a sequence needs exact masks of at least 1 frame"),
        ({"seed": -1}, "seed is -1: it must be 0 or more"),
    ],
)
def test_what_cannot_be_simulated_is_refused(tmp_path, given, message):
    with pytest.raises(CytolapseError, match=f"^{message}$"):
        write_dataset(tmp_path / "out", **{"preset": "demo", **given})
    assert not list(tmp_path.glob("*out*"))


def test_a_folder_in_use_is_left_alone(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(CytolapseError, match="out exists and is not empty: name a new folder, or remove it first"):
        write_dataset(out, "demo", frames=2)
    assert (out / "mine.txt").read_text() == "mine"


def test_an_empty_folder_is_filled_and_a_killed_run_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    write_dataset(tmp_path / "out", "demo", frames=2, sequences=1, size=(96, 96))
    assert (tmp_path / "out" / "01" / "t001.tif").exists()

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("cytolapse.data.simulate.write._tracks", stop)
    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path / "new", "demo", frames=2, sequences=1, size=(96, 96))
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["out"]
