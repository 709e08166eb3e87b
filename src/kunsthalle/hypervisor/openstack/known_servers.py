"""What the cloud has said of our servers: all of it now and then, and in between what has changed since.

With a hundred thousand servers the whole is two hundred answers. A host that goes silent changes nothing about a
server, and is asked for apart.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from kunsthalle.hypervisor.host_protocol import HostState
from kunsthalle.hypervisor.openstack.cloud_client import COMPUTE, Cloud
from kunsthalle.hypervisor.openstack.cloud_hosts import HOST, CloudHosts
from kunsthalle.hypervisor.openstack.cloud_images import MARK
from kunsthalle.hypervisor.protocol import HypervisorError, NoAnswer

_OVERLAP = timedelta(seconds=60)
"""A change may be seen so much later than its moment says."""

_MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_GONE = {"DELETED", "SOFT_DELETED"}
Row = dict[str, Any]


class KnownServers:
    """Of one node: whoever asks gets the rows of all servers, and the states of the hosts where they were asked for."""

    def __init__(self, cloud: Cloud, hosts: CloudHosts) -> None:
        self._cloud, self._hosts = cloud, hosts
        self._lock = threading.Lock()
        self._rows: dict[str, Row] = {}
        self._latest: datetime | None = None
        self._tells_hosts = True

    def rows(self, *, thorough: bool) -> tuple[list[Row], dict[str, HostState]]:
        """The servers, and the states of hosts: empty where all that there is to know is in the rows."""
        with self._lock:
            if thorough or self._latest is None or not self._tells_hosts:
                return self._look_at_all(), {}
            self._look_at_changes(self._latest)
            known = list(self._rows.values())
            if not any(HOST in row for row in known):
                return known, {}
            try:
                return known, self._hosts.states()
            except NoAnswer:
                raise
            except HypervisorError:
                self._tells_hosts = False
                return self._look_at_all(), {}

    def _look_at_all(self) -> list[Row]:
        rows = self._cloud.every(COMPUTE, "/servers/detail", tags=MARK)
        self._rows = {str(row["id"]): row for row in rows}
        self._see(rows)
        return rows

    def _look_at_changes(self, latest: datetime) -> None:
        since = (latest - _OVERLAP).strftime(_MOMENT)
        changed = self._cloud.every(COMPUTE, "/servers/detail", **{"changes-since": since})
        for row in changed:
            if row["status"] in _GONE or MARK not in row.get("tags", ()):
                self._rows.pop(str(row["id"]), None)
            else:
                self._rows[str(row["id"])] = row
        self._see(changed)

    def _see(self, rows: list[Row]) -> None:
        for row in rows:
            moment = datetime.strptime(str(row["updated"]), _MOMENT).replace(tzinfo=UTC)
            self._latest = moment if self._latest is None else max(self._latest, moment)
