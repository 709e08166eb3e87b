"""Instances as QEMU processes of this host."""
