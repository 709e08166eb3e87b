"""Who may boot what, by the rules R1 to R10 alone: the model that the product is compared with, in plain Python."""

from __future__ import annotations

from dataclasses import dataclass, field

PUBLISHED = ("consumable", "prerelease")


@dataclass
class Picture:
    """An image. `holder` is the version that manages it (R2)."""

    id: str
    status: str = "available"
    holder: Edition | None = None


@dataclass
class Shelf:
    """A catalog: `until` is when it is reclaimed, once it is deleted (R4)."""

    until: int | None = None
    gone: bool = False


@dataclass
class Title:
    """An offering, with its access list and what the operator said."""

    shelf: Shelf
    listed: set[str] = field(default_factory=set)
    enabled: bool = False
    public: bool = False
    approval: str = ""
    gone: bool = False


@dataclass
class Edition:
    """A version. `until` is when its deprecation ends."""

    title: Title
    number: int
    picture: Picture | None
    state: str = "new"
    valid: bool = False
    until: int | None = None
    gone: bool = False


@dataclass
class Rules:
    """The tree and the handshakes. `above` has for each account the identifiers that address it."""

    owner: str
    above: dict[str, tuple[str, ...]]
    answers: dict[str, str] = field(default_factory=dict)

    def may_boot(self, who: str, it: Edition) -> bool:
        """R1 to R10 in one place."""
        if it.gone or it.state not in PUBLISHED or it.picture is None:  # R10: archived boots no more, deprecated does
            return False
        if it.picture.status not in ("available", "deprecated"):
            return False
        return self.has(who, it.title)

    def has(self, who: str, title: Title) -> bool:
        """Whether an offering is the account's, or open to it."""
        if title.gone or title.shelf.gone or title.shelf.until is not None:  # R4: gone, or on its way
            return False
        if who == self.owner:  # R5: the owner
            return True
        approved = title.approval == "granted"
        if title.public and approved:
            return True
        if not title.enabled or not (self._inside(who) or approved):  # R5: inside the enterprise
            return False
        if self.answers.get(who) == "rejected":
            return False
        named = title.listed & set(self.above[who])
        return any("approved" in (self.answers.get(one), self.answers.get(who)) for one in named)  # R5: accepted

    def _inside(self, who: str) -> bool:
        return any(one.startswith("-ent-") for one in self.above[who])

    def listed(self, who: str, title: Title, editions: list[Edition]) -> bool:
        """Whether an account's list has an offering: of others', only where something is published."""
        return self.has(who, title) and (who == self.owner or self.best(title, editions) is not None)

    def best(self, title: Title, editions: list[Edition]) -> Edition | None:
        """What an offering's CRN means: consumable before pre-release, then the highest number."""
        found = [one for one in editions if one.title is title and not one.gone and one.state in PUBLISHED]
        return max(found, key=lambda one: (one.state == "consumable", one.number), default=None)
