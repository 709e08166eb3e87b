"""Packer with IBM's plugin: what of it needs no connection to a server."""

from tools.clients.packer.run import run_packer

__all__ = ["run_packer"]
