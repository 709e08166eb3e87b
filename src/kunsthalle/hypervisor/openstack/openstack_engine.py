"""
Servers as instances of Nova, on many hosts, each with the product's id as its name and as a tag.

A start makes a new instance on the same volumes: so it has the seed, the size and the disks of that moment. Nothing
here moves an instance off a host that is believed dead: the operator has to say so, for the guest may be alive there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from kunsthalle.blobs.protocol import Blobs
from kunsthalle.core.closed_tables import UnknownMember
from kunsthalle.core.hypervisor_names import HYPERVISORS
from kunsthalle.core.openstack_zones import AvailabilityZones
from kunsthalle.disk_images.writers import fill_qcow2
from kunsthalle.hypervisor.cloud_init_seed import make_seed
from kunsthalle.hypervisor.disk_protocol import DiskKind
from kunsthalle.hypervisor.host_protocol import HostState
from kunsthalle.hypervisor.openstack.cloud_client import (
    COMPUTE,
    Cloud,
    NotAccepted,
    NotThere,
    OverQuota,
    WrongState,
)
from kunsthalle.hypervisor.openstack.cloud_disks import CloudDisks
from kunsthalle.hypervisor.openstack.cloud_hosts import HOST, CloudHosts
from kunsthalle.hypervisor.openstack.cloud_images import MARK
from kunsthalle.hypervisor.openstack.cloud_zones import CloudZones
from kunsthalle.hypervisor.openstack.kept_consoles import KeptConsoles
from kunsthalle.hypervisor.openstack.known_servers import KnownServers
from kunsthalle.hypervisor.openstack.raw_images import RawImages
from kunsthalle.hypervisor.openstack.server_groups import ServerGroups
from kunsthalle.hypervisor.openstack.web_socket_line import WebSocketLine
from kunsthalle.hypervisor.protocol import (
    AbsentZone,
    Channel,
    DataDisk,
    DiskError,
    Excerpt,
    Facts,
    Hypervisor,
    HypervisorError,
    Line,
    NoAnswer,
    NoRoom,
    NotApart,
    NotRunning,
    SeedSpec,
    ServerSpec,
    StartError,
    Status,
    Unresponsive,
)
from kunsthalle.hypervisor.specs import check_data, check_server, check_server_id

_EVACUATED = "kunsthalle-evacuated"
"""The key of the metadata of a server that has left, or is leaving, the lost host that is its value: it goes on as it
is, so that the agent of that host, when it comes back, knows what is not its own any more.
"""
_START_SECONDS, _END_SECONDS, _PATIENCE_SECONDS = 300.0, 180.0, 5.0
_SECTOR = 512
_BOOT_DEVICE = "/dev/vda"
_NO_HOST = "No valid host"
_CONSOLES = {Channel.SERIAL: ("serial", "serial"), Channel.SCREEN: ("vnc", "novnc")}
_FETCHERS = 4
_TASK, _ZONE = "OS-EXT-STS:task_state", "OS-EXT-AZ:availability_zone"
_LAST_TASK = "spawning"
"""What a start comes to when a host is found and its disks are there: it takes a second or two from then on."""
_SILENT, _FORCED_DOWN = "UNKNOWN", "DOWN"
"""What Nova says of a host whose agent it does not hear from, and of one that somebody has said to be down; of its
instances it goes on to say what they were.
"""

_STATUS = {
    **dict.fromkeys(("ACTIVE", "REBOOT", "HARD_REBOOT", "PASSWORD", "RESIZE", "VERIFY_RESIZE"), Status.RUNNING),
    **dict.fromkeys(("REVERT_RESIZE", "MIGRATING", "PAUSED", "SUSPENDED", "RESCUE"), Status.RUNNING),
    **dict.fromkeys(("BUILD", "REBUILD", "SHUTOFF", "SHELVED", "SHELVED_OFFLOADED"), Status.STOPPED),
    **dict.fromkeys(("DELETED", "SOFT_DELETED"), Status.ABSENT),
    "ERROR": Status.FAILED,
    "UNKNOWN": Status.UNREACHABLE,
}


class OpenStack(Hypervisor):
    """See Hypervisor. What guests say is fetched when it is asked for, and by `keep_consoles`, and kept in files."""

    name = "openstack"
    offers = frozenset(Channel)
    shared = HYPERVISORS[name].shared

    def __init__(
        self,
        cloud: Cloud,
        blobs: Blobs,
        consoles: Path,
        raw: RawImages | None = None,
        zones: Mapping[str, AvailabilityZones] | None = None,
    ) -> None:
        """`cloud` is a project that nobody else makes servers in by these ids; `consoles` a folder that nodes share.
        Without `raw` the cloud gets images as they are. `zones` are its availability zones by the zones of the API.
        """
        self._cloud, self._consoles = cloud, KeptConsoles(consoles)
        self._zones = CloudZones(cloud, zones or {})
        self._disks = CloudDisks(cloud, blobs, raw, self._zones)
        self._hosts = CloudHosts(cloud, self._ours)
        self._groups = ServerGroups(cloud)
        self._known = KnownServers(cloud, self._hosts)

    @property
    def disks(self) -> CloudDisks:
        """See Hypervisor.disks."""
        return self._disks

    @property
    def hosts(self) -> CloudHosts:
        """See Hypervisor.hosts."""
        return self._hosts

    def start(self, spec: ServerSpec) -> None:
        """See Hypervisor.start."""
        check_server_id(spec.id)
        check_server(spec)
        try:
            self._start(spec)
        except NoRoom as error:
            if spec.apart is not None and self._no_host_left(spec.apart, self._zones.of_instance(spec.zone)):
                raise NotApart(str(error)) from error
            raise

    def _no_host_left(self, group: str, zone: str | None) -> bool:
        """Whether a placement group has a server for each host that answers, of those in an availability zone."""
        members = self._groups.members(group)
        if zone is not None:
            members &= {str(server["id"]) for server in self._ours() if server.get(_ZONE) == zone}
        return len(members) >= self._hosts.up(zone)

    def forget_group(self, group_id: str) -> None:
        """See Hypervisor.forget_group."""
        self._groups.forget(group_id)

    def _start(self, spec: ServerSpec) -> None:
        server = self._settled(spec.id)
        if server is not None and self._status(server) is Status.STRANDED:
            self._evacuate(server)
            server = self._settled(spec.id)
        if server is not None and self._goes_on(server):
            self._disks.images.forget_seeds(spec.id)  # of a start that was killed once it had asked for the server
            return
        if server is not None:
            self._fetch(server)
            self._remove(server["id"])
        volumes = [self._volume(disk) for disk in (spec.disk, *(data.disk for data in spec.data))]
        with ExitStack() as seeds:
            seeds.callback(self._disks.images.forget_seeds, spec.id)
            seed = self._add_seed(spec.id, spec.seed) if spec.seed is not None else None
            self._running(self._create(spec, volumes, seed), seeds.close)

    def _evacuate(self, server: dict[str, Any]) -> None:
        """Has a server leave its lost host; it stands still elsewhere then. What is under way already is waited for.
        NoRoom, StartError.
        """
        id_, host = str(server["id"]), str(server[HOST])
        begun = server["metadata"].get(_EVACUATED) == host
        if not begun:
            if server.get(_TASK):  # what was asked of the host before it was known to be lost keeps Nova from it
                self._act(id_, {"os-resetState": {"state": "active"}})
            self._cloud.post(COMPUTE, f"/servers/{id_}/metadata", {"metadata": {_EVACUATED: host}})
        if not begun or not server.get(_TASK):
            with suppress(WrongState):  # another node was faster
                self._act(id_, {"evacuate": {}})

        def gone() -> dict[str, Any] | None:
            now: dict[str, Any] = self._cloud.get(COMPUTE, f"/servers/{id_}")["server"]
            moved = now[HOST] != host or now["status"] == "ERROR"
            return now if moved and not now.get(_TASK) else None

        after = self._cloud.until(gone, f"the evacuation of {id_}", _START_SECONDS)
        if after["status"] == "ERROR":
            raise _failure(after)

    def _goes_on(self, server: dict[str, Any]) -> bool:
        """Whether an instance runs, after it was started as it is where it comes from a lost host."""
        status, left = self._status(server), server["metadata"].get(_EVACUATED)
        if status is Status.STOPPED and left is not None and left != server.get(HOST):
            self._act(server["id"], {"os-start": None})
            self._running(server["id"])
        elif status is not Status.RUNNING:
            return False
        if left is not None:
            self._cloud.delete(COMPUTE, f"/servers/{server['id']}/metadata/{_EVACUATED}")
        return True

    def _volume(self, disk_id: str) -> str:
        volume = self._disks.find(DiskKind.VOLUME, disk_id)
        if volume is None:
            raise StartError(f"there is no disk of the volume {disk_id}")
        return str(volume["id"])

    def _create(self, spec: ServerSpec, volumes: list[str], seed: str | None) -> str:
        volume_options = {"destination_type": "volume", "disk_bus": "virtio", "delete_on_termination": False}
        boot = {**volume_options, "uuid": volumes[0], "source_type": "volume", "boot_index": 0}
        disks = [boot]
        if seed is not None:
            one_off = {"uuid": seed, "source_type": "image", "volume_size": 1, "delete_on_termination": True}
            disks.append({**volume_options, **one_off, "boot_index": -1})
        for volume, data in zip(volumes[1:], spec.data, strict=True):
            disks.append(
                {**volume_options, "uuid": volume, "source_type": "volume", "boot_index": -1, "tag": data.id[:60]}
            )
        body = {
            "name": spec.id,
            "tags": [MARK, spec.id],
            "metadata": {"name": spec.name},
            "flavorRef": self._flavor(spec.vcpus, spec.memory_mib),
            "networks": "none",
            "block_device_mapping_v2": disks,
        }
        if (zone := self._zones.of_instance(spec.zone)) is not None:
            body["availability_zone"] = zone
        hints = {} if spec.apart is None else {"os:scheduler_hints": {"group": self._groups.ensure(spec.apart)}}
        try:
            made: str = self._cloud.post(COMPUTE, "/servers", {"server": body, **hints})["server"]["id"]
        except OverQuota as error:
            raise NoRoom(str(error)) from error
        except (WrongState, NotThere) as error:
            raise StartError(str(error)) from error
        return made

    def _running(self, made: str, has_disks: Callable[[], None] = lambda: None) -> None:
        """Waits until the instance runs; one that comes to nothing is removed. `has_disks` is called as soon as the
        cloud needs nothing any more that its disks are made of, while the machine is being started.
        """
        seen: dict[str, Any] = {}

        def ready() -> dict[str, Any] | None:
            server: dict[str, Any] = self._cloud.get(COMPUTE, f"/servers/{made}")["server"]
            seen.update(server)
            busy = server["status"] == "BUILD" or server.get(_TASK) is not None
            return None if busy else server

        def near() -> bool:
            if seen[_TASK] != _LAST_TASK:
                return False
            has_disks()
            return True

        server = self._cloud.until(ready, f"the start of {made}", _START_SECONDS, near)
        if self._status(server) is Status.RUNNING:
            return
        self._remove(made)
        raise _failure(server)

    def _flavor(self, vcpus: int, memory_mib: int) -> str:
        """The flavor of a size, made if the project has none."""
        name = f"{MARK}-{vcpus}-{memory_mib}"

        def known() -> str | None:
            flavors = self._cloud.every(COMPUTE, "/flavors")
            return next((str(flavor["id"]) for flavor in flavors if flavor["name"] == name), None)

        if (flavor := known()) is not None:
            return flavor
        wish = {"name": name, "vcpus": vcpus, "ram": memory_mib, "disk": 0}
        try:
            return str(self._cloud.post(COMPUTE, "/flavors", {"flavor": wish})["flavor"]["id"])
        except WrongState:  # another node has made it meanwhile
            made = known()
            if made is None:
                raise
            return made

    def _add_seed(self, server_id: str, spec: SeedSpec) -> str:
        """The image of a NoCloud disk."""
        seed = make_seed(spec)
        with tempfile.TemporaryFile() as file:  # without a name: what is secret ends with the process
            fill_qcow2(file, -(-len(seed) // _SECTOR) * _SECTOR, seed)
            file.seek(0)
            return self._disks.images.add_seed(server_id, file)

    def set_disks(self, server_id: str, data: tuple[DataDisk, ...]) -> set[str]:
        """See Hypervisor.set_disks."""
        check_server_id(server_id)
        check_data(data)
        server = self._reached(server_id)
        if server is None or self._status(server) is not Status.RUNNING:
            raise NotRunning(f"the server {server_id} is not running")
        attached = self._attached(server["id"])
        for disk in data:
            if disk.id[:60] not in attached:
                self._attach(server["id"], disk)
        surplus = {tag: volume for tag, volume in attached.items() if tag not in {disk.id[:60] for disk in data}}
        return self._let_go(server["id"], surplus)

    def _attached(self, server: str) -> dict[str, str]:
        """The data volumes of an instance, by the tags that they were attached with."""
        path = f"/servers/{server}/os-volume_attachments"
        attachments = self._cloud.get(COMPUTE, path)["volumeAttachments"]
        return {str(row["tag"]): str(row["volumeId"]) for row in attachments if row.get("tag")}

    def _attach(self, server: str, disk: DataDisk) -> None:
        volume = self._disks.find(DiskKind.VOLUME, disk.disk)
        if volume is None:
            raise DiskError(f"there is no disk of the volume {disk.disk}")
        body = {"volumeAttachment": {"volumeId": volume["id"], "tag": disk.id[:60]}}
        try:
            self._cloud.post(COMPUTE, f"/servers/{server}/os-volume_attachments", body)
        except Unresponsive:
            raise
        except HypervisorError as error:
            raise DiskError(f"the disk {disk.id} cannot be added: {error}") from error

    def _let_go(self, server: str, surplus: dict[str, str]) -> set[str]:
        """Asks the guest, waits a little; the tags of those that it has not let go of."""
        if not surplus:
            return set()
        for volume in surplus.values():
            with suppress(WrongState):
                self._cloud.delete(COMPUTE, f"/servers/{server}/os-volume_attachments/{volume}")
        held = set(surplus)

        def gone() -> bool:
            held.intersection_update(self._attached(server))
            return not held

        with suppress(Unresponsive):
            self._cloud.until(gone, "letting go", _PATIENCE_SECONDS)
        return held

    def stop(self, server_id: str, grace_seconds: float, *, cut: bool = True) -> bool:
        """See Hypervisor.stop. Nova presses, and cuts the power itself when the guest has had its time.

        One that is STRANDED is off, and removed, so that others can have its disks.
        """
        server = self._reached(server_id)
        if server is None:
            return True
        if self._status(server) is Status.STRANDED:
            self._remove(server["id"])
            return True
        self._press(server)

        def off() -> bool:
            now = self._reached_again(server)
            return now is None or self._status(now) is not Status.RUNNING

        if cut:
            return bool(self._cloud.until(off, f"the stop of {server_id}", grace_seconds + _END_SECONDS))
        try:
            return bool(self._cloud.until(off, f"the stop of {server_id}", grace_seconds))
        except Unresponsive:
            return False

    def press(self, server_id: str) -> None:
        """See Hypervisor.press."""
        if (server := self._find(server_id)) is not None:
            self._press(server)

    def _press(self, server: dict[str, Any]) -> None:
        if self._status(server) is Status.RUNNING:
            with suppress(WrongState, NotThere):  # it is on its way down already
                self._act(server["id"], {"os-stop": None})

    def lives(self, server_id: str) -> bool:
        """See Hypervisor.lives."""
        return self.status(server_id) in {Status.RUNNING, Status.UNREACHABLE}

    def reset(self, server_id: str) -> None:
        """See Hypervisor.reset."""
        server = self._reached(server_id)
        if server is None or self._status(server) is not Status.RUNNING:
            raise NotRunning(f"the server {server_id} is not running")
        self._fetch(server)
        self._act(server["id"], {"reboot": {"type": "HARD"}})
        self._consoles.begin(server_id)
        self._running(server["id"])

    def delete(self, server_id: str) -> None:
        """See Hypervisor.delete."""
        if (server := self._reached(server_id)) is not None:
            self._remove(server["id"])
        self._consoles.forget(server_id)

    def _remove(self, id_: str) -> None:
        self._cloud.delete(COMPUTE, f"/servers/{id_}")

        def gone() -> bool:
            try:
                return bool(self._cloud.get(COMPUTE, f"/servers/{id_}")["server"]["status"] == "DELETED")
            except NotThere:
                return True

        self._cloud.until(gone, f"the end of {id_}", _END_SECONDS)

    def status(self, server_id: str) -> Status:
        """See Hypervisor.status."""
        server = self._find(server_id)
        return Status.ABSENT if server is None else self._status(server)

    def states(self, server_ids: Collection[str], *, thorough: bool) -> dict[str, Status]:
        """See Hypervisor.states. Without `thorough`, what has changed, and the hosts, are asked for."""
        rows, hosts = self._known.rows(thorough=thorough)
        if not hosts and any(row.get("host_status") == _FORCED_DOWN for row in rows):
            hosts = self._hosts.states()
        known = {str(row["name"]): _status(row, hosts.get(str(row.get(HOST)))) for row in rows}
        return {server_id: known.get(server_id, Status.ABSENT) for server_id in server_ids}

    def _status(self, server: dict[str, Any]) -> Status:
        forced = server.get("host_status") == _FORCED_DOWN
        return _status(server, self._hosts.states().get(str(server.get(HOST))) if forced else None)

    def _reached(self, server_id: str) -> dict[str, Any] | None:
        """The instance, which is to be changed; None where there is none. NoAnswer where its host is silent."""
        server = self._find(server_id)
        if server is not None:
            self._refuse_unreachable(server)
        return server

    def _reached_again(self, server: dict[str, Any]) -> dict[str, Any] | None:
        """The same as it is by now: to look at one costs Nova less than to look for it."""
        try:
            now: dict[str, Any] = self._cloud.get(COMPUTE, f"/servers/{server['id']}")["server"]
        except NotThere:
            return None
        self._refuse_unreachable(now)
        return now

    def _refuse_unreachable(self, server: dict[str, Any]) -> None:
        if self._status(server) is Status.UNREACHABLE:
            raise NoAnswer(f"the host of the server {server['name']} does not answer")

    def console(self, server_id: str, max_bytes: int) -> bytes:
        """See Hypervisor.console."""
        return self.read_console(server_id, None, max_bytes).text

    def read_console(self, server_id: str, start: int | None, max_bytes: int) -> Excerpt:
        """See Hypervisor.read_console. Of a cloud that does not answer, what was fetched before."""
        check_server_id(server_id)
        with suppress(Unresponsive):
            server = self._find(server_id)
            if server is not None:
                self._fetch(server)
        return self._consoles.excerpt(server_id, start, max_bytes)

    def keep_consoles(self, server_ids: Collection[str]) -> None:
        """See Hypervisor.keep_consoles."""
        names = set(server_ids)
        speaking = [server for server in self._ours() if server["name"] in names]
        with ThreadPoolExecutor(_FETCHERS, thread_name_prefix="consoles") as pool:
            list(pool.map(self._fetch, speaking))

    def _fetch(self, server: dict[str, Any]) -> None:
        """Keeps what an instance said. Nova leaves out carriage returns, as it does all that XML cannot hold."""
        if _status(server, None) is Status.UNREACHABLE:
            return
        try:
            output = self._act(server["id"], {"os-getConsoleOutput": {}})["output"]
        except (WrongState, NotThere, Unresponsive):
            return
        tail = str(output or "").replace("\n", "\r\n").encode()
        self._consoles.absorb(str(server["name"]), str(server["id"]), tail)

    def connect(self, server_id: str, channel: Channel) -> Line | None:
        """See Hypervisor.connect."""
        server = self._find(server_id)
        if server is None or _status(server, None) is not Status.RUNNING:
            raise NotRunning(f"the server {server_id} is not running")
        protocol, kind = _CONSOLES[channel]
        wish = {"remote_console": {"protocol": protocol, "type": kind}}
        try:
            made = self._cloud.post(COMPUTE, f"/servers/{server['id']}/remote-consoles", wish)
        except (NotAccepted, WrongState, NotThere):  # the site has no such consoles
            return None
        return WebSocketLine(str(made["remote_console"]["url"]), self._cloud.tls)

    def facts(self, server_id: str) -> Facts | None:  # noqa: ARG002  nothing less than its profile
        """See Hypervisor.facts. The cloud gives a server what its flavor says, or none."""
        return None

    def absent_zones(self) -> tuple[AbsentZone, ...]:
        """See Hypervisor.absent_zones."""
        return self._zones.absent()

    def accelerator(self) -> tuple[str, str]:
        """See Hypervisor.accelerator."""
        return "none", "the cloud decides how guests are run"

    def servers(self) -> list[str]:
        """See Hypervisor.servers."""
        return sorted(str(server["name"]) for server in self._ours() if _status(server, None) is not Status.ABSENT)

    def _ours(self) -> list[dict[str, Any]]:
        return self._cloud.every(COMPUTE, "/servers/detail", tags=MARK)

    def _find(self, server_id: str) -> dict[str, Any] | None:
        check_server_id(server_id)
        named = self._cloud.every(COMPUTE, "/servers/detail", tags=f"{MARK},{server_id}")
        return next((server for server in named if _status(server, None) is not Status.ABSENT), None)

    def _settled(self, server_id: str) -> dict[str, Any] | None:
        """The instance once nothing is under way with it; None where there is none."""

        def ready() -> tuple[dict[str, Any] | None] | None:
            server = self._reached(server_id)
            busy = server is not None and (server["status"] == "BUILD" or server.get(_TASK))
            stuck = busy and server is not None and self._status(server) is Status.STRANDED
            return None if busy and not stuck else (server,)

        (server,) = self._cloud.until(ready, f"the server {server_id}", _START_SECONDS)
        return server  # type: ignore[no-any-return]  # what `ready` has found

    def _act(self, id_: str, action: dict[str, Any]) -> Any:
        return self._cloud.post(COMPUTE, f"/servers/{id_}/action", action)


def _failure(server: dict[str, Any]) -> HypervisorError:
    """Why an instance came to nothing."""
    reason = str(server.get("fault", {}).get("message", server["status"]))
    return NoRoom(reason) if _NO_HOST in reason else StartError(reason)


def _status(server: dict[str, Any], host: HostState | None) -> Status:
    """`host` is the state of its host where that was asked for; else the server's row says it."""
    status = _STATUS.get(str(server["status"]))
    if status is None:
        raise UnknownMember("status of an instance of Nova", server["status"])
    if status is not Status.RUNNING:
        return status
    if host is None:
        silent = server.get("host_status", "") in {_SILENT, _FORCED_DOWN}
        return Status.UNREACHABLE if silent else Status.RUNNING
    match host:
        case HostState.UP:
            return Status.RUNNING
        case HostState.SILENT:
            return Status.UNREACHABLE
        case HostState.LOST:
            return Status.STRANDED
