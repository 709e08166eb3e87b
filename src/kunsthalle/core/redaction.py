"""The one rule of what is left out wherever calls are shown: reports of tests, transcripts, recordings."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

REDACTED = "…"
_SECRET_NAME = re.compile(
    r"api_?key$|pass_?w(?:or)?d|pwd$|passphrase|passcode|secret|token$|credential|private_?key"
    r"|user_data$|authorization$"
    r"|signature$"  # of a presigned address
    r"|payload$|plaintext$|ciphertext$|nonce$",  # of Key Protect
    re.IGNORECASE,
)
# Tenants choose the texts that these read while nothing else runs: from each start, a bounded length is looked at.
_TOKEN = re.compile(
    r"\b(?:ey[A-Za-z0-9_-]{8,512}+\.[A-Za-z0-9_-]++\.[A-Za-z0-9_-]*"
    r"|[Bb]earer +[^\s\"']+|[Bb]asic +(?P<basic>[A-Za-z0-9+/]{4,}={0,2}))"
)
_PARAMETER = re.compile(r"(?<=[?&;#])(?P<name>[A-Za-z0-9_.-]{1,100}+)=[^&\s\"'#]+")
"""A parameter of an address: that of the console of an instance has a token."""
_USER_INFO = re.compile(r"(?<=://)[^/?#\s@\"']{1,512}@")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL)
_PAIR_NAMES, _PAIR_VALUES = ("name", "key"), ("value", "default_value")
"""Of variables and parameters that are given as objects: `{"name": "db_password", "value": "…"}`."""
_FORM_FIELD = re.compile(r"[A-Za-z0-9_.\[\]-]{1,100}")


def is_secret(name: str) -> bool:
    """Whether a field or a parameter of this name holds a secret."""
    return _SECRET_NAME.search(name.replace("-", "_")) is not None


def redact(document: Any) -> Any:
    """A JSON document without the values of secret fields, at any depth, and without what looks like a secret."""
    if isinstance(document, dict):
        named = any(isinstance(document.get(name), str) and is_secret(document[name]) for name in _PAIR_NAMES)
        left_out = _PAIR_VALUES if named else ()
        return {name: _field(name, value, secret=name in left_out) for name, value in document.items()}
    if isinstance(document, list):
        return [redact(member) for member in document]
    return _redact_string(document) if isinstance(document, str) else document


def _field(name: str, value: Any, *, secret: bool) -> Any:
    if secret or is_secret(name):
        return value if value is None or isinstance(value, bool) else REDACTED
    return redact(value)


def _redact_string(text: str) -> str:
    """A string, which may hold a JSON document of its own."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            document = json.loads(text)
            shown = redact(document)
        except (ValueError, RecursionError):
            return redact_text(text)
        return text if shown == document else json.dumps(shown, ensure_ascii=False)
    return redact_text(text)


def redact_text(text: str) -> str:
    """A text without tokens, private keys, passwords and secret parameters of addresses."""
    if "ey" in text or "earer" in text or "asic" in text:
        text = _TOKEN.sub(_token, text)
    if "=" in text:
        text = _PARAMETER.sub(_parameter, text)
    if "://" in text:
        text = _USER_INFO.sub(f"{REDACTED}@", text)
    return _PEM.sub(REDACTED, text) if "-----BEGIN" in text else text


def _token(match: re.Match[str]) -> str:
    basic = match["basic"]
    return match[0] if basic and not _is_user_and_password(basic) else REDACTED


def _is_user_and_password(text: str) -> bool:
    """Whether it is what Basic authentication sends, and no word that follows `basic`."""
    try:
        return b":" in base64.b64decode(text)
    except binascii.Error:
        return False


def _parameter(match: re.Match[str]) -> str:
    return f"{match['name']}={REDACTED}" if is_secret(match["name"]) else match[0]


def redact_target(target: str) -> str:
    """Path and query of a request without the values of secret parameters."""
    path, mark, query = target.partition("?")
    plain = unquote(path)
    path = path if redact_text(plain) == plain else quote(redact_text(plain)).replace(quote(REDACTED), REDACTED)
    if not mark:
        return path
    parts = [(name, REDACTED if is_secret(name) else _redact_string(value)) for name, value in parse_qsl(query, True)]
    return f"{path}?{urlencode(parts, safe=':/,').replace(quote(REDACTED), REDACTED)}"


def redact_body(body: bytes, *, form: bool = False) -> str:
    """JSON of a body without its secrets; a form as a JSON object; of anything else only how long it is."""
    if not body:
        return ""
    try:
        document = _form(body) if form and not body.lstrip().startswith((b"{", b"[")) else json.loads(body)
        shown = json.dumps(redact(document), ensure_ascii=False)
        return shown.encode("utf-8", "backslashreplace").decode()  # half a character, which UTF-8 cannot hold
    except (ValueError, RecursionError):
        return unread(len(body))


def unread(size: int) -> str:
    """What is said of a body that is not shown."""
    return f"({size} bytes)"


def _form(body: bytes) -> dict[str, str]:
    """The fields of a form. ValueError where it is none: JSON that `curl -d` sends without its type looks like one."""
    fields = dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
    if not all(_FORM_FIELD.fullmatch(name) for name in fields):
        raise ValueError("no form")
    return fields
