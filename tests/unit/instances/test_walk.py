"""Random walks over servers, volumes and snapshots against the API, with a model beside it: after every step the lists
say what the model says, and when everything is deleted nothing is left.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from fixtures.app import GIB, App, open_app
from fixtures.walks import Reached, share

STEPS = share(60, 12_000)
"""In all, of those that came to something."""
_WALK = 30
_EMPTY = 5
"""Walks of a run of hypothesis that may come to nothing: the first takes the simplest choice at each step."""
NAMES = [f"name-{number}" for number in range(5)]
MOST = 6
ANY = st.integers(0, 10_000)
BRANCHES = (
    *("boot", "boot from a snapshot", "boot under a name that is taken", "start", "stop", "reboot"),
    *("reboot of what is stopped", "rename", "rename to a name that is taken", "server deleted with its volume"),
    *("server deleted without its volume", "volume", "volume of a snapshot", "attach", "attach what is attached"),
    *("detach", "detach a boot volume", "volume deleted", "delete what is attached", "snapshot", "snapshot deleted"),
)


@dataclass
class Server:
    """What the model knows of a server; `fate`: whether the boot volume goes with it."""

    name: str
    status: str
    boot: str
    fate: bool


@dataclass
class Volume:
    """What the model knows of a volume: the server it is attached to, and by which attachment."""

    bootable: bool
    server: str | None = None
    attachment: str | None = None


class Walk(RuleBasedStateMachine):
    """One account's resources. The world is made once and emptied by each walk's end."""

    app: App
    image: str
    reached: Reached

    @initialize()
    def begin(self) -> None:
        self.servers: dict[str, Server] = {}
        self.volumes: dict[str, Volume] = {}
        self.snapshots: dict[str, bool] = {}
        self.made = 0

    def _pick(self, ids: Iterable[str], number: int) -> str | None:
        known = list(ids)  # in the order in which they were made, which is the same in every run
        return known[number % len(known)] if known else None

    def _server(self, body: dict[str, Any], name: str, *, fate: bool) -> None:
        home = self.app.do("GET", "/v1/subnets")["subnets"][0]
        body = {
            **body,
            "name": name,
            "zone": {"name": home["zone"]["name"]},
            "profile": {"name": "bx2-2x8"},
            "keys": [{"id": self.app.do("GET", "/v1/keys")["keys"][0]["id"]}],
            "primary_network_interface": {"subnet": {"id": home["id"]}},
        }
        if name in {one.name for one in self.servers.values()}:
            assert self.app.refused("POST", "/v1/instances", body)[:2] == (400, "validation_unique_failed")
            self.reached.add("boot under a name that is taken")
            return
        made = self.app.do("POST", "/v1/instances", body)
        boot = made["boot_volume_attachment"]["volume"]["id"]
        self.app.settle()
        self.reached.add("boot from a snapshot" if "image" not in body else "boot")
        self.servers[made["id"]] = Server(name, "running", boot, fate)
        self.volumes[boot] = Volume(True, made["id"], made["boot_volume_attachment"]["id"])

    @rule(name=st.sampled_from(NAMES), fate=st.booleans())
    def boot(self, name: str, fate: bool) -> None:
        if len(self.servers) < MOST:
            self.made += 1
            volume = {"profile": {"name": "general-purpose"}, "name": f"boot-{self.made}"}
            attachment = {"delete_volume_on_instance_delete": fate, "volume": volume}
            self._server({"image": {"id": self.image}, "boot_volume_attachment": attachment}, name, fate=fate)

    @rule(name=st.sampled_from(NAMES), number=ANY)
    def boot_from_a_snapshot(self, name: str, number: int) -> None:
        chosen = self._pick((id_ for id_, bootable in self.snapshots.items() if bootable), number)
        if chosen is None or len(self.servers) >= MOST:
            return
        volume = {"profile": {"name": "general-purpose"}, "source_snapshot": {"id": chosen}}
        attachment = {"delete_volume_on_instance_delete": True, "volume": volume}
        self._server({"boot_volume_attachment": attachment}, name, fate=True)

    @rule(number=ANY, verb=st.sampled_from(["start", "stop", "reboot"]), force=st.booleans())
    def act(self, number: int, verb: str, force: bool) -> None:
        id_ = self._pick(self.servers, number)
        if id_ is None:
            return
        server, path = self.servers[id_], f"/v1/instances/{id_}/actions"
        if verb == "reboot" and server.status == "stopped":
            assert self.app.refused("POST", path, {"type": verb, "force": force})[0] == 409
            self.reached.add("reboot of what is stopped")
            return
        self.app.do("POST", path, {"type": verb, "force": force})
        self.app.settle()
        self.reached.add(verb)
        server.status = "stopped" if verb == "stop" else "running"

    @rule(number=ANY, name=st.sampled_from(NAMES))
    def rename(self, number: int, name: str) -> None:
        id_ = self._pick(self.servers, number)
        if id_ is None:
            return
        if name in {one.name for other, one in self.servers.items() if other != id_}:
            refused = self.app.refused("PATCH", f"/v1/instances/{id_}", {"name": name})
            assert refused[:2] == (400, "validation_unique_failed")
            self.reached.add("rename to a name that is taken")
            return
        self.app.do("PATCH", f"/v1/instances/{id_}", {"name": name})
        self.reached.add("rename")
        self.servers[id_].name = name

    @rule(number=ANY)
    def delete_server(self, number: int) -> None:
        id_ = self._pick(self.servers, number)
        if id_ is None:
            return
        self.app.do("DELETE", f"/v1/instances/{id_}")
        self.app.settle()
        gone = self.servers.pop(id_)
        for volume in self.volumes.values():
            if volume.server == id_:
                volume.server = volume.attachment = None
        if gone.fate:
            self.volumes.pop(gone.boot)
        self.reached.add(f"server deleted with{'' if gone.fate else 'out'} its volume")

    @rule(number=ANY, from_snapshot=st.booleans())
    def make_volume(self, number: int, from_snapshot: bool) -> None:
        if len(self.volumes) >= 3 * MOST:
            return
        body: dict[str, Any] = {"profile": {"name": "general-purpose"}, "zone": {"name": "us-south-1"}}
        source = self._pick(self.snapshots, number) if from_snapshot else None
        body |= {"source_snapshot": {"id": source}} if source else {"capacity": 10}
        made = self.app.do("POST", "/v1/volumes", body)
        self.app.settle()
        self.reached.add("volume of a snapshot" if source else "volume")
        self.volumes[made["id"]] = Volume(bool(source and self.snapshots[source]))

    @rule(number=ANY, other=ANY)
    def attach(self, number: int, other: int) -> None:
        id_, volume = self._pick(self.servers, number), self._pick(self.volumes, other)
        if id_ is None or volume is None:
            return
        path, body = f"/v1/instances/{id_}/volume_attachments", {"volume": {"id": volume}}
        if self.volumes[volume].server is not None:
            assert self.app.refused("POST", path, body)[0] == 409
            self.reached.add("attach what is attached")
            return
        made = self.app.do("POST", path, body)
        self.app.settle()
        self.reached.add("attach")
        self.volumes[volume].server, self.volumes[volume].attachment = id_, made["id"]

    @rule(number=ANY)
    def detach(self, number: int) -> None:
        volume = self._pick((id_ for id_, one in self.volumes.items() if one.server is not None), number)
        if volume is None:
            return
        known = self.volumes[volume]
        path = f"/v1/instances/{known.server}/volume_attachments/{known.attachment}"
        if volume in {one.boot for one in self.servers.values()}:
            assert self.app.refused("DELETE", path)[0] in {400, 409}
            self.reached.add("detach a boot volume")
            return
        self.app.do("DELETE", path)
        self.app.settle()
        self.reached.add("detach")
        known.server = known.attachment = None

    @rule(number=ANY)
    def delete_volume(self, number: int) -> None:
        volume = self._pick(self.volumes, number)
        if volume is None:
            return
        if self.volumes[volume].server is not None:
            assert self.app.refused("DELETE", f"/v1/volumes/{volume}")[:2] == (409, "volume_still_attached")
            self.reached.add("delete what is attached")
            return
        self.app.do("DELETE", f"/v1/volumes/{volume}")
        self.app.settle()
        self.reached.add("volume deleted")
        self.volumes.pop(volume)

    @rule(number=ANY)
    def snapshot(self, number: int) -> None:
        volume = self._pick(self.volumes, number)
        if volume is None or len(self.snapshots) >= MOST:
            return
        made = self.app.do("POST", "/v1/snapshots", {"source_volume": {"id": volume}})
        self.app.settle()
        self.reached.add("snapshot")
        self.snapshots[made["id"]] = self.volumes[volume].bootable

    @rule(number=ANY)
    def delete_snapshot(self, number: int) -> None:
        chosen = self._pick(self.snapshots, number)
        if chosen is not None:
            self.app.do("DELETE", f"/v1/snapshots/{chosen}")
            self.app.settle()
            self.snapshots.pop(chosen)
            self.reached.add("snapshot deleted")

    @invariant()
    def the_lists_say_what_the_model_says(self) -> None:
        if not hasattr(self, "servers"):
            return
        servers = self.app.do("GET", "/v1/instances?limit=100")["instances"]
        said = {
            one["id"]: (one["name"], one["status"], one["boot_volume_attachment"]["volume"]["id"]) for one in servers
        }
        assert said == {id_: (one.name, one.status, one.boot) for id_, one in self.servers.items()}
        volumes = self.app.do("GET", "/v1/volumes?limit=100")["volumes"]
        assert {one["id"]: _where(one) for one in volumes} == {
            id_: (one.server, one.attachment) for id_, one in self.volumes.items()
        }
        assert {one["status"] for one in volumes} <= {"available"}
        snapshots = self.app.do("GET", "/v1/snapshots?limit=100")["snapshots"]
        assert {one["id"]: one["bootable"] for one in snapshots} == self.snapshots
        attached = {id_: sorted(one["id"] for one in server["volume_attachments"]) for id_, server in _by_id(servers)}
        assert attached == {
            id_: sorted(str(one.attachment) for one in self.volumes.values() if one.server == id_)
            for id_ in self.servers
        }

    def teardown(self) -> None:
        """Everything is deleted; no disk, no machine and no address is left."""
        for kind in ("instances", "volumes", "snapshots"):
            for one in self.app.do("GET", f"/v1/{kind}?limit=100")[kind]:
                self.app.do("DELETE", f"/v1/{kind}/{one['id']}")
            self.app.settle()
            assert self.app.do("GET", f"/v1/{kind}")[kind] == []
        root = self.app.server.drivers.disks
        assert [one for one in root.rglob("*") if one.is_file()] == []
        assert self.app.server.drivers.hypervisor.servers() == []
        subnet = self.app.do("GET", "/v1/subnets")["subnets"][0]
        kept = self.app.do("GET", f"/v1/subnets/{subnet['id']}/reserved_ips")["reserved_ips"]
        assert {one["owner"] for one in kept} == {"provider"}


def _by_id(servers: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return [(one["id"], one) for one in servers]


def _where(volume: dict[str, Any]) -> tuple[str | None, str | None]:
    for one in volume["volume_attachments"]:
        return one["instance"]["id"], one["id"]
    return None, None


def test_random_walks_end_where_the_model_says(walk_seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        app = open_app(Path(folder) / "data")
        try:
            image = app.image("walked", size=GIB)["id"]
            Walk.reached, walks = Reached(BRANCHES), 0
            while Walk.reached.total() < STEPS:
                walk = type("WalkHere", (Walk,), {"app": app, "image": image})  # an attribute; words: allow
                chosen = settings(
                    max_examples=(STEPS - Walk.reached.total()) // _WALK + 1 + _EMPTY,
                    stateful_step_count=_WALK,
                    database=None,
                    deadline=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
                seed(walk_seed + walks)(walk)
                run_state_machine_as_test(walk, settings=chosen)
                walks += 1
                assert walks <= STEPS, Walk.reached
            Walk.reached.require_all()
        finally:
            app.close()
