"""`config`, `version`, `update` (cli.md 2). Nothing here asks the network."""

from __future__ import annotations

from typing import Any

from kunsthalle import __version__
from kunsthalle.core.text_values import integer
from kunsthalle.ibmcloud.grammar import Command, WrongUsage, flag
from kunsthalle.ibmcloud.invocation import Run

_SETTINGS = ("http-timeout", "trace", "color", "locale", "check-version", "sso-otp", "alpha-commands")
_NAMES = {
    "http-timeout": "HTTPTimeout",
    "trace": "Trace",
    "color": "ColorEnabled",
    "locale": "Locale",
    "sso-otp": "SSOOTP",
}
_ON_OFF = ("true", "false")
"""As words: they are kept as they are."""


def _value(name: str, options: str) -> dict[str, Any]:
    if name == "http-timeout":
        seconds = integer(options, 0)
        if seconds is None:
            raise WrongUsage(f"invalid value '{options}' for --http-timeout: seconds are expected")
        return {"HTTPTimeout": seconds}
    if name in {"check-version", "alpha-commands"}:
        inverse = {"check-version": "CheckCLIVersionDisabled"}.get(name)
        return {inverse: options == "false"} if inverse else {"AlphaCommandsEnabled": options}
    return {_NAMES[name]: "" if name == "locale" and options == "CLEAR" else options}


def _config(run: Run) -> None:
    run.session.usable()
    for name in _SETTINGS:
        if run.given.has(name):
            run.session.put(**_value(name, str(run.given.get(name))))
    run.session.save()
    run.terminal.ok()


def _version(run: Run) -> None:
    run.terminal.lines([f"ibmcloud of Kunsthalle version {__version__}"])


def _update(run: Run) -> None:
    run.terminal.say("The command comes with Kunsthalle and is as new as it.")
    run.terminal.ok()


COMMANDS = (
    Command(
        "config",
        "Write default values to the config.",
        _config,
        flags=(
            flag("http-timeout", "SECONDS", "Timeout of HTTP requests."),
            flag("trace", "true|false|PATH", "Trace HTTP requests; no secret is shown."),
            flag("color", text="Enable or disable color output.", choices=_ON_OFF),
            flag("locale", "LOCALE|CLEAR", "Kept; the output is English."),
            flag("check-version", text="Kept; nothing is checked.", choices=_ON_OFF),
            flag("sso-otp", "true|false|auto", "auto: 'login --sso' opens the page without asking."),
            flag("alpha-commands", text="Kept; there are none.", choices=_ON_OFF),
        ),
        alone=(_SETTINGS,),
        any_of=(_SETTINGS,),
        output=False,
        offline=True,
    ),
    Command("version", "Print the version.", _version, output=False, offline=True),
    Command("update", "Nothing to update.", _update, flags=(flag("force", also=("f",)),), output=False, offline=True),
)
