"""Every setting that a server cannot run with: one line that names the option, what was given and what is allowed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from kunsthalle.cli.main import cli
from kunsthalle.config import BadSetting, Settings, described, option, parse
from kunsthalle.operator.scenarios import SCENARIOS

FOLDER = "give a folder that this process can create and write to"
NUMBER = "give a whole number of 0 or more"
COUNT = "give a whole number of 1 or more"

WRONG: list[tuple[str, str, str]] = [
    ("data", "{file}", FOLDER),
    ("data", "/proc/kunsthalle", FOLDER),
    ("host", "no such host", "give an address of this host"),
    ("host", "192.0.2.1", "give an address of this host"),
    ("port", "web", "give a whole number, 0 to 65535"),
    ("port", "65536", "give a whole number, 0 to 65535"),
    ("scenario", "utopia", "'enterprise'"),
    ("scenario", "Enterprise", "'enterprise'"),
    ("database", "mysql://localhost/kunsthalle", "give postgresql://user@host/name"),
    ("database", "postgresql://nobody:hidden@127.0.0.1:1/none", "give the URL of a PostgreSQL database that answers"),
    ("database", "postgresql://nobody@localhost:port/none", "give postgresql://user@host/name"),
    ("master_key_file", "{folder}", "Is a directory"),
    ("master_key_file", "{file}", "is no key"),
    ("blobs", "ftp://images", "give file:///folder or s3://"),
    ("blobs", "s3://key:hidden@images?endpoint=https://s3.example.org", "Keys do not belong"),
    ("blobs", "file://{file}", FOLDER),
    ("blob_cache", "{file}", FOLDER),
    ("blob_cache", "/proc/kunsthalle", FOLDER),
    ("blob_cache_gb", "many", NUMBER),
    ("blob_cache_gb", "-1", NUMBER),
    ("buckets", "file:///somewhere", "begins with s3://"),
    ("buckets", "s3://images", "says its endpoint"),
    ("public_url", "catalog.example.org", "give http://name or https://name"),
    ("public_url", "https://user:hidden@catalog.example.org", "give http://name or https://name"),
    ("allowed_hosts", "one.example.org,two/three", "'two/three' is no host name"),
    ("allowed_hosts", "one.example.org two.example.org", "is no host name"),
    ("clock", "sundial", "give one of 'system', 'manual'"),
    ("clock", "", "give one of 'system', 'manual'"),
    ("region", "mars", "'us-south', "),
    ("region", "US-SOUTH", "'us-south', "),
    ("hypervisor", "xen", "give one of 'auto', 'qemu', 'simulated'"),
    ("hypervisor", "QEMU", "give one of 'auto', 'qemu', 'simulated'"),
    ("accelerator", "gpu", "give one of 'auto', 'kvm', 'tcg'"),
    ("accelerator", "KVM", "give one of 'auto', 'kvm', 'tcg'"),
    ("server_memory", "4G", COUNT),
    ("server_memory", "0", COUNT),
    ("log", "loud", "give one of 'debug', 'info', 'warning', 'error'"),
    ("log", "10", "give one of 'debug', 'info', 'warning', 'error'"),
    ("log_format", "xml", "give one of 'auto', 'json', 'text'"),
    ("log_format", "", "give one of 'auto', 'json', 'text'"),
    ("access_log", "true", "give one of 'on', 'off'"),
    ("access_log", "ON", "give one of 'on', 'off'"),
    ("workers", "1", "give a whole number, 2 to 1024"),
    ("workers", "1025", "give a whole number, 2 to 1024"),
    ("account_jobs", "0", COUNT),
    ("account_jobs", "1.5", COUNT),
    ("account_running_jobs", "0", COUNT),
    ("account_running_jobs", "two", COUNT),
    ("account_transfers", "0", COUNT),
    ("account_transfers", "-5", COUNT),
    ("account_transfer_gb", "0", COUNT),
    ("account_transfer_gb", "1e3", COUNT),
    *(
        (name, value, NUMBER)
        for name in (
            "servers_memory",
            "disk_quota",
            "volume_quota",
            "header_timeout",
            "body_timeout",
            "write_timeout",
            "connections",
            "connections_per_address",
            "audit_days",
            "disk_reserve",
            "account_bucket_gb",
        )
        for value in ("-1", "some", "99999999999999999999")
    ),
]


def test_a_flag_of_the_environment_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUNSTHALLE_ALLOW_SEEDED_KEYS", "perhaps")
    result = CliRunner().invoke(cli, ["serve", "--data", str(tmp_path / "data"), "--port", "0"])
    assert (result.exit_code, result.output) == (2, "Error: --allow-seeded-keys 'perhaps': give true or false.\n")


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """A file that holds no key, where a folder is asked for, and a folder, where a file is."""
    file = tmp_path / "file"
    file.write_text("not a key\n")
    file.chmod(0o600)
    (tmp_path / "folder").mkdir()
    return {"file": str(file), "folder": str(tmp_path / "folder")}


@pytest.mark.parametrize(("name", "value", "allowed"), WRONG)
def test_a_wrong_setting_is_answered_in_one_line(
    name: str, value: str, allowed: str, places: dict[str, str], tmp_path: Path
) -> None:
    given = value.format(**places)
    options = {"--data": str(tmp_path / "data"), "--port": "0", option(name): given}
    result = CliRunner().invoke(cli, ["serve", *(word for pair in options.items() for word in pair)])
    assert result.exit_code == 2
    lines = result.output.splitlines()
    assert len(lines) == 1, result.output
    assert lines[0].startswith(f"Error: {option(name)} ")
    assert allowed in lines[0]
    assert "hidden" not in lines[0]
    assert "hidden" in given or given in lines[0]
    assert not (tmp_path / "data" / "kunsthalle.sqlite").exists()


def test_the_table_has_two_wrong_values_of_each_setting() -> None:
    counted = Counter(name for name, _, _ in WRONG)
    flags = {setting.name for setting in described() if isinstance(setting.default, bool)}
    assert {one.name for one in described() if counted[one.name] < 2} == flags, "a flag is given or not"


def test_every_default_is_allowed_and_can_be_written_as_text() -> None:
    assert all(parse(setting.name, str(setting.default)) == setting.default for setting in described())


def test_the_scenarios_that_can_be_chosen_are_those_there_are() -> None:
    (scenario,) = (setting for setting in described() if setting.name == "scenario")
    assert set(scenario.choices) == {"", *SCENARIOS}


def test_settings_made_in_a_program_are_checked_too(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="--port '70000': give a whole number, 0 to 65535"):
        Settings(data=tmp_path, port=70_000)


def test_a_hypervisor_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(cli, ["serve", "--data", str(tmp_path / "data"), "--port", "0", "--hypervisor", "qemu"])
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert result.output.startswith("Error: --hypervisor 'qemu': qemu-system-x86_64")
