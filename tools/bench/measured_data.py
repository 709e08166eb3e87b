"""Data folders for the measurements: the enterprise scenario, and images that are written straight into the store."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tools.bench.calls import Connection
from tools.bench.processes import product

from kunsthalle.accounts.queries import default_group
from kunsthalle.authz.context import SYSTEM, Context
from kunsthalle.authz.permissions import AllGrants
from kunsthalle.core.clock import SystemClock
from kunsthalle.core.ids import Ids
from kunsthalle.core.regions import REGIONS
from kunsthalle.db.engine import Store
from kunsthalle.db.rows import insert
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.images.models import Image
from kunsthalle.images.resources import IMAGE
from kunsthalle.local import environment, folder
from kunsthalle.settings import Settings

VERSION = "version=2026-10-07&generation=2"
SCENARIO = ("--hypervisor", "simulated", "--scenario", "enterprise")


def make(data: Path, images: dict[str, int]) -> dict[str, list[str]]:
    """A folder with the enterprise scenario and that many images in each of the named accounts; their ids."""
    product(data, *SCENARIO).stop()
    with opened(data) as store:
        return {name: _fill(store, environment.variables(data, name), count) for name, count in images.items()}


@contextmanager
def opened(data: Path) -> Iterator[Store]:
    """The store of a folder that nobody serves."""
    lock = folder.lock(data)
    store = Store(Settings(data=data).database_url)
    try:
        yield store
    finally:
        store.close()
        os.close(lock)


def context(account_id: str) -> Context:
    """The product's system context in an account."""
    region, grants = REGIONS["us-south"], AllGrants(account_id)
    return Context(SYSTEM, account_id, grants, SystemClock(), Ids(), region, "bench", "http://127.0.0.1")


def _fill(store: Store, who: dict[str, str], count: int) -> list[str]:
    ctx = context(who["IBMCLOUD_ACCOUNT_ID"])
    ids, account = ctx.ids, ctx.account_id

    def put(session: Session) -> list[str]:
        group, begin = default_group(session).id, ctx.now()
        images = [insert(session, IMAGE, _image(ids, account, group, number, begin)) for number in range(count)]
        for image in images:
            transition(session, IMAGE, image.id, "available", status_reasons=[])
        return [image.id for image in images]

    return store.write(ctx, put)


def _image(ids: Ids, account: str, group: str, number: int, begin: int) -> Image:
    return Image(
        id=ids.resource("r006"),
        account_id=account,
        name=f"image-{number:07d}",
        status="pending",
        status_reasons=[],
        operating_system="debian-12-amd64",
        resource_group_id=group,
        source_href=f"cos://us-south/images/image-{number:07d}.qcow2",
        source_volume=None,
        digest=ids.hex(64),
        format="qcow2",
        file_size=2**29,
        virtual_size=2**33,
        checked=1,
        allowed_use={"api_version": "2026-10-07", "instance": "true", "bare_metal_server": "true"},
        hold_crn=None,
        hold_since=None,
        deprecation_at=None,
        obsolescence_at=None,
        created_at=begin + number * 1_000,
    )


def token(send: Callable[[str, str, bytes], bytes], secret: str) -> str:
    """An access token for an API key; `send` takes a method, a path and a form, and gives the answer's bytes."""
    form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": secret}
    return str(json.loads(send("POST", "/identity/token", urlencode(form).encode()))["access_token"])


class Caller:
    """One account's calls of a running server, over one connection."""

    def __init__(self, data: Path, name: str, port: int) -> None:
        self.env = environment.variables(data, name)
        self.port = port
        self._connection = Connection(port)
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        bearer = token(lambda *call: self.send(*call, kind), self.env["IBMCLOUD_API_KEY"])
        self.headers = {"Authorization": f"Bearer {bearer}"}

    def raw(self, method: str, path: str, body: Any = None) -> bytes:
        """The bytes of a 2xx answer; RuntimeError for any other."""
        return self.send(method, path, None if body is None else json.dumps(body), self.headers)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        return json.loads(self.raw(method, path, body))

    def hang_up(self) -> None:
        """Closes the connection; the next call dials anew."""
        self._connection.hang_up()

    def send(self, method: str, path: str, body: str | bytes | None, headers: dict[str, str]) -> bytes:
        """The bytes of a 2xx answer to a request with these headers alone; RuntimeError for any other."""
        answer = self._connection.ask(method, path, body, headers)
        if answer.status >= http.client.MULTIPLE_CHOICES:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.content[:500]!r}")
        return answer.content
