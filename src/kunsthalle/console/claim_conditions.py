"""Conditions of claim rules, as access groups and trusted profiles have them: one of them in three inputs."""

from __future__ import annotations

import json

from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Row
from kunsthalle.console.resource_shapes import Input

_OPERATORS = (
    ("EQUALS", "equals"),
    ("EQUALS_IGNORE_CASE", "equals, in any case"),
    ("NOT_EQUALS", "does not equal"),
    ("NOT_EQUALS_IGNORE_CASE", "does not equal, in any case"),
    ("CONTAINS", "contains"),
    ("IN", "is one of"),
)
CONDITION = (
    Input("conditions.claim", "Claim", hint="The name of a claim that the identity provider sends.", required=True),
    Input("conditions.operator", "Comparison", "select", options=_OPERATORS, required=True),
    Input("conditions.value", "Value", hint="For 'is one of', several values separated by commas.", required=True),
)


def conditions_of(form: Form) -> list[Row]:
    """The condition that the inputs make; values go to the API as JSON."""
    operator, text = form.get("conditions.operator"), form.get("conditions.value")
    value = [part.strip() for part in text.split(",")] if operator == "IN" else text
    return [{"claim": form.get("conditions.claim"), "operator": operator, "value": json.dumps(value)}]


def said(rule: Row) -> str:
    """The conditions of a rule in one line."""
    words = dict(_OPERATORS)
    told = [
        f"{entry['claim']} {words.get(entry['operator'], entry['operator'])} {entry['value'].strip(chr(34))}"
        for entry in rule["conditions"]
    ]
    return ", and ".join(told)
