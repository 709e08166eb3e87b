"""Pieces of bodies and answers that everything of the VPC API shares (reference/vpc-api.md A7, A8, B3)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from kunsthalle.api.families.vpc import NAME_PATTERN
from kunsthalle.api.wire import Body, Wire

Name = Annotated[str, Meta(min_length=1, max_length=63, pattern=NAME_PATTERN)]


class GroupBody(Body):
    """A resource group by id."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]


class NamedWire(Wire):
    """A thing known by its name."""

    href: str
    name: str


class GroupWire(Wire):
    """A reference to a resource group."""

    href: str
    id: str
    name: str


class ReasonWire(Wire):
    """Why something is as it is."""

    code: str
    message: str
