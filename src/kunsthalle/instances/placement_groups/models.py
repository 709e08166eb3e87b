"""What a placement group is. Moments are microseconds since the epoch."""

from __future__ import annotations

from kunsthalle.core.crn import Crn
from kunsthalle.core.records import dataclass
from kunsthalle.core.regions import place


@dataclass(frozen=True, slots=True)
class PlacementGroup:
    """A rule by which instances are spread: `strategy` is `host_spread` or `power_spread`."""

    id: str
    account_id: str
    resource_group_id: str
    name: str
    strategy: str
    lifecycle_state: str
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return str(Crn("is", place(self.id), self.account_id, "", "placement-group", self.id))
