"""JSON Patch on documents that anybody may send, in time that grows with the sizes of document and patch.

The document is copied once and changed in place. What the operations add comes out of the request, which is bounded;
what they copy inside the document is counted, because copies of copies grow without a bound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonpatch
import jsonpointer
import msgspec

from kunsthalle.core.errors import invalid
from kunsthalle.core.loop_turns import LOOP_TURNS
from kunsthalle.core.sizes import KIB

MAX_OPERATIONS = 500
MAX_COPIED = 256 * KIB
"""Bytes of JSON that the `copy` operations of one patch may copy in all."""

_OPERATIONS: dict[Any, Callable[[dict[str, Any]], Any]] = {
    "add": jsonpatch.AddOperation,
    "remove": jsonpatch.RemoveOperation,
    "replace": jsonpatch.ReplaceOperation,
    "move": jsonpatch.MoveOperation,
    "test": jsonpatch.TestOperation,
}
"""By their names; a `copy` is carried out as an `add`."""


def apply(current: Any, operations: list[dict[str, Any]], prefix: str = "") -> Any:
    """Return the document after the operations; the one that is given stays as it is.

    400 when one cannot be carried out, or leaves what `prefix` names. `replace` of a member that is not there adds it:
    clients do not tell absent from empty.
    """
    if len(operations) > MAX_OPERATIONS:
        text = f"The patch has {len(operations)} operations; at most {MAX_OPERATIONS} are allowed at once."
        raise invalid("bad_request", text, "body")
    for operation in operations:
        _inside(operation, prefix)
    try:
        return _Patch(_copy(current)).apply(operations)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise invalid("bad_request", f"The patch cannot be applied: {str(error)[:200]}", "body") from error
    except (TypeError, KeyError, ValueError, IndexError, AttributeError, RecursionError) as error:
        raise invalid("bad_request", "The patch cannot be applied to the document.", "body") from error


def _inside(operation: dict[str, Any], prefix: str) -> None:
    for name in ("path", "from"):
        pointer = operation.get(name, prefix)
        if not isinstance(pointer, str) or not pointer.startswith(prefix):
            raise invalid("bad_request", f"Every {name} must begin with {prefix or '/'}.", "body")


def _copy(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


class _Patch:
    """Changes one document, which is its own."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._copied = 0

    def apply(self, operations: list[dict[str, Any]]) -> Any:
        changed: dict[Any, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "copy": self._copying,
            "replace": self._replacing,
        }
        for operation in operations:
            LOOP_TURNS.give_way()
            parsed = changed.get(operation.get("op"), dict)(operation)
            # The whole document is an operation's result where its path is the root.
            made = _OPERATIONS.get(parsed.get("op"))
            if made is None:  # the library says what is wrong with it
                jsonpatch.JsonPatch([parsed]).apply(self._document, in_place=True)
            else:  # a patch of the library would make the operation twice
                self._document = made(parsed).apply(self._document)
        return self._document

    def _copying(self, operation: dict[str, Any]) -> dict[str, Any]:
        encoded = msgspec.json.encode(jsonpointer.resolve_pointer(self._document, operation["from"]))
        self._copied += len(encoded)
        if self._copied > MAX_COPIED:
            text = f"The operations copy more than {MAX_COPIED} bytes; give the values instead."
            raise invalid("bad_request", text, "body")
        return {"op": "add", "path": operation["path"], "value": msgspec.json.decode(encoded)}

    def _replacing(self, operation: dict[str, Any]) -> dict[str, Any]:
        return {**operation, "op": "add"} if _absent(self._document, operation["path"]) else operation


def _absent(current: Any, path: str) -> bool:
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]] or [""]
    for part in parents:
        current = current[int(part)] if isinstance(current, list) else current[part]
    return isinstance(current, dict) and last not in current
