"""The page of the audit's events: what calls, jobs and sign-ins put there, read from the routes and the tables."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import runpy
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import kunsthalle
from kunsthalle.api.router import Route
from kunsthalle.app import build
from kunsthalle.db.visibility import ResourceType
from kunsthalle.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "kunsthalle"
_ROLES = runpy.run_path(str(ROOT / "tools" / "roles.py"))

OTHERS = {
    "accounts/routes_users.py": (
        (
            "user-management.invitation.accept",
            "202",
            "Somebody accepted an invitation; in the account that was entered.",
        ),
    ),
    "catalogs/versions/version_steps.py": (
        (
            "globalcatalog-collection.offering.update",
            "202",
            "A period of deprecation ended, and the version is archived; the target is `/archive` of the version.",
        ),
    ),
    "iam/federated_sign_ins.py": (
        ("user-management.user.create", "201", "A provider's first sign-in made somebody a member."),
        (
            "iam-identity.user-federated.login",
            "200 or 403",
            "A sign-in at the console with a provider; 403 of somebody disabled.",
        ),
    ),
    "iam/sign_in_audit.py": (
        ("iam-identity.user-apikey.login", "200, 400 or 403", "A token for the API key of a user."),
        ("iam-identity.user-passcode.login", "200, 400 or 403", "A token for a one-time passcode."),
        ("iam-identity.user-refreshtoken.login", "200, 400 or 403", "A token for a refresh token of a user."),
        ("iam-identity.serviceid-apikey.login", "200, 400 or 403", "A token for the API key of a service ID."),
        (
            "iam-identity.serviceid-refreshtoken.login",
            "200, 400 or 403",
            "A token for a refresh token of a service ID.",
        ),
        ("iam-identity.trustedprofile-apikey.login", "200, 400 or 403", "A token of a trusted profile, by an API key."),
        (
            "iam-identity.trustedprofile-federated.login",
            "200, 400 or 403",
            "A token of a trusted profile, by a provider.",
        ),
    ),
    "operator/master_key_rotation.py": (
        ("kunsthalle.master-key.rotate", "200", "A new master key encrypts the secrets in the database from now on."),
    ),
    "iam/signing_keys.py": (("kunsthalle.signing-keys.rotate", "200", "The key that signs tokens was replaced."),),
    "instances/consoles/grants.py": (
        (
            "is.instance.instance.console-open",
            "101",
            "A console was opened with the token that somebody had asked for.",
        ),
    ),
    "jobs/audit_retention.py": (
        ("kunsthalle.audit.expire", "200", "Entries older than `audit_days` were deleted; the target says how many."),
    ),
    "operator/routes_hosts.py": (
        (
            "kunsthalle.host.back",
            "200, 404, 409 or 503",
            "The operator said that a lost host may have instances again.",
        ),
        ("kunsthalle.host.lost", "200, 404, 409 or 503", "The operator said that nothing runs on a silent host."),
        ("kunsthalle.host.power", "200, 404, 409 or 503", "The operator switched a simulated host off or on."),
    ),
    "operator/accounts.py": (
        ("kunsthalle.account.create", "201", "The operator made an account."),
        ("kunsthalle.api-key.create", "201", "The operator made an API key of a person."),
        ("kunsthalle.api-key.delete", "200", "The operator revoked an API key."),
    ),
}
"""By the file that records them: actions beside those of calls and of states, with outcome and words."""


def recording_files() -> set[str]:
    """The files, within the package, that put entries into the audit by themselves."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        text = path.read_text()
        if "audit.record" not in text:  # most: to parse all of the product takes seconds
            continue
        calls = (node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
        if any(ast.unparse(function) == "audit.record" for function in calls):
            found.add(path.relative_to(SOURCE).as_posix())
    return found - {"api/pipeline.py"}  # which records the calls


def job_kinds() -> list[str]:
    """The kinds of all jobs."""
    with tempfile.TemporaryDirectory() as folder:
        server = build(Settings(data=Path(folder), hypervisor="simulated"), "")
        try:
            return server.worker.kinds()
        finally:
            server.store.close()


def resource_types() -> list[ResourceType[Any]]:
    """Every resource type that has states."""
    found: dict[int, ResourceType[Any]] = {}
    for module in pkgutil.walk_packages(kunsthalle.__path__, "kunsthalle."):
        if module.name.rsplit(".", 1)[1] == "resources":
            values = vars(importlib.import_module(module.name)).values()
            found |= {
                id(value): value for value in values if isinstance(value, ResourceType) and value.states is not None
            }
    return sorted(found.values(), key=lambda kind: kind.read)


def _calls() -> dict[str, dict[str, list[Route]]]:
    """The routes that change something, by service and action."""
    found: dict[str, dict[str, list[Route]]] = defaultdict(lambda: defaultdict(list))
    for route in _ROLES["routes"]():
        action = route.access.action
        if route.writes and route.access.authenticated and not action.endswith(_ROLES["NOT_IMPLEMENTED"]):
            found[action.split(".", 1)[0]][action].append(route)
    return found


def _service(name: str, actions: dict[str, list[Route]]) -> str:
    rows = [
        f"| `{action}` | {', '.join(sorted({str(route.status) for route in routes}))} | "
        + "<br>".join(dict.fromkeys(f"{route.summary} (`{route.method} {route.path}`)" for route in routes))
        + " |"
        for action, routes in sorted(actions.items())
    ]
    title = _ROLES["SERVICES"].get(name, name)
    return f"### {title} (`{name}`)\n\n| Action | Outcome | Call |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n"


def _states() -> str:
    """A row for each resource type; the same type of several tables is one."""
    reached: dict[tuple[str, str], set[str]] = defaultdict(set)
    for kind in resource_types():
        moves = kind.states.moves if kind.states is not None else {}
        states = {state.lower() for targets in moves.values() for state in targets}
        reached[kind.name, kind.read.rsplit(".", 1)[0]] |= states
    return "\n".join(
        f"| {name} | `{resource}.…` | {', '.join(f'`{state}`' for state in sorted(states))} |"
        for (name, resource), states in sorted(reached.items(), key=lambda row: row[0][::-1])
    )


def page() -> str:
    """The whole page. KeyError for a file that records actions which `OTHERS` does not know."""
    calls = _calls()
    services = [name for name in _ROLES["SERVICES"] if name in calls] + sorted(set(calls) - set(_ROLES["SERVICES"]))
    others = sorted(row for name in recording_files() for row in OTHERS[name])
    return f"""# Events of the audit

You will find every action that an entry of the audit can have, and what its outcome means. [Send the audit to
others](../../how-to/audit.md) shows how entries are read and sent, and what the fields of an event are.

An entry is made when a call has changed something, when a call that would have changed something was refused, and
when any call was refused with 403. Its outcome is the HTTP status; a refusal also has the code of the
[error](error-codes.md). Reads that were answered, and reads of what the caller cannot see, are in no entry. A call
that is refused with 401 is in no entry, except a sign-in with a key that exists.

## Calls

The outcome is that of a call that was done.

{chr(10).join(_service(name, calls[name]) for name in services)}
## Steps of jobs

What a job does after its call was answered is an entry of its own, by `kunsthalle` on behalf of whoever asked. The
action is that of the resource with the new state behind it, such as `is.image.image.available`. The outcome is 200;
it is 422 for the states `failed` and `invalid`, with the reason as its code. What a job makes or removes by itself
has `create` or `delete`.

| Resource | Action | States |
| --- | --- | --- |
{_states()}

A job that failed for good is the action `kunsthalle.job.KIND` with the outcome 500 and the code `job_failed`. The
kinds are
{", ".join(f"`{kind}`" for kind in job_kinds())}.

## Sign-ins, and what the server does by itself

| Action | Outcome | What happened |
| --- | --- | --- |
{chr(10).join(f"| `{action}` | {outcome} | {words} |" for action, outcome, words in others)}
"""
