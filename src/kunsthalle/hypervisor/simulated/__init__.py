"""Instances without an engine: states and disks, nothing runs."""
