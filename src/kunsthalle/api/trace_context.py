"""The trace of a request: the one that its client names, or a new one.

A trace is a UUID in logs, audit and answers. The `traceparent` of the W3C's Trace Context names one by the same 128
bits without hyphens.
"""

from __future__ import annotations

import re

from kunsthalle.api.asgi import Headers
from kunsthalle.core.ids import Ids

PARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(-.*)?"
)
"""A `traceparent` of any version: later ones may have more behind the flags."""
_TRACE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LONGEST = 128


def traceparent_of(headers: Headers) -> str:
    """The header as it came, empty where it is none that can be used."""
    text = headers.get("traceparent", "")
    if not text or len(text) > _LONGEST:
        return ""
    known = PARENT.fullmatch(text)
    whole = known is not None and (known[4] is None or not text.startswith("00"))
    return text if whole else ""


def trace_of(headers: Headers, ids: Ids) -> str:
    """The trace that the client gave, by its trace context before its request id, where it is one; else a new one."""
    parent = traceparent_of(headers)
    if parent:
        digits = parent[3:35]
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    x_request_id = headers.get("x-request-id", "")
    return x_request_id if x_request_id and _TRACE.fullmatch(x_request_id) else ids.uuid()
