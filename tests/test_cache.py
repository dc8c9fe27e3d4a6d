"""The decoded cache: built once, rebuilt when a file changes, never half, safe for two processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ctc_world import frame, labels, write, write_frames, write_world

from cytolapse.data import cache, decode, open_dataset, open_frames
from cytolapse.errors import CytolapseError

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def world(tmp_path):
    return write_world(tmp_path / "world")


@pytest.fixture
def builds(monkeypatch):
    """The sequences that were decoded, in order."""
    done = []
    sequence = decode.sequence

    def counted(sources, title):
        build = sequence(sources, title)
        return lambda folder: (done.append(sources.sequence), build(folder))[1]

    monkeypatch.setattr(decode, "sequence", counted)
    return done


def entries():
    return sorted(each.name for each in cache.root().iterdir() if each.name not in ("locks", "stamps"))


def test_home_is_the_variable_or_the_users_own(monkeypatch):
    monkeypatch.setenv("CYTOLAPSE_HOME", "/somewhere")
    assert cache.home() == Path("/somewhere") and cache.root() == Path("/somewhere/cache")
    monkeypatch.delenv("CYTOLAPSE_HOME")
    assert cache.home() == Path.home() / ".cytolapse"


def test_what_did_not_change_is_decoded_once_and_read_once(world, builds, monkeypatch):
    first = open_dataset(world)
    later = time.time_ns() + 3 * cache.YOUNG_NS  # the files are old enough to be trusted
    monkeypatch.setattr(cache.time, "time_ns", lambda: later)
    open_dataset(world)
    monkeypatch.setattr(cache, "_sha256", lambda file: pytest.fail(f"{file} was read again"))
    again = open_dataset(world)
    assert builds == ["01"] and again.digest == first.digest and len(first.digest) == 16


def test_a_file_changed_at_the_same_size_and_time_is_seen(world, builds, monkeypatch):
    later = time.time_ns() + 3 * cache.YOUNG_NS
    monkeypatch.setattr(cache.time, "time_ns", lambda: later)
    before = open_dataset(world)
    path = world / "01/t002.tif"
    stamp = path.stat()
    image = frame(2)
    image[0, 0] = 99
    write(path, image)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert path.stat().st_size == stamp.st_size
    after = open_dataset(world)
    assert after.movies["01"].frames[2, 0, 0] == 99 and builds == ["01", "01"]
    assert after.digest != before.digest
    assert before.movies["01"].frames[2, 0, 0] == 2, "who has the former one open keeps it"
    assert len(entries()) == 1, "the former one does not stay on the disk"


@pytest.mark.parametrize("change", ["frame gone", "mask gone", "mask new", "tracks", "renumbered"])
def test_any_change_of_the_files_is_seen(world, builds, change):
    before = open_dataset(world).digest
    if change == "frame gone":
        (world / "01/t005.tif").unlink()
    elif change == "mask gone":
        (world / "01_GT/SEG/man_seg004.tif").unlink()
    elif change == "mask new":
        write(world / "01_GT/SEG/man_seg002.tif", labels(2))
    elif change == "tracks":
        (world / "01_GT/TRA/man_track.txt").write_text("1 0 5 0\n")
    else:
        (world / "01/t005.tif").rename(world / "01/t006.tif")
    assert open_dataset(world).digest != before and builds == ["01", "01"]


def test_only_the_sequence_that_changed_is_decoded_again(tmp_path, builds):
    world = write_world(tmp_path / "world", ("01", "02"))
    open_dataset(world)
    write(world / "02/t000.tif", frame(7))
    open_dataset(world)
    assert builds == ["01", "02", "02"]


def test_a_copy_elsewhere_has_the_same_digest_and_is_not_decoded_again(world, tmp_path, builds):
    before = open_dataset(world).digest
    shutil.copytree(world, tmp_path / "other")
    assert open_dataset(tmp_path / "other").digest == before and builds == ["01"]


def test_unknown_frames_take_no_room(tmp_path):
    write_frames(tmp_path, "01", range(400))
    write(tmp_path / "01_GT/SEG/man_seg200.tif", labels(200))
    gold = open_dataset(tmp_path).movies["01"].references["gold"]
    stat = Path(gold.labels.filename).stat()
    assert stat.st_size > 400 * 24 * 40 * 2 and stat.st_blocks * 512 < stat.st_size / 4


def test_a_killed_build_does_not_pass_for_a_whole_one(world, builds):
    script = (
        "import os, sys; from cytolapse.data import decode, open_dataset\n"
        "decode.write_labels = lambda *given: os._exit(9)\n"
        "open_dataset(sys.argv[1])"
    )
    assert subprocess.run([sys.executable, "-c", script, world], env=environment(), check=False).returncode == 9
    assert [name for name in entries() if name.endswith(".part")] == entries() != []
    assert len(open_dataset(world).movies["01"]) == 6 and builds == ["01"]
    assert not [name for name in entries() if name.endswith(".part")]


def test_two_processes_that_open_it_at_once_decode_it_once(world):
    script = (
        "import sys, time; from cytolapse.data import decode, open_dataset\n"
        "write = decode.write_frames\n"
        "def slow(*given):\n"
        "    print('decoded', flush=True); time.sleep(0.5); return write(*given)\n"
        "decode.write_frames = slow\n"
        "movie = open_dataset(sys.argv[1]).movies['01']\n"
        "print(int(movie.frames.sum()), int(movie.references['silver'].labels.sum()))"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", script, world], env=environment(), stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[0].split("\n") for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(lines.count("decoded") for lines in said) == 1
    expected = f"{sum(int(frame(n).sum()) for n in range(6))} {sum(int(labels(n).sum()) for n in range(6))}"
    assert all(expected in lines for lines in said)


def test_a_full_disk_is_told_and_leaves_nothing_half(tmp_path):
    write_frames(tmp_path / "world", "01", range(40))
    # A limit on the size of a file fails a write in the middle, as a full disk does.
    script = (
        "import resource, sys; from cytolapse.data import open_dataset; from cytolapse.errors import CytolapseError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "try: open_dataset(sys.argv[1])\n"
        "except CytolapseError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "world"], env=environment(), capture_output=True)
    assert b"no room left in" in done.stdout and b"set CYTOLAPSE_HOME to a folder on a larger disk" in done.stdout
    assert entries() == []


def test_a_full_disk_that_numpy_finds_is_told_too(world, monkeypatch):
    def full(*given):
        raise OSError("48 requested and 0 written")

    monkeypatch.setattr(decode.np, "save", full)
    with pytest.raises(CytolapseError, match="no room left in"):
        open_dataset(world)
    assert entries() == []


def test_a_home_that_cannot_be_written_is_told(world, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CYTOLAPSE_HOME", str(tmp_path / "file"))
    with pytest.raises(CytolapseError, match=r"Not a directory.*CYTOLAPSE_HOME moves it"):
        open_dataset(world)


def test_a_file_that_changes_meanwhile_is_told(world, monkeypatch):
    write_labels = decode.write_labels

    def meddling(*given):
        write(world / "01/t000.tif", frame(50))
        return write_labels(*given)

    monkeypatch.setattr(decode, "write_labels", meddling)
    with pytest.raises(CytolapseError, match="changed while it was being read: run the command again"):
        open_dataset(world)
    assert entries() == []
    monkeypatch.undo()


def test_a_damaged_entry_is_told(world):
    open_dataset(world)
    path = cache.root() / entries()[0] / "frames.npy"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CytolapseError, match=r"is damaged .*: remove it, it is built again"):
        open_dataset(world)


def test_a_planted_pickle_is_not_read(world):
    open_dataset(world)
    np.save(cache.root() / entries()[0] / "numbers.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(CytolapseError, match="is damaged"):
        open_dataset(world)


def test_a_stack_and_a_folder_are_cached_too(tmp_path):
    path = write(tmp_path / "x.tif", np.stack([frame(n) for n in range(3)]), photometric="minisblack")
    assert open_frames(path).frames.filename == open_frames(path).frames.filename
    write(path, np.stack([frame(n) for n in range(4)]), photometric="minisblack")
    assert len(open_frames(path)) == 4 and len(entries()) == 1


@pytest.mark.slow
def test_a_cached_movie_of_2752_frames_opens_quickly(tmp_path, monkeypatch):
    for sequence in ("01", "02"):
        write_frames(tmp_path, sequence, range(1376), digits=4)
    open_dataset(tmp_path)
    later = time.time_ns() + 3 * cache.YOUNG_NS
    monkeypatch.setattr(cache.time, "time_ns", lambda: later)
    open_dataset(tmp_path)
    start = time.perf_counter()
    open_dataset(tmp_path)
    assert time.perf_counter() - start < 1.0


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT / "platform")}


def test_a_source_that_cannot_be_read_is_named(tmp_path):
    root = write_world(tmp_path / "set")
    file = min((root / "01").iterdir())
    file.unlink()
    file.symlink_to(tmp_path / "nowhere.tif")
    with pytest.raises(CytolapseError, match=rf"{file} can't be read \(No such file or directory\): copy"):
        open_dataset(root)
    file.unlink()
    file.mkdir()
    with pytest.raises(CytolapseError, match=rf"{file} can't be read \(Is a directory\): copy"):
        open_dataset(root)
