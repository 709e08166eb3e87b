"""How a cloud is named and found: entries of clouds.yaml, variables, and what is wrong with them, without a secret."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from fixtures.engines import storage_at
from fixtures.hand_made_cloud import hand_made_cloud
from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.cli.main import cli
from kunsthalle.hypervisor.hypervisor_drivers import Elsewhere, find_hypervisor
from kunsthalle.hypervisor.openstack.cloud_access import find_cloud, open_cloud
from kunsthalle.hypervisor.protocol import BadSpec, Unavailable

PASSWORD = "a hidden word"
AUTH = {"OS_AUTH_URL": "http://127.0.0.1:1/v3", "OS_USERNAME": "u", "OS_PASSWORD": PASSWORD, "OS_PROJECT_NAME": "p"}
CLOUDS = f"""
clouds:
  ours:
    auth: {{auth_url: "http://127.0.0.1:1/v3", username: u, project_name: p}}
    region_name: north
    interface: internal
    cacert: /etc/ssl/ours.pem
  by-credential:
    auth_type: v3applicationcredential
    auth:
      auth_url: "http://127.0.0.1:1/v3"
      application_credential_id: a
      application_credential_secret: {PASSWORD}
    verify: false
  odd: {{auth_type: magic, auth: {{auth_url: "http://127.0.0.1:1/v3"}}}}
  secretless:
    auth_type: v3applicationcredential
    auth: {{auth_url: "http://127.0.0.1:1/v3", application_credential_id: a}}
  bare: []
"""
SECURE = f"clouds: {{ours: {{auth: {{password: {PASSWORD}}}}}}}\n"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "clouds.yaml").write_text(CLOUDS)
    (tmp_path / "secure.yaml").write_text(SECURE)
    return {"OS_CLIENT_CONFIG_FILE": str(tmp_path / "clouds.yaml")}


def test_a_cloud_is_an_entry_or_what_the_variables_say(environment: dict[str, str]) -> None:
    ours = find_cloud("ours", environment)
    assert (ours.region, ours.interface, ours.verify) == ("north", "internal", "/etc/ssl/ours.pem")
    assert ours.auth["password"] == PASSWORD, "of the file with the secrets"
    assert find_cloud("", {**environment, "OS_CLOUD": "by-credential"}).verify is False
    told = find_cloud("", {**AUTH, "OS_REGION_NAME": "south", "OS_INSECURE": "true", "OS_INTERFACE": "publicURL"})
    assert (told.auth_type, told.region, told.interface, told.verify) == ("password", "south", "public", False)
    assert find_cloud("ours", {**environment, **AUTH, "OS_REGION_NAME": "south"}).region == "north", "a name is plainer"
    assert PASSWORD not in repr(ours) + repr(told)


@pytest.mark.parametrize(("name", "more", "words"), [
    ("", {}, "set OS_CLOUD, or OS_AUTH_URL"),
    ("theirs", {}, "has no cloud 'theirs'"),
    ("odd", {}, "no auth_type 'magic'"),
    ("secretless", {}, "must provide an auth secret"),
    ("bare", {}, "a mapping is missing"),
    ("", {**AUTH, "OS_PROJECT_NAME": ""}, "lacks project_name"),
    ("", {**AUTH, "OS_INTERFACE": "secret"}, "give one of public, internal, admin"),
    ("ours", {"OS_CLIENT_CONFIG_FILE": "/nowhere/clouds.yaml"}, "No such file or directory"),
])  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(
    environment: dict[str, str], name: str, more: dict[str, str], words: str
) -> None:
    with pytest.raises(BadSpec, match=words) as refused:
        find_cloud(name, {**environment, **more})
    assert PASSWORD not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [f"clouds: [{PASSWORD}", f"- {PASSWORD}", f"clouds: {PASSWORD}", b"\xff\xfe"])
def test_a_file_that_is_none_shows_nothing_of_itself(environment: dict[str, str], content: str | bytes) -> None:
    raw = content if isinstance(content, bytes) else content.encode()
    Path(environment["OS_CLIENT_CONFIG_FILE"]).write_bytes(raw)
    with pytest.raises(BadSpec) as refused:
        find_cloud("ours", environment)
    assert "hidden" not in str(refused.value)


def test_the_engine_is_chosen_by_its_name_and_calls_nobody_yet(tmp_path: Path) -> None:
    elsewhere = Elsewhere(FilesystemBlobs(tmp_path), "", AUTH)
    engine = find_hypervisor(tmp_path / "e", "openstack", storage_at(tmp_path), elsewhere=elsewhere)
    assert (engine.name, engine.shared) == ("openstack", True)


def test_a_client_finds_the_services_of_its_region() -> None:
    with hand_made_cloud() as (made, client):
        address = client.session.auth.auth_url
        access = {**AUTH, "OS_AUTH_URL": address, "OS_AUTH_TYPE": "v3password", "OS_USER_DOMAIN_ID": "default"}
        access["OS_PROJECT_DOMAIN_ID"] = "default"
        assert open_cloud(find_cloud("", {**access, "OS_REGION_NAME": "lab"})).get("compute", "/flavors") == {
            "flavors": []
        }
        assert made.calls == ["POST /identity/v3/auth/tokens", "GET /compute/v2.1/flavors"]


def test_without_the_extra_package_the_start_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one.partition(".")[0] == "keystoneauth1"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "keystoneauth1", None)
    with pytest.raises(Unavailable):
        find_cloud("", AUTH)
    words = ["serve", "--data", str(tmp_path / "data"), "--port", "0", "--hypervisor", "openstack"]
    result = CliRunner().invoke(cli, words, env=AUTH)
    told = "it needs keystoneauth1; pip install 'kunsthalle[openstack]'"
    assert (result.exit_code, result.output) == (2, f"Error: --hypervisor 'openstack': {told}.\n")
    assert not (tmp_path / "data").exists(), "nothing is made"


def test_the_check_of_settings_knows_the_cloud(environment: dict[str, str]) -> None:
    chosen = {**environment, "KUNSTHALLE_HYPERVISOR": "openstack", "KUNSTHALLE_OPENSTACK_CLOUD": "theirs"}
    refused = CliRunner().invoke(cli, ["config", "check"], env=chosen)
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: KUNSTHALLE_OPENSTACK_CLOUD 'theirs': ")
    passed = CliRunner().invoke(cli, ["config", "check"], env={**chosen, "KUNSTHALLE_OPENSTACK_CLOUD": "ours"})
    assert (passed.exit_code, PASSWORD in passed.output) == (0, False)
