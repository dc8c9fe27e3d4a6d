"""The report of a study, from lines made by hand."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from metric_twin import boxes

from cytolapse.metrics import match, summarise
from trainers.study import figures, published
from trainers.study.lines import Line, ranked
from trainers.study.report import Section, markdown, page, report_sections
from trainers.study.tables import flat, seed_table, source_table

WHERE = ("val/silver", "test/silver", "test/gold")


def results(shift, frames=90):
    """Results of a segmenter that is off by `shift` px, and their counts."""
    pairs = [(boxes(t, 3), np.roll(boxes(t, 3), shift, axis=1)) for t in range(frames)]
    result = summarise([match(*pair, sequence="01", frame=t) for t, pair in enumerate(pairs)])
    return {"results": dict.fromkeys(WHERE, result.to_json()), "counts": dict.fromkeys(WHERE, result.counts)}


@pytest.fixture(scope="module")
def lines():
    took = {"train/minutes": 2.5, "train/peak_memory_gb": 3.25}
    return [
        Line("unet source", "unet", 10, 300, published="U-Net", **results(0), metrics=took),
        Line("good", "unet", 600, 300, **results(1), metrics=took),
        Line("poor", "unet", 300, 300, **results(3), metrics=took),
        Line("classical", "classical", **results(4)),
        Line("broken", "unet", 20, 300, error="the loss became nan: use a lower --learning-rate"),
    ]


def rows_of(table):
    return {row[0]: row[1:] for row in table[1]}


def test_what_is_not_trained_is_never_ranked(lines):
    assert lines[0].selection > lines[1].selection, "the best score of all"
    assert ranked(lines) == {"good": 1, "poor": 2, "classical": 3}
    ranking = report_sections(lines, "toy")[0].table[1]
    assert [row[:2] for row in ranking] == [
        ["1", "good"], ["2", "poor"], ["3", "classical"], ["-", "unet source"], ["-", "broken"]
    ]  # fmt: skip
    assert ranking[3][-1] == "not trained: 10 of at least 300 steps"
    assert ranking[4][-1] == "failed: the loss became nan: use a lower --learning-rate"


def test_ranks_come_from_validation_and_not_from_test(lines):
    turned = [Line("a", "unet", **results(1)), Line("b", "unet", **results(2))]
    for line, other in zip(turned, turned[::-1], strict=True):
        line.results["test/silver"] = other.results["val/silver"]
    assert turned[1].score("test/silver", "seg") > turned[0].score("test/silver", "seg")
    assert ranked(turned) == {"a": 1, "b": 2}


def test_the_published_columns_count_as_published_and_the_strict_ones_one_to_one(lines):
    row = lines[2].results["test/silver"]["curve"][25]
    assert row["precision_any"] != row["precision"], "or this shows nothing"
    for strict, key in ((False, "precision_any"), (True, "precision")):
        cell = rows_of(source_table(lines, "silver", strict))["poor"][1]
        assert cell.startswith(f"{row[key]:.3f}")


def test_each_published_row_stands_under_its_own_or_at_the_end(lines):
    names = [row[0] for row in source_table(lines, "silver", strict=False)[1]]
    assert names[:2] == ["unet source (not trained)", "published: U-Net"]
    assert names[-2:] == ["published: LSTM U-Net, full frames", "published: LSTM U-Net, crops"]
    rows = rows_of(source_table(lines, "silver", strict=False))
    assert rows["published: U-Net"] == ["0.74", "0.96", "0.99", "0.76", "0.67", "0.07", "0.06"]
    assert rows["published: LSTM U-Net, full frames"] == ["0.54", *["not published"] * 6]
    assert rows["broken (failed)"] == ["-"] * 7


def test_intervals_stand_beside_their_scores(lines):
    result = lines[1].results["test/silver"]
    low, high = (result["intervals"]["seg"][key] for key in ("low", "high"))
    section = next(each for each in report_sections(lines, "toy") if each.title == "Test, gold and silver")
    assert rows_of(section.table)["good"][0] == f"{result['scores']['seg']:.3f} [{low:.3f}, {high:.3f}]"
    row = flat(lines)[1]
    assert (row["test/silver/seg_low"], row["test/silver/seg_high"]) == (low, high)


def test_trained_rows_are_compared_with_the_best_on_validation(lines):
    section = next(each for each in report_sections(lines, "toy") if each.title.startswith("Against"))
    rows = rows_of(section.table)
    assert set(rows) == {"poor", "classical"}, "neither the best itself nor what is not trained"
    assert rows["poor"][0] == "good" and rows["poor"][2] == "0.000"
    assert re.fullmatch(r"-0\.\d{3} \[-0\.\d{3}, -0\.\d{3}\]", rows["poor"][1])


def test_without_blocks_the_reason_is_given():
    short = [Line("a", "unet", **results(0, frames=20)), Line("b", "unet", **results(1, frames=20))]
    section = report_sections(short, "toy")[-1]
    assert section.title == "No interval"
    assert ["test/gold", "blocks of 10 frame numbers that hold scored frames: 2, where 8 are needed"] in section.table[
        1
    ]


def test_other_data_are_no_yardstick(lines):
    texts = {name: report_sections(lines, name)[1].text for name in ("toy", published.DATASET)}
    assert "these are other data (toy)" in texts["toy"]
    assert "other data" not in texts[published.DATASET]


def test_the_flat_table_has_every_number(lines):
    rows = {row["model"]: row for row in flat(lines)}
    assert rows["good"]["seconds"] == 150 and rows["good"]["peak_memory_gb"] == 3.25
    assert rows["unet source"]["published/recall_any_iou_0.50"] == 0.67
    assert rows["good"]["published/pixel_iou"] is None
    assert rows["broken"]["test/gold/seg"] is None and rows["broken"]["place"] is None


def test_the_page_holds_everything_and_runs_nothing(lines):
    png = figures.curves(lines, "test/silver")
    assert png.startswith(b"\x89PNG")
    sections = [*report_sections(lines, "toy"), Section("<Curves>", "a | b", figure=("curves.png", png))]
    text = page("Study & more", sections)
    assert "<h1>Study &amp; more</h1>" in text and "&lt;Curves&gt;" in text
    assert "data:image/png;base64,iVBOR" in text
    assert not re.search(r"<script|https?:|src=\"(?!data:)", text)
    plain = markdown("Study", sections)
    assert "![<Curves>](figures/curves.png)" in plain
    assert "| published: U-Net | 0.74 | 0.96 |" in plain


def test_without_any_result_there_is_no_contact_sheet(lines):
    assert figures.contact([lines[-1]], dataset=None) is None


def test_only_trained_seeds_say_how_much_chance_there_is(lines):
    good, poor = (replace(line, name=name) for line, name in zip(lines[1:3], ("a", "a, seed 1"), strict=True))
    assert [row[:2] for row in seed_table([good, poor])[1]] == [["a", "2"]]
    assert seed_table([good, replace(poor, steps=10)])[1] == []
