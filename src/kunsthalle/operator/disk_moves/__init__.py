"""Disks on their way from this host's folder to an engine of many hosts."""
