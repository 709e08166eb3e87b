"""Terraform's JSON documents as they are read: a state of version 4, and what `terraform show -json` writes.

The form is that of Terraform's documentation, "JSON Output Format". Fields that no check needs are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from typing import Any

from msgspec import Struct

from kunsthalle.automation_checks.facts import Steps
from kunsthalle.core.records import dataclass

Doc = dict[str, Any]
_INDEX = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[\d+\]')


class StateInstance(Struct, frozen=True):
    """One of the instances that `count` and `for_each` make."""

    attributes: Doc | None = None
    index_key: int | str | None = None


class StateResource(Struct, frozen=True):
    """A resource or data source of a state."""

    mode: str
    type: str
    name: str
    module: str = ""
    instances: list[StateInstance] = []


class State(Struct, frozen=True):
    """A state file."""

    resources: list[StateResource] | None = None


class ShownResource(Struct, frozen=True):
    """A resource with its values."""

    address: str
    mode: str
    type: str
    values: Doc | None = None


class Module(Struct, frozen=True):
    """A module, with those that it calls."""

    resources: list[ShownResource] = []
    child_modules: list[Module] = []


class Values(Struct, frozen=True):
    """The values of a state."""

    root_module: Module = Module()


class Shown(Struct, frozen=True):
    """A state as `terraform show -json` has it. `values` is missing for an empty one."""

    values: Values | None = None


class Change(Struct, frozen=True):
    """What is to be done to a resource."""

    actions: list[str]
    before: Doc | None = None
    after: Doc | None = None


class ResourceChange(Struct, frozen=True):
    """A resource of a plan."""

    address: str
    mode: str
    type: str
    change: Change


class ConfiguredResource(Struct, frozen=True):
    """A resource block. `expressions` has `constant_value` and `references` by argument."""

    address: str
    mode: str
    type: str
    expressions: Doc = {}
    depends_on: list[str] = []


class ModuleCall(Struct, frozen=True):
    """A call of a module."""

    module: ConfiguredModule | None = None


class ConfiguredModule(Struct, frozen=True):
    """The blocks of a module."""

    resources: list[ConfiguredResource] = []
    module_calls: dict[str, ModuleCall] = {}


class Configuration(Struct, frozen=True):
    """The configuration that a plan was made of."""

    root_module: ConfiguredModule = ConfiguredModule()


class Plan(Struct, frozen=True):
    """A plan."""

    resource_changes: list[ResourceChange] = []
    prior_state: Shown | None = None
    configuration: Configuration = Configuration()


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of any of them. `values` are those that it has, or is to have; `before` those that it has.

    `actions` are empty in a state. `module` and `block` are where its configuration is, without indexes.
    """

    address: str
    mode: str
    type: str
    values: Doc
    before: Doc
    actions: tuple[str, ...]
    steps: Steps
    expressions: Doc = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()

    @property
    def data(self) -> bool:
        """Whether it is a data source."""
        return self.mode == "data"

    @property
    def created(self) -> bool:
        return "create" in self.actions

    @property
    def deleted(self) -> bool:
        return "delete" in self.actions

    @property
    def module(self) -> str:
        """The address of its module with the dot behind it, without indexes."""
        return self.block[: len(self.block) - len(block_of(self.block))]

    @property
    def block(self) -> str:
        """The address of its block."""
        return without_index(self.address)


def without_index(address: str) -> str:
    """An address, or a reference, without the indexes of `count` and `for_each`."""
    return _INDEX.sub("", address)


def block_of(address: str) -> str:
    """The address of a block within its module."""
    parts = address.split(".")
    count = 3 if parts[-3:-2] == ["data"] else 2
    return ".".join(parts[-count:])


def of_state(state: State) -> Iterator[Resource]:
    """The resources of a state file."""
    for number, resource in enumerate(state.resources or []):
        for position, instance in enumerate(resource.instances):
            steps = ("resources", number, "instances", position, "attributes")
            values = instance.attributes or {}
            yield Resource(_address(resource, instance), resource.mode, resource.type, values, values, (), steps)


def _address(resource: StateResource, instance: StateInstance) -> str:
    key = instance.index_key
    index = "" if key is None else f'["{key}"]' if isinstance(key, str) else f"[{key}]"
    words = [resource.module, "data" if resource.mode == "data" else "", resource.type, resource.name + index]
    return ".".join(filter(None, words))


def of_shown(shown: Shown, steps: Steps = ()) -> Iterator[Resource]:
    """The resources of a state as `terraform show -json` has it; `steps` lead to it."""
    if shown.values is not None:
        yield from _of_module(shown.values.root_module, (*steps, "values", "root_module"))


def _of_module(module: Module, steps: Steps) -> Iterator[Resource]:
    for number, resource in enumerate(module.resources):
        values = resource.values or {}
        yield Resource(
            resource.address, resource.mode, resource.type, values, values, (), (*steps, "resources", number, "values")
        )
    for number, child in enumerate(module.child_modules):
        yield from _of_module(child, (*steps, "child_modules", number))


def of_plan(plan: Plan) -> Iterator[Resource]:
    """The resources of a plan, and the data sources that were read for it."""
    configured = dict(_configured(plan.configuration.root_module, ""))
    changed = {resource_change.address for resource_change in plan.resource_changes}
    for resource in of_shown(plan.prior_state or Shown(), ("prior_state",)):
        if resource.address not in changed:
            yield _with(resource, configured)
    for number, resource_change in enumerate(plan.resource_changes):
        before, after = resource_change.change.before, resource_change.change.after
        steps = ("resource_changes", number, "change", "before" if after is None else "after")
        actions = tuple(resource_change.change.actions)
        values = (before if after is None else after) or {}
        yield _with(
            Resource(
                resource_change.address,
                resource_change.mode,
                resource_change.type,
                values,
                before or {},
                actions,
                steps,
            ),
            configured,
        )


def _configured(module: ConfiguredModule, prefix: str) -> Iterator[tuple[str, ConfiguredResource]]:
    for resource in module.resources:
        yield prefix + resource.address, resource
    for name, call in module.module_calls.items():
        if call.module is not None:
            yield from _configured(call.module, f"{prefix}module.{name}.")


def _with(resource: Resource, configured: dict[str, ConfiguredResource]) -> Resource:
    block = configured.get(resource.block)
    if block is None:
        return resource
    return Resource(
        resource.address,
        resource.mode,
        resource.type,
        resource.values,
        resource.before,
        resource.actions,
        resource.steps,
        block.expressions,
        tuple(block.depends_on),
    )


def references(expression: object) -> list[str]:
    """All that an expression refers to, at any depth."""
    if isinstance(expression, list):
        return [reference for part in expression for reference in references(part)]
    if not isinstance(expression, dict):
        return []
    named = expression.get("references")
    texts = [reference for reference in named if isinstance(reference, str)] if isinstance(named, list) else []
    return texts + [
        reference for name, part in expression.items() if name != "references" for reference in references(part)
    ]
