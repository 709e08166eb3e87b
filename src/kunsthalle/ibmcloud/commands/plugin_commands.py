"""`plugin …`: scripts install plug-ins first. Those that Kunsthalle serves are built in (cli.md 2)."""

from __future__ import annotations

from kunsthalle import __version__
from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.grammar import FORCE, Command, flag
from kunsthalle.ibmcloud.invocation import Run

BUILT_IN = {
    "vpc-infrastructure": ("infrastructure-service", "is"),
    "catalogs-management": ("catalog",),
    "key-protect": ("kp",),
}
_COLUMNS = (
    ("Plugin Name", "label"),
    ("Version", "version"),
    ("Status", "status"),
    ("Private endpoints supported", "private"),
)


def _rows() -> list[dict[str, object]]:
    more = {"version": __version__, "status": "", "private": False}
    labels = {"vpc-infrastructure": "vpc-infrastructure[infrastructure-service/is]"}
    return [{"name": name, "label": labels.get(name, name), **more} for name in BUILT_IN]


def _list(run: Run) -> None:
    run.terminal.say("Listing installed plug-ins...\n")
    run.table(_rows(), _COLUMNS, "No plug-ins are installed.")


def _name(ref: str) -> str:
    """The plug-in of a name or of a command's namespace, a version behind `@` left away."""
    plain = ref.partition("@")[0]
    for name, namespaces in BUILT_IN.items():
        if plain == name or plain in namespaces:
            return name
    raise Failed(f"Plug-in '{plain}' is not part of Kunsthalle; there is: {', '.join(BUILT_IN)}.")


def _built_in(run: Run, verb: str) -> None:
    names = run.given["NAME"]
    for ref in names if isinstance(names, list) else [names] if names else list(BUILT_IN):
        run.terminal.say(f"Plug-in '{_name(ref)} {__version__}' is built in, nothing to {verb}.")
    run.terminal.ok()


def _show(run: Run) -> None:
    name = _name(run.given["NAME"])
    first = next(row for row in _rows() if row["name"] == name)
    run.detail(first, (("Plugin Name", "name"), *_COLUMNS[1:]))


_FLAGS = (
    FORCE,
    flag("all", text="All plug-ins.", also=("a",)),
    flag("r", "REPO", "Ignored: plug-ins are built in."),
    flag("v", "VERSION", "Ignored: plug-ins are built in."),
)

COMMANDS = (
    Command("plugin list", "List the plug-ins that are built in.", _list, offline=True),
    Command(
        "plugin install",
        "Nothing to install: what is served is built in.",
        lambda run: _built_in(run, "install"),
        "NAME...",
        _FLAGS,
        output=False,
        offline=True,
    ),
    Command(
        "plugin update",
        "Nothing to update.",
        lambda run: _built_in(run, "update"),
        "[NAME]",
        _FLAGS,
        output=False,
        offline=True,
    ),
    Command(
        "plugin uninstall",
        "Nothing to uninstall.",
        lambda run: _built_in(run, "uninstall"),
        "NAME",
        _FLAGS,
        output=False,
        offline=True,
    ),
    Command("plugin show", "Show a plug-in.", _show, "NAME", offline=True),
)
