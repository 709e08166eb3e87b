"""Which certificates clients trust, and by which variables the SDKs are told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

CA_FILE = "KUNSTHALLE_CA_FILE"
"""Read by the commands of this project: `--ca-file` of the command line."""
SSL_CERT_FILE = "SSL_CERT_FILE"
"""Read by OpenSSL, and with it by Python itself and curl; by Go, and with it by Terraform."""
_REQUESTS = "REQUESTS_CA_BUNDLE"
"""Read by the Python SDKs."""
_NODE = "NODE_EXTRA_CA_CERTS"
"""Read by the Node SDKs, beside those that they trust anyway."""


def exported(ca_file: str) -> dict[str, str]:
    """The variables by which each client trusts the certificates of a file; none without a file."""
    return dict.fromkeys((CA_FILE, SSL_CERT_FILE, _REQUESTS, _NODE), ca_file) if ca_file else {}


def context(ca_file: str = "") -> ssl.SSLContext:
    """What verifies a server: by the system's certificates or SSL_CERT_FILE, and those of this file, KUNSTHALLE_CA_FILE
    and REQUESTS_CA_BUNDLE.

    OSError for a file that cannot be read.
    """
    import ssl  # `serve` makes no calls, and starts sooner without

    made = ssl.create_default_context()
    for path in filter(None, dict.fromkeys((ca_file, os.environ.get(CA_FILE), os.environ.get(_REQUESTS)))):
        if Path(path).is_dir():  # as REQUESTS_CA_BUNDLE may be
            made.load_verify_locations(capath=path)
        else:
            made.load_verify_locations(cafile=path)
    return made
