from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
from audit_world import FAULTY, FRAMES, cells, seen, silver, store_masks, write_world
from dashboard_world import discs, log_scores, make_store, movie, tags
from pages import opened, words

from cytolapse.data import open_dataset
from cytolapse.metrics.bins import by_bin
from cytolapse.previews import FrameView
from cytolapse.tracking import open_store, start_run
from cytolapse.tracking.tables import read_rows
from dashboard.errors.mistakes import KINDS, Mistakes, Wish, kinds_of


@pytest.fixture(scope="module")
def world(module_store):
    """A store with runs, and their ids."""
    return module_store, make_store(module_store)


def cards(at):
    """The links of the gallery, as dictionaries."""
    found = re.findall(r'<a href="movie\?([^"]*)"', words(at))
    return [{key: value[0] for key, value in parse_qs(each.replace("&amp;", "&")).items()} for each in found]


def test_each_cut_out_leads_to_its_place_in_the_movie(monkeypatch, world):
    uri, ids = world
    at = opened(monkeypatch, uri, "errors", run=ids["unet"], reference="silver")
    assert not at.error
    assert not at.warning
    assert at.title[0].value == "Errors"
    assert [(each.label, each.value) for each in at.metric][:4] == [
        ("Missed", "1"),
        ("Merged", "0"),
        ("Split", "0"),
        ("Spurious", "0"),
    ]
    (place,) = cards(at)
    lost = discs(2) == 2
    y, x = (int(each.mean().round()) for each in lost.nonzero())
    assert place == {
        "run": ids["unet"],
        "split": "test",
        "sequence": "02",
        "reference": "silver",
        "frame": "12",
        "y": str(y),
        "x": str(x),
        "zoom": "3",
    }
    assert "data:image/png;base64," in words(at)
    rows = at.dataframe[0].value
    assert rows["frame"].iloc[0] == 12
    assert (rows["kinds"].iloc[0], rows["errors"].iloc[0]) == ("1 missed", 1)
    assert " % of " in words(at)
    for word in ("missed, merged, split", "spurious, merging, fragment"):
        assert word in words(at), "the legend has the words of docs/metrics.md"
    assert parse_qs(urlsplit(rows["movie"].iloc[0]).query)["frame"] == ["12"]


def sizes(t, radii=(4, 9, 13)):
    """(60, 120) labels: discs of these radii that drift."""
    y, x = np.mgrid[:60, :120]
    labels = np.zeros((60, 120), np.uint16)
    for label, (radius, column) in enumerate(zip(radii, (12, 35, 66), strict=True), 1):
        labels[(y - 30) ** 2 + (x - column - t) ** 2 <= radius**2] = label
    return labels


@pytest.fixture(scope="module")
def various(world):
    """A run on cells of three sizes that finds the small one in no frame and the others imprecisely."""
    views = []
    for t in range(25):
        truth = sizes(t)
        views.append(FrameView(t, (90 + 60 * (truth > 0)).astype(np.uint8), sizes(t, (0, 7, 11)), {"silver": truth}))
    with start_run(world[0], name="various", tags=tags("unet", "boundary")) as run:
        log_scores(run, views, "val", "01")
    return run.run_id


def test_the_gallery_has_pages_and_shows_a_place_once(monkeypatch, world, various):
    at = opened(monkeypatch, world[0], "errors", run=various, kind="low", once="0")
    assert [each.value for each in at.metric] == ["25", "0", "0", "25", "50"]
    assert len(cards(at)) == 21
    assert "50 of 50" in words(at)
    at = opened(monkeypatch, world[0], "errors", run=various, kind="low", once="0", page="3")
    assert len(cards(at)) == 50 - 2 * 21
    at = opened(monkeypatch, world[0], "errors", run=various, kind="low")
    assert sorted(int(each["frame"]) for each in cards(at)) == [0, 0, 10, 10, 20, 20]


def test_filters_leave_fewer(monkeypatch, world, various):
    areas = sorted(np.bincount(sizes(0).ravel())[1:])
    at = opened(monkeypatch, world[0], "errors", run=various, kind="low", once="0", area=f"0-{areas[1]}")
    assert at.slider[0].value[1] == areas[1]
    assert "25 of 25" in words(at)
    at = opened(monkeypatch, world[0], "errors", run=various, kind="low", once="0", size=">=2")
    assert "25 of 25" in words(at)
    at = opened(monkeypatch, world[0], "errors", run=various, kind="missed", size=">=2")
    assert cards(at) == []
    assert "Nothing missed among the objects that the filters leave" in words(at)


def test_a_nonsense_range_in_the_link_is_told(monkeypatch, world, various):
    at = opened(monkeypatch, world[0], "errors", run=various, area="x")
    assert "area" in at.warning[0].value


def test_nothing_wrong_is_good_news(monkeypatch, store):
    views = [FrameView(n, view.image, view.references["silver"], view.references) for n, view in enumerate(movie(0, 3))]
    with start_run(store, name="perfect", tags=tags("unet", "boundary")) as run:
        log_scores(run, views, "test")
    at = opened(monkeypatch, store, "errors", reference="silver")
    assert "No errors at all" in at.success[0].value


def test_tables_of_an_older_version_ask_for_an_evaluation(monkeypatch, store, tmp_path):
    with start_run(store, name="old", tags=tags("unet", "boundary")) as run:
        log_scores(run, movie(1), "test")
        old = pd.DataFrame([{"reference": "gold", "sequence": "02", "frame": 1, "kind": "matched"}])
        for name in ("objects", "frames"):
            old.to_parquet(tmp_path / f"{name}.parquet")
            run.artifact(tmp_path / f"{name}.parquet", "test")
    at = opened(monkeypatch, store, "errors", run=run.run_id)
    assert "Evaluate this run again" in words(at)
    assert "older version" in words(at)
    assert at.code[0].value == f"cytolapse evaluate {run.run_id} --data DATA"


def test_without_stored_frames_the_numbers_remain(monkeypatch, store):
    with start_run(store, name="lost", tags=tags("unet", "boundary")) as run:
        log_scores(run, movie(1), "test")
    open_store(store).artifact(run.run_id, "test/previews/02.zip").unlink()
    at = opened(monkeypatch, store, "errors", run=run.run_id, reference="silver")
    assert not at.error
    assert at.metric[0].value == "1"
    assert "no frames are stored" in at.info[0].value


def test_damaged_frames_are_told(monkeypatch, store):
    with start_run(store, name="torn", tags=tags("unet", "boundary")) as run:
        log_scores(run, movie(1), "test")
    open_store(store).artifact(run.run_id, "test/previews/02.zip").write_bytes(b"no zip")
    at = opened(monkeypatch, store, "errors", run=run.run_id, reference="silver")
    assert at.warning[0].value == "The stored frames of sequence 02 are damaged: evaluate the run again."
    assert at.metric[0].value == "1"


def test_damaged_tables_ask_for_an_evaluation_without_the_words_of_an_exception(monkeypatch, store):
    with start_run(store, name="torn", tags=tags("unet", "boundary")) as run:
        log_scores(run, movie(1), "test")
    open_store(store).artifact(run.run_id, "test/objects.parquet").write_bytes(b"no table")
    at = opened(monkeypatch, store, "errors", run=run.run_id)
    said = words(at).replace("\\", "")
    assert "The table test/objects.parquet is damaged: evaluate the run again" in said
    assert "magic" not in said and f"of run {run.run_id}" not in said


@pytest.mark.parametrize("which", ["bare", "failed"])
def test_a_run_that_was_not_evaluated(monkeypatch, world, which):
    uri, ids = world
    at = opened(monkeypatch, uri, "errors", run=ids[which])
    assert "Not evaluated yet" in words(at)


def test_an_unknown_run_in_the_link_is_told(monkeypatch, world):
    at = opened(monkeypatch, world[0], "errors", run="0" * 32)
    assert "The link asks for what is not here" in at.warning[0].value


def test_no_store(monkeypatch, tmp_path):
    at = opened(monkeypatch, f"sqlite:///{tmp_path / 'mlflow.db'}", "errors")
    assert "No runs yet" in words(at)


def rows_of(world, run_id):
    files = {name: open_store(world[0]).artifact(run_id, f"val/{name}.parquet") for name in ("objects", "frames")}
    return [read_rows(file, name, name) for name, file in files.items()]


def test_kinds_and_bins_are_those_of_the_evaluation(world, various):
    objects, frames = rows_of(world, various)
    mistakes = Mistakes(objects, frames, "silver")
    counted = mistakes.counts(Wish())
    for kind in ("missed", "merged", "split", "spurious"):
        assert counted[kind] == sum(row["kind"] == kind for row in objects)
    found = mistakes.scores("all")
    expected = by_bin(objects)
    assert list(found) == ["size"]
    for kind, bins in found.items():
        assert bins == {name: row for name, row in expected[kind].items() if row["n"]}


def test_kinds_of_a_frame_add_up_to_its_errors(world, various):
    rows = Mistakes(*rows_of(world, various), "silver").frames
    assert any(row["errors"] for row in rows)
    for row in rows:
        told = kinds_of(row)
        assert sum(int(part.split()[0]) for part in told.split(", ") if part) == row["errors"]
    frame = {"missed": 1, "merged": 0, "split": 1, "spurious": 7, "merging": None, "fragment": 2}
    assert kinds_of(frame) == "7 spurious, 2 fragment, 1 missed, 1 split"


def test_bins_share_out_the_objects_of_a_kind(world, various):
    mistakes = Mistakes(*rows_of(world, various), "silver")
    names = mistakes.bins()["size"]
    assert len(names) > 1
    for kind in KINDS:
        parts = [mistakes.of(kind, Wish(bins={"size": [name]})) for name in names]
        assert sum(map(len, parts)) == len(mistakes.of(kind, Wish()))
    assert mistakes.of("missed", Wish(sequence="99")) == []


def test_a_logged_audit_stands_beside_the_errors(monkeypatch, store, tmp_path, cli):
    """The audit of silver, the cells of which are in doubt, and its sheets; it is no run of the leaderboard."""
    dataset = open_dataset(write_world(tmp_path / "world"))
    spools = [
        store_masks(dataset, tmp_path / f"m{n}", {"01": {t: seen(t, n) for t in range(FRAMES)}}) for n in range(3)
    ]
    views = [
        FrameView(t, (90 + 60 * (silver(t) > 0)).astype(np.uint8), cells(t), {"silver": silver(t)}) for t in (2, 3)
    ]
    own = {**tags("unet", "boundary", dataset.name), "cytolapse.digest": dataset.digest}
    with start_run(store, name="unet", tags=own) as run:
        log_scores(run, views, "test", "01")
    before = opened(monkeypatch, store, "errors", run=run.run_id, reference="silver")
    assert before.code[-1].value.endswith("--log")
    code, out, err = cli(
        "audit", dataset.path, "--runs", *spools, "--out", tmp_path / "out", "--log", "--tracking", store
    )
    assert code == 0, err
    assert "run_id: " in out
    at = opened(monkeypatch, store, "errors", run=run.run_id, reference="silver", kind="spurious", once="0")
    findings = at.dataframe[1].value
    assert findings["frame"].iloc[0] == FAULTY
    assert "audit #" in words(at), "the cell that silver lacks is no error of the run"
    assert "The picture of this finding is gone" not in words(at)
    csv = next(open_store(store).artifact(each, "audit/audit.csv") for each in open_store(store).runs()["run_id"]
               if "audit/audit.csv" in open_store(store).artifacts(each))  # fmt: skip
    kept = csv.read_bytes()
    csv.write_bytes(b"")
    torn = opened(monkeypatch, store, "errors", run=run.run_id, reference="silver")
    assert "The audit of these data is damaged" in torn.warning[0].value
    assert len(torn.metric) == 5, "the errors are shown all the same"
    csv.write_bytes(kept)
    board = opened(monkeypatch, store, "runs")
    assert all("audit" not in str(table.value.get("name")) for table in board.dataframe)
