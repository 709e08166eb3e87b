"""The life of a bare metal server (reference/vpc-api.md C2); nothing here leads to `maintenance`."""

from __future__ import annotations

from kunsthalle.core.state_tables import StateTable

BARE_METAL_STATES = StateTable(
    "bare_metal_server",
    first=("pending",),
    moves={
        "pending": ("starting", "failed", "deleting"),
        "starting": ("running", "failed", "deleting"),
        "running": ("stopping", "restarting", "deleting"),
        "restarting": ("running", "failed", "deleting"),
        "stopping": ("stopped", "failed", "deleting"),
        "stopped": ("starting", "reinitializing", "deleting"),
        "reinitializing": ("starting", "failed", "deleting"),
        "failed": ("deleting",),
        "deleting": ("failed",),
    },
)
