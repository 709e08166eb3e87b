"""The smallest documents that checks read: Terraform states and plans, SDK answers, transcripts."""

from __future__ import annotations

import json
from typing import Any

Doc = dict[str, Any]

OWN, OTHER = "a" * 32, "b" * 32
OWN_IMAGE, FOREIGN_IMAGE = (f"r006-0000000{number}-0000-4000-8000-000000000000" for number in (1, 2))
CATALOG, OFFERING = "catalog-id", "offering-id"


def crn(type_: str, id_: str, account: str = OWN) -> str:
    """A CRN of the VPC API."""
    return f"crn:v1:bluemix:public:is:us-south:a/{account}::{type_}:{id_}"


def version_crn(account: str = OTHER, version: str = "version-id") -> str:
    return f"crn:v1:bluemix:public:globalcatalog-collection:global:a/{account}:{CATALOG}:version:{OFFERING}/{version}"


def offering_crn(account: str = OTHER) -> str:
    return f"crn:v1:bluemix:public:globalcatalog-collection:global:a/{account}:{CATALOG}:offering:{OFFERING}"


def by_catalog(account: str = OTHER) -> list[Doc]:
    """`catalog_offering` of a Terraform resource."""
    return [{"offering_crn": "", "version_crn": version_crn(account)}]


def instance(image: str = FOREIGN_IMAGE, **values: Any) -> Doc:
    """Attributes of an instance, which was booted from another account's version unless `values` say otherwise."""
    return {"crn": crn("instance", "instance-id"), "catalog_offering": by_catalog(), "image": image, **values}


def version(*images: str, account: str = OWN, id_: str = "version-id", state: str = "consumable", **values: Any) -> Doc:
    """Attributes of `ibm_cm_version`."""
    block = [{"images": [{"id": one} for one in images]}]
    return {
        "crn": version_crn(account, id_),
        "version": "1.0.0",
        "state": [{"current": state}],
        "import_metadata": block,
        "metadata": [{"vsi_vpc": block}],
        **values,
    }


def state(**resources: Doc) -> str:
    """A state file; resources by `type__name`, data sources by `data__type__name`."""
    shown = []
    for address, attributes in resources.items():
        mode, type_, name = _parts(address)
        shown.append({"mode": mode, "type": type_, "name": name, "instances": [{"attributes": attributes}]})
    return json.dumps({"version": 4, "terraform_version": "1.11.4", "resources": shown}, indent=2)


def _parts(address: str) -> tuple[str, str, str]:
    *data, type_, name = address.split("__")
    return ("data" if data else "managed"), type_, name


def _address(key: str) -> str:
    return key.replace("__", ".")


class Change:
    """A resource of a plan: what it is, what it is to be, and the expressions of its block."""

    def __init__(
        self,
        *actions: str,
        before: Doc | None = None,
        after: Doc | None = None,
        depends_on: Any = (),
        **expressions: Any,
    ) -> None:
        self.actions, self.before, self.after = actions, before, after
        self.expressions, self.depends_on = expressions, depends_on


def plan(**changes: Change) -> str:
    """A plan as `terraform show -json` has it. A change without actions is a data source that was read for it."""
    configured, prior, planned = [], [], []
    for key, one in changes.items():
        mode, type_, _ = _parts(key)
        block = {"address": _address(key), "mode": mode, "type": type_}
        configured.append({**block, "expressions": one.expressions, "depends_on": list(one.depends_on)})
        if one.before is not None:
            prior.append({**block, "values": one.before})
        if one.actions:
            change = {"actions": list(one.actions), "before": one.before, "after": one.after}
            planned.append({**block, "change": change})
    return json.dumps(
        {
            "format_version": "1.2",
            "resource_changes": planned,
            "prior_state": {"format_version": "1.0", "values": {"root_module": {"resources": prior}}},
            "configuration": {"root_module": {"resources": configured}},
        }
    )


def refers(*names: str) -> Doc:
    """An expression."""
    return {"references": list(names)}


def answer(document: Any) -> str:
    """What an SDK was answered."""
    return json.dumps(document, indent=2)


def call(line: str, status: int, response: Any = None, request: Any = None, *, more: str = "") -> str:
    """A call of a transcript by account-1."""
    sent = "".join(f"> {part}\n" for part in json.dumps(request, indent=2).split("\n")) if request is not None else ""
    got = "".join(f"< {part}\n" for part in json.dumps(response, indent=2).split("\n")) if response is not None else ""
    return f"call account-1 T\n{line}\n{sent}< {status}\n{got}{more}"


def transcript(*calls: str) -> str:
    """A transcript with one account."""
    return "\n".join(["kunsthalle transcript 1\n", 'account account-1 "consumer"\n', *calls])
