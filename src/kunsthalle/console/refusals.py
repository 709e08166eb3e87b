"""Why the API would refuse an action, of what it tells of a resource: one rule for each type, for lists, pages and
actions on several.

A rule takes a row of the API and the word of the action, and returns the reason, or '' where the API would do it or
the rule does not know. A test does in every state what a rule says something of, and compares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kunsthalle.console.listing import Row
from kunsthalle.core.clock import HOUR, moment

Rule = Callable[[Row, str], str]
MANAGED = "A private catalog manages it: it must be freed first."
_DELETED_ALREADY = "It is being deleted already."
_FREE_ALONE = frozenset({"share", "deprecate", "obsolete", "delete"})
"""What is refused while a catalog manages an image (R2)."""


def none(_row: Row, _action: str) -> str:
    """Of types whose actions the API refuses for want of a role alone."""
    return ""


def _words(state: str) -> str:
    return state.replace("_", " ")


def _only(state: str, states: tuple[str, ...], noun: str) -> str:
    """The reason where a state is none of those from which something can be done."""
    named = " or ".join(_words(entry) for entry in states)
    return "" if state in states else f"It is {_words(state)}: {noun} must be {named}."


def of_image(image: Row, action: str) -> str:
    """Share, deprecate, obsolete, delete, edit, export."""
    status = str(image["status"])
    if action in _FREE_ALONE and image["catalog_offering"]["managed"]:
        return MANAGED
    match action:
        case "share":
            return _share(image, status)
        case "deprecate":
            return _deprecate(image, status)
        case "obsolete":
            return _obsolete(image, status)
        case "export":  # a new one
            return _only(status, ("available", "deprecated", "obsolete", "unusable"), "an image")
        case "edit" | "delete" if status == "deleting":
            return _DELETED_ALREADY
    return ""


def _share(image: Row, status: str) -> str:
    """What enters a catalog (R1)."""
    if image["encryption"] != "none":
        return "It is encrypted: a private catalog cannot use encrypted images."
    if image["operating_system"]["architecture"] != "amd64":
        return "It is no x86 image: a private catalog takes x86 images alone."
    return _only(status, ("available",), "an image")


def _deprecate(image: Row, status: str) -> str:
    if status == "available" and "deprecation_at" in image:
        return "It has a deprecation date: remove that first."
    return _only(status, ("available",), "an image")


def _obsolete(image: Row, status: str) -> str:
    if status in {"available", "deprecated"} and "obsolescence_at" in image:
        return "It has an obsolescence date: remove that first."
    if status == "available" and "deprecation_at" in image:
        return "It has a deprecation date in the future: remove that first."
    return _only(status, ("available", "deprecated"), "an image")


_INSTANCE_MOVES = {
    "start": ("stopped", "stopping", "failed", "starting", "running", "restarting"),
    "stop": ("running", "starting", "restarting", "failed", "stopping", "stopped"),
    "reboot": ("running", "restarting"),
}
"""From where each is done, or has nothing to do."""


def of_instance(server: Row, action: str) -> str:
    """Start, stop, reboot, delete."""
    status = str(server["status"])
    if status == "deleting":
        return _DELETED_ALREADY
    if action not in _INSTANCE_MOVES:
        return ""
    if status not in _INSTANCE_MOVES[action]:
        return f"It is {status}."
    return ""


def instances_of(volume: Row) -> list[Row]:
    """The instances that a volume is attached to."""
    return [entry["instance"] for entry in volume["volume_attachments"] if "instance" in entry]


def of_volume(volume: Row, action: str) -> str:
    """Snapshot (take one), delete."""
    status = str(volume["status"])
    if status == "pending_deletion":
        return _DELETED_ALREADY
    if action == "snapshot":
        return _only(status, ("available",), "a volume")
    if action != "delete":
        return ""
    names = [entry["name"] for entry in instances_of(volume)]
    if names:
        return f"It is attached to the instance {', '.join(names)}."
    return _only(status, ("available", "failed"), "a volume")


def of_snapshot(snapshot: Row, action: str) -> str:
    """Boot (create an instance), delete."""
    state = str(snapshot["lifecycle_state"])
    if action == "boot":
        return _only(state, ("stable",), "a snapshot")
    return _DELETED_ALREADY if action == "delete" and state == "deleting" else ""


def of_template(template: Row, action: str) -> str:
    """Delete: `groups` are the instance groups that use it, as `instance_template_pages` adds them."""
    users = [str(group["name"]) for group in template.get("groups", ())]
    return f"The instance group {users[0]} uses it." if action == "delete" and users else ""


def of_group(group: Row, _action: str) -> str:
    """Whatever is asked of an instance group."""
    return _DELETED_ALREADY if group["status"] == "deleting" else ""


def of_placement_group(group: Row, action: str) -> str:
    """Delete: `members` are the instances in it, as `placement_group_pages` adds them."""
    if action != "delete":
        return ""
    if group["members"]:
        return "Instances are in it: delete them first."
    return _DELETED_ALREADY if group["lifecycle_state"] == "deleting" else ""


_METAL_MOVES = {
    "start": ("stopped", "starting", "running"),
    "stop": ("running", "stopping", "stopped"),
    "restart": ("running",),
}


def of_bare_metal(server: Row, action: str) -> str:
    """Start, stop, restart, delete."""
    status = str(server["status"])
    if status == "deleting" and action != "edit":
        return _DELETED_ALREADY
    return "" if status in _METAL_MOVES.get(action, (status,)) else f"It is {status}."


def of_export(job: Row, action: str) -> str:
    """Delete."""
    return _DELETED_ALREADY if action == "delete" and job["status"] == "deleting" else ""


def of_vpc(vpc: Row, action: str) -> str:
    """Delete: `subnets` and `gateways` are those in it, as `network_pages` adds them."""
    if action != "delete":
        return ""
    if vpc["subnets"]:
        return "Delete its subnets first."
    if vpc["gateways"]:
        return "Delete its public gateways first."
    if vpc["dns"]["enable_hub"] and vpc["dns"]["resolution_binding_count"]:
        return "Other VPCs have it resolve their names: delete its DNS resolution bindings first."
    return ""


def of_subnet(subnet: Row, action: str) -> str:
    """Delete, gateway (attach one): `targets` are what has addresses in it, by name, and `choices` the gateways that it
    could have, as `network_pages` adds them.
    """
    if action == "gateway" and not subnet["choices"]:
        return "There is no public gateway in its VPC and its zone."
    if action != "delete" or not subnet["targets"]:
        return ""
    first, others = subnet["targets"][0], len(subnet["targets"]) - 1
    return f"Addresses of it are in use: by {first}{f' and {others} more' if others else ''}."


def of_security_group(group: Row, action: str) -> str:
    """Delete: `default` and `named_by` (a group with a rule that names it) are added by `security_group_pages`."""
    if action != "delete":
        return ""
    if group["default"]:
        return "It is the default of its VPC."
    if group["targets"]:
        return "Take its targets out first."
    return f"A rule of the security group {group['named_by']} names it." if group["named_by"] else ""


def of_floating_ip(address: Row, action: str) -> str:
    """Detach, delete."""
    held = address.get("target", {}).get("resource_type") == "public_gateway"
    return "A public gateway needs the address." if held and action in {"detach", "delete"} else ""


def of_resource_group(group: Row, action: str) -> str:
    """Delete: `filled` says whether the visitor sees anything in it, what can still be restored included, as
    `resource_group_pages` adds it.
    """
    if action != "delete":
        return ""
    if group["default"]:
        return "It is the default one of the account."
    return "It is not empty: delete or reclaim what is in it first." if group["filled"] else ""


def of_locked(row: Row, action: str) -> str:
    """API keys and service IDs: edit, delete."""
    return "It is locked: unlock it first." if row["locked"] and action in {"edit", "delete"} else ""


def of_membership(member: Row, action: str) -> str:
    """Delete: of a member of an access group."""
    by_rule = action == "delete" and member["membership_type"] != "static"
    return "A dynamic rule made the membership; it ends by itself." if by_rule else ""


def of_user(user: Row, action: str) -> str:
    """Delete: `owner` says whether the account is the user's, as `account_user_pages` adds it."""
    return "The owner of an account stays a user of it." if action == "delete" and user["owner"] else ""


def of_reclamation(reclamation: Row, action: str) -> str:
    """Restore."""
    if action != "restore" or reclamation["state"] == "SCHEDULED":
        return ""
    return f"It is {reclamation['state'].lower()} already."


_ROOT_KEY_MOVES = {"rotate": ("active",), "disable": ("active",), "enable": ("suspended",)}


def of_root_key(key: Row, action: str) -> str:
    """Rotate, disable, enable, ring, delete, restore: `word` is its state and `now` the moment of the product clock,
    in microseconds, as `root_key_pages` adds them.
    """
    word = str(key["word"])
    if action == "restore":
        return "" if word == "destroyed" else "It was not deleted."
    if word == "destroyed":
        return "It is destroyed: restore it first."
    if action not in _ROOT_KEY_MOVES:
        return ""
    if word not in _ROOT_KEY_MOVES[action]:
        return _only(word, _ROOT_KEY_MOVES[action], "a key")
    return _rotate(key) if action == "rotate" else ""


def _rotate(key: Row) -> str:
    if key["imported"]:
        return "It was imported: it is rotated through the API, with a new payload."
    rotated = key.get("lastRotateDate")
    if rotated and key["now"] < moment(rotated) + HOUR:
        return "It was rotated within the last hour: only one rotation an hour is permitted."
    return ""


_PUBLISHED = ("consumable", "prerelease")
_STEPS: Mapping[str, tuple[str, ...]] = {
    "validate": ("new", "validated", "test", *_PUBLISHED),
    "publish": ("validated", "prerelease"),
    "suspend": (*_PUBLISHED, "test"),
    "deprecate": _PUBLISHED,
    "restore": _PUBLISHED,
    "archive": ("validated", *_PUBLISHED),
}
"""The steps of a version, and the states that they begin from."""
_NAMES = {"deprecated": "archived", "consumable": "published"}
"""What a reader calls states whose words in the API mean something else elsewhere."""


def of_version(version: Row, action: str) -> str:
    """Validate, publish, suspend, deprecate, restore, archive, delete: `last` says whether it is the last published
    version of its offering, as `offering_pages` adds it.
    """
    if action == "delete":
        return "It is the last published version: delete the offering, or suspend it first." if version["last"] else ""
    state, pending = str(version["state"]["current"]), "deprecate_pending" in version
    if state not in _STEPS[action]:
        if action == "publish" and state in {"new", "test"}:
            return "It must be validated first."
        already = (action, state) in {("publish", "consumable"), ("archive", "deprecated")}
        return f"It is {_NAMES.get(state, state)}{' already' if already else ''}."
    return _of_published(version, action, pending=pending)


def _of_published(version: Row, action: str, *, pending: bool) -> str:
    """What a state that a step may begin from does not say yet."""
    if pending and action in {"publish", "deprecate"}:
        return "It is being deprecated: restore it first."
    if action == "restore" and not pending:
        return "It is not being deprecated."
    if action == "publish" and version["validation"].get("state") != "valid":
        return "It must be validated first."
    return ""
