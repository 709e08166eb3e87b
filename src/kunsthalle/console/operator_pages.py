"""The rehearsal bar, for whoever has the operator's token: clock, faults, saved scenarios, approvals."""

from __future__ import annotations

from starlette.responses import Response

from kunsthalle.console.api_client import Refused, segment
from kunsthalle.console.forms import Form
from kunsthalle.console.page_frame import Page, Visit, form, page
from kunsthalle.core.fault_effects import EFFECTS
from kunsthalle.core.text_values import integer

_K = "/_kunsthalle"

_TEXTS = {name: effect.text for name, effect in EFFECTS.items()}
_VALUED = {
    field: ", ".join(name for name, effect in EFFECTS.items() if effect.field == field)
    for field in ("status", "seconds")
}
"""The effects that a field is of."""


async def _enter_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("operator/enter.html", filled)


async def _enter(visit: Visit, filled: Form) -> Response:
    """The token is tried before it is kept, and kept in the session alone."""
    session = visit.session
    if session is None:
        raise Refused(401, "unauthorized", "The session has ended.")
    token = filled.get("operator_token")
    try:
        await visit.api.with_token("", token).operate("GET", f"{_K}/clock")
    except Refused as refused:
        raise Refused(400, refused.code, refused.message, "operator_token") from refused
    session.operator = token
    await visit.sessions.keep(visit.secret, session)
    return visit.to("/operator/overview", "This session is in operator mode.", "info")


async def _leave_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("operator/leave.html", filled)


async def _leave(visit: Visit, _filled: Form) -> Response:
    if visit.session is not None:
        visit.session.operator = ""
        await visit.sessions.keep(visit.secret, visit.session)
    return visit.to("/")


async def _overview(visit: Visit) -> Response:
    told = {
        "status": await visit.api.operate("GET", f"{_K}/status"),
        "faults": (await visit.api.operate("GET", f"{_K}/faults"))["faults"],
        "scenarios": (await visit.api.operate("GET", f"{_K}/scenarios"))["scenarios"],
        "approvals": (await visit.api.operate("GET", f"{_K}/approvals"))["approvals"],
    }
    return visit.page("operator/overview.html", effects=_TEXTS, **told)


async def _clock_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("operator/clock.html", filled)


async def _clock(visit: Visit, filled: Form) -> Response:
    await visit.api.operate("POST", f"{_K}/clock", filled.body("advance", "to"))
    return visit.to("/operator/overview", "The clock has moved; due jobs have run.")


async def _fault_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("operator/fault.html", filled, effects=_TEXTS, valued=_VALUED)


def number(text: str) -> int | float | str:
    """A number where one is written; the API says what is wrong with anything else."""
    try:
        value = integer(text)
        return float(text) if value is None else value
    except ValueError:
        return text


async def _fault(visit: Visit, filled: Form) -> Response:
    numbers = {name: number(filled.get(name)) for name in ("status", "seconds", "skip", "times") if filled.get(name)}
    await visit.api.operate("POST", f"{_K}/faults", {**filled.body("on", "match", "effect"), **numbers})
    return visit.to("/operator/overview", "The fault is set.")


async def _clear_page(visit: Visit, filled: Form) -> Response:
    faults = (await visit.api.operate("GET", f"{_K}/faults"))["faults"]
    return visit.form_page("operator/clear.html", filled, faults=faults)


async def _clear(visit: Visit, filled: Form) -> Response:
    fault = filled.get("fault")
    await visit.api.operate("DELETE", f"{_K}/faults/{segment(fault)}" if fault else f"{_K}/faults")
    return visit.to("/operator/overview", "The faults are cleared.")


async def _save_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("operator/save.html", filled)


async def _save(visit: Visit, filled: Form) -> Response:
    replace = filled.get("replace") == "true"
    await visit.api.operate("POST", f"{_K}/scenarios", {"name": filled.get("name"), "replace": replace})
    return visit.to("/operator/overview", "The scenario is saved.")


async def _load_page(visit: Visit, filled: Form) -> Response:
    scenarios = (await visit.api.operate("GET", f"{_K}/scenarios"))["scenarios"]
    return visit.form_page("operator/load.html", filled, scenarios=scenarios)


async def _load(visit: Visit, filled: Form) -> Response:
    """Everything becomes as it was, sessions too: this one is kept."""
    name = segment(filled.get("name"))
    if filled.get("action") == "remove":
        await visit.api.operate("DELETE", f"{_K}/scenarios/{name}")
        return visit.to("/operator/overview", "The scenario is deleted.")
    await visit.api.operate("POST", f"{_K}/scenarios/{name}/load")
    if visit.session is not None:
        await visit.sessions.keep(visit.secret, visit.session)
    return visit.to("/operator/overview", "The scenario is loaded.")


async def _approvals_page(visit: Visit, filled: Form) -> Response:
    approvals = (await visit.api.operate("GET", f"{_K}/approvals"))["approvals"]
    return visit.form_page("operator/approvals.html", filled, approvals=approvals)


async def _approve(visit: Visit, filled: Form) -> Response:
    state, _, offering = filled.get("answer").partition(" ")
    await visit.api.operate("POST", f"{_K}/approvals", {"offering": offering, "state": state})
    return visit.to("/operator/approvals", "The answer is saved.")


PAGES: tuple[Page, ...] = (
    *form("/operator", _enter_page, _enter, f"GET {_K}/clock"),
    *form("/operator/leave", _leave_page, _leave, "", operator=True),
    page("/operator/overview", _overview, f"GET {_K}/status", operator=True),
    *form("/operator/clock", _clock_page, _clock, f"POST {_K}/clock", operator=True),
    *form("/operator/fault", _fault_page, _fault, f"POST {_K}/faults", operator=True),
    *form("/operator/clear", _clear_page, _clear, f"DELETE {_K}/faults", operator=True),
    *form("/operator/save", _save_page, _save, f"POST {_K}/scenarios", operator=True),
    *form("/operator/load", _load_page, _load, f"POST {_K}/scenarios/{{name}}/load", operator=True),
    *form("/operator/approvals", _approvals_page, _approve, f"POST {_K}/approvals", operator=True),
)
