"""Whether traces are sent: their packages are loaded where a setting asks for them, and no earlier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kunsthalle.authz.context import Context
from kunsthalle.settings import BadSetting, Settings

if TYPE_CHECKING:
    from kunsthalle.operator.tracing import Tracing


def tracing_of(settings: Settings, base: Context) -> Tracing | None:
    """What sends traces, where the settings name a collector. BadSetting where its packages are not installed."""
    if not settings.traces:
        return None
    try:
        from kunsthalle.operator.tracing import Tracing
    except ModuleNotFoundError as error:
        text = "it needs packages of OpenTelemetry; install kunsthalle[tracing]"
        raise BadSetting("traces", settings.traces, text) from error

    return Tracing(settings.traces, settings.traces_token, settings.traces_percent, base.clock.real, base.ids.uuid())
