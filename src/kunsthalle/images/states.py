"""The life of an image (reference/vpc-api.md C1). What a catalog does to its images moves along the same table."""

from __future__ import annotations

from kunsthalle.core.states import StateTable

IMAGE_STATES = StateTable(
    "image",
    first=("pending",),
    moves={
        "pending": ("available", "failed"),
        "available": ("deprecated", "obsolete", "unusable"),
        "deprecated": ("available", "obsolete", "unusable"),
        "obsolete": ("available", "deprecated", "unusable"),
        "unusable": ("available",),
        "failed": (),
    },
)

USABLE = ("available", "deprecated")
"""States from which a server may be made."""
