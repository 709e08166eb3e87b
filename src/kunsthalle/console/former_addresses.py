"""Addresses that pages had in earlier releases: links and bookmarks still lead to them."""

from __future__ import annotations

import re

_FORMER = (
    (re.compile(r"/servers(?=/|$)"), "/instances"),
    (re.compile(r"/rehearsal$"), "/operator/overview"),
    (re.compile(r"/rehearsal(?=/)"), "/operator"),
    (re.compile(r"/catalogs/([^/]+)/products(?=/)"), r"/catalogs/\1/offerings"),
    (re.compile(r"/catalogs/([^/]+)/new-product$"), r"/catalogs/\1/new-offering"),
)


def moved(path: str) -> str | None:
    """Where the page of a path below `/console` is now; None if it has not moved."""
    for former, now in _FORMER:
        if former.match(path):
            return former.sub(now, path, count=1)
    return None
