"""`metadata` of a version: what an import may send, and how answers show it (catalog-iam-enterprise.md 1.6).

It is kept flat, as imports send it. Answers nest what describes the image under `vsi_vpc`, and have no key that the
Terraform provider does not know: it stops at any other.
"""

from __future__ import annotations

from typing import Any

Doc = dict[str, Any]

VSI = "vsi_vpc"
_OF_SYSTEM = ("dedicated_host_only", "vendor", "name", "href", "display_name", "family", "version", "architecture")
_OBJECTS = {"operating_system": _OF_SYSTEM, "file": ("size",)}
_OF_IMAGE = ("id", "name", "region")
_NESTED = (*_OBJECTS, "minimum_provisioned_size", "images")
_BESIDE = (
    "source_url",
    "working_directory",
    "example_name",
    "start_deploy_time",
    "end_deploy_time",
    "est_deploy_time",
    "usage",
    "usage_template",
    "modules",
    "version_name",
    "terraform_version",
    "validated_terraform_version",
)


def flat(metadata: Doc) -> Doc:
    """What is kept: the keys under `vsi_vpc` stand beside the others, and win over keys of the same name."""
    inner = metadata.get(VSI)
    if not isinstance(inner, dict):
        return metadata
    return {**{name: value for name, value in metadata.items() if name != VSI}, **inner}


def nested(metadata: Doc) -> Doc:
    """What is kept, with `vsi_vpc`, for patches, which may name the keys in either place."""
    beside = {name: value for name, value in metadata.items() if name not in _NESTED}
    return {**beside, VSI: {name: metadata[name] for name in _NESTED if name in metadata}}


def shown(metadata: Doc, *, images: bool) -> Doc:
    """What answers show. Without `images`, of the images only their regions: they stay out of reach (R6)."""
    inner: Doc = {}
    for name, known in _OBJECTS.items():
        if isinstance(metadata.get(name), dict):
            inner[name] = _only(metadata[name], known)
    if "minimum_provisioned_size" in metadata:
        inner["minimum_provisioned_size"] = metadata["minimum_provisioned_size"]
    of_image = _OF_IMAGE if images else ("region",)
    inner["images"] = [_only(image, of_image) for image in metadata.get("images", [])]
    return {**_only(metadata, _BESIDE), VSI: inner}


def _only(document: Doc, names: tuple[str, ...]) -> Doc:
    return {name: document[name] for name in names if name in document}


def nested_operation(operation: Doc, prefix: str) -> Doc:
    """An operation of a JSON Patch on the version at `prefix`, with its pointers and values in the nested form."""
    at = f"{prefix}metadata"
    changed = dict(operation)
    for name in ("path", "from"):
        pointer = operation.get(name)
        if isinstance(pointer, str) and pointer.removeprefix(f"{at}/").split("/")[0] in _NESTED:
            changed[name] = f"{at}/{VSI}/{pointer.removeprefix(f'{at}/')}"
    if operation.get("path") == at and isinstance(operation.get("value"), dict):
        changed["value"] = nested(flat(operation["value"]))
    return changed
