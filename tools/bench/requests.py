"""Requests per second and latency, against the bare application; what is masked against what is absent; pages."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tools.bench import bare as yardstick
from tools.bench import wrk
from tools.bench.load import Ask, Outcome, load, median
from tools.bench.measured_data import VERSION, Caller, make
from tools.bench.processes import Process, bare, product
from tools.bench.report import Figure, Section

from kunsthalle.core.ids import Ids

LEAST, MOST_GROWTH = 0.45, 1.1
_SMALL = 100
_TWINS = 16
_DEALS = 2_000
_MANY = 600
_CONNECTIONS = 16
_SECONDS = 2.0
_FIGURES = (
    "Rate, median and 99th percentile in ms, and the server's processor time per request in µs. Ratios are of the "
    "last: a full core answers as many requests as it has time for, and other programs disturb the rate only."
)
_OWN, _MASKED, _GONE = "GET own image", "GET masked image", "GET absent image"
_ANEW = f"GET own image, each of {_MANY} in turn"


@dataclass(frozen=True, slots=True)
class _Times:
    """Of each id its median and its 99th percentile."""

    masked: list[tuple[float, ...]]
    absent: list[tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of request against one of the servers."""

    what: str
    server: Process
    ask: Ask
    others: tuple[Ask, ...] = ()
    """Asked for in turn with the first, under the same label."""


def run(folder: Path, rounds: int, large: int) -> Section:
    """Every kind of work once a round, in turn; medians over the rounds."""
    few, many, unlogged = (folder / name for name in ("few", "many", "unlogged"))
    make(few, {"publisher": _SMALL})
    silent_id = make(unlogged, {"publisher": _SMALL})["publisher"][0]
    ids = make(many, {"publisher": _SMALL, "consumer-a": large})
    with product(few) as small, product(many) as big, product(unlogged, "--access-log", "off") as silent:
        owner, consumer = Caller(many, "publisher", big.port), Caller(many, "consumer-a", big.port)
        alone, unheard = Caller(few, "publisher", small.port), Caller(unlogged, "publisher", silent.port)
        known = alone.call("GET", _page())["images"][0]["id"]
        published, own = ids["publisher"], ids["consumer-a"][large // 2]
        absent = [Ids(seed).resource("r006") for seed in range(2 * _TWINS)]
        yardstick.prepare(folder / "bare.sqlite", {"healthz": b"{}", own: consumer.raw("GET", _image(own))})
        second = consumer.call("GET", _page(f"&start={_middle(consumer, large)}"))
        if second["total_count"] != large:
            raise RuntimeError(f"there should be {large} images, not {second['total_count']}")
        with bare(folder) as plain:
            works = [
                Work("bare", plain, Ask("bare", f"/{own}", consumer.headers)),
                Work(_OWN, big, Ask("own", _image(own), consumer.headers)),
                Work(_ANEW, big, *_anew(ids["consumer-a"], consumer)),
                Work(_MASKED, big, Ask("masked", _image(published[0]), consumer.headers, 404)),
                Work(_GONE, big, Ask("absent", _image(absent[0]), consumer.headers, 404)),
                Work("logged", small, Ask("logged", _image(known), alone.headers)),
                Work("unlogged", silent, Ask("unlogged", _image(silent_id), unheard.headers)),
                Work("few", small, Ask("few", _page(), alone.headers)),
                Work("beside", big, Ask("beside", _page(), owner.headers)),
                Work("many", big, Ask("many", _page(), consumer.headers)),
                Work("middle", big, Ask("middle", _page(f"&start={_middle(consumer, large)}"), consumer.headers)),
            ]
            outcomes = measure(works, rounds)
            twins = _twins(big.port, published[:_TWINS], absent, consumer.headers, rounds)
    load_is = "wrk" if wrk.found() else "a client of our own on epoll"
    notes = [f"Load: {load_is}, {_CONNECTIONS} connections, closed loop.", _FIGURES]
    figures = [*_against_bare(outcomes), _logged(outcomes), *_masked(twins), *_pages(outcomes, large)]
    return Section("requests", "Requests", method(rounds) + _TWIN_METHOD, figures, notes)


def _anew(images: list[str], consumer: Caller) -> tuple[Ask, tuple[Ask, ...]]:
    """More images in turn than answers are kept for one caller."""
    first, *others = (Ask("anew", _image(id_), consumer.headers) for id_ in images[:_MANY])
    return first, tuple(others)


def _image(id_: str) -> str:
    return f"/v1/images/{id_}?{VERSION}"


def _page(more: str = "") -> str:
    return f"/v1/images?{VERSION}&limit=50{more}"


def _middle(consumer: Caller, large: int) -> str:
    """The token of a page half-way through the list."""
    from base64 import urlsafe_b64decode, urlsafe_b64encode

    def key(path: str) -> tuple[int, str]:
        token = consumer.call("GET", path)["next"]["href"].rsplit("start=", 1)[1]
        moment, _, id_ = urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode().partition(".")
        return int(moment), id_

    # Images of the measurement are a millisecond apart, so that the place in the list is known.
    moment, id_ = key(_page())
    return urlsafe_b64encode(f"{moment - large // 2 * 1_000}.{id_}".encode()).decode().rstrip("=")


def measure(works: list[Work], rounds: int) -> dict[str, Outcome]:
    """Each kind of work once a round, in turn; medians over the rounds."""
    drive: Callable[[int, list[Ask], int, float], dict[str, Outcome]] = wrk.load if wrk.found() else load
    for work in works:  # once before it counts: caches and statements warm
        drive(work.server.port, [work.ask, *work.others], _CONNECTIONS, _SECONDS / 4)
    found: dict[str, list[Outcome]] = {work.what: [] for work in works}
    for number in range(rounds):
        turn = works[number % len(works) :] + works[: number % len(works)]
        for work in turn:
            before = work.server.cpu()
            asks = [work.ask, *work.others]
            outcome = drive(work.server.port, asks, _CONNECTIONS, _SECONDS)[work.ask.label]
            found[work.what].append(replace(outcome, cpu=(work.server.cpu() - before) / outcome.count))
    return {what: median(each) for what, each in found.items()}


def _twins(port: int, masked: list[str], absent: list[str], headers: dict[str, str], rounds: int) -> _Times:
    """Masked and absent ids on one connection, in another order each round, so that whatever disturbs meets all.

    By id, its median and its 99th percentile: medians over the rounds, in seconds.
    """
    turns = [*masked, *absent]
    found = []
    for number in range(rounds):
        random.Random(number).shuffle(turns)  # noqa: S311  a repeatable order: what comes behind what matters, too
        found.append(load(port, [Ask(id_, _image(id_), headers, 404) for id_ in turns], 1, _SECONDS))
    by_id = {
        id_: tuple(statistics.median(getattr(each[id_], name) for each in found) for name in ("p50", "p99"))
        for id_ in turns
    }
    return _Times([by_id[id_] for id_ in masked[:_TWINS]], [by_id[id_] for id_ in absent[: 2 * _TWINS]])


def show(one: Outcome) -> str:
    """Rate, median, 99th percentile, processor time."""
    return f"{one.rate:,.0f}/s, {one.p50 * 1e3:.2f}, {one.p99 * 1e3:.2f}, {one.cpu * 1e6:.0f}"


def _against_bare(outcomes: dict[str, Outcome]) -> list[Figure]:
    plain = outcomes["bare"]
    figures = []
    for what, bound in ((_OWN, LEAST), (_MASKED, LEAST), (_GONE, LEAST), (_ANEW, None)):
        one = outcomes[what]
        ratio = plain.cpu / one.cpu
        held = None if bound is None else ratio >= bound
        text = "" if bound is None else f"≥ {bound}"
        figures.append(Figure(what, show(one), show(plain) + " bare", ratio, text, held))
    return figures


def _logged(outcomes: dict[str, Outcome]) -> Figure:
    """What the line that each request has in the log costs."""
    on, off = outcomes["logged"], outcomes["unlogged"]
    return Figure("GET own image, request log on", show(on), show(off) + " off", on.cpu / off.cpu)


def _masked(times: _Times) -> list[Figure]:
    """Masked to absent, held to be noise when ids dealt to both sides at random differ as much."""
    return [_twin(name, at, times) for at, name in enumerate(("p50", "p99"))]


def _twin(name: str, at: int, times: _Times) -> Figure:
    masked, absent = [one[at] for one in times.masked], [one[at] for one in times.absent]
    ratio = statistics.fmean(masked) / statistics.fmean(absent)
    noise = _noise([*masked, *absent], len(masked))
    bound, held = f"1 ± {noise:.3f} (noise)", abs(ratio - 1) <= noise
    shown = (f"{statistics.fmean(each) * 1e6:.1f} µs" for each in (masked, absent))
    return Figure(f"Masked to absent, {name}", *shown, ratio, bound, held)


def _noise(times: list[float], some: int) -> float:
    """How far from 1 the ratio of some of the times to the rest is in 19 of 20 deals of all of them."""
    dice, found = random.Random(1), []  # noqa: S311  a measurement that can be repeated
    for _ in range(_DEALS):
        dealt = dice.sample(times, len(times))
        found.append(abs(statistics.fmean(dealt[:some]) / statistics.fmean(dealt[some:]) - 1))
    return sorted(found)[int(0.95 * _DEALS)]


def _pages(outcomes: dict[str, Outcome], large: int) -> list[Figure]:
    base = outcomes["few"]
    names = {
        "beside": f"Page of 50 of {_SMALL}, another account with {large:,}",
        "many": f"Page of 50 of {large:,}",
        "middle": f"Page of 50 from the middle of {large:,}",
    }
    figures = []
    for what, text in names.items():
        ratio = outcomes[what].cpu / base.cpu
        against = f"{show(base)} of {_SMALL}"
        figures.append(Figure(text, show(outcomes[what]), against, ratio, f"≤ {MOST_GROWTH}", ratio <= MOST_GROWTH))
    return figures


def method(rounds: int) -> str:
    """How these figures were taken."""
    return (
        f"Medians of {rounds} interleaved rounds of {_SECONDS:g} s; server and load each on a core of its own where "
        "there are two."
    )


_TWIN_METHOD = (
    f" {_TWINS} masked and {2 * _TWINS} absent ids are asked for in turn on one connection, in another order each "
    "round; their noise is what 19 of 20 random deals of all these ids to the two sides stay within."
)
