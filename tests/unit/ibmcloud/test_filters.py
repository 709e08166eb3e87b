"""A flag that narrows a list names a parameter of the server's list, and takes its type and choices from there."""

from __future__ import annotations

from typing import Any

import pytest

from kunsthalle.ibmcloud.commands.vpc_resources import IMAGE, VPC
from kunsthalle.ibmcloud.grammar import Given
from kunsthalle.ibmcloud.resource_commands import Filter, filter_flags, lists
from kunsthalle.local.list_parameters import narrowed

GROUP = "instance_group_membership.instance_group"


class Said:
    """What a command line said, as far as a filter asks."""

    def __init__(self, **flags: Any) -> None:
        self.given = Given({}, flags)


def asked(one: Filter, **flags: Any) -> dict[str, str]:
    return one.asked(Said(**flags))  # type: ignore[arg-type]  # the given flags are all that it reads


def test_choices_and_types_are_those_of_the_server() -> None:
    visibility = Filter("visibility", "visibility", or_all=True).as_flag("/v1/images")
    assert visibility.choices == ("all", "private", "public")
    assert visibility.help.startswith("Only images of this visibility")
    assert Filter("status", "status", "LIST").as_flag("/v1/images").kind == "list"
    assert Filter("classic-access", "classic_access").as_flag("/v1/vpcs").kind == "bool"
    assert Filter("zone", "zone.name", "ZONE", "Name.").as_flag("/v1/volumes")[1:4] == ("ZONE", "Name.", ())


def test_filters_of_other_lists_take_their_names_from_the_server_too() -> None:
    (switch,) = filter_flags("/v2/resource_groups", (Filter("default", "default", switch=True, also=("d",)),))
    assert (switch.value, switch.also, switch.help) == (
        "",
        ("d",),
        "Only the default resource group, or only the others.",
    )
    (choice,) = filter_flags("/v1/policies", (Filter("type", "type", choices=("access", "auth")),))
    assert choice.choices == ("access", "auth")
    with pytest.raises(LookupError, match="The list at /v2/groups has no parameter user; it has account_id, iam_id"):
        filter_flags("/v2/groups", (Filter("u", "user"),))


@pytest.mark.parametrize(
    ("one", "flags", "query"),
    [
        (Filter("status", "status", or_all=True, otherwise="available"), {}, {"status": "available"}),
        (Filter("status", "status", or_all=True, otherwise="available"), {"status": []}, {"status": "available"}),
        (Filter("status", "status", or_all=True), {"status": ["pending", "failed"]}, {"status": "pending,failed"}),
        (Filter("status", "status", or_all=True), {"status": ["all"]}, {}),
        (Filter("c", "classic_access"), {"c": True}, {"classic_access": "true"}),
        (Filter("c", "classic_access"), {"c": False}, {"classic_access": "false"}),
        (Filter("r", "remote.account.id", words={"user": "null"}), {"r": "user"}, {"remote.account.id": "null"}),
        (Filter("r", "remote.account.id", words={"user": "null"}), {"r": "abc"}, {"remote.account.id": "abc"}),
        (Filter("ig", f"{GROUP}.id", by_crn=f"{GROUP}.crn"), {"ig": "crn:v1:x"}, {f"{GROUP}.crn": "crn:v1:x"}),
        (Filter("ig", f"{GROUP}.id", by_crn=f"{GROUP}.crn"), {"ig": "r006-1"}, {f"{GROUP}.id": "r006-1"}),
        (Filter("vpc", "vpc.id", of=VPC), {"vpc": "crn:v1:a:b:c:d:e::vpc:r006-1"}, {"vpc.id": "r006-1"}),
        (Filter("zone", "zone.name"), {}, {}),
        (Filter("default", "default", switch=True), {"default": True}, {"default": "true"}),
        (
            Filter("type", "type", choices=("auth",), words={"auth": "authorization"}),
            {"type": "auth"},
            {"type": "authorization"},
        ),
        (Filter("g", "group", by=lambda _run, text: f"id of {text}"), {"g": "Default"}, {"group": "id of Default"}),
    ],
)
def test_what_a_filter_asks_of_the_list(one: Filter, flags: dict[str, Any], query: dict[str, str]) -> None:
    assert asked(one, **flags) == query


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (Filter("state", "state", "STATE"), "The list at /v1/images has no parameter state; it has name, "),
        (Filter("name", "name", "NAME", by_crn="crn"), "The list at /v1/images has no parameter crn"),
    ],
)
def test_a_filter_that_the_server_does_not_know_is_no_command(one: Filter, message: str) -> None:
    with pytest.raises(LookupError, match=message):
        lists(IMAGE, "images", one)


def test_a_list_that_the_server_does_not_have_is_no_command() -> None:
    with pytest.raises(LookupError, match="No list is at /v1/pictures"):
        lists(IMAGE._replace(path="/v1/pictures"), "pictures", Filter("name", "name", "NAME"))


def test_what_a_command_works_out_is_asked_by_names_that_the_list_has() -> None:
    assert narrowed("/v1/accounts", parent="crn:v1:x") == {"parent": "crn:v1:x"}
    with pytest.raises(LookupError, match="The list at /v1/accounts has no parameter parent_account_group_id; it has "):
        narrowed("/v1/accounts", parent_account_group_id="x")
    (catalog,) = filter_flags("/api/v1-beta/offerings", (Filter("catalog", "catalog", "NAME_OR_ID", also=("c",)),))
    assert (catalog.value, catalog.also, catalog.help) == (
        "NAME_OR_ID",
        ("c",),
        "Only offerings of the catalog with this ID.",
    )
