"""Backups: what is in them, what they are restored to, and what is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fixtures.app import App, open_app
from fixtures.backups import key_of, source_of, target_at
from fixtures.frozen_app import OPERATOR, token_of
from kunsthalle.app import build
from kunsthalle.core.clock import SystemClock
from kunsthalle.db.prepare import HEAD
from kunsthalle.disk_images.backing_files import backing_of
from kunsthalle.images import blob_leases
from kunsthalle.local import folder
from kunsthalle.local.master_keys import MasterKeyError
from kunsthalle.operator.backups import repository_turns
from kunsthalle.operator.backups.creation import Made, NotWhole, create
from kunsthalle.operator.backups.manifests import BadBackup, Manifest
from kunsthalle.operator.backups.repositories import Damaged, Repository, open_repository
from kunsthalle.operator.backups.repository_turns import TurnLost, TurnTaken
from kunsthalle.operator.backups.restoration import NotEmpty, Restored, restore
from kunsthalle.operator.backups.verification import verify
from unit.operator.test_state_archives import _SINCE_0031


class _Clock(SystemClock):
    """Real time that a test moves on."""

    def __init__(self) -> None:
        super().__init__()
        self.later = 0

    def real(self) -> int:
        return super().real() + self.later * 1_000_000


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A server with an image, an instance that runs, a snapshot of its disk, and an object in a bucket."""
    opened = open_app(tmp_path_factory.mktemp("backups") / "data")
    folder.write(opened.server.settings.data, folder.CREDENTIALS, {"operator_token": OPERATOR})
    image = opened.image("kept")
    instance = opened.server_of(image["id"], name="web")
    volume = instance["boot_volume_attachment"]["volume"]["id"]
    opened.do("POST", "/v1/snapshots", {"name": "moment", "source_volume": {"id": volume}})
    opened.settle()
    yield opened
    opened.close()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return open_repository(str(tmp_path / "backups"), {}, create=True)


def _backup(app: App, repository: Repository, clock: SystemClock | None = None, **options: Any) -> Made:
    with source_of(app.server.settings, clock) as source:
        return create(source, repository, **options)


def _restored(app: App, repository: Repository, data: Path, name: str, **options: Any) -> Restored:
    with target_at(data, key_of(app)) as target:
        return restore(target, repository, name, **options)


def _names(data: Path) -> dict[str, list[str]]:
    """What an installation has, as its own server lists it."""
    queries = {
        "images": "SELECT name FROM images ORDER BY name",
        "instances": "SELECT name FROM instances ORDER BY name",
        "snapshots": "SELECT name FROM snapshots ORDER BY name",
    }
    with closing(sqlite3.connect(data / "kunsthalle.sqlite")) as connection:
        return {table: [row[0] for row in connection.execute(query)] for table, query in queries.items()}


def test_what_is_restored_is_what_there_was_and_its_disks_stand_on_its_own_blobs(
    app: App, repository: Repository, tmp_path: Path
) -> None:
    made = _backup(app, repository, name="first").manifest
    restored = _restored(app, repository, tmp_path / "new", "first")
    data = app.server.settings.data
    assert restored.report.healthy, restored.report.findings
    assert restored.stopped == 1, "no machine is in a backup"
    assert _names(tmp_path / "new") == _names(data)
    assert _names(data)["instances"] == ["web"], "the comparison is one of something"
    assert set(made.disks) == {
        path.relative_to(data / "disks").as_posix() for path in (data / "disks").rglob("*.qcow2")
    }
    for name in made.disks:
        base = backing_of(tmp_path / "new" / "disks" / name)
        assert base is not None
        assert base.is_relative_to(tmp_path / "new" / "blobs")
    for name, stored in made.buckets.items():
        content = (tmp_path / "new" / "buckets" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == stored.sha256
    assert any(name.endswith("images/kept.qcow2") for name in made.buckets)


def test_a_server_starts_on_it_and_takes_the_api_keys_that_there_were(
    app: App, repository: Repository, tmp_path: Path
) -> None:
    _backup(app, repository, name="first")
    with target_at(tmp_path / "new", key_of(app)) as target:
        restore(target, repository, "first")
        settings = target.settings
    server = build(settings, OPERATOR)
    opened = App(server, {"no token": ""}, app.loop, app.accounts)
    server.start()
    try:
        opened.tokens["owner"] = token_of(opened, app.keys["owner"])
        assert [one["name"] for one in opened.do("GET", "/v1/images?visibility=private")["images"]] == ["kept"]
        (instance,) = opened.do("GET", "/v1/instances")["instances"]
        assert instance["status"] == "stopped"
        opened.act(instance["id"], "start")
        assert opened.do("GET", f"/v1/instances/{instance['id']}")["status"] == "running"
    finally:
        server.stop()


def test_no_secret_of_the_data_folder_is_in_it(app: App, repository: Repository, tmp_path: Path) -> None:
    _backup(app, repository, name="first")
    data = app.server.settings.data
    secrets = [key_of(app).read_text().split()[-1].encode(), app.keys["owner"].encode(), OPERATOR.encode()]
    contents = [path.read_bytes() for path in (tmp_path / "backups").rglob("*") if path.is_file()]
    assert contents
    assert not [secret for secret in secrets for content in contents if secret in content]
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "backups" / "backups").iterdir()} == {0}
    assert not (data / "backup-work").exists()


def test_the_second_backup_copies_what_is_new_only(app: App, repository: Repository) -> None:
    first = _backup(app, repository, name="first")
    second = _backup(app, repository, name="second")
    assert first.manifest.blobs == second.manifest.blobs
    assert first.new_bytes == first.manifest.size_bytes
    assert second.new_bytes <= second.manifest.database.size, "all but the database was there"


def test_blobs_that_are_there_are_not_read_again(app: App, repository: Repository) -> None:
    first = _backup(app, repository, name="first")
    with source_of(app.server.settings) as source:
        read: list[str] = []
        inner = source.blobs.read
        source.blobs.read = lambda digest: (read.append(digest), inner(digest))[1]  # type: ignore[method-assign]  # a fault is injected
        create(source, repository, name="second")
    assert first.manifest.blobs
    assert read == []


def test_of_those_that_go_only_what_no_other_needs_goes(app: App, repository: Repository) -> None:
    _backup(app, repository, name="first")
    extra = app.image("passing")
    _backup(app, repository, name="second")
    app.do("DELETE", f"/v1/images/{extra['id']}")
    app.settle()
    third = _backup(app, repository, name="third", keep=2)
    assert third.removed == ["first"]
    assert verify(repository, "second").damage == []
    fourth = _backup(app, repository, name="fourth", keep=1)
    assert fourth.removed == ["third", "second"]
    assert set(repository.place.sizes()) == set(fourth.manifest.objects)
    assert verify(repository, "fourth").damage == []


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


def test_a_flipped_byte_in_any_file_is_named_and_nothing_is_restored(
    app: App, repository: Repository, tmp_path: Path
) -> None:
    made = _backup(app, repository, name="first").manifest
    root = tmp_path / "backups"
    for digest in made.objects:
        file = root / "sha256" / digest[:2] / digest
        before = file.read_bytes()
        _flipped(file)
        damage = verify(repository, "first").damage
        assert len(damage) == 1, damage
        assert str(file) in damage[0]
        data = tmp_path / f"of-{digest[:8]}"
        with pytest.raises(Damaged, match=digest):
            _restored(app, repository, data, "first")
        assert not (data / "kunsthalle.sqlite").exists()
        assert (data / folder.RESTORING).exists(), "no server starts on it"
        file.write_bytes(before)
    manifest = root / "backups" / "first.json"
    _flipped(manifest)
    with pytest.raises(BadBackup, match=r"backups/first\.json"):
        verify(repository, "first")


def test_a_file_that_is_missing_or_cut_off_is_named(app: App, repository: Repository, tmp_path: Path) -> None:
    made = _backup(app, repository, name="first").manifest
    one, other = min(made.blobs), made.database.sha256
    (tmp_path / "backups" / "sha256" / one[:2] / one).unlink()
    file = tmp_path / "backups" / "sha256" / other[:2] / other
    file.chmod(0o600)
    with file.open("r+b") as opened:
        opened.truncate(made.database.size // 2)
    damage = verify(repository, "first").damage
    cut_off, missing = sorted(damage, key=lambda text: text.endswith("is missing."))
    assert (one in missing, other in cut_off) == (True, True)
    assert cut_off.endswith(f"has another length than {made.database.size} bytes.")


def test_a_restore_that_was_cut_off_is_begun_again_by_the_same_command_only(
    app: App, repository: Repository, tmp_path: Path
) -> None:
    made = _backup(app, repository, name="first").manifest
    _backup(app, repository, name="second")
    digest = min(stored.sha256 for stored in made.buckets.values())
    file = tmp_path / "backups" / "sha256" / digest[:2] / digest
    if digest in made.blobs:  # the object is the blob's own bytes: cut off at a disk instead
        digest = min(stored.sha256 for stored in made.disks.values())
        file = tmp_path / "backups" / "sha256" / digest[:2] / digest
    before = file.read_bytes()
    _flipped(file)
    with pytest.raises(Damaged):
        _restored(app, repository, tmp_path / "new", "first")
    file.write_bytes(before)
    with pytest.raises(NotEmpty):
        _restored(app, repository, tmp_path / "new", "second")
    assert _restored(app, repository, tmp_path / "new", "first").report.healthy
    assert not (tmp_path / "new" / folder.RESTORING).exists()


@pytest.mark.parametrize(
    ("what", "named"),
    [
        ("kunsthalle.sqlite", "kunsthalle.sqlite"),
        ("disks/volumes/a.qcow2", "disks/volumes/a.qcow2"),
        ("buckets/account/images/x", "buckets/account/images/x"),
        (f"blobs/sha256/ab/ab{'0' * 62}", f"ab{'0' * 62}"),
    ],
)
def test_an_installation_that_holds_something_is_refused_with_its_name(
    app: App, repository: Repository, tmp_path: Path, what: str, named: str
) -> None:
    _backup(app, repository, name="first")
    file = tmp_path / "new" / what
    file.parent.mkdir(parents=True)
    file.write_bytes(b"mine")
    with pytest.raises(NotEmpty, match=named):
        _restored(app, repository, tmp_path / "new", "first")
    assert file.read_bytes() == b"mine"


def test_without_the_master_key_it_is_refused_with_the_id_of_the_key(
    app: App, repository: Repository, tmp_path: Path
) -> None:
    made = _backup(app, repository, name="first").manifest
    assert made.master_key == app.server.store.cipher.keys.newest
    with target_at(tmp_path / "new", None) as target, pytest.raises(MasterKeyError, match=str(made.master_key)):
        restore(target, repository, "first")
    assert not (tmp_path / "new" / "kunsthalle.sqlite").exists()
    with target_at(tmp_path / "other", None) as target:
        assert restore(target, repository, "first", without_secrets=True).report.healthy


def _rewritten(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """The manifest `first`, changed by somebody who knows the format."""
    path = tmp_path / "backups" / "backups" / "first.json"
    manifest = json.loads(path.read_bytes())["manifest"]
    change(manifest)
    body = json.dumps(manifest, separators=(",", ":"))
    path.write_text(f'{{"sha256":"{hashlib.sha256(body.encode()).hexdigest()}","manifest":{body}}}')


_ANYTHING = {"sha256": "0" * 64, "size": 1}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda m: m["disks"].update({"../../etc/cron.d/x": _ANYTHING}), "no place of a disk"),
        (lambda m: m["disks"].update({"/etc/passwd": _ANYTHING}), "no place of a disk"),
        (lambda m: m["disks"].update({"volumes/../../x.qcow2": _ANYTHING}), "no place of a disk"),
        (lambda m: m["buckets"].update({"a/b/../../../x": _ANYTHING}), "no place of an object"),
        (lambda m: m["buckets"].update({"/a/b/c": _ANYTHING}), "no place of an object"),
        (lambda m: m["buckets"].update({"a/b\\c/d": _ANYTHING}), "no place of an object"),
        (lambda m: m["buckets"].update({"a/b/c\0d": _ANYTHING}), "no place of an object"),
        (lambda m: m["blobs"].update({"../x": 1}), "Expected `str` matching regex"),
        (lambda m: m["blobs"].update({"0" * 64: -1}), "Expected `int` >= 0"),
        (lambda m: m.update(name="../x"), "says that its name is"),
        (lambda m: m.update(name="second"), "says that its name is"),
        (lambda m: m.update(format=2), "later release"),
        (lambda m: m.update(schema="9999"), "later release"),
        (lambda m: m.pop("database"), "missing required field"),
    ],
)
def test_a_manifest_that_somebody_made_up_is_refused(
    app: App, repository: Repository, tmp_path: Path, change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    _backup(app, repository, name="first")
    _rewritten(tmp_path, change)
    with pytest.raises(BadBackup, match=reason):
        verify(repository, "first")
    with pytest.raises(BadBackup, match=reason):
        _restored(app, repository, tmp_path / "new", "first")
    assert not (tmp_path / "new" / "disks").exists()


def _database_changed(tmp_path: Path, made: Manifest, *statements: str) -> None:
    """The backup `first` with another database, which its manifest names."""
    place = tmp_path / "backups" / "sha256" / made.database.sha256[:2] / made.database.sha256
    changed = tmp_path / "changed.sqlite"
    shutil.copy(place, changed)
    changed.chmod(0o600)
    with closing(sqlite3.connect(changed)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        schema = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    stored = {"sha256": hashlib.sha256(changed.read_bytes()).hexdigest(), "size": changed.stat().st_size}
    target = tmp_path / "backups" / "sha256" / str(stored["sha256"])[:2] / str(stored["sha256"])
    target.parent.mkdir(exist_ok=True)
    changed.rename(target)
    _rewritten(tmp_path, lambda manifest: manifest.update(database=stored, schema=schema))


def test_a_backup_of_an_older_schema_is_brought_to_this_one(app: App, repository: Repository, tmp_path: Path) -> None:
    _database_changed(tmp_path, _backup(app, repository, name="first").manifest, *_SINCE_0031)
    assert repository.manifest("first").schema == "0031"
    assert verify(repository, "first").damage == []
    assert _restored(app, repository, tmp_path / "new", "first").report.healthy
    with closing(sqlite3.connect(tmp_path / "new" / "kunsthalle.sqlite")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)
    assert _names(tmp_path / "new")["instances"] == ["web"]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("CREATE TRIGGER t AFTER INSERT ON images BEGIN DELETE FROM accounts; END", "triggers or views"),
        ("CREATE VIEW v AS SELECT 1", "triggers or views"),
        ("INSERT INTO blob_refs (digest, holder) SELECT min(digest) || 'x', 'image:x' FROM blobs", "not in the backup"),
        ("DROP TABLE facts", "none of this product"),
    ],
)
def test_a_database_that_somebody_made_up_is_refused(
    app: App, repository: Repository, tmp_path: Path, statement: str, reason: str
) -> None:
    made = _backup(app, repository, name="first").manifest
    _database_changed(tmp_path, made, statement)
    (damage,) = verify(repository, "first").damage
    assert reason in damage
    with pytest.raises(Damaged, match=reason):
        _restored(app, repository, tmp_path / "new", "first")
    assert not (tmp_path / "new" / "kunsthalle.sqlite").exists()


class _Died(BaseException):
    """The process was killed."""


@contextmanager
def _dies_after(repository: Repository, count: int) -> Iterator[None]:
    """The process is killed when it has put so many files into the repository."""
    inner, done = repository.place.put, 0

    def put(*arguments: Any) -> Any:
        nonlocal done
        if done == count:
            raise _Died
        done += 1
        return inner(*arguments)

    repository.place.put = put  # type: ignore[method-assign]  # a fault is injected
    yield
    repository.place.put = inner  # type: ignore[method-assign]  # a fault is injected


@pytest.mark.parametrize("count", range(4))
def test_what_is_killed_in_its_middle_is_no_backup(
    app: App, repository: Repository, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    clock = _Clock()
    with _dies_after(repository, count), pytest.raises(_Died):
        monkeypatch.setattr(
            repository_turns.blob_leases, "end", lambda *_arguments, **_more: None
        )  # it does nothing any more
        monkeypatch.setattr(repository, "withdraw", lambda _worker: None)
        _backup(app, repository, clock, name="first")
    monkeypatch.undo()
    assert repository.names() == []
    with pytest.raises(TurnTaken, match="another backup is at work there since"):
        _backup(app, repository, clock, name="second")
    clock.later = blob_leases.LEASE_SECONDS + 1
    _backup(app, repository, clock, name="second", keep=1)
    assert repository.names() == ["second"]
    assert set(repository.place.sizes()) == set(repository.manifest("second").objects), "what it left is gone"
    assert list(repository.workers()) == []
    app.server.store.write(app.server.base, partial(blob_leases.end, holder=""))


def test_a_backup_that_stood_still_for_too_long_does_not_count(app: App, repository: Repository) -> None:
    clock = _Clock()
    inner = repository.place.put

    def put(chunks: Any, expected: str | None) -> Any:
        clock.later = blob_leases.LEASE_SECONDS + 1  # the process was suspended
        return inner(chunks, expected)

    repository.place.put = put  # type: ignore[method-assign]  # a fault is injected
    with pytest.raises(TurnLost):
        _backup(app, repository, clock, name="first")
    assert repository.names() == []


def test_a_scenario_is_not_loaded_while_a_backup_is_made(app: App, repository: Repository) -> None:
    assert app.call(OPERATOR, "POST", "/_kunsthalle/scenarios", {"name": "one", "replace": True}).status == 200
    answers = []
    inner = repository.place.put

    def put(chunks: Any, expected: str | None) -> Any:
        answers.append(app.call(OPERATOR, "POST", "/_kunsthalle/scenarios/one/load"))
        return inner(chunks, expected)

    repository.place.put = put  # type: ignore[method-assign]  # a fault is injected
    _backup(app, repository, name="first")
    assert {answer.status for answer in answers} == {409}
    assert all(b"A backup of this installation is being made" in answer.body for answer in answers)
    assert app.call(OPERATOR, "POST", "/_kunsthalle/scenarios/one/load").status == 200
    app.log_in()


def test_a_disk_that_is_deleted_meanwhile_is_in_it(app: App, repository: Repository, tmp_path: Path) -> None:
    instance = app.server_of(app.do("GET", "/v1/images?visibility=private")["images"][0]["id"], name="short-lived")
    volume = instance["boot_volume_attachment"]["volume"]["id"]
    inner = repository.place.put
    deleted = []

    def put(chunks: Any, expected: str | None) -> Any:
        if not deleted:
            deleted.append(app.do("DELETE", f"/v1/instances/{instance['id']}"))
            app.settle()
            assert not (app.server.settings.data / "disks" / "volumes" / f"{volume}.qcow2").exists()
        return inner(chunks, expected)

    repository.place.put = put  # type: ignore[method-assign]  # a fault is injected
    made = _backup(app, repository, name="first").manifest
    assert f"volumes/{volume}.qcow2" in made.disks
    restored = _restored(app, repository, tmp_path / "new", "first")
    assert restored.report.healthy, restored.report.findings
    assert "short-lived" in _names(tmp_path / "new")["instances"]


def test_an_installation_that_lacks_a_blob_is_not_backed_up(app: App, repository: Repository) -> None:
    made = _backup(app, repository, name="first").manifest
    digest = min(made.blobs)
    place = app.server.drivers.blobs.place(digest)
    aside = place.with_name("aside")
    place.rename(aside)
    try:
        with pytest.raises(NotWhole, match=digest):
            _backup(app, repository, name="second")
    finally:
        aside.rename(place)
    assert repository.names() == ["first"]


def test_an_installation_whose_blob_is_damaged_is_not_backed_up(app: App, tmp_path: Path) -> None:
    other = open_repository(str(tmp_path / "elsewhere"), {}, create=True)
    with source_of(app.server.settings) as source:
        inner = source.blobs.read
        source.blobs.read = lambda digest: iter([b"!", *list(inner(digest))[1:]])  # type: ignore[method-assign]  # a fault is injected
        with pytest.raises(Damaged, match="another one than its name says"):
            create(source, other, name="first")
    assert other.names() == []


@pytest.mark.parametrize("name", ["", "../x", "A", "x" * 64, ".hidden"])
def test_a_name_is_plain(app: App, repository: Repository, name: str) -> None:
    if not name:
        assert _backup(app, repository).manifest.name.endswith("z")
        return
    with pytest.raises(BadBackup, match="Invalid name of a backup"):
        _backup(app, repository, name=name)


def test_a_name_is_taken_once(app: App, repository: Repository) -> None:
    _backup(app, repository, name="first")
    with pytest.raises(BadBackup, match="has a backup 'first' already"):
        _backup(app, repository, name="first")
