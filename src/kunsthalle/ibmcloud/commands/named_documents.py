"""Options that take JSON: what they name as the plug-in lets one name it becomes what the API takes.

The plug-in takes the name of a resource where the API takes its ID: `{"subnet": {"name": "my-subnet"}}` and
`{"subnet": {"id": "my-subnet"}}` (VPC CLI reference, examples of `instance-create`). What nothing is named stays as it
was given, and so does what is no object: it is the API that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kunsthalle.core.text_values import integer
from kunsthalle.ibmcloud.commands.network_resources import RESERVED_IP, SECURITY_GROUP
from kunsthalle.ibmcloud.commands.vpc_resources import SNAPSHOT, SUBNET, VOLUME
from kunsthalle.ibmcloud.grammar import WrongUsage, dashed
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.resource_commands import Resource, filled, id_of, is_id

Named = Callable[[Run, Any], Any]


def each(run: Run, documents: Any, named: Named) -> Any:
    """Every document of a list, or of one that stands alone."""
    if documents is None:
        return None
    return [named(run, document) for document in documents] if isinstance(documents, list) else [named(run, documents)]


def _identified(run: Run, options: Any, resource: Resource, parents: Sequence[str] = ()) -> Any:
    """A reference by nothing but a name or an ID, as a reference by ID."""
    if not isinstance(options, dict) or set(options) not in ({"name"}, {"id"}):
        return options
    (word,) = options.values()
    if not isinstance(word, str) or is_id(word):
        return options
    result = id_of(run, resource, word, parents)
    return options if result == word else {"id": result}


def reserved_ip(run: Run, subnet: str | None, option: str) -> dict[str, Any]:
    """The reserved IP of a subnet that an option names by ID or name, or what a new one shall be."""
    options = run.given
    ref = options.get(option)
    if ref:
        return {"id": id_of(run, RESERVED_IP, ref, [id_of(run, SUBNET, subnet)]) if subnet else ref}
    return filled(
        address=options.get(f"{option}-address"),
        auto_delete=options.get(f"{option}-auto-delete"),
        name=options.get(f"{option}-name"),
    )


def vlans(run: Run, option: str) -> list[int] | None:
    """VLAN IDs: `100,200,900-929`."""
    text = run.given.get(option)
    if text is None:
        return None
    entries: list[int] = []
    for part in text.split(","):
        ends = [integer(end) for end in part.strip().split("-")]
        if None in ends or len(ends) > 2:
            raise WrongUsage(f"invalid value '{text}' for {dashed(option)}: VLAN IDs and ranges are expected")
        first, last = sorted((ends[0] or 0, ends[-1] or 0))
        entries += range(first, last + 1)
    return entries


def interface_document(run: Run, options: Any) -> Any:
    """A network interface: its subnet, its reserved IP and its security groups."""
    if not isinstance(options, dict):
        return options
    made = dict(options)
    if "subnet" in made:
        made["subnet"] = _identified(run, made["subnet"], SUBNET)
    if isinstance(made.get("primary_ip"), dict):
        ip = {name.replace("-", "_"): value for name, value in made["primary_ip"].items()}
        subnet = made["subnet"].get("id") if isinstance(made.get("subnet"), dict) else None
        made["primary_ip"] = _identified(run, ip, RESERVED_IP, [subnet]) if subnet else ip
    if isinstance(made.get("security_groups"), list):
        made["security_groups"] = [
            _identified(run, security_group, SECURITY_GROUP) for security_group in made["security_groups"]
        ]
    return made


def volume_attachment(run: Run, options: Any) -> Any:
    """An attachment: the volume that is there, or the snapshot that a new one is made of."""
    if not isinstance(options, dict) or not isinstance(options.get("volume"), dict):
        return options
    volume = _identified(run, options["volume"], VOLUME)
    if "source_snapshot" in volume:
        volume = {**volume, "source_snapshot": _identified(run, volume["source_snapshot"], SNAPSHOT)}
    return {**options, "volume": volume}
