"""simulate and check together: what one writes, the other finds nothing wrong with."""

from __future__ import annotations

from click.testing import CliRunner

from cytolapse.cli import cytolapse
from cytolapse.data import default_split, open_dataset


def test_a_simulated_data_set_is_clean_and_opens(tmp_path):
    out = tmp_path / "toy"
    given = ["--preset", "demo", "--frames", "14", "--sequences", "1", "--size", "128", "160", "--seed", "5"]
    result = CliRunner().invoke(cytolapse, ["simulate", str(out), *given])
    assert result.exit_code == 0, result.output
    assert result.stdout == f"wrote {out}\n"
    checked = CliRunner().invoke(cytolapse, ["check", str(out)])
    assert checked.exit_code == 0, checked.output
    dataset = open_dataset(out)
    assert dataset.movies["01"].frames.shape == (14, 128, 160)
    for name in ("silver", "gold"):
        dataset.need_truth(name)
    assert default_split(dataset).test[0].stop == 14


def test_exact_masks_of_every_frame_are_clean_and_cells_csv_is_not_in_the_digest(tmp_path):
    out = tmp_path / "toy"
    given = ["--frames", "6", "--sequences", "1", "--size", "128", "128", "--gold-frames", "6"]
    assert CliRunner().invoke(cytolapse, ["simulate", str(out), *given]).exit_code == 0
    checked = CliRunner().invoke(cytolapse, ["check", str(out)])
    assert checked.stdout == f"{out}: no problems\n"
    dataset = open_dataset(out)
    assert dataset.movies["01"].references["gold"].known.all() and dataset.movies["01"].references["gold"].full.all()
    (out / "01_GT/cells.csv").unlink()
    assert open_dataset(out).digest == dataset.digest


def test_a_size_that_is_no_size_is_a_usage_error(tmp_path):
    result = CliRunner().invoke(cytolapse, ["simulate", str(tmp_path / "toy"), "--size", "0", "160"])
    assert result.exit_code == 2 and "0 is not in the range" in result.stderr
