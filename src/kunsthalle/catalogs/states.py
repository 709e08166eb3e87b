"""The lives of catalogs, versions, plans, objects, approvals and reclamations."""

from __future__ import annotations

from kunsthalle.catalogs.versions.publish_states import PUBLISHED, moves
from kunsthalle.core.states import StateTable

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
