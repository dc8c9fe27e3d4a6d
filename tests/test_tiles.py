"""Tiles: cut, segmented, blended: against a slow twin, with a state, at any size, in constant memory."""

import math

import numpy as np
import pytest
import torch
from conftest import toy_frame, toy_labels

from cytolapse.config import Config
from cytolapse.errors import CytolapseError
from cytolapse.heads import HEADS, default_point
from cytolapse.models import MapModel
from cytolapse.networks import NETWORKS, Network
from cytolapse.segmenter import Segmenter
from cytolapse.tiles import CHUNK, STITCHES, Tiling, stitched

stitches = pytest.mark.parametrize("stitch", list(STITCHES))


class Places(Network):
    """Maps that know their tile: distance in px from the tile's upper left corner, and the frame itself."""

    stride = 4

    def __init__(self, channels=2, config=None):
        super().__init__(channels, config)
        self.batches = []

    def forward(self, frames, state=None):
        self.batches.append(len(frames))
        y, x = torch.meshgrid(*(torch.arange(side, dtype=torch.float32) for side in frames.shape[-2:]), indexing="ij")
        corner = (3 * y + x).expand(frames[:, :, 0].shape)
        return torch.stack([corner, frames[:, :, 0]], dim=2), None


class Memory(Network):
    """Maps are the mean of all frames so far, pixel by pixel: what a state is, in the open."""

    stride = 4
    recurrent = True

    def __init__(self, channels, config):
        super().__init__(channels, config)
        self.channels = channels
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, frames, state=None):
        total, count = state or (torch.zeros_like(frames[:, 0]), torch.zeros(len(frames), 1, 1, 1))
        maps = []
        for frame in frames.unbind(1):
            total, count = total + frame, count + 1
            maps.append((total / count).expand(-1, self.channels, -1, -1))
        return torch.stack(maps, dim=1), (total, count)


class Lazy:
    """Frames that are made where they are asked for; notes how many at once, and the last one."""

    def __init__(self, count, size=(20, 36)):
        self.shape, self.asked, self.furthest = (count, *size), 0, 0

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, frames):
        numbers = range(*frames.indices(len(self)))
        self.asked, self.furthest = max(self.asked, len(numbers)), max([self.furthest, *numbers])
        noise = [np.random.default_rng(number).integers(0, 255, self.shape[1:]) for number in numbers]
        return np.array(noise, np.uint8).reshape(-1, *self.shape[1:])


def recurrent(**given):
    config = Config(head="semantic", postprocess="none", **given)
    head = HEADS["semantic"]()
    model = MapModel(Memory(head.channels, config), head, config)
    return Segmenter(config, model, default_point(model.space), ())


def unet(**given):
    torch.manual_seed(1)
    return Segmenter.build(Config(widths="4,8", postprocess="drop_small=5", **given))


def cuts(size, side, stitch):
    """First pixels of the tiles along an axis, as one would write them down."""
    if size <= side:
        return [0]
    if stitch == "hard":
        return list(range(0, size, side))
    starts, step = [], side - side // 4
    while not starts or starts[-1] + side < size:
        starts.append(min(step * len(starts), size - side))
    return starts


def twin(size, side, stitch):
    """The mean of 3y + x over the tiles that hold a pixel, pixel by pixel."""

    def weight(at):
        if stitch == "hard":
            return 1.0
        return math.sin(math.pi / 2 * min(1, (min(at, side - 1 - at) + 0.5) / (side // 4))) ** 2

    found = np.zeros(size)
    rows, columns = (cuts(each, side, stitch) for each in size)
    for y in range(size[0]):
        for x in range(size[1]):
            total = whole = 0.0
            for top in (top for top in rows if 0 <= y - top < side):
                for left in (left for left in columns if 0 <= x - left < side):
                    w = weight(y - top) * weight(x - left)
                    total, whole = total + w * (3 * (y - top) + x - left), whole + w
            found[y, x] = total / whole
    return found


@stitches
@pytest.mark.parametrize("size", [(40, 56), (33, 71), (17, 20)])
def test_maps_are_put_together_as_the_slow_twin_does_it(stitch, size):
    frames = torch.rand(2, 1, *size)
    maps, state = stitched(Places(), frames, None, Tiling(size, 16, stitch, 4))
    assert state is None
    np.testing.assert_allclose(maps[0, 0], twin(size, 16, stitch), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(maps[:, 1], frames[:, 0], atol=1e-5, err_msg="what tiles agree on stays as it is")


def test_the_network_sees_a_few_tiles_at_a_time():
    network = Places()
    stitched(network, torch.rand(1, 1, 64, 64), None, Tiling((64, 64), 16, "hard", 4))
    assert network.batches == [CHUNK] * 4


def test_what_a_hard_tile_lacks_is_mirrored():
    class Ends(Places):
        def forward(self, frames, state=None):
            self.last = frames
            return frames, None

    network, frames = Ends(), torch.arange(22.0).expand(1, 1, 22, 22).contiguous()
    stitched(network, frames, None, Tiling((22, 22), 16, "hard", 4))
    assert network.last[-1, 0, 0, 0].tolist() == [16, 17, 18, 19, 20, 21, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12]


@stitches
@pytest.mark.parametrize("size", [(40, 56), (20, 100), (17, 33)])
def test_tiles_of_a_recurrent_network_carry_their_state(stitch, size):
    frames = Lazy(6, size)
    whole = np.stack(list(recurrent(warm_up=2).raw(frames)))
    tiled = np.stack(list(recurrent(warm_up=2, tile=16, stitch=stitch).raw(frames)))
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    forgetful = np.stack([next(recurrent(warm_up=0).raw(frames[t : t + 1])) for t in range(6)])
    assert np.abs(forgetful - whole).max() > 0.5, "a state that is lost would show"


@pytest.mark.parametrize("name", list(NETWORKS))
def test_hard_tiles_of_every_network_are_as_movies_of_their_own(name):
    torch.manual_seed(0)
    network = NETWORKS[name](2, Config(widths="4,8")).eval()
    frames, state, streamed = torch.randn(3, 1, 16, 48), None, []
    with torch.inference_mode():
        for t in range(3):
            maps, state = stitched(network, frames[t : t + 1], state, Tiling((16, 48), 8, "hard", 2))
            streamed.append(maps)
        alone = [network(frames[None, :, :, y : y + 8, x : x + 8])[0][0] for y in (0, 8) for x in range(0, 48, 8)]
    rows = [torch.cat(alone[:6], dim=-1), torch.cat(alone[6:], dim=-1)]
    np.testing.assert_allclose(torch.cat(streamed), torch.cat(rows, dim=-2), atol=1e-5)


@stitches
def test_a_movie_is_streamed_in_constant_memory(stitch):
    frames = Lazy(10**9)
    found = recurrent(tile=16, stitch=stitch).segment(frames)
    assert frames.asked == 0
    for _ in range(7):
        next(found)
    assert (frames.asked, frames.furthest) == (4, 6), "four to warm up, then one by one"


def test_a_state_grows_with_the_frame_and_not_with_the_movie():
    model = recurrent(tile=16, stitch="hard").model
    _, state = model.predict(Lazy(1)[:1])
    _, later = model.predict(Lazy(1)[:1], state)
    assert [each.shape for each in later] == [each.shape for each in state] == [(6, 1, 16, 16), (6, 1, 1, 1)]


@stitches
@pytest.mark.parametrize("tile", [0, 16])
@pytest.mark.parametrize("size", [(1, 1, 1), (1, 3, 5), (2, 1, 40), (1, 37, 51), (2, 16, 17)])
def test_frames_of_any_size_and_movies_of_one_frame(size, tile, stitch):
    frames = np.random.default_rng(0).integers(0, 255, size).astype(np.uint8)
    for segmenter in (unet(tile=tile, stitch=stitch), recurrent(tile=tile, stitch=stitch)):
        raw, labels = list(segmenter.raw(frames)), list(segmenter.segment(frames))
        assert all(np.isfinite(each).all() and each.shape[1:] == size[1:] for each in raw)
        assert [each.shape for each in labels] == [size[1:]] * size[0]


@stitches
@pytest.mark.parametrize("tile", [40, 48])
def test_a_tile_as_large_as_the_frame_is_the_whole_frame(stitch, tile):
    frames = Lazy(1, (37, 40))[:1]
    whole, tiled = (next(unet(**given).raw(frames)) for given in ({}, {"tile": tile, "stitch": stitch}))
    np.testing.assert_array_equal(tiled, whole)
    assert not Tiling((37, 40), tile, stitch, 2).near_seams(4).any()


def test_blended_tiles_come_nearer_to_the_whole_frame_than_hard_ones():
    frames = toy_frame(toy_labels(0), 0)[None]
    whole = next(unet().raw(frames))
    near = Tiling((96, 96), 32, "hard").near_seams(3)
    errors = [np.abs(next(unet(tile=32, stitch=each).raw(frames)) - whole)[:, near].mean() for each in STITCHES]
    hard, taper = errors
    assert taper < hard / 2


def test_seams_lie_where_one_tile_takes_over():
    assert Tiling((518, 535), 160, "hard").seams == ((160, 320, 480), (160, 320, 480))
    assert Tiling((518, 100), 160, "hard").seams == ((160, 320, 480), ())
    tiling = Tiling((60, 90), 32, "taper")
    for axis, seams in zip(tiling.axes, tiling.seams, strict=True):
        placed = np.zeros((len(axis.starts), len(axis.pixels)))
        for row, start, weight in zip(placed, axis.starts, axis.weights, strict=True):
            row[start : start + axis.side] = weight
        np.testing.assert_allclose(placed.sum(0), 1, atol=1e-6)
        for n, seam in enumerate(seams):
            assert placed[n, seam - 1] >= placed[n + 1, seam - 1]
            assert placed[n + 1, seam] >= placed[n, seam]


def test_pixels_near_a_seam():
    near = Tiling((20, 36), 16, "hard").near_seams(2)
    assert np.flatnonzero(near[0]).tolist() == [14, 15, 16, 17, 30, 31, 32, 33]
    assert np.flatnonzero(near[:, 0]).tolist() == [14, 15, 16, 17]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tile": 30, "widths": "4,8,8"}, r"--tile is 30: unet with widths 4,8,8 needs a multiple of 4, as 28 or 32"),
        ({"tile": 1, "widths": "4,8"}, r"--tile is 1: unet with widths 4,8 needs a multiple of 2, as 2"),
        ({"tile": 32, "frame_size": 64}, r"--tile is 32: it must be 0 where --frame-size resizes whole frames"),
        ({"tile": -8}, r"--tile is -8: it must be 0 or more"),
        ({"tile": 32, "stitch": "glue"}, r"--stitch is 'glue': it must be one of taper, hard"),
        ({"tile": 32, "model": "classical"}, r"--tile is 32: classical makes no maps that could be blended; leave it"),
    ],
)
def test_tiles_that_can_not_be(given, message):
    with pytest.raises(CytolapseError, match=message):
        Segmenter.build(Config(**given))


def test_a_stored_model_is_tiled_otherwise_when_asked(tmp_path):
    unet(tile=32).save(tmp_path)
    kept, other, whole = (
        Segmenter.load(tmp_path, "cpu", **given) for given in ({}, {"tile": 16, "stitch": "hard"}, {"tile": 0})
    )
    assert (kept.config.tile, kept.config.stitch) == (32, "taper")
    assert other.tiling((40, 40)).seams == ((16, 32), (16, 32))
    frames = Lazy(1, (48, 48))[:1]
    np.testing.assert_array_equal(next(whole.raw(frames)), next(unet().raw(frames)))
    with pytest.raises(CytolapseError, match="--stitch is hard, but the model sees whole frames: give --tile too"):
        Segmenter.load(tmp_path, "cpu", tile=0, stitch="hard")
