"""States of many servers, for an engine that has to look at each."""

from __future__ import annotations

from collections.abc import Collection

from kunsthalle.core.log import get_logger
from kunsthalle.hypervisor.protocol import Hypervisor, HypervisorError, Status

log = get_logger("machines")


def look_at_each(engine: Hypervisor, server_ids: Collection[str], *, thorough: bool) -> dict[str, Status]:
    """See Hypervisor.states."""
    return {server_id: _state(engine, server_id, thorough=thorough) for server_id in server_ids}


def _state(engine: Hypervisor, server_id: str, *, thorough: bool) -> Status:
    try:
        if not thorough and engine.lives(server_id):
            return Status.RUNNING
        return engine.status(server_id)
    except HypervisorError as error:
        log.warning("machine does not answer", instance=server_id, error=str(error))
        return Status.UNREACHABLE
