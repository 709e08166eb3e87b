"""Why a sign-in by a provider ends: for the person in words, for the log by a code."""

from __future__ import annotations


class SignInRefused(Exception):
    """`code` says what was wrong, for the log and for tests; `message` is for the person, without any secret.

    `status` is that of the page: 403 for a refusal, 502 for a provider that breaks the protocol, 503 for one that does
    not answer.
    """

    def __init__(self, code: str, message: str, status: int = 403) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def broken(code: str, name: str, fault: str) -> SignInRefused:
    """The provider's answer is not what the protocol asks for."""
    text = f"{name} gave an answer that cannot be trusted: {fault}. Try again, or tell the operator of this server."
    return SignInRefused(code, text, 502)


def unavailable(code: str, name: str, fault: str) -> SignInRefused:
    """The provider cannot be asked now."""
    return SignInRefused(code, f"{name} {fault}. Try again later, or sign in with an API key.", 503)
