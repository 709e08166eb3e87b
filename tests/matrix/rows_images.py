"""The rows of images and their export jobs."""

from __future__ import annotations

from typing import Any

from fixtures.frozen_app import QUERY, FrozenApp

_WHERE = "/v1/images/{image_id}/export_jobs"


def _export(_frozen: FrozenApp) -> Any:
    return {"storage_bucket": {"name": "images"}, "name": "another"}


BODIES = {f"POST {_WHERE}": _export, f"PATCH {_WHERE}/{{id}}": lambda _frozen: {"name": "renamed"}}


def furnish(frozen: FrozenApp) -> None:
    """An export of the publisher's, ended."""
    where = _WHERE.format(image_id=frozen.ids["images"])
    body = {"storage_bucket": {"name": "images"}, "name": "hidden-export"}
    frozen.ids["export_jobs"] = frozen.ok("owner", "POST", f"{where}?{QUERY}", body)["id"]
