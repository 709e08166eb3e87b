"""What is kept of guests whose engine remembers the last of it alone, and lines to them over web sockets."""

from __future__ import annotations

import asyncio
import ssl
import threading
from pathlib import Path

import pytest
from websockets import ServerConnection, serve

from kunsthalle.hypervisor.openstack import kept_consoles
from kunsthalle.hypervisor.openstack.kept_consoles import KeptConsoles, continuation
from kunsthalle.hypervisor.openstack.web_socket_line import WebSocketLine, address_of

LONG = b"".join(b"line %d of what a guest said\r\n" % number for number in range(500))


@pytest.mark.parametrize(("kept", "tail", "new"), [
    (b"", LONG, LONG),
    (LONG, LONG, b""),
    (LONG, LONG + b"more", b"more"),
    (LONG, LONG[-3000:] + b"more", b"more"),
    (LONG, LONG[-3000:], b""),
    (LONG, LONG[:200], LONG[:200]),
    (LONG, b"\r\nSYSLINUX\r\n", b"\r\nSYSLINUX\r\n"),
    (b"x" * 3000, b"x" * 3000 + b"y", b"y"),
    (b"a" * 100 + b"b" * 100, b"b" * 100 + b"c", b"c"),
    (LONG, LONG[-10:] + b"after a gap", LONG[-10:] + b"after a gap"),
])  # fmt: skip
def test_only_what_is_new_is_added(kept: bytes, tail: bytes, new: bytes) -> None:
    assert continuation(kept, tail) == new


def test_places_are_counted_over_all_starts(tmp_path: Path) -> None:
    kept = KeptConsoles(tmp_path / "consoles")
    for instance, tail in (("a", b"first"), ("a", b"first boot"), ("b", b"first"), ("b", b"first")):
        kept.absorb("server", instance, tail)
    assert kept.excerpt("server", 0, 100).text == b"first bootfirst", "another instance says the same once more"
    kept.begin("server")
    kept.absorb("server", "b", b"first")
    kept.absorb("server", "b", b"first again")
    excerpt = kept.excerpt("server", 10, 100)
    assert (excerpt.start, excerpt.end, excerpt.text) == (10, 26, b"firstfirst again")
    assert KeptConsoles(tmp_path / "consoles").excerpt("server", None, 5).text == b"again"
    kept.forget("server")
    assert list((tmp_path / "consoles").iterdir()) == []
    assert kept.excerpt("server", 0, 100).text == b""


def test_a_process_that_ends_in_the_middle_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = KeptConsoles(tmp_path)
    kept.absorb("server", "a", b"one ")

    def killed(_past: bytes, _tail: bytes) -> bytes:
        raise KeyboardInterrupt

    for instance in ("a", "b"):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(kept_consoles, "continuation", killed)
            kept.absorb("server", instance, b"two")
    kept.absorb("server", "b", b"two")
    assert kept.excerpt("server", 0, 100).text == b"one two"


def test_many_hands_write_each_word_once(tmp_path: Path) -> None:
    words = [LONG[: 300 * number] for number in range(1, 40)]
    threads = [
        threading.Thread(target=lambda: [KeptConsoles(tmp_path).absorb("server", "a", LONG) for _ in words])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert KeptConsoles(tmp_path).excerpt("server", 0, 1 << 20).text == LONG


def test_what_grows_without_end_is_cut_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kunsthalle.hypervisor import console_log

    monkeypatch.setattr(console_log, "MAX_BYTES", 5000)
    monkeypatch.setattr(console_log, "KEPT_BYTES", 4000)
    kept, said = KeptConsoles(tmp_path), b""
    for number in range(400):
        said += b"%d: as long as it takes\r\n" % number
        kept.absorb("server", "a", said[-1500:])
    excerpt = kept.excerpt("server", None, 2000)
    assert (excerpt.end, excerpt.text) == (len(said), said[-2000:])


@pytest.mark.parametrize(("url", "address"), [
    ("ws://127.0.0.1:15004/?token=t", "ws://127.0.0.1:15004/?token=t"),
    ("http://cloud:6080/vnc_lite.html?path=%3Ftoken%3Dt", "ws://cloud:6080/?token=t"),
    ("https://cloud/vnc/vnc_lite.html?path=websockify%3Ftoken%3Dt", "wss://cloud/websockify?token=t"),
])  # fmt: skip
def test_the_web_socket_of_a_console(url: str, address: str) -> None:
    assert address_of(url) == address


def test_a_line_is_a_web_socket() -> None:
    met: list[tuple[str | None, str]] = []

    async def guest(web: ServerConnection) -> None:
        assert web.request is not None
        met.append((web.subprotocol, web.request.headers["Origin"]))
        await web.send(b"")
        await web.send(b"login: ")
        async for typed in web:
            await web.send(typed)
            if typed == b"exit\n":
                return

    async def story() -> None:
        async with serve(guest, "127.0.0.1", 0, subprotocols=["binary"]) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            line = WebSocketLine(f"ws://127.0.0.1:{port}/?token=t", ssl.create_default_context())
            assert line.tells_all
            assert await line.read() == b"login: "
            await line.write(b"me\n")
            assert await line.read() == b"me\n"
            await line.write(b"exit\n")
            assert await line.read() == b"exit\n"
            assert await line.read() == b"", "the guest has hung up"
            with pytest.raises(OSError):
                await line.write(b"anybody there?")
            line.close()
            line.close()
        absent = WebSocketLine(f"ws://127.0.0.1:{port}/?token=t", ssl.create_default_context())
        assert await absent.read() == b""
        with pytest.raises(OSError):
            await absent.write(b"x")
        assert met == [("binary", f"http://127.0.0.1:{port}")]

    asyncio.run(story())
