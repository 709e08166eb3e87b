"""Random policies against an evaluator that anybody can read: both ways of deciding agree with it.

A run takes a share of the cases, and `./dev nightly policies` more than 10,000.
"""

from __future__ import annotations

import dataclasses
import random
import re
from typing import Any

from fixtures.walks import Reached, share
from fixtures.worlds import World
from kunsthalle.authz.context import Context
from kunsthalle.authz.permissions import Grant, Grants
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import may, some
from kunsthalle.iam.models import as_grant
from kunsthalle.images.models import Image
from kunsthalle.images.resources import IMAGE
from kunsthalle.search import tagging

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
TAGS = ["env:prod", "env:dev", "team:red"]
SETS, RESOURCES = share(120, 2_000), len(IDS)


def naive(policies: list[dict[str, Any]], account: str, verb: str, resource: dict[str, str], tags: list[str]) -> bool:
    """Whether somebody with these policies may do `is.image.image.<verb>` on an image."""
    facts = {"accountId": account, "serviceName": "is", "serviceType": "service", "resourceType": "image", **resource}

    def meets(key: str, operator: str, value: str) -> bool:
        known = (
            [facts[key]] if key in facts else [tag.split(":")[1] for tag in tags if f"tag:{tag}".startswith(f"{key}:")]
        )
        if operator == "stringEquals":
            return value in known
        if operator == "stringExists":
            return known != []
        pattern = "".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in value)
        return any(re.fullmatch(pattern, one, re.DOTALL) for one in known)

    for policy in policies:
        carried = any(verb in CARRIES[role] for role in policy["roles"])
        asked = [*policy["resource"], *({**one, "key": f"tag:{one['key']}".lower()} for one in policy["tags"])]
        if carried and all(meets(one["key"], one["operator"], one["value"]) for one in asked):
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
    tagged = dice.sample(["env", "Env", "team", "missing", "e*"], dice.choice((0, 0, 0, 1, 1, 2)))
    return {
        "roles": roles,
        "resource": [_condition(dice, key, known[key]) for key in keys],
        "tags": [_condition(dice, key, ["prod", "dev", "red"]) for key in tagged],
    }


def _grant(policy: dict[str, Any]) -> Grant:
    return as_grant(policy["roles"], policy["resource"], policy["tags"], CUSTOM_ACTIONS)


def _holding(ctx: Context, policies: list[dict[str, Any]]) -> Context:
    return dataclasses.replace(ctx, grants=Grants(ctx.account_id, map(_grant, policies)))


def _tag(session: Session, tags: dict[str, list[str]]) -> None:
    tagging.create(session, TAGS)
    for image in some(session, IMAGE):
        change = tagging.attaching(session, "access", tags[image.id], replace=False, renew=False)
        assert all(one.message is None for one in tagging.apply(session, change, [image.crn]))


def test_both_ways_of_deciding_agree_with_the_naive_one(both: World, walk_seed: int) -> None:
    dice, ctx = random.Random(walk_seed), both.account()
    other = both.account("other")
    images = {id_: dice.choice(GROUPS) for id_ in IDS}
    tags = {id_: dice.sample(TAGS, dice.choice((0, 0, 1, 1, 2, 3))) for id_ in IDS}
    for id_, group in images.items():
        both.image(ctx, f"image-{len(id_)}-{IDS.index(id_)}", id=id_, resource_group_id=group)
    both.image(other, "theirs", id="r006-theirs", resource_group_id="default")
    both.write(ctx, _tag, tags)
    both.write(other, _tag, {"r006-theirs": TAGS})
    images_of_account = both.read(ctx, some, IMAGE)
    reached = Reached(("allowed", "allowed by a tag alone", "seen", "not seen", *(f"refused {verb}" for verb in VERBS)))
    for _ in range(SETS):
        policies = [_policy(dice, ctx.account_id) for _ in range(dice.choice((0, 1, 1, 2, 3)))]
        holder = _holding(ctx, policies)
        verb = dice.choice(VERBS)
        seen, done = both.read(holder, _decided, images_of_account, f"is.image.image.{verb}")
        for id_, group in images.items():
            facts = {"imageId": id_, "resourceGroupId": group}
            expected = naive(policies, ctx.account_id, verb, facts, tags[id_])
            assert (id_ in done) == expected, (policies, verb, facts, tags[id_])
            assert (id_ in seen) == naive(policies, ctx.account_id, "read", facts, tags[id_]), (policies, facts)
            reached.add("allowed" if expected else f"refused {verb}", "seen" if id_ in seen else "not seen")
            if expected and not naive(policies, ctx.account_id, verb, facts, []):
                reached.add("allowed by a tag alone")
        assert "r006-theirs" not in seen
    assert 0.05 < reached["allowed"] / (SETS * RESOURCES) < 0.95, "cases that all end alike show nothing"
    reached.require_all()


def _decided(session: Session, images: list[Image], action: str) -> tuple[set[str], set[str]]:
    """What is seen, and of what is there what the action may be done on."""
    return {one.id for one in some(session, IMAGE)}, {one.id for one in images if may(session, IMAGE, one, action)}


def test_nobody_who_holds_less_is_said_to_hold_more(walk_seed: int) -> None:
    """`holds` may say no too often, and never yes wrongly: what it allows to be granted reaches nothing new."""
    dice, said = random.Random(walk_seed), 0
    for _ in range(share(1_000, 20_000)):
        mine = [_policy(dice, "mine") for _ in range(dice.choice((1, 2, 3)))]
        wanted = _policy(dice, "mine")
        if not Grants("mine", map(_grant, mine)).covers_grant(_grant(wanted)):
            continue
        said += 1
        for id_ in IDS:
            facts, tags = {"imageId": id_, "resourceGroupId": dice.choice(GROUPS)}, dice.sample(TAGS, 2)
            for verb in VERBS:
                gained = naive([wanted], "mine", verb, facts, tags) and not naive(mine, "mine", verb, facts, tags)
                assert not gained, (mine, wanted, verb, facts, tags)
    assert said, "some grants are covered"
