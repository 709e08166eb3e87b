"""The life of a placement group: it is ready at once, and goes when the engine has let go of it."""

from __future__ import annotations

from kunsthalle.core.state_tables import StateTable

PLACEMENT_GROUP_STATES = StateTable(
    "placement group",
    first=("stable",),
    moves={"stable": ("deleting",), "deleting": ("failed",), "failed": ("deleting",)},
)
