"""Reads a scenario file: everything that is wrong with it is told with file, line, and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from kunsthalle.core.near_matches import hint
from kunsthalle.core.records import dataclass
from kunsthalle.scenario_files.schemas import BASE_ACCOUNTS, InstancePart, Scenario, TemplatePart, allowed_at

MOST_BYTES = 1 << 20
_MOST_NAMED = 20
"""So many known names a message lists."""
SHIPPED = Path(__file__).parent / "shipped"
_WHERE = re.compile(r" - at `(key in )?\$([^`]*)`$")
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")

Steps = list[str | int]


class BadScenario(Exception):
    """A file that is no scenario; the message begins with file and line."""


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    """A scenario that was read, and where: paths in it are beside the file."""

    path: Path
    scenario: Scenario


def shipped() -> dict[str, Path]:
    """The scenarios that ship, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def find(text: str) -> Path:
    """The file that is meant: the name of one that ships, else a path. BadScenario where there is none."""
    known = shipped()
    path = known.get(text) or Path(text)
    if not path.is_file():
        raise BadScenario(f"{text}: there is no such file, and no scenario of that name ships: {', '.join(known)}.")
    return path


def read(path: Path) -> ScenarioFile:
    """The scenario of a file. BadScenario for the first that is wrong."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadScenario(f"{path}: {error.strerror or error}.") from error
    if len(raw) > MOST_BYTES:
        raise BadScenario(f"{path}: a scenario file has at most {MOST_BYTES} bytes.")
    node, document = _parsed(path, raw)
    try:
        scenario = msgspec.convert(document, Scenario)
    except (msgspec.ValidationError, RecursionError) as error:
        raise BadScenario(_told(path, node, str(error))) from error
    for steps, text in _unresolved(scenario, path):
        raise BadScenario(f"{path}:{_line(node, steps)}: {_shown(steps)}: {text}")
    return ScenarioFile(path, scenario)


def _parsed(path: Path, raw: bytes) -> tuple[yaml.Node, Any]:
    try:
        text = raw.decode()
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AnchorToken | yaml.AliasToken | yaml.TagToken):
                line = token.start_mark.line + 1
                raise BadScenario(f"{path}:{line}: anchors, aliases and tags are not allowed; write it out.")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            raise BadScenario(f"{path}:1: the file is empty; a scenario has at least a description.")
        _refuse_repeated(path, node)
        return node, yaml.safe_load(text)
    except UnicodeDecodeError as error:
        raise BadScenario(f"{path}: the file is not UTF-8 text.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise BadScenario(f"{path}:{line}: this is not YAML: {error.problem or error.context}.") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise BadScenario(f"{path}:{line}: this is not YAML: {error.reason}.") from error
    except (yaml.YAMLError, ValueError) as error:  # such as a date that is none
        raise BadScenario(f"{path}:1: this is not YAML: {error}.") from error
    except RecursionError as error:
        raise BadScenario(f"{path}:1: the file is nested too deeply.") from error


def _refuse_repeated(path: Path, node: yaml.Node) -> None:
    """YAML's own loader takes the last of two equal keys without a word."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                raise BadScenario(f"{path}:{key.start_mark.line + 1}: {key.value!r} is there twice.")
            seen.add(key.value)
            _refuse_repeated(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeated(path, value)


def _told(path: Path, node: yaml.Node, message: str) -> str:
    where = _WHERE.search(message)
    steps: Steps = [int(index) if index else name for name, index in _STEP.findall(where[2] if where else "")]
    text = _WHERE.sub("", message)
    unknown = _UNKNOWN.fullmatch(text)
    allowed = allowed_at(steps)
    line = _line(node, [*steps, unknown[1]] if unknown else steps)
    if unknown:
        text = f"unknown field {unknown[1]!r}.{hint(unknown[1], allowed)}"
    more = f" Allowed: {', '.join(allowed)}." if allowed else ""
    return f"{path}:{line}: {_shown(steps)}: {text.rstrip('.')}.{more}"


def _shown(steps: Steps) -> str:
    shown = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return shown.lstrip(".") or "the file"


def _line(node: yaml.Node, steps: Iterable[str | int]) -> int:
    """The line of what is at a path, or of what is nearest above it."""
    line = node.start_mark.line + 1
    for step in steps:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
            continue
        pairs = [pair for pair in getattr(node, "value", ()) if isinstance(pair, tuple) and pair[0].value == step]
        if not pairs:
            break
        key, node = pairs[0]
        line = key.start_mark.line + 1
    return line


def _unresolved(scenario: Scenario, path: Path) -> Iterator[tuple[Steps, str]]:
    """Names that nothing in the file has, that are there twice, and files that are not there."""
    yield from _in_tree(scenario)
    accounts = [*BASE_ACCOUNTS, *(account.name for account in scenario.accounts)]
    yield from _twice("accounts", accounts, len(BASE_ACCOUNTS))
    yield from _twice("users", [*accounts, *(user.name for user in scenario.users)], len(accounts))
    for kind in ("users", "images", "catalogs", "instances", "authorizations", "templates", "instance_groups"):
        for index, part in enumerate(getattr(scenario, kind)):
            yield from _unknown([kind, index, "account"], "account", part.account, accounts)
    yield from _twice("images", [(named_image.account, named_image.name) for named_image in scenario.images])
    yield from _twice("catalogs", [(catalog.account, catalog.label) for catalog in scenario.catalogs])
    yield from _twice(
        "instances", [(named_instance.account, named_instance.name) for named_instance in scenario.instances]
    )
    for index, image in enumerate(scenario.images):
        if image.file and not (path.parent / image.file).is_file():
            yield ["images", index, "file"], f"there is no file {image.file!r} beside the scenario file."
    yield from _in_catalogs(scenario, accounts)
    for index, instance in enumerate(scenario.instances):
        yield from _source(scenario, ["instances", index], instance)
    yield from _in_groups(scenario)
    yield from _in_deleted_accounts(scenario)


def _images(scenario: Scenario, account: str) -> list[str]:
    return [name for image in scenario.images if image.account == account for name in image.names]


def _twice(kind: str, names: list[Any], known: int = 0) -> Iterator[tuple[Steps, str]]:
    seen = set(names[:known])
    for index, name in enumerate(names[known:]):
        if name in seen:
            shown = name if isinstance(name, str) else " of ".join(reversed(name))
            yield [kind, index], f"{shown!r} is there twice."
        seen.add(name)


def _unknown(steps: Steps, kind: str, name: str, known: Iterable[str]) -> Iterator[tuple[Steps, str]]:
    known = list(known)
    if name not in known:
        there = f"There is: {', '.join(known[:_MOST_NAMED])}." if known else "There is none."
        yield steps, f"unknown {kind} {name!r}.{hint(name, known)} {there}"


def _in_catalogs(scenario: Scenario, accounts: list[str]) -> Iterator[tuple[Steps, str]]:
    used: set[tuple[str, str]] = set()
    for number, catalog in enumerate(scenario.catalogs):
        images = _images(scenario, catalog.account)
        yield from _twice(
            f"catalogs[{number}].offerings", [named_offering.name for named_offering in catalog.offerings]
        )
        for place, offering in enumerate(catalog.offerings):
            at: Steps = ["catalogs", number, "offerings", place]
            for index, version in enumerate(offering.versions):
                steps = [*at, "versions", index, "image"]
                yield from _unknown(steps, f"image of {catalog.account}", version.image, images)
                if (catalog.account, version.image) in used:
                    yield (
                        steps,
                        f"the image {version.image!r} is in another version already: an image is in one at most.",
                    )
                used.add((catalog.account, version.image))
            for index, share in enumerate(offering.shares):
                yield from _unknown([*at, "shares", index, "account"], "account", share.account, accounts)


def _in_tree(scenario: Scenario) -> Iterator[tuple[Steps, str]]:
    """Where account groups and accounts are: a group after the one that it is in."""
    names = [group.name for group in scenario.account_groups]
    yield from _twice("account_groups", names)
    for index, group in enumerate(scenario.account_groups):
        if group.parent:
            steps: Steps = ["account_groups", index, "parent"]
            yield from _unknown(steps, "account group before it", group.parent, names[:index])
    for index, account in enumerate(scenario.accounts):
        steps = ["accounts", index, "parent"]
        if account.parent and not account.in_enterprise:
            yield steps, "only an account in the enterprise is in an account group."
        elif account.parent:
            yield from _unknown(steps, "account group", account.parent, names)


def _in_groups(scenario: Scenario) -> Iterator[tuple[Steps, str]]:
    for index, template in enumerate(scenario.templates):
        yield from _source(scenario, ["templates", index], template)
    for kind in ("templates", "instance_groups"):
        yield from _twice(kind, [(part.account, part.name) for part in getattr(scenario, kind)])
    for index, group in enumerate(scenario.instance_groups):
        known = [template_part.name for template_part in scenario.templates if template_part.account == group.account]
        steps: Steps = ["instance_groups", index, "template"]
        yield from _unknown(steps, f"template of {group.account}", group.template, known)


def _in_deleted_accounts(scenario: Scenario) -> Iterator[tuple[Steps, str]]:
    """Who is to leave an enterprise must be in one."""
    for index, account in enumerate(scenario.accounts):
        if account.deleted and not account.in_enterprise:
            yield ["accounts", index, "deleted"], "only an account in the enterprise is deleted, by its enterprise."


def _source(scenario: Scenario, at: Steps, part: InstancePart | TemplatePart) -> Iterator[tuple[Steps, str]]:
    if bool(part.image) == bool(part.version):
        yield at, "give either image or version."
    elif part.image:
        images = _images(scenario, part.account)
        yield from _unknown([*at, "image"], f"image of {part.account}", part.image, images)
    else:
        versions = [
            f"{catalog.label}/{offering.name}/{version.version}"
            for catalog in scenario.catalogs
            for offering in catalog.offerings
            for version in offering.versions
        ]
        yield from _unknown([*at, "version"], "version", part.version, versions)
