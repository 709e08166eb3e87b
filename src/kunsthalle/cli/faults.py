"""`kunsthalle fault`: calls and jobs that go wrong on demand, and tokens that expire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kunsthalle.cli import common

_PATH = "/_kunsthalle/faults"
_COLUMNS = ("ID", "ON", "MATCH", "EFFECT", "LEFT", "HITS")
_TIMES = click.option(
    "--times", type=int, default=1, show_default=True, help="Matches to fail; 0: all until the fault is cleared"
)
_SKIP = click.option("--skip", type=int, default=0, show_default=True, help="Matches to skip first")


@click.group()
def fault() -> None:
    """Make API calls or jobs fail, to test automation.

    \b
    kunsthalle fault call "POST /v1/instances" --refuse 503 --times 2
    kunsthalle fault call "GET /v1/images/*" --delay 3 --times 0
    kunsthalle fault job image.import --fail
    kunsthalle fault job instance.boot --hold 10m
    kunsthalle fault tokens --expire
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
@click.option("--refuse", type=int, metavar="STATUS", help="Do not execute the call; answer with this status")
@click.option("--lose", type=int, metavar="STATUS", help="Execute the call, but answer with this status")
@click.option("--cut", is_flag=True, help="Execute the call, and cut the answer in the middle")
@click.option("--delay", type=float, metavar="SECONDS", help="Delay the call")
@_TIMES
@_SKIP
@common.DATA
@common.OUTPUT
def call(pattern: str, data: Path, output: str, times: int, skip: int, **effects: Any) -> None:
    """Set a fault for API calls. PATTERN is matched with `METHOD /path`; `*` matches any text."""
    effect, value = _one(effects)
    more = {"refuse": {"status": value}, "lose": {"status": value}, "cut": {}, "delay": {"seconds": value}}[effect]
    _add(data, output, {"on": "call", "match": pattern, "effect": effect, "times": times, "skip": skip, **more})


@fault.command()
@click.argument("kind")
@click.option("--fail", is_flag=True, help="Fail the job without further tries")
@click.option("--retry", is_flag=True, help="Fail one try")
@click.option("--hold", metavar="DURATION", help="Postpone the job by this duration of the product clock: 10m, PT1H")
@_TIMES
@_SKIP
@common.DATA
@common.OUTPUT
def job(kind: str, data: Path, output: str, times: int, skip: int, **effects: Any) -> None:
    """Set a fault for jobs. KIND is a pattern: image.import, instance.*, …"""
    effect, value = _one(effects)
    more = {"seconds": _seconds(value)} if effect == "hold" else {"fail": {}, "retry": {}}[effect]
    _add(data, output, {"on": "job", "match": kind, "effect": effect, "times": times, "skip": skip, **more})


@fault.command()
@click.option("--expire", is_flag=True, help="Refuse every access token that was issued until now")
@common.DATA
@common.OUTPUT
def tokens(expire: bool, data: Path, output: str) -> None:
    """Expire all access tokens at once and for good, also across restarts. Refresh tokens and API keys go on.

    Moving the clock does not expire tokens: clients keep them by real time.
    """
    _one({"expire": expire})
    _add(data, output, {"on": "tokens", "effect": "expire"})


@fault.command()
@click.argument("id_", metavar="[ID]", required=False)
@common.DATA
@common.OUTPUT
def clear(id_: str | None, data: Path, output: str) -> None:
    """Clear one fault, or all."""
    answer = common.operate(data, "DELETE", f"{_PATH}/{id_}" if id_ else _PATH)
    click.echo(common.as_json(answer) if output == "json" else f"Cleared: {answer['cleared']}")


def _one(effects: dict[str, Any]) -> tuple[str, Any]:
    given = [(name, value) for name, value in effects.items() if value not in (None, False)]
    if len(given) != 1:
        raise click.UsageError(f"Give one of --{', --'.join(sorted(effects))}.")
    return given[0]


def _seconds(text: str) -> float:
    from kunsthalle.core.clock import SECOND, duration

    try:
        return duration(text) / SECOND
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--hold") from error


def _add(data: Path, output: str, body: dict[str, Any]) -> None:
    _say([common.operate(data, "POST", _PATH, body)], output)


def _say(faults: list[dict[str, Any]], output: str) -> None:
    if output == "json":
        click.echo(common.as_json(faults))
        return
    rows = (
        (
            one["id"],
            one["on"],
            one["match"],
            _effect(one),
            one["times"] - one["hits"] if one["times"] else "-",
            one["hits"],
        )
        for one in faults
    )
    click.echo(common.table(_COLUMNS, rows))


def _effect(one: dict[str, Any]) -> str:
    more = {
        "refuse": one["status"],
        "lose": one["status"],
        "cut": "",
        "delay": f"{one['seconds']:g}s",
        "fail": "",
        "retry": "",
        "hold": f"{one['seconds']:g}s",
        "expire": "",
    }
    return f"{one['effect']} {more[one['effect']]}".rstrip()
