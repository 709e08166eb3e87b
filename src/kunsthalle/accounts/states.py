"""The lives of enterprises, account groups, accounts, users and resource groups."""

from __future__ import annotations

from kunsthalle.core.state_tables import StateTable

_ONCE = {"ACTIVE": ("DELETED",), "DELETED": ()}
ENTERPRISE_STATES = StateTable("enterprise", ("ACTIVE",), _ONCE)
ACCOUNT_GROUP_STATES = StateTable("account-group", ("ACTIVE",), _ONCE)
ACCOUNT_STATES = StateTable("account", ("ACTIVE",), _ONCE)
RESOURCE_GROUP_STATES = StateTable("resource-group", ("ACTIVE",), _ONCE)

DISABLED = "DISABLED_CLASSIC_INFRASTRUCTURE"
"""The API's only word for a user who is kept and may not act."""

USER_STATES = StateTable(
    "user",
    ("ACTIVE", "PENDING"),
    {
        "PENDING": ("ACTIVE",),
        "ACTIVE": (DISABLED, "VPN_ONLY"),
        DISABLED: ("ACTIVE", "VPN_ONLY"),
        "VPN_ONLY": ("ACTIVE", DISABLED),
    },
)
