"""The navigation menu: sections, groups, pages. A page says which entry it belongs to by the entry's path."""

from __future__ import annotations

from kunsthalle.core.records import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A page in the menu."""

    label: str
    path: str


@dataclass(frozen=True, slots=True)
class Group:
    """Entries under one heading. `section` is what the heading itself stands under."""

    section: str
    label: str
    entries: tuple[Entry, ...]
    open: bool = False

    @property
    def paths(self) -> set[str]:
        return {entry.path for entry in self.entries}


MENU: tuple[Group, ...] = (
    Group("", "Overview", (Entry("Home", "/"),), open=True),
    Group(
        "Infrastructure",
        "Compute",
        (
            Entry("Virtual server instances", "/instances"),
            Entry("Images", "/images/catalog"),
            Entry("Instance templates", "/templates"),
            Entry("Instance groups", "/groups"),
            Entry("Placement groups", "/placement-groups"),
            Entry("Bare metal servers", "/bare-metal-servers"),
            Entry("SSH keys", "/ssh-keys"),
        ),
        open=True,
    ),
    Group(
        "Infrastructure",
        "Network",
        (
            Entry("VPCs", "/vpcs"),
            Entry("Subnets", "/subnets"),
            Entry("Security groups", "/security-groups"),
            Entry("Floating IPs", "/floating-ips"),
        ),
        open=True,
    ),
    Group(
        "Infrastructure",
        "Storage",
        (Entry("Volumes", "/volumes"), Entry("Snapshots", "/snapshots"), Entry("Buckets", "/buckets")),
        open=True,
    ),
    Group("Infrastructure", "Security", (Entry("Keys", "/keys"),), open=True),
    Group(
        "Sharing",
        "Catalogs",
        (
            Entry("Private catalogs", "/catalogs"),
            Entry("Share requests", "/share-requests"),
            Entry("Reclamations", "/reclamations"),
        ),
        open=True,
    ),
    Group(
        "Account",
        "Access (IAM)",
        (
            Entry("Users", "/users"),
            Entry("Access groups", "/access-groups"),
            Entry("Service IDs", "/service-ids"),
            Entry("Trusted profiles", "/trusted-profiles"),
            Entry("API keys", "/api-keys"),
            Entry("Policies", "/policies"),
            Entry("Authorizations", "/authorizations"),
        ),
    ),
    Group(
        "Account",
        "Account",
        (
            Entry("Account tree", "/accounts"),
            Entry("Resource groups", "/resource-groups"),
            Entry("Audit", "/audit"),
            Entry("Settings", "/settings"),
        ),
    ),
    Group("Operator", "Operator tools", (Entry("Operate this server", "/operator"),)),
)
