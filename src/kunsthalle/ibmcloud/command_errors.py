"""What goes wrong, in the words of the terminal."""

from __future__ import annotations

import json
import re
from typing import Any

NOT_LOGGED_IN = "Not logged in. Use 'ibmcloud login' to log in."


class Failed(Exception):
    """The command failed; the message stands under FAILED, its `code` is what the process answers."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class Interrupted(Exception):
    """A hidden prompt was interrupted (cli.md 1.1): exit code 2."""


class Refused(Exception):
    """The server refused. `errors` are the entries of its answer, whatever its family calls their fields."""

    def __init__(self, status: int, path: str, errors: list[dict[str, Any]], trace: str = "") -> None:
        super().__init__(status, path)
        self.status, self.path, self.errors, self.trace = status, path, errors, trace

    def __str__(self) -> str:
        return _block(self) if is_vpc(self.path) else _sentence(self)

    @property
    def code(self) -> str:
        return str(self.errors[0].get("code", "")) if self.errors else ""


def reason(error: Exception) -> str:
    """What went wrong with a file, without its name again."""
    return str(getattr(error, "strerror", None) or error)


_ELSEWHERE = r"/v1/(accounts|account-groups|enterprises|apikeys|serviceids|profiles|policies|audit|reclamations)\b"


def is_vpc(path: str) -> bool:
    """Whether a path is one of the VPC API, which has error blocks of its own."""
    return path.startswith("/v1/") and not re.match(_ELSEWHERE, path)


def refusal(status: int, path: str, raw: bytes) -> Refused:
    """What an answer of 400 and above says; also one that is not JSON, or not the JSON that it should be."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return Refused(status, path, [{"code": "", "message": _plain(status, raw)}])
    errors = _dictionaries(body.get("errors")) or _reasons(body)
    if not errors:
        text = body.get("errorMessage") or body.get("message") or _phrase(status)
        errors = [{"code": body.get("errorCode") or body.get("code") or "", "message": text}]
    return Refused(status, path, errors, str(body.get("trace") or ""))


def _dictionaries(listed: Any) -> list[dict[str, Any]]:
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def _reasons(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The reasons that Key Protect gives, in its collections of errors."""
    return [reason for entry in _dictionaries(body.get("resources")) for reason in _dictionaries(entry.get("reasons"))]


def _phrase(status: int) -> str:
    from http import HTTPStatus

    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "no answer"


def _plain(status: int, raw: bytes) -> str:
    text = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", raw[:4_000].decode(errors="replace"))
    return " ".join(text.split())[:200] or _phrase(status)


def _block(refused: Refused) -> str:
    """One block for each entry (cli.md 1.3)."""
    lines = []
    for error in refused.errors:
        lines.append(f"Response HTTP Status Code: {refused.status}")
        lines += [f"Error code: {error['code']}"] if error.get("code") else []
        lines.append(f"Error message: {error.get('message', '')}")
        target = error.get("target")
        if isinstance(target, dict):
            lines.append(f"Error target name: {target.get('name', '')}, type: {target.get('type', '')}")
        if refused.trace:
            lines.append(f"Trace ID: {refused.trace}")
    return "\n".join(lines)


def _sentence(refused: Refused) -> str:
    """The sentence of the core commands and of the catalogs plug-in (U: the code in it)."""
    first = refused.errors[0]
    code = f" error code: {first['code']};" if first.get("code") else ""
    details = first.get("details")
    more = f" ({details})" if isinstance(details, str) and details else ""
    return f"Error response from server. Status code: {refused.status};{code} message: {first.get('message', '')}{more}"
