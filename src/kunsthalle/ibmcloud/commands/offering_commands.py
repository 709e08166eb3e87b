"""`catalog offering`: made, listed, changed, deleted (cli.md 4)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.commands.catalog_commands import matches
from kunsthalle.ibmcloud.commands.catalog_lookups import (
    CATALOG_FLAG,
    OFFERING_FLAG,
    catalog_path,
    command,
    document,
    needed,
    offering_path,
    offering_rows,
    tree,
)
from kunsthalle.ibmcloud.commands.publishing_examples import IMPORT, PUBLISHED, READY, SHARED, VALIDATE
from kunsthalle.ibmcloud.grammar import Flag, WrongUsage, flag
from kunsthalle.ibmcloud.http_client import CATALOG
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.resource_commands import filled

_IMPORT: tuple[Flag, ...] = (
    flag("zipurl", "URL", "Archive to import."),
    flag("target-version", "VERSION", "Version to make."),
    flag("include-config", text="Ignored: an image has no configuration of its own."),
    flag("token", "TOKEN", "Token of the archive's host."),
    flag(
        "vpc-body", "JSON|@FILE", "Version to import: the body of the API's import, with the images in metadata.images."
    ),
    flag("variation-label", "LABEL", "Label of the variation."),
    flag("flavor", "FLAVOR", "Name of the variation."),
    flag("format-kind", "KIND", "Kind of what is imported."),
    flag("install-type", "TYPE", "Ignored: an image is installed as an instance."),
    flag("product-kind", "KIND", "Kind of product."),
)
_SOURCE = (("zipurl", "vpc-body"),)
_CATEGORY = (("Name", "name"), ("Tags", "tags"), ("Description", "description"))


def _body(run: Run) -> dict[str, Any]:
    options = run.given
    body = document(options.get("vpc-body")) if options.has("vpc-body") else {}
    if not isinstance(body, dict):
        raise WrongUsage("--vpc-body is not a JSON object")
    label = options.get("variation-label")
    flavor = filled(name=options.get("flavor") or label, label=label)
    return {
        **body,
        **filled(
            version=options.get("target-version"),
            format_kind=options.get("format-kind"),
            product_kind=options.get("product-kind"),
            flavor=flavor,
        ),
    }


def _import(run: Run, path: str) -> Any:
    options = run.given
    query = filled(
        zipurl=options.get("zipurl"),
        targetVersion=options.get("target-version"),
        includeConfig="true" if options.get("include-config") else None,
    )
    headers = {"X-Auth-Token": options.get("token")} if options.has("token") else None
    return run.api.call("POST", path, _body(run), query, headers).body


def _show(run: Run, offerings: Sequence[Any], target: str | None = None) -> None:
    if run.json:
        run.print_json(list(offerings))
    elif offerings:
        tree(run, [row for offering in offerings for row in offering_rows(offering, target)])
    else:
        run.terminal.lines(["No offerings were found."])


def _one(run: Run, offering: Any) -> None:
    if run.json:
        run.print_json(offering)
    else:
        tree(run, offering_rows(offering))


def _create(run: Run) -> None:
    made = _import(run, f"{catalog_path(run)}/import/offerings")
    run.terminal.ok()
    _one(run, made)


def _import_version(run: Run) -> None:
    made = _import(run, f"{offering_path(run)}/version")
    run.terminal.ok()
    _one(run, made)


def _chosen(run: Run) -> list[Any]:
    """The offerings of the catalog that is named, or of all; the one that is named among them, or all."""
    options = run.given
    if options.has("catalog"):
        entries = list(run.api.listed(f"{catalog_path(run)}/offerings", "resources"))
    else:
        entries = list(run.api.listed(f"{CATALOG}/offerings", "resources"))
    ref = options.get("offering")
    return [entry for entry in entries if ref in {None, entry["id"], entry.get("name"), entry.get("label")}]


def _list(run: Run) -> None:
    _show(run, _chosen(run), run.given.get("version"))


def _search(run: Run) -> None:
    query = run.given["QUERY"]
    _show(run, [entry for entry in _chosen(run) if not query or matches(entry, query)], run.given.get("version"))


def _get(run: Run) -> None:
    _one(run, run.api.get(offering_path(run)))


def _update(run: Run) -> None:
    body = document(run.given.get("updated-offering"))
    if not isinstance(body, dict):
        raise WrongUsage("--updated-offering is not a JSON object")
    answer = run.api.call("PUT", offering_path(run), body).body
    run.terminal.ok()
    _one(run, answer)


def _delete(run: Run) -> None:
    ref = run.given.get("offering")
    path = offering_path(run)
    run.api.get(path)  # the API deletes what is not there, too: a name that was mistyped is told
    run.api.call("DELETE", path)
    run.done(f"Offering {ref} is deleted.")


def _categories(run: Run) -> None:
    tags = run.api.get(offering_path(run)).get("tags") or ()
    run.table(
        [{"name": tag, "tags": [tag], "description": None} for tag in tags], _CATEGORY, "No categories were found."
    )


def _add_category(run: Run) -> None:
    path, category = offering_path(run), run.given.get("category")
    answer = run.api.get(path)
    tags = [*(tag for tag in answer.get("tags") or () if tag != category), category]
    run.done(f"Category {category} is added.", run.api.call("PUT", path, {**answer, "tags": tags}).body)


def _options(run: Run) -> None:
    run.table([], _CATEGORY, "No categories were found.")


def _deprecate(run: Run, setting: str, done: str) -> None:
    body = filled(days_until_deprecate=run.given.get("days"), description=run.given.get("description"))
    run.api.post(f"{offering_path(run)}/deprecate/{setting}", body)
    run.done(f"Offering {run.given.get('offering')} is {done}.")


def versions_of(offering: Any) -> list[Any]:
    return [version for kind in offering.get("kinds") or () for version in kind.get("versions") or ()]


def suspend(run: Run) -> None:
    """Takes every published version back."""
    published = [
        entry
        for entry in versions_of(run.api.get(offering_path(run)))
        if entry.get("state", {}).get("current") in {"consumable", "prerelease"}
    ]
    if not published:
        raise Failed("No version of the offering is published.")
    for version in published:
        run.api.post(f"{CATALOG}/versions/{version['version_locator']}/suspend")
    run.done(f"Offering {run.given.get('offering')} is suspended.")


_BOTH = (needed(CATALOG_FLAG), needed(OFFERING_FLAG))
_DAYS = (
    flag("days", "N", "Days until it is deprecated.", kind="int", also=("days-until-deprecate",)),
    flag("description", "TEXT", "What users are told."),
)

COMMANDS = (
    command(
        "offering create",
        "Create an offering.",
        _create,
        "",
        needed(CATALOG_FLAG),
        *_IMPORT,
        any_of=_SOURCE,
        alone=_SOURCE,
        examples=(*PUBLISHED, SHARED),
    ),
    command(
        "offering import-version",
        "Import a version into an offering.",
        _import_version,
        "",
        *_BOTH,
        *_IMPORT,
        any_of=_SOURCE,
        alone=_SOURCE,
        examples=(IMPORT, VALIDATE, READY),
    ),
    command(
        "offering list",
        "List offerings.",
        _list,
        "",
        CATALOG_FLAG,
        OFFERING_FLAG,
        flag("version", "VERSION", "Only this version."),
    ),
    command(
        "offering search",
        "Search offerings.",
        _search,
        "[QUERY]",
        CATALOG_FLAG,
        OFFERING_FLAG,
        flag("version", "VERSION", "Only this version."),
    ),
    command("offering get", "View an offering.", _get, "", *_BOTH),
    command(
        "offering update",
        "Replace an offering by what 'offering get --output json' gave, edited.",
        _update,
        "",
        *_BOTH,
        flag("updated-offering", "FILE", "File of the offering as JSON.", required=True),
    ),
    command("offering delete", "Delete an offering.", _delete, "", *_BOTH),
    command("offering category-options", "List the categories that there are.", _options),
    command(
        "offering categories",
        "List the categories of an offering.",
        _categories,
        "",
        *_BOTH,
        also=("catalog offering version categories",),
    ),
    command(
        "offering add-category",
        "Add a category to an offering.",
        _add_category,
        "",
        *_BOTH,
        flag("category", "NAME", "Name of the category.", required=True),
    ),
    command(
        "offering deprecate-offering",
        "Begin the deprecation of an offering.",
        partial(_deprecate, setting="true", done="being deprecated"),
        "",
        *_BOTH,
        *_DAYS,
    ),
    command(
        "offering restore-offering",
        "End the deprecation of an offering.",
        partial(_deprecate, setting="false", done="restored"),
        "",
        *_BOTH,
    ),
    command("offering suspend-offering", "Take an offering back from publication.", suspend, "", *_BOTH),
)
