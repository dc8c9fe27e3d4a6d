"""The parts of the Data page that need no page."""

from __future__ import annotations

import io
import threading
import time

import numpy as np
import pandas as pd
import pytest
from ctc_world import CELLS, labels, write, write_frames, write_world
from PIL import Image

from cytolapse.data import open_dataset
from cytolapse.data.check import check_dataset
from cytolapse.data.movie import read_digest
from cytolapse.data.tiff import read_image
from cytolapse.overlay import SILVER, TRUTH
from dashboard.data import reading as module
from dashboard.data import samples
from dashboard.data.annotated import annotated, stored, summary, tables
from dashboard.data.datasets import Known, known, listed
from dashboard.data.reading import Desk, Reading
from dashboard.data.strips import stretches, truth_strip
from dashboard.figures import DARK, LIGHT
from dashboard.figures.cells import colour, elongations, over_time, sizes


@pytest.fixture
def world(tmp_path):
    return write_world(tmp_path / "world", sequences=("01", "02"))


def done(reading: Reading) -> Reading:
    for _ in range(200):
        if reading.over:
            return reading
        time.sleep(0.05)
    pytest.fail("a reading of a few small files did not end")


def test_known_data_sets_newest_first():
    runs = pd.DataFrame({"run_id": ["c", "b", "a", "x"], "dataset": ["mice", "cells", "cells", ""]})
    inputs = pd.DataFrame(
        [("a", "cells", "1", "/old"), ("b", "cells", "2", "/new"), ("b", "cells", "2", "/old"), ("z", "z", "3", "/z")],
        columns=["run_id", "name", "digest", "path"],
    )
    found = known(runs, inputs)
    assert list(found) == ["mice", "cells"]
    assert found["cells"] == Known("cells", ("b", "a"), ("/new", "/old"), ("2", "1"))
    assert (found["mice"].runs, found["mice"].folders) == (("c",), ())


def test_what_lies_in_a_folder(world):
    here = listed(str(world))
    assert list(here.sequences) == ["01", "02"]
    first = here.sequences["01"]
    assert first.frames == tuple(range(6))
    assert {kind: len(frames) for kind, frames in first.truth.items()} == {"gold": 2, "silver": 6, "TRA": 6}
    assert str(first.look) == "24 x 40 px, uint8"
    assert here.size == sum(each.stat().st_size for each in world.rglob("*.t*"))
    assert listed(str(world)).stamp == here.stamp
    (world / "01_GT/TRA/man_track.txt").write_text("1 0 5 0\n")
    assert listed(str(world)).stamp != here.stamp


@pytest.mark.parametrize("folder", ["", "/nowhere/at/all", "https://example.org/data", "s3://bucket/data"])
def test_no_folder_here(folder):
    assert listed(folder) is None


def test_a_file_is_no_folder(world):
    assert listed(str(world / "01/t000.tif")) is None


def test_a_pixel_size_in_the_frames_is_found(tmp_path):
    options = {"resolution": (2.0, 2.0), "metadata": {"unit": "um"}, "imagej": True}
    write(tmp_path / "world/01/t000.tif", labels(0).astype(np.uint8), **options)
    assert listed(str(tmp_path / "world")).facts.um == 0.5


def test_a_broken_dataset_toml_is_told_by_the_check_alone(world):
    (world / "dataset.toml").write_text("um = 'a'")
    assert listed(str(world)).facts.um is None
    assert any("um is 'a'" in str(each) for each in done(Desk().reading(listed(str(world)))).findings)


def test_a_reading_gives_findings_and_cells(world):
    write(world / "01_GT/SEG/man_seg001.tif", np.where(labels(1) == 1, 1, 0).astype(np.uint16))
    (world / "02/t003.tif").write_bytes(b"torn")
    found = done(Desk().reading(listed(str(world))))
    assert found.state == "done"
    assert found.findings == check_dataset(world)
    assert found.done == found.total == 40
    assert found.full == {("01", 1): False, ("01", 4): True, ("02", 1): True, ("02", 4): True}
    for row in found.found:
        files = listed(str(world)).sequences[row.sequence].files
        image = read_image(files[row.kind][row.frame])
        assert row.cells == len(set(image.ravel()) - {0})
        expected = [] if row.kind == "TRA" else [int((image == each).sum()) for each in CELLS if (image == each).any()]
        assert row.areas.tolist() == expected


def test_the_digest_is_that_of_the_open_data_set(world):
    before = sorted(world.rglob("*"))
    assert read_digest(world) == open_dataset(world).digest == done(Desk().reading(listed(str(world)))).digest
    assert sorted(world.rglob("*")) == before
    (world / "01/t0001.tif").write_bytes(b"")
    assert done(Desk().reading(listed(str(world)))).digest == ""


def test_one_reading_for_all_and_a_new_one_when_a_file_changed(world):
    desk = Desk()
    first = desk.reading(listed(str(world)))
    assert desk.reading(listed(str(world))) is first
    done(first)
    (world / "01/t005.tif").unlink()
    second = desk.reading(listed(str(world)))
    assert second is not first
    assert len(done(second).findings) > len(first.findings)
    desk.forget(world)
    assert desk.reading(listed(str(world))) is not second


def test_a_reading_that_nobody_waits_for_stops_and_begins_again(world, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_S", -1)
    desk = Desk()
    first = done(desk.reading(listed(str(world))))
    assert (first.state, first.done) == ("stopped", 0)
    monkeypatch.setattr(module, "PATIENCE_S", 60)
    assert done(desk.reading(listed(str(world)))).state == "done"


def test_folders_are_read_one_after_the_other(world, tmp_path):
    turn = threading.Lock()
    second = Reading(listed(str(world)), turn)
    with turn:
        second.start()
        assert second.state == "waiting"
    assert done(second).state == "done"


def test_few_readings_are_kept(tmp_path):
    desk = Desk()
    found = []
    for number in range(module.MOST + 1):
        write_frames(tmp_path / str(number), "01", range(2))
        found.append(done(desk.reading(listed(str(tmp_path / str(number))))))
    assert desk.reading(listed(str(tmp_path / str(module.MOST)))) is found[-1]
    assert desk.reading(listed(str(tmp_path / "0"))) is not found[0]


def test_a_folder_that_goes_away(world):
    here = listed(str(world))
    for each in sorted(world.rglob("*"), reverse=True):
        each.rmdir() if each.is_dir() else each.unlink()
    world.rmdir()
    found = Reading(here, threading.Lock())
    found.start()
    assert done(found).state == "failed"


def test_a_fault_ends_a_reading_and_is_logged(world, monkeypatch, caplog):
    monkeypatch.setattr(module, "check_dataset", lambda *_: 1 / 0)
    assert done(Desk().reading(listed(str(world)))).state == "failed"
    assert "can't be read" in caplog.text


def test_tables_of_nothing():
    found = tables([])
    assert found.counts.empty
    assert found.cells.empty
    assert summary(found, 0.5).empty
    assert found.of(["01"]).cells.empty


def test_summary_in_numbers():
    thin = np.zeros((8, 12), np.uint16)
    thin[1, 1:9] = 7  # one pixel thin: its elongation is not defined
    thin[3:7, 2:6] = 9
    rows = [annotated("01", "gold", 3, thin), annotated("01", "gold", 4, np.zeros_like(thin))]
    (row,) = summary(tables(rows), 2.0).to_dict("records")
    assert (row["frames"], row["cells"], row["median"], row["range"]) == (2, 2, 1.0, "0 to 2")
    assert (row["area"], row["quartiles"], row["aspect"]) == (48.0, "40 to 56", 1.0)


def test_stored_tables_that_are_too_old():
    assert stored(pd.DataFrame({"frame": [1]}), None) is None
    frames = pd.DataFrame({"sequence": ["01"], "reference": ["gold"], "frame": [1], "n_truth": [3]})
    for objects in (None, pd.DataFrame({"area": [1]})):
        found = stored(frames, objects)
        assert found.cells.empty
        assert found.counts["cells"].tolist() == [3]


def test_strips():
    assert stretches([]) == []
    strip = truth_strip("gold", [1, 2, 3, 7], 10, {1: True, 2: True, 3: False, 7: True})
    assert [(each.first, each.last, each.opacity) for each in strip.marks] == [(1, 2, 1), (7, 7, 1), (3, 3, 0.45)]
    assert strip.told == "4 of 10 frames, 3 with every cell"
    assert truth_strip("TRA", range(20), 1).told == "20 frames", "masks of frames that are not here"


def test_samples_prefer_gold_and_are_spread(world):
    sequences = listed(str(world)).sequences
    assert [(each.sequence, each.number) for each in samples.chosen(sequences.values())] == [
        ("01", 1),
        ("02", 1),
        ("02", 4),
    ]
    for each in world.glob("*_GT/SEG/*"):
        each.unlink()
    found = samples.chosen(listed(str(world)).sequences.values())
    assert [(each.sequence, each.number) for each in found] == [("01", 2), ("02", 0), ("02", 4)]
    assert samples.chosen([]) == []


def test_a_sample_shows_gold_dashed_on_silver(world):
    (sample, *_) = samples.chosen(listed(str(world)).sequences.values())
    with Image.open(io.BytesIO(samples.picture(sample))) as image:
        pixels = {tuple(each) for each in np.asarray(image).reshape(-1, 3).tolist()}
        assert image.width == 640
    assert {TRUTH, SILVER} <= pixels
    sample.files["silver"].write_bytes(b"torn")
    assert samples.picture(sample) is not None
    sample.files["frames"].write_bytes(b"torn")
    assert samples.picture(sample) is None


@pytest.mark.parametrize("look", [LIGHT, DARK])
def test_figures(look):
    rows = [annotated("01", "silver", number, labels(number)) for number in (0, 1, 2, 6, 7)]
    rows += [annotated("02", "gold", 1, labels(1))]
    found = tables(rows)
    figure = over_time(found.counts, 30, look)
    (line, points) = figure.data
    assert line.x[:3].tolist() == [0, 0.5, 1.0]
    assert np.isnan(line.y).sum() == 1, "a gap where frames are not annotated"
    assert (points.mode, points.marker.color) == ("markers", colour("gold", look))
    assert figure.layout.xaxis.title.text == "Time (h)"
    assert over_time(found.counts, None, look).layout.xaxis.title.text == "Frame"
    figure = sizes(found.cells, 0.5, look)
    assert figure.layout.xaxis.title.text == "Area of a cell (µm²)"
    for trace in figure.data:
        assert sum(trace.y[1::2][:-1]) == pytest.approx(100), "shares of one kind"
    assert len(elongations(found.cells, look).data) == 2
