"""`iam access-group-users` and its twins for service IDs and trusted profiles (reference of `ibmcloud iam`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.commands.iam_lookups import GROUPS, group, user_id
from kunsthalle.ibmcloud.commands.service_id_commands import service_ids
from kunsthalle.ibmcloud.commands.trusted_profile_commands import profile
from kunsthalle.ibmcloud.grammar import FORCE, Command
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run, named
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.local.list_parameters import narrowed

_REFUSED = 400


class Kind(NamedTuple):
    """Members of one type: `flag` is that of `access-groups`, `type` the API's word, `takes` the positional."""

    flag: str
    type: str
    words: str
    noun: str
    takes: str
    columns: tuple[Field, ...]
    id_of: Callable[[Run, str], str]

    @property
    def nouns(self) -> str:
        return f"{self.noun}s"


_NAMED: tuple[Field, ...] = (("Name", "name"), ("IAM ID", "iam_id"))
KINDS = (
    Kind(
        "u",
        "user",
        "user",
        "user",
        "USER",
        (("User Name", "email"), ("Name", "name"), ("IAM ID", "iam_id")),
        user_id,
    ),
    Kind(
        "s",
        "service",
        "service-id",
        "service ID",
        "SERVICE_ID",
        _NAMED,
        lambda run, ref: str(named(service_ids(run), ref, "service ID", "name", "iam_id")["iam_id"]),
    ),
    Kind(
        "p",
        "profile",
        "trusted-profile",
        "trusted profile",
        "PROFILE",
        _NAMED,
        lambda run, ref: str(profile(run, ref)["iam_id"]),
    ),
)


def _members(run: Run) -> str:
    return path_of(f"{GROUPS}/{{}}/members", group(run, run.given["GROUP"])["id"])


def _list(run: Run, kind: Kind) -> None:
    run.core_progress(f"Getting {kind.nouns} of access group {run.given['GROUP']}", by_id=True)
    entries = list(
        run.api.listed(_members(run), "members", narrowed(f"{GROUPS}/{{}}/members", verbose="true", type=kind.type))
    )
    run.terminal.ok()
    run.table(entries, kind.columns, f"No {kind.nouns} were found.")


def _add(run: Run, kind: Kind) -> None:
    path, name = _members(run), run.given["GROUP"]
    members = [{"iam_id": kind.id_of(run, ref), "type": kind.type} for ref in run.given[kind.takes]]
    run.core_progress(f"Adding {kind.nouns} to access group {name}", by_id=True)
    answer = run.api.call("PUT", path, {"members": members}).body
    _refuse(answer["members"])
    run.done(f"The {kind.nouns} are in access group {name}.", answer)


def _remove(run: Run, kind: Kind) -> None:
    path, name = _members(run), run.given["GROUP"]
    members = [kind.id_of(run, ref) for ref in run.given[kind.takes]]
    if not run.confirmed(f"Really remove the {kind.nouns} from access group {name}?"):
        return
    run.core_progress(f"Removing {kind.nouns} from access group {name}", by_id=True)
    answer = run.api.post(f"{path}/delete", {"members": members})
    _refuse(answer["members"])
    run.done(f"The {kind.nouns} are no longer in access group {name}.", answer)


def _purge(run: Run, kind: Kind) -> None:
    ref = run.given[kind.takes]
    path = path_of(f"{GROUPS}/_allgroups/members/{{}}", kind.id_of(run, ref))
    if not run.confirmed(f"Really remove {kind.noun} {ref} from all access groups?"):
        return
    run.core_progress(f"Removing {kind.noun} {ref} from all access groups", by_id=True)
    answer = run.api.call("DELETE", path, None, {"account_id": run.session.account}).body
    _refuse(answer["groups"])
    run.done(f"The {kind.noun} {ref} is in no access group.", answer)


def _refuse(outcomes: list[Any]) -> None:
    """Failed where one of many was refused: the answer to all of them is a success, and each has its own outcome."""
    failed = [outcome for outcome in outcomes if outcome.get("status_code", 0) >= _REFUSED]
    if failed:
        raise Failed("\n".join(_sentence(outcome) for outcome in failed))


def _sentence(outcome: Any) -> str:
    error = (outcome.get("errors") or [{}])[0]
    which = outcome.get("access_group_id") or outcome.get("iam_id")
    text = f"{which}: Status code: {outcome['status_code']}; error code: {error.get('code', '')};"
    return f"{text} message: {error.get('message', '')}"


def _commands(kind: Kind) -> tuple[Command, ...]:
    words = f"iam access-group-{kind.words}"
    takes, many = kind.takes, f"GROUP {kind.takes}..."

    def run(function: Callable[[Run, Kind], None]) -> Callable[[Run], None]:
        return lambda work: function(work, kind)

    return (
        Command(f"{words}s", f"List the {kind.nouns} of an access group.", run(_list), "GROUP"),
        Command(f"{words}-add", f"Add {kind.nouns} to an access group.", run(_add), many),
        Command(f"{words}-remove", f"Remove {kind.nouns} from an access group.", run(_remove), many, (FORCE,)),
        Command(f"{words}-purge", f"Remove a {kind.noun} from all access groups.", run(_purge), takes, (FORCE,)),
    )


COMMANDS = tuple(command for kind in KINDS for command in _commands(kind))
