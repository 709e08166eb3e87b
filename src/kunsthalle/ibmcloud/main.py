"""The `ibmcloud` command: not yet. It says so, and fails, rather than pretend."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point."""
    sys.stderr.write("ibmcloud: not yet offered by this release of Kunsthalle. Use an SDK, Terraform or HTTP.\n")
    sys.exit(1)
