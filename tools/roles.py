"""Writes docs/roles.md: which role may do what, for every action that a route or a rule within one asks for."""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from kunsthalle.api.access import Access
from kunsthalle.api.router import Route
from kunsthalle.app import build
from kunsthalle.authz.roles import DESCRIPTIONS, PLATFORM_ROLES, ROLES, SERVICE_TYPES, least, permits, specific_to
from kunsthalle.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "kunsthalle"
NOTE = "<!-- Written by `./dev docs`; a test compares it with the code. -->"
SERVICES = {
    "is": "VPC Infrastructure: images, servers, volumes, networks",
    "globalcatalog-collection": "Catalog Management: private catalogs, offerings, sharing",
    "cloud-object-storage": "Object storage: its instances, and what buckets belong to them",
    "enterprise": "Enterprise: accounts and account groups",
    "iam-access-management": "Policies and roles",
    "iam-groups": "Access groups",
    "iam-identity": "API keys, service IDs, trusted profiles",
    "resource-controller": "Resource groups and reclamations",
    "user-management": "Users",
    "global-search-tagging": "Tags and search",
}
NOT_IMPLEMENTED = ".not-implemented"
INTRODUCTION = """# Who may do what

You will find which role may do what.

A **policy** gives a **role** to an identity on a scope: a whole account, a service, a resource group, or a single
resource. Every call of the API needs one **action**. The call is allowed if a policy gives the caller a role with that
action on the resource. Roles add up: no policy takes a role away, and no role applies in another account.

A resource that a caller may not read does not exist for them: the answer is "not found". A change of a resource that
they may only read is answered with "not authorized". Lists show what the caller may read.

"""
CLOSING = """
Users read, change and delete their own API keys; those of others need Administrator. Creating an own API key needs no
role unless the account restricts it; creating a service ID needs a role unless the account lifts that restriction.

## Creating resources in resource groups

Every new resource goes to a resource group: the one that the request names, or the account's default one. The caller
needs two policies: one that lets them create such resources, mostly Editor on the service, and one that gives them
**Viewer on the resource group**. Resource groups belong to no service that a policy could name; a policy names them by
the type of the resource:

| The policy names | The caller may create resources |
|---|---|
| `resourceType=resource-group` | in every group of the account |
| `resourceType=resource-group`, `resource=<id of a group>` | in that group |
| `serviceType=platform_service` | in every group: it is a role on all of account management |
| `resourceGroupId=<id of a group>`, with or without a service | in none: it is a role on what is in the group |

With the `ibmcloud` command: `ibmcloud iam user-policy-create NAME --roles Viewer --resource-type resource-group`, and
`--resource ID` for one of them. A named group that the caller may not read is answered as one that does not exist,
with 400. If the request names none and the caller may not read the default group, the answer is 403 and names it.
To read, change or delete the resources of a group needs no role on the group
([why](decisions/0016-placing-in-resource-groups.md)).

## Granting access to others

Callers cannot grant a permission that they do not hold. This is checked when they create or change a policy or a role,
add a member to an access group, let an identity use a trusted profile, or create a key for another identity.
"""


def _checked(route: Route) -> bool:
    """Whether the rule of a route asks for a role: the plain rule only names the action."""
    return type(route.access) is not Access


def routes() -> list[Route]:
    """Every route of the product, the operator's apart."""
    with tempfile.TemporaryDirectory() as folder:
        server = build(Settings(data=Path(folder), hypervisor="simulated"), "")
        try:
            return [one for one in server.pipeline.router if not one.access.operator]
        finally:
            server.store.close()


def asked_within(plain: set[str]) -> set[str]:
    """Actions that rules within a call ask for: written out in the source, beside the route that names them."""
    services = "|".join(map(re.escape, SERVICE_TYPES))
    pattern = re.compile(rf'"((?:{services})(?:\.[A-Za-z\-]+){{2,3}})"')
    texts = (path.read_text() for path in SOURCE.rglob("*.py") if path.name != "roles.py")
    counted = Counter(found for text in texts for found in pattern.findall(text))
    return {
        action
        for action, times in counted.items()
        if times > (action in plain) and not action.endswith(NOT_IMPLEMENTED)
    }


def summaries() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """What is done under each action, in the words of the routes: with a role, and by every member of an account."""
    checked: dict[str, list[str]] = defaultdict(list)
    plain: dict[str, list[str]] = defaultdict(list)
    for route in routes():
        if _checked(route):
            checked[route.access.action].append(route.summary)
        elif route.access.authenticated:
            plain[route.access.action].append(route.summary)
    for action in asked_within(set(plain)) - set(checked):
        checked[action] = plain.get(action, [])
    return checked, {action: words for action, words in plain.items() if action not in checked}


def _row(action: str, words: list[str], extra: tuple[str, ...]) -> str:
    marks = ["yes" if permits(role, action) else "" for role in (*PLATFORM_ROLES, *extra)]
    said = "<br>".join(dict.fromkeys(words)) or "*(asked while something else is done)*"
    return f"| {said} | `{action}` | {' | '.join(marks)} |"


def _service(name: str, actions: dict[str, list[str]]) -> str:
    extra = specific_to(name)
    names = [ROLES[role] for role in (*PLATFORM_ROLES, *extra)]
    head = f"| To do this | action | {' | '.join(names)} |\n|{'---|' * (len(names) + 2)}"
    order = sorted(actions, key=lambda action: (PLATFORM_ROLES.index(least(action)), action))
    rows = "\n".join(_row(action, actions[action], extra) for action in order)
    return f"## {SERVICES.get(name, name)} (`{name}`)\n\n{head}\n{rows}\n"


def page() -> str:
    """The whole page."""
    checked, free = summaries()
    services: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for action, words in checked.items():
        services[action.split(".", 1)[0]][action] = words
    known = [name for name in SERVICES if name in services] + sorted(set(services) - set(SERVICES))
    roles = "\n".join(f"- **{ROLES[role]}**: {text}" for role, text in DESCRIPTIONS.items())
    tables = "\n".join(_service(name, services[name]) for name in known)
    members = "\n".join(f"- {' '.join(dict.fromkeys(words))} (`{action}`)" for action, words in sorted(free.items()))
    alone = (
        f"## Without a role\n\nEvery member of an account (lists show what their roles let them read):\n\n{members}\n"
    )
    return f"{NOTE}\n\n{INTRODUCTION}{roles}\n\n{tables}\n{alone}{CLOSING}"


def main() -> int:
    (ROOT / "docs" / "roles.md").write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
