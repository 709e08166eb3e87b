"""Every operation of three SDK services: it conforms, or it says 501. Counted; the list is in iam_operations.txt."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path
from typing import Any

from ibm_cloud_sdk_core import ApiException, BaseService
from ibm_platform_services import IamAccessGroupsV2, IamIdentityV1, IamPolicyManagementV1

from fixtures.clients import Account
from stories.api.iam_calls import group_steps, identity_steps, policy_steps

LISTED = Path(__file__).parent / "iam_operations.txt"
WALKS = {IamIdentityV1: identity_steps, IamPolicyManagementV1: policy_steps, IamAccessGroupsV2: group_steps}
INHERITED = {name for name, _ in inspect.getmembers(BaseService, inspect.isfunction)} | {"new_instance"}


class Anything(dict[str, Any]):
    """An argument for an operation that refuses whatever it is given."""

    def to_dict(self) -> dict[str, Any]:
        return {}


def operations(service: type[BaseService]) -> list[str]:
    """The names of a service's operations, in the order in which the SDK defines them."""
    own = (name for name, one in vars(service).items() if inspect.isfunction(one) and not name.startswith("_"))
    return [name for name in own if name not in INHERITED]


def _argument(parameter: inspect.Parameter) -> Any:
    if parameter.annotation in {str, int, bool}:
        return parameter.annotation(1)
    anything = Anything(any="value")
    return [anything] if "List" in str(parameter.annotation) else anything


def status_of_unserved(client: Any, name: str) -> int:
    """What an operation answers that nobody walks."""
    function = getattr(client, name)
    needed = [one for one in inspect.signature(function).parameters.values() if one.default is one.empty]
    arguments = [_argument(one) for one in needed if one.kind is one.POSITIONAL_OR_KEYWORD]
    try:
        return int(function(*arguments).get_status_code())
    except ApiException as error:
        assert error.http_response.json()["errors"], name
        return int(error.status_code)


def walk(client: Any, account: Account) -> dict[str, str]:
    """How each operation of a service answers: `conforms` when the SDK's model takes the answer."""
    found = {}
    for name, call, model in WALKS[type(client)](client, account):
        answer = call()
        if model is not None:
            model.from_dict(answer.get_result())
        found[name] = "conforms"
    for name in operations(type(client)):
        if name not in found:
            found[name] = str(status_of_unserved(client, name))
    return found


def test_every_operation_conforms_or_says_501(sibling: Account) -> None:
    lines = []
    for service in WALKS:
        client = service(authenticator=sibling.authenticator)
        client.set_service_url(sibling.url)
        found = walk(client, sibling)
        names = operations(service)
        assert set(found) == set(names)
        conforming = sum(outcome == "conforms" for outcome in found.values())
        lines.append(f"{service.__name__}: {conforming} conform, {len(names) - conforming} answer 501")
        lines += [f"  {found[name]:9} {name}" for name in names]
        assert not {name: outcome for name, outcome in found.items() if outcome not in {"conforms", "501"}}
    if os.environ.get("KUNSTHALLE_GOLDEN") == "write":
        LISTED.write_text("\n".join(lines) + "\n")
    sys.stdout.write("\n".join(line for line in lines if not line.startswith(" ")) + "\n")
    assert LISTED.read_text().splitlines() == lines
