"""`resource`: making, changing and deleting service instances, tags and search; and what is not served (cli.md 5)."""

from __future__ import annotations

from functools import partial
from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.commands.resource_group_commands import INSTANCE_FIELDS, instances, part, window
from kunsthalle.ibmcloud.grammar import FORCE, Command, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run, named
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.ibmcloud.resource_commands import Filter, asked_of, filled, filter_flags, group_id

_PATH = "/v2/resource_instances"
_CATALOG = "/api/v1"
_FOUND: tuple[Field, ...] = (
    ("Name", "name"),
    ("Location", "region"),
    ("Family", "family"),
    ("Resource Type", "type"),
    ("Resource Group ID", "resource_group_id"),
    ("CRN", "crn"),
    ("Tags", "tags"),
)


def _group(run: Run) -> str:
    """The group that is named, else the one that is targeted, else the default one."""
    named_group = run.given.get("g")
    if named_group:
        return group_id(run, named_group)
    if run.session.group:
        return str(run.session.group)
    query = {"account_id": run.session.account, "default": "true"}
    return str(next(iter(run.api.listed("/v2/resource_groups", "resources", query)))["id"])


def _entry(entries: list[Any], noun: str, target: str, all_of_them: str) -> Any:
    """The entry of the global catalog with a name or an ID."""
    for entry in entries:
        if target in (entry["name"], entry["id"]):
            return entry
    names = ", ".join(entry["name"] for entry in entries)
    raise Failed(f"{noun} '{target}' was not found. {all_of_them} are {names}.")


def _create(run: Run) -> None:
    options = run.given
    name, service, plan = options["NAME"], options["SERVICE_NAME"], options["SERVICE_PLAN_NAME"]
    offered = _entry(run.api.get(_CATALOG)["resources"], "Service offering", service, "Services")
    plans = run.api.get(path_of(f"{_CATALOG}/{{}}/plan", offered["id"]))["resources"]
    plan_id = _entry(plans, "Service plan", plan, f"Plans of {offered['name']}")["id"]
    run.core_progress(f"Creating service instance {name}")
    body = {
        "name": name,
        "target": options["LOCATION"],
        "resource_group": _group(run),
        "resource_plan_id": plan_id,
        **filled(parameters=options.get("p"), tags=options.get("t")),
    }
    made = run.api.post(_PATH, body)
    if options.get("lock"):
        made = run.api.post(path_of(f"{_PATH}/{{}}/lock", made["guid"]))
    if run.json:
        run.print_json(made)
        return
    run.done(f"Service instance {name} was created.")
    run.detail(made, INSTANCE_FIELDS)


def _found(run: Run) -> Any:
    group = run.given.get("g")
    listed = instances(run, **filled(resource_group_id=group_id(run, group) if group else None))
    return named(listed, run.given["INSTANCE"], "service instance", "name", "guid", "crn")


def _update(run: Run) -> None:
    options = run.given
    body = filled(name=options.get("n"), parameters=options.get("p"), resource_plan_id=options.get("service-plan-id"))
    resource = _found(run)
    if not run.confirmed(f"Really update service instance {resource['name']}?"):
        return
    run.core_progress(f"Updating service instance {resource['name']}")
    changed = run.api.call("PATCH", path_of(f"{_PATH}/{{}}", resource["guid"]), body).body
    run.done(f"Service instance {resource['name']} was updated.", changed)


def _delete(run: Run) -> None:
    resource = _found(run)
    if not run.confirmed(f"Really delete service instance {resource['name']}?"):
        return
    run.core_progress(f"Deleting service instance {resource['name']}")
    run.api.call("DELETE", path_of(f"{_PATH}/{{}}", resource["guid"]))
    run.done(f"Service instance {resource['name']} was deleted. Until it is reclaimed it can be restored.")


def _lock(run: Run, method: str, word: str) -> None:
    resource = _found(run)
    if not run.confirmed(f"Really {word} service instance {resource['name']}?"):
        return
    run.core_progress(f"{word.capitalize()}ing service instance {resource['name']}")
    run.api.call(method, path_of(f"{_PATH}/{{}}/lock", resource["guid"]))
    run.done(f"Service instance {resource['name']} was {word}ed.")


def _type(run: Run) -> dict[str, str]:
    return {"tag_type": run.given.get("tag-type") or "user"}


def _tags(run: Run) -> None:
    run.core_progress("Listing tags")
    page = {"limit": str(run.given.get("l", 1_000)), "offset": str(run.given.get("o", 0))}
    answer = run.api.get(_TAGGED, {**page, **asked_of(run, _OF_TAGS)})["items"]
    run.terminal.ok()
    run.table(answer, (("Name", "name"),), "No tags were found.")


def _each(run: Run, results: list[Any], key: str, done: str) -> None:
    """OK, unless the answer tells of one that went wrong."""
    wrong = [
        f"{result.get(key, '')}: {result.get('message', 'failed')}" for result in results if result.get("is_error")
    ]
    if wrong:
        raise Failed("\n".join(wrong))
    run.done(done, {"results": results})


def _tag_create(run: Run) -> None:
    names = run.given.get("tag-names")
    run.core_progress(f"Creating tags {', '.join(names)}")
    made = run.api.post("/v3/tags", {"tag_names": names}, {"tag_type": run.given.get("tag-type") or "access"})
    _each(run, made["results"], "tag_name", "The tags were created.")


def _tag_delete(run: Run) -> None:
    name = run.given.get("tag-name")
    if name is None:
        _tags_delete(run)
        return
    if not run.confirmed(f"Really delete tag {name}?"):
        return
    run.core_progress(f"Deleting tag {name}")
    gone = run.api.call("DELETE", path_of("/v3/tags/{}", name), None, _type(run)).body
    _each(run, gone["results"], "provider", f"Tag {name} was deleted.")


def _tags_delete(run: Run) -> None:
    """All tags that are attached to nothing: as many in a call as the service takes, until none is left."""
    if not run.confirmed("Really delete all tags that are attached to nothing?"):
        return
    run.core_progress("Deleting all tags that are attached to nothing")
    gone: list[Any] = []
    while answer := run.api.call("DELETE", "/v3/tags", None, _type(run)).body["items"]:
        gone += answer
    run.done("The tags were deleted.", {"items": gone})


def _tag_resource(run: Run, verb: str) -> None:
    options = run.given
    names, query = options.get("tag-names"), options.get("resources-query")
    body: dict[str, Any] = {"tag_names": names, **filled(replace=options.get("replace"), update=options.get("update"))}
    if query:
        where, body["query"] = f"what '{query}' finds", {"query_string": query}
    else:
        where = options.get("resource-id") or _one_named(run, str(options.get("resource-name")))
        body["resources"] = [{"resource_id": where}]
    run.core_progress(f"{verb.capitalize()}ing tags {', '.join(names)} {'to' if verb == 'attach' else 'from'} {where}")
    _each(run, run.api.post(f"/v3/tags/{verb}", body, _type(run))["results"], "resource_id", f"The tags were {verb}ed.")


def _one_named(run: Run, name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    answer = run.api.post("/v3/resources/search", {"query": f'name:"{escaped}"', "fields": ["crn", "name"]})["items"]
    return str(named(answer, name, "resource", "name")["crn"])


def _search(run: Run) -> None:
    run.core_progress(f"Searching for {run.given['QUERY']}")
    entries: list[Any] = []
    body: dict[str, Any] = {"query": run.given["QUERY"], "fields": ["*"]}
    while True:
        page = run.api.post("/v3/resources/search", body, {"limit": "100"})
        entries += page["items"]
        if not page.get("search_cursor"):
            break
        body = {"search_cursor": page["search_cursor"]}
    by = run.given.get("s")
    entries = part(run, sorted(entries, key=lambda entry: str(entry.get(by, ""))) if by else entries)
    run.terminal.ok()
    run.table(entries, _FOUND, "No resources were found.")


def _unserved(_run: Run, words: str) -> None:
    raise Failed(f"'ibmcloud resource {words}' is not supported by Kunsthalle.")


_TAG_TYPE = flag("tag-type", text="Type of the tags.", choices=("user", "access", "service"))
_TAGGED = "/v3/tags"
_OF_TAGS = (
    Filter("tag-type", "tag_type", otherwise="user"),
    Filter("attached-to", "attached_to", "CRN", "Only tags of a resource."),
    Filter("a", "attached_only", text="Only tags that are attached to a resource.", also=("attached",)),
    Filter("account-id", "account_id", "ID"),
)
_TAG_NAMES = flag(
    "tag-names", "NAMES", "Names of tags, separated by commas.", also=("tag-name",), kind="list", required=True
)
_PARAMETERS = flag("p", "JSON|@FILE", "Parameters of the service.", also=("parameters",), kind="json")
_RESOURCE = (
    flag("resource-name", "NAME", "Name of the resource."),
    flag("resource-id", "CRN", "CRN of the resource.", also=("resource-crn",)),
    flag("resources-query", "QUERY", "Query that finds the resources."),
    flag("resource-type", "TYPE", "Ignored: there is no classic infrastructure."),
)
_WHICH = (("resource-name", "resource-id", "resources-query"),)
_GROUP = flag("g", "GROUP", "Name or ID of the resource group.")
_PROVIDER = flag("p", "PROVIDER", "Ignored: there is no classic infrastructure.", also=("provider",))
_ACCOUNT = flag("account-id", "ID", "Ignored: tags are those of the targeted account.")
_ENDPOINTS = flag("service-endpoints", "TYPE", "Ignored: there is one network.")
_NOT_SERVED = (
    *(
        f"service-{kind}{verb}"
        for kind in ("key", "binding", "alias")
        for verb in ("", "-create", "-update", "-delete")
    ),
    "service-keys",
    "service-bindings",
    "service-aliases",
    "subscription",
    "subscriptions",
)

COMMANDS = (
    Command(
        "resource service-instance-create",
        "Create a service instance.",
        _create,
        "NAME SERVICE_NAME SERVICE_PLAN_NAME LOCATION",
        (
            flag("d", "DEPLOYMENT", "Ignored: a plan has one deployment.", also=("deployment",)),
            _PARAMETERS,
            _GROUP,
            flag("t", "TAGS", "User tags, separated by commas.", also=("tags",), kind="list"),
            flag("lock", text="Lock the instance against changes."),
            _ENDPOINTS,
            flag("allow-cleanup", text="Ignored: no instance of a region is deleted."),
            flag("subscription", "ID", "Ignored: nothing is paid for."),
        ),
    ),
    Command(
        "resource service-instance-update",
        "Update a service instance.",
        _update,
        "INSTANCE",
        (
            flag("n", "NAME", "New name.", also=("name",)),
            flag("service-plan-id", "ID", "ID of the new plan."),
            _PARAMETERS,
            _GROUP,
            _ENDPOINTS,
            FORCE,
        ),
        any_of=(("n", "service-plan-id", "p"),),
    ),
    Command(
        "resource service-instance-delete",
        "Delete a service instance; until it is reclaimed it can be restored.",
        _delete,
        "INSTANCE",
        (flag("recursive", text="Ignored: nothing hangs on an instance."), FORCE),
    ),
    Command(
        "resource service-instance-lock",
        "Lock a service instance against changes.",
        partial(_lock, method="POST", word="lock"),
        "INSTANCE",
        (_GROUP, FORCE),
    ),
    Command(
        "resource service-instance-unlock",
        "Unlock a service instance.",
        partial(_lock, method="DELETE", word="unlock"),
        "INSTANCE",
        (_GROUP, FORCE),
    ),
    Command(
        "resource tags",
        "List tags.",
        _tags,
        flags=(
            *filter_flags(_TAGGED, _OF_TAGS),
            *window("tags"),
            flag("d", "true|false", "Ignored: a tag has no more than its name.", also=("details",)),
            _PROVIDER,
        ),
    ),
    Command("resource tag-create", "Create access tags.", _tag_create, flags=(_TAG_NAMES, _TAG_TYPE)),
    Command(
        "resource tag-attach",
        "Attach tags to a resource.",
        partial(_tag_resource, verb="attach"),
        flags=(
            _TAG_NAMES,
            *_RESOURCE,
            _TAG_TYPE,
            _ACCOUNT,
            flag("replace", text="Take all other tags of this type off."),
            flag("update", text="Take off other tags with the same key."),
        ),
        alone=_WHICH,
        any_of=_WHICH,
    ),
    Command(
        "resource tag-detach",
        "Detach tags from a resource.",
        partial(_tag_resource, verb="detach"),
        flags=(_TAG_NAMES, *_RESOURCE, _TAG_TYPE, _ACCOUNT),
        alone=_WHICH,
        any_of=_WHICH,
    ),
    Command(
        "resource tag-delete",
        "Delete a tag that is attached to nothing, or all of these.",
        _tag_delete,
        flags=(
            flag("tag-name", "NAME", "Name of the tag."),
            flag("a", text="All tags that are attached to nothing.", also=("all",)),
            _TAG_TYPE,
            _PROVIDER,
            _ACCOUNT,
            FORCE,
        ),
        alone=(("tag-name", "a"),),
        any_of=(("tag-name", "a"),),
    ),
    Command(
        "resource search",
        "Search for resources.",
        _search,
        "QUERY",
        (
            *window("resources"),
            flag(
                "s", text="Property to sort by.", also=("sort-by",), choices=("name", "family", "region", "type", "crn")
            ),
            _PROVIDER,
            flag("ir", "WHICH", "Ignored: `resource reclamations` lists what was reclaimed.", also=("is-reclaimed",)),
        ),
    ),
    *(
        Command(
            f"resource {words}",
            "Not supported by Kunsthalle.",
            partial(_unserved, words=words),
            offline=True,
            anything=True,
        )
        for words in _NOT_SERVED
    ),
)
