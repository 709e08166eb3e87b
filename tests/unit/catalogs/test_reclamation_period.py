"""The reclamation period is a setting: it says when a deleted catalog, or instance of object storage, is reclaimed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fixtures.hall import opened
from kunsthalle.core.clock import DAY, SECOND

CATALOGS = "/api/v1-beta/catalogs"


@pytest.mark.parametrize(
    ("settings", "period"),
    [({}, 7 * DAY), ({"reclamation_period": "1h"}, 3_600 * SECOND), ({"reclamation_period": "P30D"}, 30 * DAY)],
)
def test_a_deleted_catalog_is_reclaimed_after_the_period(tmp_path: Path, settings: dict[str, Any], period: int) -> None:
    with closing(opened(tmp_path / "data", **settings)) as hall:
        catalog = hall.call("owner", "POST", CATALOGS, {"label": "catalog"}).json["id"]
        told = hall.call("owner", "GET", f"/_kunsthalle/catalogs/{catalog}/deletion").json["restorable_until"]
        assert hall.call("owner", "DELETE", f"{CATALOGS}/{catalog}").status == 200
        (record,) = hall.call("owner", "GET", "/v1/reclamations").json["resources"]
        assert record["target_time"] == told
        hall.travel(period // SECOND - 1)
        assert len(hall.call("owner", "GET", "/v1/reclamations").json["resources"]) == 1
        hall.travel(1)
        assert hall.call("owner", "GET", "/v1/reclamations").json["resources"] == []
