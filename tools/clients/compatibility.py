"""docs/compatibility.md, written from the results in docs/compatibility/: a section for each client."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "compatibility"

SECTIONS = {
    "terraform": (
        "Terraform",
        (
            "Each configuration is applied, planned (the plan must be empty), applied again, changed behind its back, "
            "imported resource by resource (the plan must be empty but for the differences below) and "
            "destroyed; then nothing may be left in the account."
        ),
    ),
    "packer": (
        "Packer",
        "Packer with IBM's plugin, as far as a build goes without SSH to a guest; then nothing may be left.",
    ),
    "node": (
        "Node SDK",
        (
            "A program tells the main story. Then every operation of the services in scope is called through its "
            "method, and its answer is checked with the SDK's typings as the TypeScript compiler reads them: what an "
            "interface requires is there, what is there is of its type, and a property that no interface knows is "
            "among the differences below. The operations that are not in scope answer 501."
        ),
    ),
    "go": (
        "Go SDKs",
        (
            "The main story is told by a program with both SDKs. Then every operation of the services in scope is "
            "called through its method. A step passes where the SDK decodes the answer, its model has every property "
            "that came and finds every one that it requires, and every value arrived; but for the differences below. "
            "The operations that are not in scope answer 501."
        ),
    ),
    "openstack": (
        "OpenStack",
        (
            "The engine for many hosts, on a real Keystone, Nova with libvirt and QEMU, Cinder on Ceph, and Glance: "
            "`./dev fleet` installs and starts them on one machine. The suite of all engines; the main job from import "
            "to nothing left in the cloud, with two hosts, consoles and an export that is compared bit by bit; a "
            "host that loses its power under load, is said to be lost, and comes back; a user with no more than the "
            "roles and policies of the documentation; and processes of the product that are killed in the middle of "
            "their operations. openstacksdk judges what is in the cloud."
        ),
    ),
}
"""File of a result, in the order of the page; its heading, and what its steps are."""

NOT_RUN = {
    "packer": (
        "Not run: the Go module of IBM's plugin, `github.com/IBM/packer-plugin-ibmcloud`, was not to be had. "
        "`./dev clients packer` builds Packer and the plugin where it is, or takes a built one (`--plugin PATH`); the "
        "steps that it then takes have not been seen to pass.\n\n"
        "Instead `tests/stories/api/test_packer_calls.py` makes the calls of the plugin's steps with the Python SDK: "
        "from an own image, from a version and an offering of a catalog, from a snapshot, captured to an image and "
        "cleaned up, and refused for a masked image."
    ),
}
"""What the page says of a client without a result."""


def page(note: str, folder: Path = FOLDER) -> str:
    """The whole page. KeyError for a result of a client that has no section."""
    results = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    unknown = sorted(set(results) - set(SECTIONS))
    if unknown:
        raise KeyError(f"no section in tools/clients/compatibility.py for {', '.join(unknown)}")
    parts = "\n".join(
        _section(*SECTIONS[name], results[name]) if name in results else f"## {SECTIONS[name][0]}\n\n{NOT_RUN[name]}\n"
        for name in SECTIONS
        if name in results or name in NOT_RUN
    )
    return f"""# Compatibility

{note}

You will find what clients that other people wrote can do with the product, the result of the last
`./dev clients NAME --write`; and what the product can do with an engine that others wrote, the result of the last
`./dev fleet run --write`.

{parts}"""


def _section(title: str, text: str, result: dict[str, Any]) -> str:
    walks = result["walks"]
    passed = sum(_passed(walk) for walk in walks)
    total = sum(len(walk["steps"]) for walk in walks)
    return f"""## {title}

Run with {" and ".join(result["versions"])} on {result["date"]}: {passed} of {total} steps.

{text}

| Walk | Passed |
|---|---|
{_rows((walk["name"], f"{_passed(walk)} of {len(walk['steps'])}{_counted(walk, result['date'])}") for walk in walks)}
{_failed(walks)}
{_covers(walks)}

### Known differences

| What | Why |
|---|---|
{_rows((one["what"], one["reason"]) for one in sorted(result["differences"], key=lambda one: one["what"]))}
"""


def _passed(walk: dict[str, Any]) -> int:
    return sum(step["passed"] for step in walk["steps"])


def _counted(walk: dict[str, Any], date: str) -> str:
    """What the steps of a walk have counted, if anything, and the day when that was, if before the date."""
    told = [f"{count} {what}" for step in walk["steps"] for what, count in step.get("counts", {}).items()]
    eldest = min((step.get("date", date) for step in walk["steps"]), default=date)
    told += [f"run on {eldest}"] * (eldest < date)
    return f": {', '.join(told)}" if told else ""


def _rows(rows: Any) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _failed(walks: list[dict[str, Any]]) -> str:
    found = [f"- {walk['name']}: {step['name']}" for walk in walks for step in walk["steps"] if not step["passed"]]
    return "\nNot passed:\n\n" + "\n".join(found) + "\n" if found else ""


def _covers(walks: list[dict[str, Any]]) -> str:
    """A row for each name that is covered; where each is in one walk alone, a row for each walk."""
    covered = sorted(_covered(walks).items())
    if not covered:
        return ""
    if all(len(names) == 1 for _name, names in covered):
        rows = _rows(
            (walk["name"], ", ".join(f"`{name}`" for name in walk["covers"])) for walk in walks if walk["covers"]
        )
        return f"| Walk | Covered |\n|---|---|\n{rows}"
    rows = _rows((f"`{name}`", ", ".join(names)) for name, names in covered)
    return f"| Covered | In |\n|---|---|\n{rows}"


def _covered(walks: list[dict[str, Any]]) -> dict[str, list[str]]:
    found = defaultdict(list)
    for walk in walks:
        for name in walk["covers"]:
            found[name].append(walk["name"])
    return found
