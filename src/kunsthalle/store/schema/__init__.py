"""Every table, a file a room. The migrations make the same; a test compares both."""

from kunsthalle.store.schema import accounts, base, catalogs, identity, images, instances, networks, search, storage
from kunsthalle.store.schema.base import metadata

__all__ = [
    "accounts",
    "base",
    "catalogs",
    "identity",
    "images",
    "instances",
    "metadata",
    "networks",
    "search",
    "storage",
]
