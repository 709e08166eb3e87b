"""What a browser that signs out takes along to its provider."""

from __future__ import annotations

import msgspec


class Farewell(msgspec.Struct, frozen=True):
    """A request of OpenID Connect RP-Initiated Logout 1.0.

    The ID token says whose session ends; where it is empty, `logout_hint` does. `back` is the URL that the provider
    sends the browser to afterwards, with `state`.
    """

    id_token: str
    logout_hint: str
    back: str
    state: str
