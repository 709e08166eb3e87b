"""What a scenario file may say. Names resolve within the file; the accounts of `enterprise` are always there."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

BASE_ACCOUNTS = ("enterprise", "publisher", "consumer-a", "consumer-b", "outsider")
"""What every file begins with: the accounts of `serve --scenario enterprise`."""
ROLES = ("Viewer", "Operator", "Editor", "Administrator")

_Name = Annotated[str, Meta(min_length=1, max_length=63, pattern="^[a-z0-9][a-z0-9-]*$")]
_Text = Annotated[str, Meta(min_length=1, max_length=200)]
_Account = Annotated[str, Meta(description="Name of an account: of the file, or of `enterprise`.")]


class _Part(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A part of a file: nothing but its fields may be there."""


class AccountGroupPart(_Part):
    """An account group of the enterprise: at its top, or within the group `parent`, which stands before it."""

    name: Annotated[str, Meta(min_length=3, max_length=60)]
    parent: str = ""


class AccountPart(_Part):
    """A further account, with an owner who can do everything in it; `parent` is the account group that it is in.

    `deleted` deletes it once all else is made: it leaves its enterprise, and nobody can act in it any more.
    """

    name: Annotated[str, Meta(min_length=3, max_length=60, pattern="^[a-z0-9][a-z0-9-]*$")]
    in_enterprise: bool = True
    parent: str = ""
    deleted: bool = False


class UserPart(_Part):
    """Somebody with a key of their own and one role on one service; `name` is what `kunsthalle env` calls them."""

    name: _Name
    account: _Account
    email: Annotated[str, Meta(min_length=3, max_length=255)]
    role: Literal["Viewer", "Operator", "Editor", "Administrator"] = "Viewer"
    services: list[_Text] = msgspec.field(default_factory=lambda: ["is", "globalcatalog-collection"])


class ImagePart(_Part):
    """An image with a disk of `size` GB that begins with `content` (default: its name), or the file at a path beside
    the scenario file. `state` is where it ends, after instances were made. A `count` makes as many: NAME-1, NAME-2, ….
    """

    name: _Name
    account: _Account
    operating_system: _Text = "debian-12-amd64"
    size: Annotated[int, Meta(ge=1, le=250)] = 10
    content: Annotated[str, Meta(max_length=10_000)] = ""
    file: Annotated[str, Meta(max_length=500)] = ""
    count: Annotated[int, Meta(ge=1, le=10_000)] = 1
    state: Literal["available", "deprecated", "obsolete", "deleted"] = "available"

    @property
    def names(self) -> list[str]:
        """The names of all that are made."""
        return [self.name] if self.count == 1 else [f"{self.name}-{number}" for number in range(1, self.count + 1)]


class SharePart(_Part):
    """An account that an offering is shared with, and what it has answered."""

    account: _Account
    state: Literal["pending", "accepted"] = "accepted"


class VersionPart(_Part):
    """A version with an image of the catalog's account. `state` is where it ends, after instances were made."""

    version: Annotated[str, Meta(pattern=r"^\d+\.\d+\.\d+$")]
    image: _Name
    state: Literal["draft", "validated", "published", "deprecated", "archived", "deleted"] = "published"


class OfferingPart(_Part):
    """An offering with its versions and its shares."""

    name: _Name
    versions: list[VersionPart] = []
    shares: list[SharePart] = []


class CatalogPart(_Part):
    """A catalog. `deleted` deletes it once all else is made, before the clock moves."""

    label: _Text
    account: _Account
    offerings: list[OfferingPart] = []
    deleted: bool = False


class InstancePart(_Part):
    """A running instance, of an image of the account or of a version: `catalog label/offering/1.0.0`."""

    name: _Name
    account: _Account
    image: str = ""
    version: str = ""


class TemplatePart(_Part):
    """An instance template, of an image of the account or of a version: `catalog label/offering/1.0.0`."""

    name: _Name
    account: _Account
    image: str = ""
    version: str = ""


class InstanceGroupPart(_Part):
    """An instance group of `members` instances, made of a template of its account."""

    name: _Name
    account: _Account
    template: _Name
    members: Annotated[int, Meta(ge=0, le=20)] = 1


class AuthorizationPart(_Part):
    """The policy that lets instance groups of an account use the images of catalogs."""

    account: _Account


class ClockPart(_Part):
    """How far the clock is moved at the end: `6d`, `P6D`."""

    advance: Annotated[str, Meta(pattern=r"^(\d+[smhdw]|P[0-9DTHMSW]+)$")]


class FaultSetPart(_Part):
    """Faults that are set at the end: a named set, or the fields that the operator's API takes."""

    set: Literal["", "flaky-network", "throttled", "eventually-consistent", "bad-day"] = ""
    seed: Annotated[int, Meta(ge=0)] = 0
    fault: dict[str, Any] = {}


class Scenario(_Part):
    """A whole file."""

    description: Annotated[str, Meta(min_length=1, max_length=500)]
    account_groups: list[AccountGroupPart] = []
    accounts: list[AccountPart] = []
    users: list[UserPart] = []
    images: list[ImagePart] = []
    catalogs: list[CatalogPart] = []
    instances: list[InstancePart] = []
    authorizations: list[AuthorizationPart] = []
    templates: list[TemplatePart] = []
    instance_groups: list[InstanceGroupPart] = []
    clock: ClockPart | None = None
    faults: list[FaultSetPart] = []


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Scenario)}


def allowed_at(path: list[str | int]) -> list[str]:
    """The fields of the part at a path, or the words that are allowed there; empty where there is no list of them."""
    type_: Any = Scenario
    for step in path:
        type_ = _inside(type_, step)
    words = _words(type_)
    return words or list(getattr(_part(type_), "__struct_fields__", ()))


def _inside(type_: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return (getattr(type_, "__args__", None) or (None,))[0]
    part = _part(type_)
    fields = {field.name: field.type for field in msgspec.structs.fields(part)} if part is not None else {}
    return fields.get(step)


def _part(type_: Any) -> Any:
    candidates = (type_, *getattr(type_, "__args__", ()))
    return next(
        (candidate for candidate in candidates if isinstance(candidate, type) and issubclass(candidate, Struct)), None
    )


def _words(type_: Any) -> list[str]:
    return [str(argument) for argument in getattr(type_, "__args__", ()) if isinstance(argument, str) and argument]
