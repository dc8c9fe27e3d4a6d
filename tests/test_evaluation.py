"""Evaluation and validation: what is scored is what is stored, against the right truth, on the right frames."""

import zipfile
from dataclasses import replace
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
import tifffile
from conftest import write_toy
from PIL import Image

from cytolapse.config import Config
from cytolapse.data import default_split, open_dataset
from cytolapse.data.check_tracks import need_valid
from cytolapse.data.ctc import read_tracks
from cytolapse.metrics import SELECTION, match, summarise
from cytolapse.metrics.seams import seam_scores
from cytolapse.previews import Previews
from cytolapse.segmenter import Segmenter
from trainers.evaluation import Evaluation
from trainers.masks import Segmented
from trainers.report import report
from trainers.search import search
from trainers.validate import Validation

CLASSICAL = Config(recipe="classical", model="classical", network="", head="")


@pytest.fixture
def segmenter():
    return Segmenter.build(CLASSICAL)


@pytest.fixture
def evaluated(toy, segmenter, tmp_path):
    dataset = open_dataset(toy)
    movies = default_split(dataset).movies(dataset, "test")
    evaluation = Evaluation(movies, 0, tmp_path / "masks", tmp_path / "test")
    evaluation.segment(Segmented(segmenter))
    results = evaluation.score()
    evaluation.pack(results)
    return evaluation, results


def test_stored_masks_give_the_reported_scores(evaluated, tmp_path):
    evaluation, results = evaluated
    movie = evaluation.movies[0]
    with zipfile.ZipFile(tmp_path / "test/masks/01.zip") as archive:
        masks = [tifffile.imread(BytesIO(archive.read(name))) for name in sorted(archive.namelist())[:-1]]
        ids = {t: set(np.unique(mask).tolist()) - {0} for t, mask in enumerate(masks, start=32)}
        tracks = read_tracks(zipfile.Path(archive, "res_track.txt"))
    need_valid("res_track.txt", tracks, ids)
    silver = summarise(
        [match(np.asarray(truth), mask) for truth, mask in zip(movie.references["silver"].labels, masks, strict=True)]
    )
    for name in ("seg", "pixel_iou", "det_masks"):
        assert silver.scores[name] == pytest.approx(results["silver"].scores[name], abs=1e-12)


def test_gold_is_scored_on_its_own_frames_and_det_on_the_markers_of_all(evaluated):
    results = evaluated[1]
    assert (results["gold"].frames, results["silver"].frames) == (2, 8)
    assert results["gold"].n_truth == 8
    assert results["gold"].scores["det"] is not None
    assert results["silver"].scores["det"] is None


def test_tracks_are_scored_within_the_part_beside_gold(evaluated):
    results = evaluated[1]
    gold = results["gold"]
    assert gold.pool.links.truth == 4 * 7, "four cells live through the 8 frames; the division lies before them"
    assert 0.9 < gold.scores["tra"] <= 1 and gold.by_sequence["01"]["lnk"] == gold.scores["lnk"]
    assert gold.scores["op_ctb"] == pytest.approx((gold.scores["seg"] + gold.scores["tra"]) / 2)
    assert results["silver"].scores["tra"] is None


def test_masks_with_more_tracks_than_ids_stay_as_they_are(toy, segmenter, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("cytolapse.linking.HIGHEST", 1)
    dataset = open_dataset(toy)
    movies = default_split(dataset).movies(dataset, "test")
    evaluation = Evaluation(movies, 0, tmp_path / "masks", tmp_path / "test")
    evaluation.segment(Segmented(segmenter))
    results = evaluation.score()
    evaluation.pack(results)
    assert "the masks are not linked, and track scores not defined" in caplog.text
    assert results["gold"].scores["tra"] is None and results["gold"].scores["det"] is not None
    with zipfile.ZipFile(tmp_path / "test/masks/01.zip") as archive:
        assert len(archive.namelist()) == 8 and "res_track.txt" not in archive.namelist()


def test_tables_and_pictures(evaluated, tmp_path):
    results = evaluated[1]
    objects = pd.read_parquet(tmp_path / "test/objects.parquet")
    for name, result in results.items():
        rows = objects[objects["reference"] == name]
        assert (rows["side"] == "truth").sum() == result.n_truth
        assert (rows["side"] == "prediction").sum() == result.n_pred
        assert (rows[rows["side"] == "truth"]["kind"] == "matched").sum() == result.errors["matched"]
    silver = objects[(objects["reference"] == "silver") & (objects["side"] == "truth")]
    assert set(silver["track"]) <= {1, 3, 4, 5} and silver["track"].notna().all(), "tracks are found under the masks"
    born = silver[silver["track"].isin([3, 4])]
    assert (born["since_division"] == born["frame"] - 15).all() and silver["until_division"].isna().all()
    frames = pd.read_parquet(tmp_path / "test/frames.parquet")
    assert len(frames[frames["reference"] == "silver"]) == 8
    previews = Previews(tmp_path / "test/previews/01.zip")
    assert list(previews.numbers) == list(range(32, 40))
    assert set(previews.frame(32).references) == {"silver", "gold"}
    assert set(previews.frame(33).references) == {"silver"}
    with Image.open(tmp_path / "test/overlay.webp") as movie:
        assert movie.n_frames == 8


def test_false_positives_count_only_where_the_truth_is_full(tmp_path, segmenter):
    data = write_toy(tmp_path / "toy")
    gold = data / "01_GT/SEG/man_seg036.tif"
    sparse = tifffile.imread(gold)
    sparse[sparse != 5] = 0
    tifffile.imwrite(gold, sparse)
    dataset = open_dataset(data)
    movies = default_split(dataset).movies(dataset, "test")
    evaluation = Evaluation(movies, 0, tmp_path / "masks", tmp_path / "test")
    evaluation.segment(Segmented(segmenter))
    result = evaluation.score()["gold"]
    assert (result.frames, result.full_frames) == (2, 1)
    predictions = [row for row in result.objects if row["side"] == "prediction"]
    assert sum(row["kind"] == "spurious" for row in predictions) == result.errors["spurious"]
    assert {row["kind"] for row in predictions if row["frame"] == 36} <= {"unjudged", "matched"}


def test_the_report_says_what_was_scored(toy, segmenter, evaluated):
    text = report("test", open_dataset(toy), Segmented(segmenter), evaluated[1], {})
    assert "# classical on the test part of toy" in text
    assert "2 frames (2 of them fully annotated" in text
    assert "| seg | " in text
    assert "SEG does not count false positives" in text
    assert text.count("not defined") == 5, "det, op_csb and scores of tracks are not defined against silver"


def test_a_tiled_run_says_how_cells_fare_near_seams(toy, tmp_path):
    """Shifted truth is the prediction: a cell's IoU is known, and so is whether it comes near a seam."""
    dataset = open_dataset(toy)
    movies = default_split(dataset).movies(dataset, "test")
    evaluation = Evaluation(movies, 0, tmp_path / "masks", tmp_path / "test")
    tiled = Segmented(Segmenter.build(Config(recipe="unet", widths="4,8", tile=48, stitch="hard")))
    truths = [np.asarray(labels) for labels in movies[0].references["silver"].labels]
    near = {(t, label) for t, each in enumerate(truths) for label in np.unique(each[44:52]) if label}
    near |= {(t, label) for t, each in enumerate(truths) for label in np.unique(each[:, 44:52]) if label}
    (tmp_path / "masks/01").mkdir(parents=True)
    for t, (number, truth) in enumerate(zip(movies[0].numbers, truths, strict=True)):
        harmed = np.isin(truth, [label for at, label in near if at == t])
        found = np.where(harmed & (np.arange(96) % 2 == 0), 0, truth)
        tifffile.imwrite(tmp_path / f"masks/01/mask{number:04d}.tif", found)
    results = evaluation.score(evaluation.near(tiled))
    seams = {name: seam_scores(result.objects) for name, result in results.items()}
    count = sum(len(np.unique(each)) - 1 for each in truths)
    assert (seams["silver"]["n_near_seams"], seams["silver"]["n_away_from_seams"]) == (len(near), count - len(near))
    assert seams["silver"]["iou_near_seams"] == pytest.approx(0.5, abs=0.05)
    assert seams["silver"]["iou_away_from_seams"] == 1
    text = report("test", dataset, tiled, results, seams)
    assert "Segmented in tiles of 48 x 48 px, put together by `hard`." in text
    assert f"(n = {len(near)}) within 4 px of a seam between tiles, 1.000 (n = {count - len(near)}) away" in text
    whole, classical = (Segmented(Segmenter.build(each)) for each in (Config(recipe="unet", widths="4,8"), CLASSICAL))
    assert evaluation.near(whole) == evaluation.near(classical) == {}


def test_missed_cells_count_as_0_near_seams_and_nothing_is_no_number():
    rows = [{"side": "truth", "near_seam": True, "iou": iou} for iou in (0.8, 0)]
    rows.append({"side": "prediction", "near_seam": None, "iou": 0.1})
    assert seam_scores(rows) == {
        "iou_near_seams": 0.4,
        "iou_away_from_seams": None,
        "n_near_seams": 2,
        "n_away_from_seams": 0,
    }


def validation(toy, limit):
    dataset = open_dataset(toy)
    return Validation(default_split(dataset).movies(dataset, "validation"), "silver", 0, limit)


def test_the_search_scores_as_validation_does(toy, segmenter):
    whole = validation(toy, 4)
    table = search(segmenter, whole.cached(segmenter))
    there = segmenter.at(table.chosen)
    scores = whole._score([there.decode(raw) for raw in whole.raw(there)]).scores
    assert table.frames == 4
    assert max(table.scores) == scores[SELECTION] > 0.5


@pytest.mark.parametrize(("limit", "frames"), [(1, 1), (2, 2), (3, 2), (99, 4)])
def test_at_most_that_many_frames_evenly_spaced(toy, segmenter, limit, frames):
    assert len(validation(toy, limit).raw(segmenter)) == frames


@pytest.mark.parametrize("limit", [1, 4])
def test_a_recurrent_network_is_validated_on_frames_in_a_row(toy, limit):
    dataset = open_dataset(toy)
    whole = Validation([dataset.movies["01"]], "gold", 0, limit, stretch=4)
    numbers = [int(movie.numbers[t]) for movie, t in whole._scored]
    assert numbers == [0, 4, 8, 12, 16, 20, 24, 28, 32, 36][:: -(-10 // limit)], "gold knows one frame in four"
    dense = Validation([dataset.movies["01"]], "silver", 0, 8, stretch=4)
    assert [int(movie.numbers[t]) for movie, t in dense._scored] == [0, 1, 2, 3, 20, 21, 22, 23]


def test_stretches_do_not_overlap_where_known_frames_lie_in_a_cluster(toy):
    movie = open_dataset(toy).movies["01"]
    truth = movie.references["silver"]
    clustered = replace(truth, known=(np.arange(len(movie)) >= 30) & (np.arange(len(movie)) < 40))
    movie = replace(movie, references={"silver": clustered})
    seen = [t for _, t in Validation([movie], "silver", 0, 24, stretch=4)._scored]
    assert seen == list(range(30, 40))


def test_validation_counts_false_positives_only_where_the_truth_is_full(tmp_path):
    data = write_toy(tmp_path / "toy")
    for number in (20, 24):
        path = data / f"01_GT/SEG/man_seg{number:03d}.tif"
        sparse = tifffile.imread(path)
        tifffile.imwrite(path, np.where(sparse == 5, sparse, 0) if number == 24 else sparse)
    dataset = open_dataset(data)
    movies = default_split(dataset).movies(dataset, "validation")
    all_cells = [np.asarray(movie.references["silver"].labels[t]) for movie in movies for t in (1,)]
    assert [int(movie.numbers[1]) for movie in movies] == [24]
    result = Validation(movies, "gold", 0, 9)._score(all_cells)
    assert (result.frames, result.full_frames) == (1, 0)
    assert result.scores["det_masks"] is None
