"""No database file gives a credential away: they are encrypted with a master key that is kept beside the database."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fixtures.threads import together
from kunsthalle.accounts.service import open_account
from kunsthalle.app import Server, build
from kunsthalle.catalogs.offerings.service import create_catalog
from kunsthalle.catalogs.tables import catalogs
from kunsthalle.cli.main import cli
from kunsthalle.core.errors import Problem
from kunsthalle.db import kv
from kunsthalle.db.encryption import CannotDecrypt, Cipher
from kunsthalle.db.unscoped import columns_of
from kunsthalle.iam.api_keys import KeyPrototype
from kunsthalle.iam.resources import API_KEY
from kunsthalle.iam.service_ids import create_service_id
from kunsthalle.iam.signing_keys import _new_key, load_keys
from kunsthalle.iam.tokens import Tokens
from kunsthalle.local import folder, master_keys
from kunsthalle.local.master_keys import MasterKeyError
from kunsthalle.operator.master_key_rotation import secret_places
from kunsthalle.settings import Settings
from kunsthalle.testing.served import DidNotStart, Served

CLAIMS = {"iam_id": "IBMid-1", "account": {"bss": "a"}}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", hypervisor="simulated")


@pytest.fixture
def start() -> Iterator[Callable[[Settings], Server]]:
    """Builds servers, and closes their stores afterwards."""
    made: list[Server] = []

    def build_one(settings: Settings) -> Server:
        made.append(build(settings, "operator"))
        return made[-1]

    yield build_one
    for one in made:
        one.store.close()


def token_of(server: Server) -> str:
    tokens = Tokens(server.store, server.base)
    tokens.ensure_keys()
    return tokens.access_token(CLAIMS, "issuer", "grant")[0]


def valid(server: Server, token: str) -> bool:
    try:
        return Tokens(server.store, server.base).verify(token).iam_id == "IBMid-1"
    except Problem:
        return False


def octets(data: Path) -> bytes:
    """Everything that a copy of the database would hold: the file, its log, its index of the log."""
    found = b"".join(one.read_bytes() for one in sorted(data.glob("kunsthalle.sqlite*")))
    assert b"signing-keys" in found, "the search would see it"
    return found


def left_in_clear(server: Server) -> tuple[bytes, str]:
    """Makes the database what an earlier release left: the signing key in clear; its secret part, and a token."""
    clear = _new_key(server.base)

    def write(session: Any) -> None:
        kv.put(session, kv.SIGNING_KEYS, clear)
        session.execute(kv.facts.delete().where(kv.facts.c.key == kv.MASTER_KEY))

    server.store.write(server.base, lambda session: kv.put(session, kv.SIGNING_KEYS, "something shorter"))
    _leave_free_pages(server.settings.data / "kunsthalle.sqlite", json.dumps(clear))
    server.store.write(server.base, write)
    from joserfc import jwt
    from joserfc.jwk import KeySet

    key: Any = KeySet.import_key_set(clear).keys[0]  # type: ignore[arg-type]  # a document of keys
    now = server.clock.now() // 1_000_000
    claims = {**CLAIMS, "typ": "access", "exp": now + 3600}
    token = jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)
    return str(clear["keys"][0]["d"]).encode(), token  # type: ignore[index]  # a document of keys


def _leave_free_pages(database: Path, content: str) -> None:
    """What rows leave behind that are removed, where SQLite was built to leave it."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        for statement, values in (
            ("INSERT INTO facts SELECT 'copy-' || key, ? FROM facts", (content,)),
            ("DELETE FROM facts WHERE key LIKE 'copy-%'", ()),
        ):
            with connection:
                connection.execute(statement, values)


def key_file(settings: Settings) -> Path:
    return settings.data / "master.key"


def test_the_first_start_makes_a_key_that_only_its_owner_reads(settings: Settings, start: Any) -> None:
    start(settings)
    assert stat.S_IMODE(key_file(settings).stat().st_mode) == 0o600
    before = key_file(settings).read_bytes()
    start(settings)
    assert key_file(settings).read_bytes() == before


def test_no_byte_of_the_database_gives_the_signing_key_away(settings: Settings, start: Any) -> None:
    server = start(settings)
    token = token_of(server)
    secret = load_keys(server.store, server.base)[0].verifying(0).as_dict(private=True)["keys"][0]["d"]
    assert secret.encode() not in octets(settings.data)
    assert key_file(settings).read_text().splitlines()[-1].encode() not in octets(settings.data)
    assert valid(start(settings), token), "the same key signs after a restart"


def test_a_key_that_was_left_in_clear_is_encrypted_and_no_free_page_keeps_it(settings: Settings, start: Any) -> None:
    server = start(settings)
    secret, token = left_in_clear(server)
    assert secret in octets(settings.data), "as it was before"
    key_file(settings).unlink()  # the earlier release had none
    server.store.close()
    server = start(settings)
    assert secret not in octets(settings.data)
    assert valid(server, token), "tokens outlive the change"
    server.store.close()
    assert secret not in octets(settings.data)


def test_credentials_in_documents_are_encrypted_too_and_follow_a_new_key(settings: Settings, start: Any) -> None:
    clear = {"target_account_contexts": [{"name": "one", "api_key": "a-key-that-lay-in-clear"}]}
    server = start(settings)

    def make(session: Any) -> Any:
        owner = open_account(session, "owner", None)
        system = session.as_context(server.base.as_system(owner.id))
        return create_catalog(system, "shop", "offering", None, {})

    catalog = server.store.write(server.base, make)
    left_in_clear(server)
    rows = catalogs.update().where(catalogs.c.id == catalog.id)
    server.store.write(server.base, lambda session: session.execute(rows.values(document=clear)))
    assert b"a-key-that-lay-in-clear" in octets(settings.data)
    for _ in range(2):
        server.store.close()
        server = start(settings)
        assert b"a-key-that-lay-in-clear" not in octets(settings.data)
        value = server.store.read(server.base, lambda session: columns_of(session, catalogs.c.document))[0][0]
        sealed = value["target_account_contexts"][0]["api_key"]
        purpose = f"{catalog.id}/target_account_contexts.api_key"
        assert server.store.cipher.decrypt(sealed, purpose) == "a-key-that-lay-in-clear"
        assert sealed.split(".")[1] == server.store.cipher.keys.newest
        master_keys.add(key_file(settings))


def test_stored_api_keys_are_encrypted_and_follow_a_new_key(settings: Settings, start: Any) -> None:
    server = start(settings)
    token_of(server)
    secret = "a-value-that-is-read-later"

    def make(session: Any) -> Any:
        owner = open_account(session, "owner", None)
        system = session.as_context(server.base.as_system(owner.id))
        wanted = KeyPrototype("key", secret=secret, store_value=True)
        return create_service_id(system, "program", None, [], key=wanted)[1]

    key = server.store.write(server.base, make)[0]
    old = server.store.cipher.keys.newest
    assert key.stored_value.split(".")[1] == old
    assert secret.encode() not in octets(settings.data)
    server.store.close()
    master_keys.add(key_file(settings))
    server = start(settings)
    found = server.store.read(server.base, lambda session: columns_of(session, API_KEY.table.c.stored_value))
    sealed = next(value for (value,) in found if value is not None)
    assert sealed.split(".")[1] == server.store.cipher.keys.newest != old
    assert server.store.cipher.decrypt(sealed, f"{key.id}/apikey") == secret


def test_cleaning_up_after_the_change_is_made_up_for(
    settings: Settings, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start(settings)
    secret, _ = left_in_clear(server)

    def killed(_store: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("kunsthalle.db.engine.Store.scrub", killed)
        start(settings)
    start(settings)
    assert secret not in octets(settings.data)


def _removed(path: Path) -> None:
    path.unlink()


def _anothers(path: Path) -> None:
    path.unlink()
    master_keys.add(path)


def _open_to_all(path: Path) -> None:
    path.chmod(0o644)


def _emptied(path: Path) -> None:
    path.write_text("")


def _cut(path: Path) -> None:
    path.write_text(path.read_text()[:-8])


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_removed, "there is no master key file .*Put the file back"),
        (_anothers, "encrypted with the master key [0-9a-f]{16}; .* holds [0-9a-f]{16} instead. Put the file back"),
        (_open_to_all, "chmod 600"),
        (_emptied, "holds no key: put the file"),
        (_cut, "Line 2 .* is no key"),
    ],
)
def test_without_the_right_key_the_server_says_what_to_do(
    settings: Settings, start: Any, spoil: Callable[[Path], None], told: str
) -> None:
    token_of(start(settings))
    spoil(key_file(settings))
    there = key_file(settings).exists() and key_file(settings).read_bytes()
    with pytest.raises(MasterKeyError, match=told):
        start(settings)
    assert (key_file(settings).exists() and key_file(settings).read_bytes()) == there, "nothing is made in its place"
    folder.write(settings.data, folder.CREDENTIALS, {"operator_token": "operator"})
    result = CliRunner().invoke(cli, ["doctor", "--offline", "--data", str(settings.data)])
    assert (result.exit_code, result.output.startswith("Error: ")) == (1, True), result.output
    assert "master key" in result.output


def test_serve_ends_with_the_reason(settings: Settings, start: Any) -> None:
    start(settings)
    _removed(key_file(settings))
    with pytest.raises(
        DidNotStart, match=r"Error: --master-key-file \S+: The database is encrypted, and there is no master key file"
    ) as told:
        Served(settings.data, scenario="").start()
    assert "Traceback" not in str(told.value)


def test_a_new_key_encrypts_everything_and_the_old_one_can_go(settings: Settings, start: Any) -> None:
    server = start(settings)
    token = token_of(server)
    old = server.store.cipher.keys.newest
    server.store.close()
    result = CliRunner().invoke(cli, ["master-key", "rotate", "--data", str(settings.data)])
    assert result.exit_code == 0, result.output
    server = start(settings)
    assert valid(server, token)
    new = server.store.cipher.keys.newest
    assert old.encode() not in octets(settings.data)
    assert new.encode() in octets(settings.data)
    listed = CliRunner().invoke(cli, ["master-key", "list", "--data", str(settings.data), "--output", "json"])
    assert json.loads(listed.output) == [{"id": new, "encrypts": True}, {"id": old, "encrypts": False}]
    assert stat.S_IMODE(key_file(settings).stat().st_mode) == 0o600
    lines = key_file(settings).read_text().splitlines()
    key_file(settings).write_text(lines[-1])
    assert valid(start(settings), token)


def test_the_file_may_be_anywhere_and_is_named_by_option_or_environment(
    settings: Settings, start: Any, tmp_path: Path
) -> None:
    elsewhere = replace(settings, master_key_file=str(tmp_path / "kept" / "keys"))
    token_of(start(elsewhere))
    assert not key_file(settings).exists()
    environment = {"KUNSTHALLE_MASTER_KEY_FILE": elsewhere.master_key_file}
    listing = ["master-key", "list", "--data", str(settings.data)]
    assert "Master key file not found" in CliRunner().invoke(cli, listing).output
    assert "yes" in CliRunner().invoke(cli, listing, env=environment).output


@pytest.mark.needs_postgres
def test_nodes_of_one_database_need_one_file(postgres_url: str, tmp_path: Path, start: Any) -> None:
    keys = [tmp_path / f"{name}.key" for name in ("one", "two")]
    common = str(tmp_path / "common")
    nodes = [
        Settings(
            tmp_path / key.stem,
            hypervisor="simulated",
            database=postgres_url,
            shared_folder=common,
            master_key_file=str(key),
        )
        for key in keys
    ]
    token = token_of(start(nodes[0]))
    with pytest.raises(MasterKeyError, match="other nodes of the database have it"):
        start(nodes[1])
    shutil.copy(keys[0], keys[1])
    assert valid(start(nodes[1]), token)


@pytest.mark.needs_postgres
def test_nodes_that_start_at_once_make_one_file(postgres_url: str, tmp_path: Path, start: Any) -> None:
    shared = str(tmp_path / "shared.key")
    common = str(tmp_path / "common")
    nodes = [
        Settings(tmp_path / str(n), database=postgres_url, master_key_file=shared, shared_folder=common)
        for n in range(4)
    ]
    servers: list[Server] = together(*[partial(start, node) for node in nodes])
    assert len({one.store.cipher.keys.newest for one in servers}) == 1
    assert len(master_keys.read(Path(shared)).by_id) == 1  # type: ignore[union-attr]  # it is there


def test_a_saved_scenario_holds_no_key_and_needs_the_one_it_was_saved_with(
    settings: Settings, start: Any, tmp_path: Path
) -> None:
    from kunsthalle.operator.saved_states import SavedScenarios

    def scenarios(server: Server) -> SavedScenarios:
        parts = (server.settings, server.store, server.base, server.clock, server.worker, server.drivers)
        return SavedScenarios(*parts, forget=lambda: None, secrets=secret_places)

    server = start(settings)
    folder.write(settings.data, folder.CREDENTIALS, {"operator_token": "operator"})
    token = token_of(server)
    server.worker.start()
    scenarios(server).save("before", replace=False)
    assert not list((settings.data / "scenarios").rglob("*.key"))
    server.worker.stop()
    server.store.close()
    old = key_file(settings).read_text()
    master_keys.add(key_file(settings))
    server = start(settings)
    server.worker.start()
    scenarios(server).load("before")
    assert valid(server, token), "encrypted with a key that is older, and still there"
    assert server.store.cipher.keys.newest.encode() in octets(settings.data)
    assert key_file(settings).read_text().startswith(old), "the keys are those of the folder, not of the scenario"
    server.worker.stop()
    server.store.close()
    key_file(settings).write_text(key_file(settings).read_text().splitlines()[-1])
    server = start(settings)
    server.worker.start()
    with pytest.raises(Problem, match="cannot be decrypted") as refused:
        scenarios(server).load("before")
    server.worker.stop()
    assert refused.value.code == "unknown_master_key"
    assert valid(server, token), "nothing was changed"


def test_a_value_decrypts_for_its_purpose_only_and_not_when_it_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "key"
    master_keys.add(path)
    cipher = Cipher(path)
    sealed = cipher.encrypt("secret", "here")
    assert (cipher.decrypt(sealed, "here"), "secret" in sealed) == ("secret", False)
    assert cipher.encrypt("secret", "here") != sealed, "equal secrets do not look equal"
    flipped = sealed[:-1] + ("A" if sealed[-1] != "A" else "B")
    other = Cipher(tmp_path / "other")
    other.ensure()
    spoilt = [(sealed, "there"), (flipped, "here"), (sealed[:30], "here"), ("secret", "here"), ("kh1..", "here")]
    for value, purpose in spoilt:
        with pytest.raises(CannotDecrypt):
            cipher.decrypt(value, purpose)
    with pytest.raises(CannotDecrypt):
        other.decrypt(sealed, "here")


def _elsewhere(settings: Settings, how: str, tmp_path: Path) -> Settings:
    """The same keys, given in place of the file."""
    text = settings.master_key_path.read_text()
    settings.master_key_path.unlink()
    if how == "master_keys":
        keys = [line for line in text.splitlines() if not line.startswith("#")]
        return replace(settings, master_keys=",".join(keys))
    (tmp_path / "keys of the vault").write_text(text)
    return replace(settings, master_key_command=f"cat '{tmp_path}/keys of the vault'")


@pytest.mark.parametrize("how", ["master_keys", "master_key_command"])
def test_the_keys_come_from_the_environment_or_a_command_as_from_the_file(
    settings: Settings, start: Callable[[Settings], Server], tmp_path: Path, how: str
) -> None:
    token = token_of(start(settings))
    given = _elsewhere(settings, how, tmp_path)
    assert valid(start(given), token)
    assert not settings.master_key_path.exists(), "no file is made"
    other = tmp_path / "other.key"
    master_keys.add(other)
    wrong = replace(settings, master_keys=other.read_text())
    with pytest.raises(MasterKeyError, match=r"what was given in its place holds [0-9a-f]{16} instead"):
        start(wrong)


def test_a_command_is_run_once_without_a_shell_and_for_a_bounded_time(
    settings: Settings, start: Callable[[Settings], Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    master_keys.add(tmp_path / "keys")
    script = tmp_path / "keys.sh"
    script.write_text(f"#!/bin/sh\necho run >> {tmp_path}/runs\nexec cat {tmp_path}/keys\n")
    script.chmod(0o700)
    start(replace(settings, master_key_command=f"{script} '; touch {tmp_path}/shell'"))
    assert (tmp_path / "runs").read_text() == "run\n"
    assert not (tmp_path / "shell").exists()
    with pytest.raises(MasterKeyError, match="printed more than 65536 bytes"):
        master_keys.of(replace(settings, master_key_command="head -c 70000 /dev/zero"))
    monkeypatch.setattr(master_keys, "COMMAND_SECONDS", 0.1)
    with pytest.raises(MasterKeyError, match=r"The command 'sleep' did not end within 0\.1 seconds"):
        master_keys.of(replace(settings, master_key_command="sleep 60"))


def test_one_source_of_keys_at_most(settings: Settings) -> None:
    with pytest.raises(ValueError, match="give either it or master_keys"):
        replace(settings, master_keys="a", master_key_command="b")


def test_a_key_that_an_administrator_adds_leaves_the_file_to_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner changes with the process alone, which a test cannot become; so what is asked of the system is seen."""
    path = tmp_path / "keys"
    master_keys.add(path)
    changed: list[tuple[int, int]] = []
    real = os.fstat

    def of_root(descriptor: int) -> os.stat_result:
        values = list(real(descriptor))
        values[4], values[5] = values[4] + 1, values[5] + 1
        return os.stat_result(values)

    monkeypatch.setattr(master_keys.os, "fstat", of_root)
    monkeypatch.setattr(master_keys.os, "fchown", lambda _descriptor, uid, gid: changed.append((uid, gid)))
    master_keys.add(path)
    assert changed == [(path.stat().st_uid, path.stat().st_gid)]
