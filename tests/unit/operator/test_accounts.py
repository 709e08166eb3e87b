"""The operator's way in: first accounts, first keys, and people who were invited and are nobody yet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kunsthalle.all_tables import metadata
from kunsthalle.app import build
from kunsthalle.cli.serve import Refusal, make_scenario
from kunsthalle.core.quota_names import QUOTAS
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import number_of
from kunsthalle.iam.policy_limits import MAX_EFFECTIVE
from kunsthalle.iam.queries import key_by_id
from kunsthalle.settings import Settings
from unit.accounts.conftest import OPERATOR, Client, People, opened
from unit.iam.conftest import claims_of

ACCOUNTS, KEYS = "/_kunsthalle/accounts", "/_kunsthalle/api_keys"
GRANT = "urn:ibm:params:oauth:grant-type:apikey"
VIEWER, ADMINISTRATOR = (f"crn:v1:bluemix:public:iam::::role:{role}" for role in ("Viewer", "Administrator"))
ADA, BEN = "ada@example.com", "ben@example.com"


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    """The `enterprise` scenario."""
    with opened(tmp_path) as made:
        yield made


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[People]:
    """A server in which nobody is."""
    server = build(Settings(data=tmp_path / "data", hypervisor="simulated"), OPERATOR)
    server.start()
    loop = asyncio.new_event_loop()
    yield People(server, {}, loop)
    loop.close()
    server.stop()


def test_a_scenario_is_made_in_an_empty_database_alone(empty: People) -> None:
    """Nobody's accounts get those of a scenario beside them, whose keys everybody may know."""
    server = replace(empty.server, settings=replace(empty.server.settings, scenario="enterprise"))
    assert empty.operator()("POST", ACCOUNTS, {"name": "first", "owner": ADA}).status == 201
    with pytest.raises(Refusal, match="the database has accounts"):
        make_scenario(server)
    assert [one["name"] for one in empty.operator().ok("GET", ACCOUNTS)["accounts"]] == ["first"]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """A second enterprise with an account group, and a disabled user of the publisher's account: nothing is changed."""
    with opened(tmp_path_factory.mktemp("furnished")) as people:
        outsider = people.owner("outsider")
        young = {"source_account_id": outsider.account_id, "name": "Young", "primary_contact_iam_id": outsider.iam_id}
        made = outsider.ok("POST", "/v1/enterprises", young)
        inside = people.within(outsider, made["enterprise_account_id"])
        (top,) = inside.ok("GET", "/v1/enterprises")["resources"]
        group = {"parent": top["crn"], "name": "elsewhere", "primary_contact_iam_id": outsider.iam_id}
        inside.ok("POST", "/v1/account-groups", group)
        publisher = people.owner("publisher")
        guest = people.guest(publisher, "disabled@example.com")
        users = f"/v2/accounts/{publisher.account_id}/users"
        publisher.ok("PATCH", f"{users}/{guest.iam_id}", {"state": "DISABLED_CLASSIC_INFRASTRUCTURE"})
        yield people


def make(people: People, name: str, owner: str, **more: str) -> tuple[dict[str, Any], Client]:
    made = people.operator().ok("POST", ACCOUNTS, {"name": name, "owner": owner, **more})
    return made, people.login(made["api_key"], made["account_id"], made["iam_id"])


def key(people: People, account: str, user: str) -> dict[str, Any]:
    return dict(people.operator().ok("POST", KEYS, {"account": account, "user": user}))


def invite(host: Client, login: str, *roles: tuple[str, str]) -> None:
    """Invites somebody with roles on services."""
    policies = [
        {
            "type": "access",
            "roles": [{"role_id": role}],
            "resources": [{"attributes": [{"name": "serviceName", "value": service}]}],
        }
        for role, service in roles
    ]
    body = {"users": [{"email": login}], "iam_policy": policies}
    host.ok("POST", f"/v2/accounts/{host.account_id}/users", body)


def sign_in(people: People, secret: str, account_id: str = "") -> Client:
    """A client with the key's token, for whichever account the token is of."""
    form = f"grant_type={GRANT}&apikey={secret}" + (f"&bss_account={account_id}" if account_id else "")
    token = str(Client(people, "").ok("POST", "/identity/token", form.encode())["access_token"])
    claims = claims_of(token)
    return Client(people, token, claims["account"]["bss"], claims["iam_id"], secret)


def accept(client: Client, account_id: str) -> int:
    return client("POST", "/v2/users/accept", {"account_id": account_id}).status


def numbers(people: People) -> dict[str, int]:
    """How many rows each table has."""

    def count(session: Session) -> dict[str, int]:
        return {table.name: number_of(session, table) for table in metadata().sorted_tables}

    return people.server.store.read(people.server.base, count)


def test_an_empty_server_gets_a_first_account_whose_owner_can_do_everything_there(empty: People) -> None:
    assert not empty.server.has_accounts()
    made, owner = make(empty, "acme", "Ada@Example.com")
    assert empty.server.has_accounts()
    assert (made["account"], made["user"], made["user_state"]) == ("acme", ADA, "ACTIVE")
    (group,) = owner.ok("GET", "/v2/resource_groups")["resources"]
    assert (group["account_id"], group["name"]) == (made["account_id"], "Default")
    owner.ok("POST", "/v2/groups", {"name": "colleagues"})
    (first,) = owner.ok("GET", "/v1/apikeys")["apikeys"]
    assert (first["id"], first["created_by"]) == (made["api_key_id"], made["iam_id"]), "it counts as their own"
    own = owner.ok("POST", "/v1/apikeys", {"name": "laptop", "iam_id": made["iam_id"]})
    assert empty.login(own["apikey"]).ok("GET", "/v2/resource_groups")
    (listed,) = empty.operator().ok("GET", ACCOUNTS)["accounts"]
    assert (listed["id"], listed["name"], listed["owner"]) == (made["account_id"], "acme", ADA)


def test_what_the_operator_does_is_audited_in_the_account_and_no_secret_is_kept(empty: People) -> None:
    made, owner = make(empty, "acme", ADA)
    second = key(empty, "acme", ADA)
    empty.operator().ok("DELETE", f"{KEYS}/{second['api_key_id']}")
    entries = owner.ok("GET", "/v1/audit")["entries"]
    done = [(one["actor"], one["action"], one["outcome"]) for one in entries if one["actor"] != owner.iam_id]
    by = "kunsthalle-operator"
    assert done == [
        (by, "kunsthalle.api-key.delete", 200),
        (by, "kunsthalle.api-key.create", 201),
        (by, "kunsthalle.account.create", 201),
    ]
    assert entries[0]["resource_crn"].endswith(f":apikey:{second['api_key_id']}")
    folder = empty.server.settings.data
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert made["api_key_id"].encode() in everything
    for secret in (made["api_key"], second["api_key"]):
        assert secret.encode() not in everything


def test_an_account_in_an_enterprise_and_in_a_group_of_it(people: People) -> None:
    root = people.owner("enterprise")
    (top,) = root.ok("GET", "/v1/enterprises")["resources"]
    body = {"parent": top["crn"], "name": "north", "primary_contact_iam_id": root.iam_id}
    group = root.ok("POST", "/v1/account-groups", body)["account_group_id"]
    crn = root.ok("GET", f"/v1/account-groups/{group}")["crn"]
    places = [({"enterprise": "enterprise"}, None), ({"enterprise": top["id"]}, None)]
    places += [({"enterprise": "enterprise", "parent": text}, group) for text in ("north", group, crn)]
    places += [({"parent": group}, group)]
    for number, (where, parent) in enumerate(places):
        made, owner = make(people, f"child-{number}", f"owner-{number}@example.com", **where)
        child = root.ok("GET", f"/v1/accounts/{made['account_id']}")
        assert (child["enterprise_id"], child["parent"]) == (top["id"], crn if parent else top["crn"])
        assert owner("DELETE", f"/v1/accounts/{people.seeded['publisher'].account_id}").status in {403, 404}


@pytest.mark.parametrize(
    ("path", "body", "status", "field", "says"),
    [
        (ACCOUNTS, {"name": "publisher", "owner": ADA}, 409, "name", "There is an account 'publisher' already"),
        (ACCOUNTS, {"name": "ab", "owner": ADA}, 400, "name", "3 to 60 characters; 'ab'"),
        (ACCOUNTS, {"name": "a" * 61, "owner": ADA}, 400, "name", "3 to 60 characters"),
        (ACCOUNTS, {"name": "acme", "owner": "nobody"}, 400, "owner", "Invalid e-mail address of the owner: 'nobody'"),
        (ACCOUNTS, {"name": "acme", "owner": "a b@example.com"}, 400, "owner", "Invalid e-mail address"),
        (ACCOUNTS, {"name": "acme", "owner": f"a@{'b' * 300}.example"}, 400, "owner", "Invalid e-mail address"),
        (ACCOUNTS, {"name": "acme"}, 400, "owner", "owner"),
        (
            ACCOUNTS,
            {"name": "acme", "owner": ADA, "enterprise": "nowhere"},
            400,
            "enterprise",
            "Unknown enterprise: 'nowhere'. There is: Young, enterprise.",
        ),
        (
            ACCOUNTS,
            {"name": "acme", "owner": ADA, "enterprise": "enterprise", "parent": "nowhere"},
            400,
            "parent",
            "Unknown account group of the enterprise 'enterprise': 'nowhere'. There is none.",
        ),
        (
            ACCOUNTS,
            {"name": "acme", "owner": ADA, "enterprise": "enterprise", "parent": "elsewhere"},
            400,
            "parent",
            "Unknown account group of the enterprise 'enterprise': 'elsewhere'",
        ),
        (
            KEYS,
            {"account": "publishr", "user": ADA},
            404,
            "account",
            "Unknown account: 'publishr'. Similar names are: pub",
        ),
        (KEYS, {"account": "publisher", "user": ADA}, 400, "user", "neither a user of the account 'publisher' nor"),
        (KEYS, {"account": "", "user": ""}, 404, "account", "Unknown account: ''"),
        (KEYS, {"account": "publisher", "user": "owner@outsider.example"}, 400, "user", "neither a user"),
        (KEYS, {"account": "publisher", "user": "owner@publisher.example", "name": ""}, 400, "name", "1 to 255"),
        (KEYS, {"account": "publisher", "user": "disabled@example.com"}, 409, "user", "is disabled in the account"),
        (f"{KEYS}/ApiKey-none", None, 404, "id", "does not exist"),
    ],
)
def test_bad_input_is_refused_in_one_line_and_nothing_is_half_done(
    furnished: People, path: str, body: dict[str, Any] | None, status: int, field: str, says: str
) -> None:
    before = numbers(furnished)
    error = furnished.operator().refused(status, "DELETE" if body is None else "POST", path, body)
    assert says in error["message"]
    assert "\n" not in error["message"]
    assert error["target"]["name"] == field
    assert numbers(furnished) == before


def test_only_the_operator_may(people: People) -> None:
    owner = people.owner("publisher")
    for client in (owner, Client(people, "")):
        for method, path in (("GET", ACCOUNTS), ("POST", ACCOUNTS), ("POST", KEYS), ("GET", KEYS)):
            assert client(method, path, {} if method == "POST" else None).status == 401
        assert client("DELETE", f"{KEYS}/any").status == 401


def test_quotas_are_read_and_changed_while_the_server_runs(people: People) -> None:
    operator, path = people.operator(), "/_kunsthalle/quotas"
    made = operator.ok("PUT", f"{path}/keys", {"account": "publisher", "limit": 1})
    assert (made["name"], made["used"], made["limit"], made["set_for"]) == ("keys", 1, 1, "account")
    near = operator.ok("GET", path)["quotas"]
    assert [(row["account"], row["name"], row["used"], row["limit"]) for row in near] == [("publisher", "keys", 1, 1)]
    rows = operator.ok("GET", f"{path}?account=publisher")["quotas"]
    assert [row["name"] for row in rows] == list(QUOTAS)
    assert operator.ok("PUT", f"{path}/keys", {"account": "publisher"})["set_for"] == "default"
    assert operator.ok("GET", path)["quotas"] == []
    wrong = (("keys", "nobody", 1, "account"), ("kyes", "publisher", 1, "name"), ("keys", "publisher", -1, "limit"))
    for name, account, limit, field in wrong:
        error = operator.refused(400, "PUT", f"{path}/{name}", {"account": account, "limit": limit})
        assert error["target"]["name"] == field
    assert people.owner("publisher")("GET", path).status == 401


def test_before_accepting_an_invited_person_can_do_nothing_else(empty: People) -> None:
    """Every operation there is refuses them, whatever it is asked; in no account they hold anything."""
    _, owner = make(empty, "acme", ADA)
    invite(owner, BEN, (ADMINISTRATOR, "iam-groups"), (ADMINISTRATOR, "is"))
    made = key(empty, "acme", BEN)
    assert (made["user"], made["user_state"]) == (BEN, "PENDING")
    ben = sign_in(empty, made["api_key"])
    assert (ben.account_id, ben.iam_id) == ("", made["iam_id"])
    refused = Client(empty, "")(
        "POST", "/identity/token", f"grant_type={GRANT}&apikey={ben.secret}&bss_account={owner.account_id}".encode()
    )
    assert refused.status == 400
    before = numbers(empty)
    asked = 0
    for route in empty.server.pipeline.router.routes:
        if not route.access.authenticated or route.path in {"/v2/users/accept", "/v2/users/invitations"}:
            continue
        path = route.path
        for name, id_ in (("{account_id}", owner.account_id), ("{iam_id}", ben.iam_id)):
            path = path.replace(name, id_)
        path = "/".join(owner.account_id if part.startswith("{") else part for part in path.split("/"))
        answer = ben(route.method, f"{path}?version=2025-06-30&generation=2", {} if route.body else None, if_match="*")
        assert answer.status == 403, (route.name, answer.status, answer.body)
        asked += 1
    assert asked > 400
    assert accept(ben, "0" * 32) == 404
    assert numbers(empty) == before
    for state in ("ACTIVE", "VPN_ONLY"):
        assert owner("PATCH", f"/v2/accounts/{owner.account_id}/users/{ben.iam_id}", {"state": state}).status == 409


def test_a_new_colleague_accepts_and_can_do_what_their_policies_say(empty: People) -> None:
    _, owner = make(empty, "acme", ADA)
    invite(owner, BEN, (VIEWER, "iam-groups"))
    made = key(empty, "acme", "Ben@Example.com")
    (listed,) = owner.ok("GET", f"/v2/accounts/{owner.account_id}/users?user_id={BEN}")["resources"]
    assert (listed["state"], listed["iam_id"]) == ("PENDING", made["iam_id"])
    waiting = sign_in(empty, made["api_key"])
    assert accept(waiting, owner.account_id) == 202
    assert accept(waiting, owner.account_id) == 404, "once"
    assert waiting("GET", "/v2/groups").status == 403, "that token stays in no account"
    ben = sign_in(empty, made["api_key"])
    assert ben.account_id == owner.account_id
    assert ben("GET", "/v2/groups").status == 200
    assert ben("POST", "/v2/groups", {"name": "mine"}).status == 403
    assert ben("POST", "/v1/policies", {}).status in {400, 403}
    assert ben.ok("GET", "/v2/resource_groups")["resources"] == []
    states = {
        one["user_id"]: one["state"] for one in owner.ok("GET", f"/v2/accounts/{owner.account_id}/users")["resources"]
    }
    assert states == {ADA: "ACTIVE", BEN: "ACTIVE"}
    accepted = [one for one in owner.ok("GET", "/v1/audit")["entries"] if one["action"].endswith("invitation.accept")]
    assert [(one["actor"], one["outcome"]) for one in accepted] == [(ben.iam_id, 202)]


def invitations(client: Client) -> list[tuple[str, str]]:
    found = client.ok("GET", "/v2/users/invitations")["invitations"]
    return [(one["account_name"], one["owner"]) for one in found]


def test_the_invited_person_alone_reads_who_invites_them(empty: People) -> None:
    hosts = [make(empty, name, f"{name}@example.com")[1] for name in ("one", "two", "three")]
    for host in hosts[:2]:
        invite(host, BEN)
        invite(host, "cy@example.com")
    waiting = sign_in(empty, key(empty, "one", BEN)["api_key"])
    assert invitations(waiting) == [("one", "one@example.com"), ("two", "two@example.com")]
    assert [invitations(host) for host in hosts] == [[], [], []], "who invites is not invited"
    assert accept(waiting, hosts[0].account_id) == 202
    there = sign_in(empty, waiting.secret)
    assert invitations(there) == [("two", "two@example.com")], "also of the account that they are in"
    (user,) = hosts[1].ok("GET", f"/v2/accounts/{hosts[1].account_id}/users?user_id={BEN}")["resources"]
    hosts[1]("DELETE", f"/v2/accounts/{hosts[1].account_id}/users/{user['iam_id']}")
    assert invitations(there) == []
    assert Client(empty, "")("GET", "/v2/users/invitations").status == 401


def test_a_refresh_token_of_before_becomes_one_of_the_account(empty: People) -> None:
    _, owner = make(empty, "acme", ADA)
    invite(owner, BEN)
    secret = key(empty, "acme", BEN)["api_key"]
    told = Client(empty, "").ok("POST", "/identity/token", f"grant_type={GRANT}&apikey={secret}".encode())
    assert accept(Client(empty, told["access_token"]), owner.account_id) == 202
    form = f"grant_type=refresh_token&refresh_token={told['refresh_token']}".encode()
    renewed = Client(empty, "").ok("POST", "/identity/token", form)
    assert claims_of(renewed["access_token"])["account"]["bss"] == owner.account_id


def test_somebody_invited_by_two_accounts_is_one_person_and_accepts_either_first(empty: People) -> None:
    _, one = make(empty, "one", "one@example.com")
    _, two = make(empty, "two", "two@example.com")
    for host in (one, two):
        invite(host, BEN, (VIEWER, "iam-groups"))
    first = key(empty, "one", BEN)
    assert key(empty, "two", BEN)["iam_id"] == first["iam_id"]
    assert accept(sign_in(empty, first["api_key"]), two.account_id) == 202
    there = sign_in(empty, first["api_key"], two.account_id)
    assert (there.account_id, there("GET", "/v2/groups").status) == (two.account_id, 200)
    assert sign_in(empty, first["api_key"]).account_id == "", "in the other account nothing has changed"
    assert accept(there, one.account_id) == 202
    assert sign_in(empty, first["api_key"]).account_id == one.account_id


def test_no_invitation_leads_to_a_key_of_somebody_who_acts_elsewhere(people: People) -> None:
    """Whoever invites a person could otherwise ask the operator for a key that opens the person's accounts."""
    victim, thief = people.owner("publisher"), people.owner("outsider")
    invite(thief, "owner@publisher.example", (ADMINISTRATOR, "is"))
    before = numbers(people)
    error = people.operator().refused(409, "POST", KEYS, {"account": "outsider", "user": "owner@publisher.example"})
    assert "'publisher'" in error["message"]
    assert numbers(people) == before
    made = key(people, "publisher", "owner@publisher.example")
    assert made["iam_id"] == victim.iam_id
    mine = sign_in(people, made["api_key"])
    assert accept(mine, thief.account_id) == 202
    assert sign_in(people, made["api_key"], thief.account_id).account_id == thief.account_id, "their own key opens all"


def test_a_locked_out_owner_gets_in_again(people: People) -> None:
    owner = people.owner("publisher")
    for one in owner.ok("GET", "/v1/apikeys")["apikeys"]:
        owner.ok("POST", f"/v1/apikeys/{one['id']}/disable")
    form = f"grant_type={GRANT}&apikey={owner.secret}".encode()
    assert Client(people, "")("POST", "/identity/token", form).status == 400
    made = key(people, owner.account_id, "owner@publisher.example")
    again = sign_in(people, made["api_key"])
    (old,) = [one for one in again.ok("GET", "/v1/apikeys")["apikeys"] if one["id"] != made["api_key_id"]]
    again.ok("DELETE", f"/v1/apikeys/{old['id']}/disable")
    assert sign_in(people, owner.secret).iam_id == again.iam_id


def test_a_revoked_key_is_gone_with_its_tokens_also_a_locked_one(people: People) -> None:
    owner = people.owner("publisher")
    made = key(people, "publisher", "owner@publisher.example")
    held = sign_in(people, made["api_key"])
    held.ok("POST", f"/v1/apikeys/{made['api_key_id']}/lock")
    listed = people.operator().ok("GET", f"{KEYS}?account=publisher&user=owner@publisher.example")["api_keys"]
    assert (listed[0]["id"], listed[0]["locked"]) == (made["api_key_id"], True)
    assert "api_key" not in listed[0]
    people.operator().ok("DELETE", f"{KEYS}/{made['api_key_id']}")
    assert held("GET", "/v2/resource_groups").status == 401
    assert owner("GET", "/v2/resource_groups").status == 200
    assert people.server.store.read(people.server.base, lambda session: key_by_id(session, made["api_key_id"])) is None


def test_an_invitation_that_is_taken_back_takes_the_key_along(empty: People) -> None:
    _, owner = make(empty, "acme", ADA)
    invite(owner, BEN, (VIEWER, "is"))
    made = key(empty, "acme", BEN)
    ben = sign_in(empty, made["api_key"])
    owner.ok("DELETE", f"/v2/accounts/{owner.account_id}/users/{made['iam_id']}")
    assert accept(ben, owner.account_id) == 401
    form = f"grant_type={GRANT}&apikey={ben.secret}".encode()
    assert Client(empty, "")("POST", "/identity/token", form).status == 400


def test_an_owner_of_several_accounts_is_one_person(empty: People) -> None:
    first, one = make(empty, "one", ADA)
    second, _ = make(empty, "two", ADA)
    assert first["iam_id"] == second["iam_id"]
    assert sign_in(empty, one.secret, second["account_id"]).account_id == second["account_id"]


@pytest.mark.parametrize(("more", "status"), [(0, 202), (1, 409)])
def test_accepting_gives_no_more_policies_than_an_identity_may_hold(people: People, more: int, status: int) -> None:
    """The account has given policies to the person's IAM ID in advance, and to the invitation."""
    host, guest = people.owner("publisher"), people.person(BEN)
    for number in range(MAX_EFFECTIVE - 1 + more):
        people.allow(host.account_id, guest.iam_id, ("serviceName", "is"), ("resource", f"r-{number}"), role=VIEWER)
    invite(host, BEN, (VIEWER, "iam-groups"))
    before = numbers(people)
    answer = guest("POST", "/v2/users/accept", {"account_id": host.account_id})
    assert answer.status == status, answer.body
    if status == 409:
        message = answer.json["errors"][0]["message"]
        assert f"{MAX_EFFECTIVE + 1} access policies" in message
        assert "administrator of the account" in message
        after = numbers(people)
        assert {name: count for name, count in after.items() if count != before[name]} == {"audit": before["audit"] + 1}
        (waiting,) = host.ok("GET", f"/v2/accounts/{host.account_id}/users?user_id={BEN}")["resources"]
        assert waiting["state"] == "PENDING"
