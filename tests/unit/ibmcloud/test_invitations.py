"""`account user-invite` and `account user-remove`: what was given to whom, as the server shows it."""

from __future__ import annotations

import json

from unit.ibmcloud.command_shell import Shell

LOGIN = "invited@example.com"


def _users(shell: Shell) -> dict[str, str]:
    """The states of the account's users, by what they sign in as."""
    return {one["user_id"]: one["state"] for one in json.loads(shell.run("account", "users", "--output", "json").out)}


def test_a_user_is_invited_into_access_groups_and_removed(shell: Shell) -> None:
    for name in ("first-group", "second-group"):
        assert shell.run("iam", "access-group-create", name).code == 0
    said = shell.run("account", "user-invite", LOGIN, "--access-groups", "first-group,second-group")
    assert (said.code, LOGIN in said.out, "PENDING" in said.out) == (0, True, True), said
    assert _users(shell)[LOGIN] == "PENDING"
    listed = shell.run("iam", "access-groups", "-u", LOGIN, "--output", "json")
    assert sorted(one["name"] for one in json.loads(listed.out)) == ["first-group", "second-group"]
    again = shell.run("account", "user-invite", LOGIN)
    assert (again.code, "is a user of the account already" in again.err) == (1, True), again
    assert shell.run("account", "user-remove", LOGIN, "-f").code == 0
    assert LOGIN not in _users(shell)


def test_an_unknown_access_group_invites_nobody(shell: Shell) -> None:
    said = shell.run("account", "user-invite", LOGIN, "--access-groups", "none-such")
    assert (said.code, "none-such" in said.err) == (1, True), said
    assert LOGIN not in _users(shell)
