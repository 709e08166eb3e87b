"""An account whose volumes may be encrypted with its own keys."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fixtures.app import App
from kunsthalle.block_storage.provisioning import snapshot_of, volume_of
from kunsthalle.block_storage.volume_keys import passphrases
from kunsthalle.hypervisor.protocol import Passphrases
from unit.key_protect.conftest import Keys, make_instance

READER = "crn:v1:bluemix:public:iam::::serviceRole:Reader"
VOLUME = {"profile": {"name": "general-purpose"}, "zone": {"name": "us-south-1"}}


def named(given: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in given.items()]


def authorize(app: App, who: str = "owner") -> str:
    """The account lets the VPC services use its keys; the id of the authorization."""
    account = app.accounts[who]
    body = {
        "type": "authorization",
        "subjects": [{"attributes": named({"serviceName": "is", "accountId": account})}],
        "roles": [{"role_id": READER}],
        "resources": [{"attributes": named({"serviceName": "kms", "accountId": account})}],
    }
    return str(app.ok(who, "POST", "/v1/policies", body)["id"])


@dataclass
class Vault:
    """The account `owner` with an instance of Key Protect, authorized."""

    app: App
    keys: Keys = field(init=False)
    policy: str = field(init=False)

    def __post_init__(self) -> None:
        self.keys = Keys(self.app, make_instance(self.app))
        self.policy = authorize(self.app)

    def key(self, name: str = "mine", **fields: Any) -> str:
        """The CRN of a new root key."""
        return str(self.keys.create(name=name, **fields)["crn"])

    def act(self, crn: str, action: str) -> None:
        """Disables, enables or rotates a key."""
        self.keys.ask(f"{action}_key", id=id_of(crn))
        self.app.settle()

    def registered(self, crn: str) -> set[str]:
        """The ids of the resources that a key protects."""
        found = self.keys.ask("get_registrations", id=id_of(crn))["resources"]
        return {one["resourceCrn"].rsplit(":", 1)[1] for one in found}

    def volume(self, **fields: Any) -> dict[str, Any]:
        """A new volume, made."""
        made = self.app.do("POST", "/v1/volumes", {**VOLUME, **fields})
        self.app.settle()
        return dict(self.app.do("GET", f"/v1/volumes/{made['id']}"))

    def server(self, image_id: str, key: str | None = None, **fields: Any) -> dict[str, Any]:
        """A server that runs; its boot volume encrypted with a key."""
        volume = {"profile": {"name": "general-purpose"}} | ({"encryption_key": {"crn": key}} if key else {})
        return self.app.server_of(image_id, boot_volume_attachment={"volume": volume}, **fields)

    def snapshot(self, volume_id: str) -> dict[str, Any]:
        """A snapshot, taken."""
        made = self.app.do("POST", "/v1/snapshots", {"source_volume": {"id": volume_id}})
        self.app.settle()
        return dict(self.app.do("GET", f"/v1/snapshots/{made['id']}"))

    def path(self, id_: str) -> Path:
        """The file of a volume or of a snapshot."""
        disks = self.app.server.settings.data / "disks"
        found = [disks / kind / f"{id_}.qcow2" for kind in ("volumes", "snapshots")]
        return next((path for path in found if path.exists()), found[0])

    def opened(self, id_: str) -> Passphrases:
        """What opens the disk of a volume or of a snapshot."""
        server = self.app.server
        return server.store.read(
            server.base, lambda session: passphrases(session, volume_of(session, id_) or snapshot_of(session, id_))
        )

    def disk(self, id_: str, *commands: str) -> str:
        """What qemu-io says to commands on the disk of a volume or of a snapshot."""
        return qemu_io(self.path(id_), self.opened(id_), *commands)


def id_of(crn: str) -> str:
    return crn.rsplit(":", 1)[1]


def qemu_io(path: Path, passphrases: Passphrases, *commands: str) -> str:
    """A disk that stands on plain bytes, or on none."""
    assert passphrases.base is None
    node = {"driver": "qcow2", "file.filename": str(path)}
    if passphrases.disk is not None:
        node |= {"encrypt.format": "luks", "encrypt.key-secret": "k"}
    command = ["qemu-io", "--object", "secret,id=k,format=base64,file=/dev/stdin"]
    command += [part for one in commands for part in ("-c", one)]
    given = base64.b64encode(passphrases.disk or b"none").decode()
    done = subprocess.run(
        [*command, f"json:{json.dumps(node)}"], input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
