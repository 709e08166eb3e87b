"""Objects come out of the console as files: whole, in ranges, piece by piece, and no further for who may no more."""

from __future__ import annotations

import http.client
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from fixtures.clients import Account
from kunsthalle.console.object_downloads import disposition
from kunsthalle.images.bucket_service import LARGEST_PIECE
from kunsthalle.testing import Served

pytestmark = pytest.mark.by_turns(3)

SIZE = 3 * LARGEST_PIECE + 12_345


class Browser:
    """As much of a browser as downloads need: a session's cookie, and answers that are read as they come."""

    def __init__(self, served: Served, persona: str) -> None:
        self._host = served.url.removeprefix("http://")
        page = self.get("/sign-in")
        page.read()
        key = served.env(persona)["IBMCLOUD_API_KEY"]
        answer = self.get("/sign-in", method="POST", body=f"apikey={quote(key)}")
        answer.read()
        self.cookie = str(answer.headers["set-cookie"]).partition(";")[0]

    cookie = ""

    def get(
        self, path: str, *, method: str = "GET", body: str | None = None, **headers: str
    ) -> http.client.HTTPResponse:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"cookie": self.cookie} if self.cookie else {}
        sent |= {"content-type": "application/x-www-form-urlencoded"} if body is not None else {}
        self._connection = http.client.HTTPConnection(self._host, timeout=60)
        self._connection.request(method, f"/console{path}", body, sent)
        return self._connection.getresponse()


@pytest.fixture(scope="module")
def account(served: Served) -> Account:
    return Account(served, "publisher")


@pytest.fixture(scope="module")
def content(account: Account) -> bytes:
    """An object of several pieces, whose name needs care in a header."""
    content = os.urandom(SIZE)
    path = Path(account.bucket) / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return content


NAME = 'some/where/gold "en"; ü.bin'
WHERE = f"/buckets/images/download?object={quote(NAME, safe='')}"


@pytest.fixture
def browser(served: Served) -> Iterator[Browser]:
    yield Browser(served, "publisher")


def test_a_whole_object(browser: Browser, content: bytes) -> None:
    answer = browser.get(WHERE)
    assert (answer.status, answer.headers["content-length"]) == (200, str(SIZE))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"gold _en__ _.bin\"; filename*=UTF-8''gold%20%22en%22%3B%20%C3%BC.bin"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.read() == content


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-9", 0, 10), (f"bytes={LARGEST_PIECE - 5}-", LARGEST_PIECE - 5, SIZE), ("bytes=5-99999999999", 5, SIZE)],
)
def test_what_broke_off_goes_on(browser: Browser, content: bytes, asked: str, start: int, end: int) -> None:
    answer = browser.get(WHERE, range=asked)
    assert (answer.status, answer.headers["content-range"]) == (206, f"bytes {start}-{end - 1}/{SIZE}")
    assert answer.read() == content[start:end]
    tag = answer.headers["etag"]
    assert browser.get(WHERE, range=asked, if_range=tag).status == 206
    assert browser.get(WHERE, range=asked, if_range='"another"').status == 200


def test_what_makes_no_sense_of_a_range(browser: Browser, content: bytes) -> None:
    assert content
    assert browser.get(WHERE, range=f"bytes={SIZE}-").status == 416
    assert browser.get(WHERE, range="bytes=9-3").status == 416
    assert browser.get(WHERE, range="bytes=0-1,5-6").status == 200
    head = browser.get(WHERE, method="HEAD")
    assert (head.status, head.headers["content-length"], head.read()) == (200, str(SIZE), b"")


def test_others_get_the_page_of_what_is_not_there(served: Served, content: bytes) -> None:
    assert content
    outsider = Browser(served, "outsider")
    hidden, absent = outsider.get(WHERE), outsider.get("/buckets/nothing/download?object=x")
    assert (hidden.status, absent.status) == (404, 404)
    assert hidden.read() == absent.read()
    outsider.cookie = ""
    assert outsider.get(WHERE).status == 303


def test_who_signs_out_gets_no_further_piece(browser: Browser, account: Account) -> None:
    """The rest of a large object would be more than the buffers of both ends hold."""
    size = 40 * LARGEST_PIECE
    path = Path(account.bucket) / "large.bin"
    with path.open("wb") as file:
        file.truncate(size)
    answer = browser.get("/buckets/images/download?object=large.bin")
    assert (answer.status, len(answer.read(10))) == (200, 10)
    page = browser.get("/sign-out").read().decode()
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found
    assert browser.get("/sign-out", method="POST", body=f"form_token={quote(found[1])}").status == 303
    with pytest.raises(http.client.IncompleteRead):
        answer.read()


def test_a_download_takes_no_memory_by_its_size(browser: Browser, account: Account, served: Served) -> None:
    """The peak of the process grows by a few pieces at most, over an object of forty."""
    path = Path(account.bucket) / "huge.bin"
    with path.open("wb") as file:
        file.truncate(40 * LARGEST_PIECE)
    before, total = _peak(served), 0
    answer = browser.get("/buckets/images/download?object=huge.bin")
    while chunk := answer.read(1 << 20):
        total += len(chunk)
    assert total == 40 * LARGEST_PIECE
    assert _peak(served) - before < 8 * LARGEST_PIECE


def _peak(served: Served) -> int:
    """Bytes: the most that the server's process has had."""
    text = Path(f"/proc/{served.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", text)[0]) * 1024


@pytest.mark.parametrize(
    ("name", "plain"),
    [("a/b.qcow2", "b.qcow2"), ("..", "object"), (".htaccess", "htaccess"), ('x"\r\ny', "x___y"), ("ü", "_")],
)
def test_a_name_cannot_leave_its_header(name: str, plain: str) -> None:
    header = disposition(name)
    assert f'filename="{plain}"; ' in header
    assert header.isascii()
    assert header.isprintable()
