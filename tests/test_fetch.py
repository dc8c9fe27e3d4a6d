"""`cytolapse fetch` against a local server that cuts connections, lies, and refuses."""

from __future__ import annotations

import hashlib
import io
import re
import stat
import threading
import zipfile

import numpy as np
import pytest
from archive_server import Server
from click.testing import CliRunner
from ctc_world import frame, write_world

from cytolapse.cli import cytolapse
from cytolapse.data import fetch as fetching
from cytolapse.data import open_dataset
from cytolapse.errors import CytolapseError

NAME = "Fluo-N2DH-SIM+"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    monkeypatch.setattr(fetching, "CHUNK", 1000)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def archive(members):
    """A ZIP of (name or ZipInfo, content)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content in members:
            made.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def body(server, tmp_path, monkeypatch):
    """A whole official archive, which the server serves and whose sha256 is known."""
    world = write_world(tmp_path / "source" / NAME, ("01", "02"))
    files = [path for path in sorted(world.rglob("*")) if path.is_file()]
    return publish(server, monkeypatch, archive((str(f.relative_to(world.parent)), f.read_bytes()) for f in files))


def publish(server, monkeypatch, content):
    digest = hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(fetching, "ARCHIVES", {NAME: (digest, digest)})
    server.body = content
    return content


def left(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_data_set_arrives_and_opens(server, body, tmp_path):
    to = tmp_path / "data"
    result = CliRunner().invoke(cytolapse, ["fetch", NAME, "--to", str(to), "--base-url", server.url + "/"])
    assert result.exit_code == 0 and result.stdout == f"wrote {to / NAME}\n"
    assert f"{NAME}.zip" in result.stderr and "100%" in result.stderr
    assert left(to) == [NAME]
    assert server.asked == [("/training-datasets/Fluo-N2DH-SIM%2B.zip", None)]
    np.testing.assert_array_equal(open_dataset(to / NAME).movies["02"].frames[3], frame(3))
    result = CliRunner().invoke(cytolapse, ["fetch", NAME, "--to", str(to), "--base-url", server.url])
    assert result.exit_code == 0 and result.stdout == f"{to / NAME} is already there\n" and len(server.asked) == 1


def test_test_data_has_its_own_folder_and_keeps_its_name(server, body, tmp_path):
    assert fetching.fetch(NAME, tmp_path, server.url, "test") == tmp_path / "test" / NAME
    assert server.asked[0][0].startswith("/test-datasets/")


def test_a_cut_connection_goes_on_where_it_stopped(server, body, tmp_path):
    server.cuts = [3000, 2000, 0, 1000]
    fetching.fetch(NAME, tmp_path / "data", server.url)
    assert [asked for _, asked in server.asked] == [None, "bytes=3000-", "bytes=5000-", "bytes=5000-", "bytes=6000-"]


def test_a_download_that_gave_up_is_taken_up_by_the_next_call(server, body, tmp_path):
    server.cuts = [3000] + [0] * fetching.ATTEMPTS
    with pytest.raises(CytolapseError, match=r"3000 bytes are kept in .*zip\.part: run the command again to go on"):
        fetching.fetch(NAME, tmp_path / "data", server.url)
    assert left(tmp_path / "data") == [f"{NAME}.zip.part"]
    server.asked.clear()
    fetching.fetch(NAME, tmp_path / "data", server.url)
    assert [asked for _, asked in server.asked] == ["bytes=3000-"] and left(tmp_path / "data") == [NAME]


def test_a_server_that_ignores_ranges_is_read_from_the_start(server, body, tmp_path):
    server.ranges, server.cuts = False, [3000]
    fetching.fetch(NAME, tmp_path / "data", server.url)
    assert left(tmp_path / "data") == [NAME]


def test_a_server_that_always_cuts_ends_with_an_error(server, body, tmp_path):
    server.ranges, server.cuts = False, [3000] * 50
    with pytest.raises(CytolapseError, match="run the command again"):
        fetching.fetch(NAME, tmp_path / "data", server.url)
    assert len(server.asked) == 1 + fetching.ATTEMPTS


def test_a_part_that_does_not_fit_is_begun_anew(server, body, tmp_path):
    (tmp_path / f"{NAME}.zip.part").write_bytes(bytes(len(body) + 5))
    fetching.fetch(NAME, tmp_path, server.url)
    assert [asked for _, asked in server.asked] == [f"bytes={len(body) + 5}-", None]


def test_a_whole_part_needs_no_server(server, body, tmp_path):
    (tmp_path / f"{NAME}.zip.part").write_bytes(body)
    fetching.fetch(NAME, tmp_path, "http://127.0.0.1:1")
    assert server.asked == [] and NAME in left(tmp_path)


def test_a_busy_server_is_asked_again(server, body, tmp_path):
    server.failures = 2
    fetching.fetch(NAME, tmp_path / "data", server.url)
    assert len(server.asked) == 3


def test_wrong_content_is_refused_and_removed(server, body, tmp_path):
    server.body = body[:-1] + b"x"
    with pytest.raises(CytolapseError, match=r"had the sha256 .* was published: it was removed, nothing was unpacked"):
        fetching.fetch(NAME, tmp_path / "data", server.url)
    assert left(tmp_path / "data") == []


def test_a_file_that_is_not_there_is_told_at_once(server, body, tmp_path):
    server.status = 404
    with pytest.raises(CytolapseError, match="the server says 404 Not Found: check --base-url"):
        fetching.fetch(NAME, tmp_path / "data", server.url)
    assert len(server.asked) == 1


def test_bad_names_and_addresses(server, tmp_path):
    with pytest.raises(CytolapseError, match="unknown data set 'MuSC': choose one of BF-C2DL-HSC, BF-C2DL-MuSC"):
        fetching.fetch("MuSC", tmp_path)
    with pytest.raises(CytolapseError, match="unknown split 'val': choose one of train, test"):
        fetching.fetch(NAME, tmp_path, split="val")
    with pytest.raises(CytolapseError, match=r"is no address .*: check --base-url"):
        fetching.fetch(NAME, tmp_path, "data.org")
    with pytest.raises(CytolapseError, match=r"can't be read: .*; 0 bytes are kept"):
        fetching.fetch(NAME, tmp_path, "http://127.0.0.1:1")


def link(name):
    made = zipfile.ZipInfo(name)
    made.create_system = 3
    made.external_attr = (stat.S_IFLNK | 0o777) << 16
    return made


@pytest.mark.parametrize(
    "member",
    [
        "../evil.txt",
        f"{NAME}/../../evil.txt",
        "/evil.txt",
        "..\\evil.txt",
        "C:\\evil.txt",
        link(f"{NAME}/evil"),
    ],
)
def test_an_archive_that_leaves_its_folder_is_refused(server, tmp_path, monkeypatch, member):
    publish(server, monkeypatch, archive([(f"{NAME}/01/t000.tif", b"x"), (member, b"/etc")]))
    with pytest.raises(CytolapseError, match=r"wants to write outside its folder .*: nothing was unpacked"):
        fetching.fetch(NAME, tmp_path / "data", server.url)
    assert left(tmp_path / "data") == [f"{NAME}.zip.part"] and not list(tmp_path.rglob("evil*"))


def test_a_damaged_archive_leaves_nothing_half_unpacked(server, tmp_path, monkeypatch):
    content = bytearray(archive([(f"{NAME}/01/t000.tif", b"x" * 1000), (f"{NAME}/01/t001.tif", b"y" * 1000)]))
    content[content.index(b"yyy")] = 0
    publish(server, monkeypatch, bytes(content))
    with pytest.raises(CytolapseError, match=r"can't be unpacked .*: remove it and run the command again"):
        fetching.fetch(NAME, tmp_path / "data", server.url)
    assert left(tmp_path / "data") == [f"{NAME}.zip.part"]


def test_what_a_killed_unpacking_left_is_removed(server, body, tmp_path):
    (tmp_path / f"data/.{NAME}.unpacking/01").mkdir(parents=True)
    (tmp_path / f"data/.{NAME}.unpacking/01/t999.tif").write_text("half")
    fetching.fetch(NAME, tmp_path / "data", server.url)
    assert left(tmp_path / "data") == [NAME] and not list(tmp_path.rglob("t999.tif"))


def test_a_full_disk_keeps_the_archive_and_nothing_half(server, body, tmp_path, monkeypatch):
    def full(*given):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(zipfile.ZipFile, "extract", full)
        with pytest.raises(CytolapseError, match=r"No space left on device in .*: free some room or choose another"):
            fetching.fetch(NAME, tmp_path / "data", server.url)
    assert left(tmp_path / "data") == [f"{NAME}.zip.part"]
    server.asked.clear()
    fetching.fetch(NAME, tmp_path / "data", server.url)
    assert server.asked == [] and left(tmp_path / "data") == [NAME]


def test_an_archive_without_a_top_folder_is_unpacked_into_one(server, tmp_path, monkeypatch):
    publish(server, monkeypatch, archive([("01/t000.tif", b"x")]))
    assert (fetching.fetch(NAME, tmp_path / "data", server.url) / "01/t000.tif").read_bytes() == b"x"


def test_all_official_archives_are_known():
    assert len(fetching.ARCHIVES) == 10
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for pair in fetching.ARCHIVES.values() for digest in pair)
    assert len({digest for pair in fetching.ARCHIVES.values() for digest in pair}) == 20
