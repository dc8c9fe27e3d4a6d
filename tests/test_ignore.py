"""The ignore list: what it names is neither learned nor scored, and what does not fit is refused."""

import json

import numpy as np
import pytest
import torch
from conftest import toy_labels

from cytolapse.config import Config
from cytolapse.data import open_dataset
from cytolapse.data.ignore import Ignored, data_key, parse_ignore, read_ignore
from cytolapse.errors import CytolapseError
from cytolapse.heads import HEADS
from cytolapse.metrics import Truth, match, summarise
from cytolapse.tracking import logged
from trainers import checkpoint
from trainers.clips import Clips, find_cells

HEADER = "data,sequence,frame,label,y0,x0,y1,x1"


def listed(toy, path, *rows):
    """A list of rows `sequence,frame,label,y0,x0,y1,x1`."""
    key = data_key(open_dataset(toy))
    path.write_text("\n".join([HEADER, *(f"{key},{row}" for row in rows)]) + "\n")
    return path


def twin(truth, pred, ids, boxes, covered=0.5):
    """What counts, pixel by pixel: ids of the truth objects and of the predictions that stay."""
    inside = np.isin(truth, list(ids))
    for y0, x0, y1, x1 in boxes:
        for y in range(y0, y1):
            for x in range(x0, x1):
                inside[y, x] |= truth[y, x] == 0
    kept = [i for i in np.unique(truth) if i and i not in ids]
    stays = []
    for p in (i for i in np.unique(pred) if i):
        lies = np.mean(inside[pred == p]) > covered
        holds = any(np.mean((pred == p)[truth == i]) > covered for i in kept)
        if not lies or holds:
            stays.append(p)
    return kept, stays


@pytest.mark.parametrize("seed", range(12))
def test_what_stays_is_what_the_plain_way_keeps(seed):
    rng = np.random.default_rng(seed)
    blocks = [np.kron(rng.integers(0, 4, (5, 5)), np.ones((4, 4), int)) for _ in range(2)]
    truth, pred = blocks[0] * 7, np.roll(blocks[1], rng.integers(0, 3), axis=1) * 3
    ignored = Ignored(frozenset({7}), ((0, 2, 9, 12), (15, 0, 20, 6)))
    labels, box = ignored.drawn(truth)
    found = Truth(labels, "01", 3, False, ignored.labels | {box}, box).match(pred)
    kept, stays = twin(truth, pred, ignored.labels, ignored.boxes)
    assert found.table.truth.ids.tolist() == kept
    assert found.table.prediction.ids.tolist() == stays
    assert (found.sequence, found.frame, found.full) == ("01", 3, False)
    assert found.ignored_truth == 1
    assert found.ignored_pred == len(np.unique(pred)) - 1 - len(stays)
    plain = match(np.where(np.isin(truth, kept), truth, 0), np.where(np.isin(pred, stays), pred, 0))
    assert found.iou.tolist() == plain.iou.tolist()
    assert found.level.tolist() == plain.level.tolist()
    assert summarise([found]).scores["seg"] == summarise([plain]).scores["seg"]


def test_nothing_ignored_changes_nothing():
    truth = toy_labels(20)
    one, other = Truth(truth).match(np.roll(truth, 3)), match(truth, np.roll(truth, 3))
    assert one.table.shared.tolist() == other.table.shared.tolist()
    assert one.ignored_truth == one.ignored_pred == 0


def test_a_slice_of_a_movie_keeps_what_is_ignored_in_its_frames(toy, tmp_path):
    listing = read_ignore(listed(toy, tmp_path / "list.csv", "01,12,2,,,,", "1,30,,0,0,9,9"))
    dataset = open_dataset(toy, listing)
    movie = dataset.movies["01"]
    assert dataset.ignore is listing
    assert movie.references["silver"].ignored[12] == Ignored(frozenset({2}))
    part = movie[10:20].references["silver"]
    assert list(part.ignored) == [2] and not movie.references["gold"].ignored
    assert Truth.of(movie[10:20], part, 2).ignored == {2}
    assert Truth.of(movie, movie.references["gold"], 12).ignored == frozenset(), "gold is never ignored"


def test_the_digest_is_of_what_is_ignored(toy):
    key = data_key(open_dataset(toy))
    plain = parse_ignore(f"{HEADER}\n{key},01,12,3,,,,\n{key},01,13,,1,2,3,4\n", "a")
    semicolons = f"rank;data;sequence;frame;label;y0;x0;y1;x1\r\n2;{key};01;13;;1;2;3;4\r\n1;{key};01;12;3;;;;\r\n"
    assert plain.digest == parse_ignore(semicolons, "b").digest
    assert plain.digest != parse_ignore(f"{HEADER}\n{key},01,12,3,,,,\n", "c").digest


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["01,12,9,,,,"], "line 2: its frame has no silver object 9: there are 1, 2, 5, 6"),
        (["01,0,1,,,,", "01,40,1,,,,"], "line 3: sequence 01 has no frame 40: its frames are 0 to 39"),
        (["03,0,1,,,,"], "line 2: there is no sequence '03': there are 01"),
        (["01,0,,0,0,97,5"], "line 2: the box (0, 0, 97, 5) does not lie in the frame of 96 x 96 px"),
        (["01,0,,5,0,5,9"], "line 2: the box (5, 0, 5, 9) does not lie in the frame"),
        (["01,0,,5,0,,9"], "line 2: a box takes all of y0, x0, y1, x1"),
        (["01,0,,,,,"], "line 2 names neither a label nor a box"),
        (["01,first,1,,,,"], "line 2: frame is 'first', where a whole number is expected"),
        ([",0,1,,,,"], "line 2: sequence is empty"),
        ([], "has no rows, so it ignores nothing: leave out --ignore"),
    ],
)
def test_a_list_that_does_not_fit_is_refused(rows, message, toy, cli, tmp_path):
    path = listed(toy, tmp_path / "list.csv", *rows)
    code, _, err = cli("train", "classical", "--data", toy, "--ignore", path, "--tracking", "spool:run")
    assert code == 1 and err.startswith("error: ") and len(err.splitlines()) == 1
    assert str(path) in err and message in err
    assert not (tmp_path / "run").exists(), "nothing is begun"


def test_a_list_of_other_data_is_refused(toy, cli, tmp_path):
    path = listed(toy, tmp_path / "list.csv", "01,0,1,,,,")
    own = path.read_text()
    for text, message in (
        (own.replace("toy:", "other:"), "it is of the data 'other:"),
        (own.replace(open_dataset(toy).digest, "0" * 16), f"{toy} has changed since that list was made"),
        (own.replace("label", "cell"), "has no column label: an ignore list is the audit.csv of `cytolapse audit`"),
        ("", "has no column data, sequence, frame"),
    ):
        path.write_text(text)
        code, _, err = cli("train", "classical", "--data", toy, "--ignore", path, "--tracking", "spool:run")
        assert code == 1 and message in err, err
    path.write_bytes(b"\xff\xfe\x00")
    for wrong, message in ((path, "it is no UTF-8 text"), (tmp_path / "none.csv", "No such file")):
        code, _, err = cli("train", "classical", "--data", toy, "--ignore", wrong, "--tracking", "spool:run")
        assert code == 1 and f"{wrong} can't be read ({message}" in err


def test_scores_leave_out_what_is_ignored_and_the_run_keeps_the_list(toy, cli, tmp_path):
    assert cli("train", "classical", "--data", toy, "--tracking", "spool:run")[0] == 0
    assert cli("evaluate", "spool:run", "--data", toy)[0] == 0
    before = json.loads(logged("spool:run").artifact("curves/test-silver.json").read_text())
    assert logged("spool:run").tags["cytolapse.ignore.test"] == ""
    path = listed(toy, tmp_path / "list.csv", "01,36,1,,,,", "01,36,,30,20,50,40")
    assert cli("evaluate", "spool:run", "--data", toy, "--ignore", path)[0] == 0
    run = logged("spool:run")
    after = json.loads(run.artifact("curves/test-silver.json").read_text())
    assert (after["ignored_truth"], before["ignored_truth"]) == (1, 0)
    assert after["n_truth"] == before["n_truth"] - 1
    assert after["n_pred"] == before["n_pred"] - after["ignored_pred"]
    assert run.metrics["test/silver/ignored_truth"] == 1
    assert "The ignore list leaves out 1 objects" in run.artifact("test/report.md").read_text()
    gold = json.loads(run.artifact("curves/test-gold.json").read_text())
    assert gold["ignored_truth"] == gold["ignored_pred"] == 0
    assert run.artifact("test/ignore.csv").read_text() == path.read_text()
    assert run.tags["cytolapse.ignore.test"] == read_ignore(path).digest


def clips(toy, listing=None, **given):
    config = Config(**{"crop": 40, "clip": 2, "batch": 2, "train_steps": 60, "head": "semantic", **given})
    return Clips(list(open_dataset(toy, listing).movies.values()), HEADS[config.head]().encode, config)


def test_a_frame_is_unknown_where_something_ignored_lies_in_its_crop(toy, tmp_path):
    rows = [f"01,{t},1,,,," for t in range(0, 40, 2)]
    listing = read_ignore(listed(toy, tmp_path / "list.csv", *rows))
    dataset = open_dataset(toy, listing)
    left = find_cells([dataset.movies["01"]], "silver")
    every = find_cells([open_dataset(toy).movies["01"]], "silver")
    assert len(left) == len(every) - 20, "no clip is drawn for what is ignored"
    seen = []
    for n in range(60):
        drawn = clips(toy, listing, sample="cells", augment="geometry")
        frames, targets, known, _ = drawn[n]
        chain, link = drawn._place(n)
        for t, told, target in zip(chain.times[2 * link :][:2], known, targets, strict=True):
            seen.append((t % 2 == 0, bool(told), bool((target > 0).any())))
        assert frames.shape[0] == 2
    assert all(told for even, told, _ in seen if not even)
    assert {told for even, told, _ in seen if even} == {True, False}, "only where it lies in the crop"
    whole = clips(toy, listing, frame_size=48, clip=2, augment="none")
    for n in range(8):
        times = whole._place(n)[0].times[2 * whole._place(n)[1] :][:2]
        assert whole[n][2].tolist() == [t % 2 == 1 for t in times]


def test_without_anything_ignored_in_them_clips_are_the_same(toy, tmp_path):
    far = read_ignore(listed(toy, tmp_path / "list.csv", "01,0,,0,90,1,91"))
    for n in range(6):
        one, other = clips(toy)[n], clips(toy, far)[n]
        assert all(torch.equal(a, b) for a, b in zip(one[:2], other[:2], strict=True))


TINY = "--widths 4,8 --crop 48 --batch 2 --train-steps 4 --validate-every 2 --validate-frames 2".split()


def test_a_resumed_training_keeps_its_list(toy, cli, tmp_path):
    path = listed(toy, tmp_path / "list.csv", "01,3,1,,,,", "01,25,,0,0,20,20")
    words = ("train", "unet", "--data", toy)
    assert cli(*words, *TINY, "--ignore", path, "--tracking", "spool:run")[0] == 0
    assert checkpoint.load(tmp_path / "run/checkpoints/last.pt")["ignore"] == path.read_text()
    assert logged("spool:run").tags["cytolapse.ignore"] == read_ignore(path).digest
    assert logged("spool:run").artifact("ignore.csv").read_text() == path.read_text()
    assert cli(*words, "--resume", "spool:run")[0] == 0
    assert logged("spool:run").tags["cytolapse.ignore.val"] == read_ignore(path).digest
    assert cli(*words, "--resume", "spool:run", "--ignore", path)[0] == 0
    other = listed(toy, tmp_path / "other.csv", "01,3,1,,,,")
    code, _, err = cli(*words, "--resume", "spool:run", "--ignore", other)
    assert code == 1
    assert "that run was trained with another ignore list, which can't be changed with --resume" in err


def test_two_runs_scored_with_different_lists_are_not_compared(toy, cli, tmp_path, store):
    path = listed(toy, tmp_path / "list.csv", "01,25,1,,,,")
    runs = []
    for more in ((), ("--ignore", path)):
        code, out, err = cli("train", "classical", "--data", toy, *more)
        assert code == 0, err
        runs.append(out.split()[-1])
    code, _, err = cli("promote", *runs)
    assert code == 1 and "were scored on different data or by different rules" in err


def test_a_box_of_a_label_that_fills_16_bits_can_be_drawn():
    labels, box = Ignored(frozenset(), ((0, 0, 2, 2),)).drawn(
        np.full((2, 3), 65535, np.uint16) * np.eye(2, 3, dtype=np.uint16)
    )
    assert box == 65536 and labels.tolist() == [[65535, 65536, 0], [65536, 65535, 0]]


def test_errors_are_of_our_kind():
    with pytest.raises(CytolapseError, match="line 2: label is '-1', where a whole number is expected"):
        parse_ignore(f"{HEADER}\nx,01,0,-1,,,,\n", "list.csv")
