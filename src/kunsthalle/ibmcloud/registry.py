"""Which module holds which commands. An area's modules are loaded when one of its commands is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from kunsthalle.ibmcloud.grammar import Command

GROUPS = {
    "": "Kunsthalle's command line, in the words of IBM Cloud's",
    "account": "Manage accounts, users and their audit",
    "catalog": "Manage private catalogs and what is in them",
    "catalog account": "Manage the access that other accounts ask for",
    "catalog filter": "Manage the filters of the public catalog",
    "catalog object": "Manage objects of a catalog (not served)",
    "catalog offering": "Manage offerings and their versions",
    "catalog offering publish": "Share an offering",
    "catalog offering unpublish": "Take back what was shared",
    "catalog offering version": "Manage versions of an offering",
    "enterprise": "Manage an enterprise, its account groups and accounts",
    "iam": "Manage identities, tokens and policies",
    "is": "Manage virtual private clouds: images, servers, storage, networks",
    "kp": "Manage keys of Key Protect, their key rings and policies",
    "kp import-token": "Import key material that nobody on the way can read",
    "kp instance": "Manage the policies of an instance",
    "kp instance policy-update": "Set a policy of an instance",
    "kp key": "Manage keys",
    "kp key policy-update": "Set a policy of a key",
    "kp key-alias": "Manage aliases of keys",
    "kp key-ring": "Manage key rings",
    "plugin": "Plug-ins: what Kunsthalle serves is built in",
    "resource": "Manage resource groups, service instances, reclamations and tags",
}

AREAS = {
    "account": ("account_commands",),
    "catalog": ("catalog_commands", "offering_commands", "publishing_commands", "version_commands"),
    "enterprise": ("enterprise_commands",),
    "iam": (
        "iam_identity_commands",
        "service_id_commands",
        "trusted_profile_commands",
        "profile_trust_commands",
        "authorization_commands",
        "policy_commands",
        "account_policy_commands",
        "access_group_commands",
        "access_group_member_commands",
        "iam_role_commands",
        "account_settings_commands",
        "iam_unsupported_commands",
    ),
    "is": (
        "image_commands",
        "instance_commands",
        "instance_subresource_commands",
        "interface_commands",
        "template_commands",
        "instance_group_commands",
        "group_manager_commands",
        "bare_metal_commands",
        "bare_metal_part_commands",
        "volume_commands",
        "snapshot_commands",
        "placement_group_commands",
        "ssh_key_commands",
        "network_commands",
        "address_commands",
        "acl_commands",
        "routing_commands",
        "geography_commands",
        "vpc_unsupported_commands",
    ),
    "kp": ("kp_key_commands", "kp_policy_commands"),
    "resource": ("resource_group_commands", "resource_instance_commands"),
}
CORE = ("login_commands", "settings_commands", "plugin_commands")

NOT_SERVED = {
    "cos": "Kunsthalle has no object storage service: the buckets of an account are the sub-folders of the folder "
    "KUNSTHALLE_BUCKETS that 'kunsthalle env' prints. Copy the file there.",
}
"""Plug-ins that scripts call beside ours."""

Commands = dict[tuple[str, ...], Command]


def _of(modules: Sequence[str]) -> Commands:
    commands: Commands = {}
    for name in modules:
        for command in import_module(f"kunsthalle.ibmcloud.commands.{name}").COMMANDS:
            for words in (command.words, *command.also):
                commands[tuple(words.split())] = command
    return commands


def commands(area: str) -> Commands:
    """The commands of an area, by their words; the core's for every other word."""
    return _of(AREAS.get(area, CORE))


def everything() -> Commands:
    """Every command there is."""
    resource = _of(CORE)
    for area in AREAS:
        resource |= commands(area)
    return resource
