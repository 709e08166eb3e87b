"""Kunsthalle: a private catalog for virtual-server images."""

__version__ = "0.2.0"
