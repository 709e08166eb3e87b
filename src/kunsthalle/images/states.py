"""The lives of images, exports and instances of object storage (reference/vpc-api.md C1, C2).

What a catalog does to its images moves along the same table.
"""

from __future__ import annotations

from kunsthalle.core.state_tables import StateTable

IMAGE_STATES = StateTable(
    "image",
    first=("pending",),
    moves={
        "pending": ("available", "failed", "deleting"),
        "available": ("deprecated", "obsolete", "unusable", "failed", "deleting"),
        "deprecated": ("available", "obsolete", "unusable", "failed", "deleting"),
        "obsolete": ("available", "deprecated", "unusable", "failed", "deleting"),
        "unusable": ("available", "deleting"),
        "failed": ("deleting",),
        "deleting": (),
    },
)

EXPORT_STATES = StateTable(
    "image_export",
    first=("queued",),
    moves={
        "queued": ("running", "failed", "deleting"),
        "running": ("succeeded", "failed", "deleting"),
        "succeeded": ("deleting",),
        "failed": ("deleting",),
        "deleting": (),
    },
)

USABLE = ("available", "deprecated")
"""States from which a server may be made."""
EXPORTABLE = ("available", "deprecated", "obsolete", "unusable")
"""States from which an export may be asked for."""
