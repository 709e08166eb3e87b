"""The buckets that images come from and exports go to: folders, or an S3 server."""
