"""The states of an instance of a service."""

from __future__ import annotations

from kunsthalle.core.state_tables import StateTable

SERVICE_INSTANCE_STATES = StateTable(
    "service_instance",
    first=("active",),
    moves={
        "active": ("pending_reclamation",),
        "pending_reclamation": ("active",),
    },
)
"""A deleted instance waits for its reclamation, with which its row goes."""
