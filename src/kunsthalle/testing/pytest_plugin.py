"""The pytest plugin: a clean world for every test that asks for one, in a few milliseconds.

One server a session (a worker, under xdist) is started with the first test that uses a fixture; a run that uses none
imports nothing of the product but this module. How worlds are made, and why not by undoing what a test did, is told in
`cli/world_pool.py`: each is a fresh application on a copied database and a port of its own, made while the test before
still runs. The server is another process, so that code under test may run any event loop.
"""

from __future__ import annotations

import contextlib
import os
import re
import zlib
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kunsthalle.testing.persona import Bucket, Persona
    from kunsthalle.testing.world import World, WorldClock
    from kunsthalle.testing.world_faults import WorldFaults
    from kunsthalle.testing.world_server import WorldServer

_URL, _TOKEN = "KUNSTHALLE_WORLDS_URL", "KUNSTHALLE_WORLDS_TOKEN"
_WORLD = "kunsthalle_world"
_LONGEST_NAME = 100
_MARK = "kunsthalle_scenario"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("kunsthalle", "Kunsthalle: a private catalog for virtual-server images")
    text = f"Address of a running `kunsthalle worlds` (or ${_URL}; token: ${_TOKEN}); default: start one"
    group.addoption("--kunsthalle-url", default=None, metavar="URL", help=text)
    parser.addini("kunsthalle_url", text, default="")
    text = "Write a transcript of each test with a world into this folder"
    group.addoption("--kunsthalle-record", default=None, metavar="DIR", help=text)
    parser.addini("kunsthalle_options", "Options of `kunsthalle worlds` where it is started", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{_MARK}(file): the world begins with a scenario file, or one that ships")


@pytest.fixture(scope="session")
def kunsthalle_server(pytestconfig: pytest.Config) -> Iterator[WorldServer]:
    """The server that hands out worlds: one a session, or one a worker of xdist."""
    from kunsthalle.testing.world_server import WorldServer

    url = pytestconfig.getoption("kunsthalle_url") or pytestconfig.getini("kunsthalle_url") or os.environ.get(_URL, "")
    options = pytestconfig.getini("kunsthalle_options")
    with WorldServer(*options, url=url, token=os.environ.get(_TOKEN, "")) as server:
        yield server


@pytest.fixture
def kunsthalle_world(kunsthalle_server: WorldServer, request: pytest.FixtureRequest) -> Iterator[World]:
    """A clean world, which ends with the test; with what the scenario of its mark says."""
    with kunsthalle_server.world() as world:
        mark = request.node.get_closest_marker(_MARK)
        if mark is not None:
            world.apply(*mark.args)
        with _recorded(world, request.node, request.config.getoption("kunsthalle_record")):
            yield world


@contextlib.contextmanager
def _recorded(world: World, node: pytest.Item, folder: str | None) -> Iterator[None]:
    """Write what the test has called into a file of its name, where that is asked for."""
    if folder is None:
        yield
        return
    from kunsthalle.transcripts.recorder import write

    path = node.config.invocation_params.dir / folder / f"{_file_name(node.nodeid)}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    recorder = world.recorder().start()
    try:
        yield
    finally:
        write(recorder.stop(), path)


def _file_name(nodeid: str) -> str:
    """A name that every file system takes, and no other test has."""
    name = re.sub(r"[^\w.-]+", "-", nodeid.replace("/", ".")).strip("-.")
    if name == nodeid.replace("/", ".").replace("::", "-") and len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:_LONGEST_NAME]}-{zlib.crc32(nodeid.encode()):08x}"


@pytest.fixture
def kunsthalle_enterprise(kunsthalle_world: World) -> Persona:
    """The account of the enterprise itself."""
    return kunsthalle_world.enterprise


@pytest.fixture
def kunsthalle_publisher(kunsthalle_world: World) -> Persona:
    """Who publishes images: SDK clients, bucket, command line."""
    return kunsthalle_world.publisher


@pytest.fixture
def kunsthalle_consumer(kunsthalle_world: World) -> Persona:
    """`consumer-a`, an account of the publisher's enterprise."""
    return kunsthalle_world.consumer_a


@pytest.fixture
def kunsthalle_other_consumer(kunsthalle_world: World) -> Persona:
    """`consumer-b`, another account of the publisher's enterprise."""
    return kunsthalle_world.consumer_b


@pytest.fixture
def kunsthalle_outsider(kunsthalle_world: World) -> Persona:
    """An account outside the enterprise."""
    return kunsthalle_world.outsider


@pytest.fixture
def kunsthalle_bucket(kunsthalle_publisher: Persona) -> Bucket:
    """The publisher's bucket; `put_image` puts a small real image there."""
    return kunsthalle_publisher.bucket


@pytest.fixture
def kunsthalle_clock(kunsthalle_world: World) -> WorldClock:
    """The clock of the world: `advance("7d")` returns after everything that became due has run."""
    return kunsthalle_world.clock


@pytest.fixture
def kunsthalle_faults(kunsthalle_world: World) -> WorldFaults:
    """Faults of the world: `call("POST /v1/instances", "refuse", status=503)`."""
    return kunsthalle_world.faults


@pytest.fixture
def kunsthalle_ibmcloud(kunsthalle_publisher: Persona) -> Any:
    """Runs `ibmcloud` as the publisher, signed in: `kunsthalle_ibmcloud("is", "images").stdout`."""
    return kunsthalle_publisher.ibmcloud


@pytest.fixture
def kunsthalle_environment(kunsthalle_publisher: Persona) -> dict[str, str]:
    """The environment of a subprocess that acts as the publisher: scripts, Terraform, programs."""
    return kunsthalle_publisher.environment


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the calls of the test's world at the end of the report of a failing test."""
    report = yield
    world = getattr(item, "funcargs", {}).get(_WORLD)
    if world is not None and report.failed and report.when != "teardown":
        report.sections.append(("Kunsthalle", _told(world)))
    return report


def _told(world: World) -> str:
    try:
        return world.report()
    except Exception as error:  # noqa: BLE001  a test's own failure is what must be read, also where the server is gone
        return f"The calls of the world are not known: {error}"
