"""Data keys of images and volumes: which root keys an account may use for them, and every way in which it may not."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.app import App
from fixtures.vault import authorize
from kunsthalle.authz.context import Actor
from kunsthalle.core.clock import DAY, SECOND, rfc3339
from kunsthalle.core.errors import Problem
from kunsthalle.db.rows import update
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import put_row, rows_of
from kunsthalle.iam.authentication import grants_of
from kunsthalle.key_protect import data_keys
from kunsthalle.key_protect.data_keys import Cause, DataKey, KeyRefused
from kunsthalle.key_protect.resources import PROTECTED_KEY
from kunsthalle.key_protect.service import purpose
from kunsthalle.key_protect.tables import key_versions
from unit.key_protect.conftest import Keys, b64, make_instance

PASSPHRASE = b"abc123"


def claims_of(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


class Vpc:
    """What the packages of images and volumes ask, for the account of `who`."""

    def __init__(self, app: App) -> None:
        self.app = app

    def chosen(self, crn: str, who: str = "owner", kind: str = "image") -> Any:
        server, claims = self.app.server, claims_of(self.app.tokens[who])

        def ask(session: Session) -> Any:
            account, id_ = claims["account"]["bss"], claims["iam_id"]
            caller = session.ctx.acting_as(Actor(id_, who), account, grants_of(session, account, id_), ())
            return data_keys.chosen(session.as_context(caller), crn, kind, "encryption_key.crn")

        return server.store.read(server.base, ask)

    def do(self, ask: Callable[[Session], Any], who: str = "owner") -> Any:
        server, account = self.app.server, self.app.accounts[who]
        return server.store.write(server.base, lambda session: ask(session.as_context(session.ctx.as_system(account))))

    def unwrap(self, crn: str, wrapped: str, who: str = "owner", kind: str = "image") -> DataKey:
        found = self.do(lambda session: data_keys.unwrap(session, crn, wrapped, kind), who)
        assert isinstance(found, DataKey)
        return found

    def cause(self, crn: str, wrapped: str, who: str = "owner", kind: str = "image") -> Cause:
        """Why nothing is unwrapped; a request that chooses the key is refused with the same code, but for one."""
        with pytest.raises(KeyRefused) as caught:
            self.unwrap(crn, wrapped, who, kind)
        return caught.value.cause

    def refusal(self, crn: str, who: str = "owner", kind: str = "image") -> tuple[int, str]:
        with pytest.raises(Problem) as caught:
            self.chosen(crn, who, kind)
        assert caught.value.target is not None
        assert caught.value.target.name == "encryption_key.crn"
        return caught.value.reason.value, caught.value.code


@pytest.fixture
def vpc(app: App) -> Vpc:
    return Vpc(app)


def wrapped_by(keys: Keys, key: dict[str, Any]) -> str:
    return str(keys.wrap(key["id"], plaintext=b64(PASSPHRASE))["ciphertext"])


def test_a_data_key_of_the_account_is_unwrapped_under_its_authorization(keys: Keys, vpc: Vpc) -> None:
    key = keys.create()
    wrapped = wrapped_by(keys, key)
    assert vpc.cause(key["crn"], wrapped) is Cause.NOT_AUTHORIZED
    assert vpc.refusal(key["crn"]) == (403, "encryption_key_not_authorized")
    authorize(keys.app)
    assert vpc.unwrap(key["crn"], wrapped).reveal() == PASSPHRASE
    chosen = vpc.chosen(key["crn"])
    made = vpc.do(lambda session: data_keys.wrapped_new(session, chosen))
    assert len(base64.b64decode(vpc.unwrap(key["crn"], made).reveal(), validate=True)) == 32
    assert vpc.do(lambda session: data_keys.wrapped_new(session, chosen)) != made


def test_an_authorization_counts_for_the_instance_key_and_type_of_resource_that_it_names(keys: Keys, vpc: Vpc) -> None:
    key, other = keys.create(), keys.create()
    app = keys.app
    rows: list[tuple[dict[str, str], dict[str, str], bool, bool]] = [
        ({"serviceName": "server-protect"}, {}, True, True),
        ({"resourceType": "image"}, {}, True, False),
        ({"resourceType": "share"}, {}, False, False),
        ({}, {"serviceInstance": keys.instance}, True, True),
        ({}, {"serviceInstance": make_instance(app, "another")}, False, False),
        ({}, {"resourceType": "key", "resource": key["id"]}, True, True),
        ({}, {"resourceType": "key", "resource": other["id"]}, False, False),
        ({"serviceName": "codeengine"}, {}, False, False),
    ]
    wrapped = wrapped_by(keys, key)
    for subject, resource, image, volume in rows:
        id_ = authorize(app, subject=subject, **resource)
        for kind, lets_in in (("image", image), ("volume", volume)):
            if lets_in:
                assert vpc.unwrap(key["crn"], wrapped, kind=kind).reveal() == PASSPHRASE, (subject, resource)
            else:
                assert vpc.cause(key["crn"], wrapped, kind=kind) is Cause.NOT_AUTHORIZED, (subject, resource)
        app.do("DELETE", f"/v1/policies/{id_}")


def test_every_state_of_a_key_that_cannot_be_used_has_its_cause(keys: Keys, vpc: Vpc) -> None:
    app = keys.app
    authorize(app)
    now = app.server.clock.now()
    disabled, deleted = keys.create(), keys.create()
    expiring = keys.create(expirationDate=rfc3339(now + DAY))
    standard = keys.create(root=False)
    wrapped = {key["id"]: wrapped_by(keys, key) for key in (disabled, deleted, expiring)}
    keys.ask("disable_key", id=disabled["id"])
    keys.ask("delete_key", id=deleted["id"])
    app.travel(2 * DAY // SECOND)
    for key, cause, code in (
        (disabled, Cause.DISABLED, "encryption_key_disabled"),
        (deleted, Cause.DELETED, "encryption_key_deleted"),
        (expiring, Cause.EXPIRED, "encryption_key_expired"),
        (standard, Cause.NOT_ROOT, "encryption_key_invalid"),
    ):
        assert vpc.cause(key["crn"], wrapped.get(key["id"], "x")) is cause
        assert vpc.refusal(key["crn"]) == (400, code)
    keys.ask("enable_key", id=disabled["id"])
    assert vpc.unwrap(disabled["crn"], wrapped[disabled["id"]]).reveal() == PASSPHRASE


def test_what_was_wrapped_by_something_else_is_told_from_a_key_that_is_not_there(keys: Keys, vpc: Vpc) -> None:
    authorize(keys.app)
    key, other = keys.create(), keys.create()
    foreign = wrapped_by(keys, other)
    with_more = keys.wrap(key["id"], plaintext=b64(PASSPHRASE), aad=["more"])["ciphertext"]
    for wrapped in (foreign, with_more, "", "no base64!", b64(b"{}"), "A" * 20_000):
        assert vpc.cause(key["crn"], wrapped) is Cause.NOT_WRAPPED_BY, wrapped[:20]
    gone = key["crn"].replace(key["id"], "00000000-0000-4000-8000-000000000000")
    elsewhere = key["crn"].replace("us-south", "eu-de")
    no_key = f"{key['crn'].rsplit(':', 2)[0]}::"
    for crn in (gone, elsewhere, no_key, "no crn", key["crn"].replace(":kms:", ":hs-crypto:")):
        assert vpc.cause(crn, wrapped_by(keys, key)) is Cause.NOT_FOUND, crn
        assert vpc.refusal(crn) == (404, "encryption_key_not_found"), crn


def test_a_key_of_another_region_is_none_for_a_new_resource(keys: Keys, vpc: Vpc) -> None:
    authorize(keys.app)
    key = keys.create()
    vpc.do(lambda session: update(session, PROTECTED_KEY, key["id"], location="eu-de"))
    assert vpc.refusal(key["crn"].replace("us-south", "eu-de")) == (400, "encryption_key_region_invalid")


def test_a_key_of_another_account_is_absent_until_that_account_lets_this_one_use_it(app: App, vpc: Vpc) -> None:
    theirs = Keys(app, make_instance(app, who="outsider"), "outsider")
    key = theirs.create()
    wrapped = wrapped_by(theirs, key)
    authorize(app)
    authorize(app, "outsider")  # theirs for themselves
    assert vpc.cause(key["crn"], wrapped) is Cause.NOT_FOUND
    assert vpc.refusal(key["crn"]) == (404, "encryption_key_not_found")
    theirs.ask("disable_key", id=key["id"])
    assert vpc.cause(key["crn"], wrapped) is Cause.NOT_FOUND
    theirs.ask("enable_key", id=key["id"])
    authorize(app, "outsider", {"accountId": app.accounts["owner"]})
    assert vpc.unwrap(key["crn"], wrapped).reveal() == PASSPHRASE
    assert vpc.chosen(key["crn"]).id == key["id"]


def test_a_caller_who_does_not_see_a_key_cannot_choose_it(keys: Keys, vpc: Vpc) -> None:
    """Authorized or not, enabled or not: the answer is that for a key that never existed."""
    app, account = keys.app, keys.app.accounts["owner"]
    key = keys.create()
    made = app.do("POST", "/v1/serviceids", {"name": "maker", "account_id": account})
    secret = app.do("POST", "/v1/apikeys", {"name": "maker", "iam_id": made["iam_id"], "account_id": account})
    app.keys["maker"] = secret["apikey"]
    app.log_in()
    assert vpc.refusal(key["crn"], "maker") == (404, "encryption_key_not_found")
    authorize(app)
    assert vpc.refusal(key["crn"], "maker") == (404, "encryption_key_not_found")


def test_after_a_rotation_old_data_keys_unwrap_and_are_wrapped_anew(keys: Keys, vpc: Vpc) -> None:
    authorize(keys.app)
    key = keys.create()
    wrapped = wrapped_by(keys, key)
    assert vpc.do(lambda session: data_keys.rewrap(session, key["crn"], wrapped, "image")) == wrapped
    keys.ask("rotate_key", id=key["id"], key_action_rotate_body="{}")
    assert vpc.unwrap(key["crn"], wrapped).reveal() == PASSPHRASE
    anew = vpc.do(lambda session: data_keys.rewrap(session, key["crn"], wrapped, "image"))
    assert anew != wrapped
    assert vpc.unwrap(key["crn"], anew).reveal() == PASSPHRASE


def test_a_registered_resource_keeps_its_key_from_being_deleted(keys: Keys, vpc: Vpc) -> None:
    key = keys.create()
    image = "crn:v1:bluemix:public:is:us-south:a/1::image:r006-1"
    vpc.do(lambda session: data_keys.register(session, key["crn"], image))
    assert keys.refused("delete_key", id=key["id"]) == (409, "PROTECTED_RESOURCE_ERR")
    vpc.do(lambda session: data_keys.unregister(session, image))
    keys.ask("delete_key", id=key["id"])


def test_material_that_was_left_out_of_a_saved_state_is_told_from_a_wrong_data_key(keys: Keys, vpc: Vpc) -> None:
    authorize(keys.app)
    key = keys.create()
    wrapped = wrapped_by(keys, key)

    def leave_out(session: Session) -> None:
        for row in rows_of(session, key_versions):
            values = {**row._asdict(), "material": session.cipher.encrypt("", purpose(row.id))}
            put_row(session, key_versions, ("id",), replacing=("material",), **values)

    vpc.do(leave_out)
    assert vpc.cause(key["crn"], wrapped) is Cause.LEFT_OUT


def test_a_data_key_shows_nowhere() -> None:
    secret = DataKey(PASSPHRASE)
    for shown in (repr(secret), str(secret), f"{secret}", repr([secret]), repr({"key": secret})):
        assert "abc123" not in shown
    for write_down in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError):
            write_down(secret)
    for cause in Cause:
        assert KeyRefused(cause).message
