"""`iam access-policies` and `account-policies`: every policy of the account (reference of `ibmcloud iam`)."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.commands.authorization_commands import BLOCK as AUTHORIZATION
from kunsthalle.ibmcloud.commands.iam_lookups import POLICIES, VERSION, attribute, listed
from kunsthalle.ibmcloud.commands.policy_commands import BLOCK, show_all
from kunsthalle.ibmcloud.grammar import Command, flag
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.ibmcloud.resource_commands import Filter

_TYPES = ("user", "service_id", "access_group", "trusted_profile")
_SORT = Filter("sort-by", "sort")
_TYPE = Filter(
    "type",
    "type",
    text="Only policies of this type.",
    choices=("access", "auth"),
    words={"auth": "authorization"},
    also=("t",),
)


def _subject(policy: Any) -> str:
    """Whom an access policy is for, whichever shape it has."""
    if "subject" in policy:
        return str(policy["subject"]["attributes"][0]["value"])
    subjects = policy.get("subjects")
    return attribute(subjects, "access_group_id") or attribute(subjects, "iam_id") or ""


def _type(policy: Any) -> str:
    """What kind of identity an access policy is for, in the words of the option."""
    subject = _subject(policy)
    for start, kind in (("AccessGroupId-", "access_group"), ("iam-ServiceId-", "service_id")):
        if subject.startswith(start):
            return kind
    return "trusted_profile" if subject.startswith("iam-Profile-") else "user"


_ACCESS: tuple[Field, ...] = (BLOCK[0], ("Type:", _type), ("Subject:", _subject), *BLOCK[1:])


def _fields(policy: Any) -> tuple[Field, ...]:
    return AUTHORIZATION if policy["type"] == "authorization" else _ACCESS


def _access(run: Run) -> None:
    target = run.given.get("type")
    run.core_progress("Getting access policies", by_id=True)
    entries = listed(run, type="access", **_SORT.asked(run))
    show_all(run, [entry for entry in entries if target in {None, _type(entry)}], _fields)


def _all(run: Run) -> None:
    run.core_progress("Getting account policies", by_id=True)
    show_all(run, listed(run, **_TYPE.asked(run)), _fields)


COMMANDS = (
    Command(
        "iam access-policies",
        "List the access policies of the account.",
        _access,
        flags=(
            flag("type", text="Only policies for this type of identity.", choices=_TYPES, also=("t",)),
            _SORT.as_flag(POLICIES),
            VERSION,
        ),
    ),
    Command(
        "iam account-policies",
        "List the access and authorization policies of the account.",
        _all,
        flags=(_TYPE.as_flag(POLICIES), VERSION),
    ),
)
