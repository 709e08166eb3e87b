"""The one rule of what is left out wherever calls are shown: reports of tests, transcripts, recordings."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

REDACTED = "…"
_NAMES = (
    r"api_?key$|pass_?word|passphrase|passcode|secret|token$|credential|private_?key|user_data$|authorization$"
    r"|payload$|plaintext$"  # of Key Protect
)
_SECRET_NAME = re.compile(_NAMES.replace("-", "_"), re.IGNORECASE)
_TOKEN = re.compile(r"\b(?:ey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*|[Bb]earer +[^\s\"']+)")
_PARAMETER = re.compile(
    rf"(?<=[?&])(?P<name>[A-Za-z0-9_.-]*(?:{_NAMES.replace('$', '(?==)')})[A-Za-z0-9_.-]*)=[^&\s\"'#]+", re.IGNORECASE
)
"""A secret in the query of an address: what opens the console of an instance has one."""
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL)


def is_secret(name: str) -> bool:
    """Whether a field or a parameter of this name holds a secret."""
    return _SECRET_NAME.search(name.replace("-", "_")) is not None


def redact(document: Any) -> Any:
    """A JSON document without the values of secret fields, at any depth, and without what looks like a secret."""
    if isinstance(document, dict):
        return {name: _field(name, value) for name, value in document.items()}
    if isinstance(document, list):
        return [redact(one) for one in document]
    return redact_text(document) if isinstance(document, str) else document


def _field(name: str, value: Any) -> Any:
    if is_secret(name):
        return value if value is None or isinstance(value, bool) else REDACTED
    return redact(value)


def redact_text(text: str) -> str:
    """A text without tokens, private keys, and secret parameters of addresses."""
    if "ey" in text or "earer" in text:
        text = _TOKEN.sub(REDACTED, text)
    if "=" in text:
        text = _PARAMETER.sub(rf"\g<name>={REDACTED}", text)
    return _PEM.sub(REDACTED, text) if "-----BEGIN" in text else text


def redact_target(target: str) -> str:
    """Path and query of a request without the values of secret parameters."""
    path, mark, query = target.partition("?")
    if not mark:
        return redact_text(path)
    parts = [(name, REDACTED if is_secret(name) else redact_text(value)) for name, value in parse_qsl(query, True)]
    return f"{redact_text(path)}?{urlencode(parts, safe=':/,').replace(quote(REDACTED), REDACTED)}"


def redact_body(body: bytes, *, form: bool = False) -> str:
    """JSON of a body without its secrets; a form as a JSON object; of anything else only how long it is."""
    if not body:
        return ""
    try:
        document = _form(body) if form else json.loads(body)
        return json.dumps(redact(document), ensure_ascii=False)
    except (ValueError, RecursionError):
        return unread(len(body))


def unread(size: int) -> str:
    """What is said of a body that is not shown."""
    return f"({size} bytes)"


def _form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
