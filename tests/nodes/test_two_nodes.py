"""What one process has in memory, and every node of a database acts on: clock, faults, saved states, credentials."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from fixtures.clients import Account, Product
from fixtures.nodes import Node, Nodes, nodes_of
from kunsthalle.local.client import CallFailed, call, exchange
from kunsthalle.local.folder import credentials
from kunsthalle.testing.served import DidNotStart
from stories.api.test_catalog import refused

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nginx]


@pytest.fixture(scope="module")
def nodes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with nodes_of(request, tmp_path_factory.mktemp("nodes"), 2, "--hypervisor", "simulated") as running:
        yield running


def test_the_main_job(nodes: Nodes) -> None:
    publisher, consumer = Account(nodes, "publisher"), Account(nodes, "consumer-a")
    image = publisher.import_image("golden", b"golden")
    product = Product(publisher, image)
    product.publish()
    product.share_with(consumer)
    product.accept_as(consumer)
    server = consumer.boot("borrowed", catalog_offering={"version": {"crn": product.version["crn"]}})
    assert server["image"]["id"] == image["id"]
    assert refused(consumer.vpc.get_image, image["id"]).status_code == 404
    assert refused(publisher.vpc.delete_image, image["id"]).status_code == 409


def ask(nodes: Nodes, number: int, method: str, path: str, body: Any = None) -> Any:
    """What one of the nodes answers to the operator, past the balancer."""
    return call(nodes.nodes[number].own_url, method, path, credentials(nodes.data)["operator_token"], body)


def status_at(nodes: Nodes, number: int, account: Account, path: str = "/v1/images") -> int:
    """How one of the nodes answers a call of an account, past the balancer."""
    bearer = {"Authorization": f"Bearer {account.authenticator.token_manager.get_token()}"}
    target = f"{path}?version=2025-06-30&generation=2"
    return exchange(nodes.nodes[number].own_url, "GET", target, headers=bearer).status


def test_nodes_take_turns(nodes: Nodes) -> None:
    for _ in range(8):
        nodes.operate("GET", "/_kunsthalle/status")
    assert min(nodes.calls("/_kunsthalle/status")) >= 3


def test_every_node_has_the_credentials(nodes: Nodes) -> None:
    assert len({str(credentials(node.data)) for node in nodes.nodes}) == 1
    assert {ask(nodes, number, "GET", "/_kunsthalle/status")["store"] for number in (0, 1)} == {"postgresql"}


def test_the_clock_moves_on_every_node_before_the_answer(nodes: Nodes) -> None:
    for mover in (0, 1, 0):
        moved = ask(nodes, mover, "POST", "/_kunsthalle/clock", {"advance": "P1D"})["now"]
        for reader in (0, 1):
            now = ask(nodes, reader, "GET", "/_kunsthalle/clock")["now"]
            assert moved[:10] == now[:10], (mover, reader)
            assert now >= moved


def test_a_fault_that_applies_once_applies_once(nodes: Nodes) -> None:
    publisher = Account(nodes, "publisher")
    publisher.authenticator.token_manager.get_token()
    for adder in (0, 1):
        fault = {"on": "call", "effect": "refuse", "match": "GET /v1/images", "status": 429, "times": 3, "skip": 1}
        made = ask(nodes, adder, "POST", "/_kunsthalle/faults", fault)
        shown = ask(nodes, 1 - adder, "GET", "/_kunsthalle/faults")["faults"]
        assert [entry["id"] for entry in shown] == [made["id"]]
        statuses = [status_at(nodes, number % 2, publisher) for number in range(6)]
        assert statuses == [200, 429, 429, 429, 200, 200]
        assert ask(nodes, adder, "GET", "/_kunsthalle/faults")["faults"] == []


def test_faults_cleared_at_one_node_are_gone_from_the_others(nodes: Nodes) -> None:
    publisher = Account(nodes, "publisher")
    ask(nodes, 0, "POST", "/_kunsthalle/faults", {"on": "call", "effect": "refuse", "match": "GET *", "times": 0})
    assert [status_at(nodes, number, publisher) for number in (0, 1)] == [503, 503]
    assert ask(nodes, 1, "DELETE", "/_kunsthalle/faults") == {"cleared": 1}
    assert [status_at(nodes, number, publisher) for number in (0, 1)] == [200, 200]


def test_a_saved_state_is_every_nodes(nodes: Nodes) -> None:
    publisher = Account(nodes, "publisher")
    publisher.import_image("before", b"before")
    ask(nodes, 0, "POST", "/_kunsthalle/scenarios", {"name": "saved", "replace": True})
    publisher.import_image("after", b"after")

    def names(number: int) -> set[str]:
        bearer = publisher.authenticator.token_manager.get_token()
        target = "/v1/images?version=2025-06-30&generation=2&visibility=private"
        images = call(nodes.nodes[number].own_url, "GET", target, bearer)["images"]
        return {image["name"] for image in images}

    assert "after" in names(0) & names(1)
    now = ask(nodes, 0, "GET", "/_kunsthalle/clock")["now"]
    ask(nodes, 0, "POST", "/_kunsthalle/clock", {"advance": "P3D"})
    assert [entry["name"] for entry in ask(nodes, 1, "GET", "/_kunsthalle/scenarios")["scenarios"]] == ["saved"]
    ask(nodes, 1, "POST", "/_kunsthalle/scenarios/saved/load")
    for number in (0, 1):
        assert "before" in names(number)
        assert "after" not in names(number)
        assert ask(nodes, number, "GET", "/_kunsthalle/clock")["now"][:10] == now[:10]
    assert publisher.import_image("later", b"later")["status"] == "available", "jobs run again"


def test_what_is_withdrawn_is_honoured_by_the_other_node_at_once(nodes: Nodes) -> None:
    consumer = Account(nodes, "consumer-b")
    assert [status_at(nodes, number, consumer) for number in (0, 1)] == [200, 200]
    key = consumer.identity.list_api_keys(account_id=consumer.id, iam_id=consumer.iam_id).get_result()["apikeys"][0]
    bearer = consumer.authenticator.token_manager.get_token()
    call(nodes.nodes[0].own_url, "POST", f"/v1/apikeys/{key['id']}/disable", bearer)
    assert status_at(nodes, 1, consumer) == 401
    assert status_at(nodes, 0, consumer) == 401


def test_a_console_is_one_clients_whichever_node_has_it(nodes: Nodes) -> None:
    publisher = Account(nodes, "publisher")
    image = publisher.import_image("talkative", b"talkative")
    server = publisher.boot("talkative", image={"id": image["id"]})
    with opened(nodes, 0, publisher, server) as first:
        assert b"talkative" in first.recv(10)
        with pytest.raises(InvalidStatus) as refused_:
            opened(nodes, 1, publisher, server)
        assert refused_.value.response.status_code == 409
        with opened(nodes, 1, publisher, server, force=True) as second:
            assert b"talkative" in second.recv(10)
            with pytest.raises(ConnectionClosed) as closed:
                first.recv(10)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4000


def opened(nodes: Nodes, number: int, account: Account, server: dict[str, Any], *, force: bool = False) -> Any:
    """A connection to a server's serial console at one of the nodes."""
    made = account.vpc.create_instance_console_access_token(server["id"], "serial", force=force).get_result()
    href = made["href"].replace(nodes.url[7:], nodes.nodes[number].own_url[7:])
    return connect(href)


def test_another_folder_in_common_is_refused(nodes: Nodes, tmp_path: Path) -> None:
    stranger = Node(tmp_path / "data", 0, *nodes.options, "--shared-folder", str(tmp_path / "shared"))
    key = nodes.folder / "shared" / "master.key"
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "master.key").write_bytes(key.read_bytes())
    (tmp_path / "shared" / "master.key").chmod(0o600)
    with pytest.raises(DidNotStart, match="have another folder in common; give all of them the same one"):
        stranger.start()


def test_a_recording_of_one_node_is_refused(nodes: Nodes) -> None:
    with pytest.raises(CallFailed, match="others answer calls of this database, too: 1") as refused_:
        nodes.operate("POST", "/_kunsthalle/recordings")
    assert refused_.value.status == 409
