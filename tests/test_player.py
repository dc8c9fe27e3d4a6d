"""The movie player's server side: signed links, routes, and what they answer."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from dashboard_world import log_scores, movie
from starlette.applications import Starlette

from cytolapse.errors import CytolapseError
from cytolapse.previews import FrameView, Previews, from_runs, write_previews
from cytolapse.tracking import open_store, start_run
from dashboard import bundles, commands, signing
from dashboard.bundles import Bundles, manifest, objects, written
from dashboard.signing import Place, Refused, opened, signed

HOUR = 3600
PLACE = Place("a1b2", "test", "02", "7f-1")


def test_a_link_leads_back_until_it_expires():
    now = 1_000_000 * HOUR
    link = signed(PLACE, now)
    assert opened(link, now + signing.HOURS * HOUR) == PLACE
    with pytest.raises(Refused):
        opened(link, now + 2 * signing.HOURS * HOUR + 1)
    assert signed(PLACE, 12 * HOUR + 5) == signed(PLACE, 24 * HOUR - 5), "browsers keep what they fetched"
    assert link.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "change", [lambda link: "", lambda link: link[:-3], lambda link: "A" + link[1:], lambda link: "é%"]
)
def test_a_link_that_was_changed_is_refused(change):
    link = signed(PLACE)
    with pytest.raises(Refused):
        opened(change(link))


def test_a_link_of_another_server_is_refused():
    code = "from dashboard.signing import *; print(signed(Place('a1b2', 'test', '02', '7f-1')))"
    env = commands.environment("")
    other = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    with pytest.raises(Refused):
        opened(other.strip())


def fetch(path: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a GET, straight through the application."""
    from dashboard.server import ROUTES

    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
    }
    asyncio.run(Starlette(routes=ROUTES)({**scope, "http_version": "1.1", "root_path": ""}, receive, send))
    headers = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(each.get("body", b"") for each in sent[1:])


@pytest.fixture
def place(store):
    """A run with stored frames 10 ... 15 of sequence 02."""
    with start_run(store, experiment="demo", name="unet") as run:
        log_scores(run, movie(1), "test")
    path = open_store(store).artifact(run.run_id, "test/previews/02.zip")
    return Place(run.run_id, "test", "02", written(path))


def parts(body: bytes) -> list[bytes]:
    """What an answer holds of a frame: before each part its length."""
    found = []
    while body:
        length = int.from_bytes(body[:4], "little")
        found.append(body[4 : 4 + length])
        body = body[4 + length :]
    return found


def test_planes_of_a_frame_come_together(store, place):
    stored = Previews(open_store(store).artifact(place.run, "test/previews/02.zip"))
    status, headers, body = fetch(f"/stored/{signed(place)}/12/image+prediction+gold")
    assert status == 200
    assert parts(body) == [stored.read(kind, 12) for kind in ("image", "prediction", "gold")]
    np.testing.assert_array_equal(from_runs(parts(body)[1]), stored.frame(12).prediction)
    assert headers["content-type"] == "application/octet-stream"
    assert headers["cache-control"] == "private, max-age=43200, immutable"
    assert headers["x-content-type-options"] == "nosniff"
    assert parts(fetch(f"/stored/{signed(place)}/13/silver+gold+about")[2])[1:] == [b"", b""], "13 has no gold truth"


def test_the_manifest_says_what_there_is(place):
    status, headers, body = fetch(f"/stored/{signed(place)}/manifest")
    assert status == 200
    assert headers["content-type"] == "application/json"
    found = json.loads(body)
    assert found["frames"] == [10, 11, 12, 13, 14, 15]
    assert [mark is None for mark in found["marks"]["gold"]] == [False, True] * 3
    assert None not in found["marks"]["prediction"]
    assert found["scores"]["gold"][1] is None
    cells, predictions, errors, seg = found["scores"]["gold"][2]
    assert (cells, predictions, errors) == (4, 3, 1)
    assert 0.5 < seg < 0.75
    assert found["scores"]["gold"][4][2] == 0, "frame 14 is partly annotated: what has no match is no error"


def test_objects_are_columns_of_one_reference(place):
    status, _, body = fetch(f"/stored/{signed(place)}/objects/gold")
    assert status == 200
    rows = pd.DataFrame(json.loads(body))
    assert set(rows["frame"]) == {10, 12, 14}
    lost = rows[(rows["frame"] == 12) & (rows["kind"] == "missed")]
    assert list(lost["truth"]) == [2]
    assert lost["prediction"].isna().all()
    assert set(rows["side"]) == {"truth", "prediction"}
    assert set(json.loads(fetch(f"/stored/{signed(place)}/objects/silver")[2])["frame"]) == {10, 11, 12, 13, 14, 15}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/stored/nothing/12/image", 403),
        ("/stored/{link}x/12/image", 403),
        ("/stored//12/image", 404),
        ("/stored/{link}/99/image", 404),
        ("/stored/{link}/-1/image", 404),
        ("/stored/{link}/12.webp/image", 404),
        ("/stored/{link}/12/about", 404),
        ("/stored/{link}/12/..", 404),
        ("/stored/{link}/12/..%2f..%2fetc", 404),
        ("/stored/{link}/12/../../../../etc/passwd", 404),
    ],
)
def test_whatever_else_is_asked_for_is_not_there(place, path, status):
    found, headers, body = fetch(path.format(link=signed(place)))
    assert found == status
    assert body in (b"", b"Not Found"), "no details"
    assert "cache-control" not in headers


def test_frames_that_are_gone_or_were_written_anew(store, place):
    path = open_store(store).artifact(place.run, "test/previews/02.zip")
    assert fetch(f"/stored/{signed(place._replace(written='0-0'))}/12/image")[0] == 404
    for other in (place._replace(run="nobody"), place._replace(sequence="../02"), place._replace(sequence="09")):
        assert fetch(f"/stored/{signed(other)}/12/image")[0] == 404
    path.write_bytes(b"no zip")
    assert fetch(f"/stored/{signed(place._replace(written=written(path)))}/12/image")[0] == 404


def test_a_damaged_image_is_not_there(store, place):
    path = open_store(store).artifact(place.run, "test/previews/02.zip")
    content, start = path.read_bytes(), Previews(path).read("image", 12)
    path.write_bytes(content.replace(start[40:], bytes(len(start) - 40)))
    link = signed(place._replace(written=written(path)))
    assert fetch(f"/stored/{link}/12/image")[0] == 404
    image, labels = parts(fetch(f"/stored/{link}/12/image+prediction")[2])
    assert not image
    assert labels, "the rest of the frame is"


def test_few_zips_stay_open(tmp_path):
    for number in range(4):
        write_previews(tmp_path / f"{number}.zip", [FrameView(0, np.zeros((4, 4), np.uint8), np.zeros((4, 4), int))])
    asked = []

    def find(run, path):
        asked.append(path)
        return tmp_path / path.rpartition("/")[2]

    kept = Bundles(find, most=2)
    places = [Place("a", "test", str(n), written(tmp_path / f"{n}.zip")) for n in range(4)]
    for each in (0, 1, 0, 2, 0, 1):
        assert kept.previews(places[each]).numbers == [0]
    assert [path[-5] for path in asked] == ["0", "1", "2", "1"], "the one that was used least lately is closed"
    with pytest.raises(CytolapseError, match="was written anew: reload the page"):
        kept.previews(places[3]._replace(written="other"))


def test_tables_of_an_older_version_or_none(tmp_path):
    write_previews(tmp_path / "02.zip", [FrameView(3, np.zeros((4, 4), np.uint8), np.zeros((4, 4), int))], minutes=5)
    found = manifest(Previews(tmp_path / "02.zip"), None, "02")
    assert (found["frames"], found["minutes"], found["scores"]) == ([3], 5, {})
    assert objects(None, "gold", "02") == {}
    old = pd.DataFrame({"reference": ["gold"], "sequence": ["02"], "frame": [3], "side": ["truth"], "iou": [np.nan]})
    assert objects(old, "gold", "02") == {"frame": [3], "side": ["truth"], "iou": [None]}
    assert objects(old, "gold", "01")["frame"] == []
    assert bundles.OPEN >= 3, "movies side by side stay open"
