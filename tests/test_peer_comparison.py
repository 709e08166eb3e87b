"""`./dev bench peers`: what its figures say, and the parts of its client that no peer is needed for."""

from __future__ import annotations

import http.server
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tools.bench import __main__ as bench
from tools.bench import data, peer_comparison
from tools.bench.calls import Connection
from tools.bench.load import Ask, Outcome, load
from tools.bench.peer_comparison import MEMORY, READS, RUN, SHARE, START, UPLOAD, Taken, section
from tools.bench.peers import aws_signature, glance_server, moto_server
from tools.bench.peers.aws_signature import Credentials, signed_headers
from tools.bench.peers.served_peer import IMAGES, PAGE, Peer, Reads
from tools.bench.processes import Process, free_port
from tools.bench.report import Figure

pytestmark = pytest.mark.by_turns(3)

MIB = 2**20
CHILD = "import sys; print(flush=True); sys.stdin.read()"
SERVER = f"""
import http.server, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
handler, port = http.server.SimpleHTTPRequestHandler, int(sys.argv[1])
http.server.test(handler, protocol="HTTP/1.1", port=port, bind="127.0.0.1")
"""
"""A server that has started a child, as a master of uWSGI does, and answers once the child runs."""


def outcome(rate: float) -> Outcome:
    return Outcome(rate, 0.001, 0.002, 100, 1 / rate)


def taken(**uploads: list[float]) -> Taken:
    """Reads in which Glance answers 20 times as slowly, moto 10 times; seconds of uploads by server."""
    rates = {"Kunsthalle": 2_000, "Glance": 100, "moto": 200}
    measured = Taken()
    for what in READS.values():
        for name, rate in rates.items():
            measured.outcomes[what][name] = [outcome(rate / 2), outcome(rate), outcome(3 * rate)]
    for name in rates:
        measured.numbers[SHARE][name] = [0.2, 0.1, 0.3]
        measured.numbers[START][name] = [0.5] if name == "Kunsthalle" else [5.0]
        measured.numbers[MEMORY["worked"]][name] = [100 * MIB] if name == "moto" else [200 * MIB]
    measured.numbers[UPLOAD].update(uploads)
    measured.numbers[RUN].update({"Kunsthalle": [0.02], "moto": [0.05]})
    return measured


def figures(peer: str, measured: Taken) -> dict[str, Figure]:
    """Those of one peer, by what they are of."""
    return {figure.what: figure for figure in section(measured, 3).figures if figure.against.endswith(f" {peer}")}


def test_reads_are_compared_by_the_medians_of_their_rates() -> None:
    measured = taken()
    glance, moto = (figures(peer, measured)[READS["one"]] for peer in ("Glance", "moto"))
    assert (glance.ratio, glance.bound, glance.held) == (20, "≥ 20", True)
    assert (moto.ratio, moto.held) == (10, False)
    assert glance.measured.startswith("2,000/s, 1.00, 2.00, ") and glance.against.startswith("100/s")


@pytest.mark.parametrize(("seconds", "ratio", "held"), [(4.0, 2, True), (3.0, 1.5, False)])
def test_uploads_must_be_twice_as_fast(seconds: float, ratio: float, held: bool) -> None:
    figure = figures("Glance", taken(Kunsthalle=[2.0], Glance=[seconds]))[UPLOAD]
    assert (figure.ratio, figure.held, figure.measured) == (ratio, held, "128 MiB/s")


def test_starts_and_memory_must_be_less() -> None:
    for peer, more in (("Glance", False), ("moto", True)):
        compared = figures(peer, taken())
        assert (compared[START].ratio, compared[START].held) == (0.1, True)
        memory = compared[MEMORY["worked"]]
        assert (memory.ratio, memory.held) == ((2, False) if more else (1, False))  # the same is not less


def test_what_a_peer_does_not_do_has_no_figure() -> None:
    measured = taken(Kunsthalle=[2.0], Glance=[4.0])
    glance, moto = (set(figures(peer, measured)) for peer in ("Glance", "moto"))
    assert glance - moto == {UPLOAD} and moto - glance == {RUN}


def test_a_signature_is_that_of_the_test_suite_of_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """`post-x-www-form-urlencoded` of the test suite of signature version 4."""
    monkeypatch.setattr(aws_signature, "_MOMENT", "20150830T123600Z")
    credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    headers = signed_headers(credentials, "service", "example.amazonaws.com", "Param1=value1")
    signature = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
    assert headers["Authorization"].endswith(f"Signature={signature}")
    assert "X-Amz-Security-Token" not in headers


class Scripted(Peer):
    """A peer whose answers are what the test says, by path."""

    name = "scripted"

    def __init__(self, folder: Path, port: int, images: int = IMAGES, shown: int = PAGE, **changed: Any) -> None:
        super().__init__(folder)
        self._port, self._images, self._shown, self._changed = port, images, shown, changed

    @property
    def port(self) -> int:
        return self._port

    def set_up(self) -> None: ...

    def start(self) -> None: ...

    def fill(self) -> None: ...

    def first_answer(self) -> None: ...

    def share(self, number: int) -> None: ...

    def reads(self) -> Reads:
        ids = tuple(f"image-{number:07d}" for number in range(self._images))
        reads = Reads(
            ids=ids,
            one=Ask("one", "/200/image-0000000"),
            each=tuple(Ask("each", f"/200/{id_}") for id_ in ids),
            absent=Ask("absent", "/404/absent", status=404),
            page=Ask("page", "/200/page"),
            refused=Ask("refused", "/401/", status=401),
            missing=b"absent",
        )
        return replace(reads, **self._changed)

    def check_page(self, content: bytes) -> list[str]:
        assert content == b"/200/page"
        return [str(number) for number in range(self._shown)]


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers with the path, in the status that begins it."""

    connections = 0
    wbufsize = -1
    """Headers and content go out together, or the second would wait for the first to be acknowledged."""

    def setup(self) -> None:
        type(self).connections += 1
        super().setup()

    def do_GET(self) -> None:
        content = self.path.encode()
        self.send_response(int(self.path.split("/")[1]))
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None: ...


@contextmanager
def answering(version: str) -> Iterator[tuple[int, type[_Handler]]]:
    """A port on which a server of that version of HTTP answers; its handler counts connections."""
    handler = type("Handler", (_Handler,), {"protocol_version": version, "connections": 0})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1], handler
        finally:
            server.shutdown()
            thread.join()


def test_what_is_measured_is_looked_into_first(tmp_path: Path) -> None:
    with answering("HTTP/1.1") as (port, _):
        peer_comparison.check(Scripted(tmp_path, port))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": 1}, f"1 instead of {IMAGES}"),
        ({"shown": 1}, f"1 instead of {PAGE}"),
        ({"refused": Ask("refused", "/200/open", status=401)}, "200 instead of 401"),
        ({"one": Ask("one", "/200/image-0000001")}, "something else"),
        ({"each": (Ask("each", "/200/image-0000000"),) * IMAGES}, "something else"),
        ({"missing": b"not found"}, "something else"),
    ],
    ids=["too few images", "a short page", "strangers are let in", "another image", "one image", "another error"],
)
def test_a_server_that_answers_otherwise_is_not_measured(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    with answering("HTTP/1.1") as (port, _), pytest.raises(RuntimeError, match=message):
        peer_comparison.check(Scripted(tmp_path, port, **changed))


@pytest.mark.parametrize(("version", "kept"), [("HTTP/1.1", True), ("HTTP/1.0", False)])
def test_the_load_dials_anew_where_the_server_closes(version: str, kept: bool) -> None:
    with answering(version) as (port, handler):
        counted = load(port, [Ask("all", "/200/image")], connections=2, seconds=0.2)["all"].count
        assert counted > 2
        assert handler.connections == 2 if kept else handler.connections >= counted


def test_a_file_is_sent_as_it_is_and_a_wrong_status_is_an_error(tmp_path: Path) -> None:
    with answering("HTTP/1.1") as (port, _):
        connection = Connection(port)
        assert connection.expect(200, "GET", "/200/image").content == b"/200/image"
        with pytest.raises(RuntimeError, match="404 instead of 200"):
            connection.expect(200, "GET", "/404/image")
        assert connection.ask("GET", "/404/image").status == 404


def test_pages_of_peers_are_read() -> None:
    page = b"""<DescribeImagesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><imagesSet>
        <item><imageId>ami-1</imageId><imageState>available</imageState></item>
        <item><imageId>ami-2</imageId><imageState>available</imageState></item></imagesSet></DescribeImagesResponse>"""
    moto = moto_server.Moto.__new__(moto_server.Moto)
    assert moto.check_page(page) == ["ami-1", "ami-2"]
    glance = glance_server.Glance.__new__(glance_server.Glance)
    assert glance.check_page(b'{"images": [{"id": "1", "status": "active"}]}') == ["1"]
    with pytest.raises(RuntimeError, match="queued"):
        glance.check_page(b'{"images": [{"id": "1", "status": "queued"}]}')


def test_memory_and_processor_time_are_those_of_children_too(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", SERVER, str(port)]
    with Process(command, port, tmp_path / "log", ready="/pyproject.toml") as process:
        assert len(process.family()) == 2
        assert process.memory_of_family() > process.memory()["Pss"] > MIB
        assert process.cpu_of_family() > 0


def test_a_missing_program_is_named_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["bench", "data", "--folder", str(tmp_path)])
    assert bench.main() == 1
    sentence = "data was not measured: qemu-img is not on the path. Install Debian's package qemu-utils,"
    assert capsys.readouterr().err.startswith(sentence)
    assert data.__name__ == bench.BENCHES["data"]


@pytest.mark.parametrize("ready", [True, False], ids=["while it measures", "while it starts one"])
def test_servers_end_with_a_bench_that_is_told_to_end(ready: bool) -> None:
    port = free_port()
    program = (
        "import os, signal, sys; from tools.bench import __main__ as bench, processes, start\n"
        "ask, told = processes._ask, lambda: os.kill(os.getpid(), signal.SIGTERM)\n"
        "def watched(port, path):\n"
        "    answer = ask(port, path)\n"
        f"    if answer and not {ready}: told()\n"
        "    return answer\n"
        "processes._ask = watched\n"
        "def run(folder, rounds):\n"
        f"    server = [sys.executable, '-c', {SERVER!r}, '{port}']\n"
        f"    with processes.Process(server, {port}, folder / 'log', ready='/pyproject.toml'):\n"
        "        told(); signal.pause()\n"
        "start.run = run; sys.argv = ['bench', 'start']\n"
        "raise SystemExit(bench.main())"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 128 + signal.SIGTERM
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_the_log_of_a_server_in_the_process_is_not_among_the_figures() -> None:
    """In a process of its own: what a log is set up by is for the whole process."""
    program = (
        "import sys; from tools.bench import __main__ as bench, report, start\n"
        "from kunsthalle.core.log import get_logger\n"
        "def run(folder, rounds):\n"
        "    get_logger('bench').info('server started'); get_logger('bench').warning('slow write')\n"
        "    return report.Section('start', 'Start', 'How.')\n"
        "start.run = run; sys.argv = ['bench', 'start']\n"
        "raise SystemExit(bench.main())"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("Start\n\nHow.") and not ran.stderr
