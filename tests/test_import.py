"""`cytolapse import`, through the command line: what other programs write becomes a data set."""

import tomllib
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from conftest import toy_frame, toy_labels, write_toy
from ctc_world import frame, labels
from PIL import Image

from cytolapse.data import open_dataset

FRAMES = range(6)
MOVIE = np.stack([frame(number) for number in FRAMES])
TRUTH = np.stack([labels(number) for number in FRAMES])


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path) if path.suffix == ".png" else tifffile.imwrite(path, image)
    return path


def folder(path, images, name):
    for number, image in enumerate(images):
        save(path / name.format(number), image)
    return path


def stack(path, images, **options):
    tifffile.imwrite(path, images, **options)
    return path


def imported(cli, *words):
    code, out, err = cli("import", *words)
    assert code == 0, err
    return out


def there():
    return sorted(each for each in Path.cwd().rglob("*") if "home" not in each.parts)


def refused(cli, *words):
    before = there()
    code, out, err = cli("import", *words)
    assert (code, out) == (1, ""), (out, err)
    assert "Traceback" not in err
    assert there() == before, "nothing half-written"
    return err.splitlines()[-1].rpartition("\r")[2].strip().removeprefix("error: ")


def same(out, truth="silver", frames=MOVIE, masks=TRUTH):
    movie = open_dataset(out).movies["01"]
    assert (np.asarray(movie.frames) == frames).all()
    assert movie.frames.dtype == frames.dtype
    assert (np.asarray(movie.references[truth].labels) == masks).all()
    return movie


def test_folders_of_any_names_become_a_data_set(cli, tmp_path):
    folder(tmp_path / "raw", MOVIE, "Pos1_t{:02d}_ch00.tif")
    folder(tmp_path / "seg", TRUTH, "label-{}.png")
    out = imported(cli, "raw", "data/cells", "--masks", "seg", "--name", 'my "cells"', "--um", "0.65", "--minutes", "5")
    assert out == "wrote data/cells/01: 6 frames 24 x 40 uint8, 6 masks (silver truth)\ndata/cells: no problems\n"
    files = {path.relative_to(tmp_path / "data/cells").as_posix() for path in (tmp_path / "data").rglob("*.t*")}
    assert {"dataset.toml", "01/t000.tif", "01_ST/SEG/man_seg005.tif"} <= files
    assert len(files) == 13
    facts = tomllib.loads((tmp_path / "data/cells/dataset.toml").read_text())
    assert facts == {"name": 'my "cells"', "um": 0.65, "minutes": 5, "border": 0}
    movie = same(tmp_path / "data/cells")
    assert movie.numbers.tolist() == list(FRAMES)


@pytest.mark.parametrize("form", ["imagej", "ome", "plain"])
def test_stacks_of_frames_and_masks(cli, tmp_path, form):
    kind = {"imagej": {"imagej": True}, "ome": {"ome": True}, "plain": {}}[form]
    axes = {"metadata": {"axes": "TYX"}} if kind else {}
    stack(tmp_path / "movie.tif", MOVIE.astype(np.uint16), **kind, **axes)
    stack(tmp_path / "masks.tif", TRUTH, **kind, **axes)
    imported(cli, "movie.tif", "out", "--masks", "masks.tif", "--um", "1")
    same(tmp_path / "out", frames=MOVIE.astype(np.uint16))


def test_one_channel_of_an_imagej_hyperstack_with_its_pixel_size(cli, tmp_path):
    both = np.stack([255 - MOVIE, MOVIE], axis=1).astype(np.uint16)
    options = {"imagej": True, "resolution": (1 / 0.65, 1 / 0.65), "metadata": {"axes": "TCYX", "unit": "um"}}
    stack(tmp_path / "movie.tif", both, **options)
    stack(tmp_path / "masks.tif", TRUTH)
    said = refused(cli, "movie.tif", "out", "--masks", "masks.tif")
    assert said == f"{Path('movie.tif')} has 2 channels that differ: say which is the frame, --channel 0 to 1"
    assert refused(cli, "movie.tif", "out", "--channel", "2") == "--channel is 2: movie.tif has 2, counted from 0"
    imported(cli, "movie.tif", "out", "--masks", "masks.tif", "--channel", "1")
    same(tmp_path / "out", frames=MOVIE.astype(np.uint16))
    assert open_dataset(tmp_path / "out").um == 0.65


def test_grey_in_the_guise_of_colour_is_grey(cli, tmp_path):
    folder(tmp_path / "raw", np.repeat(MOVIE[..., None], 3, axis=-1), "t{}.png")
    folder(tmp_path / "alpha", np.stack([MOVIE, np.full_like(MOVIE, 255)], axis=-1), "t{}.png")
    folder(tmp_path / "seg", np.repeat(TRUTH.astype(np.uint8)[..., None], 3, axis=-1), "t{}.tif")
    for raw in ("raw", "alpha"):
        imported(cli, raw, f"out-{raw}", "--masks", "seg")
        same(tmp_path / f"out-{raw}")


def test_labels_in_the_colours_of_a_palette_are_their_numbers(cli, tmp_path):
    folder(tmp_path / "raw", MOVIE, "t{}.tif")
    for number, each in enumerate(TRUTH):
        image = Image.fromarray(each.astype(np.uint8))
        image.putpalette([0, 0, 0, 200, 10, 10, 10, 200, 10])
        path = tmp_path / f"seg/m{number}.png"
        path.parent.mkdir(exist_ok=True)
        image.save(path)
    imported(cli, "raw", "out", "--masks", "seg")
    same(tmp_path / "out")


@pytest.mark.parametrize("ending", ["_cp_masks.png", "_cp_masks.tif", "_masks.tif"])
def test_masks_of_cellpose_beside_the_frames_are_found(cli, tmp_path, ending):
    folder(tmp_path / "cells", MOVIE, "img_{:03d}_7.tif")
    folder(tmp_path / "cells", TRUTH, "img_{:03d}_7" + ending)
    folder(tmp_path / "cells", np.zeros((6, 4, 4), np.uint8), "img_{:03d}_7_flows.tif")
    (tmp_path / "cells/img_000_7_seg.npy").write_bytes(b"")
    assert "6 frames 24 x 40 uint8, 6 masks (silver truth)" in imported(cli, "cells", "out")
    same(tmp_path / "out")


def test_sparse_masks_pair_by_name_and_are_gold(cli, tmp_path):
    """One mask alone does not tell which of its numbers is the frame's: its frame's name does."""
    folder(tmp_path / "cells", MOVIE, "img_{:03d}_7.tif")
    save(tmp_path / "cells/img_004_7_cp_masks.png", TRUTH[4])
    said = refused(cli, "cells", "out")
    assert said == (
        "5 frames without a mask (0-3, 5) in cells: silver truth has one in every frame; give --truth gold for masks "
        "of some frames, or add the others"
    )
    assert "1 mask (gold truth)" in imported(cli, "cells", "out", "--truth", "gold")
    known = [number == 4 for number in FRAMES]
    movie = same(tmp_path / "out", "gold", masks=TRUTH * np.array(known, np.uint16)[:, None, None])
    assert movie.references["gold"].known.tolist() == known


def write_zarr(path, form, images=MOVIE, masks=TRUTH, axes="tcyx"):
    """As ome-zarr writes it, frames in the second of two channels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ome_zarr.format import FormatV04, FormatV05
        from ome_zarr.writer import write_image, write_labels

        fmt = {"0.4": FormatV04, "0.5": FormatV05}[form]()
        units = {"t": "second", "y": "micrometer", "x": "micrometer"}
        scale = {"t": 300.0, "c": 1.0, "z": 1.0, "y": 0.65, "x": 0.65}
        both = np.stack([255 - images, images], axis=1)
        image = {"tcyx": both, "tyx": images, "tczyx": both[:, :, None], "tzyx": np.stack([images] * 3, axis=1)}[axes]
        told = {"axes": axes, "fmt": fmt, "axes_units": {axis: units[axis] for axis in units if axis in axes}}
        write_image(image, str(path), scale_factors=[2], scale={axis: scale[axis] for axis in axes}, **told)
        for name, each in masks.items() if isinstance(masks, dict) else {"cells": masks}.items():
            write_labels(each, str(path), name=name, axes="tyx", fmt=fmt, scale_factors=[2])
    return path


@pytest.mark.parametrize("form", ["0.4", "0.5"])
@pytest.mark.parametrize("axes", ["tcyx", "tczyx"])
def test_ome_zarr_with_its_labels_and_scale(cli, tmp_path, form, axes):
    write_zarr(tmp_path / "movie.ome.zarr", form, axes=axes)
    out = imported(cli, "movie.ome.zarr", "out", "--channel", "1")
    assert "6 frames 24 x 40 uint8, 6 masks (silver truth)" in out
    same(tmp_path / "out")
    dataset = open_dataset(tmp_path / "out")
    assert (dataset.um, dataset.minutes) == (0.65, 5)
    imported(cli, "movie.ome.zarr", "other", "--channel", "1", "--masks", "movie.ome.zarr/labels/cells", "--um", "0.5")
    same(tmp_path / "other")
    assert open_dataset(tmp_path / "other").um == 0.5


def test_ome_zarr_that_cannot_be_a_movie(cli, tmp_path):
    write_zarr(tmp_path / "two.zarr", "0.5", masks={"cells": TRUTH, "nuclei": TRUTH}, axes="tyx")
    said = refused(cli, "two.zarr", "out")
    assert said == "two.zarr has several label images: give one of two.zarr/labels/cells, two.zarr/labels/nuclei"
    assert "6 masks" in imported(cli, "two.zarr", "out", "--masks", "two.zarr/labels/nuclei")
    write_zarr(tmp_path / "deep.zarr", "0.5", axes="tzyx")
    assert refused(cli, "deep.zarr", "other").startswith("deep.zarr has 3 slices (axis Z), where a movie in 2-D is")
    write_zarr(tmp_path / "plate.zarr/A/1/0", "0.4", axes="tyx")
    (tmp_path / "plate.zarr/.zgroup").write_text('{"zarr_format": 2}')
    assert refused(cli, "plate.zarr", "other").startswith("plate.zarr is no OME-Zarr image (it has no multiscales)")
    for chunk in (tmp_path / "two.zarr/s0/c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"no chunk")
    said = refused(cli, "two.zarr", "other", "--masks", "two.zarr/labels/cells")
    assert said.startswith("frames 0 to 5 of two.zarr can't be read (")
    (tmp_path / "broken.zarr").mkdir()
    (tmp_path / "broken.zarr/zarr.json").write_text("{")
    assert refused(cli, "broken.zarr", "other").startswith("broken.zarr can't be read as OME-Zarr (")


def test_tracks_become_markers_and_must_agree(cli, tmp_path):
    folder(tmp_path / "raw", MOVIE, "t{:04d}.tif")
    folder(tmp_path / "res", TRUTH, "mask{:04d}.tif")
    (tmp_path / "res/res_track.txt").write_text("1 0 5 0\n2 0 4 0\n")
    said = refused(cli, "raw", "out", "--masks", "res")
    assert (
        said
        == "res/res_track.txt: label 2 (frames 0-4) is also in the masks of frames 5: correct its first and last frame"
    )
    (tmp_path / "res/res_track.txt").write_text("1 0 5 0\n2 0 5 0\n")
    assert "6 masks (silver truth), tracks of res_track.txt" in imported(cli, "raw", "out", "--masks", "res")
    movie = same(tmp_path / "out")
    assert movie.tracks.tolist() == [[1, 0, 5, 0], [2, 0, 5, 0]]
    assert (np.asarray(movie.markers) == TRUTH).all()
    assert "--tracks nowhere is no file" in refused(cli, "raw", "b", "--masks", "res", "--tracks", "nowhere")
    assert "--tracks x are given without masks" in refused(cli, "raw", "b", "--tracks", "x")
    (tmp_path / "res/mask0003.tif").unlink()
    said = refused(cli, "raw", "b", "--masks", "res", "--truth", "gold")
    assert said == "res/res_track.txt needs a mask of every frame, but there are none of 3: add them"


def test_a_second_sequence_joins_and_what_is_there_stays(cli, tmp_path):
    folder(tmp_path / "raw", MOVIE, "t{}.tif")
    folder(tmp_path / "seg", TRUTH, "t{}.tif")
    imported(cli, "raw", "out", "--masks", "seg", "--um", "0.65", "--border", "3", "--name", "cells")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.t*")}
    assert refused(cli, "raw", "out") == "out has 01, 01_ST already: give --sequence another number, or remove them"
    said = refused(cli, "raw", "out", "--sequence", "02", "--um", "0.5")
    assert (
        said
        == f"--um is 0.5, but out has 0.65 for all its sequences: leave it out, or correct {Path('out/dataset.toml')}"
    )
    assert refused(cli, "raw", "out", "--sequence", "2") == "--sequence is '2': two digits are expected, as 01"
    imported(cli, "raw", "out", "--sequence", "02", "--masks", "seg", "--truth", "gold")
    assert {path: path.read_bytes() for path in before} == before
    assert list(open_dataset(tmp_path / "out").movies) == ["01", "02"]


def test_floats_are_refused_or_rescaled_as_told(cli, tmp_path):
    folder(tmp_path / "raw", MOVIE.astype(np.float32) / 255, "t{}.tif")
    folder(tmp_path / "seg", TRUTH, "t{}.tif")
    said = refused(cli, "raw", "out", "--masks", "seg")
    assert said.startswith(
        "raw/t0.tif is float32 with values from 0 to 0.470588, where frames are uint8 or uint16: say"
    )
    assert "--rescale LOW HIGH, as --rescale 0 0.470588" in said
    imported(cli, "raw", "out", "--masks", "seg", "--rescale", "0", "1")
    same(tmp_path / "out", frames=MOVIE.astype(np.uint16) * 257)
    code, _, err = cli("import", "raw", "clipped", "--rescale", "0", "0.45")
    assert code == 0
    assert "WARNING: 7.5 % of the pixels lie outside --rescale and were clipped" in err
    assert "--rescale is 1 1: LOW must be below HIGH" in refused(cli, "raw", "b", "--rescale", "1", "1")
    save(tmp_path / "raw/t3.tif", np.full((24, 40), np.nan, np.float32))
    assert "raw/t3.tif has pixels that are no numbers (NaN or infinite)" in refused(cli, "raw", "b", "--rescale", 0, 1)


def noise(number):
    return np.random.default_rng(number).integers(1, 255, (48, 80)).astype(np.uint8)


WRONG = {
    "masks of a picture": (
        {"raw": [noise(0)], "seg": [noise(1)]},
        "seg/0.tif looks like a picture: neighbours differ all over; give label images as masks",
    ),
    "other size": (
        {"seg": TRUTH[:, :20]},
        "seg/0.tif is 20 x 40, but its frame is 24 x 40: a mask has its frame's size",
    ),
    "colour": (
        {"seg": np.stack([TRUTH, TRUTH, TRUTH * 2], axis=-1).astype(np.uint8)},
        "seg/0.tif is colour (3 values a pixel), where labels are whole numbers, one a cell: save the",
    ),
    "floats": ({"seg": TRUTH.astype(np.float32)}, "seg/0.tif is no label image but float32: save whole numbers"),
    "binary": (
        {"seg": (TRUTH > 0).astype(np.uint8) * 255},
        "seg/0.tif looks binary: one value (255) on 2 separate objects in frame 0: give each cell an id of its own",
    ),
    "more masks": (
        {"raw": MOVIE[:4]},
        "seg has masks of frames 4-5, but raw has the frames 0-3: number the masks as the frames are",
    ),
    "frames of two sizes": (
        {"raw": [*MOVIE[:3], MOVIE[3][:20]], "seg": TRUTH[:4]},
        "raw/3.tif is 20 x 40 uint8 in frame 3, but the frames before it are 24 x 40 uint8: frames of a movie",
    ),
    "frames of two types": (
        {"raw": [MOVIE[0], MOVIE[1].astype(np.uint16)], "seg": TRUTH[:2]},
        "raw/1.tif is 24 x 40 uint16 in frame 1, but the frames before it are 24 x 40 uint8: frames of a movie",
    ),
    "stack among the files": (
        {"raw": [MOVIE], "seg": TRUTH[:1]},
        "raw/0.tif holds 6 images, where one is expected: give the file itself as a stack",
    ),
    "border": (
        {"words": ["--border", "12"]},
        "the border of OUT is 12 px, but a frame is 24 x 40 px: write a smaller one",
    ),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_what_does_not_fit_is_named_and_nothing_is_written(cli, tmp_path, case):
    given, message = WRONG[case]
    folder(tmp_path / "raw", given.get("raw", MOVIE), "{}.tif")
    folder(tmp_path / "seg", given.get("seg", TRUTH), "{}.tif")
    said = refused(cli, "raw", "out", "--masks", "seg", *given.get("words", []))
    assert said.startswith(message.replace("OUT", str(tmp_path / "out")))


def test_stacks_that_do_not_fit(cli, tmp_path):
    stack(tmp_path / "movie.tif", MOVIE)
    stack(tmp_path / "five.tif", TRUTH[:5])
    said = refused(cli, "movie.tif", "out", "--masks", "five.tif")
    assert said == "five.tif holds 5 masks, but movie.tif 6 frames: a stack of masks must hold one for each frame"
    folder(tmp_path / "seg", TRUTH, "t{}.tif")
    (tmp_path / "seg/t0.tif").rename(tmp_path / "seg/t6.tif")
    said = refused(cli, "movie.tif", "out", "--masks", "seg")
    assert said == (
        "seg has masks of frames 6, but movie.tif has the frames 0-5 (a stack's are counted from 0): number the masks "
        "as the frames are"
    )
    stack(tmp_path / "deep.tif", np.zeros((5, 8, 9), np.uint16), imagej=True, metadata={"axes": "ZYX"})
    assert refused(cli, "deep.tif", "out") == (
        "deep.tif has 5 slices (axis Z), where a movie in 2-D is expected: save one slice, or a projection; where the "
        "slices are times, make them frames in ImageJ (Image > Properties) and save again"
    )
    stack(tmp_path / "odd.tif", np.zeros((5, 2, 8, 9), np.uint16))
    assert refused(cli, "odd.tif", "out").startswith("odd.tif has the axes QQYX (5, 2, 8, 9), where TYX or TCYX is")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["nowhere", "out"],
            "nowhere does not exist: give a folder of TIFF or PNG files, one TIFF stack, or an OME-Zarr",
        ),
        (["notes.txt", "out"], "notes.txt is no TIFF stack: give a folder of TIFF or PNG files, one TIFF stack, or an"),
        (["empty", "out"], "empty holds no TIFF or PNG (.tif, .tiff, .png): give a folder of images, one a frame"),
        (["set", "out"], "set is a data set: give the folder of one sequence, set/01 or the like"),
        (["raw", "out", "--name", ""], "--name is '': leave it out where it is not known"),
        (["raw", "out", "--um", "nan"], "--um is nan: leave it out where it is not known"),
        (["raw", "notes.txt/out"], "/TMP/notes.txt/out could not be written: [Errno"),
        (["raw", "notes.txt"], "notes.txt is a file: name the folder of a data set, new or existing"),
        (["raw", "raw"], "raw exists and is no data set: name a new folder, or one with sequences 01, 02 ..."),
        (["bad", "out"], "bad/t0.png can't be read as a PNG (cannot identify image file"),
    ],
)
def test_wrong_words(cli, tmp_path, words, message):
    folder(tmp_path / "raw", MOVIE, "t{}.tif")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "empty").mkdir()
    folder(tmp_path / "set/01", MOVIE, "t{:03d}.tif")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/t0.png").write_bytes(b"no png")
    assert refused(cli, *words).startswith(message.replace("/TMP", str(tmp_path)))


def test_what_check_finds_ends_the_import(cli, tmp_path):
    folder(tmp_path / "raw", MOVIE, "t{}.tif")
    (tmp_path / "raw/t2.tif").unlink()
    assert imported(cli, "raw", "out").splitlines()[1:] == [
        "note: out/01: there are no frames 2",
        "note: out/01: there is no truth",
        "out: no problems",
    ]
    assert "the size of a pixel is not known: give --um" in cli("import", "raw", "again")[2]


def test_an_imported_movie_can_be_trained_on(cli, tmp_path):
    folder(tmp_path / "raw", [toy_frame(toy_labels(t), t) for t in range(40)], "toy{:03d}.png")
    folder(tmp_path / "seg", [toy_labels(t) for t in range(40)], "toy{:03d}_cp_masks.png")
    imported(cli, "raw", "out", "--masks", "seg", "--um", "0.65")
    same_as_toy = open_dataset(write_toy(tmp_path / "toy")).movies["01"]
    same(
        tmp_path / "out",
        frames=np.asarray(same_as_toy.frames),
        masks=np.asarray(same_as_toy.references["silver"].labels),
    )
    code, _, err = cli("train", "classical", "--data", "out", "--tracking", "spool:run")
    assert code == 0, err
    assert cli("evaluate", "spool:run", "--data", "out")[0] == 0


def test_real_frames_and_their_gold_masks(cli, shared, tmp_path):
    real = shared / "data/C2C12-phase"
    out = imported(cli, real / "01", "out", "--masks", real / "01_GT/SEG", "--truth", "gold", "--um", "0.65")
    assert "10 frames 234 x 234 uint8, 10 masks (gold truth)" in out
    code, text, _ = cli("score", real / "01_GT/SEG", "out/01_GT/SEG")
    assert code == 0
    assert "cells 103   predicted 103" in text
