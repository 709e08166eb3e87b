"""`catalog`: catalogs themselves, search, the filters of an account (cli.md 4)."""

from __future__ import annotations

from functools import partial
from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.commands.catalog_lookups import (
    CATALOG_FLAG,
    catalog_id,
    catalog_path,
    catalog_rows,
    command,
    moment,
    needed,
    tree,
)
from kunsthalle.ibmcloud.grammar import Command, flag
from kunsthalle.ibmcloud.http_client import CATALOG
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.ibmcloud.resource_commands import Filter, asked_of, filled, filter_flags

_COLUMNS: tuple[Field, ...] = (
    ("Name", "label"),
    ("ID", "id"),
    ("Description", "short_description"),
    ("Last Updated", moment("updated")),
)
_FIELDS: tuple[Field, ...] = (
    ("Name", "label"),
    ("ID", "id"),
    ("CRN", "crn"),
    ("Description", "short_description"),
    ("Created", moment("created")),
    ("Last Updated", moment("updated")),
)


def _list(run: Run) -> None:
    run.table(run.api.listed(f"{CATALOG}/catalogs", "resources"), _COLUMNS, "No catalogs were found.")


def _get(run: Run) -> None:
    path = catalog_path(run)
    answer = run.api.get(path)
    if run.json:
        run.print_json(answer)
    else:
        tree(run, catalog_rows(answer, list(run.api.listed(f"{path}/offerings", "resources"))))


def _create(run: Run) -> None:
    """In the targeted resource group."""
    options = run.given
    body = filled(
        label=options.get("name"),
        short_description=options.get("catalog-description"),
        resource_group_id=run.session.group,
    )
    made = run.api.post(f"{CATALOG}/catalogs", body)
    run.terminal.ok()
    run.detail(made, _FIELDS)


def _delete(run: Run) -> None:
    ref = run.given.get("catalog")
    run.api.call("DELETE", catalog_path(run))
    run.done(
        f"Catalog {ref} is deleted. Its images stay managed until its reclamation ends; until then "
        "'ibmcloud resource reclamation-restore' brings it back."
    )


_SEARCHED: tuple[Field, ...] = (
    ("Name", "name"),
    ("ID", "id"),
    ("Category", lambda entry: ",".join(entry.get("tags") or ())),
)


def matches(entry: Any, query: str) -> bool:
    words = [str(entry.get(name, "")) for name in ("name", "label", "short_description")]
    return query.lower() in " ".join([*words, *(entry.get("tags") or ()), *(entry.get("keywords") or ())]).lower()


_OFFERINGS = f"{CATALOG}/offerings"
_OF_OFFERINGS = (
    Filter("catalog", "catalog", CATALOG_FLAG.value, CATALOG_FLAG.help, also=CATALOG_FLAG.also, by=catalog_id),
)


def _search(run: Run) -> None:
    """Among what this account may use; there is no public catalog here."""
    listed = run.api.listed(_OFFERINGS, "resources", asked_of(run, _OF_OFFERINGS))
    entries = [entry for entry in listed if matches(entry, run.given["QUERY"])]
    run.table(entries, _SEARCHED, "No offerings were found.")


def _settings(run: Run) -> Any:
    return run.api.get(f"{CATALOG}/catalogaccount")


def _put(run: Run, **changed: Any) -> None:
    answer = run.api.call("PUT", f"{CATALOG}/catalogaccount", {**_settings(run), **changed}).body
    run.done("The settings are updated.", answer)


def _filter(run: Run) -> None:
    settings = _settings(run)
    fields = (
        ("Hide IBM public catalog", "hide_IBM_cloud_catalog"),
        ("Include all", "account_filters.include_all"),
        ("Categories", lambda entry: ",".join(entry["account_filters"].get("category_filters") or ())),
        ("Offerings included", "account_filters.id_filters.include.filter_terms"),
        ("Offerings excluded", "account_filters.id_filters.exclude.filter_terms"),
    )
    run.detail(settings, fields)


def _create_filter(run: Run) -> None:
    options = run.given
    terms = {
        name: {"filter_terms": options.get(f"{name}-list")}
        for name in ("include", "exclude")
        if options.has(f"{name}-list")
    }
    included = options.get("include-all", True)
    hidden = {"hide_IBM_cloud_catalog": True} if options.get("hide-ibm-catalog") else {}
    _put(run, account_filters={"include_all": included, "category_filters": {}, "id_filters": terms}, **hidden)


def _filter_offering(run: Run) -> None:
    filters = dict(_settings(run)["account_filters"])
    ids = dict(filters.get("id_filters") or {})
    ids["include"] = {"filter_terms": [run.given.get("offering")]}
    _put(run, account_filters={**filters, "id_filters": ids})


def _unserved(_run: Run, words: str) -> None:
    raise Failed(f"'ibmcloud catalog {words}' is not supported by Kunsthalle.")


_NOT_SERVED = """
object create|object get|object list|object search|object update|object delete|object ready|object publish
object enable-sharing|object unpublish|object access-list add|object access-list get|object access-list rm
install|pricing|private-endpoint list|private-endpoint regions|private-endpoint services|utility|netrc|target-account
entry|service|locations|offering get-scan-results|offering workspaces
"""
NOT_SERVED = tuple(
    Command(
        f"catalog {words.strip()}",
        "Not supported by Kunsthalle.",
        partial(_unserved, words=words.strip()),
        offline=True,
        anything=True,
    )
    for words in _NOT_SERVED.strip().replace("\n", "|").split("|")
)
_NO_PUBLIC = "Ignored: there is no public catalog."
_OF_CATALOG = flag("catalog", "NAME_OR_ID", "Ignored: filters are an account's own.", also=("c",))
_OF_GROUP = flag("account-group", "GROUP", "Ignored: filters are an account's own.")
_CATEGORIES = tuple("category compliance deployment-target offering-format pricing-plan provider release type".split())
_EVERYTHING = {"include_all": True, "category_filters": {}, "id_filters": {}}

COMMANDS = (
    command("list", "List the catalogs of the account.", _list),
    command("get", "View a catalog and what is in it.", _get, "", needed(CATALOG_FLAG)),
    command(
        "create",
        "Create a catalog.",
        _create,
        "",
        flag("name", "NAME", "Name of the catalog.", required=True),
        flag("catalog-description", "TEXT", "Description of the catalog.", also=("description",)),
    ),
    command("delete", "Delete a catalog.", _delete, "", needed(CATALOG_FLAG)),
    command(
        "search",
        "Search what this account may use.",
        _search,
        "QUERY",
        *filter_flags(_OFFERINGS, _OF_OFFERINGS),
        flag("type", text="Kind of product.", choices=("services", "software")),
        *(flag(name, name.upper(), _NO_PUBLIC, also=(name[0],)) for name in ("kind", "region", "price", "tag")),
        flag("global", text=_NO_PUBLIC),
        flag("fields", "LIST", "Ignored: the columns are always the same."),
        flag("col", "LIST", "Ignored: the columns are always the same."),
        flag("sort-by", "PROPERTY", "Ignored: the newest offering comes first."),
        flag("reverse", text="Ignored: the newest offering comes first."),
    ),
    command("filter get", "View the filters.", _filter, "", _OF_CATALOG, _OF_GROUP),
    command(
        "filter create",
        "Set the filters of the public catalog; they are kept, and there is no public catalog here.",
        _create_filter,
        "",
        flag("include-all", "true|false", "Whether everything is shown."),
        flag("include-list", "LIST", "Offerings to show.", kind="list"),
        flag("exclude-list", "LIST", "Offerings to hide.", kind="list"),
        flag("hide-ibm-catalog", text="Hide the public catalog."),
        *(flag(name, "LIST", _NO_PUBLIC) for name in _CATEGORIES),
        _OF_CATALOG,
        _OF_GROUP,
    ),
    command(
        "filter delete", "Remove the filters.", partial(_put, account_filters=_EVERYTHING), "", _OF_CATALOG, _OF_GROUP
    ),
    command(
        "filter offering",
        "Show one offering of the public catalog.",
        _filter_offering,
        "",
        flag("offering", "ID", "ID of the offering.", also=("o",), required=True),
        _OF_CATALOG,
    ),
    command(
        "filter options",
        "View the filters that there are.",
        _filter,
        "",
        _OF_CATALOG,
        flag("all", text="Ignored: all are shown."),
    ),
    command("filter hide-ibm-public-catalog", "Hide the public catalog.", partial(_put, hide_IBM_cloud_catalog=True)),
    command("filter show-ibm-public-catalog", "Show the public catalog.", partial(_put, hide_IBM_cloud_catalog=False)),
    *NOT_SERVED,
)
