"""Who may do what: one table, role by role. An action is `<service>.<type>…<verb>`.

Platform roles contain each other from Viewer up; service roles stand beside them. Sources:
reference/catalog-iam-enterprise.md 3.4; rows without a source there are our own (U). docs/roles.md shows the outcome
for every action that a route asks for.
"""

from __future__ import annotations

_ROLE = "crn:v1:bluemix:public:iam::::role:"
_SERVICE_ROLE = "crn:v1:bluemix:public:iam::::serviceRole:"
VIEWER, OPERATOR, EDITOR, ADMINISTRATOR = (_ROLE + name for name in ("Viewer", "Operator", "Editor", "Administrator"))
READER, WRITER, MANAGER = (_SERVICE_ROLE + name for name in ("Reader", "Writer", "Manager"))
PUBLISHER = "crn:v1:bluemix:public:globalcatalog-collection::::serviceRole:Publisher"
SERVICE_ID_CREATOR = "crn:v1:bluemix:public:iam-identity::::serviceRole:ServiceIdCreator"
CONSOLE_ADMINISTRATOR = "crn:v1:bluemix:public:is::::serviceRole:VirtualServerConsoleAdmin"
USER_API_KEY_CREATOR = "crn:v1:bluemix:public:iam-identity::::serviceRole:UserApiKeyCreator"

PLATFORM_ROLES = (VIEWER, OPERATOR, EDITOR, ADMINISTRATOR)
SERVICE_ROLES = (READER, WRITER, MANAGER)

_SPECIFIC: dict[str, frozenset[str]] = {
    PUBLISHER: frozenset(
        {
            "globalcatalog-collection.offering.publish",
            "globalcatalog-collection.offering.share",
            "globalcatalog-collection.instance.promote",
        }
    ),
    CONSOLE_ADMINISTRATOR: frozenset({"is.instance.instance.console"}),
    SERVICE_ID_CREATOR: frozenset({"iam-identity.serviceid.create"}),
    USER_API_KEY_CREATOR: frozenset({"iam-identity.apikey.create"}),
}
"""Service roles that carry actions of their own."""

ROLES = {role: role.rsplit(":", 1)[1] for role in (*PLATFORM_ROLES, *SERVICE_ROLES, *_SPECIFIC)}

DESCRIPTIONS = {
    VIEWER: "Look at resources, change nothing.",
    OPERATOR: "Look at resources and use them.",
    EDITOR: "Everything but deciding who has access: create, change and delete resources.",
    ADMINISTRATOR: "Everything, including deciding who has access.",
    READER: "Read what a service holds.",
    WRITER: "Read and change what a service holds.",
    MANAGER: "Everything within a service.",
    PUBLISHER: "Publish products of private catalogs, and share them, together with Viewer.",
    CONSOLE_ADMINISTRATOR: "Open the consoles of virtual servers, together with Viewer.",
    SERVICE_ID_CREATOR: "Create service IDs where the account restricts it.",
    USER_API_KEY_CREATOR: "Create API keys of one's own where the account restricts it.",
}

SERVICE_TYPES = {
    "is": "service",
    "cloud-object-storage": "service",
    "kms": "service",
    "globalcatalog-collection": "platform_service",
    "enterprise": "platform_service",
    "iam-identity": "platform_service",
    "iam-access-management": "platform_service",
    "iam-groups": "platform_service",
    "resource-controller": "platform_service",
    "user-management": "platform_service",
    "global-search-tagging": "platform_service",
}
"""Which services exist, and what a policy on `serviceType` means for them."""

SERVICE_GROUPS = {"IAM": ("iam-access-management", "iam-groups", "iam-identity", "user-management")}
"""The services that `service_group_id` means."""


def service_type(service: str) -> str:
    """`service` for everything that is not account management."""
    return SERVICE_TYPES.get(service, "service")


_RESOURCE_TYPES = {("resource-controller", "group"): "resource-group"}


def resource_type(service: str, kind: str) -> str:
    """What a policy's `resourceType` calls the kind of resource that an action is done on: mostly as the action
    does."""
    return _RESOURCE_TYPES.get((service, kind), kind)


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
    "enterprise.account.import": EDITOR,
    "globalcatalog-collection.account.manage": ADMINISTRATOR,
    "globalcatalog-collection.approval.update": ADMINISTRATOR,
    "globalcatalog-collection.offering.publish": OPERATOR,
    "globalcatalog-collection.offering.share": ADMINISTRATOR,
    "iam-access-management.policy.create": ADMINISTRATOR,
    "iam-access-management.policy.update": ADMINISTRATOR,
    "iam-access-management.policy.delete": ADMINISTRATOR,
    "iam-access-management.customRole.create": ADMINISTRATOR,
    "iam-access-management.customRole.update": ADMINISTRATOR,
    "iam-access-management.customRole.delete": ADMINISTRATOR,
    "iam-identity.apikey.manage": ADMINISTRATOR,
    "iam-identity.profile-trust.update": ADMINISTRATOR,
    "iam-identity.account-settings.update": ADMINISTRATOR,
    "iam-groups.settings.update": ADMINISTRATOR,
    "resource-controller.group.create": ADMINISTRATOR,
}
# In Catalog Management an Operator may do what an Editor may (3.4).
_OPERATORS_EDIT = frozenset({"globalcatalog-collection"})


# Service roles speak of what a service holds for its users: the last words of actions on that, or all but the service,
# and the least role.
_DATA_WORDS: dict[str, dict[str, str]] = {
    "cloud-object-storage": {"get": READER, "head": READER, "list": READER, "put": WRITER, "delete": WRITER},
    "kms": {
        **dict.fromkeys(("list", "readmetadata", "wrap", "unwrap", "rewrap"), READER),
        **dict.fromkeys(("read", "create", "patch", "rotate", "createalias", "deletealias"), WRITER),
        **dict.fromkeys(("setkeyfordeletion", "unsetkeyfordeletion", "sync"), WRITER),
        **dict.fromkeys(("policies.read", "instancepolicies.read"), MANAGER),
    },
}
_PLATFORM_KEEPS_OUT = frozenset({"kms"})
"""Services into which platform roles do not reach: their instances are the platform's, what they hold is not."""


def _holds(action: str) -> bool:
    """Whether an action is on what a service holds; its instances are the platform's."""
    service, name = action.split(".", 2)[:2]
    return service in _DATA_WORDS and name != "instance"


def _carries_data(role: str, action: str) -> bool:
    """Whether a service role carries an action on what a service holds. What has no row is the Manager's."""
    if not _holds(action):
        return False
    words = _DATA_WORDS[action.split(".", 1)[0]]
    operation, last = action.split(".", 1)[1], action.rsplit(".", 1)[1]
    needed = SERVICE_ROLES.index(words.get(operation, words.get(last, MANAGER)))
    return SERVICE_ROLES.index(role) >= needed


def least(action: str) -> str:
    """The lowest platform role that carries the action."""
    exact = _EXACT.get(action)
    if exact is not None:
        return exact
    role = _WORDS.get(action.rsplit(".", 1)[1], ADMINISTRATOR)
    return OPERATOR if role == EDITOR and action.split(".", 1)[0] in _OPERATORS_EDIT else role


def permits(role: str, action: str) -> bool:
    """Whether a role carries an action, whatever the resource."""
    if role in PLATFORM_ROLES:
        kept_out = _holds(action) and action.split(".", 1)[0] in _PLATFORM_KEEPS_OUT
        return not kept_out and PLATFORM_ROLES.index(role) >= PLATFORM_ROLES.index(least(action))
    if role in SERVICE_ROLES:
        return _carries_data(role, action)
    return action in _SPECIFIC.get(role, frozenset())


def includes(role: str, other: str) -> bool:
    """Whether whoever holds the first role holds everything the second carries."""
    if role == other:
        return True
    if role in PLATFORM_ROLES and other in PLATFORM_ROLES:
        return PLATFORM_ROLES.index(role) > PLATFORM_ROLES.index(other)
    if role in SERVICE_ROLES and other in SERVICE_ROLES:
        return SERVICE_ROLES.index(role) > SERVICE_ROLES.index(other)
    return other in _SPECIFIC and all(permits(role, action) for action in _SPECIFIC[other])


def specific_to(service: str) -> tuple[str, ...]:
    """The roles that one service alone has."""
    return tuple(role for role in _SPECIFIC if role.split(":")[4] == service)


def actions_of(role: str) -> tuple[str, ...]:
    """The actions that a service role names one by one."""
    return tuple(sorted(_SPECIFIC.get(role, ())))
