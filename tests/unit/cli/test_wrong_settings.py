"""Every setting that a server cannot run with: one line that names the option, what was given and what is allowed."""

from __future__ import annotations

from base64 import b64decode
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from fixtures.certificates import NAMES, issue
from kunsthalle.cli.main import cli
from kunsthalle.operator.scenarios import SCENARIOS
from kunsthalle.settings import BadSetting, Settings, described, option, parse, variable

FOLDER = "give a folder that this process can create and write to"
NUMBER = "give a whole number of 0 or more"
COUNT = "give a whole number of 1 or more"

WRONG: list[tuple[str, str, str]] = [
    ("data", "{file}", FOLDER),
    ("data", "/proc/kunsthalle", FOLDER),
    ("host", "no such host", "give an address of this host"),
    ("host", "192.0.2.1", "plain http is served on loopback addresses only"),
    ("tls_cert", "{file}", "give --tls-key, too, or neither"),
    ("tls_cert", "/nowhere/cert.pem", "give --tls-key, too, or neither"),
    ("tls_key", "{file}", "give --tls-cert, too, or neither"),
    ("tls_key", "/nowhere/key.pem", "give --tls-cert, too, or neither"),
    ("trusted_proxy", "proxy.example.org", "give addresses or networks, as 192.0.2.7 or 10.0.0.0/8"),
    ("trusted_proxy", "10.0.0.7/8", "give addresses or networks, as 192.0.2.7 or 10.0.0.0/8"),
    ("trusted_proxy", "10.0.0.0/33", "give addresses or networks, as 192.0.2.7 or 10.0.0.0/8"),
    ("trusted_proxy", "10.0.0.1,", "give addresses or networks, as 192.0.2.7 or 10.0.0.0/8"),
    ("trusted_proxy", "10.0.0.1,::/0", "not everybody's"),
    ("reclamation_period", "a week", "give a duration of at most a hundred years, such as 7d, 30m or P7D"),
    ("reclamation_period", "0d", "give a duration of at most a hundred years"),
    ("port", "web", "give a whole number, 0 to 65535"),
    ("port", "65536", "give a whole number, 0 to 65535"),
    ("scenario", "utopia", "'enterprise'"),
    ("scenario", "Enterprise", "'enterprise'"),
    ("database", "mysql://localhost/kunsthalle", "give postgresql://user@host/name"),
    ("database", "postgresql://nobody:hidden@127.0.0.1:1/none", "give the URL of a PostgreSQL database that answers"),
    ("database", "postgresql://nobody@localhost:port/none", "give postgresql://user@host/name"),
    ("master_key_file", "{folder}", "Is a directory"),
    ("master_key_file", "{file}", "is no key"),
    ("oidc_providers", "{folder}", "cannot be read: Is a directory"),
    ("oidc_providers", "{file}", "is no TOML: Expected"),
    ("blobs", "ftp://images", "give file:///folder or s3://"),
    ("blobs", "s3://key:hidden@images?endpoint=https://s3.example.org", "Keys do not belong"),
    ("blobs", "file://{file}", FOLDER),
    ("schema_upgrade", "yes", "give one of 'auto', 'never'"),
    ("schema_upgrade", "", "give one of 'auto', 'never'"),
    ("shared_folder", "{file}", FOLDER),
    ("shared_folder", "/proc/kunsthalle", FOLDER),
    ("blob_cache", "{file}", FOLDER),
    ("blob_cache", "/proc/kunsthalle", FOLDER),
    ("blob_cache_gb", "many", NUMBER),
    ("blob_cache_gb", "-1", NUMBER),
    *(
        (f"{store}_{part}", value, "give printable ASCII characters without blanks")
        for store in ("blobs", "buckets", "backups")
        for part in ("access_key_id", "secret_access_key")
        for value in ("hidden word", "hiddené")
    ),
    ("backup_place", "ftp://backups", "give file:///folder or s3://"),
    ("backup_place", "file://backups", "give file:///folder or s3://"),
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
    ("hypervisor", "xen", "give one of 'auto', 'qemu', 'simulated', 'openstack'"),
    ("hypervisor", "QEMU", "give one of 'auto', 'qemu', 'simulated', 'openstack'"),
    *(("openstack_cloud", cloud, f"cloud '{cloud}'") for cloud in ("nowhere", "two words")),
    ("openstack_zones", "us-south-1", "'us-south-1' names no availability zone; give ZONE=NAME or ZONE=NAME:NAME"),
    ("openstack_zones", "us-south-1=", "'us-south-1=' names no availability zone"),
    ("openstack_zones", "us-south-1=az1:", "'us-south-1=az1:' names no availability zone"),
    ("openstack_zones", "us-south-1=az1:nova:host", "names no availability zone"),
    ("openstack_zones", "us-south-9=az1", "'us-south-9' is no zone of the region; give one of us-south-1, us-south-2,"),
    ("openstack_zones", "eu-de-1=az1", "'eu-de-1' is no zone of the region; give one of us-south-1, us-south-2,"),
    ("openstack_zones", "us-south-1=az1,us-south-1=az2", "us-south-1 is there twice; give each zone once"),
    ("accelerator", "gpu", "give one of 'auto', 'kvm', 'tcg'"),
    ("accelerator", "KVM", "give one of 'auto', 'kvm', 'tcg'"),
    *((name, value, NUMBER) for name in ("account_rate", "address_rate") for value in ("many", "-1")),
    ("refusal_pause", "1s", "give a whole number, 0 to 10000"),
    ("refusal_pause", "10001", "give a whole number, 0 to 10000"),
    ("waiting_requests", "0", COUNT),
    ("waiting_requests", "all", COUNT),
    ("waiting_seconds", "0", "give a whole number, 1 to 3600"),
    ("waiting_seconds", "3601", "give a whole number, 1 to 3600"),
    ("master_keys", "hidden", "Line 1 of the setting master_keys is no key"),
    ("master_keys", "hidden\nhidden", "Line 1 of the setting master_keys is no key"),
    ("master_key_command", "'", "give a command whose quotes are closed"),
    ("master_key_command", "false", "The command 'false' ended with 1: it must print the keys and end with 0"),
    ("master_key_command", "/nowhere/keys", "The command '/nowhere/keys' cannot be run: No such file or directory"),
    ("master_key_command", "true", "What the command printed holds no key"),
    ("master_key_command", "echo none", "Line 1 of what the command printed is no key"),
    ("traces", "collector:4318", "give http://host:4318/v1/traces"),
    ("traces", "http://user:hidden@collector/v1/traces", "give http://host:4318/v1/traces"),
    *(
        ("traces_token", value, "give printable ASCII characters without blanks")
        for value in ("hidden word", "hiddené")
    ),
    ("traces_percent", "101", "give a whole number, 0 to 100"),
    ("traces_percent", "all", "give a whole number, 0 to 100"),
    ("server_memory", "4G", COUNT),
    ("server_memory", "0", COUNT),
    ("log", "loud", "give one of 'debug', 'info', 'warning', 'error'"),
    ("log", "10", "give one of 'debug', 'info', 'warning', 'error'"),
    ("log_format", "xml", "give one of 'auto', 'json', 'text'"),
    ("log_format", "", "give one of 'auto', 'json', 'text'"),
    ("access_log", "true", "give one of 'on', 'off'"),
    ("access_log", "ON", "give one of 'on', 'off'"),
    ("metrics", "yes", "give one of 'on', 'off'"),
    ("metrics", "", "give one of 'on', 'off'"),
    ("metrics_token", "hidden word", "give printable ASCII characters without blanks"),
    ("metrics_token", "hiddené", "give printable ASCII characters without blanks"),
    ("metrics_port", "65536", "give a whole number, 0 to 65535"),
    ("metrics_port", "web", "give a whole number, 0 to 65535"),
    ("metrics_host", "no such host", "give an address of this host"),
    ("metrics_host", "http://127.0.0.1", "give an address of this host"),
    ("signing_key_days", "-1", "give a whole number, 0 to 3650"),
    ("signing_key_days", "3651", "give a whole number, 0 to 3650"),
    ("simulated_hosts", "0", "give a whole number, 1 to 64"),
    ("simulated_hosts", "65", "give a whole number, 1 to 64"),
    ("workers", "1", "give a whole number, 2 to 1024"),
    ("workers", "1025", "give a whole number, 2 to 1024"),
    ("job_lease", "1", "give a whole number, 2 to 3600"),
    ("job_lease", "soon", "give a whole number, 2 to 3600"),
    ("account_jobs", "0", COUNT),
    ("account_jobs", "1.5", COUNT),
    ("account_running_jobs", "0", COUNT),
    ("account_running_jobs", "two", COUNT),
    ("account_quota", "image=1", "'image' is no quota; give one of images, image_gb"),
    ("account_quota", "images=many", "give a whole number of 0 or more for images"),
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
            "audit_unsent_days",
            "disk_reserve",
            "account_bucket_gb",
        )
        for value in ("-1", "some", "99999999999999999999")
    ),
]


def test_a_flag_of_the_environment_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUNSTHALLE_ALLOW_SEEDED_KEYS", "perhaps")
    result = CliRunner().invoke(cli, ["serve", "--data", str(tmp_path / "data"), "--port", "0"])
    assert (result.exit_code, result.output) == (
        2,
        "Error: KUNSTHALLE_ALLOW_SEEDED_KEYS 'perhaps': give true or false.\n",
    )


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """A file that holds no key, where a folder is asked for, and a folder, where a file is."""
    file = tmp_path / "file"
    file.write_text("not a key\n")
    file.chmod(0o600)
    (tmp_path / "folder").mkdir()
    return {"file": str(file), "folder": str(tmp_path / "folder")}


@pytest.mark.by_turns(3)
@pytest.mark.parametrize(("name", "value", "allowed"), WRONG)
def test_a_wrong_setting_is_answered_in_one_line(
    name: str, value: str, allowed: str, places: dict[str, str], tmp_path: Path
) -> None:
    given = value.format(**places)
    options = {"--data": str(tmp_path / "data"), "--port": "0"}
    has_option = next(setting.option for setting in described() if setting.name == name)
    place = option(name) if has_option else variable(name)
    options |= {place: given} if has_option else {}
    variables = {} if has_option else {place: given}
    words = [word for pair in options.items() for word in pair]
    result = CliRunner().invoke(cli, ["serve", *words], env=variables)
    assert result.exit_code == 2
    lines = result.output.splitlines()
    assert len(lines) == 1, result.output
    assert lines[0].startswith(f"Error: {place} ")
    assert allowed in lines[0]
    assert name.endswith("access_key_id") or "hidden" not in lines[0]
    assert "hidden" in given or given in lines[0]
    assert not (tmp_path / "data" / "kunsthalle.sqlite").exists()


WRONG_TLS: list[tuple[str, str, str, str]] = [
    ("tls_cert", "{nowhere}", "{key}", "No such file or directory; give a file that this process can read"),
    ("tls_cert", "{folder}", "{key}", "Is a directory; give a file that this process can read"),
    ("tls_cert", "{file}", "{key}", "no certificate; give one in PEM form, its chain behind it"),
    ("tls_cert", "{key}", "{key}", "no certificate; give one in PEM form, its chain behind it"),
    ("tls_cert", "{der}", "{key}", "no certificate; give one in PEM form, its chain behind it"),
    ("tls_key", "{cert}", "{nowhere}", "No such file or directory; give a file that this process can read"),
    ("tls_key", "{cert}", "{folder}", "Is a directory; give a file that this process can read"),
    ("tls_key", "{cert}", "{file}", "no usable private key"),
    ("tls_key", "{cert}", "{cert}", "no usable private key"),
    ("tls_key", "{cert}", "{other}", "the key is not that of the certificate '{cert}'; give both"),
    ("tls_key", "{cert}", "{encrypted}", "the key is encrypted; give one without a passphrase"),
]


@pytest.mark.parametrize(("name", "cert", "key", "allowed"), WRONG_TLS)
def test_wrong_files_of_tls_are_answered_in_one_line(
    name: str, cert: str, key: str, allowed: str, places: dict[str, str], tmp_path: Path
) -> None:
    server, other = issue(*NAMES), issue(*NAMES)
    _, places["cert"], _, places["key"] = server.write(tmp_path)
    places["other"] = other.write(tmp_path, "other")[3]
    for kind, content in {"encrypted": server.key_pem(b"hidden"), "der": b64decode(server.pem[28:-26])}.items():
        places[kind] = str(tmp_path / kind)
        (tmp_path / kind).write_bytes(content)
    places["nowhere"] = str(tmp_path / "nowhere")
    options = {"tls_cert": cert.format(**places), "tls_key": key.format(**places)}
    words = [word for one, value in options.items() for word in (option(one), value)]
    result = CliRunner().invoke(cli, ["serve", "--data", str(tmp_path / "data"), "--port", "0", *words])
    assert result.exit_code == 2
    lines = result.output.splitlines()
    assert len(lines) == 1, result.output
    assert lines[0].startswith(f"Error: {option(name)} '{options[name]}': ")
    assert allowed.format(**places) in lines[0]
    assert not (tmp_path / "data").exists(), "nothing is made"


def test_the_files_of_tls_are_read_from_the_environment(
    places: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUNSTHALLE_TLS_CERT", issue(*NAMES).write(tmp_path)[1])
    monkeypatch.setenv("KUNSTHALLE_TLS_KEY", places["file"])
    result = CliRunner().invoke(cli, ["serve", "--data", str(tmp_path / "data"), "--port", "0"])
    assert result.exit_code == 2
    assert result.output.startswith(f"Error: KUNSTHALLE_TLS_KEY '{places['file']}': no usable private key")


@pytest.mark.parametrize(
    ("host", "options"),
    [("0.0.0.0", []), ("192.0.2.1", []), ("::", []), ("0.0.0.0", ["--allow-seeded-keys"])],  # noqa: S104  refused
)
def test_plain_http_elsewhere_than_on_loopback_is_refused(tmp_path: Path, host: str, options: list[str]) -> None:
    """Also with --allow-seeded-keys on a folder that has none: it is for the keys of a scenario."""
    words = ["serve", "--data", str(tmp_path / "data"), "--port", "0", "--hypervisor", "simulated", "--host", host]
    result = CliRunner().invoke(cli, [*words, *options])
    text = f"--host '{host}': plain http is served on loopback addresses only; give --tls-cert and --tls-key, or name"
    assert (result.exit_code, result.output) == (2, f"Error: {text} the proxy that ends TLS with --trusted-proxy.\n")


def test_the_table_has_two_wrong_values_of_each_setting() -> None:
    counted = Counter(name for name, _, _ in WRONG)
    flags = {setting.name for setting in described() if isinstance(setting.default, bool)}
    tables = {setting.name for setting in described() if setting.section is not None}
    assert {one.name for one in described() if counted[one.name] < 2} == flags | tables, "tested in test_config_sources"


def test_every_default_is_allowed_and_can_be_written_as_text() -> None:
    plain = [setting for setting in described() if setting.section is None]
    assert all(parse(setting.name, str(setting.default)) == setting.default for setting in plain)


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
