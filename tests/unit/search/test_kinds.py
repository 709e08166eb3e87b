"""The table of what is searched against every kind there is."""

from __future__ import annotations

import importlib
import pkgutil

import kunsthalle
from kunsthalle.db.visibility import ResourceType
from kunsthalle.search.searchable_resources import SEARCHED

LEFT_OUT = {
    "account": "the enterprise's, with routes of its own",
    "account-group": "the enterprise's, with routes of its own",
    "enterprise": "the enterprise's, with routes of its own",
    "apikey": "identities and access are IAM's own lists",
    "serviceid": "identities and access are IAM's own lists",
    "profile": "identities and access are IAM's own lists",
    "access-group": "identities and access are IAM's own lists",
    "custom-role": "identities and access are IAM's own lists",
    "plan": "part of its offering, and found with it",
    "object": "Catalog Management has a search of its own for objects",
    "offering instance": "a note of a use, with routes of its own",
}


def _kinds() -> list[ResourceType[object]]:
    found: dict[int, ResourceType[object]] = {}
    for module in pkgutil.walk_packages(kunsthalle.__path__, "kunsthalle."):
        if module.name.endswith("resources"):
            named = vars(importlib.import_module(module.name)).values()
            found |= {id(one): one for one in named if isinstance(one, ResourceType)}
    return list(found.values())


def test_every_kind_that_has_a_crn_is_searched_or_left_out_for_a_reason() -> None:
    tables = {one.kind.table.name for one in SEARCHED}
    having = {kind.name for kind in _kinds() if hasattr(kind.model, "crn") and kind.table.name not in tables}
    assert having == set(LEFT_OUT)


def test_every_searched_kind_has_the_columns_that_search_reads() -> None:
    for one in SEARCHED:
        assert {"id", "account_id", "created_at", one.name} <= set(one.kind.table.c.keys()), one.type
        assert not one.own_tags or one.own_tags in one.kind.table.c


def test_types_are_told_apart() -> None:
    assert len({(one.service, one.crn_type) for one in SEARCHED}) == len(SEARCHED)
