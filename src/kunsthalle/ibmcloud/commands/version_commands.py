"""`catalog offering version`: validation, publication, deprecation of a version (cli.md 4)."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.commands.catalog_lookups import (
    CATALOG_FLAG,
    LOCATOR_FLAG,
    OFFERING_FLAG,
    command,
    document,
    needed,
    offering_path,
    offering_rows,
    tree,
    version_path,
)
from kunsthalle.ibmcloud.commands.publishing_examples import READY, SHARED, VALIDATE
from kunsthalle.ibmcloud.grammar import Command, WrongUsage, flag
from kunsthalle.ibmcloud.http_client import CATALOG
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.ibmcloud.resource_commands import filled

_VALIDATION: tuple[Field, ...] = (
    ("State", "state"),
    ("Validated", "validated"),
    ("Requested", "requested"),
    ("Last operation", "last_operation"),
    ("Message", "message"),
)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0


def _values(run: Run) -> dict[str, Any]:
    options = run.given
    values = document(options.get("override-values")) if options.has("override-values") else None
    if values is not None and not isinstance(values, dict):
        raise WrongUsage("--override-values is not a JSON object")
    return filled(
        override_values=values,
        cluster_id=options.get("cluster"),
        namespace=options.get("namespace"),
        region=options.get("workspace-region"),
    )


def _validate(run: Run) -> None:
    """Begins the validation and, unless told otherwise, waits for its end: the exit code is its outcome."""
    path = f"{version_path(run)}/validation/install"
    run.api.call("POST", path, _values(run), headers=_refreshing(run))
    if run.given.get("wait") is False:
        run.done("The validation has begun.", _state(run, path))
        return
    outcome = _outcome(run, path, run.given.get("timeout", 180))
    if outcome.get("state") != "valid":
        raise Failed(f"The version is not valid: {outcome.get('message') or outcome.get('state')}")
    run.done("The version is valid.", outcome)


def _refreshing(run: Run) -> dict[str, str]:
    """What a validation asks for beside the token: it may outlive it."""
    return {"X-Auth-Refresh-Token": run.session.text("IAMRefreshToken")}


def _state(run: Run, path: str) -> dict[str, Any]:
    return dict(run.api.call("GET", path, headers=_refreshing(run)).body)


def _outcome(run: Run, path: str, seconds: int) -> dict[str, Any]:
    deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE
    while True:
        state = _state(run, path)
        if state.get("state") not in {"in_progress", "", None}:
            return state
        if time.monotonic() + pause > deadline:
            raise Failed(f"The validation did not end within {seconds} seconds.")
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _status(run: Run, path: str) -> None:
    run.detail(_state(run, f"{version_path(run)}/{path}"), _VALIDATION)


def _step(run: Run, step: str, done: str) -> None:
    body = filled(days_until_deprecate=run.given.get("days"), description=run.given.get("description"))
    run.api.post(f"{version_path(run)}/{step}", body or None)
    run.done(f"Version {run.given.get('version-locator')} is {done}.")


def _delete(run: Run) -> None:
    run.api.call("DELETE", version_path(run))
    run.done(f"Version {run.given.get('version-locator')} is deleted.")


def _get(run: Run) -> None:
    answer = run.api.get(version_path(run))
    if run.json:
        run.print_json(answer)
    else:
        tree(run, offering_rows(answer))


def _refresh(run: Run) -> None:
    """What is imported again from its source: the version's own, or that of the offering's version that is named."""
    options = run.given
    if options.has("version-locator"):
        branch = run.api.get(version_path(run))
        version = branch["kinds"][0]["versions"][0]["version"]
        path = f"{CATALOG}/catalogs/{branch['catalog_id']}/offerings/{branch['id']}"
    else:
        path, version = offering_path(run), options.get("target-version")
    answer = run.api.call("PUT", f"{path}/reload", {}, {"targetVersion": version}).body
    run.done(f"Version {version} is refreshed.", answer)


def _unserved(_run: Run, words: str) -> None:
    raise Failed(f"'ibmcloud catalog {words}' is not supported by Kunsthalle.")


def _moves(words: str, summary: str, step: str, done: str, *flags: Any, **more: Any) -> Command:
    run = partial(_step, step=step, done=done)
    return command(words, summary, run, "", needed(LOCATOR_FLAG), *flags, **more)


_DAYS = (
    flag("days", "N", "Days until it is deprecated.", kind="int", also=("days-until-deprecate",)),
    flag("description", "TEXT", "What users are told."),
)
_REFRESHED = (("version-locator", "catalog"),)
_CONFIG = flag("include-config", text="Ignored: an image has no configuration of its own.")
_NOT_SERVED = (
    "preinstall",
    "get-claims",
    "update-claims",
    "get-controls",
    "add-controls",
    "delete-controls",
    "scc-apply",
    "scc-apply-status",
    "get-scans",
    "cra",
)

COMMANDS = (
    _moves(
        "offering ready",
        "Publish a version to those who may use it.",
        "consume-publish",
        "ready",
        also=("catalog offering version ready",),
        examples=(VALIDATE, READY, SHARED),
    ),
    _moves("offering version pre-release", "Make a version a pre-release.", "prerelease-publish", "a pre-release"),
    command(
        "offering version validate",
        "Validate a version.",
        _validate,
        "",
        needed(LOCATOR_FLAG),
        flag("override-values", "JSON|FILE", "Values of the test deployment."),
        flag("timeout", "SECONDS", "How long to wait.", kind="int"),
        flag("wait", "true|false", "Whether to wait for the end."),
        flag("cluster", "ID", "Ignored: nothing is deployed."),
        flag("namespace", "NAME", "Ignored: nothing is deployed."),
        flag("workspace-region", "REGION", "Ignored: nothing is deployed."),
        flag("workspace-rg-id", "ID", "Ignored: nothing is deployed."),
        flag("workspace-tf-version", "VERSION", "Ignored: nothing is deployed."),
        flag("schematics-destroy", "true|false", "Ignored: nothing is deployed."),
        flag("schematics-delete", "true|false", "Ignored: nothing is deployed."),
        also=("catalog offering validate",),
        examples=(VALIDATE, READY, SHARED),
    ),
    command(
        "offering version validate-status",
        "View the validation of a version.",
        partial(_status, path="validation/install"),
        "",
        needed(LOCATOR_FLAG),
    ),
    command(
        "offering version preinstall-status",
        "View the pre-installation of a version.",
        partial(_status, path="preinstall"),
        "",
        needed(LOCATOR_FLAG),
        flag("cluster", "ID", "Ignored: nothing is deployed."),
        flag("namespace", "NAME", "Ignored: nothing is deployed."),
    ),
    command("offering version get", "View a version.", _get, "", needed(LOCATOR_FLAG)),
    _moves(
        "offering version create-draft",
        "Make a working copy of a version.",
        "workingcopy",
        "copied to a draft",
        also=("catalog offering create-draft",),
    ),
    _moves(
        "offering version merge-draft",
        "Merge a working copy.",
        "commit",
        "merged",
        also=("catalog offering merge-draft",),
    ),
    command("offering version delete-version", "Delete a version.", _delete, "", needed(LOCATOR_FLAG)),
    _moves(
        "offering version deprecate-version",
        "Begin the deprecation of a version.",
        "deprecate/true",
        "being deprecated",
        *_DAYS,
    ),
    _moves(
        "offering version restore-version",
        "End the deprecation of a version.",
        "deprecate/false",
        "restored",
        flag("catalog", "NAME_OR_ID", "Ignored: the version has a locator.", also=("c",)),
        flag("offering", "NAME_OR_ID", "Ignored: the version has a locator.", also=("o",)),
        _CONFIG,
    ),
    _moves("offering version suspend-version", "Take a version back from publication.", "suspend", "suspended"),
    command(
        "offering version refresh-version",
        "Import a version again.",
        _refresh,
        "",
        LOCATOR_FLAG,
        CATALOG_FLAG,
        OFFERING_FLAG,
        flag("target-version", "VERSION", "Version to import again."),
        flag("zipurl", "URL", "Ignored: an image is imported again from where it is."),
        _CONFIG,
        any_of=_REFRESHED,
        alone=_REFRESHED,
    ),
    *(
        Command(
            f"catalog offering version {words}",
            "Not supported by Kunsthalle.",
            partial(_unserved, words=f"offering version {words}"),
            offline=True,
            anything=True,
        )
        for words in _NOT_SERVED
    ),
)
