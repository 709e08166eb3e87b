"""Who may boot what, by the rules R1 to R10 alone: the model that the product is compared with, in plain Python."""

from __future__ import annotations

from dataclasses import dataclass, field

from fixtures.walks import Reached

PUBLISHED = ("consumable", "prerelease")
BRANCHES = (
    *("version not published", "version without an image", "image not usable"),
    *("offering deleted", "catalog deleted", "own offering", "published to all", "sharing disabled"),
    *("outside the enterprise", "outside the enterprise, and approved"),
    *("rejected by the account", "rejected by an account under an accepted enterprise or group"),
    *("not named", "nobody accepted", "accepted by the account", "accepted by its enterprise or group"),
)
"""What decides who may boot; a walk that is long enough comes to each."""


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
    reached: Reached = field(default_factory=lambda: Reached(BRANCHES))

    def may_boot(self, who: str, it: Edition) -> bool:
        """R1 to R10 in one place."""
        if it.gone or it.state not in PUBLISHED:  # R10: archived boots no more, deprecated does
            return self._no("version not published")
        if it.picture is None:
            return self._no("version without an image")
        if it.picture.status not in ("available", "deprecated"):
            return self._no("image not usable")
        return self.has(who, it.title)

    def _no(self, branch: str) -> bool:
        self.reached.add(branch)
        return False

    def _yes(self, branch: str) -> bool:
        self.reached.add(branch)
        return True

    def has(self, who: str, title: Title) -> bool:
        """Whether an offering is the account's, or open to it."""
        if title.gone:
            return self._no("offering deleted")
        if title.shelf.gone or title.shelf.until is not None:  # R4: gone, or on its way
            return self._no("catalog deleted")
        if who == self.owner:  # R5: the owner
            return self._yes("own offering")
        approved = title.approval == "granted"
        if title.public and approved:
            return self._yes("published to all")
        if not title.enabled:
            return self._no("sharing disabled")
        if not self._inside(who):  # R5: inside the enterprise
            if not approved:
                return self._no("outside the enterprise")
            self.reached.add("outside the enterprise, and approved")
        return self._accepted(who, title.listed & set(self.above[who]))

    def _accepted(self, who: str, named: set[str]) -> bool:
        """R5: what the account says, then what is said for all of its enterprise or group that are on the list."""
        own, above = self.answers.get(who), "approved" in {self.answers.get(one) for one in named}
        if own == "rejected" and above:
            return self._no("rejected by an account under an accepted enterprise or group")
        if own == "rejected":
            return self._no("rejected by the account")
        if not named:
            return self._no("not named")
        if own == "approved":
            return self._yes("accepted by the account")
        return self._yes("accepted by its enterprise or group") if above else self._no("nobody accepted")

    def _inside(self, who: str) -> bool:
        return any(one.startswith("-ent-") for one in self.above[who])

    def listed(self, who: str, title: Title, editions: list[Edition]) -> bool:
        """Whether an account's list has an offering: of others', only where something is published."""
        return self.has(who, title) and (who == self.owner or self.best(title, editions) is not None)

    def best(self, title: Title, editions: list[Edition]) -> Edition | None:
        """What an offering's CRN means: consumable before pre-release, then the highest number."""
        found = [one for one in editions if one.title is title and not one.gone and one.state in PUBLISHED]
        return max(found, key=lambda one: (one.state == "consumable", one.number), default=None)
