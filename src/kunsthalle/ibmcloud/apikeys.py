"""API keys as texts and as files."""

from __future__ import annotations

import json


def from_text(text: str) -> str:
    """The key in a text: raw, or in the JSON that `iam api-key-create --file` writes."""
    stripped = text.strip()
    if not stripped.startswith("{"):
        return stripped
    try:
        document = json.loads(stripped)
    except ValueError:
        return stripped
    return str(document.get("apikey") or document.get("apiKey") or "")
