"""Keys and key rings. Moments in microseconds since the epoch."""

from __future__ import annotations

from kunsthalle.core.crn import Crn
from kunsthalle.core.records import dataclass

DEFAULT_RING = "default"


@dataclass(frozen=True, slots=True)
class Key:
    """A key of an instance of Key Protect. `extractable` ones are standard keys: their payload can be read.

    `version_id` names the key material in force; that of earlier versions still unwraps what it wrapped.
    """

    id: str
    account_id: str
    instance_id: str
    location: str
    key_ring_id: str
    name: str
    description: str
    extractable: bool
    imported: bool
    state: str
    version_id: str
    expires_at: int | None
    rotated_at: int | None
    deleted_at: int | None
    deleted_by: str | None
    created_by: str
    updated_at: int
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return str(Crn("kms", self.location, self.account_id, self.instance_id, "key", self.id))


@dataclass(frozen=True, slots=True)
class KeyRing:
    """A key ring of an instance. `name` is what the API calls its ID; the ring `default` has no row."""

    id: str
    account_id: str
    instance_id: str
    name: str
    created_by: str
    created_at: int
    revision: int = 1
