"""Resources of the VPC API, and the commands that all of them have: list, show, create, update, delete.

A `Resource` is data: what it is called, where it is, what is shown of it. A path has a `{}` for each of its parents.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from kunsthalle.ibmcloud.command_errors import Failed, Refused
from kunsthalle.ibmcloud.grammar import BOOLEAN, FORCE, Command, Flag, Given, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run, one_of
from kunsthalle.ibmcloud.printed_tables import Field, when
from kunsthalle.local.list_parameters import can_be_asked, parameter

RequestBody = Callable[[Run], dict[str, Any]]
Dress = Callable[[Run, list[Any]], list[Any]]
"""Adds what only tables and detail views show, and the API tells elsewhere."""
ALL = "all"
"""The word for a filter that does not filter."""

_ID = r"[0-9a-z]{4}[-_][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

GROUP = (
    flag("resource-group-id", "ID", "ID of the resource group."),
    flag("resource-group-name", "NAME", "Name of the resource group."),
)
GROUP_OR_ALL = (*GROUP, flag("all-resource-groups", text="Query all resource groups."))
_OF_GROUP = "resource_group.id"
_ONE_GROUP = ("resource-group-id", "resource-group-name")
NAME = flag("name", "NAME", "New name.")
OF_VPC = flag("vpc", "VPC", "ID, CRN or name of the VPC, where resources of several have the name.")


class Filter(NamedTuple):
    """A flag of a list, and the parameter of the API that it fills, which says what the flag takes.

    `value` and `text` are what help shows; the text of the parameter where none is given. Where the plug-in has the
    word `all` for no filter, `or_all` says so, and `otherwise` is what is sent where the flag is not given.
    """

    flag: str
    parameter: str
    value: str = ""
    text: str = ""
    of: "Resource | None" = None
    """What the flag names by ID, CRN or name, where the parameter takes an ID."""
    by_crn: str = ""
    """The parameter that takes a CRN, where the plug-in takes an ID or a CRN."""
    words: Mapping[str, str] = {}
    """What words of the plug-in mean to the API."""
    or_all: bool = False
    otherwise: str = ""
    also: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    """The words that the command takes, where they are not the API's; `words` says what they mean."""
    switch: bool = False
    """Whether the flag stands alone, for a parameter that is true or false."""
    by: Callable[[Run, str], str] | None = None
    """What makes the parameter's value of the flag's."""

    def as_flag(self, path: str) -> Flag:
        """The flag, for the list at a path; LookupError where that list has no such parameter."""
        known = parameter(path, self.parameter)
        if self.by_crn:
            parameter(path, self.by_crn)
        text = self.text or known.description
        if known.kind == "bool":
            return flag(self.flag, "" if self.switch else BOOLEAN, text, also=self.also)
        if self.value and known.several and not known.choices:
            return flag(self.flag, self.value, text, also=self.also)
        if self.value:
            return flag(self.flag, self.value, text, kind="list" if known.several else known.kind, also=self.also)
        choices = ((ALL,) if self.or_all else ()) + (self.choices or known.choices)
        return flag(self.flag, text=text, choices=choices, also=self.also)

    def asked(self, run: Run) -> dict[str, str]:
        """What the command line asks of the list by this flag."""
        options = run.given.get(self.flag)
        if options in (None, "", []):
            return {self.parameter: self.otherwise} if self.otherwise else {}
        values = (
            options
            if isinstance(options, list)
            else [str(options).lower() if isinstance(options, bool) else str(options)]
        )
        if self.or_all and ALL in values:
            return {}
        name = self.by_crn if self.by_crn and values[0].startswith("crn:") else self.parameter
        return {name: ",".join(self._meant(run, value) for value in values)}

    def _meant(self, run: Run, value: str) -> str:
        if self.by is not None:
            return self.by(run, value)
        return self.words.get(value, value) if self.of is None else id_of(run, self.of, value)


def filter_flags(path: str, filters: Sequence[Filter]) -> tuple[Flag, ...]:
    """The flags of filters of the list at a path; LookupError for a parameter that the list does not have."""
    return tuple(filter_.as_flag(path) for filter_ in filters)


def asked_of(run: Run, filters: Sequence[Filter]) -> dict[str, str]:
    """What the command line asks of a list by its filters."""
    return {name: value for filter_ in filters for name, value in filter_.asked(run).items()}


class Resource(NamedTuple):
    """`nouns` are how a list of it is called; `key` is its list's key in the API's answer."""

    noun: str
    nouns: str
    path: str
    key: str
    columns: tuple[Field, ...]
    fields: tuple[Field, ...] = ()
    parents: tuple[Any, ...] = ()
    grouped: bool = False
    by_name: bool = False
    """Whether the API itself knows it by its name: profiles, zones, operating systems."""

    def label(self) -> str:
        """How it is called among the positionals of a command."""
        return self.noun.upper().replace(" ", "_").replace("-", "_")

    def takes(self) -> str:
        return " ".join(parent.label() for parent in self.parents)

    def capital(self) -> str:
        return self.noun[0].upper() + self.noun[1:]


def is_id(ref: str) -> bool:
    return re.fullmatch(_ID, ref) is not None


def crn_of(ref: str) -> str | None:
    """What a CRN names; None for what is no CRN."""
    return ref.rsplit(":", 1)[-1] if ref.startswith("crn:") else None


def parents_of(run: Run, resource: Resource) -> list[str]:
    """The ids of the parents that the command line names."""
    entries: list[str] = []
    for parent in resource.parents:
        entries.append(id_of(run, parent, str(run.given[parent.label()]), entries))
    return entries


def place(run: Run, resource: Resource, ref: str = "") -> str:
    """The path of the list below the parents that the command line names, or of one resource in it."""
    parents = parents_of(run, resource)
    whole = path_of(resource.path, *parents)
    return f"{whole}/{path_of('{}', id_of(run, resource, ref, parents))}" if ref else whole


def id_of(run: Run, resource: Resource, ref: str, parents: Sequence[str] = ()) -> str:
    """The id that an ID, a CRN or a name stands for. What nothing is named stays as it was typed: it is the API that
    says so, in the words it has for everything that cannot be seen."""
    if resource.by_name or is_id(ref):
        return ref
    if (within := crn_of(ref)) is not None:
        return within
    listed = run.api.listed(path_of(resource.path, *parents), resource.key, {"name": ref})
    match = one_of(_in_vpc(run, [entry for entry in listed if entry.get("name") == ref]), resource.noun, ref)
    return str(match["id"]) if match else ref


def _in_vpc(run: Run, entries: list[Any]) -> list[Any]:
    """Of several resources of a name those in the VPC that `--vpc` names by ID, CRN or name."""
    vpc = run.given.get("vpc")
    if len(entries) < 2 or not vpc:
        return entries
    return [entry for entry in entries if vpc in (entry.get("vpc") or {}).values()]


def reference(run: Run, resource: Resource, ref: str) -> dict[str, str]:
    """A reference in a body."""
    if resource.by_name:
        return {"name": ref}
    return {"crn": ref} if ref.startswith("crn:") else {"id": id_of(run, resource, ref)}


def references(run: Run, resource: Resource, refs: Sequence[str]) -> list[dict[str, str]]:
    return [reference(run, resource, ref) for ref in refs]


def group_of(run: Run) -> dict[str, str]:
    """The resource group that something is made in: the flags' or the targeted one; empty leaves it to the API."""
    named_group = _named_group(run) or run.session.group
    return {"id": named_group} if named_group else {}


def _named_group(run: Run) -> str:
    if run.given.has("resource-group-id"):
        return str(run.given.get("resource-group-id"))
    name = run.given.get("resource-group-name")
    return group_id(run, str(name)) if name else ""


def group_id(run: Run, ref: str) -> str:
    """The id of a resource group, by its name or id; Failed where there is none."""
    groups = list(run.api.listed("/v2/resource_groups", "resources", {"account_id": run.session.account}))
    entries = [group for group in groups if group["name"] == ref] or [group for group in groups if group["id"] == ref]
    if not entries:
        raise Failed(f"Resource group '{ref}' was not found.")
    return str(entries[0]["id"])


def _wanted_group(run: Run) -> tuple[str, str]:
    """Which group a list is narrowed to, and how the progress line says so (cli.md 3, U)."""
    if run.given.get("all-resource-groups"):
        return "", "all resource groups"
    named = _named_group(run)
    if named:
        return named, f"resource group {run.given.get('resource-group-name') or named}"
    if run.session.group:
        return run.session.group, f"resource group {run.session.text('ResourceGroup', 'Name')}"
    return "", "all resource groups"


def _undressed(_run: Run, entries: list[Any]) -> list[Any]:
    return entries


def view_part(run: Run, owner: Resource, path: str, fields: Sequence[Field], noun: str) -> None:
    """Show what a resource has one of, at a path below it: the default security group of a VPC."""
    ref = run.given[owner.label()]
    run.progress("Getting", f"{noun} of {owner.noun} {ref}")
    run.detail(run.api.get(f"{place(run, owner, ref)}/{path}"), fields)


def _list(run: Run, resource: Resource, filters: Sequence[Filter], dress: Dress) -> None:
    where = f"region {run.session.region}"
    asked, group = asked_of(run, filters), ""
    if resource.grouped:
        group, words = _wanted_group(run)
        where = f"{words} and {where}"
        asked |= {_OF_GROUP: group} if can_be_asked(resource.path, _OF_GROUP) else {}
    owner = f" of {resource.parents[-1].noun} {run.given[resource.parents[-1].label()]}" if resource.parents else ""
    run.progress("Listing", f"{resource.nouns}{owner} in {where}")
    entries = [entry for entry in run.api.listed(place(run, resource), resource.key, asked) if _in(entry, group)]
    run.table(entries if run.json else dress(run, entries), resource.columns, f"No {resource.nouns} were found.")


def _in(entry: Any, group: str) -> bool:
    """Whether it is in a group; of a list that cannot be asked for one, others come too."""
    return not group or entry.get("resource_group", {}).get("id") == group


def shown(run: Run, resource: Resource, ref: str) -> Any:
    """The resource itself, by whatever it was called."""
    return run.api.get(place(run, resource, ref))


def _get(run: Run, resource: Resource, dress: Dress) -> None:
    ref = run.given[resource.label()]
    run.progress("Getting", f"{resource.noun} {ref}")
    result = shown(run, resource, ref)
    run.detail(result if run.json else dress(run, [result])[0], resource.fields)


def _create(run: Run, resource: Resource, body: RequestBody, fields: Sequence[Field]) -> None:
    name = run.given.words.get("NAME") or run.given.get("name") or ""
    run.progress("Creating", f"{resource.noun} {name}".rstrip())
    made = run.api.post(place(run, resource), body(run))
    run.detail(made, fields)


def _update(run: Run, resource: Resource, body: RequestBody, fields: Sequence[Field]) -> None:
    ref = run.given[resource.label()]
    run.progress("Updating", f"{resource.noun} {ref}")
    path, change = place(run, resource, ref), body(run)
    headers = {}
    if any(isinstance(value, list) for value in change.values()):
        headers["If-Match"] = run.api.call("GET", path).etag
    run.detail(run.api.call("PATCH", path, change, headers=headers).body, fields)


def _delete(run: Run, resource: Resource) -> None:
    """Each in turn, past failures; as JSON one object for each with its `result` (cli.md 3)."""
    refs: list[str] = run.given[resource.label()]
    told = []
    if not run.confirmed(f"This will delete {resource.noun} {', '.join(refs)} and cannot be undone. Continue"):
        return
    for ref in refs:
        outcome = {"id": ref, "name": ref, "result": False}
        run.progress("Deleting", f"{resource.noun} {ref}")
        try:
            result = shown(run, resource, ref)
            outcome |= {"id": result["id"], "name": result.get("name", ref)}
            answer = run.api.call("DELETE", f"{place(run, resource)}/{path_of('{}', str(result['id']))}")
            outcome["result"] = True
            _deleted(run, resource, ref, answer.status)
        except (Refused, Failed) as failure:
            run.complain(failure)
        told.append(outcome)
    if run.json:
        run.print_json(told)


def _deleted(run: Run, resource: Resource, ref: str, status: int) -> None:
    if run.json:
        return
    run.terminal.ok()
    accepted = f"Deletion request for {resource.noun} {ref} has been accepted."
    run.terminal.say(accepted if status == 202 else f"{resource.capital()} {ref} is deleted.")


def lists(
    resource: Resource,
    words: str,
    *flags: Flag | Filter,
    dress: Dress = _undressed,
    also: tuple[str, ...] = (),
) -> Command:
    """The command that lists a resource: with its flags, of which those that narrow the list are filters."""
    filters = [flag for flag in flags if isinstance(flag, Filter)]
    own = [flag.as_flag(resource.path) if isinstance(flag, Filter) else flag for flag in flags]
    more = GROUP_OR_ALL if resource.grouped else ()
    alone = ((*_ONE_GROUP, "all-resource-groups"),) if resource.grouped else ()
    run = partial(_list, resource=resource, filters=filters, dress=dress)
    return Command(f"is {words}", f"List all {resource.nouns}.", run, resource.takes(), (*own, *more), also, alone)


def shows(
    resource: Resource, words: str, *flags: Flag, dress: Dress = _undressed, also: tuple[str, ...] = ()
) -> Command:
    takes = f"{resource.takes()} {resource.label()}".strip()
    run = partial(_get, resource=resource, dress=dress)
    return Command(f"is {words}", f"View details of {_a(resource.noun)}.", run, takes, flags, also)


def makes(
    resource: Resource,
    words: str,
    takes: str,
    *flags: Flag,
    body: RequestBody,
    fields: Sequence[Field] = (),
    **more: Any,
) -> Command:
    takes = f"{resource.takes()} {takes}".strip() if more.pop("parents_first", True) else takes
    options = (*flags, *(GROUP if resource.grouped else ()))
    alone = (*more.pop("alone", ()), *((_ONE_GROUP,) if resource.grouped else ()))
    run = partial(_create, resource=resource, body=body, fields=tuple(fields) or resource.fields)
    return Command(f"is {words}", f"Create {_a(resource.noun)}.", run, takes, options, alone=alone, **more)


def changes(
    resource: Resource, words: str, *flags: Flag, body: RequestBody, fields: Sequence[Field] = (), **more: Any
) -> Command:
    takes = f"{resource.takes()} {resource.label()}".strip()
    run = partial(_update, resource=resource, body=body, fields=tuple(fields) or resource.fields)
    return Command(f"is {words}", f"Update {_a(resource.noun)}.", run, takes, flags, **more)


def deletes(resource: Resource, words: str, *flags: Flag, also: tuple[str, ...] = ()) -> Command:
    takes = f"{resource.takes()} {resource.label()}...".strip()
    run = partial(_delete, resource=resource)
    return Command(f"is {words}", f"Delete one or more {resource.nouns}.", run, takes, (*flags, FORCE), also)


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def filled(**values: Any) -> dict[str, Any]:
    """A body without what was not said."""
    return {name: value for name, value in values.items() if value is not None and value != {} and value != ""}


def named(options: Given) -> dict[str, Any]:
    return filled(name=options.get("name"))


def renames(run: Run) -> dict[str, Any]:
    """A body that changes the name alone."""
    return named(run.given)


CREATED: Field = ("Created", when("created_at"))
RESOURCE_GROUP: Field = ("Resource group", "resource_group.name")
