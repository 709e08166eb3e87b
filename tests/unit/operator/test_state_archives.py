"""Saved states as one file: they are unpacked as they were, and one that is broken or hostile changes nothing."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fixtures.app import App, open_app
from fixtures.frozen_app import OPERATOR
from kunsthalle.db.prepare import HEAD
from kunsthalle.local import folder
from kunsthalle.operator.saved_states import DATABASE
from kunsthalle.operator.state_archives import BadArchive, pack, read_manifest, unpack

MANIFEST = "manifest.json"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A server with an image, an instance of it, and a saved state of both."""
    opened = open_app(tmp_path_factory.mktemp("archives") / "data")
    data = opened.server.settings.data
    folder.write(data, folder.CREDENTIALS, {"operator_token": OPERATOR})
    opened.server_of(opened.image("kept")["id"], name="web")
    with (data / "buckets" / "hole").open("wb") as file:  # a file that is nearly nothing but a hole
        file.truncate(8 << 30)
        file.seek(4 << 30)
        file.write(b"here")
    assert opened.call(OPERATOR, "POST", "/_kunsthalle/scenarios", {"name": "before"}).status == 200
    yield opened
    opened.close()


@pytest.fixture
def state(app: App) -> Path:
    return app.server.settings.data / "scenarios" / "before"


@pytest.fixture
def archive(state: Path, tmp_path: Path) -> Path:
    target = tmp_path / "before.khs"
    pack(state, target)
    return target


def _tree(root: Path) -> dict[str, str | None]:
    """The names below a folder with what they hold; folders hold None."""
    return {
        str(one.relative_to(root)): None if one.is_dir() else f"{one.stat().st_size} {_sample(one)}"
        for one in root.rglob("*")
    }


def _sample(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(1 << 20)
        file.seek(4 << 30)
        return hashlib.sha256(head + file.read(16)).hexdigest()


def test_it_is_unpacked_as_it_was(state: Path, archive: Path, tmp_path: Path) -> None:
    assert archive.stat().st_mode & 0o077 == 0, "it holds API keys"
    assert archive.stat().st_size < 64 << 20, "holes stay holes"
    manifest = unpack(archive, tmp_path / "out")
    assert (manifest.name, manifest.schema) == ("before", HEAD)
    assert _tree(tmp_path / "out") == _tree(state)
    assert (tmp_path / "out" / "buckets" / "hole").stat().st_blocks * 512 < 1 << 20
    assert {one.stat().st_mode & 0o077 for one in (tmp_path / "out").rglob("*")} == {0}
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


def test_the_same_state_makes_the_same_file(state: Path, archive: Path, tmp_path: Path) -> None:
    pack(state, tmp_path / "again.khs")
    assert (tmp_path / "again.khs").read_bytes() == archive.read_bytes()


def test_its_state_is_loaded_and_is_what_was_saved(app: App, archive: Path) -> None:
    unpack(archive, app.server.settings.data / "scenarios" / "elsewhere")
    for one in app.do("GET", "/v1/instances")["instances"]:
        app.do("DELETE", f"/v1/instances/{one['id']}")
    app.settle()
    assert app.call(OPERATOR, "POST", "/_kunsthalle/scenarios/elsewhere/load").status == 200
    assert [one["name"] for one in app.do("GET", "/v1/instances")["instances"]] == ["web"]


_SINCE_0031 = (
    "DROP TABLE placement_groups",
    "DROP INDEX ix_instances_placement_group_id",
    "ALTER TABLE instances DROP COLUMN placement_group_id",
    *(f"DROP TABLE {name}" for name in ("protected_keys", "key_versions", "key_aliases", "key_rings")),
    *(f"DROP TABLE {name}" for name in ("key_registrations", "key_policies", "instance_policies")),
    *(f"DROP TABLE {name}" for name in ("key_deletion_authorizations", "import_tokens")),
    *(f"DROP INDEX ix_{table}_encryption_key" for table in ("images", "volumes", "snapshots")),
    *(
        f"ALTER TABLE {table} DROP COLUMN {column}"
        for table in ("volumes", "snapshots")
        for column in ("encryption_key", "encrypted_data_key", "base_key", "base_data_key")
    ),
    *(f"ALTER TABLE images DROP COLUMN {column}" for column in ("encryption_key", "encrypted_data_key")),
    "ALTER TABLE image_exports DROP COLUMN encrypted_data_key",
    "ALTER TABLE service_instances DROP COLUMN service",
    "ALTER TABLE service_instances DROP COLUMN location",
    "ALTER TABLE api_keys DROP COLUMN stored_value",
    "DROP TABLE leases",
    *(f"DROP TABLE {name}" for name in ("federated_sign_ins", "dynamic_members", "passcodes")),
    "DROP TABLE account_quotas",
    "DROP INDEX ix_audit_seq",
    "ALTER TABLE audit DROP COLUMN seq",
    "DROP TABLE audit_cursors",
    *(f"ALTER TABLE {table} DROP COLUMN has_disk" for table in ("volumes", "snapshots")),
    "UPDATE alembic_version SET version_num = '0031'",
)
"""What makes a database one of the schema 0031 again."""


def test_a_state_of_an_older_release_is_brought_to_this_schema(app: App, archive: Path, tmp_path: Path) -> None:
    older, file = tmp_path / "older", tmp_path / "older.khs"
    unpack(archive, older)
    with closing(sqlite3.connect(older / DATABASE)) as connection:
        for statement in _SINCE_0031:
            connection.execute(statement)
        connection.commit()
    pack(older, file)
    assert read_manifest(file).schema == "0031"
    unpack(file, app.server.settings.data / "scenarios" / "older")
    for one in app.do("GET", "/v1/instances")["instances"]:
        app.do("DELETE", f"/v1/instances/{one['id']}")
    app.settle()
    assert app.call(OPERATOR, "POST", "/_kunsthalle/scenarios/older/load").status == 200
    assert [one["name"] for one in app.do("GET", "/v1/instances")["instances"]] == ["web"]
    with closing(sqlite3.connect(app.server.settings.data / DATABASE)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)
        assert connection.execute("SELECT count(*) FROM protected_keys").fetchone() == (0,)


def test_what_an_engine_keeps_elsewhere_is_neither_saved_nor_overwritten(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.server.drivers.hypervisor, "shared", True)
    for path, body in (("", {"name": "without-disks"}), ("/before/load", None)):
        refused = app.call(OPERATOR, "POST", f"/_kunsthalle/scenarios{path}", body)
        assert refused.status == 409
        assert "The engine simulated keeps the disks" in refused.json["errors"][0]["message"]
    assert not (app.server.settings.data / "scenarios" / "without-disks").exists()


Change = Callable[[dict[str, Any], dict[str, bytes]], None]
"""What is done to the manifest and the members of an archive."""


def _rewritten(source: Path, target: Path, change: Change, compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(source) as archive:
        members = {one: archive.read(one) for one in archive.namelist() if one != MANIFEST}
        manifest = json.loads(archive.read(MANIFEST))
    change(manifest, members)
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name) if compression == zipfile.ZIP_STORED else name, content)
        archive.writestr(MANIFEST, json.dumps(manifest))


def _with(name: str, content: bytes = b"x") -> Change:
    """One more file, listed as it should be."""

    def change(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
        members[name] = content
        manifest["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}

    return change


def _replaced(name: str, content: Callable[[bytes], bytes]) -> Change:
    def change(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
        _with(name, content(members[name]))(manifest, members)

    return change


def _said(**fields: Any) -> Change:
    return lambda manifest, _members: manifest.update(fields)


def _damaged(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    del manifest
    name = next(one for one in members if one.startswith("sha256/"))
    members[name] = members[name][:-1] + bytes([members[name][-1] ^ 1])


def _wrong_blob(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    name = next(one for one in members if one.startswith("sha256/"))
    _with(name, members[name] + b"more")(manifest, members)


def _bottomless(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    _with("buckets/large")(manifest, members)
    manifest["files"]["buckets/large"] |= {"size": 2**60, "data": [[0, 1]]}


def _outside_itself(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    _with("buckets/large")(manifest, members)
    manifest["files"]["buckets/large"] |= {"size": 10, "data": [[10, 1]]}


def _less(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    del members["credentials.json"], manifest["folders"]


def _not_listed(_manifest: dict[str, Any], members: dict[str, bytes]) -> None:
    members["buckets/more"] = b"x"


def _database(statement: str) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        with closing(sqlite3.connect(":memory:")) as database:
            database.deserialize(content[:18] + b"\1\1" + content[20:])  # in memory there is no log of writes
            database.execute(statement)
            database.commit()
            return database.serialize()

    return change


HOSTILE: dict[str, tuple[Change, str]] = {
    "a path that climbs": (_with("../outside"), "has no place"),
    "a path that climbs inside": (_with("buckets/../../outside"), "has no place"),
    "an absolute path": (_with("/outside"), "has no place"),
    "a path of Windows": (_with("buckets\\..\\outside"), "has no place"),
    "a NUL in a folder": (lambda manifest, _: manifest["folders"].append("a\0b"), "has no place"),
    "a folder that climbs": (lambda manifest, _: manifest["folders"].append("../up"), "has no place"),
    "a file of the process": (_with("server.json"), "has no place"),
    "another saved state": (_with("scenarios/x/kunsthalle.sqlite"), "has no place"),
    "a log of the database": (_with("kunsthalle.sqlite-wal"), "has no place"),
    "a blob elsewhere": (_with("sha256/ab/name"), "has no place"),
    "a blob that is another": (_wrong_blob, "is not what its name says"),
    "a damaged file": (_damaged, "is damaged"),
    "more than it could hold": (_bottomless, "<= 70368744177664"),
    "data behind the end": (_outside_itself, "data outside of itself"),
    "less than is listed": (_less, "missing required field `folders`"),
    "more than is listed": (_not_listed, "lists other files"),
    "a later format": (_said(format=2, release="9.0"), "later release '9.0' (format 2"),
    "a later schema": (_said(schema="9999", release="9.0"), "Upgrade first"),
    "a schema that is not its own": (_said(schema="0001"), "of another schema"),
    "no format": (_said(format="one"), "lacks format"),
    "a name that climbs": (_said(name="../x"), "or a name"),
    "a trigger": (
        _replaced("kunsthalle.sqlite", _database("CREATE TRIGGER t AFTER INSERT ON facts BEGIN DELETE FROM jobs; END")),
        "triggers or views",
    ),
    "a view": (_replaced("kunsthalle.sqlite", _database("CREATE VIEW v AS SELECT 1")), "triggers or views"),
    "no database": (_replaced("kunsthalle.sqlite", lambda _: b"none" * 1000), "cannot be read"),
    "half a database": (_replaced("kunsthalle.sqlite", lambda content: content[: len(content) // 2]), "database"),
    "no moment": (_replaced("scenario.json", lambda _: b"{}"), "not what a saved state has"),
    "credentials that are none": (_replaced("credentials.json", lambda _: b"["), "not what a saved state has"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_archive_is_refused_and_leaves_nothing(archive: Path, tmp_path: Path, what: str) -> None:
    change, said = HOSTILE[what]
    hostile = tmp_path / "hostile.khs"
    _rewritten(archive, hostile, change)
    assert said in _refused(hostile, tmp_path)


def _refused(source: Path, tmp_path: Path) -> str:
    """Why an archive is refused. Nothing of it is left, and what it would replace stays."""
    target = tmp_path / "scenarios" / "name"
    target.mkdir(parents=True)
    (target / "mine").touch()
    before = sorted(str(one) for one in tmp_path.rglob("*"))
    with pytest.raises(BadArchive) as refused:
        unpack(source, target)
    assert sorted(str(one) for one in tmp_path.rglob("*")) == before
    assert str(refused.value).startswith(f"{source}: ")
    return str(refused.value)


def test_a_bomb_is_refused(archive: Path, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.khs"
    _rewritten(archive, bomb, _with("buckets/zeros", bytes(100 << 20)), zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 8 << 20
    assert "is compressed or encrypted" in _refused(bomb, tmp_path)


def test_members_that_share_their_bytes_are_refused(archive: Path, tmp_path: Path) -> None:
    class Shared(zipfile.ZipFile):
        def close(self) -> None:
            if self.fp and self.mode == "w":
                first, second, *_ = [one for one in self.filelist if one.filename.startswith("shared")]
                second.header_offset = first.header_offset
            super().close()

    shared = tmp_path / "shared.khs"
    with Shared(shared, "w") as made:
        made.writestr("shared-1", b"x")
        made.writestr("shared-2", b"x")
        made.writestr(MANIFEST, b"{}")
    assert "shares bytes with another" in _refused(shared, tmp_path)


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_part_of_an_archive_is_refused(archive: Path, tmp_path: Path, part: float) -> None:
    content = archive.read_bytes()
    cut = tmp_path / "cut.khs"
    cut.write_bytes(content[: int(len(content) * part)])
    assert "cut off or damaged" in _refused(cut, tmp_path)


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"PK\x05\x06" + bytes(18), b"SQLite format 3\0" * 100])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "none.khs"
    file.write_bytes(content)
    assert "this is no saved state" in _refused(file, tmp_path)


def test_links_of_a_state_are_not_followed(state: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(state, copy, ignore=shutil.ignore_patterns("hole"))  # which would be filled
    (copy / "buckets" / "link").symlink_to("/etc/passwd")
    (copy / "buckets" / "folder").symlink_to("/etc")
    pack(copy, tmp_path / "copy.khs")
    assert not [one for one in read_manifest(tmp_path / "copy.khs").files if "link" in one or "folder" in one]
