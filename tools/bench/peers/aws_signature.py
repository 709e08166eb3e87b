"""Signatures of AWS (version 4) for forms, as `botocore` makes them: the bench has no AWS library of its own."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import reduce

_REGION = "us-east-1"
_MOMENT = "20260101T000000Z"
"""Of all signatures, so that a call is always the same bytes; moto does not look at how old one is."""
_SIGNED = "content-type;host;x-amz-date"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key; `token` is that of a session, if any."""

    key: str
    secret: str
    token: str = ""


def signed_headers(credentials: Credentials, service: str, host: str, form: str) -> dict[str, str]:
    """The headers of `POST /` with a form, for a service such as `ec2`, `iam` or `sts`."""
    day = _MOMENT[:8]
    headers = {"content-type": "application/x-www-form-urlencoded", "host": host, "x-amz-date": _MOMENT}
    lines = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    canonical = f"POST\n/\n\n{lines}\n{_SIGNED}\n{hashlib.sha256(form.encode()).hexdigest()}"
    scope = f"{day}/{_REGION}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{_MOMENT}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = reduce(_mac, (day, _REGION, service, "aws4_request"), f"AWS4{credentials.secret}".encode())
    told = f"Credential={credentials.key}/{scope}, SignedHeaders={_SIGNED}, Signature={_mac(key, text).hex()}"
    shown = {
        "Content-Type": headers["content-type"],
        "X-Amz-Date": _MOMENT,
        "Authorization": f"AWS4-HMAC-SHA256 {told}",
    }
    return {**shown, **({"X-Amz-Security-Token": credentials.token} if credentials.token else {})}


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
