"""Calls as the accounts of a data folder, and as its operator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kunsthalle.local import folder
from kunsthalle.local.client import access_token, call

VPC = "version=2025-06-30&generation=2"
CATALOGS = "/api/v1-beta"
FAULTS = "/_kunsthalle/faults"
INSTALL = "/validation/install"
_REFRESH = {"X-Auth-Refresh-Token": "scenario"}
"""A header that validation asks for and does not read."""
_PATIENCE = 3_600.0
"""Seconds that a move of the clock may take, with all that becomes due."""


class Calls:
    """`accounts` are the credentials of the folder by name, users of accounts included."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._url, self._ca_file = folder.url(data), folder.ca_file(data)
        self._known = folder.credentials(data)
        self._tokens: dict[str, str] = {}

    @property
    def accounts(self) -> dict[str, Any]:
        known_accounts: dict[str, Any] = self._known.setdefault("accounts", {})
        return known_accounts

    def id(self, account: str) -> str:
        """The id of an account that is named."""
        return str(self.accounts[account]["account_id"])

    def remember(self, name: str, made: dict[str, Any]) -> None:
        """Credentials of somebody new, so that `kunsthalle env --account NAME` knows them."""
        self.accounts[name] = {field: made[field] for field in ("account_id", "iam_id", "api_key")}
        folder.write(self._data, folder.CREDENTIALS, self._known)

    def ask(self, account: str, method: str, path: str, body: Any = None) -> Any:
        """A call as an account, or as a user of one. CallFailed where it is refused."""
        if account not in self._tokens:
            self._tokens[account] = access_token(self._url, self.accounts[account]["api_key"], self._ca_file)
        more = _REFRESH if path.endswith(INSTALL) else None
        return call(self._url, method, path, self._tokens[account], body, ca_file=self._ca_file, more=more)

    def forget_token(self, account: str) -> None:
        """Have the next call sign in anew: what the account may do has changed."""
        self._tokens.pop(account, None)

    def pages(self, account: str, path: str, field: str) -> Iterator[dict[str, Any]]:
        """Every resource of a list of the VPC API."""
        while path:
            answer = self.ask(account, "GET", path)
            yield from answer[field]
            parts = urlsplit(answer.get("next", {}).get("href", ""))
            path = f"{parts.path}?{parts.query}" if parts.path else ""

    def enterprise(self) -> dict[str, Any]:
        """The enterprise that the account `enterprise` is of."""
        answer: dict[str, Any] = self.ask("enterprise", "GET", "/v1/enterprises")["resources"][0]
        return answer

    def account_groups(self) -> dict[str, dict[str, Any]]:
        """The account groups of the enterprise by name, those at the top first."""
        path = f"/v1/account-groups?enterprise_id={self.enterprise()['id']}&limit=100"
        groups: dict[str, dict[str, Any]] = {}
        while path:
            page = self.ask("enterprise", "GET", path)
            groups |= {group["name"]: group for group in page["resources"]}
            path = page.get("next_url") or ""
        return dict(sorted(groups.items(), key=lambda item: (item[1]["enterprise_path"].count("/"), item[0])))

    def operate(self, method: str, path: str, body: Any = None) -> Any:
        """A call with the operator's token."""
        return call(self._url, method, path, self._known["operator_token"], body, _PATIENCE, self._ca_file)

    def faults(self) -> list[dict[str, Any]]:
        """The faults that may still apply."""
        return list(self.operate("GET", FAULTS)["faults"])
