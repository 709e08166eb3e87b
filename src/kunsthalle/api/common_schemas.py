"""Pieces of bodies and answers that everything of the VPC API shares (reference/vpc-api.md A7, A8, B3)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.vpc import NAME_PATTERN

Name = Annotated[str, Meta(min_length=1, max_length=63, pattern=NAME_PATTERN)]


class GroupRequest(RequestBody):
    """A resource group by id."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]


class NamedResponse(ResponseBody):
    """A resource known by its name."""

    href: str
    name: str


class GroupResponse(ResponseBody):
    """A reference to a resource group."""

    href: str
    id: str
    name: str


class ReasonResponse(ResponseBody):
    """Why something is as it is."""

    code: str
    message: str
