"""Bytes at rest: blobs by their sha256, in a folder or on an S3 server."""
