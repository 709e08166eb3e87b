"""The life of a server (reference/vpc-api.md C2)."""

from __future__ import annotations

from kunsthalle.core.state_tables import StateTable

INSTANCE_STATES = StateTable(
    "instance",
    first=("pending",),
    moves={
        "pending": ("starting", "failed", "deleting"),
        "starting": ("running", "stopping", "failed", "deleting"),
        "running": ("stopping", "stopped", "restarting", "failed", "deleting"),
        "restarting": ("running", "stopping", "failed", "deleting"),
        "stopping": ("stopped", "starting", "failed", "deleting"),
        "stopped": ("starting", "deleting"),
        "failed": ("starting", "stopping", "deleting"),
        "deleting": ("failed",),
    },
)

UP = ("pending", "starting", "running", "restarting")
"""States in which the server's machine is meant to run, so that its volumes are active."""
