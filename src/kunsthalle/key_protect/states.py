"""The states of a key (NIST SP 800-57), which answers show as numbers."""

from __future__ import annotations

from kunsthalle.core.state_tables import StateTable

KEY_STATES = StateTable(
    "key",
    first=("active",),
    moves={
        "active": ("suspended", "destroyed"),
        "suspended": ("active", "destroyed"),
        "destroyed": ("active",),
    },
)
"""A destroyed key can be restored for thirty days. That a key is deactivated follows from its date of expiration."""

DEACTIVATED = "deactivated"
NUMBERS = {"active": 1, "suspended": 2, DEACTIVATED: 3, "destroyed": 5}
