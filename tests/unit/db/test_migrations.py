"""Migrations make what the tables say, on both engines; a database is migrated wholly or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, inspect, text
from sqlalchemy.exc import DBAPIError

from fixtures.databases import IN_TURNS
from fixtures.threads import together
from kunsthalle.all_tables import metadata as all_tables
from kunsthalle.all_tables import prepare
from kunsthalle.db import migrations
from kunsthalle.db import prepare as preparing
from kunsthalle.db.engine import Store
from kunsthalle.db.prepare import HEAD, NewerSchema
from kunsthalle.images.tables import blob_refs, blobs


@pytest.fixture(params=IN_TURNS)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
        return
    cluster = request.getfixturevalue("cluster")
    yield cluster.url(cluster.create())


@pytest.fixture
def store(empty: str) -> Iterator[Store]:
    made = Store(empty)
    yield made
    made.close()


def _migrate(store: Store, to: str = "head") -> None:
    with preparing._alone(store) as connection:
        migrations.upgrade(connection, to)


def _described(store: Store) -> dict[str, Any]:
    """Everything the database knows of its tables; columns that a migration adds come last, whatever their place."""
    found = inspect(store.engine)

    def plain(items: list[Any], *names: str) -> list[Any]:
        return sorted(tuple(str(item[name]) for name in names) for item in items)

    columns, keys, foreign = found.get_multi_columns(), found.get_multi_pk_constraint(), found.get_multi_foreign_keys()
    unique, indexes = found.get_multi_unique_constraints(), found.get_multi_indexes()
    return {
        table[1]: {
            "columns": plain(columns[table], "name", "type", "nullable", "default"),
            "primary key": keys[table],
            "foreign keys": plain(foreign[table], "name", "constrained_columns", "referred_table", "referred_columns"),
            "unique": plain(unique[table], "name", "column_names"),
            "indexes": plain(indexes[table], "name", "column_names", "unique"),
        }
        for table in sorted(columns)
    }


def _as_it_is(store: Store) -> Any:
    """The same to be compared with itself: where the database keeps the texts that made its tables, these."""
    if not store.embedded:
        return _described(store)
    with store.engine.connect() as connection:
        return connection.execute(text("SELECT type, name, sql FROM sqlite_master ORDER BY type, name")).all()


def test_the_migrated_schema_is_the_one_of_the_tables(store: Store) -> None:
    _migrate(store)
    with store.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), all_tables()) == []


def test_a_new_database_is_a_migrated_one(store: Store) -> None:
    _migrate(store)
    migrated = _described(store)
    with store.engine.connect() as connection, connection.begin():
        for table in [*reversed(all_tables().sorted_tables), "alembic_version"]:
            connection.execute(text(f"DROP TABLE {table}"))
    prepare(store)
    assert _described(store) == migrated
    assert len(migrated) == len(all_tables().tables) + 1


def test_every_foreign_key_has_a_name_by_which_a_migration_can_mean_it() -> None:
    keys = [key for table in all_tables().tables.values() for key in table.foreign_key_constraints]
    assert keys
    assert all(key.name for key in keys)


def test_the_head_is_the_newest_revision() -> None:
    assert migrations.scripts().get_heads() == [HEAD]


def test_tags_of_an_older_database_know_their_things(store: Store) -> None:
    """Policies on access tags follow the kind and id of a resource; what was tagged before says them by its CRN."""
    of_is, of_catalogs = (
        "crn:v1:bluemix:public:is:us-south:a/acc::",
        "crn:v1:bluemix:public:globalcatalog-collection::a/acc:",
    )
    crns = {
        f"{of_is}image:r006-1": ("image", "r006-1"),
        f"{of_is}vpc-routing-table:r006-vpc/r006-2": ("routing-table", "r006-2"),
        f"{of_catalogs}cat::": ("catalog", "cat"),
        f"{of_catalogs}cat:offering:off": ("offering", "off"),
        "crn:v1:bluemix:public:resource-controller::a/acc::resource-group:gr": ("resource-group", "gr"),
        "nonsense": (None, None),
    }
    _migrate(store, "0009")
    with store.engine.connect() as connection, connection.begin():
        for crn in crns:
            row = {"crn": crn}
            connection.execute(text("INSERT INTO tag_links VALUES ('acc', :crn, 'access', 'env:prod')"), row)
    prepare(store)
    with store.engine.connect() as connection:
        rows = connection.execute(text("SELECT crn, thing_kind, thing_id FROM tag_links")).all()
    assert {crn: (kind, id_) for crn, kind, id_ in rows} == crns


def test_what_was_published_to_all_before_is_one_list(store: Store) -> None:
    """The list of what is published to all says so in place of an owner; others say whose they are, as before."""
    _migrate(store, "0017")
    thing = "created_at, revision) VALUES ('{}', 'acc', {}, 0, 1)"
    catalog = "INSERT INTO catalogs (id, account_id, label, state, resource_group_id, kind, document, updated_at, "
    offering = (
        "INSERT INTO offerings (id, account_id, catalog_id, name, label, kind_id, hidden, share_enabled,"
        " share_with_all, share_with_ibm, document, updated_at, "
    )
    listing = "INSERT INTO listings VALUES ('off', '{}', 'acc', 'o', false, true, true)"
    with store.engine.connect() as connection, connection.begin():
        connection.execute(text(catalog + thing.format("cat", "'c', 'live', 'g', 'offering', '{}', 0")))
        values = "'cat', 'o', 'o', 'k', false, true, true, false, '{}', 0"
        connection.execute(text(offering + thing.format("off", values)))
        for identifier in ("acc", "reader", "*"):
            connection.execute(text(listing.format(identifier)))
    prepare(store)
    with store.engine.connect() as connection:
        rows = connection.execute(text("SELECT identifier, account_id FROM listings")).all()
    assert dict(rows) == {"acc": "acc", "reader": "acc", "*": "*"}


def test_keys_of_people_that_others_made_are_disabled(store: Store) -> None:
    """What the product made for the owner of a new account is the owner's; a service ID's key is whoever's."""
    key = (
        "INSERT INTO api_keys (id, account_id, iam_id, name, hash, locked, disabled, support_sessions,"
        " action_when_leaked, created_by, modified_at, created_at, revision)"
        " VALUES ('{0}', 'acc', '{1}', 'k', '{0}', false, false, false, 'none', '{2}', 0, 0, 1)"
    )
    keys = {
        "own": ("IBMid-A", "IBMid-A"),
        "founding": ("IBMid-A", "kunsthalle"),
        "taken": ("IBMid-A", "IBMid-B"),
        "by a program": ("IBMid-A", "iam-ServiceId-1"),
        "of a program": ("iam-ServiceId-1", "IBMid-B"),
    }
    _migrate(store, "0021")
    with store.engine.connect() as connection, connection.begin():
        for id_, (whose, by) in keys.items():
            connection.execute(text(key.format(id_, whose, by)))
    prepare(store)
    with store.engine.connect() as connection:
        rows = {row.id: row for row in connection.execute(text("SELECT id, disabled, created_by FROM api_keys"))}
    assert {id_ for id_, row in rows.items() if row.disabled} == {"taken", "by a program"}
    assert rows["founding"].created_by == "IBMid-A"


def test_transfers_that_waited_before_the_upgrade_are_told_from_short_jobs(store: Store) -> None:
    _migrate(store, "0022")
    job = (
        "INSERT INTO jobs (id, account_id, kind, subject, payload, state, due_at, not_before, attempts, created_at)"
        " VALUES (:kind, 'acc', :kind, 's', '{}', 'queued', 0, 0, 0, 0)"
    )
    with store.engine.connect() as connection, connection.begin():
        for kind in ("image.import", "image.export", "snapshot.create", "instance.boot"):
            connection.execute(text(job), {"kind": kind})
    prepare(store)
    with store.engine.connect() as connection:
        rows = connection.execute(text("SELECT kind, transfer_bytes FROM jobs")).all()
    assert dict(rows) == {"image.import": 0, "image.export": 0, "snapshot.create": 0, "instance.boot": None}


def test_people_sign_in_as_the_oldest_of_their_addresses_and_as_none_that_others_claim(store: Store) -> None:
    user = (
        "INSERT INTO users (id, account_id, iam_id, email, name, state, profile, settings, created_at, revision)"
        " VALUES ('{0}', '{1}', '{2}', '{3}', 'n', '{4}', '{{}}', '{{}}', {5}, 1)"
    )
    users = [
        ("home", "acc1", "IBMid-A", "Ann@x.example", "ACTIVE", 1),
        ("abroad", "acc2", "IBMid-A", "changed@x.example", "VPN_ONLY", 2),
        ("victim", "acc3", "IBMid-B", "bob@x.example", "ACTIVE", 3),
        ("claim", "acc4", "IBMid-C", "BOB@x.example", "ACTIVE", 4),
        ("invited", "acc1", "IBMid-C", "bob@x.example", "PENDING", 5),
        ("invited again", "acc1", "IBMid-D", "Bob@x.example", "PENDING", 6),
        ("two letters each", "acc5", "IBMid-E", "İ" * 64 + "@" + "İ" * 100, "ACTIVE", 7),
    ]
    _migrate(store, "0024")
    with store.engine.connect() as connection, connection.begin():
        for one in users:
            connection.execute(text(user.format(*one)))
    prepare(store)
    with store.engine.connect() as connection:
        found = dict(connection.execute(text("SELECT id, user_id FROM users")).all())
    assert found == {
        "home": "ann@x.example",
        "abroad": "ann@x.example",
        "victim": "ibmid-b",
        "claim": "ibmid-c",
        "invited": "bob@x.example",
        "two letters each": "ibmid-e",
    }


def test_preparing_again_changes_nothing(store: Store) -> None:
    prepare(store)
    before = _as_it_is(store)
    with store.engine.connect() as connection, connection.begin():
        connection.execute(insert(blobs).values(digest="d", size=1, revision=1))
    prepare(store)
    assert _as_it_is(store) == before
    with store.engine.connect() as connection:
        assert connection.execute(blobs.select()).all() == [("d", 1, 1)]


def test_several_processes_prepare_one_database_at_once(store: Store, empty: str) -> None:
    others = [Store(empty) for _ in range(3)]
    try:
        together(*[lambda one=one: prepare(one) for one in others])
        assert len(_described(others[0])) == len(all_tables().tables) + 1
    finally:
        for one in others:
            one.close()


def test_a_database_of_a_later_release_is_refused(store: Store) -> None:
    prepare(store)
    with store.engine.connect() as connection, connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = _as_it_is(store)
    with pytest.raises(NewerSchema, match="9999"):
        prepare(store)
    assert _as_it_is(store) == before


NEXT = """
from alembic import op
import sqlalchemy as sa

revision = "{revision}"
down_revision = "{before}"

def upgrade():
    with op.batch_alter_table("blobs") as table:
        table.alter_column("size", new_column_name="octets")
        table.add_column(sa.Column("origin", sa.String(8), nullable=False, server_default="import"))
    {more}
"""


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A release with one revision more, which alters a table that another one refers to."""
    versions = tmp_path / "versions"
    shutil.copytree(migrations.VERSIONS, versions)
    revision = f"{int(HEAD) + 1:04}"

    def release(more: str = "") -> str:
        (versions / f"v{revision}_later.py").write_text(NEXT.format(revision=revision, before=HEAD, more=more))
        monkeypatch.setattr(migrations, "VERSIONS", versions)
        monkeypatch.setattr(preparing, "HEAD", revision)
        return revision

    return release


def _fill(connection: Connection) -> None:
    connection.execute(insert(blobs).values(digest="d", size=1, revision=1))
    connection.execute(insert(blob_refs).values(digest="d", holder="image:1"))


def test_an_older_database_is_migrated_with_its_rows(store: Store, later: Any) -> None:
    prepare(store)
    with store.engine.connect() as connection, connection.begin():
        _fill(connection)
    revision = later()
    prepare(store)
    with store.engine.connect() as connection:
        assert connection.execute(text("SELECT digest, octets, origin FROM blobs")).all() == [("d", 1, "import")]
        assert connection.execute(text("SELECT digest, holder FROM blob_refs")).all() == [("d", "image:1")]
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == revision
    with store.engine.connect() as connection, connection.begin(), pytest.raises(DBAPIError):
        connection.execute(insert(blob_refs).values(digest="absent", holder="image:2"))


@pytest.mark.parametrize("more", ["raise KeyError('broken')", "op.execute('nonsense')"])
def test_a_migration_that_fails_leaves_the_database_as_it_was(store: Store, later: Any, more: str) -> None:
    prepare(store)
    before = _as_it_is(store)
    later(more)
    with pytest.raises((KeyError, DBAPIError)):
        prepare(store)
    assert _as_it_is(store) == before
    with store.engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == HEAD


def test_a_migration_that_leaves_rows_referring_to_nothing_is_undone(store: Store, later: Any) -> None:
    prepare(store)
    with store.engine.connect() as connection, connection.begin():
        _fill(connection)
    later("op.execute('DELETE FROM blobs')")
    with pytest.raises((RuntimeError, DBAPIError)):
        prepare(store)
    with store.engine.connect() as connection:
        assert connection.execute(blobs.select()).all() == [("d", 1, 1)]


RELEASED = "0031"
"""The oldest schema whose nodes may still work beside those of this release."""


def test_migrations_since_the_release_only_add(store: Store) -> None:
    """A node of the release goes on while a newer one migrates: it reads what it knows, and its rows need no more."""
    _migrate(store, RELEASED)
    before = inspect(store.engine)
    columns = {table: {one["name"]: str(one["type"]) for one in before.get_columns(table)} for table in _tables(before)}
    store.engine.dispose()
    _migrate(store)
    after = inspect(store.engine)
    assert set(columns) <= set(_tables(after)), "a table is gone"
    for table, known in columns.items():
        now = {one["name"]: one for one in after.get_columns(table)}
        assert {name: str(now[name]["type"]) for name in known} == known, f"{table}: a column is gone, or another one"
        needed = [one for name, one in now.items() if name not in known and not one["nullable"]]
        assert [one["name"] for one in needed if one["default"] is None] == [], f"{table}: an older node cannot insert"


def _tables(schema: Any) -> list[str]:
    return [name for name in schema.get_table_names() if name != "alembic_version"]
