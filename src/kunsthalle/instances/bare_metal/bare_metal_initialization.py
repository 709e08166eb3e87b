"""What a bare metal server is made from: never an image that a catalog manages (R3, and vpc-api.md D2)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from kunsthalle.api.references import Identity, refer
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.session import Session
from kunsthalle.images.allowed_use import permits_bare_metal
from kunsthalle.images.models import Image
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS
from kunsthalle.images.resources import IMAGE, USE
from kunsthalle.images.states import USABLE
from kunsthalle.instances.bare_metal.bare_metal_profiles import ARCHITECTURE
from kunsthalle.instances.bare_metal.requests import InitializationRequest
from kunsthalle.networks.queries import refer_key

_OF_KEY = ("id", "crn", "name", "fingerprint", "public_key")
"""What a server keeps of a key, whatever becomes of it."""


def prepared(session: Session, body: InitializationRequest, *, secure_boot: bool, at: str) -> dict[str, Any]:
    """The columns that an initialization sets. `at` stands before the names of refused fields.

    404 for an image that is not seen, whoever manages it; 403 for one that may not be used; 400 for one that a catalog
    of the account manages.
    """
    if body.default_trusted_profile is not UNSET:
        raise invalid("bad_field", "Trusted profiles are not offered here.", f"{at}default_trusted_profile")
    image = _image(session, body.image, f"{at}image")
    allowed = {
        "api_version": image.allowed_use["api_version"],
        "bare_metal_server": image.allowed_use.get("bare_metal_server", "true"),
    }
    refuse_use(allowed, secure_boot=secure_boot)
    keys = {key.id: key for key in (refer_key(session, identity, f"{at}keys").resource for identity in body.keys)}
    system = OPERATING_SYSTEMS[image.operating_system]
    if system.family.startswith("Windows") and all(key.type != "rsa" for key in keys.values()):
        raise invalid("bad_field", "A Windows server needs at least one key of the type rsa.", f"{at}keys")
    return {
        "image": {"id": image.id, "crn": image.crn, "name": image.name, "account_id": image.account_id},
        "allowed_use": allowed,
        "keys": [{name: getattr(key, name) for name in _OF_KEY} for key in keys.values()],
        "user_data": None if body.user_data is UNSET else body.user_data,
    }


def _image(session: Session, identity: Identity, field: str) -> Image:
    image = refer(session, IMAGE, identity, field, USE).resource
    if image.managed:
        text = "The image is managed by a private catalog, and cannot be put on a bare metal server."
        raise invalid("bad_field", text, field)
    if image.encrypted:
        raise invalid("bad_field", "The image is encrypted, and cannot be put on a bare metal server.", field)
    if image.status not in USABLE:
        raise conflict("invalid_state", f"An image that is {image.status} cannot be used.", field)
    system = OPERATING_SYSTEMS[image.operating_system]
    if system.architecture != ARCHITECTURE:
        text = f"Image OS {system.name} is not supported by bare metal server profiles."
        raise invalid("bad_field", text, "profile")
    return image


def refuse_use(allowed: dict[str, str], *, secure_boot: bool) -> None:
    """400 unless the image's own expression allows the server that would result (vpc-api.md D1)."""
    expression = allowed["bare_metal_server"]
    if not permits_bare_metal(expression, {"enable_secure_boot": secure_boot}):
        raise invalid("bad_field", f"The image allows bare metal servers only where {expression}", "allowed_use")
