from __future__ import annotations

import shutil
import time

import numpy as np
import pandas as pd
import pytest
from ctc_world import labels, write, write_frames, write_world
from dashboard_world import log_scores, make_store, movie, running, tags
from pages import opened, words

from cytolapse.data import open_dataset
from cytolapse.data.check import check_dataset
from cytolapse.tracking import open_store, start_run
from dashboard.data.datasets import folder_key

READS = "Comes when every file was read"


def used(store: str, folder, name: str = "world", digest: str = "d" * 16, **more: str) -> str:
    """A run that read a folder; its id."""
    with start_run(store, name=f"on-{name}", tags={**tags("unet", "boundary", name), **more}) as run:
        run.input(name, digest, context="training", source=str(folder))
        run.input(name, digest, context="test", source=str(folder))
    return run.run_id


def read(monkeypatch, store: str, **query):
    """The page once every file was read."""
    at = opened(monkeypatch, store, "data", **query)
    for _ in range(100):
        if READS not in words(at):
            return at
        time.sleep(0.1)
        at.run()
        assert not at.exception, at.exception
    pytest.fail("reading a dozen small files takes no ten seconds")


@pytest.fixture(scope="module")
def scored(module_store):
    """A store with runs whose data are nowhere, and their ids."""
    return module_store, make_store(module_store)


def test_a_data_set_at_a_glance(monkeypatch, store, tmp_path):
    root = write_world(tmp_path / "world", sequences=("01", "02"))
    (root / "dataset.toml").write_text("um = 0.5\nminutes = 10\nborder = 2\n")
    used(store, root)
    at = read(monkeypatch, store)
    assert not at.error
    assert not at.warning
    assert [(each.label, each.value, each.delta) for each in at.metric] == [
        ("Frames", "12", "in 2 sequences"),
        ("Frame size", "24 x 40 px", "uint8, 12 x 20 µm"),
        ("Pixel size", "0.5 µm", "border of 2 px"),
        ("Time step", "10 min", "0.833 h in the longest sequence"),
    ]
    said = words(at)
    assert said.count("2 of 6 frames, 2 with every cell") == 2
    assert said.count("6 of 6 frames") == 4
    assert at.success[0].value == "No problems in 40 images."
    table = at.dataframe[0].value.set_index("kind")
    assert table.loc["Gold masks", ["frames", "cells", "range"]].tolist() == [4, 8, "2 to 2"]
    assert table.loc["Silver masks", ["area", "aspect"]].tolist() == [9.0, 1.0], "36 px of 0.25 um2"
    assert pd.isna(table.loc["TRA markers", "area"]), "a marker is no cell"
    at = read(monkeypatch, store, sequence="02")
    assert at.dataframe[0].value["frames"].tolist() == [2, 6, 6]
    assert len(at.get("image")) == 2, "both gold frames of this sequence"


def test_whether_the_files_are_those_that_the_runs_read(monkeypatch, store, tmp_path):
    root = write_world(tmp_path / "world")
    first = open_dataset(root).digest
    used(store, root, digest=first)
    assert "as the newest run read it" in words(read(monkeypatch, store))
    (root / "01_GT/SEG/man_seg004.tif").unlink()
    assert "changed since the runs read it" in words(read(monkeypatch, store))
    used(store, root, digest=open_dataset(root).digest)
    assert "as the newest run read it" in words(read(monkeypatch, store))
    write(root / "01_GT/SEG/man_seg004.tif", labels(4), compression="zlib")
    assert "as older runs read it, not the newest" in words(read(monkeypatch, store))


def test_without_a_pixel_size_areas_are_in_px(monkeypatch, store, tmp_path):
    used(store, write_world(tmp_path / "world"))
    at = read(monkeypatch, store)
    assert at.dataframe[0].value["area"].tolist()[:2] == [36.0, 36.0]
    assert at.metric[2].value == "not known"
    assert r"dataset.toml" in words(at)


def test_findings_have_the_words_of_check(monkeypatch, store, tmp_path):
    root = write_world(tmp_path / "world")
    write(root / "01/t003.tif", np.zeros((5, 5), np.uint8))
    (root / "01/t004.tif").write_bytes(b"no tiff")
    (root / "01_GT/SEG/man_seg009.tif").write_bytes((root / "01_GT/SEG/man_seg001.tif").read_bytes())
    used(store, root)
    at = read(monkeypatch, store)
    expected = [each for each in check_dataset(root) if not each.note]
    assert len(expected) == 3
    assert at.warning[0].value == "3 problems in 21 images."
    said = words(at).replace("\\", "")
    for each in expected:
        assert str(each).replace(f"{root}/", "") in said
    assert "frame 4: it can't be read" in said.replace(", 0 h", ""), "a sample that is torn"
    assert at.metric[1].value == "24 x 40 px"


def test_many_findings_are_folded(monkeypatch, store, tmp_path):
    root = write_world(tmp_path / "world", frames=16, gold=())
    for number in range(12):
        write(root / f"01_ST/SEG/man_seg{number:03d}.tif", labels(number).astype(np.float32))
    used(store, root)
    at = read(monkeypatch, store)
    assert at.expander[0].label == "4 more"


def test_what_the_runs_use_the_frames_for(monkeypatch, store, tmp_path):
    split = '{"train": [["01", 0, 2]], "validation": [["01", 3, 4]], "test": [["01", 4, 99]]}'
    used(store, write_world(tmp_path / "world"), **{"cytolapse.split": split})
    said = words(read(monkeypatch, store))
    assert "training: frames 0 to 1" in said
    assert "validation: frame 3" in said
    assert "test: frame" not in said, "a part that these frames do not have"


def test_a_split_that_is_nonsense_is_left_out(monkeypatch, store, tmp_path):
    used(store, write_world(tmp_path / "world"), **{"cytolapse.split": '{"train": 3}'})
    assert "Used for" not in words(read(monkeypatch, store))


def test_frames_without_truth(monkeypatch, store, tmp_path):
    write_frames(tmp_path / "world", "01", range(5))
    used(store, tmp_path / "world")
    at = read(monkeypatch, store)
    assert "no truth" in words(at)
    assert "No mask was read" in words(at)
    assert len(at.get("image")) == 3


def test_masks_without_frames(monkeypatch, store, tmp_path):
    root = write_world(tmp_path / "world")
    shutil.rmtree(root / "01")
    used(store, root)
    at = read(monkeypatch, store)
    assert "the folder holds masks only" in words(at)
    assert at.metric[1].value == "—"


def test_one_number_twice_is_a_finding(monkeypatch, store, tmp_path):
    root = write_world(tmp_path / "world")
    write(root / "01/t0001.tif", labels(1).astype(np.uint8))
    used(store, root)
    assert "are both number 1" in words(read(monkeypatch, store))


def test_an_empty_folder(monkeypatch, store, tmp_path):
    (tmp_path / "world").mkdir()
    used(store, tmp_path / "world")
    assert "holds no sequence" in words(opened(monkeypatch, store, "data"))


def test_a_folder_that_changed_is_read_again(monkeypatch, store, tmp_path):
    root = write_world(tmp_path / "world")
    used(store, root)
    assert "1 problem" not in words(read(monkeypatch, store))
    (root / "01_GT/TRA/man_track.txt").unlink()
    assert "1 problem" in words(read(monkeypatch, store))


def test_the_button_reads_again(monkeypatch, store, tmp_path):
    used(store, write_world(tmp_path / "world"))
    at = read(monkeypatch, store)
    (button,) = [each for each in at.button if each.label == "Read again"]
    button.click().run()
    assert not at.exception
    for _ in range(50):
        if READS not in words(at):
            break
        time.sleep(0.1)
        at.run()
    assert at.success[0].value.startswith("No problems")


def test_the_address_names_folders_that_the_store_knows(monkeypatch, store, tmp_path):
    roots = [write_world(tmp_path / name / "world", frames=length) for name, length in (("a", 3), ("b", 5))]
    for root in roots:  # of one content, MLflow remembers one folder
        used(store, root, digest=root.parent.name * 16)
    used(store, tmp_path / "gone" / "world", digest="c" * 16)
    at = read(monkeypatch, store, folder=folder_key(str(roots[0])))
    assert at.metric[0].value == "3"
    assert at.selectbox[1].options == [str(root) for root in roots[::-1]]
    at = opened(monkeypatch, store, "data", folder=str(tmp_path))
    assert "The link asks for what is not here" in at.warning[0].value
    assert at.metric[0].value == "5", "that of the newest run that is here"


def test_an_unknown_data_set_in_the_link_is_told(monkeypatch, store, tmp_path):
    used(store, write_world(tmp_path / "world"))
    at = opened(monkeypatch, store, "data", dataset="../../etc")
    assert "The link asks for what is not here: data set" in at.warning[0].value
    assert at.selectbox[0].value == "world"


def test_data_that_are_elsewhere_are_told_by_a_run(monkeypatch, scored):
    at = opened(monkeypatch, scored[0], "data")
    assert not at.error
    assert not at.warning
    said = words(at)
    assert "No run says where it lies: what follows is what run" in said
    assert "Sequence 02" in said
    assert len(at.get("image")) == 3
    table = at.dataframe[0].value.set_index("kind")
    assert table.loc["Silver masks", ["frames", "range"]].tolist() == [12, "4 to 4"]
    assert table.loc["Gold masks", ["frames", "range"]].tolist() == [6, "3 to 4"]


def test_where_a_folder_was_expected(monkeypatch, store):
    with start_run(store, name="scored", tags=tags("unet", "boundary")) as run:
        run.input("demo", "d" * 16, context="test", source="/data/moved")
        log_scores(run, movie(1), "test")
    at = opened(monkeypatch, store, "data")
    assert "read from /data/moved, which is not on this machine" in words(at).replace("\\", "")
    assert not at.error
    assert not at.warning


@pytest.mark.parametrize("gone", ["test/previews/02.zip", "test/objects.parquet", "test/frames.parquet"])
@pytest.mark.parametrize("torn", [True, False])
def test_deleted_and_damaged_artifacts(monkeypatch, store, gone, torn):
    with start_run(store, name="scored", tags=tags("unet", "boundary")) as run:
        log_scores(run, movie(1), "test")
    file = open_store(store).artifact(run.run_id, gone)
    if torn:
        file.write_bytes(b"torn")
    else:
        file.unlink()
    at = opened(monkeypatch, store, "data")
    assert not at.error
    if "frames" in gone:
        assert "Only its name is known" in words(at)
        assert at.code[0].value == f"cytolapse evaluate {run.name} --data DATA"
    else:
        assert at.dataframe[0].value["frames"].tolist() == [3, 6]
        assert len(at.get("image")) == (0 if "previews" in gone else 3)


def test_runs_that_run_and_runs_that_failed(monkeypatch, store, tmp_path):
    running(store)
    with pytest.raises(RuntimeError), start_run(store, name="failed", tags=tags("unet", "boundary", "other")):
        raise RuntimeError("planned")
    at = opened(monkeypatch, store, "data")
    assert sorted(at.selectbox[0].options) == ["demo (1 run)", "other (1 run)"]
    assert "Only its name is known" in words(at)


def test_a_run_that_read_nothing(monkeypatch, store):
    with start_run(store, name="bare"):
        pass
    at = opened(monkeypatch, store, "data")
    assert "No data set yet" in words(at)
    assert "cytolapse train" in at.code[0].value


def test_other_programs_data_sets_are_no_folders(monkeypatch, store):
    used(store, "https://example.org/table.csv", name="<b>table</b>")
    at = opened(monkeypatch, store, "data")
    assert "Only its name is known" in words(at)
    said = words(at).replace(at.code[0].value, "")  # a command is shown as it is
    assert "<b>" not in said


def test_real_frames(monkeypatch, store, shared):
    root = shared / "data/PhC-C2DH-U373"
    used(store, root, name="PhC-C2DH-U373")
    at = read(monkeypatch, store)
    table = at.dataframe[0].value.set_index("kind")
    assert table["cells"].tolist() == [110, 692, 692]
    assert "19 of 115 frames, 15 with every cell" in words(at)
