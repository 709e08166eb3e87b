"""Settings of the account: of identities, and of public access."""

from __future__ import annotations

from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Row
from kunsthalle.console.page_frame import Visit
from kunsthalle.console.resource_shapes import Action, Input, Kind, Option, Shown, linked

_API, _PUBLIC = "/v1/accounts/{account_id}/settings/identity", "/v2/groups/settings"
_RESTRICTED: tuple[Option, ...] = (
    ("NOT_SET", "Not set"),
    ("RESTRICTED", "Only those who have the role for it"),
    ("NOT_RESTRICTED", "Every user of the account"),
)
_VISIBILITY: tuple[Option, ...] = (
    ("NOT_RESTRICTED", "Every user sees the users of the account"),
    ("RESTRICTED", "Users see those whom they may see by a role"),
)
_INPUTS = (
    ("restrict_create_service_id", "Who creates service IDs", _RESTRICTED, ""),
    ("restrict_create_platform_apikey", "Who creates API keys", _RESTRICTED, ""),
    ("restrict_user_list_visibility", "Who sees the users", _VISIBILITY, ""),
    ("session_expiration_in_seconds", "Sessions end after", (), "900 to 86400 seconds, or NOT_SET."),
    ("session_invalidation_in_seconds", "Unused sessions end after", (), "900 to 7200 seconds, or NOT_SET."),
    ("max_sessions_per_identity", "Sessions of one identity", (), "At most; a number, or NOT_SET."),
    ("system_access_token_expiration_in_seconds", "Access tokens end after", (), "900 to 3600 seconds, or NOT_SET."),
    (
        "system_refresh_token_expiration_in_seconds",
        "Refresh tokens end after",
        (),
        "900 to 259200 seconds, or NOT_SET.",
    ),
)
"""Field, label, values to choose from if there are few, hint."""


def _value(name: str, options: tuple[Option, ...]) -> Shown:
    words = dict(options)
    label = next(label for field, label, _, _ in _INPUTS if field == name)
    return Shown(name, label, lambda row: words.get(row[name], "not set" if row[name] == "NOT_SET" else row[name]))


def _input(name: str, label: str, options: tuple[Option, ...], hint: str) -> Input:
    return Input(name, label, "select" if options else "line", hint, options=options, default=lambda row: row[name])


async def _with_public_access(visit: Visit, rows: list[Row]) -> None:
    told = await visit.if_allowed("GET", _PUBLIC)
    for row in rows:
        row["public"] = told["public_access_enabled"] if told else None


async def _body(_visit: Visit, form: Form, _row: Row) -> Row:
    return {name: form.get(name) for name, *_ in _INPUTS}


SETTINGS = Kind(
    word="account settings",
    plural="account settings",
    trail=("Account",),
    here="/settings",
    many="",
    one=f"GET {_API}",
    source=linked("", ""),
    about="What holds for all identities of the account.",
    empty="",
    docs="roles.html",
    columns=(),
    facts=(
        *(_value(name, options) for name, _, options, _ in _INPUTS),
        Shown("mfa", "Second factor", lambda _row: "not asked for: Kunsthalle has none"),
        Shown("public", "Public access", lambda row: {True: "enabled", False: "disabled"}.get(row["public"])),
    ),
    actions=(
        Action(
            "edit",
            "Edit",
            f"PUT {_API}",
            "The settings are changed.",
            "They hold from the next request.",
            tuple(_input(*entry) for entry in _INPUTS),
            _body,
            headers=lambda row: {"If-Match": row["entity_tag"]},
        ),
    ),
    prepare=_with_public_access,
    label=lambda _row: "Account settings",
    single=True,
)
KINDS = (SETTINGS,)
