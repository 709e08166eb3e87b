"""Values of settings as they are shown: without secrets, and without the passwords that addresses may hold."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

MASK = "***"
"""What is shown in place of a secret."""
_PASSWORD = re.compile(r"(?<=password=)[^&]*", re.IGNORECASE)
"""Of the query of a PostgreSQL URL."""


def shown_value(url: str) -> str:
    """What was given, on one line, without the password that an address may hold."""
    url = _without_password(url)
    return ascii(url) if len(url) <= 200 else f"{url[:200]!a}…"


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(url)
        if parts.password is not None:
            parts = parts._replace(netloc=f"{MASK}@{parts.netloc.rpartition('@')[2]}")
        return urlunsplit(parts._replace(query=_PASSWORD.sub(MASK, parts.query))) if "://" in url else url
    except ValueError:  # no address
        return url


def masked(secret: str) -> str:
    """What is shown of a secret: of an address all but its password, of any other text nothing."""
    is_address = re.match(r"[a-z][a-z0-9+]*://[^\s]*$", secret) is not None
    return _without_password(secret)[:200] if is_address else MASK if secret else ""
