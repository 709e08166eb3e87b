"""What the provider does otherwise than one would expect, whatever the server answers: each with its reason."""

from __future__ import annotations

from typing import Any

NOT_IMPORTABLE: dict[str, str] = {
    "ibm_cm_validation": "the provider has no import for it: it is a call, not a resource",
}
"""Types that are left out of the import of a configuration."""

_NOT_READ = "the provider never reads it back: after an import the plan sets it"

IMPORTED: dict[str, dict[str, str]] = {}
"""What a plan shows as a change after the import of a type, by attribute."""


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
    return sorted(found)
