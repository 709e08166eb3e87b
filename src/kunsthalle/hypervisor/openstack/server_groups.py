"""Server groups of Nova: servers of one placement group run on different hosts.

One is made when its first server starts, and is known by its name. Two nodes that make one at once both take the one
with the smaller id; all of a name go together.
"""

from __future__ import annotations

from typing import Any

from kunsthalle.core.records import dataclass
from kunsthalle.hypervisor.openstack.cloud_client import COMPUTE, Cloud, OverQuota
from kunsthalle.hypervisor.openstack.cloud_images import MARK
from kunsthalle.hypervisor.protocol import NoRoom
from kunsthalle.hypervisor.specs import check_disk_id

_PATH = "/os-server-groups"
_PAGE = 500
_APART = "anti-affinity"


@dataclass(frozen=True, slots=True)
class ServerGroups:
    """Those of one project."""

    cloud: Cloud

    def ensure(self, group_id: str) -> str:
        """The id of the server group of a placement group; it is made if there is none. NoRoom over a quota."""
        if not self._named(group_id):
            body = {"server_group": {"name": _name(group_id), "policy": _APART}}
            try:
                self.cloud.post(COMPUTE, _PATH, body)
            except OverQuota as error:
                raise NoRoom(str(error)) from error
        return str(self._named(group_id)[0]["id"])

    def members(self, group_id: str) -> set[str]:
        """Nova's ids of the servers that are in it."""
        return {str(member) for group in self._named(group_id) for member in group["members"]}

    def forget(self, group_id: str) -> None:
        """Removes it; an absent one is fine."""
        for group in self._named(group_id):
            self.cloud.delete(COMPUTE, f"{_PATH}/{group['id']}")

    def _named(self, group_id: str) -> list[dict[str, Any]]:
        """All of a placement group's, the one that is taken first. Pages of this list begin at a number."""
        check_disk_id(group_id)
        named: list[dict[str, Any]] = []
        offset = 0
        while True:
            page = self.cloud.get(COMPUTE, _PATH, limit=str(_PAGE), offset=str(offset))["server_groups"]
            named += (group for group in page if group["name"] == _name(group_id) and group["policy"] == _APART)
            offset += _PAGE
            if len(page) < _PAGE:
                return sorted(named, key=lambda group: str(group["id"]))


def _name(group_id: str) -> str:
    return f"{MARK}-{group_id}"
