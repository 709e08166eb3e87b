"""The master key is replaced while the server serves: in slices, resumed after a kill, on both engines."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fixtures.app import App, open_app
from fixtures.frozen_app import OPERATOR, asgi_answer
from fixtures.vault import Vault, key_body
from kunsthalle.app import build
from kunsthalle.catalogs import credentials
from kunsthalle.cli import common
from kunsthalle.cli.main import cli
from kunsthalle.db import kv, reencryption
from kunsthalle.db.encryption import Cipher, cipher_of
from kunsthalle.db.reencryption import census, reencrypt
from kunsthalle.db.unscoped import columns_of
from kunsthalle.local import master_keys
from kunsthalle.local.master_keys import MasterKeyError
from kunsthalle.operator import master_key_rotation
from kunsthalle.operator.master_key_rotation import secret_places

ROTATE = "/_kunsthalle/signing_keys/rotate"
TOKEN = "a credential of another system"
KEYS = 5


@pytest.fixture
def both(database_url: str, tmp_path: Path) -> Iterator[App]:
    """An application on either engine, with a secret of each kind."""
    app = open_app(tmp_path / "data", database=database_url if database_url.startswith("postgresql") else "")
    vault = Vault(app)
    for number in range(KEYS):
        vault.ask("POST", "keys", key_body(f"key-{number}"))
    vault.ask("POST", "import_token", {"expiration": 3600, "maxAllowedRetrievals": 5})
    robot = app.do("POST", "/v1/serviceids", {"name": "robot", "account_id": app.accounts["owner"]})
    body = {"name": "kept", "iam_id": robot["iam_id"], "account_id": app.accounts["owner"], "store_value": True}
    app.do("POST", "/v1/apikeys", body)
    _catalog(app, "first")
    yield app
    app.close()


def _catalog(app: App, label: str) -> dict[str, Any]:
    settings = {"authorization": {"token": TOKEN}}
    return dict(app.do("POST", "/api/v1-beta/catalogs", {"label": label, "syndication_settings": settings}))


def _counts(app: App) -> Counter[str]:
    server = app.server
    return census(partial(server.store.read, server.base), secret_places())


def _known(app: App) -> dict[str, Any]:
    return dict(app.server.store.read(app.server.base, lambda session: kv.get(session, kv.MASTER_KEY)))


def _opened(app: App) -> list[str]:
    """Every secret in clear."""
    store, found = app.server.store, []

    def turn(value: str, purpose: str) -> str:
        found.append(f"{purpose}={store.cipher.decrypt(value, purpose)}")
        return value

    def look(session: Any) -> None:
        for place in secret_places():
            for key, *values in columns_of(session, place.key, *place.columns, where=place.where):
                place.turned(key, values, turn)

    store.read(app.server.base, look)
    return sorted(found)


def _renewed(app: App, write: Callable[..., Any] | None = None) -> None:
    server = app.server
    server.store.cipher.take_newest()
    read = partial(server.store.read, server.base)
    reencrypt(read, write or partial(server.store.write, server.base), server.store.cipher, secret_places())


class Killed(BaseException):
    """Ends the work between two of its transactions."""


def _killed_after(app: App, most: int) -> Callable[..., Any]:
    left = iter(range(most))

    def write(function: Callable[..., Any]) -> Any:
        if next(left, None) is None:
            raise Killed
        return app.server.store.write(app.server.base, function)

    return write


def test_everything_is_encrypted_anew_while_the_server_serves(both: App) -> None:
    before, secrets = _counts(both), _opened(both)
    (old,) = before
    told = both.ok(OPERATOR, "POST", ROTATE)["master_key"]
    assert f"with the master key {told['id']} now" in told["message"]
    both.settle()
    assert dict(_counts(both)) == {told["id"]: before[old]}, "each of them"
    assert [text for text in _opened(both) if "signing-keys" not in text] == [
        text for text in secrets if "signing-keys" not in text
    ]
    assert _known(both) == {"id": told["id"], "scrub": True}
    report = both.ok(OPERATOR, "GET", "/_kunsthalle/doctor")
    assert (report["findings"], report["examined"]["secrets"]) == ([], before[old])
    path = both.server.settings.master_key_path
    path.write_text(path.read_text().splitlines()[-1])
    both.restart()
    assert both.ok("owner", "GET", "/api/v1-beta/catalogs")["total_count"] == 1, "the old key can go"


@pytest.mark.parametrize("writes", (1, 3, 5, 7))
def test_killed_anywhere_it_resumes(both: App, writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reencryption, "SLICE", 2)
    secrets, (old,) = _opened(both), _counts(both)
    new = master_keys.add(both.server.settings.master_key_path).newest
    with pytest.raises(Killed):
        _renewed(both, _killed_after(both, writes))
    assert (_known(both)["id"], _known(both)["next"]) == (old, new), "no start without both"
    assert _opened(both) == secrets, "both keys are read"
    findings = both.ok(OPERATOR, "GET", "/_kunsthalle/doctor")["findings"]
    left = _counts(both)[old]
    expected = [f"{left} secrets are still encrypted with this master key, not with {new}. Keep it until then."]
    assert [finding["message"] for finding in findings] == expected[: bool(left)]
    both.restart()
    assert list(_counts(both)) == [new], "a start ends it"
    assert "next" not in _known(both)
    assert _opened(both) == secrets


def test_the_doctor_ends_it_too(both: App) -> None:
    (old,) = _counts(both)
    new = master_keys.add(both.server.settings.master_key_path).newest
    with pytest.raises(Killed):
        _renewed(both, _killed_after(both, 2))
    assert _counts(both)[old] > 0
    report = both.ok(OPERATOR, "POST", "/_kunsthalle/doctor", {"repair": True})
    assert [(f["check"], f["subject"], f["repaired"]) for f in report["findings"]] == [("old_master_key", old, True)]
    assert list(_counts(both)) == [new]


def test_what_is_written_meanwhile_stays(both: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the new key, and, of a change that began before, with the old one: it is found by the next pass."""
    monkeypatch.setattr(reencryption, "SLICE", 2)
    server, (old,) = both.server, _counts(both)
    new = master_keys.add(server.settings.master_key_path).newest
    stale = Cipher(None, master_keys.read(server.settings.master_key_path).through(old))  # type: ignore[union-attr]  # it is there
    written: list[str] = []

    def late(session: Any) -> None:
        table = credentials.SECRETS[0].key.table
        (row,) = session.all(table.select())
        document = row.document
        value = stale.encrypt("written late", f"{row.id}/syndication_settings.authorization.token")
        document["syndication_settings"]["authorization"]["token"] = value
        session.execute(table.update().values(document=document))

    def write(function: Callable[..., Any]) -> Any:
        result = server.store.write(server.base, function)
        written.append("")
        if len(written) == 9:  # the catalogs' turn is over
            server.store.write(server.base, late)
        return result

    _renewed(both, write)
    _catalog(both, "second")
    assert list(_counts(both)) == [new]
    tokens = [text.partition("=")[2] for text in _opened(both) if "authorization.token" in text]
    assert sorted(tokens) == [TOKEN, "written late"]


def test_another_node_reads_what_the_new_key_encrypts(both: App) -> None:
    """It has the same file, and was started before the key was added."""
    other = build(both.server.settings, OPERATOR)
    try:
        assert list(_counts(both)) == [other.store.cipher.keys.newest]
        master_keys.add(both.server.settings.master_key_path)
        _renewed(both)
        unused = master_keys.add(both.server.settings.master_key_path).newest
        headers = {"host": "kunsthalle.test", "authorization": f"Bearer {both.tokens['owner']}"}
        answer = both.loop.run_until_complete(asgi_answer(other, "GET", "/api/v1-beta/catalogs", headers, b""))
        assert answer.status == 200
        assert other.store.cipher.keys.newest == both.server.store.cipher.keys.newest
        assert unused not in other.store.cipher.keys.by_id, "nobody uses it yet"
    finally:
        other.store.close()


def _gone(path: Path) -> None:
    path.unlink()


def _anothers(path: Path) -> None:
    path.unlink()
    master_keys.add(path)


def _open_to_all(path: Path) -> None:
    path.chmod(0o644)


@pytest.mark.parametrize(
    ("spoil", "told"), [(_gone, "is gone. Put it back"), (_anothers, "not in .* any more"), (_open_to_all, "chmod 600")]
)
def test_without_the_right_file_nothing_is_changed(both: App, spoil: Callable[[Path], None], told: str) -> None:
    before, known, listed = _counts(both), _known(both), both.ok(OPERATOR, "GET", "/_kunsthalle/signing_keys")
    spoil(both.server.settings.master_key_path)
    answer = both.call(OPERATOR, "POST", ROTATE)
    (error,) = answer.json["errors"]
    assert (answer.status, error["code"]) == (409, "conflict")
    assert re.search(told, error["message"])
    assert both.ok(OPERATOR, "GET", "/_kunsthalle/signing_keys") == listed, "the keys that sign stay too"
    both.settle()
    assert (_counts(both), _known(both)) == (before, known)


def test_a_secret_under_a_key_that_is_gone_stops_it_before_it_begins(both: App) -> None:
    server = both.server
    before, known = _counts(both), _known(both)
    other = Cipher(None, master_keys.add(server.settings.data / "other.key"))

    def spoil(session: Any) -> None:
        kept = credentials.SECRETS[0].key.table
        (row,) = session.all(kept.select())
        row.document["syndication_settings"]["authorization"]["token"] = other.encrypt("x", "y")
        session.execute(kept.update().values(document=row.document))

    server.store.write(server.base, spoil)
    master_keys.add(server.settings.master_key_path)
    with pytest.raises(MasterKeyError, match=f"1 secrets .* master key {other.keys.newest}, which is missing"):
        _renewed(both)
    assert _known(both) == known
    assert _counts(both) == before - Counter(before.keys()) + Counter([other.keys.newest])


def test_where_the_keys_come_from_elsewhere_it_says_what_to_do(tmp_path: Path) -> None:
    keys = master_keys.add(tmp_path / "keys")
    lines = ",".join(line for line in (tmp_path / "keys").read_text().splitlines() if not line.startswith("#"))
    app = open_app(tmp_path / "data", database="", master_keys=lines)
    try:
        told = app.ok(OPERATOR, "POST", ROTATE)["master_key"]
        assert told == {"id": keys.newest, "message": master_key_rotation.ELSEWHERE}
        assert not app.server.settings.master_key_path.exists(), "no file is made"
        assert list(_counts(app)) == [keys.newest]
        further = master_keys.add(tmp_path / "keys").newest
        text = (tmp_path / "keys").read_text()
        app.server.stop()
        app.server = build(dataclasses.replace(app.server.settings, master_keys=text), OPERATOR)
        app.server.start()
        assert list(_counts(app)) == [further], "as the message says"
        assert cipher_of(app.server.settings).path is None
    finally:
        app.close()


def test_beside_other_nodes_a_key_is_used_once_they_have_it(app: App) -> None:
    store, cipher = app.server.store, app.server.store.cipher
    old = cipher.keys.newest

    def rotate() -> master_key_rotation.Rotation:
        return store.write(app.server.base, lambda session: master_key_rotation.rotate(session, lambda _session: 1))

    assert rotate() == (old, master_key_rotation.OTHER_NODES)
    assert master_keys.read(app.server.settings.master_key_path).newest == old  # type: ignore[union-attr]  # it is there
    new = master_keys.add(app.server.settings.master_key_path).newest
    assert rotate().id == new
    app.settle()
    assert list(_counts(app)) == [new]


def test_the_verb_tells_what_became_of_the_master_key(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def operate(_data: Path, method: str, path: str) -> Any:
        return app.ok(OPERATOR, method, path)

    monkeypatch.setattr(common, "operate", operate)
    result = CliRunner().invoke(cli, ["keys", "rotate", "--data", str(app.server.settings.data), "--output", "json"])
    assert result.exit_code == 0, result.output
    assert '"state": "waits"' in result.stdout
    assert "Everything is encrypted with the master key" in result.stderr


def test_a_slice_ends_in_time(both: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reencryption, "SLICE_SECONDS", -1.0)
    before = sum(_counts(both).values())
    new = master_keys.add(both.server.settings.master_key_path).newest
    count = 0

    def write(function: Callable[..., Any]) -> Any:
        nonlocal count
        count += 1
        return both.server.store.write(both.server.base, function)

    _renewed(both, write)
    assert dict(_counts(both)) == {new: before}
    assert count > before, "a transaction for each row, and one more at each place's end"
