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
from kunsthalle.config import Settings

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "kunsthalle"
NOTE = "<!-- Written by `./dev docs`; a test compares it with the code. -->"
SERVICES = {
    "is": "VPC Infrastructure: images, servers, volumes, networks",
    "globalcatalog-collection": "Catalog Management: private catalogs, products, sharing",
    "cloud-object-storage": "Object storage: its instances, and what buckets belong to them",
    "enterprise": "Enterprise: accounts and account groups",
    "iam-access-management": "Policies and roles",
    "iam-groups": "Access groups",
    "iam-identity": "API keys, service IDs, trusted profiles",
    "resource-controller": "Resource groups and reclamations",
    "user-management": "Users",
    "global-search-tagging": "Tags and search",
}
UNSERVED = ".unserved"
INTRODUCTION = """# Who may do what

A **role** is given to somebody by a **policy**, on what the policy names: a whole account, a service, a resource
group, or a single thing. Every call of the API asks for one **action**; it is done if a policy gives the caller a role
that carries the action, on the thing that is meant. Roles add up, nothing takes away, and no role reaches into another
account.

What somebody may not even look at does not exist for him: the answer is "not found". What he may look at and not
change is answered with "not authorized". Lists show what may be looked at.

"""
CLOSING = """
Everybody sees, changes and deletes his own API keys; those of others are the Administrator's. Creating API keys of
one's own needs no role unless the account restricts it; creating service IDs needs one unless the account frees it.

## Placing things in resource groups

Everything that is made goes to a resource group: the one that the request names, or the account's default one. Whoever
places something needs two policies: one that lets him make such things, mostly Editor on the service, and one that
gives him **Viewer on the resource group**. Groups are of no service that a policy could name; they are meant by the
type of the resource:

| The policy names | and lets somebody place things |
|---|---|
| `resourceType=resource-group` | in every group of the account |
| `resourceType=resource-group`, `resource=<id of a group>` | in that group |
| `serviceType=platform_service` | in every group: it is a role on all of account management |
| `resourceGroupId=<id of a group>`, with or without a service | in none: it is a role on what is in the group |

With the `ibmcloud` command: `ibmcloud iam user-policy-create NAME --roles Viewer --resource-type resource-group`, and
`--resource ID` for one of them. A named group that the caller may not look at is answered as one that does not exist,
with 400; where none was named, and the default group was taken, the answer is 403 and names it. Looking at what is in
a group, changing and deleting it, needs no role on the group ([why](decisions/0016-placing-in-resource-groups.md)).

## Giving and lending

Nobody gives more than he holds. That is asked when a policy or a role is made, when somebody is brought into an access
group, when a trusted profile is opened to somebody, and when a key is made for another identity.
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
    return {action for action, times in counted.items() if times > (action in plain) and not action.endswith(UNSERVED)}


def deeds() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
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
    checked, free = deeds()
    services: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for action, words in checked.items():
        services[action.split(".", 1)[0]][action] = words
    known = [name for name in SERVICES if name in services] + sorted(set(services) - set(SERVICES))
    roles = "\n".join(f"- **{ROLES[role]}**: {text}" for role, text in DESCRIPTIONS.items())
    tables = "\n".join(_service(name, services[name]) for name in known)
    members = "\n".join(f"- {' '.join(dict.fromkeys(words))} (`{action}`)" for action, words in sorted(free.items()))
    alone = f"## Without a role\n\nEvery member of an account (lists show what his roles let him read):\n\n{members}\n"
    return f"{NOTE}\n\n{INTRODUCTION}{roles}\n\n{tables}\n{alone}{CLOSING}"


def main() -> int:
    (ROOT / "docs" / "roles.md").write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
