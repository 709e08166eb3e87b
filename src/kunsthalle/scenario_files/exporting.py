"""Writes a world down as a scenario file: what `schemas` can say of it, as the accounts themselves see it.

What a file cannot say stays out: the bytes of images (each gets a disk that begins with its name), what was deleted,
how far the clock was moved, networks and volumes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from kunsthalle.scenario_files.calls import CATALOGS, VPC, Calls
from kunsthalle.scenario_files.schemas import (
    BASE_ACCOUNTS,
    AccountGroupPart,
    AccountPart,
    AuthorizationPart,
    CatalogPart,
    FaultSetPart,
    ImagePart,
    InstanceGroupPart,
    InstancePart,
    OfferingPart,
    Scenario,
    SharePart,
    TemplatePart,
    UserPart,
    VersionPart,
)

_STATES = {"new": "draft", "validated": "validated", "consumable": "published", "deprecated": "archived"}
"""The word of a file for each state of a version that it can say; what is archived is `deprecated` on the wire."""
_IMAGES = {"available", "deprecated", "obsolete"}
_PRIVATE = f"/v1/images?{VPC}&visibility=private&limit=100"
_GONE = {"id", "hits", "account_id", "iam_id"}


def export(data: Path, description: str) -> str:
    """The YAML of the world on the server of a data folder."""
    scenario = _Export(Calls(data)).scenario(description)
    return yaml.safe_dump(msgspec.to_builtins(scenario), sort_keys=False, allow_unicode=True, width=100)


class _Export:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        owners = {
            account["owner_iam_id"]: account for account in calls.operate("GET", "/_kunsthalle/accounts")["accounts"]
        }
        self._accounts = {
            name: owners[account["iam_id"]] for name, account in calls.accounts.items() if account["iam_id"] in owners
        }
        self._names = {calls.id(name): name for name in self._accounts}
        self._versions: dict[str, str] = {}
        self._groups_of_accounts = calls.account_groups()

    def scenario(self, description: str) -> Scenario:
        further = [name for name in self._accounts if name not in BASE_ACCOUNTS]
        catalogs = [
            catalog_part for name in self._accounts for catalog_part in self._catalogs(name)
        ]  # before instances, which name them
        return Scenario(
            description=description,
            account_groups=[
                self._account_group(groups_of_account) for groups_of_account in self._groups_of_accounts.values()
            ],
            accounts=[self._account(name) for name in further],
            users=[user for name in self._calls.accounts if name not in self._accounts for user in self._user(name)],
            images=[image_part for name in self._accounts for image_part in self._images(name)],
            catalogs=catalogs,
            instances=[instance_part for name in self._accounts for instance_part in self._instances(name)],
            authorizations=[AuthorizationPart(account=name) for name in self._accounts if self._is_authorized(name)],
            templates=[template_part for name in self._accounts for template_part in self._templates(name)],
            instance_groups=[
                instance_group_part for name in self._accounts for instance_group_part in self._groups(name)
            ],
            faults=[FaultSetPart(fault=self._fault(fault)) for fault in self._calls.faults()],
        )

    def _account_group(self, group: dict[str, Any]) -> AccountGroupPart:
        parents = {
            groups_of_account["crn"]: groups_of_account["name"]
            for groups_of_account in self._groups_of_accounts.values()
        }
        return AccountGroupPart(name=group["name"], parent=parents.get(group["parent"], ""))

    def _account(self, name: str) -> AccountPart:
        known = self._accounts[name]
        return AccountPart(name=name, in_enterprise="enterprise" in known, parent=known.get("parent", ""))

    def _user(self, name: str) -> Iterator[UserPart]:
        """Somebody with one role on each of some services; who has none of the four has another kind of access.

        Owners of accounts that are gone, and their users, are left out.
        """
        known = self._calls.accounts[name]
        if known["account_id"] not in self._names:
            return
        account = self._names[known["account_id"]]
        users = self._calls.ask(account, "GET", f"/v2/accounts/{known['account_id']}/users?limit=100")["resources"]
        email = next(user["email"] for user in users if user["iam_id"] == known["iam_id"])
        query = f"account_id={known['account_id']}&iam_id={known['iam_id']}"
        policies = self._calls.ask(account, "GET", f"/v1/policies?{query}")["policies"]
        attributes = [attribute for policy in policies for attribute in policy["resources"][0]["attributes"]]
        services = [attribute["value"] for attribute in attributes if attribute["name"] == "serviceName"]
        if services:
            role: Any = policies[0]["roles"][0]["role_id"].rpartition(":")[2]
            yield UserPart(name=name, account=account, email=email, role=role, services=services)

    def _images(self, account: str) -> Iterator[ImagePart]:
        every = self._calls.pages(account, _PRIVATE, "images")
        for page in sorted(every, key=lambda page: page["name"]):
            if page["status"] in _IMAGES:
                managed = page["catalog_offering"].get("managed", False)  # its version says what becomes of it
                yield ImagePart(
                    name=page["name"],
                    account=account,
                    operating_system=page["operating_system"]["name"],
                    size=page["minimum_provisioned_size"],
                    state="available" if managed else page["status"],
                )

    def _catalogs(self, account: str) -> Iterator[CatalogPart]:
        for catalog in self._calls.ask(account, "GET", f"{CATALOGS}/catalogs?limit=100")["resources"]:
            path = f"{CATALOGS}/catalogs/{catalog['id']}/offerings"
            resources = self._calls.ask(account, "GET", f"{path}?limit=100")["resources"]
            offerings = [
                self._offering(account, catalog["label"], f"{path}/{offering['id']}", offering)
                for offering in resources
            ]
            yield CatalogPart(label=catalog["label"], account=account, offerings=offerings)

    def _offering(self, account: str, label: str, path: str, offering: dict[str, Any]) -> OfferingPart:
        versions = []
        for shown_version in (version for kind in offering.get("kinds", []) for version in kind.get("versions", [])):
            images = shown_version.get("metadata", {}).get("vsi_vpc", {}).get("images", [])
            state: Any = _STATES.get(shown_version["state"]["current"])
            if images and state is not None:
                state = "deprecated" if shown_version.get("deprecate_pending") else state
                versions.append(VersionPart(version=shown_version["version"], image=images[0]["name"], state=state))
                self._versions[shown_version["crn"]] = f"{label}/{offering['name']}/{shown_version['version']}"
        listed = self._calls.ask(account, "GET", f"{path}/access?limit=100")["resources"]
        names = [self._names[entry["account"]] for entry in listed if entry["account"] in self._names]
        shares = [SharePart(account=name, state=self._answer(name, account)) for name in names]
        return OfferingPart(name=offering["name"], versions=versions, shares=shares)

    def _answer(self, consumer: str, publisher: str) -> Any:
        path = f"{CATALOGS}/shareapproval/offering/access/source/approved?limit=100"
        approved = self._calls.ask(consumer, "GET", path)["resources"]
        return (
            "accepted"
            if any(approval["target_account"] == self._calls.id(publisher) for approval in approved)
            else "pending"
        )

    def _instances(self, account: str) -> Iterator[InstancePart]:
        """Running ones, of an image or a version that the file has."""
        own = {part.name for part in self._images(account)}
        members = self._members(account)
        pages = self._calls.pages(account, f"/v1/instances?{VPC}&limit=100", "instances")
        every = [page for page in pages if page["id"] not in members]
        for page in sorted(every, key=lambda page: page["name"]):
            version = self._versions.get(page.get("catalog_offering", {}).get("version", {}).get("crn", ""), "")
            image = page.get("image", {}).get("name", "") if not version else ""
            if page["status"] == "running" and (version or image in own):
                yield InstancePart(name=page["name"], account=account, image=image, version=version)

    def _members(self, account: str) -> set[str]:
        """The instances of groups, which the groups make."""
        groups = self._calls.pages(account, f"/v1/instance_groups?{VPC}&limit=100", "instance_groups")
        paths = [f"/v1/instance_groups/{group['id']}/memberships?{VPC}&limit=100" for group in groups]
        return {page["instance"]["id"] for path in paths for page in self._calls.pages(account, path, "memberships")}

    def _templates(self, account: str) -> Iterator[TemplatePart]:
        own = {part["id"]: part["name"] for part in self._calls.pages(account, _PRIVATE, "images")}
        every = self._calls.pages(account, f"/v1/instance/templates?{VPC}&limit=100", "templates")
        for page in sorted(every, key=lambda page: page["name"]):
            version = self._versions.get(page.get("catalog_offering", {}).get("version", {}).get("crn", ""), "")
            image = own.get(page.get("image", {}).get("id", ""), "") if not version else ""
            if version or image:
                yield TemplatePart(name=page["name"], account=account, image=image, version=version)

    def _groups(self, account: str) -> Iterator[InstanceGroupPart]:
        known = {part.name for part in self._templates(account)}
        every = self._calls.pages(account, f"/v1/instance_groups?{VPC}&limit=100", "instance_groups")
        for page in sorted(every, key=lambda page: page["name"]):
            template = page["instance_template"]["name"]
            if template in known:
                members = page["membership_count"]
                yield InstanceGroupPart(name=page["name"], account=account, template=template, members=members)

    def _is_authorized(self, account: str) -> bool:
        path = f"/v2/policies?account_id={self._calls.id(account)}&type=authorization"
        return bool(self._calls.ask(account, "GET", path)["policies"])

    def _fault(self, fault: dict[str, Any]) -> dict[str, Any]:
        options = {name: value for name, value in fault.items() if name not in _GONE and value is not None}
        caller = {"account": self._names.get(fault["account_id"], ""), "user": fault["iam_id"]}
        return {**options, **{name: text for name, text in caller.items() if text}}
