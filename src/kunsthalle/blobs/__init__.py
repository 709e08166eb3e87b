"""Bytes at rest: blobs by their sha256, and the embedded object storage that images come from and go to."""
