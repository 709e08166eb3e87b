"""Every table of the product. The migrations make the same; a test compares both.

The modules are loaded by whoever asks for all tables: a start that finds the schema as it should be does not.
"""

from __future__ import annotations

from sqlalchemy import MetaData

from kunsthalle.db import prepare as preparing
from kunsthalle.db.engine import Store


def metadata() -> MetaData:
    """The tables of all packages. A table refers only to tables of its own package or of lower layers."""
    from kunsthalle.accounts import tables as _accounts
    from kunsthalle.block_storage import tables as _block_storage
    from kunsthalle.catalogs import tables as _catalogs
    from kunsthalle.console import browser_session_table as _console
    from kunsthalle.db import tables
    from kunsthalle.db import tag_tables as _tags
    from kunsthalle.iam import tables as _iam
    from kunsthalle.images import tables as _images
    from kunsthalle.instances import tables as _instances
    from kunsthalle.instances.bare_metal import tables as _bare_metal
    from kunsthalle.instances.groups import tables as _groups
    from kunsthalle.instances.placement_groups import tables as _placement_groups
    from kunsthalle.key_protect import tables as _key_protect
    from kunsthalle.networks import tables as _networks
    from kunsthalle.service_instances import tables as _service_instances

    del (
        _accounts,
        _block_storage,
        _catalogs,
        _console,
        _tags,
        _iam,
        _images,
        _instances,
        _bare_metal,
        _groups,
        _key_protect,
        _networks,
        _placement_groups,
        _service_instances,
    )
    return tables.metadata


def prepare(store: Store, *, migrates: bool = True, tell: preparing.Tell = preparing.say_nothing) -> None:
    """Bring the schema of a database to the newest revision, wholly or not at all. See `db.prepare`."""
    preparing.prepare(store, metadata, migrates=migrates, tell=tell)
