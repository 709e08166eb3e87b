"""How many items the lists and objects of request bodies have at most.

Every list and every object with free keys in a body says its bound: `Annotated[list[X], at_most(50)]`. A body with more
is refused while it is decoded, before any of it is worked on. Where a value of any form is kept as it came
(`Document`), its bytes and its depth are bounded when it is stored (`db/column_types.py`).
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta


def at_most(items: int, *, at_least: int | None = None) -> Meta:
    """Return the bound of a list or an object: how many items or keys it has at most."""
    return Meta(max_length=items, min_length=at_least)


MOST_KEYS = 1_000
"""Top-level keys of a document that is kept as it came."""
MOST_LANGUAGES = 200

Document = Annotated[dict[str, Any], at_most(MOST_KEYS)]
Documents = Annotated[list[Document], at_most(20_000)]
Translations = Annotated[dict[str, str], at_most(MOST_LANGUAGES)]
Words = Annotated[list[str], at_most(1_000)]
"""Tags, keywords and the like, which are only kept."""
