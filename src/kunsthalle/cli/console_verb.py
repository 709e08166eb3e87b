"""`kunsthalle console`: what a server says on its serial line."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import click

from kunsthalle.cli import common

_PAUSE_SECONDS = 0.5
_VPC = "version=2025-06-30&generation=2"


class _Reader:
    """One server's console, as the operator or as the owner of the server's account sees it."""

    def __init__(self, data: Path, account: str, server: str) -> None:
        """ClickException if there is more than one server of that name."""
        self._data, self._account = data, account
        self._base = "/_kunsthalle/servers" if account else "/_kunsthalle/machines"
        named = urlencode({"name": server})
        answer = self._get(f"/v1/instances?{_VPC}&{named}" if account else f"{self._base}?{named}")
        servers = answer["instances" if account else "machines"]
        if len(servers) > 1:
            ids = ", ".join(candidate["id"] for candidate in servers)
            raise click.ClickException(f"{len(servers)} instances have this name. Use one of the ids: {ids}.")
        self._id = servers[0]["id"] if servers else server

    def _get(self, path: str) -> Any:
        if self._account:
            return common.act(self._data, self._account, "GET", path)
        return common.operate(self._data, "GET", path)

    def end(self, most: int) -> dict[str, Any]:
        """The end of what was said."""
        return self._read(limit=most)

    def on(self, start: int) -> dict[str, Any]:
        """What was said from a place on."""
        return self._read(start=start)

    def _read(self, **query: int) -> dict[str, Any]:
        console_output: dict[str, Any] = self._get(
            f"{self._base}/{quote(self._id, safe='')}/console?{urlencode(query)}"
        )
        return console_output


def _readable(text: str, *, raw: bool) -> str:
    """Without what a terminal would take for a command: a guest says what it likes."""
    if raw:
        return text
    return "".join(character for character in text if character.isprintable() or character in "\n\t")


def _spoken(reader: _Reader, most: int, *, follow: bool) -> Iterator[dict[str, Any]]:
    """What was said, piece by piece as it comes."""
    rest_of_output = reader.end(most)
    yield rest_of_output
    while follow:
        at = rest_of_output["end"]
        rest_of_output = reader.on(at)
        if rest_of_output["end"] == at:
            time.sleep(_PAUSE_SECONDS)
        else:
            yield rest_of_output


@click.command()
@click.argument("server")
@common.DATA
@click.option("--account", default="", help="Act as the owner of this account; default: as the operator")
@click.option("--follow", "-f", is_flag=True, help="Print new output until interrupted")
@click.option(
    "--bytes", "most", type=click.IntRange(0, 65_536), default=65_536, show_default=True, help="Maximum bytes"
)
@click.option("--raw", is_flag=True, help="Print control characters too: the guest can control the terminal with them")
@common.OUTPUT
def console(server: str, data: Path, account: str, follow: bool, most: int, raw: bool, output: str) -> None:
    """Print the latest output of an instance's serial console. SERVER is the name or id of the instance.

    With --output json: one JSON object per line.

    \b
    kunsthalle console borrowed-machine
    kunsthalle console 0717_1e09281b-f177-46fb-baf1-bc152b2e391a --account consumer-a --follow
    """
    try:
        for text_now in _spoken(_Reader(data, account, server), most, follow=follow):
            if output == "json":
                click.echo(json.dumps(text_now))
            else:
                click.echo(_readable(text_now["text"], raw=raw), nl=False)
    except KeyboardInterrupt:
        return
