"""The lives of catalogs, versions and reclamations (catalog-iam-enterprise.md 1.8, and R4)."""

from __future__ import annotations

from kunsthalle.core.states import StateTable

CATALOG_STATES = StateTable("catalog", first=("live",), moves={"live": ("deleted",), "deleted": ("live",)})

VERSION_STATES = StateTable(
    "version",
    first=("new",),
    moves={
        "new": ("validated", "prerelease"),
        "validated": ("prerelease", "consumable", "deprecated", "new"),
        "prerelease": ("consumable", "validated", "new", "deprecated"),
        "consumable": ("validated", "deprecated"),
        "deprecated": ("consumable", "prerelease"),
    },
)

RECLAMATION_STATES = StateTable(
    "reclamation",
    first=("SCHEDULED",),
    moves={"SCHEDULED": ("RECLAIMING", "RESTORING"), "RECLAIMING": (), "RESTORING": ()},
)

PUBLISHED = ("consumable", "prerelease")
"""States in which a version may be provisioned and shown to those it is shared with."""
