"""An account's settings of identities: what is set, what follows from it. One public function a use case."""

from __future__ import annotations

import re
from typing import Any

from kunsthalle.accounts.queries import hold
from kunsthalle.api.access import Access
from kunsthalle.api.request import Request
from kunsthalle.authz.access_refusals import missing_action
from kunsthalle.authz.permissions import VALIDITY
from kunsthalle.core.errors import Problem, Reason, Target, invalid, not_found
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import put_row
from kunsthalle.iam.api_keys import stale
from kunsthalle.iam.history import note
from kunsthalle.iam.queries import settings_row
from kunsthalle.iam.tables import identity_settings
from kunsthalle.iam.tokens import LIFETIME, REFRESH_LIFETIME

UNSET = "NOT_SET"
DEFAULTS: dict[str, Any] = {
    "restrict_create_service_id": UNSET,
    "restrict_create_platform_apikey": UNSET,
    "restrict_user_list_visibility": "NOT_RESTRICTED",
    "allowed_ip_addresses": "",
    "mfa": "NONE",
    "user_mfa": [],
    "session_expiration_in_seconds": UNSET,
    "session_invalidation_in_seconds": UNSET,
    "max_sessions_per_identity": UNSET,
    "system_access_token_expiration_in_seconds": UNSET,
    "system_refresh_token_expiration_in_seconds": UNSET,
    "restrict_user_domains": [],
}
"""What holds for an account that has set nothing."""

_CHOICES = {
    "restrict_create_service_id": ("RESTRICTED", "NOT_RESTRICTED", UNSET),
    "restrict_create_platform_apikey": ("RESTRICTED", "NOT_RESTRICTED", UNSET),
    "restrict_user_list_visibility": ("RESTRICTED", "NOT_RESTRICTED"),
}
_SECONDS = {
    "session_expiration_in_seconds": (900, 86_400),
    "session_invalidation_in_seconds": (900, 7_200),
    "max_sessions_per_identity": (1, 1_000_000),
    "system_access_token_expiration_in_seconds": (900, 3_600),
    "system_refresh_token_expiration_in_seconds": (900, 259_200),
}
_NOT_OFFERED = ("allowed_ip_addresses", "mfa", "user_mfa", "restrict_user_domains")
"""What would promise a protection that nothing here gives: kept at its default, refused otherwise."""


def settings_of(session: Session, account_id: str) -> tuple[dict[str, Any], int]:
    """The settings that hold, and their revision."""
    own, revision = settings_row(session, account_id)
    return {**DEFAULTS, **own}, revision


def change_settings(session: Session, revision: int | None, settings: dict[str, Any]) -> None:
    """Sets what is given. 400 for values out of range, 501 for protections that are not offered."""
    account_id = session.ctx.account_id
    for name, value in settings.items():
        _check(name, value)
    hold(session, account_id)
    own, present = settings_row(session, account_id)
    if revision is not None and revision != present:
        raise stale()
    session.invalidate(VALIDITY)
    values = {
        "settings": {**own, **settings},
        "modified_at": session.ctx.now(),
        "modified_by": session.ctx.actor.iam_id,
    }
    put_row(
        session,
        identity_settings,
        ("account_id",),
        replacing=(*values, "revision"),
        account_id=account_id,
        revision=present + 1,
        **values,
    )
    note(session, account_id, "update", settings)


def _check(name: str, value: Any) -> None:
    if name in _CHOICES and value not in _CHOICES[name]:
        raise invalid("bad_request", f"{name} must be one of {', '.join(_CHOICES[name])}.", name)
    if name in _SECONDS and value != UNSET:
        least, most = _SECONDS[name]
        if not re.fullmatch(r"[0-9]{1,7}", value) or not least <= int(value) <= most:
            raise invalid("bad_request", f"{name} must be {UNSET} or a number from {least} to {most}.", name)
    if name in _NOT_OFFERED and value not in (DEFAULTS[name], UNSET):
        text = f"{name} is not offered: nothing here would enforce it."
        raise Problem(Reason.NOT_IMPLEMENTED, "not_implemented", text, Target(name))


def lifetimes(session: Session, account_id: str) -> tuple[int, int]:
    """How long access and refresh tokens of the account live, in seconds."""
    known, _ = settings_of(session, account_id)
    access = known["system_access_token_expiration_in_seconds"]
    refresh = known["system_refresh_token_expiration_in_seconds"]
    return (LIFETIME if access == UNSET else int(access)), (REFRESH_LIFETIME if refresh == UNSET else int(refresh))


class Restrictable(Access, frozen=True):
    """For everybody where the account says so by the setting, for holders of the action otherwise.

    `open_by_default` is what holds while nothing is set.
    """

    setting: str = ""
    open_by_default: bool = False

    def check(self, session: Session, request: Request) -> None:  # noqa: ARG002  the rule's shape
        value = settings_of(session, session.ctx.account_id)[0][self.setting]
        is_open = value == "NOT_RESTRICTED" or (value == UNSET and self.open_by_default)
        if not is_open and session.ctx.grants.scope(self.action).empty:
            raise missing_action(self.action)


class OwnAccount(Access, frozen=True):
    """On the caller's own account, named in the path: another's is absent; 403 without the action."""

    param: str = "account_id"

    def check(self, session: Session, request: Request) -> None:
        if request.params[self.param] != session.ctx.account_id:
            raise not_found(self.param)
        if session.ctx.grants.scope(self.action).empty:
            raise missing_action(self.action)
