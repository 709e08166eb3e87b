"""Entries of the audit as events in the form that IBM's Activity Tracker uses, which follows CADF (DSP0262).

Fields and their formats are those of "Event fields" of Activity Tracker (cloud.ibm.com/docs/atracker); how severe an
action is, is ours (U). An entry is the JSON object that `/v1/audit` answers with.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

_TYPE = "http://schemas.dmtf.org/cloud/audit/1.0/event"
_TYPE_OF_SERVICE_ID, _TYPE_OF_PROFILE = "service/security/account/serviceid", "service/security/account/profile"
_TYPE_OF_USER = "service/security/account/user"
_CRITICAL_CODES, _CRITICAL_VERBS = frozenset({401, 403}), frozenset({"delete", "revoke"})
_WARNING_VERBS = frozenset({"update", "disable", "archive", "deprecate"})


def event(entry: Mapping[str, Any], region: str) -> dict[str, Any]:
    """The event of an entry. `id` is the entry's, so that a receiver recognises an event that comes twice."""
    words = entry["action"].split(".")
    *service, kind, verb = words if len(words) > 2 else ["kunsthalle", *words]
    failed, crn = entry["outcome"] >= 400, entry.get("resource_crn", "")
    outcome = "failure" if failed else "success"
    name = ".".join(service)
    return {
        "typeURI": _TYPE,
        "id": entry["id"],
        "eventType": "activity",
        "eventTime": _moment(entry["at"]),
        "action": entry["action"],
        "outcome": outcome,
        "severity": _severity(verb, entry["outcome"]),
        "message": f"{name}: {verb} {kind} {crn or entry['target']}{' -failure' if failed else ''}",
        "reason": _reason(entry),
        "initiator": _initiator(entry),
        "target": {"id": crn or entry["target"], "name": entry["target"], "typeURI": f"{name}/{kind}"},
        "observer": {"name": "ActivityTracker"},
        "correlationId": entry["trace"],
        "logSourceCRN": _source(crn, service[0], region, entry["account_id"]),
        "saveServiceCopy": True,
        "dataEvent": False,
        "requestData": _request(entry),
    }


def _moment(text: str) -> str:
    """`2026-01-31T12:00:00.123456Z` as Activity Tracker writes it: hundredths of a second, and +0000."""
    seconds, _, rest = text.removesuffix("Z").partition(".")
    return f"{seconds}.{rest[:2].ljust(2, '0')}+0000"


def _severity(verb: str, outcome: int) -> str:
    if outcome in _CRITICAL_CODES or verb in _CRITICAL_VERBS:
        return "critical"
    return "warning" if outcome >= 400 or verb in _WARNING_VERBS else "normal"


def _reason(entry: Mapping[str, Any]) -> dict[str, Any]:
    code = entry["outcome"]
    phrase = HTTPStatus(code).phrase if code in HTTPStatus._value2member_map_ else str(code)
    return {
        "reasonCode": code,
        "reasonType": phrase,
        **({"reasonForFailure": entry["code"]} if entry.get("code") else {}),
    }


def _initiator(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Who did it, or on whose behalf the product did it later."""
    prefix = "initiator" if entry.get("initiator") else "actor"
    id_, address = entry[prefix], entry.get("client", "")
    host = {"address": address, "addressType": "IPv6" if ":" in address else "IPv4"} if address else {}
    type_ = _TYPE_OF_USER
    if id_.startswith("iam-ServiceId-"):
        type_ = _TYPE_OF_SERVICE_ID
    elif id_.startswith("iam-Profile-"):
        type_ = _TYPE_OF_PROFILE
    return {
        "id": id_,
        "name": entry.get(f"{prefix}_email", id_),
        "typeURI": type_,
        "credential": {"type": "apikey" if entry["action"].endswith("-apikey.login") else "token"},
        **({"host": host} if host else {}),
    }


def _source(crn: str, service: str, region: str, account: str) -> str:
    """The service of the account in which the event happened."""
    parts = crn.split(":")
    if len(parts) == 10 and parts[5]:
        service, region = parts[4], parts[5]
    return f"crn:v1:bluemix:public:{service}:{region}:a/{account}:::"


def _request(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"path": entry["target"], **({"performedBy": entry["actor"]} if entry.get("initiator") else {})}
