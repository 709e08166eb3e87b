"""What this package needs of the iam package, which stands to its right: the wiring joins them."""

from __future__ import annotations

from typing import Any, Protocol

from kunsthalle.accounts.models import Account
from kunsthalle.core.records import dataclass
from kunsthalle.db.session import Session


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """A service ID with everything in its account, and its key; `secret` is shown once."""

    service_id: str
    api_key_id: str
    secret: str


class Identities(Protocol):
    """Who may do what in an account, as far as founding, joining and leaving one need it."""

    def own(self, session: Session, account: Account) -> None:
        """Gives the owner of a new account everything in it."""

    def serve(self, session: Session, account: Account) -> ServiceKey | None:
        """Makes a service ID that holds what the owner holds; None where there are no service IDs."""

    def administers(self, session: Session, account_id: str, iam_id: str) -> bool:
        """Whether an identity is an Administrator of an account, and may act in it."""

    def admit(self, session: Session, iam_id: str, policies: list[dict[str, Any]], groups: list[str]) -> None:
        """Gives somebody who is invited to the caller's account policies (version 1) and access groups.

        403 when they grant more than the caller holds.
        """

    def arrive(self, session: Session, account_id: str, invitation: str, iam_id: str) -> None:
        """Gives to a person who was invited what the IAM ID of the invitation was given.

        409 when the person would hold more policies than an identity may.
        """

    def leave(self, session: Session, account_id: str, iam_id: str) -> None:
        """Takes everything from an identity that leaves an account: policies, keys, memberships."""

    def reconsider(self, session: Session, account_id: str, iam_id: str) -> None:
        """Said when a user's state has changed: what is remembered of them is forgotten."""

    def cancel(self, session: Session, account_id: str) -> None:
        """Takes everything from everybody in an account that is cancelled."""
