"""Whoever may look at a catalog tries to read the credentials that its documents hold: they are shown to nobody."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from click.testing import CliRunner
from ibm_cloud_sdk_core import ApiException

from fixtures.clients import Account
from kunsthalle.cli.main import cli
from kunsthalle.db.encryption import Cipher
from kunsthalle.testing import Served
from stories.api.test_search import search_of

MARK = "********"
SECRETS = {name: f"plain-{name}-credential-0123456789" for name in ("east", "west", "sync", "repo", "patched")}


def contexts(**keys: str) -> list[dict[str, Any]]:
    return [{"name": name, "label": name.title(), "api_key": key} for name, key in keys.items()]


@pytest.fixture(scope="module")
def publisher(served: Served) -> Account:
    return Account(served, "publisher")


def octets(served: Served) -> bytes:
    return b"".join(one.read_bytes() for one in served.data.glob("kunsthalle.sqlite*"))


def told(answer: Any) -> dict[str, Any]:
    """A decoded answer that gives no secret away."""
    assert not [name for name, secret in SECRETS.items() if secret in str(answer)]
    return dict(answer)


def kept(served: Served, path: str, name: str, purpose: str) -> str:
    """What the database really holds, decrypted with the master key."""
    table, id_ = path.split("/")
    with closing(sqlite3.connect(served.data / "kunsthalle.sqlite")) as database:
        row = database.execute(f"SELECT document FROM {table} WHERE id = ?", (id_,)).fetchone()  # noqa: S608  our names
    document = json.loads(row[0])
    holder = {
        "sync": lambda: document["syndication_settings"]["authorization"]["token"],
        "repo": lambda: document["repo_info"]["token"],
    }.get(name, lambda: next(one["api_key"] for one in document["target_account_contexts"] if one["name"] == name))
    return Cipher(served.data / "master.key").decrypt(holder(), f"{id_}/{purpose}")


KEY, TOKEN = "target_account_contexts.api_key", "syndication_settings.authorization.token"


def test_the_credentials_of_a_catalog(served: Served, publisher: Account) -> None:
    def held(name: str, purpose: str = KEY) -> str:
        return kept(served, f"catalogs/{made['id']}", name, purpose)

    body = {
        "label": "with secrets",
        "target_account_contexts": contexts(east=SECRETS["east"], west=SECRETS["west"]),
        "syndication_settings": {"authorization": {"token": SECRETS["sync"], "last_run": "2026-01-01T00:00:00Z"}},
    }
    made = told(publisher.raw("POST", "/catalogs", body).get_result())
    assert [one["api_key"] for one in made["target_account_contexts"]] == [MARK, MARK]
    assert made["syndication_settings"]["authorization"] == {"token": MARK, "last_run": "2026-01-01T00:00:00Z"}
    assert (held("east"), held("west"), held("sync", TOKEN)) == (SECRETS["east"], SECRETS["west"], SECRETS["sync"])
    path = f"/catalogs/{made['id']}"
    for place in ("/catalogs", path, f"{path}/offerings", f"{path}/audits", f"{path}/audit", f"{path}/objects"):
        told(publisher.raw("GET", place).get_result())
    for words in (f'"{SECRETS["east"]}"', '"with secrets"'):
        told({"found": search_of(publisher).search(query=words, fields=["*"]).get_result()})

    # The mark that is sent back keeps what is stored, wherever in the list it stands; a new value replaces one.
    current = publisher.raw("GET", path).get_result()
    east, west = current["target_account_contexts"]
    current["target_account_contexts"] = [{**west, "api_key": SECRETS["patched"]}, east]
    changed = told(publisher.raw("PUT", path, current).get_result())
    assert [one["name"] for one in changed["target_account_contexts"]] == ["west", "east"]
    assert (held("east"), held("west"), held("sync", TOKEN)) == (SECRETS["east"], SECRETS["patched"], SECRETS["sync"])

    # A PUT without a label keeps that; one without the credentials removes them.
    changed = told(publisher.raw("PUT", path, {"_rev": changed["_rev"]}).get_result())
    assert changed["label"] == "with secrets"
    assert "target_account_contexts" not in changed
    assert not [name for name, secret in SECRETS.items() if secret.encode() in octets(served)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"target_account_contexts": contexts(nobody=MARK)}, "target_account_contexts[nobody].api_key"),
        ({"target_account_contexts": [{"api_key": {"a": 1}}]}, "target_account_contexts[].api_key"),
        ({"syndication_settings": {"authorization": {"token": MARK}}}, "syndication_settings.authorization.token"),
        ({"syndication_settings": {"authorization": {"token": 7}}}, "syndication_settings.authorization.token"),
        ({"syndication_settings": {"authorization": "word"}}, "syndication_settings.authorization"),
    ],
)
def test_a_mark_without_a_stored_value_and_what_is_no_text_are_refused(
    publisher: Account, body: dict[str, Any], field: str
) -> None:
    with pytest.raises(ApiException) as refused:
        publisher.raw("POST", "/catalogs", {"label": "refused", **body})
    assert refused.value.status_code == 400
    assert field in refused.value.http_response.text


def test_the_repository_token_of_an_offering(served: Served, publisher: Account) -> None:
    catalog = publisher.raw("POST", "/catalogs", {"label": "of offerings"}).get_result()["id"]
    path = f"/catalogs/{catalog}/offerings"
    body = {"name": "tool", "repo_info": {"token": SECRETS["repo"], "type": "public_git"}}
    made = told(publisher.raw("POST", path, body).get_result())
    one = f"{path}/{made['id']}"

    def held() -> str:
        return kept(served, f"offerings/{made['id']}", "repo", "repo_info.token")

    assert (made["repo_info"]["token"], held()) == (MARK, SECRETS["repo"])
    for place in (path, one):
        told(publisher.raw("GET", place).get_result())

    def patch(*operations: dict[str, Any]) -> Any:
        match = publisher.raw("GET", one).get_headers()["ETag"]
        headers = {"If-Match": match, "Content-Type": "application/json-patch+json"}
        return told(publisher.raw("PATCH", one, list(operations), **headers).get_result())

    # A patch works on what is shown: it can neither copy the value elsewhere nor guess it.
    patch({"op": "copy", "from": "/repo_info/token", "path": "/short_description"})
    assert held() == SECRETS["repo"]
    with pytest.raises(ApiException):
        patch({"op": "test", "path": "/repo_info/token", "value": SECRETS["repo"]})
    patch({"op": "replace", "path": "/repo_info/token", "value": SECRETS["patched"]})
    assert held() == SECRETS["patched"]
    icon = told(publisher.raw("PUT", f"{one}/icon/tool.svg").get_result())
    assert held() == SECRETS["patched"]
    told(publisher.raw("PUT", one, icon).get_result())
    assert held() == SECRETS["patched"]
    assert not [name for name, secret in SECRETS.items() if secret.encode() in octets(served)]


def test_the_operator_and_the_command_line_see_no_credential_either(served: Served, publisher: Account) -> None:
    body = {"label": "seen by all", "target_account_contexts": contexts(east=SECRETS["east"])}
    made = publisher.raw("POST", "/catalogs", body).get_result()
    told({"audit": served.operate("GET", "/_kunsthalle/audit")})
    told({"audit": CliRunner().invoke(cli, ["audit", "--data", str(served.data), "--output", "json"]).output})
    found = publisher.controller.list_resource_instances().get_result()
    assert made["id"] in str(told(found))
    assert SECRETS["east"] not in served.log.read_text()
