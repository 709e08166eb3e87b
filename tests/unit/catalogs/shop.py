"""A catalog of `me` in a small cloud: products of one image, published, shared with `consumer`, accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kunsthalle.images.models import Image
from unit.instances.api_in_process import Api

BASE = "/api/v1-beta"
SHARES = f"{BASE}/shareapproval/offering/access"


@dataclass
class Product:
    """An offering; `path` is its own, below its catalog."""

    shop: Shop
    id: str
    crn: str
    path: str

    def version(self, image: Image, number: str = "1.0.0") -> Edition:
        """An image imported as a version, in state `new`."""
        images = [{"id": image.id, "name": image.name, "region": "us-south"}]
        body = {"name": "p", "target_kinds": ["vpc-x86"], "version": number, "metadata": {"images": images}}
        made = self.shop.api.call("POST", f"{self.path}/version", body, status=201)
        found = next(one for one in made["kinds"][0]["versions"] if one["version"] == number)
        return Edition(self.shop, found["id"], found["crn"], found["version_locator"], image)

    def published(self, image: Image, number: str = "1.0.0") -> Edition:
        """An image imported, validated and published."""
        edition = self.version(image, number)
        edition.validate()
        edition.step("consume-publish")
        return edition

    def share(self, *identifiers: str, enabled: bool = True) -> dict[str, Any]:
        """Puts identifiers on the access list, and the list into effect; what the list then is, with its errors."""
        listed = self.shop.api.call("POST", f"{self.path}/access", list(identifiers), status=201)
        self.shop.api.call("POST", f"{self.path}/share", {"enabled": enabled}, status=200)
        return listed

    def get(self, caller: str = "me") -> dict[str, Any]:
        return self.shop.api.call("GET", self.path, status=200, caller=caller)


@dataclass
class Edition:
    """A version."""

    shop: Shop
    id: str
    crn: str
    locator: str
    image: Image

    @property
    def path(self) -> str:
        return f"{BASE}/versions/{self.locator}"

    def validate(self) -> None:
        self.shop.api.call("POST", f"{self.path}/validation/install", {}, status=202)
        self.shop.api.settle()
        assert self.get()["validation"]["state"] == "valid"

    def step(self, name: str, body: Any = None) -> None:
        self.shop.api.call("POST", f"{self.path}/{name}", body, status=202)

    def refused(self, name: str, body: Any = None) -> str:
        """What a step that cannot be taken is answered with."""
        said = self.shop.api.call("POST", f"{self.path}/{name}", body, status=400)
        return str(said["errors"][0]["message"])

    def get(self, caller: str = "me") -> dict[str, Any]:
        branch = self.shop.api.call("GET", self.path, status=200, caller=caller)
        found: dict[str, Any] = branch["kinds"][0]["versions"][0]
        return found

    @property
    def state(self) -> str:
        return str(self.get()["state"]["current"])

    @property
    def image_now(self) -> dict[str, Any]:
        return self.shop.api.call("GET", f"/v1/images/{self.image.id}", status=200)


class Shop:
    """A catalog and what is in it."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.catalog: str = api.call("POST", f"{BASE}/catalogs", {"label": "shop"}, status=201)["id"]
        self.path = f"{BASE}/catalogs/{self.catalog}"

    def account(self, caller: str) -> str:
        return self.api.callers[caller].account_id

    def product(self, name: str = "product") -> Product:
        """A new, empty offering."""
        made = self.api.call("POST", f"{self.path}/offerings", {"name": name, "label": name.title()}, status=201)
        return Product(self, made["id"], made["crn"], f"{self.path}/offerings/{made['id']}")

    def accept(self, caller: str = "consumer", state: str = "approved") -> None:
        """The receiving account's answer to whatever `me` shares with it."""
        path = f"{SHARES}/source/{state}"
        assert self.api.answer("POST", path, [self.account("me")], caller=caller).status_code == 201

    def boots(self, crn: str, caller: str = "consumer", by: str = "version") -> bool:
        """Whether a server can be made from a version's, or an offering's, CRN right now. It is deleted again."""
        body = self.api.homes[caller].prototype(catalog_offering={by: {"crn": crn}})
        answer = self.api.answer("POST", "/v1/instances", body, caller=caller)
        if answer.status_code != 201:
            assert answer.json()["errors"][0]["code"] in {"not_found", "invalid_state"}, answer.text
            return False
        self.api.settle()
        self.api.call("DELETE", f"/v1/instances/{answer.json()['id']}", status=204, caller=caller)
        self.api.settle()
        return True
