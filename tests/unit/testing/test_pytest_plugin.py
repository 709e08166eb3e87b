"""The plugin as its users have it: what it imports, what its fixtures give, what a failing test tells."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kunsthalle.testing import WorldServer
from kunsthalle.transcripts.parsing import parse
from unit.testing.conftest import Run

pytestmark = pytest.mark.by_turns(6)

LOADED = """
import sys, pytest
before = set(sys.modules)
import kunsthalle.testing.pytest_plugin
print(*(set(sys.modules) - before))
"""
IMPORT = """
def import_image(persona, world, name="golden"):
    prototype = {"name": name, "file": {"href": persona.bucket.put_image(f"{name}.qcow2")},
                 "operating_system": {"name": "debian-12-amd64"}}
    made = persona.vpc.create_image(prototype).get_result()
    world.settle()
    return persona.vpc.get_image(made["id"]).get_result()
"""


def test_importing_the_plugin_loads_the_standard_library_and_little_of_the_product() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.split(".")[0] not in sys.stdlib_module_names}
    assert "kunsthalle.testing.pytest_plugin" in loaded
    assert {".".join(name.split(".")[:2]) for name in loaded} <= {
        "kunsthalle",
        "kunsthalle.core",
        "kunsthalle.local",
        "kunsthalle.testing",
    }
    assert not {"http.client", "asyncio", "sqlite3", "ssl"} & set(done.stdout.split())


def test_a_run_without_fixtures_starts_nothing(suite: Run) -> None:
    test = """
import sys

def test_plain():
    heavy = ("kunsthalle.app", "kunsthalle.db", "sqlalchemy", "ibm_", "http.client")
    assert [name for name in sys.modules if name.startswith(heavy)] == []
"""
    done = suite(test_plain=test)
    assert done.returncode == 0, done.stdout


def test_every_test_begins_with_a_clean_world(suite: Run) -> None:
    test = f"""{IMPORT}
import pytest

@pytest.mark.parametrize("number", range(3))
def test_clean(number, kunsthalle_world, kunsthalle_publisher, kunsthalle_clock, kunsthalle_faults):
    before = kunsthalle_clock.now
    assert kunsthalle_publisher.vpc.list_images(visibility="private").get_result()["images"] == []
    assert kunsthalle_faults.list() == []
    assert list(kunsthalle_publisher.bucket.path.iterdir()) == []
    assert import_image(kunsthalle_publisher, kunsthalle_world)["status"] == "available"
    kunsthalle_faults.call("GET /v1/vpcs", "refuse", times=0)
    assert kunsthalle_clock.advance("365d") > before
    with open("clocks", "a") as file:
        print(before, kunsthalle_world.url, file=file)
"""
    done = suite(test_clean=test)
    assert done.returncode == 0, done.stdout
    lines = Path(done.args[-1], "clocks").read_text().split()
    assert lines[0::2] == sorted(lines[0::2])
    assert lines[4] < f"{int(lines[0][:4]) + 1}"  # the year that a test travelled is not the next one's
    assert len(set(lines[1::2])) == 3


def test_the_personas_are_the_accounts_of_the_scenario(suite: Run) -> None:
    test = f"""{IMPORT}
import pytest
from ibm_cloud_sdk_core import ApiException

def test_masked(kunsthalle_world, kunsthalle_publisher, kunsthalle_consumer, kunsthalle_other_consumer,
                kunsthalle_outsider, kunsthalle_enterprise):
    image = import_image(kunsthalle_publisher, kunsthalle_world)
    others = [kunsthalle_consumer, kunsthalle_other_consumer, kunsthalle_outsider, kunsthalle_enterprise]
    assert [one.name for one in others] == ["consumer-a", "consumer-b", "outsider", "enterprise"]
    for other in others:
        with pytest.raises(ApiException) as refused:
            other.vpc.get_image(image["id"])
        assert refused.value.status_code == 404
    for persona in (kunsthalle_publisher, *others):
        assert persona.catalog_management.get_catalog_account().get_result()["id"] == persona.account_id
        mine = persona.iam_identity.get_api_keys_details(iam_api_key=persona.api_key).get_result()
        assert mine["account_id"] == persona.account_id
        assert persona.resource_manager.list_resource_groups().get_result()["resources"][0]["name"] == "Default"
    tree = kunsthalle_enterprise.enterprise_management.list_accounts().get_result()["resources"]
    assert {{one["name"] for one in tree}} >= {{"publisher", "consumer-a"}}
"""
    done = suite(test_personas=test)
    assert done.returncode == 0, done.stdout


def test_subprocesses_and_the_command_line_act_as_the_publisher(suite: Run) -> None:
    test = f"""{IMPORT}
import json, subprocess, sys

PROGRAM = '''
from ibm_vpc import VpcV1
images = VpcV1.new_instance().list_images(visibility="private").get_result()["images"]
print([one["name"] for one in images])
'''

def test_outside(kunsthalle_world, kunsthalle_publisher, kunsthalle_environment, kunsthalle_ibmcloud):
    import_image(kunsthalle_publisher, kunsthalle_world)
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=kunsthalle_environment, capture_output=True, text=True)
    assert done.stdout.strip() == "['golden']", done
    listed = json.loads(kunsthalle_ibmcloud("is", "images", "--visibility", "private", "--output", "json").stdout)
    assert [one["name"] for one in listed] == ["golden"]
    assert "IBMCLOUD_ACCOUNT_ID" not in kunsthalle_publisher.terraform_environment
    assert "IBMCLOUD_ACCOUNT_ID" in kunsthalle_environment
"""
    done = suite(test_outside=test)
    assert done.returncode == 0, done.stdout


def test_a_world_begins_with_the_scenario_of_its_mark(suite: Run) -> None:
    test = """
import pytest

@pytest.mark.kunsthalle_scenario("read-only-auditor")
def test_marked(kunsthalle_world, kunsthalle_publisher):
    assert kunsthalle_world.persona("auditor").vpc.list_images(name="golden").get_result()["images"]

def test_unmarked(kunsthalle_publisher):
    assert kunsthalle_publisher.vpc.list_images(name="golden").get_result()["images"] == []
"""
    done = suite("--strict-markers", test_marked=test)
    assert done.returncode == 0, done.stdout


FAILING = f"""{IMPORT}
def test_failing(kunsthalle_world, kunsthalle_publisher, kunsthalle_faults):
    import_image(kunsthalle_publisher, kunsthalle_world)
    kunsthalle_faults.call("GET /v1/vpcs", "refuse", status=500)
    kunsthalle_publisher.vpc.disable_retries()
    secret = "secret-of-mine-0123456789abcdefghijklmnopqrs"
    kunsthalle_publisher.iam_identity.create_api_key("again", kunsthalle_publisher.iam_id, apikey=secret)
    kunsthalle_publisher.vpc.list_vpcs()
"""


def test_a_failing_test_tells_its_calls_and_faults_and_no_secret(suite: Run) -> None:
    done = suite(test_failing=FAILING)
    assert done.returncode == 1
    said = done.stdout.split("- Kunsthalle -")[1]
    assert re.search(r"publisher +POST /v1/images\?.* → 201", said)
    assert re.search(r"GET /v1/vpcs\?.* → 500  fault: refuse [0-9a-f-]{36}\n +answered .*internal_error", said)
    assert re.search(r"Faults that were applied:\n  refuse [0-9a-f-]{36}: GET /v1/vpcs", said)
    assert '"apikey": "…"' in said
    assert "secret-of-mine" not in said
    assert "eyJ" not in said


def test_a_passing_test_and_a_test_without_a_world_tell_nothing(suite: Run) -> None:
    test = "def test_good(kunsthalle_world): pass\n\ndef test_bad(): assert False"
    done = suite("-rA", test_plain=test)
    assert done.returncode == 1
    assert "Kunsthalle" not in done.stdout


def test_workers_have_a_server_each(suite: Run) -> None:
    test = """
import pytest

@pytest.mark.parametrize("number", range(4))
def test_mine(number, kunsthalle_server, kunsthalle_world, worker_id):
    assert kunsthalle_world.publisher.vpc.list_vpcs().get_result()["vpcs"][0]["name"] == "default"
    with open("servers", "a") as file:
        print(worker_id, kunsthalle_server.pid, file=file)
"""
    done = suite("-p", "xdist.plugin", "-n", "2", "--dist=load", test_mine=test)
    assert done.returncode == 0, done.stdout
    pairs = {tuple(line.split()) for line in Path(done.args[-1], "servers").read_text().splitlines()}
    assert len(pairs) == len({pid for _, pid in pairs}) == 2


def test_code_that_is_asynchronous(suite: Run) -> None:
    test = """
import asyncio
import httpx
import pytest

async def names(url, token):
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as client:
        query = {"version": "2025-06-30", "generation": 2}
        answers = await asyncio.gather(*(client.get(f"{url}/v1/vpcs", params=query) for _ in range(5)))
    return [answer.json()["vpcs"][0]["name"] for answer in answers]

@pytest.mark.asyncio
async def test_together(kunsthalle_world, kunsthalle_consumer):
    assert await names(kunsthalle_world.url, kunsthalle_consumer.token) == ["default"] * 5
"""
    done = suite("-p", "pytest_asyncio.plugin", test_together=test)
    assert done.returncode == 0, done.stdout


TEST_OF_ADDRESS = """
def test_address(kunsthalle_server, kunsthalle_world):
    assert kunsthalle_server.pid is None
    assert kunsthalle_world.publisher.vpc.list_vpcs().get_result()["vpcs"]
"""


@pytest.mark.parametrize("how", ["option", "ini", "environment"])
def test_a_server_that_runs_already(suite: Run, worlds: WorldServer, tmp_path: Path, how: str) -> None:
    token = worlds._token
    env = {"KUNSTHALLE_WORLDS_TOKEN": token}
    options: tuple[str, ...] = ()
    match how:
        case "option":
            options = (f"--kunsthalle-url={worlds.url}",)
        case "ini":
            (tmp_path / "pytest.ini").write_text(f"[pytest]\nkunsthalle_url = {worlds.url}\n")
        case _:
            env["KUNSTHALLE_WORLDS_URL"] = worlds.url
    done = suite(*options, env=env, test_address=TEST_OF_ADDRESS)
    assert done.returncode == 0, done.stdout


def test_a_wrong_address_or_token_is_told(suite: Run, worlds: WorldServer) -> None:
    done = suite(f"--kunsthalle-url={worlds.url}", test_address=TEST_OF_ADDRESS)
    assert (
        "answered 401: The token of `kunsthalle worlds` is missing or wrong. Set KUNSTHALLE_WORLDS_TOKEN."
        in done.stdout
    )
    done = suite("--kunsthalle-url=http://127.0.0.1:1", test_address=TEST_OF_ADDRESS)
    assert "No server of worlds answers at http://127.0.0.1:1" in done.stdout


def test_a_missing_sdk_is_named_with_what_to_install(suite: Run) -> None:
    test = """
import sys

def test_bare(kunsthalle_publisher, monkeypatch):
    monkeypatch.setitem(sys.modules, "ibm_vpc", None)
    kunsthalle_publisher.vpc
"""
    done = suite(test_bare=test)
    assert "MissingSdk: VpcV1 needs the package ibm-vpc, which is not installed: pip install ibm-vpc" in done.stdout


def test_the_entry_point_names_the_plugin() -> None:
    import tomllib

    from fixtures.tools import ROOT

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"kunsthalle": "kunsthalle.testing.pytest_plugin"}
    assert "pytest" in project["optional-dependencies"]


def test_the_server_ends_with_a_runner_that_is_killed(tmp_path: Path) -> None:
    program = """
import os, signal
from kunsthalle.testing import WorldServer
from kunsthalle.transcripts.parsing import parse
server = WorldServer().start()
world = server.world()
print(server.pid, world.data.parent, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    pid, folder = done.stdout.split()
    _wait_for_end(int(pid))
    assert not Path(folder).exists()


def _wait_for_end(pid: int) -> None:
    """Blocks until a process that is no child of this one has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    import select

    try:
        assert select.select([descriptor], [], [], 60)[0], "the server goes on without its runner"
    finally:
        os.close(descriptor)


def test_worlds_are_closed_to_stragglers_and_strangers(worlds: WorldServer) -> None:
    from kunsthalle.local.client import Unreachable, exchange

    world, other = worlds.world(), worlds.world()
    token = world.publisher.token
    query = "/v1/vpcs?version=2025-06-30&generation=2"
    assert exchange(world.url, "GET", query, headers={"Authorization": f"Bearer {token}"}).status == 200
    world.close()
    with pytest.raises(Unreachable):
        exchange(world.url, "GET", query, headers={"Authorization": f"Bearer {token}"})
    assert exchange(other.url, "GET", query).status == 401
    assert [call["path"] for call in other.calls()] == ["/v1/vpcs?version=2025-06-30&generation=2"]
    assert json.loads(exchange(worlds.url, "POST", "/worlds").content)["message"].startswith("The token of")
    other.close()


def test_a_server_that_is_told_to_end_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kunsthalle.cli.main", "worlds"]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["url"].startswith("http://127.0.0.1:")
        assert [one.name.startswith("kunsthalle-worlds-") for one in tmp_path.iterdir()] == [True]
        process.terminate()
        assert process.wait(60) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_transcript_of_each_test_on_request(suite: Run) -> None:
    test = """
import pytest

@pytest.mark.parametrize("name", ["a/b", "c"])
def test_look(name, kunsthalle_publisher):
    kunsthalle_publisher.vpc.list_vpcs()
    assert name == "c"

def test_plain():
    pass
"""
    texts = []
    for _ in range(2):
        done = suite("--kunsthalle-record", "transcripts", test_look=test)
        assert "1 failed, 2 passed" in done.stdout, done.stdout
        files = sorted(Path(done.args[-1], "transcripts").iterdir())
        assert [re.sub(r"-[0-9a-f]{8}\.", ".", path.name) for path in files] == [
            "test_look.py-test_look-a.b.txt",
            "test_look.py-test_look-c.txt",
        ]
        texts.append([path.read_text() for path in files])
    assert texts[0] == texts[1]
    assert texts[0][0] == texts[0][1]
    (look,) = (one for one in parse(texts[0][0]).calls if one.path == "/v1/vpcs")
    assert look.status == 200
    assert parse(texts[0][0]).label(look.caller) == "publisher"
