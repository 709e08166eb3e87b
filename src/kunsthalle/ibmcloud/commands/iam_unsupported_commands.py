"""Commands of `iam` that Kunsthalle has no part in: templates of an enterprise and their assignments, and logins."""

from __future__ import annotations

from functools import partial

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.grammar import Command
from kunsthalle.ibmcloud.invocation import Run

_TEMPLATES = ("access-policy", "access-group", "trusted-profile", "account-settings")
_OF_TEMPLATE = (
    "template templates template-create template-version template-versions template-version-create "
    "template-version-update template-version-delete template-version-commit "
    "assignment assignments assignment-create assignment-update assignment-delete"
).split()


def _unserved(_run: Run, words: str) -> None:
    raise Failed(f"'ibmcloud iam {words}' is not supported by Kunsthalle.")


def _command(words: str) -> Command:
    run = partial(_unserved, words=words)
    return Command(f"iam {words}", "Not supported by Kunsthalle.", run, offline=True, anything=True)


COMMANDS = (
    _command("logins"),
    *(_command(f"{subject}-{word}") for subject in _TEMPLATES for word in _OF_TEMPLATE),
)
