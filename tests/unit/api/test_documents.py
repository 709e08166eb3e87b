"""Whatever a client sends to the VPC API by its document: no 5xx, and every answer is one that the document names."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from urllib3 import HTTPResponse

from fixtures.frozen_app import FrozenApp, path_of
from fixtures.walks import run_seed, share

DOCUMENT = json.loads((Path(__file__).parents[3] / "openapi" / "vpc.json").read_text())
OPERATIONS = [
    (path, method)
    for path, found in DOCUMENT["paths"].items()
    for method, operation in found.items()
    if "501" not in operation["responses"]
]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = share(2, 100)
"""For each operation."""


@pytest.fixture(scope="module")
def schema() -> Any:
    return schemathesis.openapi.from_dict(DOCUMENT)


def _ask(frozen: FrozenApp, case: Case) -> requests.Response:
    """The call with the owner's token: on a real resource as often as on one that the generator made up."""
    about = case.formatted_path
    if random.Random(f"{about} {run_seed()}").random() < 0.5:
        about = path_of(frozen, case.path).partition("?")[0]
    query = {**(case.query or {}), "version": "2026-10-06", "generation": "2"}
    body = None if not isinstance(case.body, (dict, list, str, int, float, bool)) else json.dumps(case.body).encode()
    headers = {"if_match": "*"} if case.method in {"PUT", "PATCH", "DELETE"} else {}
    target = f"{quote(about, safe='/%:')}?{urlencode(query, doseq=True)}"
    answer = frozen.call("owner", case.method, target, body, **headers)
    told = {name.decode(): value.decode() for name, value in answer.headers}
    made = requests.Response()
    made.raw = HTTPResponse(io.BytesIO(answer.body), told, answer.status, preload_content=False)
    made.status_code, made.url = answer.status, f"http://kunsthalle.test{target}"
    made.headers.update(told)
    made.request = requests.Request(case.method, made.url).prepare()
    return made


@pytest.mark.by_turns(3)
@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=[f"{method} {path}" for path, method in OPERATIONS])
def test_answers_are_what_the_document_says(frozen: FrozenApp, schema: Any, path: str, method: str) -> None:
    operation = schema[path][method.upper()]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def answered(case: Case) -> None:
        case.validate_response(_ask(frozen, case), checks=CHECKS)

    answered()
