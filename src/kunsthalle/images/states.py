"""The life of an image (reference/vpc-api.md C1). What a catalog does to its images moves along the same table."""

from __future__ import annotations

from kunsthalle.core.states import StateTable

IMAGE_STATES = StateTable(
    "image",
    first=("pending",),
    moves={
        "pending": ("available", "failed"),
        "available": ("deprecated", "obsolete", "unusable", "failed"),
        "deprecated": ("available", "obsolete", "unusable", "failed"),
        "obsolete": ("available", "deprecated", "unusable", "failed"),
        "unusable": ("available",),
        "failed": (),
    },
)

USABLE = ("available", "deprecated")
"""States from which a server may be made."""
