"""What deploy/ has for operators: systemd units and a compose file, judged by the tools that read them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.tools import ROOT
from kunsthalle.cli import setting_options
from kunsthalle.cli.main import cli

UNITS = ROOT / "deploy" / "systemd"
COMPOSE = ROOT / "deploy" / "compose"
EXPOSURE = {"kunsthalle.service": 1.7, "kunsthalle-backup.service": 1.7}
"""What `systemd-analyze security` of Debian 12 says of each, from 0 to 10: docs/how-to/production.md tells it, too."""
_PROGRAM = "/opt/kunsthalle/bin/kunsthalle"


def _run(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, **options)


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The units, with a program that is there instead of the installed one."""
    folder = tmp_path_factory.mktemp("units")
    installed = Path(sys.executable).parent / "kunsthalle"
    for path in UNITS.iterdir():
        (folder / path.name).write_text(path.read_text().replace(_PROGRAM, str(installed)))
    return sorted(str(path) for path in folder.iterdir())


@pytest.mark.needs_systemd
def test_systemd_understands_every_line_of_the_units(units: list[str]) -> None:
    checked = _run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.needs_systemd
def test_systemd_tells_a_line_that_it_does_not_know(units: list[str], tmp_path: Path) -> None:
    wrong = tmp_path / "kunsthalle.service"
    text = next(Path(unit).read_text() for unit in units if unit.endswith("/kunsthalle.service"))
    wrong.write_text(text.replace("ProtectSystem=strict", "ProtectSystm=strict"))
    assert "ProtectSystm" in _run("systemd-analyze", "verify", "--man=no", str(wrong)).stderr


@pytest.mark.needs_systemd
@pytest.mark.parametrize("name", EXPOSURE)
def test_a_unit_is_no_more_exposed_than_the_page_says(name: str) -> None:
    looked = _run("systemd-analyze", "security", "--offline=true", "--no-pager", str(UNITS / name))
    (score,) = re.findall(rf"Overall exposure level for {re.escape(name)}: ([0-9.]+)", looked.stdout)
    assert float(score) <= EXPOSURE[name], looked.stdout
    assert f"`{name}` | {EXPOSURE[name]}" in (ROOT / "docs" / "how-to" / "production.md").read_text()


@pytest.mark.parametrize("name", EXPOSURE)
def test_what_a_unit_runs_is_a_verb_with_options_that_there_are(name: str) -> None:
    commands = re.findall(r"^ExecStart=(.+)$", (UNITS / name).read_text(), re.MULTILINE)
    assert commands
    for command in commands:
        program, *words = shlex.split(command)
        assert program == _PROGRAM
        with cli.make_context("kunsthalle", words) as context:
            verb = cli.get_command(context, words[0])
            assert verb is not None
            if words[0] == "backup":
                verb = verb.get_command(context, words[1])  # type: ignore[attr-defined]  # a group
                words = words[1:]
            assert verb is not None
            verb.make_context(words[0], [*words[1:], *(["--data", "x"] if words[0] == "create" else [])])


def _compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
    return document


def _check_schema(path: Path) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).parent / "check-jsonschema")
    return _run(program, "--builtin-schema", "vendor.compose-spec", str(path))


def test_the_compose_file_is_one_by_the_specification(tmp_path: Path) -> None:
    checked = _check_schema(COMPOSE / "compose.yaml")
    assert checked.returncode == 0, checked.stdout
    wrong = tmp_path / "compose.yaml"
    wrong.write_text((COMPOSE / "compose.yaml").read_text().replace("read_only: true", "read_only: [true]"))
    assert _check_schema(wrong).returncode == 1, "the schema sees what is wrong"


def test_the_compose_file_fits_the_container() -> None:
    service, container = _compose()["services"]["kunsthalle"], (ROOT / "Containerfile").read_text()
    build = service["build"]
    assert (COMPOSE / build["context"] / build["dockerfile"]).resolve() == ROOT / "Containerfile"
    (user,), (port,) = (re.findall(rf"^{word} (\S+)$", container, re.MULTILINE) for word in ("USER", "EXPOSE"))
    (volume,) = re.findall(r"^VOLUME (\S+)$", container, re.MULTILINE)
    assert service["user"] == user
    assert user.partition(":")[0] not in {"0", "root"}
    assert service["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert service["volumes"] == [f"data:{volume}"]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])


def _secrets(folder: Path) -> dict[str, Path]:
    """The secrets that the script makes beside a copy of the compose file."""
    shutil.copy(COMPOSE / "make-secrets", folder)
    made = _run(str(folder / "make-secrets"))
    assert made.returncode == 0, made.stderr
    return {name: folder / where["file"] for name, where in _compose()["secrets"].items()}


def test_the_script_makes_every_secret_once(tmp_path: Path) -> None:
    secrets = _secrets(tmp_path)
    assert {name for name, path in secrets.items() if not path.is_file()} == set()
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert secrets["database_password"].read_text() in secrets["database_url"].read_text()
    (identity,) = json.loads(secrets["s3_identities"].read_text())["identities"]
    assert identity["credentials"][0]["secretKey"] == secrets["s3_secret"].read_text()
    again = _run(str(tmp_path / "make-secrets"))
    assert (again.returncode, "nothing was changed" in again.stderr) == (1, True)


def test_its_settings_are_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets, service = _secrets(tmp_path), _compose()["services"]["kunsthalle"]
    assert set(service["secrets"]) <= set(secrets)
    for name, value in service["environment"].items():
        inside = value.removeprefix("/run/secrets/")
        monkeypatch.setenv(name, str(secrets[inside]) if inside != value else value)
    verb, *words = service["command"]
    options = setting_options.given(cli.commands[verb].make_context(verb, words))
    settings = setting_options.load(os.devnull, options).checked()
    assert settings.database == secrets["database_url"].read_text()
    assert settings.s3_keys("blobs", {})["KUNSTHALLE_BLOBS_SECRET_ACCESS_KEY"] == secrets["s3_secret"].read_text()
    assert (settings.scenario, settings.allow_seeded_keys) == ("", False)
    gateway = _compose()["networks"]["default"]["ipam"]["config"][0]["gateway"]
    assert settings.trusted_proxy == gateway
