"""Whether traces are sent: their packages are loaded where a setting asks for them, and no earlier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kunsthalle.authz.context import Context
from kunsthalle.db.engine import Store
from kunsthalle.settings import BadSetting, Settings

if TYPE_CHECKING:
    from kunsthalle.operator.tracing import Tracing


def tracing_of(settings: Settings, store: Store, base: Context) -> Tracing | None:
    """What sends traces, where the settings name a collector; the store is told, too. BadSetting without packages."""
    if not settings.traces:
        return None
    try:
        from kunsthalle.operator.tracing import Tracing
    except ModuleNotFoundError as error:
        text = "it needs packages of OpenTelemetry; install kunsthalle[tracing]"
        raise BadSetting("traces", settings.traces, text) from error

    how = (settings.traces, settings.traces_token, settings.traces_percent, base.clock.real, base.ids.uuid())
    store.tracer = tracing = Tracing(*how)
    return tracing
