"""Sign-ins in the audit: whoever exchanges a key or a token for a token, in the audit of the accounts concerned.

The actions are those of IBM's activity tracking events for IAM (account docs, "Login events"); that of a service ID's
refresh token is ours, by analogy (U). Whose key it was is noted by the key's CRN, and the key itself nowhere.
"""

from __future__ import annotations

from dataclasses import replace

from kunsthalle.authz.context import Actor
from kunsthalle.authz.permissions import Grants
from kunsthalle.core.errors import Problem, Reason
from kunsthalle.core.records import dataclass
from kunsthalle.db import audit
from kunsthalle.db.session import Session
from kunsthalle.iam.federated_sign_ins import FederatedSignIn, use_up_passcode
from kunsthalle.iam.models import ApiKey, Profile

TARGET = "/identity/token"


def bad_passcode() -> Problem:
    return Problem(Reason.INVALID, "BXNIM0411E", "Provided passcode is invalid, expired or used already.")


@dataclass(slots=True)
class Login:
    """A sign-in, as far as it has come: filled in by what grants, and recorded whatever becomes of it.

    `key` is what it rests on; without one nobody is concerned, and nothing is recorded: whoever tries keys that do not
    exist fills no account's audit. `account_id` is the account that was entered, `profile` what was put on. `sign_in`
    is what a token rests on without a key: its CRN says with which provider. `passcode` is the hash of the one that is
    used up by it.
    """

    key: ApiKey | None = None
    sign_in: FederatedSignIn | None = None
    passcode: str = ""
    renewing: bool = False
    wearing: bool = False
    account_id: str | None = None
    profile: Profile | None = None

    @property
    def basis(self) -> ApiKey | FederatedSignIn | None:
        """What the sign-in rests on."""
        return self.key if self.key is not None else self.sign_in

    @property
    def action(self) -> str:
        if self.wearing:
            return f"iam-identity.trustedprofile-{'apikey' if self.sign_in is None else 'federated'}.login"
        kind = "serviceid" if self.key is not None and self.key.iam_id.startswith("iam-ServiceId-") else "user"
        if self.renewing:
            return f"iam-identity.{kind}-refreshtoken.login"
        return f"iam-identity.{kind}-{'passcode' if self.passcode else 'apikey'}.login"

    @property
    def grant(self) -> str:
        """What was exchanged, for counts; `unknown` where no key that is known was."""
        if self.basis is None:
            return "unknown"
        if self.wearing or self.renewing:
            return "trusted_profile" if self.wearing else "refresh_token"
        return "passcode" if self.passcode else "api_key"

    def record(self, session: Session, outcome: int, code: str | None = None) -> None:
        """A row in the account of the key, and one in the account that was entered, if that is another.

        Neither is told of the other: members of an account need not know where else its people are at home. A refusal
        concerns the key's account alone: nobody writes into the audit of an account that they may not enter.
        """
        basis = self.basis
        if basis is None:
            return
        if self.passcode and code is None and not use_up_passcode(session, self.passcode):
            raise bad_passcode()  # another request was quicker
        home, entered = basis.account_id, self.account_id or basis.account_id
        if entered != home:
            self._note(session, entered, outcome, code, self.profile or _as_seen_in(entered, basis))
        here = self.profile if self.profile is not None and entered == home else basis
        if home:  # who was invited is in none
            self._note(session, home, outcome, code, here)

    def _note(
        self,
        session: Session,
        account_id: str,
        outcome: int,
        code: str | None,
        subject: ApiKey | FederatedSignIn | Profile | None,
    ) -> None:
        actor = Actor(self.basis.iam_id if self.basis is not None else "", "")
        ctx = session.ctx.acting_as(actor, account_id, Grants(account_id, ()), ())
        audit.record(session.as_context(ctx), self.action, TARGET, outcome, code, subject=subject)


def _as_seen_in(account_id: str, basis: ApiKey | FederatedSignIn) -> FederatedSignIn | None:
    """The provider of a sign-in, as another account than its first is told of it; of a key nothing."""
    return replace(basis, account_id=account_id) if isinstance(basis, FederatedSignIn) else None
