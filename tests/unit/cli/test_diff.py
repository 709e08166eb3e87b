"""`kunsthalle diff`: what automation has done between two saved states, by account and kind, without secrets."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fixtures.app import App, open_app
from fixtures.frozen_app import OPERATOR
from kunsthalle.all_tables import metadata
from kunsthalle.cli.main import cli
from kunsthalle.local import folder
from kunsthalle.operator.state_archives import pack
from kunsthalle.operator.state_differences import KINDS
from kunsthalle.testing import Served

SECRET = "do-not-show-this"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a server with three saved states: `before`, `same`, and `after` automation has run."""
    made = tmp_path_factory.mktemp("diff") / "data"
    opened = open_app(made)
    folder.write(made, folder.CREDENTIALS, {"operator_token": OPERATOR})
    try:
        _automate(opened)
    finally:
        opened.close()
    return made


def _save(app: App, name: str) -> None:
    assert app.call(OPERATOR, "POST", "/_kunsthalle/scenarios", {"name": name}).status == 200


def _automate(app: App) -> None:
    image, gone = app.image("golden"), app.image("gone")
    vpc = app.do("GET", "/v1/vpcs")["vpcs"][0]
    _save(app, "before")
    _save(app, "same")
    app.do("PATCH", f"/v1/images/{image['id']}", {"name": "golden-renamed"})
    app.do("DELETE", f"/v1/images/{gone['id']}")
    app.server_of(image["id"], name="web", user_data=SECRET)
    app.do("PATCH", f"/v1/vpcs/{vpc['id']}", {"name": "renamed"})
    app.do("POST", f"/v2/groups?account_id={app.accounts['owner']}", {"name": "readers"})
    _save(app, "after")


def _diff(data: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["diff", *words, "--data", str(data)])


def _differences(data: Path, *words: str) -> list[dict[str, Any]]:
    done = _diff(data, *words, "--format", "json")
    assert done.exit_code in {0, 1}, done.output
    found = json.loads(done.output)
    assert done.exit_code == (1 if found["differences"] else 0)
    counts = dict.fromkeys(("added", "changed", "removed"), 0)
    for one in found["differences"]:
        counts[one["change"]] += 1
    assert found["summary"] == counts
    return list(found["differences"])


def test_the_same_is_no_difference(data: Path) -> None:
    done = _diff(data, "before", "same")
    assert (done.exit_code, done.output) == (0, "No differences.\n")
    assert _differences(data, "after", "after") == []


def test_what_was_added_changed_and_removed_is_told_by_account_and_kind(data: Path) -> None:
    found = _differences(data, "before", "after")
    told = {(one["change"], one["kind"], one["name"]) for one in found}
    wanted = {
        ("changed", "image", "golden-renamed"),
        ("removed", "image", "gone"),
        ("added", "instance", "web"),
        ("changed", "VPC", "renamed"),
        ("added", "access group", "readers"),
    }
    assert wanted <= told
    assert {kind for _, kind, _ in told - wanted} <= {"volume", "reserved IP", "virtual network interface"}
    renamed = next(one for one in found if one["name"] == "golden-renamed")
    assert renamed["fields"]["name"] == {"before": "golden", "after": "golden-renamed"}
    assert len({one["account"] for one in found}) == 1
    back = {(one["change"], one["kind"], one["name"]) for one in _differences(data, "after", "before")}
    assert ("added", "image", "gone") in back
    assert ("removed", "instance", "web") in back


def test_people_read_an_account_and_its_resources(data: Path) -> None:
    done = _diff(data, "before", "after")
    assert done.exit_code == 1
    account, *lines, counts = done.output.splitlines()
    assert not account.startswith(" ")
    assert all(re.match(r"  [+~-] \S.* \(\S+\)", one) for one in lines)
    assert re.search(
        r"^  ~ image golden-renamed \(r006-\S+\): name: golden -> golden-renamed$", done.output, re.MULTILINE
    )
    assert re.fullmatch(r"\d+ added, \d+ changed, 1 removed\.", counts)


def test_secrets_are_never_shown(data: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(data / "scenarios" / "after" / "kunsthalle.sqlite")) as database:
        hashes = [row[0] for row in database.execute("SELECT hash FROM api_keys")]
    changed = tmp_path / "changed"
    changed.mkdir()
    shutil.copy(data / "scenarios" / "after" / "kunsthalle.sqlite", changed)
    with closing(sqlite3.connect(changed / "kunsthalle.sqlite")) as database, database:
        database.execute("UPDATE api_keys SET hash = ? || id", (SECRET,))
        database.execute("UPDATE instances SET user_data = ?, password = ?", (SECRET * 2, f'"{SECRET}"'))
        database.execute("UPDATE catalogs SET document = ?", (f'{{"api_key": "{SECRET}"}}',))
    for form in ("json", "text"):
        done = _diff(data, "after", str(changed), "--format", form)
        assert done.exit_code == 1
        assert "hash" in done.output
        assert "user_data" in done.output
        assert not [one for one in (SECRET, *hashes) if one in done.output]


def test_files_are_compared_as_folders_are(data: Path, tmp_path: Path) -> None:
    scenarios = data / "scenarios"
    for name in ("before", "after"):
        pack(scenarios / name, tmp_path / f"{name}.khs")
    by_file = CliRunner().invoke(cli, ["diff", str(tmp_path / "before.khs"), str(tmp_path / "after.khs")])
    assert (by_file.exit_code, by_file.output) == (1, _diff(data, "before", "after").output)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("before", "absent"), "no saved scenario of that name"),
        (("before", "./absent.khs"), "No such file"),
        (("before", "../before"), "No such file"),
        (("before", "BROKEN"), "no saved state, or it is cut off"),
        (("before", "EMPTY"), "no saved state"),
        (("before", "NEWER"), "this is no saved state"),
        ((), "Missing argument"),
    ],
)
def test_what_cannot_be_compared_ends_with_two(data: Path, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    (tmp_path / "BROKEN").write_bytes(b"PK broken")
    (tmp_path / "EMPTY").mkdir()
    newer = tmp_path / "NEWER"
    newer.mkdir()
    content = (data / "scenarios" / "before" / "kunsthalle.sqlite").read_bytes()
    (newer / "kunsthalle.sqlite").write_bytes(content)
    with closing(sqlite3.connect(newer / "kunsthalle.sqlite")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    done = _diff(data, *(f"{tmp_path}/{word}" if word.isupper() else word for word in words))
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output


def test_every_kind_names_a_table_and_its_column() -> None:
    for table, (_, column) in KINDS.items():
        assert column in metadata().tables[table].c


def test_a_saved_state_is_compared_with_the_server_as_it_is(served: Served) -> None:
    def verb(*words: str) -> Result:
        return CliRunner().invoke(cli, [*words, "--data", str(served.data)])

    assert verb("scenario", "save", "then").exit_code == 0
    assert verb("diff", "then").output == "No differences.\n"
    served.operate("POST", "/_kunsthalle/accounts", {"name": "newcomer", "owner": "owner@newcomer.example"})
    done = verb("diff", "then")
    assert done.exit_code == 1
    assert "newcomer" in done.output.splitlines()[0]
    assert "  + account newcomer" in done.output
    assert [one.name for one in (served.data / "scenarios").iterdir()] == ["then"]
