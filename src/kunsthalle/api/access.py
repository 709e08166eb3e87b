"""Who may call a route. A rule is a required argument of every route; the pipeline asks it before the handler runs.

`item` routes look their resource up here, so that a handler cannot run without the proof, and hidden and absent take
the same way out. The handler takes what was found as its third parameter.
"""

from __future__ import annotations

from types import NoneType
from typing import Any

from msgspec import Struct

from kunsthalle.api.request import Request
from kunsthalle.authz.access_refusals import missing_action
from kunsthalle.core.errors import Problem, Reason, not_found
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, ResourceType, resolve


class Access(Struct, frozen=True):
    """A rule. `action` is what the audit and the role matrix call the action."""

    action: str
    authenticated: bool = True
    operator: bool = False
    without_account: bool = False
    """Whether a caller may call it who is in no account yet: somebody who was invited and has not accepted."""

    @property
    def finds(self) -> tuple[type, ...]:
        """The models of which the rule finds one, for the handler; none where it looks nothing up."""
        return ()

    @property
    def by_role(self) -> bool:
        """Whether nobody may make the call who holds the action on nothing."""
        return False

    def check(self, session: Session, request: Request) -> Authorized[Any] | None:  # noqa: ARG002  the rule's shape
        """Return what was looked up, if anything; a Problem unless the call may go on."""
        return None


class Item(Access, frozen=True):
    """On one resource, named by a path parameter: 404 unless seen, 403 unless the action is within reach."""

    kind: ResourceType[Any] | None = None
    param: str = "id"
    parents: tuple[str, ...] = ()

    @property
    def finds(self) -> tuple[type, ...]:
        return (self.resource_type.model,)

    @property
    def by_role(self) -> bool:
        return True

    @property
    def resource_type(self) -> ResourceType[Any]:
        """The type of what is looked up."""
        if self.kind is None:
            raise TypeError("an item rule needs its kind")
        return self.kind

    def check(self, session: Session, request: Request) -> Authorized[Any] | None:
        granted = resolve(session, self.resource_type, request.params[self.param], self.action, self.param)
        if any(getattr(granted.resource, parent) != request.params[parent] for parent in self.parents):
            raise not_found(self.param)
        return granted


class ItemIfThere(Item, frozen=True):
    """Finds nothing, and refuses nothing, where there is no such resource for a caller who may do the action at all."""

    @property
    def finds(self) -> tuple[type, ...]:
        return (self.resource_type.model, NoneType)

    def check(self, session: Session, request: Request) -> Authorized[Any] | None:
        if session.ctx.grants.scope(self.action).empty:
            raise missing_action(self.action)
        try:
            return super().check(session, request)
        except Problem as problem:
            if problem.reason is Reason.NOT_FOUND:
                return None
            raise


class Create(Access, frozen=True):
    """For somebody who holds the action on anything at all; the service then checks the very resource."""

    @property
    def by_role(self) -> bool:
        return True

    def check(self, session: Session, request: Request) -> None:  # noqa: ARG002  the rule's shape
        if session.ctx.grants.scope(self.action).empty:
            raise missing_action(self.action)


def public(action: str) -> Access:
    """Everybody, without a token."""
    return Access(action, authenticated=False)


def operator(action: str) -> Access:
    """The operator's token only."""
    return Access(action, authenticated=False, operator=True)


def member(action: str) -> Access:
    """Any valid token; what is answered follows from visibility."""
    return Access(action)


def invited(action: str) -> Access:
    """Any valid token, also of somebody who is in no account yet."""
    return Access(action, without_account=True)


def listing(kind: ResourceType[Any]) -> Access:
    """Any valid token: a list never fails, it shows what the caller may read."""
    return Access(kind.read)


def create(action: str) -> Access:
    """A caller who may do this somewhere in the account."""
    return Create(action)


def item(
    kind: ResourceType[Any], action: str | None = None, param: str = "id", parents: tuple[str, ...] = ()
) -> Access:
    """A caller who sees the resource and may do the action on it (reading it, unless said otherwise).

    `parents` are the path parameters that must name what the resource is in, as the model's fields of the same names
    do;
    empty ones are left out.
    """
    return Item(action or kind.read, kind=kind, param=param, parents=tuple(parent for parent in parents if parent))


def item_if_there(kind: ResourceType[Any], action: str, param: str = "id", parents: tuple[str, ...] = ()) -> Access:
    """As `item`, for deletions that succeed where there is nothing to delete: the handler takes None then."""
    return ItemIfThere(action, kind=kind, param=param, parents=parents)
