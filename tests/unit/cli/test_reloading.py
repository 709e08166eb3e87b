"""SIGHUP: which settings change while the server runs, and what becomes of the others."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.forked_served import ForkedServed
from fixtures.threads import until
from kunsthalle.api.access_log import Observers
from kunsthalle.app import build
from kunsthalle.cli.connections import Connections, limits_of
from kunsthalle.cli.reloading import RELOADED, Reloading
from kunsthalle.cli.serve import access_log, apply_changes
from kunsthalle.config_sources import load
from kunsthalle.db import kv
from kunsthalle.jobs.audit_retention import _FACT
from kunsthalle.settings import Settings
from kunsthalle.testing import Served


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "kunsthalle.toml"
    path.write_text("")
    return path


def _reloading(file: Path, tmp_path: Path, **changes: object) -> Reloading:
    options = {"data": tmp_path / "data", "log_format": "json", **changes}
    return Reloading(Settings(**options), lambda: load(file, {}, options))  # type: ignore[arg-type]  # by name


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_change_is_applied_once_and_told(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reloading, applied = _reloading(file, tmp_path), []
    reloading.apply("audit_days disk_reserve", lambda settings: applied.append((settings.audit_days, settings.port)))
    reloading.reload()
    assert applied == []
    file.write_text("audit_days = 7\ndisk_reserve = 5\nport = 9\n")
    reloading.reload()
    assert applied == [(7, 8100)]
    restart, told = _lines(capsys)
    assert restart["event"] == "the setting port was not changed: it needs a restart"
    assert (restart["level"], restart["place"]) == ("warning", f"{file}, line 3: port")
    assert (told["event"], told["changed"]) == ("settings were changed", "audit_days, disk_reserve")
    reloading.reload()
    assert applied == [(7, 8100)]


def test_of_a_wrong_file_nothing_is_applied(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reloading, applied, looked = _reloading(file, tmp_path), [], []
    reloading.apply("audit_days", applied.append)
    reloading.always(lambda: looked.append(True))
    file.write_text("audit_days = 7\nlog = 'loud'\nprot = 1\n")
    reloading.reload()
    assert applied == []
    assert looked == [True], "certificates are read anew all the same"
    assert reloading.settings.audit_days == 365
    events = [line["event"] for line in _lines(capsys)]
    assert len(events) == 2
    assert all(event.startswith(f"the settings were not changed: {file}, line ") for event in events)


def test_every_setting_that_sighup_applies_takes_effect(file: Path, tmp_path: Path) -> None:
    reloading = _reloading(file, tmp_path)
    observers = Observers(access_log(reloading.settings))
    server = build(reloading.settings, "token", observers=observers)
    try:
        register = Connections(limits_of(reloading.settings, 1000))
        apply_changes(reloading, server, observers, register, None)
        assert reloading.applied == RELOADED
        file.write_text(
            "log = 'warning'\nheader_timeout = 1\nbody_timeout = 2\nwrite_timeout = 3\nconnections = 4\n"
            "connections_per_address = 5\naudit_days = 6\ndisk_reserve = 7\naccount_jobs = 8\n"
            "account_running_jobs = 9\naccount_transfers = 10\naccount_transfer_gb = 11\n"
            "account_quota = 'images=12'\n"
            "account_rate = 13\naddress_rate = 14\nrefusal_pause = 15\nwaiting_requests = 16\nwaiting_seconds = 17\n"
            "audit_unsent_days = 12\nallowed_hosts = 'catalog.example.com'\n"
        )
        assert len(observers.all) == 2
        reloading.reload()
        assert observers.all == (server.requests,), "lines of requests are of level info"
        limits, bounds = register.limits, server.store.bounds
        assert (limits.header_timeout, limits.body_timeout, limits.write_timeout) == (1, 2, 3)
        assert (limits.connections, limits.connections_per_address) == (4, 5)
        assert server.store.read(server.base, lambda session: kv.get(session, _FACT)) == 6
        assert server.drivers.space.reserve == 7 * 2**20
        assert (bounds.waiting, bounds.running, bounds.transfers, bounds.transfer_bytes) == (8, 9, 10, 11 * 2**30)
        assert server.hosts.allows(b"catalog.example.com", "127.0.0.1")
        assert server.store.quotas == {"images": 12}
        calls, queue = server.front.limits, server.store.queue
        assert (calls.accounts.per_minute, calls.addresses.per_minute, calls.pauses.most) == (13, 14, 0.015)
        assert (queue._turns.most_in_all, queue.most_seconds) == (16, 17)
        file.write_text("")
        reloading.reload()
        assert server.store.quotas == {}
        assert len(observers.all) == 2
        assert not server.hosts.allows(b"catalog.example.com", "127.0.0.1")
        file.write_text("access_log = 'off'")
        reloading.reload()
        assert observers.all == (server.requests,)
    finally:
        server.store.close()


@pytest.fixture
def served(tmp_path: Path, file: Path) -> Iterator[Served]:
    with ForkedServed(tmp_path / "data", "--hypervisor", "simulated", "--config", str(file), scenario="") as server:
        yield server


def test_the_signal_changes_a_running_server(served: Served, file: Path) -> None:
    file.write_text("audit_days = 7\nregion = 'eu-de'\n")
    os.kill(served.pid, signal.SIGHUP)
    until(lambda: "settings were changed" in served.log.read_text())
    text = served.log.read_text()
    assert "the setting region was not changed: it needs a restart" in text
    assert '"changed": "audit_days"' in text
    assert served.ended is None
