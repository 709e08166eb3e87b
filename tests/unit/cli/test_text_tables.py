"""The printer of tables and the HTTP client that all commands share."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from kunsthalle.cli import common
from kunsthalle.local.client import CallFailed, Unreachable, call, exchange
from kunsthalle.local.text_tables import grid, line, width
from unit.ibmcloud.canned import canned


def test_columns_are_aligned_by_what_a_terminal_shows() -> None:
    assert (width("ab"), width("名前"), width("e\u0301")) == (2, 4, 1)
    assert common.table(("NAME", "N"), [("名前", 1), ("e\u0301tat", 22), ("a", "")]) == (
        "NAME  N\n名前  1\ne\u0301tat  22\na"
    )


def test_a_cell_never_becomes_a_row_or_a_command_of_the_terminal() -> None:
    assert line("a\nb\tc\x1b[2J\x9b31m") == "a b c\\x1b[2J\\x9b31m"
    table = common.table(("NAME",), [("real\nfake",), ("\x85",)])
    assert table.splitlines() == ["NAME", "real fake", "\\x85"]
    assert common.details([("name", "a\nb"), ("longer", 1)]) == "name    a b\nlonger  1"


def test_cells_of_several_lines_and_colours() -> None:
    rows = [["A", "B"], ["x\ny", "1"]]
    assert grid(rows, gap=3) == ["A   B", "x   1", "y"]
    painted = grid(rows, gap=1, header=lambda text: f"<{text}>", first=lambda text: f"[{text}]")
    assert painted == ["<A ><B>", "[x ]1", "[y ]"]
    assert grid([], gap=2) == []


def _free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_an_answer_comes_back_whatever_its_status() -> None:
    with canned(**{"/v1/keys": (404, {"errors": [{"message": "There is no such key."}]})}) as server:
        answer = exchange(server.url, "GET", "/v1/keys", timeout=10)
        assert (answer.status, b"no such key" in answer.content) == (404, True)
        with pytest.raises(CallFailed, match=r"^There is no such key\.$"):
            call(server.url, "GET", "/v1/keys", "token")


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "http://127.0.0.1:x", "https://127.0.0.1:{port}"])
def test_without_a_server_the_failure_says_so_and_has_no_secret(url: str) -> None:
    place = url.format(port=_free_port())
    with pytest.raises(Unreachable) as unreachable:
        exchange(place, "POST", "/identity/token", "apikey=hidden", {"Authorization": "Bearer hidden"}, timeout=10)
    with pytest.raises(CallFailed, match="No server answers at") as failed:
        call(place, "POST", "/v1/keys", "hidden", {"apikey": "hidden"})
    assert "hidden" not in f"{unreachable.value}{failed.value}"


def test_a_server_that_says_nothing_is_given_up() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        place = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Unreachable, match="timed out"):
            exchange(place, "GET", "/", timeout=0.05)
