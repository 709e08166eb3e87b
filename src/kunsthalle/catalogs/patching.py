"""JSON Patch on documents that anybody may send: bounded in number, in size after each copy, and in depth."""

from __future__ import annotations

from typing import Any

import jsonpatch
import msgspec

from kunsthalle.core.errors import invalid

MOST = 500
LARGEST = 2 * 1024 * 1024


def apply(current: Any, operations: list[dict[str, Any]], prefix: str = "") -> Any:
    """The document after the operations. 400 when one cannot be carried out, or leaves what `prefix` names.

    `replace` of a member that is not there adds it: clients do not tell absent from empty.
    """
    if len(operations) > MOST:
        raise invalid("bad_request", f"At most {MOST} operations at once.", "body")
    for operation in operations:
        _inside(operation, prefix)
    try:
        for operation in operations:
            current = _one(current, operation)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise invalid("bad_request", f"The patch cannot be applied: {str(error)[:200]}", "body") from error
    except (TypeError, KeyError, ValueError, IndexError, AttributeError, RecursionError) as error:
        raise invalid("bad_request", "The patch cannot be applied to the document.", "body") from error
    return current


def _inside(operation: dict[str, Any], prefix: str) -> None:
    for name in ("path", "from"):
        given = operation.get(name, prefix)
        if not isinstance(given, str) or not given.startswith(prefix):
            raise invalid("bad_request", f"Every {name} must begin with {prefix or '/'}.", "body")


def _one(current: Any, operation: dict[str, Any]) -> Any:
    kind = operation.get("op")
    if kind == "replace" and _absent(current, operation["path"]):
        operation = {**operation, "op": "add"}
    changed = jsonpatch.apply_patch(current, [operation])
    # A copy into itself doubles the document: a few dozen of them would fill the memory.
    if kind in {"copy", "add", "replace"} and len(msgspec.json.encode(changed)) > LARGEST:
        raise invalid("bad_request", f"The document would be larger than {LARGEST} bytes.", "body")
    return changed


def _absent(current: Any, path: str) -> bool:
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]] or [""]
    for part in parents:
        current = current[int(part)] if isinstance(current, list) else current[part]
    return isinstance(current, dict) and last not in current
