"""How many hosts of the engine are in each state, for `/metrics`: asked for now and then, however often one scrapes."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client.core import GaugeMetricFamily

from kunsthalle.core.log import get_logger
from kunsthalle.hypervisor.host_protocol import HostState
from kunsthalle.hypervisor.protocol import Hypervisor, HypervisorError

log = get_logger("metrics")


class HostNumbers:
    """The states, asked for anew when they are older than `seconds`."""

    def __init__(
        self, engine: Callable[[], Hypervisor], seconds: float = 15, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine, self._seconds, self._monotonic = engine, seconds, monotonic
        self._lock = threading.Lock()
        self._known: Counter[HostState] | None = None
        self._asked_at = -1e9

    def families(self) -> Iterator[Any]:
        """Whether the engine answers, and its hosts by state, which are left out while it does not."""
        known = self._read()
        yield GaugeMetricFamily("kunsthalle_engine_up", "Whether the engine answered last", int(known is not None))
        if known is not None:
            family = GaugeMetricFamily("kunsthalle_hosts", "Hosts of the engine by state", labels=("state",))
            for state in HostState:
                family.add_metric((state.value,), known[state])
            yield family

    def _read(self) -> Counter[HostState] | None:
        with self._lock:
            if self._monotonic() - self._asked_at >= self._seconds:
                try:
                    self._known = Counter(self._engine().hosts.states().values())
                except HypervisorError as error:
                    log.warning("engine does not answer", error=str(error))
                    self._known = None
                self._asked_at = self._monotonic()
            return self._known
