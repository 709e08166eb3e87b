"""Catalogs, offerings and versions: how they are named, and the trees they are shown as (cli.md 4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.grammar import Command, Flag, WrongUsage, flag, from_file
from kunsthalle.ibmcloud.http_client import CATALOG, path_of
from kunsthalle.ibmcloud.invocation import Run, one_of
from kunsthalle.ibmcloud.printed_tables import MISSING, grid, look, shown
from kunsthalle.local.list_parameters import narrowed

CATALOG_FLAG = flag("catalog", "NAME_OR_ID", "Name or ID of the catalog.", also=("c",))
OFFERING_FLAG = flag("offering", "NAME_OR_ID", "Name or ID of the offering.", also=("o",))
LOCATOR_FLAG = flag("version-locator", "LOCATOR", "Locator of the version: CATALOG_ID.VERSION_ID.", also=("vl",))
ACCOUNTS_FLAG = flag(
    "account-ids",
    "LIST",
    "IDs of accounts, their names in the enterprise, -ent-ENTERPRISE_ID, -entgrp-ACCOUNT_GROUP_ID.",
    kind="list",
)
FORCE_FLAG = Flag("force", "", "Nothing is asked, with it or without.", ("f",))

_IDENTIFIER = re.compile(r"[0-9a-f]{32}|-(acct|ent|entgrp)-.*")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STATES = {
    "new": "New",
    "validated": "Validated",
    "test": "Test",
    "prerelease": "Pre-release",
    "consumable": "Ready",
    "account-published": "Published to account",
    "deprecated": "Deprecated",
}


def needed(flag: Flag) -> Flag:
    return Flag(flag.name, flag.value, flag.help, flag.also, flag.kind, flag.choices, True)


def command(
    words: str, summary: str, run: Callable[[Run], None], takes: str = "", *flags: Flag, **more: Any
) -> Command:
    return Command(f"catalog {words}", summary, run, takes, (*flags, FORCE_FLAG), **more)


def moment(path: str) -> Callable[[Any], str]:
    """A moment in the format that Go prints: `2019-11-21 21:28:28.347 +0000 UTC`."""

    def get(resource: Any) -> str:
        text = look(resource, path)
        return f"{text[:-1].replace('T', ' ')} +0000 UTC" if isinstance(text, str) and text.endswith("Z") else MISSING

    return get


def catalog_id(run: Run, ref: str) -> str:
    """The id of a catalog, by its id or its name; what nothing is named stays for the API to answer."""
    if _UUID.fullmatch(ref):
        return ref
    listed = [
        entry
        for entry in run.api.listed(f"{CATALOG}/catalogs", "resources")
        if ref in {entry.get("label"), entry["id"]}
    ]
    resource = one_of(listed, "catalog", ref)
    return str(resource["id"]) if resource else ref


_OFFERINGS = f"{CATALOG}/catalogs/{{}}/offerings"


def catalog_path(run: Run) -> str:
    return path_of(f"{CATALOG}/catalogs/{{}}", catalog_id(run, run.given.get("catalog")))


def offering_path(run: Run) -> str:
    """Below its catalog, by id or name."""
    above, ref = catalog_path(run), run.given.get("offering")
    if not _UUID.fullmatch(ref):
        listed = run.api.listed(f"{above}/offerings", "resources", narrowed(_OFFERINGS, name=ref))
        resource = one_of(
            [entry for entry in listed if ref in {entry.get("name"), entry.get("label")}], "offering", ref
        )
        ref = str(resource["id"]) if resource else ref
    return f"{above}/offerings/{path_of('{}', ref)}"


def version_path(run: Run) -> str:
    return path_of(f"{CATALOG}/versions/{{}}", run.given.get("version-locator"))


def account_identifiers(run: Run) -> list[str]:
    """What `--account-ids` names, by the identifiers of access lists; names are those of the caller's enterprise."""
    refs: list[str] = run.given.get("account-ids")
    named = [ref for ref in refs if not _IDENTIFIER.fullmatch(ref)]
    known = list(run.api.listed("/v1/accounts", "resources")) if named else []
    accounts_by_ref = {
        ref: one_of([entry for entry in known if entry.get("name") == ref], "account", ref) for ref in named
    }
    unknown = ", ".join(repr(ref) for ref in named if not accounts_by_ref[ref])
    if unknown:
        raise Failed(
            f"No account that you can view is named {unknown}. Names are those of 'ibmcloud enterprise accounts';"
            " use the ID of any other account."
        )
    return [str(accounts_by_ref[ref]["id"]) if ref in accounts_by_ref else ref for ref in refs]


def document(text: str) -> Any:
    """JSON that is given inline, as `@file`, or as the name of a file."""
    import json

    try:
        if not text.startswith("@") and not text.lstrip().startswith(("{", "[")) and Path(text).is_file():
            text = f"@{text}"
        return json.loads(from_file(text))
    except (ValueError, RecursionError, OSError) as error:
        raise WrongUsage(f"'{text[:60]}' is neither JSON nor a file of JSON") from error


Row = tuple[str, str, str, str]
HEADER: Row = ("Name", "ID", "Current State", "Version Locator")


def state_of(version: Any) -> str:
    """The word for a version's state."""
    current = look(version, "state.current")
    if look(version, "deprecate_pending"):
        return "Deprecating"
    return STATES.get(str(current), str(current or ""))


def _kind_rows(kind: Any, before: str, target: str | None) -> list[Row]:
    """A kind and its versions below it."""
    rows: list[Row] = [(f"{before}|__{kind.get('format_kind', '')}", "", "", "")]
    for version in kind.get("versions") or ():
        if target in {None, version.get("version")}:
            name = f"{before}   |__{version.get('version', '')}"
            rows.append((name, "", state_of(version), shown(version.get("version_locator"))))
    return rows


def offering_rows(offering: Any, target: str | None = None) -> list[Row]:
    """An offering at the root: what `offering list` shows of each."""
    rows: list[Row] = [(shown(offering.get("name")), shown(offering.get("id")), "", "")]
    for kind in offering.get("kinds") or ():
        rows += _kind_rows(kind, "", target)
    return rows


def catalog_rows(catalog: Any, offerings: Sequence[Any]) -> list[Row]:
    """A catalog at the root, its offerings below it."""
    rows: list[Row] = [(shown(catalog.get("label")), shown(catalog.get("id")), "", "")]
    for offering in offerings:
        rows.append((f"|__{shown(offering.get('name'))}", shown(offering.get("id")), "", ""))
        for kind in offering.get("kinds") or ():
            rows += _kind_rows(kind, "|  ", None)
    return rows


def tree(run: Run, rows: Sequence[Row]) -> None:
    run.terminal.lines(grid([HEADER, *rows], colour=run.terminal.colour))
