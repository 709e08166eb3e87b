"""`kunsthalle usage` finds an offering by its name, however many there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from click.testing import CliRunner

from kunsthalle.cli import common
from kunsthalle.cli.main import cli

ASKING = ("usage", "--output", "json")
OFFERINGS = [{"id": f"id-{number}", "name": f"offering-{number}"} for number in range(250)]


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account with one catalog of many offerings, which its API shows a page at a time."""

    def act(_data: Path, _account: str, _method: str, path: str) -> Any:
        place, _, query = path.partition("?")
        if place.startswith("/_kunsthalle/offerings/"):
            return {"offering": {"id": place.split("/")[3]}, "versions": [], "totals": {}}
        every = OFFERINGS if place.endswith("/offerings") else [{"id": "c1", "label": "Golden images"}]
        wanted = {name: int(value[0]) for name, value in parse_qs(query).items()}
        page = every[wanted["offset"] : wanted["offset"] + wanted["limit"]]
        return {"resources": page, "total_count": len(every)}

    monkeypatch.setattr(common, "act", act)


@pytest.mark.parametrize("number", [0, 99, 100, 249])
def test_an_offering_on_any_page_is_found_by_its_name(tmp_path: Path, number: int) -> None:
    done = CliRunner().invoke(cli, [*ASKING, f"offering-{number}", "--data", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert f'"id-{number}"' in done.output


def test_what_is_no_name_is_taken_for_an_id(tmp_path: Path) -> None:
    assert '"offering-250"' in CliRunner().invoke(cli, [*ASKING, "offering-250", "--data", str(tmp_path)]).output
