"""What this process has done since it started, counted where it happens and shown by `/metrics`.

The values of labels are constants of the code: no name, id or text of a caller is among them.
"""

from __future__ import annotations

import threading


class EventCount:
    """A number that grows, for each combination of its labels' values. `name` is the metric's, without `_total`."""

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self.name, self.text, self.labels = name, text, labels
        self._lock = threading.Lock()
        self._values: dict[tuple[str, ...], float] = {}
        COUNTS.append(self)

    def add(self, *values: str, by: float = 1) -> None:
        """Count an event; the values are those of the labels, in their order."""
        if len(values) != len(self.labels):
            raise TypeError(f"{self.name} has the labels {self.labels}")
        with self._lock:
            self._values[values] = self._values.get(values, 0) + by

    def values(self) -> dict[tuple[str, ...], float]:
        """All that was counted."""
        with self._lock:
            return dict(self._values)


COUNTS: list[EventCount] = []
SIGN_INS = EventCount("kunsthalle_sign_ins", "Sign-ins that exchanged a key or token for a token", "grant", "outcome")
IMPORTS = EventCount("kunsthalle_image_imports", "Imports of images that have ended", "outcome")
IMPORTED_BYTES = EventCount("kunsthalle_image_import_bytes", "Bytes of image files that imports have taken in")
CACHE_READS = EventCount("kunsthalle_blob_cache_reads", "Requests for a local copy of a blob on S3", "outcome")
