"""Who is logged in where: the configuration folder and its `config.json`, under the names the original uses (1.6).

Files have mode 0600, the folder 0700; a change replaces the file at once. Tokens are never shown but by `iam`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kunsthalle.ibmcloud.command_errors import NOT_LOGGED_IN, Failed, reason
from kunsthalle.local import folder

CONFIG = "config.json"
LOCAL = "http://127.0.0.1:8100"
_PLACES = ("IBMCLOUD_API_ENDPOINT", "KUNSTHALLE_URL", "IBMCLOUD_IAM_API_ENDPOINT")


def place(env: Mapping[str, str]) -> Path:
    """The configuration folder."""
    if named := env.get("IBMCLOUD_CONFIG_HOME"):
        return Path(named)
    parent = env.get("IBMCLOUD_HOME") or env.get("BLUEMIX_HOME") or env.get("HOME") or ""
    if not parent:
        raise Failed("There is no home directory for the session; set IBMCLOUD_HOME.")
    newer = Path(parent) / ".ibmcloud"
    return newer if newer.is_dir() else Path(parent) / ".bluemix"


class Session:
    """One `config.json`. What it does not know reads as empty."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.folder = place(env)
        self.kept: dict[str, Any] = {}
        self.broken = ""
        self._read()

    def _read(self) -> None:
        try:
            document = json.loads((self.folder / CONFIG).read_text())
            if isinstance(document, dict):
                self.kept = document
            else:
                self.broken = "it is not a JSON object"
        except FileNotFoundError:
            return
        except (OSError, ValueError, RecursionError) as error:
            self.broken = reason(error)

    def save(self) -> None:
        try:
            folder.write(self.folder, CONFIG, self.kept)
        except OSError as error:
            raise Failed(f"The session could not be written to {self.folder / CONFIG}: {reason(error)}") from error

    def usable(self) -> None:
        """Failed where the file is there and cannot be read: the way out is said."""
        if self.broken:
            raise Failed(
                f"The configuration file {self.folder / CONFIG} could not be read: {self.broken}\n"
                "Use 'ibmcloud login' to make it anew."
            )

    def text(self, *path: str) -> str:
        resource: Any = self.kept
        for step in path:
            resource = resource.get(step) if isinstance(resource, dict) else None
        return resource if isinstance(resource, str) else ""

    def put(self, **values: Any) -> None:
        self.kept.update(values)

    @property
    def endpoint(self) -> str:
        return self.text("APIEndpoint") or self.offered()

    def offered(self) -> str:
        """Where to log in when nobody says.

        What `kunsthalle env` put into the environment, the only running server of this user, or the usual place.
        """
        first = next((self.env[name] for name in _PLACES if self.env.get(name)), "")
        return (first or self._only_server() or LOCAL).rstrip("/")

    def _only_server(self) -> str:
        from kunsthalle.local import running  # most commands have a session, and start sooner without

        servers = running.folders(self.env)
        return folder.url(servers[0]) if len(servers) == 1 else ""

    @property
    def region(self) -> str:
        return self.text("Region")

    @property
    def account(self) -> str:
        """The account's id."""
        return self.text("Account", "GUID")

    @property
    def account_name(self) -> str:
        return self.text("Account", "Name") or self.account

    @property
    def group(self) -> str:
        """The targeted resource group's id; empty where none is."""
        return self.text("ResourceGroup", "GUID")

    @property
    def user(self) -> str:
        claims = self.claims()
        return str(claims.get("email") or claims.get("name") or claims.get("iam_id") or "")

    @property
    def iam_id(self) -> str:
        return str(self.claims().get("iam_id") or "")

    def claims(self) -> dict[str, Any]:
        """What the token says of whom it speaks for. It is the server that verifies it."""
        return claims_of(self.text("IAMToken"))

    def logged_in(self) -> None:
        """Failed unless somebody is logged in."""
        self.usable()
        if not self.text("IAMToken") or not self.claims():
            raise Failed(NOT_LOGGED_IN)

    def log_out(self) -> None:
        stored = (
            "APIEndpoint",
            "SSLDisabled",
            "ColorEnabled",
            "HTTPTimeout",
            "Trace",
            "Locale",
            "CheckCLIVersionDisabled",
        )
        self.kept = {name: self.kept[name] for name in stored if name in self.kept}
        self.save()


def claims_of(token: str) -> dict[str, Any]:
    parts = token.removeprefix("Bearer ").split(".")
    if len(parts) != 3:
        return {}
    try:
        import base64

        document = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
