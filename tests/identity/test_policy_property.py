"""Random policies against an evaluator that anybody can read: both ways of deciding agree with it, 10,000 cases."""

from __future__ import annotations

import dataclasses
import random
import re
from typing import Any

import pytest

from kunsthalle.core.access import Grants
from kunsthalle.core.context import Context
from kunsthalle.identity.model import as_grant
from kunsthalle.images.kinds import IMAGE
from kunsthalle.store.scope import some
from support.worlds import World

ROLE = "crn:v1:bluemix:public:iam::::role:"
CUSTOM = "crn:v1:ibmcloud:public:iam-access-management::a/mine::customRole:Looker"
CUSTOM_ACTIONS = {CUSTOM: frozenset({"is.image.image.read", "is.image.image.manage"})}
CARRIES = {
    f"{ROLE}Viewer": {"read"},
    f"{ROLE}Operator": {"read", "operate"},
    f"{ROLE}Editor": {"read", "operate", "create", "update", "delete"},
    f"{ROLE}Administrator": {"read", "operate", "create", "update", "delete", "manage"},
    CUSTOM: {"read", "manage"},
}
VERBS = ("read", "operate", "create", "update", "delete", "manage")
IDS = [f"r006-{text}" for text in ("a", "A", "b", "ab", "a_b", "a%b", "a[b]", "a?", "a*", "ä", "b.c", "")]
GROUPS = ("default", "Default", "other", "o_her", "o%")
SETS, RESOURCES = 850, len(IDS)


def naive(policies: list[dict[str, Any]], account: str, verb: str, resource: dict[str, str]) -> bool:
    """Whether somebody with these policies may do `is.image.image.<verb>` on an image."""
    facts = {"accountId": account, "serviceName": "is", "serviceType": "service", "resourceType": "image", **resource}

    def meets(key: str, operator: str, value: str) -> bool:
        if key not in facts:
            return False
        if operator == "stringEquals":
            return facts[key] == value
        if operator == "stringExists":
            return True
        pattern = "".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in value)
        return re.fullmatch(pattern, facts[key], re.DOTALL) is not None

    for policy in policies:
        carried = any(verb in CARRIES[role] for role in policy["roles"])
        if carried and all(meets(one["key"], one["operator"], one["value"]) for one in policy["resource"]):
            return True
    return False


def _pattern(dice: random.Random, text: str) -> str:
    """A pattern that often matches the text, and holds characters that mean something to SQL."""
    if dice.random() < 0.2:
        return dice.choice(("*", "?*", "*b*", "r006-?", "o?her", "[a]*", "%", "_*", "**"))
    at = dice.randrange(len(text) + 1)
    return dice.choice((text[:at] + "*", "*" + text[at:], text[:at] + "?" + text[at + 1 :], text))


def _condition(dice: random.Random, key: str, values: list[str]) -> dict[str, str]:
    operator, value = dice.choice(("stringEquals", "stringEquals", "stringMatch", "stringExists")), dice.choice(values)
    value = {"stringMatch": _pattern(dice, value), "stringExists": "true"}.get(operator, value)
    return {"key": key, "operator": operator, "value": value}


def _policy(dice: random.Random, account: str) -> dict[str, Any]:
    known = {
        "accountId": [account, account, account, "another"],
        "serviceName": ["is", "is", "globalcatalog-collection"],
        "serviceType": ["service", "service", "platform_service"],
        "resourceType": ["image", "image", "instance"],
        "resourceGroupId": list(GROUPS),
        "imageId": IDS,
        "vpcId": ["r006-vpc"],
    }
    keys = [key for key in known if dice.random() < (0.06 if key == "vpcId" else 0.35)]
    roles = dice.sample(list(CARRIES), dice.choice((1, 1, 2)))
    return {"roles": roles, "resource": [_condition(dice, key, known[key]) for key in keys]}


def _holding(ctx: Context, policies: list[dict[str, Any]]) -> Context:
    grants = [as_grant(one["roles"], one["resource"], [], CUSTOM_ACTIONS) for one in policies]
    return dataclasses.replace(ctx, grants=Grants(ctx.account_id, grants))


def test_both_ways_of_deciding_agree_with_the_naive_one(both: World, request: pytest.FixtureRequest) -> None:
    dice, ctx = random.Random(20), both.account()
    other = both.account("other")
    images = {id_: dice.choice(GROUPS) for id_ in IDS}
    for id_, group in images.items():
        both.image(ctx, f"image-{len(id_)}-{IDS.index(id_)}", id=id_, resource_group_id=group)
    both.image(other, "theirs", id="r006-theirs", resource_group_id="default")
    compared = allowed = 0
    for _ in range(SETS):
        policies = [_policy(dice, ctx.account_id) for _ in range(dice.choice((0, 1, 1, 2, 3)))]
        holder = _holding(ctx, policies)
        verb = dice.choice(VERBS)
        seen = {image.id for image in both.read(holder, some, IMAGE)}
        for id_, group in images.items():
            facts = {"imageId": id_, "resourceGroupId": group}
            expected = naive(policies, ctx.account_id, verb, facts)
            assert holder.grants.reach(f"is.image.image.{verb}").covers(facts) == expected, (policies, verb, facts)
            assert (id_ in seen) == naive(policies, ctx.account_id, "read", facts), (policies, facts)
            compared, allowed = compared + 1, allowed + expected
        assert "r006-theirs" not in seen
    assert compared == SETS * RESOURCES >= 10_000
    assert 0.1 < allowed / compared < 0.9, "cases that all end alike show nothing"


def test_nobody_who_holds_less_is_said_to_hold_more() -> None:
    """`holds` may say no too often, and never yes wrongly: what it allows to be granted reaches nothing new."""
    dice, said = random.Random(21), 0
    for _ in range(4_000):
        mine = [_policy(dice, "mine") for _ in range(dice.choice((1, 2, 3)))]
        wanted = _policy(dice, "mine")
        holder = Grants("mine", [as_grant(one["roles"], one["resource"], [], CUSTOM_ACTIONS) for one in mine])
        if not holder.holds(as_grant(wanted["roles"], wanted["resource"], [], CUSTOM_ACTIONS)):
            continue
        said += 1
        for id_ in IDS:
            facts = {"imageId": id_, "resourceGroupId": dice.choice(GROUPS)}
            for verb in VERBS:
                gained = naive([wanted], "mine", verb, facts) and not naive(mine, "mine", verb, facts)
                assert not gained, (mine, wanted, verb, facts)
    assert said > 100
