"""The rows of images and their export jobs."""

from __future__ import annotations

from typing import Any

from fixtures.realm import QUERY, Realm

_WHERE = "/v1/images/{image_id}/export_jobs"


def _export(_realm: Realm) -> Any:
    return {"storage_bucket": {"name": "images"}, "name": "another"}


BODIES = {f"POST {_WHERE}": _export, f"PATCH {_WHERE}/{{id}}": lambda _realm: {"name": "renamed"}}


def furnish(realm: Realm) -> None:
    """An export of the publisher's, ended."""
    where = _WHERE.format(image_id=realm.ids["images"])
    body = {"storage_bucket": {"name": "images"}, "name": "hidden-export"}
    realm.ids["export_jobs"] = realm.ok("owner", "POST", f"{where}?{QUERY}", body)["id"]
