"""What the provider does otherwise than one would expect, whatever the server answers: each with its reason."""

from __future__ import annotations

from typing import Any

NOT_IMPORTABLE: dict[str, str] = {
    "ibm_cm_validation": "the provider has no import for it: it is a call, not a resource",
}
"""Types that are left out of the import of a configuration."""

_NOT_READ = "sent once, and never read back by the provider"
_SHOWN_ELSEWHERE = (
    "never read back: the provider shows the group in `placement_target`; set `ignore_changes = [placement_group]` "
    "after an import"
)
_OWN = "read back only as far as the state has it already"

_POLICY = {
    "account_management": "a default of the provider that it does not read back",
    "resources": "read as `resource_attributes`",
    "resource_attributes": "read in place of `resources`",
}

IMPORTED: dict[str, dict[str, str]] = {
    "ibm_kms_key": {"force_delete": _NOT_READ},
    "ibm_kms_instance_policies": dict.fromkeys(
        ("dual_auth_delete", "key_create_import_access", "metrics", "rotation"),
        "the provider reads only the policies that its state has already",
    ),
    "ibm_cm_offering": {"tags": _OWN, "share_with_access_list": _NOT_READ},
    "ibm_cm_version": dict.fromkeys(
        (
            "format_kind",
            "import_metadata",
            "install_kind",
            "offering_id",
            "target_kinds",
            "target_version",
            "usage",
        ),
        _NOT_READ,
    ),
    "ibm_enterprise": {"source_account_id": _NOT_READ},
    "ibm_iam_access_group_policy": _POLICY,
    "ibm_iam_api_key": {"entity_lock": _NOT_READ},
    "ibm_iam_service_policy": _POLICY,
    "ibm_iam_trusted_profile_policy": _POLICY,
    "ibm_is_image": {
        "encrypted_data_key": "the API does not show it: set `ignore_changes = [encrypted_data_key]` after an import",
        "source_volume": _NOT_READ,
    },
    "ibm_is_image_export_job": {"image": _NOT_READ},
    "ibm_is_instance": {
        "catalog_offering": "the API shows the version that was booted, and not the offering that led to it",
        "force_action": "a default of the provider that it does not read back",
        "instance_template": _NOT_READ,
        "placement_group": _SHOWN_ELSEWHERE,
        "user_data": _NOT_READ,
        "volumes": "never read back: the import of the provider sets it with a type that the attribute does not have",
    },
    "ibm_is_instance_template": {"placement_group": _SHOWN_ELSEWHERE},
    "ibm_is_security_group_rule": dict.fromkeys(("code", "port_max", "port_min", "type"), _NOT_READ),
    "ibm_is_instance_group": {"access_tags": "never read by the provider"},
    "ibm_is_instance_group_manager": dict.fromkeys(
        ("aggregation_window", "cooldown", "min_membership_count"),
        "a default of the provider, which managers of the type `scheduled` do not have",
    ),
    "ibm_is_instance_group_manager_action": {
        "instance_group": _NOT_READ,
        "instance_group_manager": _NOT_READ,
        "min_membership_count": "a default of the provider, which actions on a count of members do not have",
    },
}
"""What a plan would change after the import of a type, by attribute."""

OTHERS: dict[str, str] = {
    "`ibm_iam_api_key`: `store_value = true`": (
        "refused with 400, as by the real service: values are stored for keys of service IDs alone"
    ),
    "`ibm_enterprise`: changing it": (
        "refused to the account that made it, which is a child of the enterprise from then on: use an API key of the "
        "enterprise's own account"
    ),
    "`ibm_iam_trusted_profile_link`": (
        "kept and shown; what it speaks of, tokens of compute resources, is not offered: an instance does not become "
        "the profile"
    ),
    "`data.ibm_cm_preset`": (
        "not supported: presets are inputs of Terraform modules, which the catalogs here do not hold, and the provider "
        "looks for them under an id made of catalog and name; `data.ibm_cm_object` reads such objects"
    ),
    "`ibm_cm_offering_instance`": (
        "a note that an account uses a version: the provider demands a cluster, which images do not have, so the "
        "fields of the cluster are kept and shown, and nothing is deployed"
    ),
    "destroying `ibm_is_image_deprecate`, `ibm_is_image_obsolete`": (
        "the provider forgets them and calls nothing; the image stays deprecated or obsolete"
    ),
    "`ibm_cm_account`: `terraform_engines`": "there are none here: always an empty list",
    "`ibm_cm_version`: destroying the last published one": (
        "refused, as by the real service: suspend it first, or take it out of the state and destroy its offering"
    ),
    "`data.ibm_is_image` by the id of another account's image": (
        "the text `No image found with id` of the IBM Cloud documentation was last in provider 1.71; since then "
        "the provider shows the text of the API"
    ),
    "`ibm_is_instance` by `offering_crn`": (
        "the API shows the version that was booted, and not the offering, so the provider plans a replacement: set "
        "`ignore_changes = [catalog_offering]`; templates are not affected"
    ),
    "provider 2.x": "not run: the Go module of its versions was not to be had",
    "share approvals": "provider 1.89 has no resource and no data source for them",
}
"""What else is to be known."""

_IMPORT_IDS: dict[str, str] = {
    "ibm_cm_offering": "{catalog_id}:{offering_identifier}",
}
"""What types are imported by that are not imported by their id in the state."""


def import_id(resource: dict[str, Any]) -> str:
    """What a resource of a state is imported by."""
    return _IMPORT_IDS.get(resource["type"], "{id}").format_map(resource["values"])


def differences() -> list[tuple[str, str]]:
    """All of it, for docs/compatibility.md."""
    found = [(f"import of `{type_}`", reason) for type_, reason in NOT_IMPORTABLE.items()]
    found += [
        (f"import of `{type_}`: `{name}`", reason)
        for type_, known in IMPORTED.items()
        for name, reason in known.items()
    ]
    return sorted([*found, *OTHERS.items()])
