"""Consoles of servers over web sockets: a token of the SDK, spent once, opens one server's line and no other."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from ibm_cloud_sdk_core import ApiException
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from fixtures.clients import Account, eventually
from kunsthalle.local.client import call
from kunsthalle.testing import Served

pytestmark = pytest.mark.by_turns(3)

PATIENCE = 20


@pytest.fixture(scope="module")
def server(served: Served) -> dict[str, Any]:
    account = Account(served, "publisher")
    return account.boot("talkative", image={"id": account.import_image("for-consoles")["id"]})


def token(account: Account, server: dict[str, Any], *, force: bool = False) -> dict[str, Any]:
    made = account.vpc.create_instance_console_access_token(server["id"], "serial", force=force)
    return dict(made.get_result())


def opened(href: str) -> ClientConnection:
    return connect(href, proxy=None, open_timeout=PATIENCE)


def heard(console: ClientConnection) -> str:
    said = console.recv(timeout=PATIENCE)
    assert isinstance(said, bytes), "what a line says is bytes"
    return said.decode()


def refused(href: str) -> tuple[int, dict[str, Any]]:
    """The status and the error of a web socket that does not come about, without its trace."""
    with pytest.raises(InvalidStatus) as caught, opened(href):
        pass
    answer = json.loads(caught.value.response.body or b"")
    uuid.UUID(answer.pop("trace"))
    return caught.value.response.status_code, answer


def closed(console: ClientConnection) -> tuple[int, str]:
    """How the server ends a session."""
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            console.recv(timeout=PATIENCE)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


def test_a_token_opens_the_console_that_says_what_the_server_said(
    served: Served, publisher: Account, server: dict[str, Any]
) -> None:
    made = token(publisher, server)
    assert made["console_type"] == "serial"
    assert made["force"] is False
    assert made["href"].startswith(f"ws://127.0.0.1:{publisher.url.rsplit(':', 1)[1]}/v1/instances/{server['id']}/")
    assert made["access_token"] in made["href"]
    with opened(made["href"]) as console:
        assert "talkative" in heard(console)
        console.send("nobody listens in a simulated server, and that is no error\n")
    assert [(one["action"].rpartition(".")[2], one["actor"], one["outcome"]) for one in audited(publisher, server)] == [
        ("console", publisher.iam_id, 200),
        ("console-open", publisher.iam_id, 101),
    ]
    assert made["access_token"] not in served.log.read_text()


def audited(account: Account, server: dict[str, Any]) -> list[dict[str, Any]]:
    """What is audited of a server's console, the oldest first; no token is."""
    bearer = account.authenticator.token_manager.get_token()
    entries = call(account.url, "GET", "/v1/audit?limit=50", bearer)["entries"]
    assert "access_token=" not in json.dumps(entries)
    return [one for one in reversed(entries) if server["id"] in one["target"] and "console" in one["action"]]


OTHER = "0717_00000000-0000-4000-8000-000000000000"


def _spent(account: Account, server: dict[str, Any]) -> str:
    href = str(token(account, server)["href"])
    with opened(href):
        return href


def _replaced(account: Account, server: dict[str, Any]) -> str:
    href = str(token(account, server)["href"])
    token(account, server)
    return href


BAD: dict[str, Callable[[Account, dict[str, Any]], str]] = {
    "spent": _spent,
    "replaced by a newer one": _replaced,
    "invented": lambda account, server: token(account, server)["href"] + "x",
    "absent": lambda account, server: token(account, server)["href"].partition("?")[0],
    "no text": lambda account, server: token(account, server)["href"].partition("=")[0] + "=%ff%00",
    "of another server, which is not there": lambda account, server: token(account, server)["href"].replace(
        server["id"], OTHER
    ),
}


@pytest.mark.parametrize("how", BAD)
def test_a_token_that_opens_nothing_tells_nothing(publisher: Account, server: dict[str, Any], how: str) -> None:
    status, answer = refused(BAD[how](publisher, server))
    assert status == 401
    (error,) = answer["errors"]
    assert (error["code"], error["message"]) == (
        "not_authorized",
        "The console access token is unknown, spent or expired.",
    )


def test_a_token_lasts_a_minute(served: Served, publisher: Account, server: dict[str, Any]) -> None:
    lasting = token(publisher, server)
    served.advance("50s")
    with opened(lasting["href"]) as console:
        heard(console)
    late = token(publisher, server)
    served.advance("60s")
    assert refused(late["href"])[0] == 401


def test_the_serial_console_is_for_one_at_a_time(publisher: Account, server: dict[str, Any]) -> None:
    with opened(token(publisher, server)["href"]) as first:
        heard(first)
        status, answer = refused(token(publisher, server)["href"])
        assert (status, answer["errors"][0]["code"]) == (409, "instance_console_in_use")
        with opened(token(publisher, server, force=True)["href"]) as second:
            assert closed(first) == (4000, "Another session has taken the console.")
            heard(second)
    with opened(token(publisher, server)["href"]) as third:
        heard(third)


def test_a_browser_is_told_in_words_why_a_console_is_not_opened(publisher: Account, server: dict[str, Any]) -> None:
    """A script sees nothing of a refused upgrade: with the subprotocol `words` the refusal is a close."""
    invented = token(publisher, server)["href"] + "x"
    with connect(invented, proxy=None, open_timeout=PATIENCE, subprotocols=[Subprotocol("words")]) as refused_one:
        assert closed(refused_one) == (4400, "The console access token is unknown, spent or expired.")
    with opened(token(publisher, server)["href"]) as first:
        heard(first)
        href = token(publisher, server)["href"]
        with connect(href, proxy=None, open_timeout=PATIENCE, subprotocols=[Subprotocol("words")]) as second:
            assert closed(second) == (4409, "The serial console is in use; `force` hangs up on its user.")
    href = token(publisher, server)["href"]
    with connect(href, proxy=None, open_timeout=PATIENCE, subprotocols=[Subprotocol("words")]) as third:
        assert third.subprotocol == "words"
        heard(third)


def test_a_session_ends_with_its_server_and_a_server_that_is_off_has_none(
    publisher: Account, server: dict[str, Any]
) -> None:
    made = publisher.boot("short-lived", image=server["image"])
    with opened(token(publisher, made)["href"]) as console:
        heard(console)
        late = token(publisher, made)["href"]
        publisher.vpc.create_instance_action(made["id"], type="stop")
        assert closed(console) == (1000, "The server is off.")
    eventually(lambda: publisher.vpc.get_instance(made["id"]).get_result()["status"] == "stopped", "the stop")
    status, answer = refused(late)
    assert (status, answer["errors"][0]["code"]) == (409, "invalid_state")
    with pytest.raises(ApiException) as caught:
        token(publisher, made)
    assert caught.value.status_code == 409


def test_a_screen_is_refused_where_there_is_none(publisher: Account, server: dict[str, Any]) -> None:
    with pytest.raises(ApiException) as caught:
        publisher.vpc.create_instance_console_access_token(server["id"], "vnc")
    assert caught.value.status_code == 400
    (error,) = caught.value.http_response.json()["errors"]
    assert error["target"] == {"name": "console_type", "type": "field"}


def test_there_are_no_other_web_sockets(publisher: Account) -> None:
    for path in ("/v1/instances", "/", "/v1/instances/../console", "/console"):
        status, answer = refused(f"ws{publisher.url.removeprefix('http')}{path}")
        assert (status, answer["errors"][0]["code"]) == (404, "invalid_route")
