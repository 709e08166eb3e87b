"""The lives of instance groups and of scheduled actions (reference/vpc-api.md C2)."""

from __future__ import annotations

from kunsthalle.core.state_tables import StateTable

GROUP_STATES = StateTable(
    "instance_group",
    first=("scaling",),
    moves={
        "scaling": ("healthy", "unhealthy", "deleting"),
        "healthy": ("scaling", "unhealthy", "deleting"),
        "unhealthy": ("scaling", "healthy", "deleting"),
        "deleting": (),
    },
)

ACTION_STATES = StateTable(
    "instance_group_action",
    first=("active",),
    moves={
        "active": ("completed", "failed", "incompatible", "omitted"),
        "completed": ("active",),
        "failed": ("active",),
        "incompatible": ("active",),
        "omitted": ("active",),
    },
)
