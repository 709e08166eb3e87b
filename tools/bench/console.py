"""The first byte of the console's pages against the calls of the API that they show, and when a browser has painted
them, at a thousand images.
"""

from __future__ import annotations

import http.client
import re
import socket
import statistics
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from tools.bench.measured_data import VERSION, Caller, make
from tools.bench.paints import MOST_SECONDS, largest_paints
from tools.bench.processes import product
from tools.bench.report import Figure, Section

from kunsthalle.local import environment

MOST = 3.0
_IMAGES = 1_000
_VISITS = 3
"""Of a browser, a round."""
_TIMES, _WARM = 30, 5
"""Requests a round, and those before that do not count."""
_FRAME = ("/_kunsthalle/refused_operations", "/api/v1-beta/shareapproval/offering/access/source/pending")
"""What every page asks besides: what is not to be offered, and how many share requests wait."""


def run(folder: Path, rounds: int) -> Section:
    """Pages and calls in turn on one connection; medians over all rounds."""
    data = folder / "data"
    ids = make(data, {"publisher": _IMAGES})["publisher"]
    figures = []
    with product(data) as server:
        caller = Caller(data, "publisher", server.port)
        cookie = {"cookie": _signed_in(server.port, environment.variables(data, "publisher")["IBMCLOUD_API_KEY"])}
        for what, page, calls in _pairs(ids[_IMAGES // 2], caller.env["IBMCLOUD_ACCOUNT_ID"], _whole_list(caller)):
            asked_of_api = [*calls, *_FRAME]
            asks = [_request(f"/console{page}", cookie), *(_request(call, caller.headers) for call in asked_of_api)]
            shown, *asked = _first_bytes(server.port, asks, rounds * _TIMES)
            against = f"{sum(asked) * 1e3:.2f} ms ({len(asked_of_api)} calls)"
            ratio = shown / sum(asked)
            figures.append(Figure(what, f"{shown * 1e3:.2f} ms", against, ratio, f"≤ {MOST}", ratio <= MOST))
        figures += _painted(f"http://127.0.0.1:{server.port}", cookie["cookie"], rounds * _VISITS)
    method = (
        f"Each page, and all that it asks of the API, in turn on one connection, {_IMAGES} images in the account; the"
        f" median of {rounds * _TIMES}. The"
        f" largest contentful paint is Chromium's own figure, with an empty cache; median of {rounds * _VISITS} visits."
    )
    return Section("console", "First byte of the console's pages, and their largest paint", method, figures)


def _painted(url: str, cookie: str, times: int) -> list[Figure]:
    """Home counts all images, the others show as many as a page of a list has."""
    pages = {"home": "/", "custom images": "/images/custom", "a hundred a page": "/images/custom?limit=100"}
    goal = f"≤ {MOST_SECONDS:.0f} s"
    return [
        Figure(f"largest paint: {what}", f"{taken:.2f} s", "", taken, goal, taken <= MOST_SECONDS)
        for what, taken in zip(pages, largest_paints(url, cookie, list(pages.values()), times), strict=True)
    ]


def _whole_list(caller: Caller) -> list[str]:
    """The pages of all images, a hundred on each, as whoever reads them all asks for them."""
    paths = [f"/v1/images?{VERSION}&limit=100"]
    while following := caller.call("GET", paths[-1]).get("next"):
        address = urlsplit(following["href"])
        paths.append(f"{address.path}?{address.query}")
    return paths


def _pairs(id_: str, account: str, whole_list: list[str]) -> list[tuple[str, str, list[str]]]:
    """Page, and the calls of the API that tell what it shows."""
    base = "/api/v1-beta"
    identities = [f"/v1/{name}?account_id={account}&pagesize=100" for name in ("serviceids", "profiles")]
    people = [f"/v2/accounts/{account}/users", *identities]
    named = [*people, "/v1/enterprises", "/v1/account-groups", "/v1/accounts"]
    return [
        ("custom images", "/images/custom", [f"/v1/images?{VERSION}&limit=25"]),
        ("custom images, a hundred a page", "/images/custom?limit=100", whole_list[:1]),
        ("custom images, sorted by name", "/images/custom?sort=name", whole_list),
        ("an image", f"/images/custom/{id_}", [f"/v1/images/{id_}?{VERSION}", f"/_kunsthalle/images/{id_}/hold"]),
        ("catalog images", "/images/catalog", [f"{base}/offerings?limit=25&digest=true"]),
        ("catalogs", "/catalogs", [f"{base}/catalogs"]),
        ("instances", "/instances", [f"/v1/instances?{VERSION}&limit=25"]),
        ("volumes", "/volumes", [f"/v1/volumes?{VERSION}&limit=25"]),
        ("snapshots", "/snapshots", [f"/v1/snapshots?{VERSION}&limit=25"]),
        ("account tree", "/accounts", ["/v1/enterprises", "/v1/account-groups", "/v1/accounts"]),
        ("users", "/users", [f"/v2/accounts/{account}/users", f"/v1/accounts/{account}"]),
        ("policies, by name", "/policies", [f"/v1/policies?account_id={account}&type=access", *named]),
        ("authorizations", "/authorizations", [f"/v1/policies?account_id={account}&type=authorization"]),
        ("API keys", "/api-keys", ["/v1/apikeys?scope=account&pagesize=100", *people]),
        ("lineage", f"/images/custom/{id_}/lineage", [f"/_kunsthalle/images/{id_}/lineage"]),
    ]


def _request(path: str, headers: dict[str, str]) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _first_bytes(port: int, asks: list[bytes], times: int) -> list[float]:
    """Seconds until the first byte of each answer's body, at the median."""
    found: list[list[float]] = [[] for _ in asks]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(times + _WARM):
            for kept, ask in zip(found, asks, strict=True):
                taken = _one(connection, ask)
                if number >= _WARM:
                    kept.append(taken)
    return [statistics.median(kept) for kept in found]


def _one(connection: socket.socket, ask: bytes) -> float:
    begun = time.perf_counter()
    connection.sendall(ask)
    head, _, body = connection.recv(1 << 18).partition(b"\r\n\r\n")
    while not body:
        body = connection.recv(1 << 18)
    taken = time.perf_counter() - begun
    if b" 200 OK" not in head[:20]:
        raise RuntimeError(f"not the answer that was expected: {head[:200]!r}")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    while (len(body) < int(length[1])) if length else not body.endswith(b"0\r\n\r\n"):
        body += connection.recv(1 << 18)
    return taken


def _signed_in(port: int, api_key: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    form = {"content-type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/console/sign-in", urlencode({"apikey": api_key}), form)
    answer = connection.getresponse()
    answer.read()
    return str(answer.headers["set-cookie"]).split(";")[0]
