"""Share requests: to accounts that do not exist, to accounts of other enterprises, and as many as fit into a body."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ibm_cloud_sdk_core import ApiException
from ibm_platform_services import EnterpriseManagementV1

from fixtures.clients import Account
from kunsthalle.testing import Served

REQUESTS = "/shareapproval/{}/access"
ABSENT = "0" * 32


def _refused(call: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(ApiException) as error:
        call()
    return error.value.status_code, error.value.http_response.json()["errors"][0]["message"]


def _ask(who: Account, *identifiers: str, type_: str = "offering") -> Any:
    return who.raw("POST", REQUESTS.format(type_), list(identifiers)).get_result()


def _sent(who: Account, type_: str = "offering") -> list[str]:
    found = who.raw("GET", REQUESTS.format(type_)).get_result()["resources"]
    return [str(one["account"]) for one in found]


def _offering(who: Account) -> str:
    catalog = who.catalog.create_catalog(label="shop").get_result()["id"]
    offering = who.catalog.create_offering(catalog, name="product", label="Product").get_result()["id"]
    return f"/catalogs/{catalog}/offerings/{offering}"


@pytest.fixture
def sibling(served: Served) -> Account:
    """Another account of the victim's enterprise."""
    return Account(served, "consumer-a")


@pytest.fixture
def elsewhere(served: Served, victim: Account) -> dict[str, str]:
    """The victim's account, its enterprise and a group of it, by the form in which identifiers name them."""
    tree = EnterpriseManagementV1(authenticator=Account(served, "enterprise").authenticator)
    tree.set_service_url(f"{victim.url}/v1")
    enterprise = tree.list_enterprises().get_result()["resources"][0]
    made = tree.create_account_group(enterprise["crn"], "division", enterprise["primary_contact_iam_id"])
    group = made.get_result()["account_group_id"]
    return {"{}": victim.id, "-acct-{}": victim.id, "-ent-{}": enterprise["id"], "-entgrp-{}": group}


@pytest.mark.parametrize("type_", ["offering", "vpe", "proxy_source", "preset_configuration"])
@pytest.mark.parametrize("form", ["{}", "-acct-{}", "-ent-{}", "-entgrp-{}"])
def test_an_account_of_elsewhere_is_answered_like_one_that_does_not_exist(
    attacker: Account, elsewhere: dict[str, str], form: str, type_: str
) -> None:
    """Otherwise whoever has an account here finds out which other accounts exist."""
    foreign, absent = form.format(elsewhere[form]), form.format(ABSENT)
    status, told = _refused(lambda: _ask(attacker, foreign, type_=type_))
    assert (status, foreign in told) == (400, True)
    assert (status, told.replace(foreign, absent)) == _refused(lambda: _ask(attacker, absent, type_=type_))
    assert _sent(attacker, type_) == []


def test_one_request_too_far_sends_none(victim: Account, sibling: Account, attacker: Account) -> None:
    status, told = _refused(lambda: _ask(victim, sibling.id, attacker.id, ABSENT))
    assert (status, sibling.id in told, attacker.id in told, ABSENT in told) == (400, False, True, True)
    assert _sent(victim) == []
    _ask(victim, f"-acct-{sibling.id}")
    assert _sent(victim) == [sibling.id]


@pytest.mark.parametrize("form", ["{}", "-ent-{}", "-entgrp-{}"])
def test_a_trial_of_other_terms_tells_nothing_of_other_enterprises(
    attacker: Account, elsewhere: dict[str, str], form: str
) -> None:
    offering = _offering(attacker).rsplit("/", 1)[1]
    client = attacker.identity

    def told(id_: str) -> Any:
        body = json.dumps({"add": [form.format(id_)], "enabled": True})
        request = client.prepare_request("POST", f"/_kunsthalle/offerings/{offering}/audience", data=body)
        found = client.send(request).get_result()
        for reason in found["by_reason"]:
            reason["accounts"] = sorted(ABSENT if one == id_ else one for one in reason["accounts"])
        return found

    assert told(elsewhere[form]) == told(ABSENT)


def test_an_access_list_answers_absent_and_foreign_alike(attacker: Account, victim: Account) -> None:
    access = f"{_offering(attacker)}/access"
    found = attacker.raw("POST", access, [victim.id, ABSENT]).get_result()
    assert found["resources"] == []
    assert found["errors"][victim.id] == found["errors"][ABSENT]


LISTS = {
    "ask": ("POST", REQUESTS.format("offering")),
    "withdraw": ("DELETE", REQUESTS.format("offering")),
    "accept": ("POST", REQUESTS.format("offering") + "/source/approved"),
    "add to an access list": ("POST", "{offering}/access"),
    "take off an access list": ("DELETE", "{offering}/access"),
}


@pytest.mark.parametrize("what", LISTS)
def test_more_than_a_list_may_name_is_refused_as_a_whole(attacker: Account, what: str) -> None:
    method, path = LISTS[what]
    path = path.format(offering=_offering(attacker)) if "{" in path else path
    named = [f"{number:032x}" for number in range(1_001)]
    status, told = _refused(lambda: attacker.raw(method, path, named))
    assert (status, "1000" in told, "1001" in told) == (400, True, True)
    longest = [f"{number:032x}" for number in range(28_000)]
    assert _refused(lambda: attacker.raw(method, path, longest))[0] == 400
