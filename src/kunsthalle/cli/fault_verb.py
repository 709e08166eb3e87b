"""`kunsthalle fault`: calls and jobs that go wrong on demand, and tokens that expire."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import click

from kunsthalle.cli import common
from kunsthalle.core.fault_effects import EFFECTS, effects_on
from kunsthalle.core.fault_sets import SETS, WORDS, fault_set

_PATH = "/_kunsthalle/faults"
_COLUMNS = ("ID", "ON", "MATCH", "EFFECT", "LEFT", "HITS")
_TIMES = click.option(
    "--times", type=int, default=1, show_default=True, help="Matches to fail; 0: all until the fault is cleared"
)
_SKIP = click.option("--skip", type=int, default=0, show_default=True, help="Matches to skip first")
_SEED = click.option("--seed", type=int, default=0, show_default=True, help="The same seed draws the same again")


def _narrowed(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of calls and jobs that say which of those that match are meant."""
    options = (
        _TIMES,
        _SKIP,
        click.option("--account", default="", help="Only of this account: a name or an id"),
        click.option("--user", default="", help="Only of this user: an e-mail address or an IAM ID"),
        click.option("--percent", type=float, default=100, show_default=True, help="So many of a hundred matches"),
        _SEED,
        click.option("--from", "starts_at", help="Not before: 2030-01-01T00:00:00Z, or 10m from now (product clock)"),
        click.option("--until", "ends_at", help="Not after, as --from"),
        click.option("--name", default="", help="Name that answers and reports show"),
    )
    for option in reversed(options):
        command = option(command)
    return command


_TYPES = {"STATUS": int, "SECONDS": float, "DURATION": str}


def _effects(target: Literal["call", "job", "tokens"]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option for each effect on calls, jobs or tokens; a flag where it has no value."""

    def declare(command: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(effects_on(target)):
            effect = EFFECTS[name]
            more: dict[str, Any] = {"is_flag": True}
            if effect.value:
                more = {"type": _TYPES[effect.value], "metavar": effect.value}
            command = click.option(f"--{name}", help=effect.option, **more)(command)
        return command

    return declare


@click.group()
def fault() -> None:
    """Make API calls or jobs fail, to test automation.

    \b
    kunsthalle fault call "POST /v1/instances" --refuse 503 --times 2
    kunsthalle fault call "GET /v1/images/*" --delay 3 --times 0
    kunsthalle fault job image.import --fail
    kunsthalle fault job instance.boot --hold 10m
    kunsthalle fault tokens --expire
    kunsthalle fault set flaky-network --seed 7
    kunsthalle fault clear
    """


@fault.command(name="list")
@common.DATA
@common.OUTPUT
def list_(data: Path, output: str) -> None:
    """List the faults that may still apply."""
    _say(common.operate(data, "GET", _PATH)["faults"], output)


@fault.command()
@click.argument("pattern")
@_effects("call")
@click.option("--retry-after", type=int, default=1, show_default=True, help="With --refuse and --lose 429 or 503")
@click.option("--after", "cut_after", type=int, default=-1, metavar="BYTES", help="With --cut; default: half the body")
@click.option("--spread", type=float, default=0, metavar="SECONDS", help="With --delay: up to this much longer")
@_narrowed
@common.DATA
@common.OUTPUT
def call(pattern: str, data: Path, output: str, **changes: Any) -> None:
    """Set a fault for API calls. PATTERN is matched with `METHOD /path`; `*` matches any text."""
    _add(data, output, {"on": "call", "match": pattern, **_chosen("call", changes), **changes})


@fault.command()
@click.argument("kind")
@_effects("job")
@click.option("--reason", default="", help="With image.import --fail: the reason that the image shows")
@_narrowed
@common.DATA
@common.OUTPUT
def job(kind: str, data: Path, output: str, **changes: Any) -> None:
    """Set a fault for jobs. KIND is a pattern: image.import, instance.*, …"""
    _add(data, output, {"on": "job", "match": kind, **_chosen("job", changes), **changes})


@fault.command(
    name="set",
    help="Set all faults of a named set, until they are cleared.\n\n\b\n"
    + "\n".join(f"{name:<22} {words}" for name, words in WORDS.items()),
)
@click.argument("name", type=click.Choice(list(SETS)))
@click.option("--account", default="", help="Only of this account: a name or an id")
@_SEED
@common.DATA
@common.OUTPUT
def set_(name: str, account: str, seed: int, data: Path, output: str) -> None:
    made = [
        common.operate(data, "POST", _PATH, {**fault_fields, "account": account})
        for fault_fields in fault_set(name, seed)
    ]
    _say(made, output)


@fault.command()
@_effects("tokens")
@common.DATA
@common.OUTPUT
def tokens(data: Path, output: str, **changes: Any) -> None:
    """Expire all access tokens at once and for good, also across restarts. Refresh tokens and API keys go on.

    Moving the clock does not expire tokens: clients keep them by real time.
    """
    _add(data, output, {"on": "tokens", **_chosen("tokens", changes)})


@fault.command()
@click.argument("id_", metavar="[ID]", required=False)
@common.DATA
@common.OUTPUT
def clear(id_: str | None, data: Path, output: str) -> None:
    """Clear one fault, or all."""
    answer = common.operate(data, "DELETE", f"{_PATH}/{id_}" if id_ else _PATH)
    click.echo(common.as_json(answer) if output == "json" else f"Cleared: {answer['cleared']}")


def _chosen(target: Literal["call", "job", "tokens"], options: dict[str, Any]) -> dict[str, Any]:
    """The one effect that was chosen of those on calls, jobs or tokens, and how much; out of what was given."""
    effects = {name: options.pop(name) for name in effects_on(target)}
    chosen = [(name, value) for name, value in effects.items() if value not in (None, False)]
    if len(chosen) != 1:
        raise click.UsageError(f"Give one of --{', --'.join(sorted(effects))}.")
    ((name, value),) = chosen
    effect = EFFECTS[name]
    if not effect.field:
        return {"effect": name}
    return {"effect": name, effect.field: _seconds(name, value) if effect.value == "DURATION" else value}


def _seconds(name: str, text: str) -> float:
    from kunsthalle.core.clock import SECOND, duration

    try:
        return duration(text) / SECOND
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=f"--{name}") from error


def _add(data: Path, output: str, body: dict[str, Any]) -> None:
    _say([common.operate(data, "POST", _PATH, body)], output)


def _say(faults: list[dict[str, Any]], output: str) -> None:
    if output == "json":
        click.echo(common.as_json(faults))
        return
    rows = (
        (
            fault["id"],
            fault["on"],
            fault["match"],
            _effect(fault),
            fault["times"] - fault["hits"] if fault["times"] else "-",
            fault["hits"],
        )
        for fault in faults
    )
    click.echo(common.table(_COLUMNS, rows))


def _effect(fault: dict[str, Any]) -> str:
    field = EFFECTS[fault["effect"]].field
    much = {"": "", "status": f" {fault['status']}", "seconds": f" {fault['seconds']:g}s"}
    return f"{fault['effect']}{much[field]}"
