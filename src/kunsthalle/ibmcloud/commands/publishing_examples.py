"""The way of an image to those who may use it, as help shows it: import, validate, mark as ready, share.

CATALOG, IMAGE_ID, LOCATOR and ACCOUNT stand for one's own. A test runs the lines in this order.
"""

from __future__ import annotations

_IMAGES = '"metadata":{"images":[{"id":"IMAGE_ID","name":"web","region":"us-south"}]}'
_VERSION = '"target_kinds":["vpc-x86"]'

CREATE = (
    "ibmcloud catalog offering create -c CATALOG --vpc-body "
    f'\'{{"name":"web","version":"1.0.0",{_VERSION},{_IMAGES}}}\''
)
IMPORT = (
    "ibmcloud catalog offering import-version -c CATALOG -o web --vpc-body "
    f'\'{{"version":"1.1.0",{_VERSION},{_IMAGES}}}\''
)
VALIDATE = "ibmcloud catalog offering version validate --vl LOCATOR"
READY = "ibmcloud catalog offering ready --vl LOCATOR"
SHARED = "ibmcloud catalog offering publish allowlist -c CATALOG -o web --account-ids ACCOUNT"
PUBLISHED = (CREATE, VALIDATE, READY)
