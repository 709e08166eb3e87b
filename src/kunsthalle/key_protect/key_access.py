"""Who may call a route of Key Protect: the header names the instance, the path a key of it by ID or alias."""

from __future__ import annotations

from typing import Any

from kunsthalle.api.access import Access
from kunsthalle.api.request import Request
from kunsthalle.api.surfaces.kms import INSTANCE
from kunsthalle.authz.access_refusals import missing_action
from kunsthalle.core.errors import not_found
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, in_account, require, resolve, some
from kunsthalle.key_protect.key_policies import refuse_other_addresses
from kunsthalle.key_protect.models import Key, KeyRing
from kunsthalle.key_protect.resources import KEY_RING, PROTECTED_KEY
from kunsthalle.key_protect.service import named
from kunsthalle.service_instances.models import ServiceInstance
from kunsthalle.service_instances.resources import KEY_PROTECT_INSTANCE

RING = "x-kms-key-ring"
"""The header that names a key ring: of keys to make, or in which alone to look."""


def instance_of(session: Session, request: Request) -> ServiceInstance:
    """The instance that the header names. 404 unless it is an active one of the account, 403 from other subnets.

    Roles within the service say nothing about the instance itself, so that it is found whatever the caller's are.
    """
    instance = in_account(session, KEY_PROTECT_INSTANCE, request.headers.get(INSTANCE.lower(), ""))
    if instance is None or instance.state != "active":
        raise not_found(INSTANCE, "header")
    refuse_other_addresses(session, instance.id)
    return instance


class InInstance(Access, frozen=True):
    """On an instance, for somebody who may do the action on anything in it."""

    @property
    def finds(self) -> tuple[type, ...]:
        return (ServiceInstance,)

    def check(self, session: Session, request: Request) -> Authorized[ServiceInstance]:
        instance = instance_of(session, request)
        if session.ctx.grants.scope(self.action).empty:
            raise missing_action(self.action)
        return Authorized(instance, self.action)


class OnKey(Access, frozen=True):
    """On a key: 404 unless it is in the instance and seen, 403 unless the action is within reach."""

    @property
    def finds(self) -> tuple[type, ...]:
        return (Key,)

    def check(self, session: Session, request: Request) -> Authorized[Any]:
        instance = instance_of(session, request)
        id_ = named(session, instance.id, request.params["id"])
        granted = resolve(session, PROTECTED_KEY, id_, self.action)
        ring = request.headers.get(RING, granted.resource.key_ring_id)
        if (granted.resource.instance_id, granted.resource.key_ring_id) != (instance.id, ring):
            raise not_found()
        return granted


class OnRing(Access, frozen=True):
    """On a key ring of the instance, by its name; the ring `default` is nobody's to change."""

    @property
    def finds(self) -> tuple[type, ...]:
        return (KeyRing,)

    def check(self, session: Session, request: Request) -> Authorized[Any]:
        instance, columns = instance_of(session, request), KEY_RING.table.c
        for ring in some(session, KEY_RING, columns.instance_id == instance.id, columns.name == request.params["id"]):
            require(session, KEY_RING, ring, self.action)
            return Authorized(ring, self.action)
        raise not_found()
