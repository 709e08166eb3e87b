"""Every id, name and secret that the product makes up comes from here, so that a run can be repeated."""

from __future__ import annotations

import os
import random
import secrets
import threading

_WORDS = (
    "amber basin birch bright calm cedar clover copper coral dawn delta ember fern flint frost gable glade golden"
    " granite harbor hazel heron hollow indigo ivory jade juniper keel lagoon lantern linen lunar maple marble meadow"
    " mellow moss nimble north oak olive onyx opal orchid pebble pine plain plume quartz quiet raven reed ridge river"
    " robin rustic sable saffron sage shale silver slate sorrel spruce sterling stone swift tawny teal thistle timber"
    " topaz umber velvet violet walnut willow winter wren yarrow zephyr"
).split()


_WORD_SET = frozenset(_WORDS)
_IN_A_NAME = 4
"""Words in a default name."""


def is_made_up_name(text: str) -> bool:
    """Whether a text is a default name, as `Ids.name` makes them."""
    words = text.split("-")
    return len(words) == _IN_A_NAME and _WORD_SET.issuperset(words)


def entropy(octets: int) -> bytes:
    """Random bytes for keys and nonces, which must not repeat themselves: never from a seed."""
    return os.urandom(octets)


class Ids:
    """A source of ids. With a seed it repeats itself; without one it draws from the system's entropy."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311  repeatable on purpose
        self._seeded = seed is not None
        self._lock = threading.Lock()

    def _bits(self, count: int) -> int:
        with self._lock:
            return self._random.getrandbits(count)

    def uuid(self) -> str:
        """A UUID version 4 in its usual text form."""
        text = f"{self._bits(128):032x}" if self._seeded else os.urandom(16).hex()
        variant = "89ab"[int(text[16], 16) & 3]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    def hex(self, digits: int = 32) -> str:
        """Lower-case hexadecimal digits, as account and resource-group ids have them."""
        return f"{self._bits(digits * 4):0{digits}x}"

    def resource(self, prefix: str, joint: str = "-") -> str:
        """`<prefix><joint><uuid>`: `r006-…` regional, `0717-…` zonal, `0717_…` instances (vpc-api.md A3)."""
        return f"{prefix}{joint}{self.uuid()}"

    def secret(self, octets: int = 33) -> str:
        """A URL-safe secret whose first and last character no client mistakes for a quote or brace."""
        if not self._seeded:
            return "K" + secrets.token_urlsafe(octets) + "h"
        return f"K{self._bits(octets * 8):x}h"

    def name(self) -> str:
        """Four random hyphenated words, the default name of a resource (vpc-api.md A7)."""
        with self._lock:
            return "-".join(self._random.choice(_WORDS) for _ in range(_IN_A_NAME))
