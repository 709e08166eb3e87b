"""Sign-ins in the audit: whoever exchanges a key or a token for a token, in the audit of the accounts concerned.

The actions are those of IBM's activity tracking events for IAM (account docs, "Login events"); that of a service ID's
refresh token is ours, by analogy (U). Whose key it was is noted by the key's CRN, and the key itself nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from kunsthalle.authz.context import Actor
from kunsthalle.authz.permissions import Grants
from kunsthalle.db import audit
from kunsthalle.db.session import Session
from kunsthalle.iam.models import ApiKey, Profile

TARGET = "/identity/token"


@dataclass(slots=True)
class Login:
    """A sign-in, as far as it has come: filled in by what grants, and recorded whatever becomes of it.

    `key` is what it rests on; without one nobody is concerned, and nothing is recorded: whoever tries keys that do not
    exist fills no account's audit. `account_id` is the account that was entered, `profile` what was put on.
    """

    key: ApiKey | None = None
    renewing: bool = False
    wearing: bool = False
    account_id: str | None = None
    profile: Profile | None = None

    @property
    def action(self) -> str:
        if self.wearing:
            return "iam-identity.trustedprofile-apikey.login"
        kind = "serviceid" if self.key is not None and self.key.iam_id.startswith("iam-ServiceId-") else "user"
        return f"iam-identity.{kind}-{'refreshtoken' if self.renewing else 'apikey'}.login"

    @property
    def grant(self) -> str:
        """What was exchanged, for counts; `unknown` where no key that is known was."""
        if self.key is None:
            return "unknown"
        return "trusted_profile" if self.wearing else "refresh_token" if self.renewing else "api_key"

    def record(self, session: Session, outcome: int, code: str | None = None) -> None:
        """A row in the account of the key, and one in the account that was entered, if that is another.

        Neither is told of the other: members of an account need not know where else its people are at home. A refusal
        concerns the key's account alone: nobody writes into the audit of an account that they may not enter.
        """
        if self.key is None:
            return
        entered = self.account_id or self.key.account_id
        if entered != self.key.account_id:
            self._note(session, entered, outcome, code, self.profile)
        here = self.profile if self.profile is not None and entered == self.key.account_id else self.key
        self._note(session, self.key.account_id, outcome, code, here)

    def _note(
        self, session: Session, account_id: str, outcome: int, code: str | None, api_key: ApiKey | Profile | None
    ) -> None:
        actor = Actor(self.key.iam_id if self.key is not None else "", "")
        ctx = session.ctx.acting_as(actor, account_id, Grants(account_id, ()), ())
        audit.record(session.as_context(ctx), self.action, TARGET, outcome, code, subject=api_key)
