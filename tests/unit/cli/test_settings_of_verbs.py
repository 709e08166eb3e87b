"""One settings file for the server and for every verb: what it names need not be given again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from fixtures.databases import ENGINES
from fixtures.postgres import Cluster
from fixtures.s3 import KEY, SECRET, S3Server
from kunsthalle.app import build
from kunsthalle.cli import common
from kunsthalle.cli.main import cli
from kunsthalle.config_sources import load
from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.local import folder
from kunsthalle.settings import Settings

pytestmark = pytest.mark.by_turns(3)


def verb(*words: str | Path, code: int = 0) -> str:
    """What a verb prints; it must end with the code."""
    result: Result = CliRunner().invoke(cli, [str(word) for word in words])
    assert result.exit_code == code, (words, result.output)
    return result.output


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without data, of a user who runs no server."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


def written(file: Path, **values: str) -> Path:
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
    return file


class Place:
    """A settings file, and others with stores that are new and empty; the S3 server's key is in a file of its own."""

    def __init__(self, root: Path, request: pytest.FixtureRequest, engine: str) -> None:
        self.root, self._request, self._s3 = root, request, engine == "postgresql"
        self.backups = self._bucket("copies") if self._s3 else str(root / "backups")
        (root / "s3.secret").write_text(SECRET)

    def _bucket(self, prefix: str) -> str:
        server: S3Server = self._request.getfixturevalue("s3")
        return server.address(server.bucket(), prefix)

    def file(self, name: str) -> Path:
        more: dict[str, str] = {}
        if self._s3:
            cluster: Cluster = self._request.getfixturevalue("cluster")
            more = {"database": cluster.url(cluster.create()), "blobs": self._bucket("blobs")}
            for store in ("blobs", "backups"):
                more[f"{store}_access_key_id"] = KEY
                more[f"{store}_secret_access_key_file"] = str(self.root / "s3.secret")
        shared = {"shared_folder": str(self.root / f"{name}-shared")} if self._s3 else {}
        places = {"data": str(self.root / name), "backup_place": self.backups, **shared, **more}
        return written(self.root / f"{name}.toml", hypervisor="simulated", **places)


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path, elsewhere: Path) -> Place:
    assert elsewhere.is_dir()
    return Place(tmp_path, request, request.param)


def furnish(settings: Settings) -> None:
    """An installation with an account, and an object in one of its buckets."""
    server = build(settings, "token")
    try:
        server.whole()
        (owner, *_others) = server.seed("enterprise")
        bucket = server.drivers.buckets.folder(owner.account_id) / "images"
        write_qcow2(bucket / "kept.qcow2", 2**20, b"kept")
    finally:
        server.store.close()
    folder.write(settings.data, folder.CREDENTIALS, {"operator_token": "token"})


def test_backups_need_nothing_but_the_file(place: Place) -> None:
    old, new = place.file("old"), place.file("new")
    settings = load(old, {}, {}).checked()
    furnish(settings)
    made = json.loads(verb("backup", "create", "--config", old, "--name", "monday", "--output", "json"))
    assert (made["name"], made["objects"]) == ("monday", 1)
    assert made["engine"] == ("postgresql" if settings.database else "sqlite")
    assert [entry["name"] for entry in json.loads(verb("backup", "list", "--config", old, "--output", "json"))] == [
        "monday"
    ]
    assert "Verified: monday" in verb("backup", "verify", "--config", old)
    assert "into an empty installation only" in verb("backup", "restore", "--config", old, code=2), "it is the same one"
    other = load(new, {}, {}).checked()
    other.master_key_path.parent.mkdir(parents=True)
    shutil.copy(settings.master_key_path, other.master_key_path)
    restored = json.loads(verb("backup", "restore", "--config", new, "--output", "json"))
    assert (restored["healthy"], restored["name"]) == (True, "monday")
    assert list((other.shared_root / "buckets").rglob("kept.qcow2"))
    folder.write(other.data, folder.CREDENTIALS, {"operator_token": "token"})
    assert "Healthy: examined 0 blobs" in verb("doctor", "--offline", "--config", new)
    assert "images" in verb("quota", "list", "enterprise", "--config", new)
    assert verb("account", "list", "--offline", "--config", new) == verb(
        "account", "list", "--offline", "--config", old
    )
    listed = verb("master-key", "list", "--config", new, "--output", "json")
    assert [key["id"] for key in json.loads(listed)] == [made["master_key"]]
    assert "There is nothing to do" in verb("migrate", "--config", new)  # last: it keeps the folder to its end


def every(group: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    if not isinstance(group, click.Group):
        yield name, group
        return
    for child in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), child)
        assert command is not None
        yield from every(command, f"{name} {child}".strip())


def test_every_verb_that_has_a_data_folder_takes_the_file() -> None:
    options = {name: {parameter.name for parameter in command.params} for name, command in every(cli)}
    with_data = {name for name, names in options.items() if "data" in names}
    assert len(with_data) > 30
    assert [name for name in sorted(with_data) if "config" not in options[name]] == []


@pytest.mark.parametrize(
    "words",
    [
        ("backup", "create", "x"),
        ("backup", "list", "x"),
        ("backup", "verify", "x"),
        ("backup", "restore", "x"),
        ("clock",),
        ("clock", "advance", "1d"),
        ("doctor", "--offline"),
        ("env", "--account", "publisher"),
        ("migrate",),
        ("quota", "list", "enterprise"),
        ("status",),
    ],
)
def test_what_is_wrong_with_the_file_is_said_in_one_line(elsewhere: Path, words: tuple[str, ...]) -> None:
    file = elsewhere / "wrong.toml"
    file.write_text("blob = 'here'\n")
    told = verb(*words, "--config", file, code=2)
    assert told.startswith(f"Error: {file}, line 1: blob: unknown key."), told
    assert told.count("\n") == 1
    assert [path.name for path in elsewhere.iterdir()] == ["wrong.toml"], "nothing is made"


def test_the_folder_is_what_was_given_then_the_files_then_this_hosts(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, named, usual = (elsewhere / name for name in ("given", "named", "usual"))
    file = written(elsewhere / "named.toml", data=str(named))
    monkeypatch.setattr(common, "DEFAULT_FILE", written(elsewhere / "usual.toml", data=str(usual)))

    def looked_at(*words: str | Path) -> str:
        return verb("status", *words, code=1).partition(" contains no scenario")[0].removeprefix("Error: ")

    assert looked_at("--data", given, "--config", file) == str(given)
    assert looked_at("--config", file) == str(named)
    assert looked_at() == str(usual)
    monkeypatch.setenv("KUNSTHALLE_CONFIG", str(file))
    assert looked_at() == str(named)
    monkeypatch.delenv("KUNSTHALLE_CONFIG")
    (elsewhere / "usual.toml").write_text("data = 5\n")
    assert "holds no data" in verb("status", code=2), "the file of another service's user is no reason to stop"


def test_the_file_of_a_server_names_it(elsewhere: Path, tmp_path: Path) -> None:
    assert elsewhere.is_dir()
    file = written(tmp_path / "kunsthalle.toml", data=str(tmp_path / "data"))
    furnish(Settings(data=tmp_path / "data", hypervisor="simulated"))
    told = verb("clock", "--config", file, code=1)
    assert (
        told == f"Error: No server runs on {tmp_path / 'data'}. Start it: kunsthalle serve --data {tmp_path / 'data'}\n"
    )


def test_without_a_place_nothing_is_done(elsewhere: Path) -> None:
    assert elsewhere.is_dir()
    told = "Error: No place for backups: give PLACE, or backup_place in the settings file (--config FILE).\n"
    assert verb("backup", "verify", code=2) == told
    assert "Name the data folder of the new installation" in verb("backup", "restore", "x", code=2)
