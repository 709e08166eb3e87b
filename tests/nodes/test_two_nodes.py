"""What one process has in memory, and every node of a database acts on: clock, faults, saved states, credentials."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from attacks.people import Person, send, token
from attacks.people import owner as person
from fixtures.clients import Account, Product
from fixtures.nodes import Node, Nodes, nodes_of
from fixtures.s3 import ENVIRONMENT
from fixtures.served_vault import PASSPHRASE, Vault
from kunsthalle.cli.main import cli
from kunsthalle.local import master_keys
from kunsthalle.local.client import CallFailed, call, exchange
from kunsthalle.local.folder import credentials
from kunsthalle.testing.served import DidNotStart
from stories.api.test_catalog import refused

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nginx, pytest.mark.by_turns(3)]


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


VIEWER = "crn:v1:bluemix:public:iam::::role:Viewer"
ON_IMAGES = {"serviceName": "is"}


@dataclass(frozen=True)
class Withdrawal:
    """Somebody who may read an image, and the call that ends it."""

    bearer: str = field(repr=False)
    method: str
    path: str
    body: Any = None


def keys(owner: Person) -> Iterator[Withdrawal]:
    """Tokens of keys that are disabled, and deleted."""
    for method, end in (("POST", "/disable"), ("DELETE", "")):
        made = owner.ok("POST", "/v1/apikeys", {"name": "short-lived", "iam_id": owner.iam_id})
        bearer = token(owner.url, made["apikey"]).json["access_token"]
        yield Withdrawal(bearer, method, f"/v1/apikeys/{made['id']}{end}")


def members(owner: Person, guest: Person) -> Iterator[Withdrawal]:
    """A guest of the account who is disabled, then one who is removed."""
    for method, body in (("PATCH", {"state": "DISABLED_CLASSIC_INFRASTRUCTURE"}), ("DELETE", None)):
        owner.invite(guest, "service", role=VIEWER)
        yield Withdrawal(guest.accept(owner).bearer, method, f"{owner.users}/{guest.iam_id}", body)
        owner("DELETE", f"{owner.users}/{guest.iam_id}")


def policies(owner: Person) -> Iterator[Withdrawal]:
    """Service IDs whose only policy is changed, and deleted."""
    for number, method in enumerate(("PUT", "DELETE")):
        iam_id, bearer = service_id(owner, f"policy-{number}")
        policy = owner.allow(iam_id, VIEWER, accountId=owner.account_id, **ON_IMAGES).json
        resource = [{"name": "accountId", "value": owner.account_id}, {"name": "serviceName", "value": "enterprise"}]
        changed = {name: policy[name] for name in ("type", "subjects", "roles")}
        changed["resources"] = [{"attributes": resource}]
        yield Withdrawal(bearer, method, f"/v1/policies/{policy['id']}", changed if method == "PUT" else None)


def groups(owner: Person) -> Iterator[Withdrawal]:
    """A service ID that leaves the access group which has the policy, and one whose group is deleted."""
    for number, rest in enumerate(("/members/{iam_id}", "?force=true")):
        iam_id, bearer = service_id(owner, f"group-{number}")
        group = owner.ok("POST", f"/v2/groups?account_id={owner.account_id}", {"name": f"readers-{number}"})["id"]
        subject = {"attributes": [{"name": "access_group_id", "value": group}]}
        attributes = [{"name": "accountId", "value": owner.account_id}, {"name": "serviceName", "value": "is"}]
        policy = {"type": "access", "subjects": [subject], "roles": [{"role_id": VIEWER}]}
        owner.ok("POST", "/v1/policies", {**policy, "resources": [{"attributes": attributes}]})
        owner.ok("PUT", f"/v2/groups/{group}/members", {"members": [{"iam_id": iam_id, "type": "service"}]})
        yield Withdrawal(bearer, "DELETE", f"/v2/groups/{group}{rest.format(iam_id=iam_id)}")


def service_id(owner: Person, name: str) -> tuple[str, str]:
    """The IAM ID of a new service ID, and a token of it."""
    body = {"account_id": owner.account_id, "name": name, "apikey": {"name": name}}
    made = owner.ok("POST", "/v1/serviceids", body)
    return made["iam_id"], token(owner.url, made["apikey"]["apikey"]).json["access_token"]


def reads(node: Node, image: str, bearer: str) -> bool:
    """Whether a node lets somebody read an image."""
    target = f"/v1/images/{image}?version=2025-06-30&generation=2"
    return send(node.own_url, "GET", target, Authorization=f"Bearer {bearer}").status == 200


def test_what_is_withdrawn_is_honoured_by_every_node_within_five_seconds(nodes: Nodes) -> None:
    """Seconds are from sending the call to the last refusal; docs/how-to/many-nodes.md says what they were."""
    publisher, owner, guest = Account(nodes, "publisher"), person(nodes, "publisher"), person(nodes, "consumer-b")
    image = publisher.import_image("withdrawn", b"withdrawn")["id"]
    measured: dict[str, float] = {}
    for withdrawal in (*keys(owner), *policies(owner), *groups(owner)):
        honoured(nodes, owner, image, withdrawal, measured)
    for withdrawal in members(owner, guest):  # one after the other: it is the same person
        honoured(nodes, owner, image, withdrawal, measured)
    assert len(measured) == 8
    (nodes.folder / "withdrawn.json").write_text(json.dumps(measured, indent=4))
    sys.stdout.write(f"seconds until every node refused: {measured}\n")
    assert max(measured.values()) <= 5, measured


def honoured(nodes: Nodes, owner: Person, image: str, withdrawal: Withdrawal, measured: dict[str, float]) -> None:
    """Withdraws at one node and writes down how long any goes on."""
    assert all(reads(node, image, withdrawal.bearer) for node in nodes.nodes), withdrawal
    url, headers = nodes.nodes[0].own_url, {"Authorization": f"Bearer {owner.bearer}"}
    if withdrawal.method == "PUT":
        headers["If-Match"] = exchange(url, "GET", withdrawal.path, headers=headers).headers["ETag"]
    asked = time.monotonic()
    reply = send(url, withdrawal.method, withdrawal.path, withdrawal.body, **headers)
    assert reply.status < 300, (withdrawal, reply)
    for node in reversed(nodes.nodes):
        while reads(node, image, withdrawal.bearer):
            assert time.monotonic() < asked + 60, f"{withdrawal} is not honoured"
    measured[f"{withdrawal.method} {withdrawal.path}"] = round(time.monotonic() - asked, 3)


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


def test_a_node_that_starts_with_a_newer_master_key_encrypts_everything_while_the_other_serves(nodes: Nodes) -> None:
    vault = Vault(Account(nodes, "publisher"))
    key = vault.key("before")
    wrapped = vault.wrap(key)
    file = nodes.folder / "shared" / "master.key"
    nodes.nodes[1].stop()
    new = master_keys.add(file).newest
    nodes.nodes[1].start()
    assert f'"key": "{new}"' not in nodes.log.read_text(), "no job does it: the start has"
    assert [ask(nodes, number, "GET", "/_kunsthalle/doctor")["findings"] for number in (0, 1)] == [[], []]
    assert [vault.unwrapped(key, wrapped) for _ in range(4)] == [PASSPHRASE] * 4, "each node reads it, in turn"
    for number in range(4):  # by each node, in turn
        later = vault.key(f"after-{number}")
        assert vault.unwrapped(later, vault.wrap(later)) == PASSPHRASE
    assert [ask(nodes, number, "GET", "/_kunsthalle/doctor")["findings"] for number in (1, 0)] == [[], []]
    file.write_text(file.read_text().splitlines()[-1])
    for node in nodes.nodes:
        node.stop()
        node.start()
    assert vault.unwrapped(key, wrapped) == PASSPHRASE, "the older key can go"


def test_another_folder_in_common_is_refused(nodes: Nodes, tmp_path: Path) -> None:
    stranger = Node(tmp_path / "data", 0, *nodes.options, "--shared-folder", str(tmp_path / "shared"))
    key = nodes.folder / "shared" / "master.key"
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "master.key").write_bytes(key.read_bytes())
    (tmp_path / "shared" / "master.key").chmod(0o600)
    with pytest.raises(DidNotStart, match="have another folder in common; give all of them the same one"):
        stranger.start()


def test_a_backup_has_what_is_in_the_folder_in_common_and_is_not_made_without_it(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    Account(nodes, "publisher").put_image("kept.qcow2")
    words = ["backup", "create", str(tmp_path / "backups"), "--data", str(nodes.nodes[1].data), *nodes.options]
    refused_ = CliRunner().invoke(cli, words)
    assert (refused_.exit_code, "have in common: --shared-folder FOLDER" in refused_.output) == (2, True)
    assert not list((tmp_path / "backups").glob("*.json")), "nothing is half done"
    made = CliRunner().invoke(cli, [*words, "--shared-folder", str(nodes.folder / "shared"), "--output", "json"])
    assert made.exit_code == 0, made.output
    assert json.loads(made.output)["objects"] >= 1


def test_a_recording_of_one_node_is_refused(nodes: Nodes) -> None:
    with pytest.raises(CallFailed, match="others answer calls of this database, too: 1") as refused_:
        nodes.operate("POST", "/_kunsthalle/recordings")
    assert refused_.value.status == 409
