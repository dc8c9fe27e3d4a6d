from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from dashboard_world import log_scores, make_store, movie
from pages import pushed
from streamlit.testing.v1 import AppTest

import dashboard
from cytolapse.errors import CytolapseError
from cytolapse.tracking import open_store, start_run
from dashboard import commands, player, reads
from dashboard.signing import opened

ROOM = Path(dashboard.__file__).parent


@pytest.fixture(scope="module")
def world(module_store):
    """A store with runs, and their ids."""
    ids = make_store(module_store)
    register(module_store, ids["unet"])
    return module_store, ids


def register(uri: str, run_id: str) -> None:
    import mlflow

    client = mlflow.MlflowClient(uri, uri)
    client.create_registered_model("demo")
    tags = {"promoted_by": "ada [x](http://evil)", "reason": "better on validation"}
    client.create_model_version("demo", f"runs:/{run_id}/segmenter", run_id, tags=tags)
    client.set_registered_model_alias("demo", "champion", "1")


@pytest.fixture
def show(monkeypatch):
    """Open a page of a store at a link."""
    monkeypatch.setattr(player, "is_ready", lambda key: True)  # no browser, so no player that says so

    def opened(uri: str, page: str, **query) -> AppTest:
        reads.forget()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        at = AppTest.from_file(str(ROOM / "app.py"), default_timeout=60).run()
        at.switch_page(f"views/{page}.py")
        for key, value in query.items():
            at.query_params[key] = value
        at.run()
        assert not at.exception, at.exception
        return at

    return opened


def link(at: AppTest, key: str) -> list[str]:
    value = at.query_params[key]
    return [value] if isinstance(value, str) else list(value)


def words(at: AppTest) -> str:
    kinds = (at.title, at.subheader, at.caption, at.markdown, at.warning, at.error, at.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def test_leaderboard(show, world):
    uri, ids = world
    at = show(uri, "runs")
    table = at.dataframe[0].value
    assert [name.split("-")[0] for name in table["name"]] == ["unet", "classical", "failed"]
    assert table["seg"].iloc[0] > table["seg"].iloc[1] > 0
    assert list(table["status"]) == ["✓ finished", "✓ finished", "✕ failed"]
    assert table["n_truth"].iloc[0] == 11
    assert list(table["seed"].dropna()) == [0, 0]
    assert list(table["readings"]) == [2, 1, 0]
    assert table["movie"].iloc[0] == f"movie?run={ids['unet']}"
    assert [each.label for each in at.expander][:2] == ["**demo**: 3 runs", "**No data set named**: 1 run"]
    silver = show(uri, "runs", scores="test-silver", recipe="unet", dataset="demo").dataframe[0].value
    assert list(silver["n_truth"].dropna()) == [24]
    assert set(silver["recipe"]) == {"unet"}


def test_helper_runs_are_hidden_until_asked_for(show, world):
    uri, ids = world
    at = show(uri, "runs")
    assert ids["simulate"] not in list(at.dataframe[1].value.index)
    pushed(at, "filters").toggle(key="helpers").set_value(True).run()
    assert ids["simulate"] in list(at.dataframe[1].value.index)
    assert link(at, "helpers") == ["1"]
    at = show(uri, "compare")
    assert not [name for name in at.multiselect(key="run").options if name.startswith("simulate")]
    at = show(uri, "movie", run=ids["simulate"])
    assert "No frames stored" in words(at), "a link to it still leads there"
    assert not at.warning


@pytest.mark.parametrize("page", ["runs", "compare", "movie"])
def test_a_store_that_has_only_helper_runs(show, store, page):
    with start_run(store, name="simulate", tags={"mlflow.project.entryPoint": "simulate"}):
        pass
    at = show(store, page)
    assert "No experiments yet" in words(at)
    assert not at.dataframe


def test_picked_runs_are_in_the_url_and_lead_on(show, world):
    uri, ids = world
    at = show(uri, "runs", run=[ids["unet"], ids["classical"]])
    assert [link.label for link in at.get("page_link")] == ["Compare 2 runs", "Movies side by side"]
    assert link(at, "run") == [ids["unet"], ids["classical"]]


def test_compare_link_is_restored_and_written(show, world):
    uri, ids = world
    at = show(uri, "compare", run=[ids["classical"], ids["unet"]], scores="val-silver", matching="any")
    assert at.multiselect(key="run").value == [ids["classical"], ids["unet"]]
    assert at.selectbox(key="scores").value == "val-silver"
    assert len(at.get("plotly_chart")) == 4
    assert list(at.dataframe[2].value.index) == ["head", "recipe"]
    scores = at.dataframe[0].value
    assert list(scores.loc["Test read"])[:2] == ["1", "2"]
    assert "choose on validation" in scores.loc["Test read", "Definition"]
    at.selectbox(key="scores").set_value("test-gold").run()
    assert link(at, "scores") == ["test-gold"]
    assert link(at, "run") == [ids["classical"], ids["unet"]]


def test_compare_without_a_choice_and_without_curves(show, world):
    uri, ids = world
    at = show(uri, "compare", run=[ids["bare"]])
    assert "No curves here" in words(at)
    assert "logged no training curves" in words(at)
    at.multiselect(key="run").set_value([]).run()
    assert "No run chosen" in words(at)
    at.segmented_control(key="matching").set_value("any").run()
    assert "No run chosen" in words(at), "the default does not come back"


def test_compare_warns_of_two_data_sets(show, world):
    uri, ids = world
    at = show(uri, "compare", run=[ids["unet"], ids["bare"]])
    assert "different data sets" in at.warning[0].value
    assert "Not compared" in at.warning[1].value


def played(at: AppTest) -> dict:
    """What the page tells the player."""
    return json.loads(at.get("bidi_component")[0].proto.json)


def test_movie_opens_at_the_worst_frame(show, world):
    uri, ids = world
    at = show(uri, "movie", run=ids["unet"])
    assert link(at, "frame") == ["12"], "a cell was lost there"
    told = played(at)
    assert told["place"] == {"frame": 12, "y": None, "x": None, "zoom": 1}
    assert told["reference"] == "gold"
    assert [panel["name"].split("-")[0] for panel in told["panels"]] == ["unet"]
    place = opened(told["panels"][0]["link"])
    assert (place.run, place.part, place.sequence) == (ids["unet"], "test", "02")
    assert at.dataframe[0].value["frame"].iloc[0] == 12
    assert "missed" in set(at.dataframe[1].value["kind"])
    assert "no gold truth" in words(show(uri, "movie", run=ids["unet"], frame="13"))


def test_movie_link_is_restored(show, world):
    uri, ids = world
    wanted = {"split": "val", "sequence": "01", "frame": "14", "reference": "silver"}
    wanted |= {"zoom": "4", "y": "20", "x": "31.5"}
    at = show(uri, "movie", run=ids["classical"], **wanted)
    assert played(at)["place"] == {"frame": 14, "y": 20, "x": 31.5, "zoom": 4}
    assert not at.warning
    at.segmented_control(key="reference").set_value("gold").run()
    assert {key: link(at, key)[0] for key in wanted} == {**wanted, "reference": "gold"}
    odd = played(show(uri, "movie", run=ids["classical"], frame="14", zoom="much", y="<b>", x="nan"))
    assert odd["place"] == {"frame": 14, "y": None, "x": None, "zoom": 1}


def test_movies_side_by_side(show, world):
    uri, ids = world
    at = show(uri, "movie", run=[ids["classical"], ids["bare"], ids["unet"]])
    panels = played(at)["panels"]
    assert [panel["name"].split("-")[0] for panel in panels] == ["classical", "<b>bare</b> [x](http://evil)", "unet"]
    assert [bool(panel["link"]) for panel in panels] == [True, False, True]
    assert panels[1]["note"] == "This run has no stored frames of sequence 02."
    assert [tab.label.split("\\")[0] for tab in at.tabs] == ["classical", "unet"]
    at = show(uri, "movie", run=[ids[name] for name in ("classical", "unet", "bare", "failed")])
    assert len(played(at)["panels"]) == 3
    assert "first three" in words(at)


def test_a_partly_annotated_frame_judges_no_prediction_without_a_match(show, world):
    uri, ids = world
    at = show(uri, "movie", run=ids["unet"], reference="gold", frame="14")
    worst, objects = (at.dataframe[place].value for place in (0, 1))
    assert worst.set_index("frame")["fp"].isna()[14]
    assert objects["kind"].iloc[0] == "not judged"
    assert objects["side"].iloc[0] == "prediction"
    assert "missed" not in set(objects["kind"])
    assert "spurious" not in set(objects["kind"])
    assert "partial: predictions without a match are not judged" in words(at)
    silver = show(uri, "movie", run=ids["unet"], reference="silver", frame="14")
    assert set(silver.dataframe[1].value["kind"]) == {"matched"}


def test_damaged_files_are_told(show, store):
    with start_run(store, experiment="demo", name="damaged") as run:
        log_scores(run, movie(1), "test")
    at = Damaged(store, run.run_id)
    at.cut("test/frames.parquet")
    told = show(store, "movie").error[0].value
    assert r"test/frames\.parquet of run" in told
    assert "evaluate the run again" in told
    at.cut("test/previews/02.zip")
    assert "holds no previews" in show(store, "movie").error[0].value


class Damaged(NamedTuple):
    """A run whose files suffer."""

    store: str
    run_id: str

    def path(self, name: str) -> Path:
        return open_store(self.store).artifact(self.run_id, name)

    def cut(self, name: str) -> None:
        self.path(name).write_bytes(b"cut")


def test_another_run_keeps_what_fits_without_a_word(show, world):
    uri, ids = world
    at = show(uri, "movie", run=ids["unet"], frame="15", reference="silver", y="20", x="30", zoom="2")
    at.multiselect(key="run").set_value([ids["classical"]]).run()
    assert link(at, "frame") == ["15"]
    assert played(at)["place"] == {"frame": 15, "y": 20, "x": 30, "zoom": 2}
    assert not at.warning
    at.multiselect(key="run").set_value([]).run()
    assert "No run chosen" in words(at)


def test_a_movie_without_previews(show, world):
    uri, ids = world
    at = show(uri, "movie", run=ids["failed"])
    assert "No frames stored" in words(at)
    assert not [each for each in at.markdown if ids["failed"] in each.value], "the run has a name"
    assert ids["failed"] in at.code[0].value


def test_tables_of_a_movie_wait_for_the_player(show, world, monkeypatch):
    uri, ids = world
    at = show(uri, "movie", run=ids["unet"])
    assert len(at.dataframe) == 2
    monkeypatch.setattr(player, "is_ready", lambda key: False)
    assert not at.run().dataframe


def test_a_movie_whose_files_were_deleted(show, store):
    with start_run(store, experiment="demo", name="gone") as run:
        log_scores(run, movie(1), "test")
    at = Damaged(store, run.run_id)
    file = at.path("test/previews/02.zip")
    for name in ("frames", "objects"):
        at.path(f"test/{name}.parquet").unlink()
    at = show(store, "movie")
    assert played(at)["panels"][0]["link"]
    assert "No frame of this sequence was scored" in words(at)
    file.unlink()
    assert "No frames stored" in words(show(store, "movie"))


@pytest.mark.parametrize("page", ["runs", "compare", "movie"])
def test_an_unknown_run_in_the_link_is_told(show, world, page):
    at = show(world[0], page, run="no[such](run)")
    assert at.warning[0].value.endswith(r"no\[such\]\(run\)\.") or r"no\[such\]\(run\)" in at.warning[0].value


def test_other_bad_values_in_the_link_are_told(show, world):
    at = show(world[0], "movie", run=world[1]["unet"], frame="999", sequence="77")
    assert len(at.warning) == 2
    at = show(world[0], "registry", model="nobody")
    assert "nobody" in at.warning[0].value


def test_registry(show, world):
    uri, ids = world
    at = show(uri, "registry")
    versions, tags = at.dataframe[0].value, at.dataframe[1].value
    assert versions["aliases"].iloc[0] == ["champion"]
    assert versions["run"].iloc[0].startswith("unet-boundary")
    assert versions["curves"].iloc[0] == f"compare?run={ids['unet']}"
    assert dict(zip(tags["Tag"], tags["Value"], strict=True))["reason"] == "better on validation"
    assert "Champion: version 1" in words(at)
    assert "cytolapse promote" in words(at)


def test_no_page_imports_torch_trainers_or_model_loading():
    code = (
        "import importlib, pkgutil, sys, dashboard\n"
        "scripts = ('dashboard.app', 'dashboard.views.')\n"
        "every = [each.name for each in pkgutil.walk_packages(dashboard.__path__, 'dashboard.')]\n"
        "assert len(every) > 50, every\n"
        "for name in every:\n"
        "    name.startswith(scripts) or importlib.import_module(name)\n"
        "from cytolapse.tracking import open_store\n"
        "bad = [name for name in sys.modules if name.partition('.')[0] in ('torch', 'trainers', 'mlflow')]\n"
        "assert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=commands.environment(""))
    imports = {
        line for page in (ROOM / "views").glob("*.py") for line in page.read_text().splitlines() if "import" in line
    }
    assert not [line for line in imports if "torch" in line or "trainers" in line or "mlflow" in line]


def test_pages_have_no_bare_strings():
    """Streamlit writes what stands alone in a page's script onto the page; its docstring alone it leaves out."""
    for page in (ROOM / "views").glob("*.py"):
        alone = [each for each in ast.parse(page.read_text()).body[1:] if isinstance(each, ast.Expr)]
        assert not [each.lineno for each in alone if not isinstance(each.value, ast.Call)], page


def test_the_command_starts_streamlit_here_only(monkeypatch):
    called = []
    monkeypatch.setattr(commands.os, "execve", lambda *call: called.append(call))
    result = CliRunner().invoke(commands.dashboard, ["--port", "18599", "--store", "sqlite:///x.db"])
    assert result.exit_code == 0
    assert "http://127.0.0.1:18599" in result.output
    _, line, environment = called[0]
    assert "--server.address=127.0.0.1" in line
    assert "--server.port=18599" in line
    assert environment["MLFLOW_TRACKING_URI"] == "sqlite:///x.db"
    assert str(ROOM.parent / "platform") in environment["PYTHONPATH"].split(":")


def test_a_taken_port_is_told():
    import socket

    with socket.socket() as taken:
        taken.bind((commands.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CytolapseError, match=rf"port {port} of 127.0.0.1 is taken .* choose another with --port"):
            CliRunner().invoke(commands.dashboard, ["--port", str(port)], catch_exceptions=False)
