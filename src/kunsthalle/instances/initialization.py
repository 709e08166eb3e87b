"""What a server is given at its first start: keys, a trusted profile, and for Windows the administrator's password.

The password is made here and kept in one form: encrypted with an RSA key of the request, PKCS #1 v1.5, as clients of
the VPC API decrypt it. Nobody else knows it, the guest neither: a Windows guest is told it by an agent of its own
cloud, which this server has no part of. Whoever needs it inside puts it there by user data.
"""

from __future__ import annotations

import base64
from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.api import access
from kunsthalle.api.references import refer
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.vpc import VPC, href
from kunsthalle.authz.context import Context
from kunsthalle.core.records import dataclass
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import remove_rows
from kunsthalle.db.visibility import Authorized
from kunsthalle.db.wildcards import wildcards
from kunsthalle.iam.resources import PROFILE, PROFILE_LINK
from kunsthalle.iam.trusted_profiles import add_link
from kunsthalle.images.operating_systems import OperatingSystem
from kunsthalle.instances.models import Instance
from kunsthalle.instances.requests import TrustedProfileRequest
from kunsthalle.instances.resources import INSTANCE
from kunsthalle.networks.models import Key
from kunsthalle.networks.network_references import KeyReferenceResponse
from kunsthalle.networks.queries import KeyIdentity, refer_key

_COMPUTE = "VSI"
_TRUST = "iam-identity.profile-trust.update"
_PASSWORD_OCTETS = 18


@dataclass(frozen=True, slots=True)
class Initialization:
    """What a request gives a server at its start: keys, each once, and what else is kept of it."""

    keys: list[Key]
    user_data: str | None
    trusted_profile: Authorized[Any] | None
    auto_link: bool

    @property
    def kept_keys(self) -> list[dict[str, str]]:
        """What the server keeps of its keys, whatever becomes of them."""
        names = ("id", "crn", "name", "fingerprint", "public_key")
        return [{name: getattr(key, name) for name in names} for key in self.keys]

    @property
    def kept_profile(self) -> dict[str, Any] | None:
        """What the server keeps of its trusted profile."""
        if self.trusted_profile is None:
            return None
        profile = self.trusted_profile.resource
        return {"id": profile.id, "crn": profile.crn, "auto_link": self.auto_link}


def read(
    session: Session,
    keys: list[KeyIdentity] | UnsetType,
    user_data: str | UnsetType,
    trusted: TrustedProfileRequest | UnsetType,
) -> Initialization:
    """What a request means; 404 for keys and profiles that are not seen, 403 for a profile that may not be lent."""
    resources = (
        []
        if isinstance(keys, UnsetType)
        else [refer_key(session, authorized_keys, "keys").resource for authorized_keys in keys]
    )
    profile = None
    if not isinstance(trusted, UnsetType):
        action = _TRUST if trusted.auto_link else None
        profile = refer(session, PROFILE, trusted.target, "default_trusted_profile.target", action)
    return Initialization(
        keys=list({key.id: key for key in resources}.values()),
        user_data=None if isinstance(user_data, UnsetType) else user_data,
        trusted_profile=profile,
        auto_link=not isinstance(trusted, UnsetType) and trusted.auto_link,
    )


def link(session: Session, instance: Instance, initialization: Initialization) -> None:
    """Gives the trusted profile its link to the server, if one is wanted."""
    if initialization.trusted_profile is not None and initialization.auto_link:
        parts = {"crn": instance.crn, "namespace": "", "name": instance.name}
        add_link(session, initialization.trusted_profile, instance.name, _COMPUTE, parts)


def unlink(session: Session, instance: Instance) -> None:
    """The server goes, or gets another profile: no profile is linked to it any more."""
    links = PROFILE_LINK.table
    conditions = (links.c.account_id == instance.account_id, links.c.cr_type == _COMPUTE)
    remove_rows(session, links, *conditions, wildcards(links.c.link, f'*"crn":"{instance.crn}"*'))


def password(session: Session, system: OperatingSystem, keys: list[Key]) -> dict[str, str] | None:
    """A new administrator's password, encrypted with the first RSA key; None where the system has none."""
    key = next((ssh_key for ssh_key in keys if ssh_key.type == "rsa"), None)
    if key is None or not system.family.startswith("Windows"):
        return None
    return {
        "encrypted_password": _encrypt(key, session.ctx.ids.secret(_PASSWORD_OCTETS)),
        "fingerprint": key.fingerprint,
    }


def _encrypt(key: Key, secret: str) -> str:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    public = load_ssh_public_key(key.public_key.encode())
    if not isinstance(public, RSAPublicKey):
        raise TypeError(f"the key {key.id} is kept as RSA and is none")
    return base64.b64encode(public.encrypt(secret.encode(), PKCS1v15())).decode()


class FingerprintResponse(ResponseBody):
    """A key by its fingerprint."""

    fingerprint: str


class PasswordResponse(ResponseBody):
    """The administrator's password, base64, and the key that it is encrypted with."""

    encrypted_password: str
    encryption_key: FingerprintResponse


class ProfileReferenceResponse(ResponseBody):
    """A trusted profile."""

    crn: str
    id: str
    resource_type: str


class TrustedProfileResponse(ResponseBody):
    """The trusted profile that the server started with."""

    auto_link: bool
    target: ProfileReferenceResponse


class InitializationResponse(ResponseBody):
    """What a server was given at its first start."""

    keys: list[KeyReferenceResponse]
    default_trusted_profile: TrustedProfileResponse | UnsetType = UNSET
    password: PasswordResponse | UnsetType = UNSET


def kept_key_response(key: dict[str, str], ctx: Context) -> KeyReferenceResponse:
    """A key as it was when the server was made."""
    named = {name: key[name] for name in ("crn", "fingerprint", "id", "name")}
    return KeyReferenceResponse(**named, href=href(ctx, f"/keys/{key['id']}"))


def _password(instance: Instance) -> PasswordResponse | UnsetType:
    password = instance.password
    if password is None:
        return UNSET
    return PasswordResponse(
        encrypted_password=password["encrypted_password"],
        encryption_key=FingerprintResponse(fingerprint=password["fingerprint"]),
    )


def _profile(instance: Instance) -> TrustedProfileResponse | UnsetType:
    default_trusted_profile = instance.default_trusted_profile
    if default_trusted_profile is None:
        return UNSET
    target = ProfileReferenceResponse(
        crn=default_trusted_profile["crn"], id=default_trusted_profile["id"], resource_type="trusted_profile"
    )
    return TrustedProfileResponse(auto_link=default_trusted_profile["auto_link"], target=target)


def _get(session: Session, _request: Request, instance: Instance) -> InitializationResponse:
    """Get what a server was given at its first start."""
    keys = [kept_key_response(key, session.ctx) for key in instance.keys]
    return InitializationResponse(keys=keys, default_trusted_profile=_profile(instance), password=_password(instance))


def routes() -> tuple[Route, ...]:
    path = "/v1/instances/{id}/initialization"
    return (route("GET", path, _get, surface=VPC, access=access.item(INSTANCE), answer=InitializationResponse),)
