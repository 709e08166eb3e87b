"""`account user-invite` and `account user-remove`: what was given to whom, as the server shows it."""

from __future__ import annotations

import json

from unit.ibmcloud.world import World

LOGIN = "invited@example.com"


def _users(house: World) -> dict[str, str]:
    """The states of the account's users, by what they sign in as."""
    return {one["user_id"]: one["state"] for one in json.loads(house.run("account", "users", "--output", "json").out)}


def test_a_user_is_invited_into_access_groups_and_removed(house: World) -> None:
    for name in ("first-group", "second-group"):
        assert house.run("iam", "access-group-create", name).code == 0
    said = house.run("account", "user-invite", LOGIN, "--access-groups", "first-group,second-group")
    assert (said.code, LOGIN in said.out, "PENDING" in said.out) == (0, True, True), said
    assert _users(house)[LOGIN] == "PENDING"
    listed = house.run("iam", "access-groups", "-u", LOGIN, "--output", "json")
    assert sorted(one["name"] for one in json.loads(listed.out)) == ["first-group", "second-group"]
    again = house.run("account", "user-invite", LOGIN)
    assert (again.code, "is a user of the account already" in again.err) == (1, True), again
    assert house.run("account", "user-remove", LOGIN, "-f").code == 0
    assert LOGIN not in _users(house)


def test_an_unknown_access_group_invites_nobody(house: World) -> None:
    said = house.run("account", "user-invite", LOGIN, "--access-groups", "none-such")
    assert (said.code, "none-such" in said.err) == (1, True), said
    assert LOGIN not in _users(house)
