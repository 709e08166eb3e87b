"""The certificate of a server: by which name it is called, what is said of its dates, and reading it anew."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from fixtures.certificates import NAMES, issue, root
from kunsthalle.cli.tls import Certificates, read
from kunsthalle.settings import Settings

NOW = dt.datetime.now(dt.UTC)


def settings(tmp_path: Path, *options: str) -> Settings:
    return Settings(data=tmp_path / "data", tls_cert=options[1], tls_key=options[3])


@pytest.mark.parametrize(
    ("names", "host", "name"),
    [
        (("127.0.0.1", "localhost"), "127.0.0.1", "127.0.0.1"),
        (("localhost", "127.0.0.1"), "127.0.0.1", "127.0.0.1"),
        (("catalog.example.test",), "0.0.0.0", "catalog.example.test"),  # noqa: S104  nothing listens
        (("*.example.test", "catalog.example.test"), "0.0.0.0", "catalog.example.test"),  # noqa: S104  as before
        (("*.example.test",), "192.0.2.1", "192.0.2.1"),
        (("::1",), "::1", "::1"),
        ((), "127.0.0.1", "127.0.0.1"),
    ],
)
def test_a_server_is_called_by_a_name_that_its_certificate_is_for(
    tmp_path: Path, names: tuple[str, ...], host: str, name: str
) -> None:
    certificate = read(settings(tmp_path, *issue(*names).write(tmp_path)))
    assert set(certificate.names) == set(names)
    assert certificate.name_for(host) == name


def test_clients_are_given_a_certificate_to_trust_where_the_file_holds_one(tmp_path: Path) -> None:
    authority = root()
    leaf = issue(*NAMES, by=authority)
    found = [
        read(settings(tmp_path, *one.write(tmp_path, name, *chain))).self_signed
        for name, one, *chain in (("itself", issue(*NAMES)), ("alone", leaf), ("with-root", leaf, authority))
    ]
    assert found == [True, False, True]


@pytest.mark.parametrize(
    ("begin", "end", "text"),
    [
        (-30, -1, "the TLS certificate has expired on"),
        (1, 30, "the TLS certificate is valid from"),
        (-1, 1, ""),
    ],
)
def test_dates_that_clients_refuse_are_said_and_serve_goes_on(tmp_path: Path, begin: int, end: int, text: str) -> None:
    said: list[tuple[str, str]] = []

    def tell(line: str, level: str = "info") -> None:
        said.append((level, line))

    options = issue(*NAMES, begin_days=begin, end_days=end).write(tmp_path)
    Certificates(settings(tmp_path, *options), tell, lambda: NOW).warn()
    assert [level for level, _ in said] == (["warning"] if text else [])
    assert all(line.startswith(text) for _, line in said)


def test_broken_files_leave_the_certificate_as_it_was(tmp_path: Path) -> None:
    said: list[Any] = []
    options = issue(*NAMES).write(tmp_path)
    given = settings(tmp_path, *options)
    certificates = Certificates(given, lambda line, level="info": said.append((level, line)), lambda: NOW)
    first = certificates.current
    Path(options[1]).write_bytes(b"half of a certificate")
    certificates.reload()
    assert certificates.current is first
    ((level, line),) = said
    assert level == "error"
    assert line.startswith(f"the TLS certificate was not changed: --tls-cert '{options[1]}': no certificate")
    issue(*NAMES, end_days=-1, begin_days=-9).write(tmp_path)
    certificates.reload()
    assert certificates.current is not first
    assert [level for level, _ in said] == ["error", "info", "warning"], "an expired one is used, and said to be"


def test_old_versions_of_tls_are_refused(tmp_path: Path) -> None:
    context = read(settings(tmp_path, *issue(*NAMES).write(tmp_path))).context
    assert context.minimum_version.name == "TLSv1_2"
