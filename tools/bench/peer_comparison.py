"""Kunsthalle beside other people's programs that keep images: the same questions, from the same client, in turn."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from tools.bench.imports import change, half_random
from tools.bench.load import Ask, Outcome, load, median
from tools.bench.peers.glance_server import Glance
from tools.bench.peers.kunsthalle_server import Kunsthalle
from tools.bench.peers.moto_server import Moto
from tools.bench.peers.served_peer import IMAGES, PAGE, Peer, agree
from tools.bench.processes import CLIENT_CORE, on_core
from tools.bench.report import Figure, Section
from tools.bench.requests import show

from kunsthalle.core.sizes import MIB

LEAST_READS, LEAST_UPLOADS = 20, 2
_CONNECTIONS, _SECONDS, _STORIES = 16, 2.0, 10
_LARGE, _SMALL = 256 * MIB, MIB
READS = {
    "one": "GET one image, again and again",
    "each": f"GET each of {IMAGES} images in turn",
    "absent": "GET absent image, again and again",
    "page": f"Page of {PAGE} images",
}
SHARE, RUN, UPLOAD = "Create, share, read, delete", "Run an instance, delete it", f"Upload of {_LARGE // MIB} MiB"
START = "Start until the first answer"
MEMORY = {"begun": "Memory behind the first answer, PSS", "worked": "Memory behind all this, PSS"}
_UNITS = (
    f"Load of reads: a client of our own on epoll, {_CONNECTIONS} connections, closed loop; rate, median and 99th"
    " percentile in ms, and processor time per request of all processes of a server in µs. Ratios are of rates; of"
    " uploads, sharing and instances, how many times as fast Kunsthalle is; of starts and memory, Kunsthalle's to the"
    " peer's."
)
_CACHES = (
    "Kunsthalle keeps answers: *again and again* sends one that is kept, *in turn* makes each anew. Glance keeps what"
    " Keystone said of a token. moto keeps nothing and closes each connection, which is dialled anew."
)
_SHARING = (
    "Sharing is 6 calls on Glance, and the consumer reads the image itself. On Kunsthalle it goes through a catalog:"
    " import of a file that is in a bucket, offering, version, validation, publication, access, approval, and the"
    " consumer reads the offering. On moto it is 4 calls without bytes, and the consumer does not find the image, since"
    " moto keeps accounts apart."
)
_MISSING = (
    "No counterpart: Glance runs no instances; moto takes no bytes of an image. Instances are simulated on both sides."
    " moto's pages have no limit, so that one is asked for by 50 ids. moto forgets everything when it ends, so that"
    " its first answer is an empty list, which it gives before it has users and checks signatures."
)
_SYNCED = (
    "Kunsthalle says that an upload is there when it is on the disk (synced twice: in the bucket and as the image) and"
    " its qcow2 has been checked. Glance does not sync, and hashes it twice (MD5 and SHA-512)."
)
_Lists = partial(defaultdict[str, list[Any]], list)


@dataclass(slots=True)
class Taken:
    """What was measured, by what it is of and then by the server: outcomes of loads, and seconds or bytes."""

    outcomes: dict[str, dict[str, list[Outcome]]] = field(default_factory=partial(defaultdict, _Lists))
    numbers: dict[str, dict[str, list[float]]] = field(default_factory=partial(defaultdict, _Lists))


def run(folder: Path, rounds: int) -> Section:
    """Starts of fresh processes in turn; then all servers run, and each is asked for everything once a round."""
    half_random(folder / "small.qcow2", _SMALL)
    half_random(folder / "large.qcow2", _LARGE)
    taken = Taken()
    with ExitStack() as stack:
        peers: list[Peer] = [stack.enter_context(peer(folder)) for peer in (Kunsthalle, Glance, Moto)]
        for peer in peers:
            peer.set_up()
        for number in range(rounds):
            for peer in _turn(peers, number):
                with peer:
                    taken.numbers[START][peer.name].append(peer.seconds_to_first_answer())
                    taken.numbers[MEMORY["begun"]][peer.name].append(peer.memory())
        for peer in peers:
            peer.start()
            peer.fill()
            check(peer)
        _rounds(folder / "large.qcow2", peers, taken, rounds)
        for peer in peers:
            taken.numbers[MEMORY["worked"]][peer.name].append(peer.memory())
    return section(taken, rounds)


def _turn(peers: list[Peer], number: int) -> list[Peer]:
    """All of them, another one first each time."""
    return peers[number % len(peers) :] + peers[: number % len(peers)]


def check(peer: Peer) -> None:
    """RuntimeError unless the server answers what it is going to be measured with as it must, and refuses strangers."""
    reads, connection = peer.reads(), peer.connection

    def content(ask: Ask, word: bytes = b"") -> bytes:
        answer = connection.expect(ask.status, ask.method, ask.path, ask.body or None, ask.headers)
        if word not in answer.content:
            raise RuntimeError(f"{peer.name} answered with something else: {answer.content[:500]!r} has no {word!r}")
        return answer.content

    agree(f"images of {peer.name} that are asked for in turn", len(set(reads.ids)), IMAGES)
    for id_, ask in zip(reads.ids, reads.each, strict=True):
        content(ask, id_.encode())
    content(reads.one, b"image-0000000")
    content(reads.absent, reads.missing)
    content(reads.refused)
    agree(f"images of a page of {peer.name}", len(set(peer.check_page(content(reads.page)))), PAGE)


def _rounds(large: Path, peers: list[Peer], taken: Taken, rounds: int) -> None:
    """The first one, with number 0, is not counted: caches and statements become warm."""
    for number in range(rounds + 1):
        change(large, number)
        counted = taken if number else Taken()
        for what in (*READS, SHARE, RUN, UPLOAD):
            for peer in _turn(peers, number):
                with on_core(CLIENT_CORE):
                    _measure(what, peer, large, number, counted)


def _measure(what: str, peer: Peer, large: Path, number: int, taken: Taken) -> None:
    """One kind of work on one server; nothing where it has no counterpart."""
    if what in READS:
        read = getattr(peer.reads(), what)
        taken.outcomes[READS[what]][peer.name].append(_loaded(peer, list(read) if what == "each" else [read]))
    elif what == UPLOAD:
        if peer.upload is not None:
            begun = time.perf_counter()
            end = peer.upload(large, number)
            taken.numbers[what][peer.name].append(time.perf_counter() - begun)
            end()
    else:
        story = peer.share if what == SHARE else peer.run_instance
        if story is not None:
            taken.numbers[what][peer.name] += _told(story, number * _STORIES)


def _loaded(peer: Peer, asks: list[Ask]) -> Outcome:
    before = peer.cpu()
    [outcome] = load(peer.port, asks, _CONNECTIONS, _SECONDS).values()
    return replace(outcome, cpu=(peer.cpu() - before) / outcome.count)


def _told(story: Callable[[int], None], first: int) -> Iterator[float]:
    """Seconds of each of some repetitions."""
    for number in range(first, first + _STORIES):
        begun = time.perf_counter()
        story(number)
        yield time.perf_counter() - begun


def section(taken: Taken, rounds: int) -> Section:
    """The figures, those of one peer after those of the other; where a server has no counterpart there is none."""
    figures = []
    for name in (Glance.name, Moto.name):
        figures += [_read(what, each, name) for what, each in taken.outcomes.items()]
        figures += [_number(what, each, name) for what, each in taken.numbers.items() if name in each]
    return Section(
        "peers",
        "Beside other programs",
        f"Glance with Keystone, and moto's server, each from PyPI in an environment of its own (`tools/bench/peers`);"
        " SQLite and files on the same disk, one worker each, all on one core, and the client on another where there"
        f" are two. Medians of {rounds} interleaved rounds: of {_SECONDS:g} s of each read, of {_STORIES} repetitions"
        " of sharing and of running an instance, of one upload, and of a start of fresh processes until an API answers"
        f" with a list. {IMAGES} images on each server; before anything counts, each answer is looked into, and a"
        " credential that is not right must be refused.",
        figures,
        [_UNITS, _CACHES, _SHARING, _MISSING, _SYNCED],
    )


def _read(what: str, each: dict[str, list[Outcome]], name: str) -> Figure:
    ours, theirs = median(each[Kunsthalle.name]), median(each[name])
    ratio = ours.rate / theirs.rate
    return Figure(what, show(ours), f"{show(theirs)} {name}", ratio, f"≥ {LEAST_READS}", ratio >= LEAST_READS)


def _number(what: str, each: dict[str, list[float]], name: str) -> Figure:
    ours, theirs = (statistics.median(each[server]) for server in (Kunsthalle.name, name))
    if what in MEMORY.values():
        shown = [f"{size / MIB:.0f} MiB" for size in (ours, theirs)]
    elif what == UPLOAD:
        shown = [f"{_LARGE / MIB / seconds:,.0f} MiB/s" for seconds in (ours, theirs)]
    elif what == START:
        shown = [f"{seconds:.2f} s" for seconds in (ours, theirs)]
    else:
        shown = [f"{seconds * 1e3:,.1f} ms" for seconds in (ours, theirs)]
    if what in {START, *MEMORY.values()}:
        ratio, bound, held = ours / theirs, "< 1", ours < theirs
    elif what == UPLOAD:
        ratio, bound, held = theirs / ours, f"≥ {LEAST_UPLOADS}", theirs / ours >= LEAST_UPLOADS
    else:
        ratio, bound, held = theirs / ours, "", None
    return Figure(what, shown[0], f"{shown[1]} {name}", ratio, bound, held)
