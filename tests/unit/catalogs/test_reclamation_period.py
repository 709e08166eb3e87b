"""The reclamation period is a setting: it says when a deleted catalog, or instance of object storage, is reclaimed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fixtures.app import open_app
from kunsthalle.core.clock import DAY, SECOND

CATALOGS = "/api/v1-beta/catalogs"


@pytest.mark.parametrize(
    ("settings", "period"),
    [({}, 7 * DAY), ({"reclamation_period": "1h"}, 3_600 * SECOND), ({"reclamation_period": "P30D"}, 30 * DAY)],
)
def test_a_deleted_catalog_is_reclaimed_after_the_period(tmp_path: Path, settings: dict[str, Any], period: int) -> None:
    with closing(open_app(tmp_path / "data", **settings)) as app:
        catalog = app.call("owner", "POST", CATALOGS, {"label": "catalog"}).json["id"]
        told = app.call("owner", "GET", f"/_kunsthalle/catalogs/{catalog}/deletion").json["restorable_until"]
        assert app.call("owner", "DELETE", f"{CATALOGS}/{catalog}").status == 200
        (record,) = app.call("owner", "GET", "/v1/reclamations").json["resources"]
        assert record["target_time"] == told
        app.travel(period // SECOND - 1)
        assert len(app.call("owner", "GET", "/v1/reclamations").json["resources"]) == 1
        app.travel(1)
        assert app.call("owner", "GET", "/v1/reclamations").json["resources"] == []
