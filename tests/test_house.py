"""The house: what may import what, and what must agree."""

import ast
import platform
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {"platform": ROOT / "platform/cytolapse", "trainers": ROOT / "trainers", "dashboard": ROOT / "dashboard"}


def imported(room):
    """Every module that a room's files name in an import, wherever it stands."""
    names = set()
    for path in ROOMS[room].rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
    return names


def test_platform_does_not_shadow_the_standard_library():
    assert not (ROOT / "platform/__init__.py").exists()
    assert not (ROOT / "platform/conftest.py").exists()
    assert ROOT not in Path(platform.__file__).parents


@pytest.mark.parametrize(
    ("room", "forbidden"), [("platform", {"trainers", "dashboard"}), ("dashboard", {"trainers", "torch"})]
)
def test_arrows_point_to_the_platform(room, forbidden):
    assert not imported(room) & forbidden


def test_help_imports_nothing_heavy():
    code = "import sys; from click.testing import CliRunner; from cytolapse.cli import cytolapse\n"
    code += "assert 'simulate' in CliRunner().invoke(cytolapse, ['--help'], catch_exceptions=False).output\n"
    code += "sys.exit(', '.join({'torch', 'mlflow', 'pandas', 'streamlit'} & set(sys.modules)) or 0)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env={"PYTHONPATH": "platform:."}
    )
    assert done.returncode == 0, done.stderr


def test_conda_and_pyproject_name_the_same_versions():
    conda = yaml.safe_load((ROOT / "conda.yaml").read_text())["dependencies"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert conda[-1] == {"pip": project["dependencies"]}
    assert conda[0].removeprefix("python=") == project["requires-python"].removeprefix(">=")


def test_no_lock_file_that_mlflow_would_take_for_the_environment():
    assert not (ROOT / "uv.lock").exists()


def test_nothing_loads_pickles():
    for room in ROOMS.values():
        for path in room.rglob("*.py"):
            text = path.read_text()
            assert "weights_only=False" not in text, path
            assert "pickle.load" not in text, path
            assert "allow_pickle=True" not in text, path
