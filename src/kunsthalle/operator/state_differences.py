"""What two saved states differ in: what was added, changed and removed, by account and kind, with names.

Rows are told apart by their ids. Values are shown of what anybody may read who may see the resource, such as states and
names; of everything else only that it changed. Digests, credentials and what users sent are never shown.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from kunsthalle.all_tables import prepare
from kunsthalle.core.records import dataclass
from kunsthalle.db.engine import Store
from kunsthalle.operator import state_archives
from kunsthalle.operator.saved_states import DATABASE

KINDS: Mapping[str, tuple[str, str]] = {
    "accounts": ("account", "name"),
    "account_groups": ("account group", "name"),
    "users": ("user", "email"),
    "service_ids": ("service id", "name"),
    "profiles": ("trusted profile", "name"),
    "api_keys": ("API key", "name"),
    "access_groups": ("access group", "name"),
    "access_group_members": ("access group member", "iam_id"),
    "access_group_rules": ("access group rule", "name"),
    "policies": ("policy", "description"),
    "custom_roles": ("custom role", "name"),
    "resource_groups": ("resource group", "name"),
    "tags": ("tag", "name"),
    "catalogs": ("catalog", "label"),
    "offerings": ("offering", "name"),
    "versions": ("version", "version"),
    "plans": ("plan", "name"),
    "catalog_objects": ("catalog object", "name"),
    "access_entries": ("share", "identifier"),
    "share_approvals": ("answer to a share", "identifier"),
    "publish_approvals": ("approval of a publication", "offering_id"),
    "reclamations": ("reclamation", "catalog_id"),
    "offering_instances": ("offering instance", "label"),
    "service_instances": ("service instance", "name"),
    "images": ("image", "name"),
    "image_exports": ("image export", "name"),
    "instances": ("instance", "name"),
    "placement_groups": ("placement group", "name"),
    "templates": ("instance template", "name"),
    "instance_groups": ("instance group", "name"),
    "instance_group_managers": ("instance group manager", "name"),
    "instance_group_policies": ("instance group policy", "name"),
    "instance_group_actions": ("instance group action", "name"),
    "bare_metal_servers": ("bare metal server", "name"),
    "volumes": ("volume", "name"),
    "snapshots": ("snapshot", "name"),
    "keys": ("SSH key", "name"),
    "vpcs": ("VPC", "name"),
    "subnets": ("subnet", "name"),
    "address_prefixes": ("address prefix", "name"),
    "security_groups": ("security group", "name"),
    "network_acls": ("network ACL", "name"),
    "routing_tables": ("routing table", "name"),
    "routes": ("route", "name"),
    "public_gateways": ("public gateway", "name"),
    "floating_ips": ("floating IP", "name"),
    "reserved_ips": ("reserved IP", "name"),
    "virtual_network_interfaces": ("virtual network interface", "name"),
}
"""Of each table: what its rows are, and the column that names one."""
_UNNAMED = {
    "created_at",
    "updated_at",
    "modified_at",
    "entered_at",
    "revision",
    "updated_by",
    "modified_by",
    "previous",
}
"""What follows from a change, and is none by itself."""
_SHOWN = {
    *("name", "label", "email", "state", "status", "lifecycle_state", "version", "enterprise_id", "group_id"),
    *("resource_group_id", "hidden", "share_enabled", "share_with_all", "share_with_ibm", "membership_count"),
    *("capacity", "iops", "zone", "profile", "management_enabled", "max_membership_count", "min_membership_count"),
    *("metric_value", "hold_crn", "instance_name", "attachment_status", "ipv4_cidr_block", "operating_system"),
}
"""Columns whose values are shown."""
_LONGEST = 120


class CannotCompare(Exception):
    """A state that cannot be read; the message says which, and why."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A resource that one of the two has and the other has not, or has otherwise. `fields`: what changed, with the
    values before and after where they are shown.
    """

    change: str
    account: str
    kind: str
    name: str
    id: str
    fields: Mapping[str, tuple[object, object] | None] = field(default_factory=dict)


def compare(before: Path, after: Path) -> list[Difference]:
    """Differences of two states, each an archive or the folder of a state, in the order of accounts, kinds and names.

    CannotCompare for what is no state.
    """
    with _opened(before) as old, _opened(after) as new:
        names = _account_names(old) | _account_names(new)
        differences = [difference for table in KINDS for difference in _of_table(old, new, table, names)]
    kinds = [kind for kind, _ in KINDS.values()]
    return sorted(
        differences,
        key=lambda difference: (difference.account, kinds.index(difference.kind), difference.name, difference.id),
    )


@contextlib.contextmanager
def _opened(state: Path) -> Iterator[sqlite3.Connection]:
    """The database of a state, brought to this release's schema in a copy."""
    with tempfile.TemporaryDirectory(prefix="kunsthalle-diff-") as scratch:
        copy = Path(scratch) / DATABASE
        try:
            if state.is_dir():
                shutil.copyfile(state / DATABASE, copy)
            else:
                state_archives.unpack_database(state, copy)
            store = Store(f"sqlite:///{copy}")
            try:
                prepare(store)
            finally:
                store.close()
            connection = sqlite3.connect(copy)
        except state_archives.BadArchive as error:
            raise CannotCompare(str(error)) from error
        except Exception as error:  # whatever a file that is none of ours makes a driver, or a migration, raise
            raise CannotCompare(f"{state}: this is no saved state: {error}.") from error
        with contextlib.closing(connection):
            connection.row_factory = sqlite3.Row
            yield connection


def _account_names(connection: sqlite3.Connection) -> dict[str, str]:
    return {row["id"]: row["name"] for row in connection.execute("SELECT id, name FROM accounts")}


def _rows(connection: sqlite3.Connection, table: str) -> dict[str, dict[str, Any]]:
    """By what tells a row from all others of its table."""
    rows = (dict(row) for row in connection.execute(f'SELECT * FROM "{table}"'))  # noqa: S608  a name of ours
    return {_key(table, row): row for row in rows if row.get("state") != "DELETED" or table != "accounts"}


def _key(table: str, row: Mapping[str, Any]) -> str:
    if table == "access_group_members":
        return f"{row['group_id']}/{row['iam_id']}"
    if table == "tags":
        return f"{row['account_id']}/{row['type']}/{row['name']}"
    return str(row["id"])


def _of_table(
    old: sqlite3.Connection, new: sqlite3.Connection, table: str, names: Mapping[str, str]
) -> Iterator[Difference]:
    before, after = _rows(old, table), _rows(new, table)
    owners = _owners(old, new) if table == "access_entries" else {}
    for key in before.keys() | after.keys():
        was, now = before.get(key), after.get(key)
        change = "added" if was is None else "removed" if now is None else "changed"
        fields = _changed(was, now) if was is not None and now is not None else {}
        if change != "changed" or fields:
            row = now or was or {}
            owner = _account_of(table, row, owners)
            kind, column = KINDS[table]
            yield Difference(change, names.get(owner, owner), kind, _name(row, column, names), key, fields)


def _owners(*connections: sqlite3.Connection) -> dict[str, str]:
    """The accounts of offerings."""
    query = "SELECT id, account_id FROM offerings"
    return {row["id"]: row["account_id"] for connection in connections for row in connection.execute(query)}


def _account_of(table: str, row: Mapping[str, Any], owners: Mapping[str, str]) -> str:
    if table == "accounts":
        return str(row["id"])
    if table == "share_approvals":
        return str(row["source_account_id"])
    return str(row.get("account_id") or owners.get(str(row.get("offering_id")), ""))


def _name(row: Mapping[str, Any], column: str, names: Mapping[str, str]) -> str:
    """A share is named by whom it is with."""
    text = str(row[column] or "")
    return names.get(text.removeprefix("-acct-"), text)


def _changed(was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[object, object] | None]:
    differing = [name for name in now if name not in _UNNAMED and was.get(name) != now[name]]
    return {name: (_short(was.get(name)), _short(now[name])) if name in _SHOWN else None for name in differing}


def _short(value: object) -> object:
    return value if not isinstance(value, str) or len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
