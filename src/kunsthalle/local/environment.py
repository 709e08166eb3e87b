"""`kunsthalle env`: what clients need to find the server and be somebody there (terraform.md 1.1)."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kunsthalle.local import folder, trust

FORMATS = ("direnv", "dotenv", "github", "json", "sdk", "shell", "terraform")

NOT_FOR_TERRAFORM = ("IBMCLOUD_ACCOUNT_ID",)
"""The provider takes an account's id for the wish to assume a trusted profile, and asks for its name."""

# Variable, and what its value ends with behind the server's address.
_ENDPOINTS = (
    ("IBMCLOUD_IAM_API_ENDPOINT", ""),
    ("IBMCLOUD_IS_NG_API_ENDPOINT", "/v1"),
    ("IBMCLOUD_CATALOG_MANAGEMENT_API_ENDPOINT", "/api/v1-beta"),
    ("IBMCLOUD_ENTERPRISE_API_ENDPOINT", "/v1"),
    ("IBMCLOUD_RESOURCE_MANAGEMENT_API_ENDPOINT", ""),
    ("IBMCLOUD_RESOURCE_CONTROLLER_API_ENDPOINT", ""),
    ("IBMCLOUD_USER_MANAGEMENT_ENDPOINT", ""),
    ("IBMCLOUD_ACCOUNT_MANAGEMENT_API_ENDPOINT", ""),
    ("IBMCLOUD_GS_API_ENDPOINT", ""),
    ("IBMCLOUD_GT_API_ENDPOINT", ""),
    ("IBMCLOUD_IAMPAP_API_ENDPOINT", ""),
    ("IBMCLOUD_RESOURCE_CATALOG_API_ENDPOINT", ""),
    ("IBMCLOUD_KP_API_ENDPOINT", ""),
)

# Service names of the SDKs' external configuration, and the path their address ends with.
_SERVICES = (
    ("VPC", "/v1"),
    ("CATALOG_MANAGEMENT", "/api/v1-beta"),
    ("IAM_IDENTITY", ""),
    ("IAM_POLICY_MANAGEMENT", ""),
    ("IAM_ACCESS_GROUPS", ""),
    ("ENTERPRISE_MANAGEMENT", "/v1"),
    ("RESOURCE_MANAGER", ""),
    ("RESOURCE_CONTROLLER", ""),
    ("USER_MANAGEMENT", ""),
    ("GLOBAL_SEARCH", ""),
    ("GLOBAL_TAGGING", ""),
    ("IBM_KEY_PROTECT_API", ""),
)


def variables(
    data: Path, account: str, *, operator: bool = False, owner: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Name and value of every variable, for one account of the folder's scenario. KeyError for an unknown account.

    `owner` is somebody whose key is at hand, in the place of the account's own: `api_key`, `account_id`, `iam_id`.
    """
    url = folder.url(data)
    known: dict[str, Any] = folder.credentials(data)
    collected = {"KUNSTHALLE_URL": url}
    if url.startswith("https://"):
        collected |= trust.exported(os.environ.get(trust.CA_FILE) or folder.ca_file(data))
    if account or owner is not None:
        who = owner or known.get("accounts", {})[account]
        collected |= {
            "IBMCLOUD_API_KEY": who["api_key"],
            "IC_API_KEY": who["api_key"],
            "IBMCLOUD_ACCOUNT_ID": who["account_id"],
            "IBMCLOUD_REGION": "us-south",
            "IC_REGION": "us-south",
            **{name: url + path for name, path in _ENDPOINTS},
            "KUNSTHALLE_IAM_ID": who["iam_id"],
            **_buckets(data, who["account_id"]),
        }
    if operator:
        collected["KUNSTHALLE_OPERATOR_TOKEN"] = known["operator_token"]
    return collected


def _buckets(data: Path, account_id: str) -> dict[str, str]:
    """The folder of an account's buckets; or where they are on an S3 server, `{bucket}` standing for their names."""
    elsewhere = folder.read(data, folder.SERVER).get("buckets")
    if not elsewhere:
        shared = folder.read(data, folder.SERVER).get("shared") or data.resolve()
        return {"KUNSTHALLE_BUCKETS": str(Path(shared) / "buckets" / account_id)}
    return {
        "KUNSTHALLE_BUCKETS": elsewhere["address"].replace("{account}", account_id),
        "KUNSTHALLE_BUCKETS_ENDPOINT": elsewhere["endpoint"],
    }


def accounts(data: Path) -> list[str]:
    return list(folder.credentials(data).get("accounts", {}))


def _sdk(variables: dict[str, str]) -> list[str]:
    url, lines = variables["KUNSTHALLE_URL"], []
    for service, path in _SERVICES:
        values = {"AUTH_TYPE": "iam", "APIKEY": variables["IBMCLOUD_API_KEY"], "AUTH_URL": url, "URL": url + path}
        lines += [f"{service}_{name}={value}" for name, value in values.items()]
    return lines


def render(values: dict[str, str], form: str) -> str:
    """The variables in one of FORMATS.

    `sdk` is the SDKs' external configuration, `github` the file of GITHUB_ENV, `shell` is for eval, `direnv` for an
    .envrc, and `terraform` for eval before the provider is run.
    """
    if form == "terraform":
        values = {name: value for name, value in values.items() if name not in NOT_FOR_TERRAFORM}
    return _RENDERERS[form](values)


def _json(variables: dict[str, str]) -> str:
    return json.dumps(variables, indent=2)


def _plain(variables: dict[str, str]) -> str:
    return "\n".join(f"{name}={value}" for name, value in variables.items())


def _exports(variables: dict[str, str]) -> str:
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())


_RENDERERS = {
    "direnv": _exports,
    "dotenv": _plain,
    "github": _plain,
    "json": _json,
    "sdk": lambda variables: "\n".join(_sdk(variables)),
    "shell": _exports,
    "terraform": _exports,
}
