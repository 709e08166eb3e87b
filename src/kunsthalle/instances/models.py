"""Servers, interfaces, templates. Moments are in microseconds since the epoch."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from kunsthalle.core.crn import Crn
from kunsthalle.core.records import dataclass


@dataclass(frozen=True, slots=True)
class Instance:
    """A server of one account.

    `image` and `catalog_offering` ({"version": crn, "plan": crn or absent}) are what it was made from, copied then.
    `keys` are the copied public keys; `user_data` is secret. `options` are what the request set and nothing acts on.
    `default_trusted_profile`: {"id", "crn", "auto_link"}. `password`: {"encrypted_password": base64, "fingerprint"}.
    `placement_group_id`: of the group that it is placed in.
    """

    id: str
    account_id: str
    name: str
    status: str
    status_reasons: list[dict[str, str]]
    resource_group_id: str
    zone: str
    profile: str
    vpc_id: str
    vpc_crn: str
    vpc_name: str
    image: dict[str, str] | None
    catalog_offering: dict[str, str] | None
    keys: list[dict[str, str]]
    user_data: str | None = field(repr=False)
    options: dict[str, Any]
    default_trusted_profile: dict[str, Any] | None
    password: dict[str, str] | None = field(repr=False)
    disk_name: str | None
    created_at: int
    revision: int = 1
    placement_group_id: str | None = None

    @property
    def crn(self) -> str:
        return str(Crn("is", self.zone, self.account_id, "", "instance", self.id))


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface; its subnet and address are copied references. `position` 0 is the primary one.

    With a virtual network interface it is that one's attachment to the server, which older clients see as an interface.
    """

    id: str
    account_id: str
    instance_id: str
    position: int
    name: str
    type: str
    subnet: dict[str, str]
    primary_ip: dict[str, str]
    allow_ip_spoofing: bool
    mac: str
    virtual_network_interface_id: str | None
    created_at: int
    revision: int = 1

    @property
    def bound(self) -> str:
        """The id to which addresses and security groups are bound."""
        return self.virtual_network_interface_id or self.id


@dataclass(frozen=True, slots=True)
class Template:
    """A prototype of servers. `prototype` is the request with its references as ids; it may hold secret user data."""

    id: str
    account_id: str
    name: str
    resource_group_id: str
    zone: str
    prototype: dict[str, Any] = field(repr=False)
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return str(Crn("is", self.zone, self.account_id, "", "instance-template", self.id))
