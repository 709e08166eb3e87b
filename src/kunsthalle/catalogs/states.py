"""The lives of catalogs, versions, plans, objects, approvals and reclamations."""

from __future__ import annotations

from collections.abc import Callable

from kunsthalle.authz.roles import ROLES, least
from kunsthalle.catalogs.models import Version
from kunsthalle.core.records import dataclass
from kunsthalle.core.state_tables import StateTable

# The publish state machine as one table (catalog-iam-enterprise.md 1.8, R10): the code walks it, the docs print it.
#
# An edge is one way a step can go. A step takes its first edge that leaves the version's state and whose guards
# hold; otherwise it is refused with the text of the guard that failed, or of the step itself.

CREATE = "globalcatalog-collection.offering.create"
UPDATE = "globalcatalog-collection.offering.update"
DELETE = "globalcatalog-collection.offering.delete"
PUBLISH = "globalcatalog-collection.offering.publish"
PROMOTE = "globalcatalog-collection.instance.promote"
GONE = "(gone)"
STAY = "(same)"
PUBLISHED = ("consumable", "prerelease")
"""States in which a version may be provisioned and shown to those it is shared with."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition besides the state, and what is said when it does not hold; `{state}` is the version's own."""

    name: str
    holds: Callable[[Version], bool]
    refusal: str


VALID = Guard(
    "its validation is valid",
    lambda version: version.usable,
    "The version is not consumable: it must be validated first (current state {state})",
)
NOT_VALID = Guard("it was never validated", lambda version: not version.usable, "")
NOT_PENDING = Guard(
    "not being deprecated",
    lambda version: version.deprecate_pending is None,
    "The version is being deprecated; restore it first: current state {state}",
)
PENDING = Guard(
    "being deprecated",
    lambda version: version.deprecate_pending is not None,
    "The version is not being deprecated: current state {state}",
)
ORIGINAL = Guard(
    "no working copy",
    lambda version: not version.copy_of,
    "A working copy is a draft: commit it to its version (current state {state})",
)
WITH_IMAGE = Guard(
    "it has an image",
    lambda version: bool(version.metadata.get("images")),
    "The version has no image that could be used: current state {state}",
)


@dataclass(frozen=True, slots=True)
class Edge:
    """`images` is the status that the version's images take with the step; None leaves them as they are."""

    step: str
    sources: tuple[str, ...]
    to: str
    guards: tuple[Guard, ...]
    action: str
    refusal: str
    images: str | None = None
    again: str = ""

    @property
    def role(self) -> str:
        """The lowest platform role that may take the step."""
        return ROLES[least(self.action)] if self.action else "the clock"


_REPEATED = "The version is {to} already: current state {state}"
_ARCHIVED = "An archived version cannot be validated: current state {state}"
_ILLEGAL = "A version cannot take the step {step}: current state {state}"

EDGES = (
    Edge("import", (), "new", (), CREATE, ""),
    Edge("validate", ("new",), "validated", (), UPDATE, _ARCHIVED),
    Edge(
        "prerelease-publish",
        ("new", "validated"),
        "prerelease",
        (ORIGINAL, WITH_IMAGE),
        PUBLISH,
        _ILLEGAL,
        "available",
        _REPEATED,
    ),
    Edge(
        "consume-publish",
        ("validated", "prerelease"),
        "consumable",
        (ORIGINAL, NOT_PENDING, VALID),
        PUBLISH,
        VALID.refusal,
        "available",
        "The version is published already: current state {state}",
    ),
    Edge("test", ("new", "validated"), "test", (ORIGINAL,), UPDATE, _ILLEGAL, None, _REPEATED),
    Edge("suspend", ("consumable",), "validated", (), UPDATE, _ILLEGAL, "available"),
    Edge("suspend", ("prerelease",), "validated", (VALID,), UPDATE, _ILLEGAL, "available"),
    Edge("suspend", ("prerelease",), "new", (NOT_VALID,), UPDATE, _ILLEGAL, "available"),
    Edge("suspend", ("test",), "new", (), UPDATE, _ILLEGAL),
    Edge("deprecate/true", PUBLISHED, STAY, (NOT_PENDING,), UPDATE, _ILLEGAL, "deprecated"),
    Edge("deprecate/false", PUBLISHED, STAY, (PENDING,), UPDATE, _ILLEGAL, "available"),
    Edge("end of the period", PUBLISHED, "deprecated", (PENDING,), "", _ILLEGAL, "obsolete"),
    Edge("archive", (*PUBLISHED, "validated"), "deprecated", (ORIGINAL,), UPDATE, _ILLEGAL, "obsolete", _REPEATED),
    Edge("change of images", ("validated", "test", *PUBLISHED), "new", (NOT_PENDING,), UPDATE, _ILLEGAL, "available"),
)
"""Every step that moves a version, or its deprecation. Deletion is a row of the printed table alone: see `table`."""

STATES = ("new", "validated", "test", "prerelease", "consumable", "deprecated")


def moves() -> dict[str, tuple[str, ...]]:
    """What the table allows, as a table of states."""
    allowed: dict[str, list[str]] = {state: [] for state in STATES}
    for edge in EDGES:
        for source in edge.sources:
            if edge.to not in {STAY, *allowed[source]}:
                allowed[source].append(edge.to)
    return {state: tuple(targets) for state, targets in allowed.items()}


def choose(step: str, version: Version) -> tuple[Edge | None, str]:
    """The edge that a step takes from where the version is, or None and why not."""
    known = [edge for edge in EDGES if edge.step == step]
    wrong = ""
    for edge in known:
        if version.state not in edge.sources:
            continue
        failed = next((guard for guard in edge.guards if not guard.holds(version)), None)
        if failed is None:
            return edge, ""
        wrong = wrong or failed.refusal
    edge = known[0]
    repeated = version.state == edge.to and bool(edge.again)
    text = wrong or (edge.again if repeated else edge.refusal)
    return None, text.format(state=version.state, step=step, to=version.state)


LAST = "Cannot delete the last published version. You need to deprecate the whole product [{label}] itself."


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def table() -> str:
    """The state machine in Markdown."""
    rows = [_row("Step", "From", "To", "If", "Role", "Its images become", "Refused with"), _row(*["---"] * 7)]
    for edge in EDGES:
        texts = dict.fromkeys([edge.refusal, edge.again, *(guard.refusal for guard in edge.guards)])
        sources = ", ".join(edge.sources) or "-"
        guards = ", ".join(guard.name for guard in edge.guards) or "-"
        routes = "<br>".join(text.replace("{step}", edge.step) for text in texts if text) or "-"
        rows.append(_row(edge.step, sources, edge.to, guards, edge.role, edge.images or "(as they were)", routes))
    label, states = LAST.format(label="name"), ", ".join(STATES)
    guard = "not the last published one, unless the offering or its catalog goes"
    rows.append(_row("delete", states, GONE, guard, ROLES[least(DELETE)], "(free, as they were)", label))
    return "\n".join(rows) + "\n"


CATALOG_STATES = StateTable("catalog", first=("live",), moves={"live": ("deleted",), "deleted": ("live",)})

VERSION_STATES = StateTable("version", first=("new",), moves=moves())

PLAN_STATES = StateTable(
    "plan", first=("new",), moves={"new": ("consumable",), "consumable": ("deprecated",), "deprecated": ()}
)

OBJECT_STATES = StateTable("object", first=("new",), moves={"new": ("consumable",), "consumable": ()})

PUBLISH_APPROVAL_STATES = StateTable(
    "publish approval",
    first=("requested",),
    moves={"requested": ("granted", "revoked"), "granted": ("revoked",), "revoked": ("requested", "granted")},
)

RECLAMATION_STATES = StateTable(
    "reclamation",
    first=("SCHEDULED",),
    moves={"SCHEDULED": ("RECLAIMING", "RESTORING"), "RECLAIMING": (), "RESTORING": ()},
)

__all__ = ["PUBLISHED", "VERSION_STATES"]
