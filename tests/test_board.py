from __future__ import annotations

import io
import json
import shlex

import pandas as pd
import pytest

from dashboard.runs import again, board, charts
from dashboard.runs.champion import champion_of, headline
from dashboard.scores import SEG, Score

SELECTION = "metrics.val/silver/op_csb_masks"


def runs() -> pd.DataFrame:
    """A parent `p` with two seeds, a run of another batch size, and one that has nothing."""
    return pd.DataFrame(
        {
            "run_id": ["a", "b", "p", "c", "d"],
            "name": ["one", "=cmd()", "seeds", "other", None],
            "status": ["FINISHED"] * 4 + ["RUNNING"],
            "started": pd.to_datetime(["2026-01-01 10:00"] * 5, utc=True),
            "finished": pd.to_datetime(["2026-01-01 10:30"] * 5, utc=True),
            "dataset": ["d"] * 5,
            "recipe": ["unet"] * 4 + [""],
            "head": ["boundary"] * 4 + [""],
            SELECTION: [0.6, 0.8, None, 0.7, None],
            "metrics.test/gold/seg": [0.6, 0.8, None, 0.5, None],
            "metrics.test/gold/seg_low": [0.5, None, None, None, None],
            "metrics.test/gold/seg_high": [0.65, None, None, None, None],
            "params.cfg.seed": ["0", "1", None, "0", None],
            "params.cfg.batch": ["4", "4", None, "8", None],
            "params.cfg.recipe": ["unet", "unet", None, "unet", None],
            "tags.mlflow.parentRunId": ["p", "p", None, None, None],
            "tags.cytolapse.tag.x": ["ada", None, None, None, None],
            "tags.cytolapse.stop_requested": [None, None, None, None, "ada"],
        }
    )


def test_the_board_has_the_chosen_columns_and_intervals():
    table = board.board(runs(), "test-gold", ["params.cfg.batch", "seg_interval"], {"a": [0.1, 0.2]})
    assert list(table.index) == list(runs()["run_id"]), "in the order given"
    assert table.loc["a", "seg_interval"] == "0.500 to 0.650"
    assert table.loc["b", "seg_interval"] == ""
    assert table.loc["a", "tags"] == ["x"]
    assert table.loc["a", "spark"] == [0.1, 0.2]
    assert table["params.cfg.batch"].dtype.kind == "f"
    assert "pixel_iou_interval" not in table, "nobody asked for it"
    assert table.loc["d", "status"] == "▸ stopping"
    usual = board.defaults(runs(), "test-gold", True, "")
    assert usual[usual.index("seg") + 1] == "seg_interval"
    assert {"tags", "spark"} <= set(usual)
    assert "mlflow" not in usual
    assert "spark" not in board.defaults(runs(), "test-gold", False, "http://x")
    assert board.choices(runs())["params.cfg.batch"] == "cfg.batch"


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("selection", ["b", "c", "a", "d", "p"]),
        ("seg", ["b", "a", "c", "d", "p"]),
        ("started", ["d", "c", "p", "b", "a"]),
        ("minutes", ["d", "c", "p", "b", "a"]),
        ("name", ["b", "a", "c", "p", "d"]),
        ("pixel_iou", ["d", "c", "p", "b", "a"]),
    ],
)
def test_runs_come_in_the_order_asked_for_and_the_newest_of_equal_ones_first(by, expected):
    days = pd.to_datetime([f"2026-01-{day:02d} 10:00" for day in (1, 2, 3, 4, 5)], utc=True)
    table = runs().assign(started=days, finished=days + pd.Timedelta(minutes=30))
    assert list(board.ordered(table, "test-gold", by)["run_id"]) == expected
    assert by in board.SORTS
    assert board.ordered(table.iloc[:0], "test-gold", by).empty


def test_without_silver_gold_validation_decides_the_order():
    gold = runs().rename(columns={SELECTION: "metrics.val/gold/op_csb_masks"})
    assert list(board.ordered(gold, "test-gold")["run_id"])[:3] == ["b", "c", "a"]


def test_the_parent_of_seeds_is_ranked_by_their_mean_and_tells_their_spread():
    own = {"op_csb_masks_mean": 0.75}
    more = {f"metrics.val/silver/{name}": [None, None, value, None, None] for name, value in own.items()}
    for name, value in {"seg_mean": 0.7, "seg_sd": 0.0123, "seeds": 2}.items():
        more[f"metrics.test/gold/{name}"] = [None, None, value, None, None]
    table = runs().assign(**more)
    assert list(board.ordered(table, "test-gold")["run_id"]) == ["b", "p", "c", "a", "d"]
    shown = board.board(table, "test-gold", ["seg_interval"], {})
    assert shown.loc["p", "seg_interval"] == "± 0.012 (2 seeds)"
    assert shown.loc["a", "seg_interval"] == "0.500 to 0.650"
    assert shown.loc["p", "seg"] == 0.7
    assert "p" not in board.limits(table, "test-gold", SEG).index, "one bar a model"


def test_groups_by_parent_and_by_settings():
    found = board.groups(runs(), "test-gold", "parent")
    assert list(found.index) == ["p"]
    assert found.loc["p", "name"] == "seeds"
    assert found.loc["p", "n"] == 2
    assert found.loc["p", "selection"] == pytest.approx(0.7)
    assert found.loc["p", "selection_sd"] == pytest.approx(0.2 / 2**0.5)
    alike = board.groups(runs(), "test-gold", "settings")
    assert list(alike["n"]) == [2, 1]
    assert list(alike["name"]) == ["unet boundary, batch=4", "unet boundary, batch=8"]
    assert pd.isna(alike["selection_sd"].iloc[1])
    assert list(board.members(runs(), "settings", alike.index[0])) == [True, True, False, False, False]
    assert list(board.members(runs(), "parent", "p")) == [True, True, False, False, False]
    assert board.groups(runs().iloc[4:], "test-gold", "settings").empty
    assert board.groups(runs()[["run_id", "name", "recipe", "head"]], "test-gold", "settings").empty


def test_limits_and_the_figure_of_them():
    best = board.ordered(runs(), "test-gold")
    found = board.limits(best, "test-gold", SEG)
    assert list(found.index) == ["b", "c", "a"]
    figure = charts.scores(found, "SEG <b>")
    bars = figure.data[0].error_x
    assert list(bars.array) == pytest.approx([0, 0, 0.05])
    assert list(bars.arrayminus) == pytest.approx([0, 0, 0.1])
    assert "95 % interval 0.500 to 0.650" in figure.data[0].customdata[2][1]
    assert figure.layout.xaxis.title.text == "SEG &lt;b&gt;"
    assert list(board.limits(best, "test-gold", Score("selection", "", ""))["score"]) == [0.8, 0.7, 0.6]


def test_scores_over_time_keep_failures_at_the_edge():
    times = pd.to_datetime([f"2026-01-{day:02d}" for day in range(1, 22)], utc=True)
    scores = [0.01] + [0.9 + 0.001 * n for n in range(20)]
    table = pd.DataFrame({"run_id": [str(n) for n in range(21)], "name": "x", "started": times, "score": scores})
    figure = charts.over_time(table.assign(best=table["score"].cummax()))
    best, dots = figure["series"]
    assert dots["data"][0]["value"][1] >= 0.85
    assert [each["symbol"] for each in dots["data"][:2]] == ["triangle", "circle"]
    assert dots["data"][0]["name"] == "x: 0.010"
    assert dots["data"][0]["value"][0] == times[0].value // 10**6
    assert best["data"][-1][1] == pytest.approx(0.919)
    assert figure["yAxis"]["min"] <= dots["data"][0]["value"][1]
    json.dumps(figure, allow_nan=False)
    ids = list(table["run_id"])
    for series, places, expected in ((1, [3], "3"), (0, [3], ""), (1, [99], ""), (1, [], "")):
        group = {"series_index": series, "data_indices": places}
        assert charts.clicked({"selection": {"selected": [group]}}, ids) == expected
    assert charts.clicked(None, ids) == ""


def test_of_very_many_runs_the_newest_and_the_best_are_drawn():
    times = pd.to_datetime("2026-01-01", utc=True) + pd.to_timedelta(range(charts.MOST + 9), unit="h")
    scores = [0.5, 0.9] + [0.6] * (charts.MOST + 7)
    table = pd.DataFrame({"run_id": [str(n) for n in range(len(scores))], "name": "x", "started": times})
    drawn = charts.drawn(table.assign(score=scores, best=pd.Series(scores).cummax()))
    assert list(drawn["run_id"][:3]) == ["0", "1", "9"]
    assert len(drawn) == charts.MOST + 2
    assert len(charts.drawn(table.assign(score=0.5, best=0.5))) == charts.MOST + 1


def test_the_export_holds_what_is_shown_and_no_formula():
    table = board.board(board.ordered(runs(), "test-gold"), "test-gold", ["params.cfg.batch"], {"a": [0.123456, 0.2]})
    read = pd.read_csv(io.StringIO(board.csv(table, ["seg", "params.cfg.batch", "spark", "tags", "movie"])))
    assert list(read) == ["run_id", "name", "seg", "params.cfg.batch", "spark", "tags"]
    assert read["name"][0] == "'=cmd()"
    assert read["spark"][2] == "0.1235 0.2"
    assert read["seg"][0] == 0.8


def test_the_champion_and_its_headline():
    versions = pd.DataFrame({"version": [2, 1], "aliases": [[], ["champion"]], "run_id": ["x", "a"]})
    assert champion_of(versions)["version"] == 1
    assert champion_of(versions.iloc[:1]) is None
    source, told = headline(runs().iloc[0].to_dict())
    assert source == "test-gold"
    assert [(score.title, value, interval) for score, value, interval in told] == [("SEG", 0.6, "0.500 to 0.650")]
    assert headline(runs().iloc[4].to_dict()) == ("", [])


def test_the_command_of_a_run_is_quoted_and_names_its_commit():
    words = ["train", "unet", "--data", "my data; rm -rf /", "--seed", "3"]
    run = {"tags.cytolapse.command": json.dumps(words), "tags.cytolapse.git_commit": "a" * 40}
    checkout, line = again.command(run).splitlines()
    assert checkout == f"git checkout {'a' * 40}"
    assert shlex.split(line) == ["cytolapse", *words]
    assert again.DIRTY in again.command({**run, "tags.cytolapse.git_commit": "a" * 40 + "+"})
    for bad in ("", "$(evil)", None, float("nan")):
        assert again.command({**run, "tags.cytolapse.git_commit": bad}).startswith(again.UNKNOWN_COMMIT)


def test_a_run_without_a_command_names_every_parameter():
    run = {"dataset": "my cells", "params.cfg.recipe": "unet", "params.cfg.head": "boundary", "params.cfg.anchors": ""}
    for command in (None, "no json", '["promote", "x"]', '"train"'):
        line = again.command({**run, "tags.cytolapse.command": command}).splitlines()[-1]
        assert shlex.split(line) == ["cytolapse", "train", "unet", "--data", "data/my cells", "--head", "boundary"]
    assert again.command({"dataset": "d", "params.tool.name": "x"}) == ""
