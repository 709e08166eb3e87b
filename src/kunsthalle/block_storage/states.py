"""The lives of volumes and snapshots (reference/vpc-api.md C2)."""

from __future__ import annotations

from kunsthalle.core.state_tables import StateTable

VOLUME_STATES = StateTable(
    "volume",
    first=("pending",),
    moves={
        "pending": ("available", "failed", "pending_deletion"),
        "available": ("updating", "pending_deletion"),
        "updating": ("available", "pending_deletion"),
        "failed": ("pending_deletion",),
        "pending_deletion": ("failed",),
    },
)

SNAPSHOT_STATES = StateTable(
    "snapshot",
    first=("pending",),
    moves={
        "pending": ("stable", "failed", "deleting"),
        "stable": ("deleting",),
        "failed": ("deleting",),
        "deleting": ("failed",),
    },
)
