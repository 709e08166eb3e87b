"""Who may do what: one table, role by role. An action is `<service>.<type>…<verb>`.

Platform roles contain each other from Viewer up. Sources: reference/catalog-iam-enterprise.md 3.4; rows without a
source there are our own (U).
"""

from __future__ import annotations

VIEWER = "crn:v1:bluemix:public:iam::::role:Viewer"
OPERATOR = "crn:v1:bluemix:public:iam::::role:Operator"
EDITOR = "crn:v1:bluemix:public:iam::::role:Editor"
ADMINISTRATOR = "crn:v1:bluemix:public:iam::::role:Administrator"
READER = "crn:v1:bluemix:public:iam::::serviceRole:Reader"
WRITER = "crn:v1:bluemix:public:iam::::serviceRole:Writer"
MANAGER = "crn:v1:bluemix:public:iam::::serviceRole:Manager"
PUBLISHER = "crn:v1:bluemix:public:globalcatalog-collection::::serviceRole:Publisher"

ROLES = {
    role: role.rsplit(":", 1)[1]
    for role in (VIEWER, OPERATOR, EDITOR, ADMINISTRATOR, READER, WRITER, MANAGER, PUBLISHER)
}

SERVICE_TYPES = {
    "is": "service",
    "globalcatalog-collection": "platform_service",
    "enterprise": "platform_service",
    "iam-identity": "platform_service",
    "iam-access-management": "platform_service",
    "resource-controller": "platform_service",
    "user-management": "platform_service",
}
"""Which services exist, and what a policy on `serviceType` means for them."""

# What each role adds for an action's last word; a more exact row (service.type.verb) wins over the word alone.
_WORDS: dict[str, str] = {
    "read": VIEWER,
    "list": VIEWER,
    "retrieve": VIEWER,
    "operate": OPERATOR,
    "create": EDITOR,
    "update": EDITOR,
    "delete": EDITOR,
}
_EXACT: dict[str, str] = {
    "globalcatalog-collection.instance.delete": ADMINISTRATOR,
    "globalcatalog-collection.account.manage": ADMINISTRATOR,
    "globalcatalog-collection.approval.update": ADMINISTRATOR,
    "globalcatalog-collection.offering.share": ADMINISTRATOR,
    "iam-access-management.policy.create": ADMINISTRATOR,
    "iam-access-management.policy.update": ADMINISTRATOR,
    "iam-access-management.policy.delete": ADMINISTRATOR,
    "iam-identity.apikey.manage": ADMINISTRATOR,
    "resource-controller.group.create": ADMINISTRATOR,
}
_ORDER = (VIEWER, OPERATOR, EDITOR, ADMINISTRATOR)
_SERVICE_ROLES: dict[str, frozenset[str]] = {
    PUBLISHER: frozenset({"globalcatalog-collection.offering.share", "globalcatalog-collection.instance.promote"}),
}


def least(action: str) -> str:
    """The lowest platform role that carries the action."""
    return _EXACT.get(action) or _WORDS.get(action.rsplit(".", 1)[1], ADMINISTRATOR)


def permits(role: str, action: str) -> bool:
    """Whether a role carries an action, whatever the resource."""
    if role in _ORDER:
        return _ORDER.index(role) >= _ORDER.index(least(action))
    return action in _SERVICE_ROLES.get(role, frozenset())
