"""Filters that look into stored documents, and conditions on dates, mean the same on both engines."""

from __future__ import annotations

from pathlib import Path

from fixtures.worlds import World
from kunsthalle.db.visibility import find
from kunsthalle.images.lifecycle_dates import apply_due_dates
from kunsthalle.images.resources import IMAGE
from unit.instances.api_in_process import ZONE, Api


def test_tags_and_origins(both: World, tmp_path: Path) -> None:
    api = Api(both, tmp_path)
    body = {"profile": {"name": "sdp"}, "capacity": 10, "zone": {"name": ZONE}}
    made = {}
    for name, tags in {"a": ["env:one", "X y.z"], "b": ["env:two"], "c": []}.items():
        made[name] = api.call("POST", "/v1/volumes", {**body, "name": name, "user_tags": tags}, status=201)
    for tag, found in {
        "env:one": "a",
        "X y.z": "a",
        "x y.z": "",
        "env:*": "",
        "env:t_o": "",
        "env": "",
        '"': "",
    }.items():
        page = api.call("GET", "/v1/volumes", status=200, tag=tag)
        assert "".join(one["name"] for one in page["volumes"]) == found, tag
    api.worker.start()
    api.settle()
    for name in ("a", "b"):
        api.call("POST", "/v1/snapshots", {"source_volume": {"id": made[name]["id"]}, "name": name}, status=201)
    api.settle()
    page = api.call("GET", "/v1/snapshots", status=200, **{"source_volume.crn": made["b"]["crn"]})
    assert [one["name"] for one in page["snapshots"]] == ["b"]
    grown = api.call("PATCH", f"/v1/volumes/{made['a']['id']}", {"capacity": 20}, status=200)
    assert grown["status"] == "updating"
    api.settle()
    assert api.call("GET", f"/v1/volumes/{made['a']['id']}", status=200)["status"] == "available"
    api.worker.stop()


def test_what_a_date_does_to_an_image(both: World) -> None:
    ctx = both.account()
    now = both.clock.now()
    expected = {
        (now, None): "deprecated",
        (now + 1, None): "available",
        (None, now): "obsolete",
        (now - 2, now - 1): "obsolete",
        (now - 1, now + 1): "deprecated",
        (None, None): "available",
    }
    for number, ((early, late), status) in enumerate(expected.items()):
        image = both.image(ctx, f"image-{number}", deprecation_at=early, obsolescence_at=late)
        held = both.image(ctx, f"held-{number}", deprecation_at=early, obsolescence_at=late, hold_crn="crn")
        for one in (image, held):
            both.write(ctx, apply_due_dates, one.id)
        assert both.read(ctx, find, IMAGE, image.id).status == status
        assert both.read(ctx, find, IMAGE, held.id).status == "available"
