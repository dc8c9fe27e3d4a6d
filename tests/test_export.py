"""`cytolapse export`, as a user meets it: each format read by the library that its users would use."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import roifile
import tifffile
from conftest import toy_labels
from export_world import CELLS, NUMBERS, OUTS, PLACES, TRACKS, Watched, write_data, write_masks, write_run
from skimage.measure import regionprops

from cytolapse.commands.export import FORMATS
from cytolapse.exports import EXPORTS, Labelled, export_as, ome_tiff
from cytolapse.exports.measurements import SCHEMA, measure


@pytest.fixture
def masks(tmp_path) -> Path:
    return write_masks(tmp_path / "masks")


@pytest.fixture
def data(tmp_path) -> Path:
    return write_data(tmp_path / "toy")


@pytest.fixture
def export(cli):
    """Run the command; what it says on stderr."""

    def run(*words: Any) -> str:
        code, out, err = cli("export", *words)
        assert code == 0, err
        assert out == f"{CELLS} cells in 6 frames: {words[1]}\n"
        return err

    return run


def table(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, dtype={"sequence": str}, keep_default_na=True)


def test_every_format_is_offered_and_tested():
    assert sorted(FORMATS) == list(EXPORTS) == sorted(OUTS)


def test_ctc_folder_scores_1_against_itself_and_has_the_tracks(export, cli, masks):
    export(masks, "results", "--sequence", "02")
    assert sorted(each.name for each in Path("results/02_RES").iterdir()) == [
        *(f"mask{number:04d}.tif" for number in NUMBERS),
        "res_track.txt",
    ]
    assert (Path("results/02_RES") / "res_track.txt").read_text() == TRACKS
    code, out, _ = cli("score", masks, "results/02_RES")
    assert code == 0 and "seg              1.000" in out
    for number in NUMBERS:
        image = tifffile.imread(f"results/02_RES/mask{number:04d}.tif")
        assert image.dtype == np.uint16
        np.testing.assert_array_equal(image, toy_labels(number))


def test_a_folder_called_as_a_result_is_that_sequence(export, masks):
    export(masks, "03_RES")
    assert Path("03_RES/mask0012.tif").is_file() and not Path("03_RES/03_RES").exists()


def test_rois_lie_on_their_frames_and_cover_their_cells(export, masks):
    export(masks, "cells.zip")
    rois = {roi.name: roi for roi in roifile.roiread("cells.zip")}
    assert len(rois) == CELLS and {"0012-0001", "0017-0006"} <= set(rois)
    assert zipfile.ZipFile("cells.zip").namelist()[0] == "0012-0001.roi"
    assert {roi.position for roi in rois.values()} == {1, 2, 3, 4, 5, 6}
    assert {roi.roitype for roi in rois.values()} == {roifile.ROI_TYPE.TRACED}
    for name, roi in rois.items():
        number, label = map(int, name.split("-"))
        (cell,) = regionprops((toy_labels(number) == label).astype(np.uint8))
        x, y = roi.coordinates().T.astype(float)
        assert abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2 == cell.area
        assert (roi.top, roi.left, roi.bottom, roi.right) == cell.bbox
    assert rois["0012-0001"].stroke_color == rois["0017-0001"].stroke_color != rois["0012-0005"].stroke_color


def test_rois_take_their_place_among_the_frames_where_these_are_known(export, masks, data):
    export(masks, "cells.zip", "--data", data)
    assert {roi.position for roi in roifile.roiread("cells.zip")} == {13, 14, 15, 16, 17, 18}


def test_ome_tiff_has_axes_pixel_size_and_times(export, masks):
    export(masks, "cells.ome.tif", "--um", 0.65, "--minutes", 15)
    with tifffile.TiffFile("cells.ome.tif") as file:
        assert file.is_ome and not file.is_bigtiff and file.series[0].axes == "TYX"
        assert file.pages[0].compression.name == "ADOBE_DEFLATE"
        stack = file.asarray()
        assert stack.dtype == np.uint16
        xml = ElementTree.fromstring(file.ome_metadata)
        assert [round(each, 3) for each in file.pages[0].get_resolution("micrometer")] == [round(1 / 0.65, 3)] * 2
    np.testing.assert_array_equal(stack, [toy_labels(number) for number in NUMBERS])
    pixels = xml.find("{*}Image/{*}Pixels").attrib
    assert (pixels["SizeT"], pixels["SizeZ"], pixels["SizeC"], pixels["Type"]) == ("6", "1", "1", "uint16")
    assert (pixels["PhysicalSizeX"], pixels["PhysicalSizeY"], pixels["PhysicalSizeXUnit"]) == ("0.65", "0.65", "µm")
    assert (float(pixels["TimeIncrement"]), pixels["TimeIncrementUnit"]) == (15, "min")
    times = [float(each.attrib["DeltaT"]) for each in xml.iterfind("{*}Image/{*}Pixels/{*}Plane")]
    assert times == [number * 15 for number in NUMBERS]


def test_ome_tiff_of_uneven_frames_and_large_labels(cli, tmp_path, monkeypatch):
    folder = tmp_path / "masks"
    folder.mkdir()
    frames = {0: 70000, 1: 3, 5: 2**31 - 1}
    for number, label in frames.items():
        tifffile.imwrite(folder / f"{number}.tif", np.full((4, 5), label, np.uint32))
    monkeypatch.setattr(ome_tiff, "CLASSIC", 200)
    assert cli("export", folder, "cells.ome.tif", "--minutes", 2)[0] == 0
    with tifffile.TiffFile("cells.ome.tif") as file:
        assert file.is_bigtiff and file.asarray().dtype == np.uint32
        assert file.asarray()[:, 0, 0].tolist() == list(frames.values())
        assert "TimeIncrement=" not in file.ome_metadata and 'DeltaT="10.0"' in file.ome_metadata
        assert "PhysicalSize" not in file.ome_metadata


@pytest.mark.parametrize("out", OUTS["measurements"])
def test_measurements_agree_with_the_masks(export, masks, data, out):
    err = export(masks, out, "--data", data)
    assert "WARNING" not in err
    rows = table(Path(out))
    assert list(rows) == SCHEMA.names and rows.notna().drop(columns="angle_deg").all().all()
    assert len(rows) == CELLS and set(rows["sequence"]) == {"01"}
    for row in rows.itertuples():
        mask = toy_labels(row.frame) == row.label
        frame = tifffile.imread(data / f"01/t{row.frame:03d}.tif")
        y, x = np.nonzero(mask)
        assert row.area_px == mask.sum() and row.area_um2 == pytest.approx(mask.sum() / 4)
        assert (row.y_px, row.x_px) == pytest.approx((y.mean(), x.mean()))
        assert (row.y_um, row.x_um) == pytest.approx((y.mean() / 2, x.mean() / 2))
        assert row.major_um == pytest.approx(row.major_px / 2)
        assert row.perimeter_um == pytest.approx(row.perimeter_px / 2)
        assert (row.intensity_mean, row.intensity_std) == pytest.approx((frame[mask].mean(), frame[mask].std()))
        assert (row.intensity_min, row.intensity_max) == (frame[mask].min(), frame[mask].max())
        assert (row.track, row.time_min) == (row.label, row.frame * 5)
        assert row.parent == (2 if row.label in (3, 4) else 0)
        assert row.at_edge == bool((mask[0] | mask[-1]).any() or (mask[:, 0] | mask[:, -1]).any())
    assert rows["at_edge"].any() and not rows["at_edge"].all()


def test_csv_and_parquet_hold_the_same(export, masks, data):
    for out in OUTS["measurements"]:
        export(masks, out, "--data", data)
    pd.testing.assert_frame_equal(*(table(Path(out)) for out in OUTS["measurements"]), check_dtype=False)


def test_frames_of_a_folder_and_of_a_stack_give_the_same(export, masks, data):
    export(masks, "data.csv", "--data", data)
    export(masks, "folder.csv", "--frames", data / "01")
    frames = [tifffile.imread(file) for file in sorted((data / "01").iterdir())]
    tifffile.imwrite("stack.tif", np.stack(frames), photometric="minisblack")
    export(masks, "stack.csv", "--frames", "stack.tif", "--um", 0.5, "--minutes", 5)
    wanted, *others = (table(Path(name)).drop(columns="sequence") for name in ("data.csv", "folder.csv", "stack.csv"))
    for other in others:
        pd.testing.assert_frame_equal(other, wanted)


@pytest.mark.parametrize("angle", [0, 30, 45, 90, 120, 179])
def test_axes_and_angle_of_a_known_ellipse(angle):
    """Half axes of 30 and 10 px, turned counter-clockwise as seen on the screen."""
    y, x = np.mgrid[-40:41, -40:41]
    turned = math.radians(angle)
    along, across = x * math.cos(turned) - y * math.sin(turned), x * math.sin(turned) + y * math.cos(turned)
    found = measure(((along / 30) ** 2 + (across / 10) ** 2 <= 1).astype(np.uint16))
    assert found["major_px"] == pytest.approx(60, rel=0.02) and found["minor_px"] == pytest.approx(20, rel=0.02)
    assert found["area_px"] == pytest.approx(math.pi * 300, rel=0.02)
    assert found["eccentricity"] == pytest.approx(math.sqrt(1 - 1 / 9), rel=0.01)
    difference = (found["angle_deg"][0].as_py() - angle + 90) % 180 - 90
    assert abs(difference) < 1
    around = math.pi * (40 * 1.5 - math.sqrt(300))  # close to the ellipse's circumference
    assert found["perimeter_px"] == pytest.approx(around, rel=0.06)


def test_a_cell_of_one_pixel_has_no_direction():
    found = measure(np.eye(1, dtype=np.uint16))
    assert found["angle_deg"].to_pylist() == [None] and found["perimeter_px"] > 0


def test_what_is_not_known_is_empty_and_said(export, tmp_path):
    err = export(write_masks(tmp_path / "masks", tracks=""), "cells.csv")
    assert "not linked" in err and "pixel size is not known" in err and "no frames" in err
    rows = table(Path("cells.csv"))
    empty = {each for each in rows if each.endswith(("_um", "_um2")) or each.startswith("intensity")}
    assert set(rows.columns[rows.isna().all()]) == empty | {"sequence", "time_min", "track", "parent"}


def test_masks_beside_their_frames_need_no_flags(cli, data):
    code, _, err = cli("export", data / "01_ST", "cells.csv")
    assert code == 0 and "not linked" in err and "no frames" not in err
    rows = table(Path("cells.csv"))
    assert rows["intensity_mean"].between(150, 170).all() and (rows["area_um2"] == rows["area_px"] / 4).all()
    assert cli("export", data / "01_GT/TRA", "tracks.csv")[0] == 0
    assert table(Path("tracks.csv"))["parent"].isin([0, 2]).all()


def test_frames_beside_the_masks_that_lack_some_are_left_out(cli, data):
    (data / "01/t017.tif").unlink()
    code, _, err = cli("export", data / "01_ST", "cells.csv")
    assert code == 0 and "lacks frames of which there are masks" in err
    rows = table(Path("cells.csv"))
    assert rows["intensity_mean"].isna().all() and rows["area_um2"].notna().all()


@pytest.mark.parametrize(("name", "out"), PLACES)
def test_a_movie_is_never_held_as_a_whole(tmp_path, name, out):
    masks = Watched()
    export_as(name, [Labelled(tmp_path, "01", masks)], tmp_path / out)
    assert masks.most <= 3


@pytest.mark.parametrize(("name", "out"), PLACES)
def test_a_spooled_run_in_every_format(export, tmp_path, data, name, out):
    write_run(tmp_path, f"spool:{tmp_path}/spool")
    export(f"spool:{tmp_path}/spool", out, "--data", data)
    if name == "measurements":
        assert set(table(Path(out))["parent"]) == {0, 2}


def test_a_run_of_the_store(export, tmp_path, store, data):
    run_id = write_run(tmp_path, store)
    export(run_id, "results", "--data", data)
    assert len(list(Path("results/01_RES").iterdir())) == 7
