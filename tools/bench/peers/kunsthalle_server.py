"""Kunsthalle as `kunsthalle serve` starts it, on SQLite and a folder, asked for what its peers are asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tools.bench.calls import Connection
from tools.bench.load import Ask
from tools.bench.measured_data import SCENARIO, VERSION, Caller, make
from tools.bench.peers.served_peer import IMAGES, PAGE, Peer, Reads, agree, until
from tools.bench.processes import product

from kunsthalle.core.ids import Ids

_CATALOGS = "/api/v1-beta"
_SYSTEM = {"name": "debian-12-amd64"}


class Kunsthalle(Peer):
    """The accounts `publisher` and `consumer-a` of the enterprise scenario."""

    name = "Kunsthalle"

    def set_up(self) -> None:
        """The scenario, and images that are written straight into the store; the small file is in a bucket."""
        self._data = self.folder / "data"
        self._ids = make(self._data, {"publisher": IMAGES})["publisher"]
        self._tokens: dict[str, dict[str, str]] = {}
        with product(self._data, *SCENARIO) as server:
            callers = {name: Caller(self._data, name, server.port) for name in ("publisher", "consumer-a")}
            self._tokens = {name: caller.headers for name, caller in callers.items()}
            self._accounts = {name: caller.env["IBMCLOUD_ACCOUNT_ID"] for name, caller in callers.items()}
            self._bucket = Path(callers["publisher"].env["KUNSTHALLE_BUCKETS"]) / "images"
        (self._bucket / "small.qcow2").write_bytes((self.folder.parent / "small.qcow2").read_bytes())

    def start(self) -> None:
        """One process; servers are simulated."""
        self.processes.append(product(self._data, *SCENARIO))

    def first_answer(self) -> None:
        """A page of images, with a token from before the start."""
        self.connection.expect(200, "GET", _page(), None, self._tokens["publisher"])

    def fill(self) -> None:
        """An image with bytes, which instances run of, and a catalog."""
        connection = self.connection
        self._booted = self._imported(connection, "booted", "small.qcow2")["id"]
        self._subnet = self._call(connection, 200, "GET", _vpc("subnets"))["subnets"][0]
        body = {"label": "golden images"}
        self._catalog = self._call(connection, 201, "POST", f"{_CATALOGS}/catalogs", body)["id"]

    def reads(self) -> Reads:
        """See Peer."""
        headers = self._tokens["publisher"]
        wrong = {"Authorization": headers["Authorization"] + "x"}
        return Reads(
            ids=tuple(self._ids),
            one=Ask("one", _vpc("images", self._ids[0]), headers),
            each=tuple(Ask("each", _vpc("images", id_), headers) for id_ in self._ids),
            absent=Ask("absent", _vpc("images", Ids(1).resource("r006")), headers, 404),
            page=Ask("page", _page(), headers),
            refused=Ask("refused", _vpc("images", self._ids[0]), wrong, 401),
            missing=b"not_found",
        )

    def check_page(self, content: bytes) -> list[str]:
        """All of them available."""
        images = json.loads(content)["images"]
        agree("states of a page", {image["status"] for image in images}, {"available"})
        return [image["id"] for image in images]

    def share(self, number: int) -> None:
        """Import, offering, version, validation, publication, access, approval; the consumer's look; deletions."""
        connection = self.connection
        image = self._imported(connection, f"shared-{number}", "small.qcow2")
        offerings = f"{_CATALOGS}/catalogs/{self._catalog}/offerings"
        body = {"name": f"golden-{number}", "label": "Golden"}
        offering = self._call(connection, 201, "POST", offerings, body)["id"]
        path = f"{offerings}/{offering}"
        made = self._call(connection, 201, "POST", f"{path}/version", _version(image))
        locator = made["kinds"][0]["versions"][0]["version_locator"]
        self._publish(connection, f"{_CATALOGS}/versions/{locator}")
        consumer, publisher = (f"-acct-{self._accounts[name]}" for name in ("consumer-a", "publisher"))
        self._call(connection, 201, "POST", f"{path}/access", [consumer])
        self._call(connection, 200, "POST", f"{path}/share", {"enabled": True})
        approval = f"{_CATALOGS}/shareapproval/offering/access/source/approved"
        self._call(connection, 201, "POST", approval, [publisher], "consumer-a")
        shared = f"{_CATALOGS}/offerings?select=private"
        shown = self._call(connection, 200, "GET", shared, None, "consumer-a")["resources"]
        agree("what the consumer may use", [offering_["id"] for offering_ in shown], [offering])
        self._call(connection, 200, "DELETE", path)
        self._delete_image(connection, image["id"])
        agree("what is left of it", self._call(connection, 200, "GET", shared, None, "consumer-a")["resources"], [])

    @property
    def run_instance(self) -> Callable[[int], None]:
        """Create it, look until it runs, delete it, look until it is gone."""

        def run(number: int) -> None:
            connection = self.connection
            body = {
                "name": f"server-{number}",
                "image": {"id": self._booted},
                "zone": {"name": self._subnet["zone"]["name"]},
                "profile": {"name": "bx2-2x8"},
                "primary_network_interface": {"subnet": {"id": self._subnet["id"]}},
            }
            path = _vpc("instances", self._call(connection, 201, "POST", _vpc("instances"), body)["id"])
            until(lambda: self._call(connection, 200, "GET", path)["status"] == "running", "the start")
            self._call(connection, 204, "DELETE", path)
            self._until_gone(connection, path)

        return run

    @property
    def upload(self) -> Callable[[Path, int], Callable[[], None]]:
        """Its parts into a bucket, then the import of the object; the image tells SHA-256."""

        def upload(file: Path, number: int) -> Callable[[], None]:
            connection, name = self.connection, f"uploaded-{number}"
            body = {"bucket": "images", "object": f"{name}.qcow2", "size": file.stat().st_size}
            begun = self._call(connection, 201, "POST", "/_kunsthalle/uploads", body)
            path = f"/_kunsthalle/uploads/{begun['id']}"
            with file.open("rb") as content:
                for part in range(1, begun["parts"] + 1):
                    piece = content.read(begun["part_size"])
                    connection.expect(204, "PUT", f"{path}/parts/{part}", piece, self._tokens["publisher"])
            self._call(connection, 200, "POST", f"{path}/complete")
            image = self._imported(connection, name, f"{name}.qcow2")

            def end() -> None:
                with file.open("rb") as content:
                    digest = hashlib.file_digest(content, "sha256").hexdigest()
                agree("the digest of the uploaded image", image["file"]["checksums"]["sha256"], digest)
                agree("the size of its object", (self._bucket / f"{name}.qcow2").stat().st_size, file.stat().st_size)
                self._delete_image(connection, image["id"])
                (self._bucket / f"{name}.qcow2").unlink()

            return end

        return upload

    def _call(
        self,
        connection: Connection,
        status: int,
        method: str,
        path: str,
        body: Any = None,
        account: str = "publisher",
    ) -> Any:
        text = None if body is None else json.dumps(body)
        headers = {**self._tokens[account], "Content-Type": "application/json"}
        answer = connection.expect(status, method, path, text, headers)
        return answer.document if answer.content else None

    def _imported(self, connection: Connection, name: str, key: str) -> dict[str, Any]:
        body = {"name": name, "file": {"href": f"cos://us-south/images/{key}"}, "operating_system": _SYSTEM}
        image: dict[str, Any] = self._call(connection, 201, "POST", _vpc("images"), body)

        def available() -> bool:
            image.update(self._call(connection, 200, "GET", _vpc("images", image["id"])))
            if image["status"] == "failed":
                raise RuntimeError(f"the import of {key} failed: {image['status_reasons']}")
            return bool(image["status"] == "available")

        until(available, "the import")
        return image

    def _publish(self, connection: Connection, version: str) -> None:
        headers = {**self._tokens["publisher"], "X-Auth-Refresh-Token": "unused"}
        install = f"{version}/validation/install"
        connection.expect(202, "POST", install, "{}", {**headers, "Content-Type": "application/json"})
        until(
            lambda: connection.expect(200, "GET", install, None, headers).document["state"] == "valid", "the validation"
        )
        self._call(connection, 202, "POST", f"{version}/consume-publish")

    def _delete_image(self, connection: Connection, id_: str) -> None:
        self._call(connection, 202, "DELETE", _vpc("images", id_))
        self._until_gone(connection, _vpc("images", id_))

    def _until_gone(self, connection: Connection, path: str) -> None:
        headers = self._tokens["publisher"]
        until(lambda: connection.ask("GET", path, None, headers).status == HTTPStatus.NOT_FOUND, "the deletion")


def _vpc(*parts: str) -> str:
    return f"/v1/{'/'.join(parts)}?{VERSION}"


def _page() -> str:
    return f"{_vpc('images')}&limit={PAGE}"


def _version(image: dict[str, Any]) -> dict[str, Any]:
    """The body that imports an image as a version of an offering."""
    return {
        "name": "golden",
        "label": "Golden",
        "version": "1.0.0",
        "install_kind": "instance",
        "target_kinds": ["vpc-x86"],
        "format_kind": "vsi-image",
        "sha": image["file"]["checksums"]["sha256"],
        "metadata": {
            "operating_system": image["operating_system"],
            "file": {"size": image["file"]["size"]},
            "minimum_provisioned_size": image["minimum_provisioned_size"],
            "images": [{"id": image["id"], "name": image["name"], "region": "us-south"}],
        },
    }
