"""Makes what a scenario file says, through the API, as the accounts themselves: no rule is by-passed.

Resources are found by their names and made where they are absent, so that applying a file again changes nothing. What
leaves no trace to find it by (what was deleted, how far the clock was moved) is noted in the data folder, and goes with
a saved state.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kunsthalle.core.fault_sets import fault_set
from kunsthalle.core.records import dataclass
from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.local import environment, folder
from kunsthalle.local.client import CallFailed
from kunsthalle.scenario_files.calls import CATALOGS, FAULTS, INSTALL, VPC, Calls
from kunsthalle.scenario_files.scenario_reading import ScenarioFile
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
    SharePart,
    TemplatePart,
    UserPart,
    VersionPart,
)

_NOTES = "scenario-files.json"
_ROLE = "crn:v1:bluemix:public:iam::::role:{}"
_PAUSE = 0.01
_TOGETHER = 40
"""So many imports wait at a time: fewer than an account may have waiting, unless the setting was lowered."""
GIB = 2**30
_PUBLISHED = ("published", "deprecated", "archived", "deleted")
"""Ends of a version that lead over its publication: it may have been booted from until then."""


class CannotApply(Exception):
    """The server is not one that a scenario can be made on, or refused; the message says what it was about."""


@dataclass(slots=True)
class Applied:
    """What was made, a line for each; nothing where all was there."""

    made: list[str] = field(default_factory=list)


def apply(data: Path, scenario_file: ScenarioFile, patience: float = 120) -> Applied:
    """Make everything on the server of a data folder. CannotApply names the part that was refused."""
    return _Application(data, scenario_file, patience).run()


class _Application:
    def __init__(self, data: Path, scenario_file: ScenarioFile, patience: float) -> None:
        self._data, self._given, self._scenario, self._patience = data, scenario_file, scenario_file.scenario, patience
        self._calls = Calls(data)
        self._images: dict[tuple[str, str], dict[str, Any]] = {}
        self._versions: dict[str, dict[str, Any]] = {}
        self._applied = Applied()
        self._notes: set[str] = set(folder.read(data, _NOTES).get("done", ()))
        missing = set(BASE_ACCOUNTS) - self._calls.accounts.keys()
        if missing:
            text = f"{data} lacks the accounts {', '.join(sorted(missing))}: start it with --scenario enterprise."
            raise CannotApply(text)

    def run(self) -> Applied:
        with self._faults_set_aside():
            self._make()
        for number, fault in enumerate(self._scenario.faults):
            self._told(f"fault {number}", self._fault, fault)
        return self._applied

    @contextlib.contextmanager
    def _faults_set_aside(self) -> Iterator[None]:
        """Without the faults that there are, which would meet the calls that are made here; they are set again."""
        there = self._calls.faults()
        if there:
            self._calls.operate("DELETE", FAULTS)
        try:
            yield
        finally:
            for fault in there:
                self._calls.operate("POST", FAULTS, _again(fault))

    def _make(self) -> None:
        scenario = self._scenario
        parts: list[tuple[str, Any, Any]] = [
            *(
                (f"account group {account_group.name}", self._account_group, account_group)
                for account_group in scenario.account_groups
            ),
            *((f"account {account.name}", self._account, account) for account in scenario.accounts),
            *((f"user {user.name}", self._user, user) for user in scenario.users),
            *((f"image {image.name} of {image.account}", self._image, image) for image in scenario.images),
            *((f"catalog {catalog.label}", self._catalog, catalog) for catalog in scenario.catalogs),
            *(
                (f"authorization of {authorization.account}", self._authorization, authorization)
                for authorization in scenario.authorizations
            ),
            *((f"instance {instance.name}", self._instance, instance) for instance in scenario.instances),
            *((f"template {template.name}", self._template, template) for template in scenario.templates),
            *(
                (f"instance group {instance_group.name}", self._instance_group, instance_group)
                for instance_group in scenario.instance_groups
            ),
            *((f"catalog {catalog.label}", self._end_catalog, catalog) for catalog in scenario.catalogs),
            *(
                (f"image {name} of {image.account}", self._end_image, (image, name))
                for image in scenario.images
                for name in image.names
            ),
            *((f"account {account.name}", self._end_account, account) for account in scenario.accounts),
        ]
        gone = {account.name for account in scenario.accounts if f"account {account.name} deleted" in self._notes}
        for noun, make, part in parts:
            if getattr(part[0] if isinstance(part, tuple) else part, "account", "") not in gone:
                self._told(noun, make, part)
        self._told("clock", self._clock, None)

    def _told(self, noun: str, make: Any, part: Any) -> None:
        try:
            make(part)
        except CallFailed as error:
            raise CannotApply(f"{self._given.path}: {noun}: {error}") from error

    def _once(self, key: str) -> bool:
        """Whether something was not done yet; it is noted as done."""
        if key in self._notes:
            return False
        self._notes.add(key)
        folder.write(self._data, _NOTES, {"done": sorted(self._notes)})
        return True

    def _settle(self) -> None:
        """Until no job is due or running."""
        deadline = time.monotonic() + self._patience
        while pending := self._calls.operate("GET", "/_kunsthalle/clock")["pending_jobs"]:
            if time.monotonic() > deadline:
                raise CannotApply(f"{pending} jobs are still due or running after {self._patience:g} s.")
            time.sleep(_PAUSE)

    def _made(self, text: str) -> None:
        self._applied.made.append(text)

    def _account_group(self, part: AccountGroupPart) -> None:
        known = self._calls.account_groups()
        if part.name in known:
            return
        parent = known[part.parent]["crn"] if part.parent else self._calls.enterprise()["crn"]
        contact = self._calls.accounts["enterprise"]["iam_id"]
        body = {"name": part.name, "parent": parent, "primary_contact_iam_id": contact}
        self._calls.ask("enterprise", "POST", "/v1/account-groups", body)
        self._made(f"account group {part.name}")

    def _account(self, part: AccountPart) -> None:
        if part.name in self._calls.accounts:
            return
        inside = {"enterprise": "enterprise"} if part.in_enterprise else {}
        if part.parent:
            inside["parent"] = part.parent
        body = {"name": part.name, "owner": f"owner@{part.name}.example", **inside}
        self._calls.remember(part.name, self._calls.operate("POST", "/_kunsthalle/accounts", body))
        self._made(f"account {part.name}")

    def _user(self, part: UserPart) -> None:
        if part.name in self._calls.accounts:
            return
        policies = [
            {
                "type": "access",
                "roles": [{"role_id": _ROLE.format(part.role)}],
                "resources": [{"attributes": [{"name": "serviceName", "value": service}]}],
            }
            for service in part.services
        ]
        body = {"users": [{"email": part.email}], "iam_policy": policies}
        self._calls.ask(part.account, "POST", f"/v2/accounts/{self._calls.id(part.account)}/users", body)
        key = self._calls.operate(
            "POST", "/_kunsthalle/api_keys", {"account": self._calls.id(part.account), "user": part.email}
        )
        self._calls.remember(part.name, key)
        self._calls.ask(part.name, "POST", "/v2/users/accept", {"account_id": self._calls.id(part.account)})
        self._calls.forget_token(part.name)  # from now on a token is one of the account
        self._made(f"user {part.name} of {part.account}")

    def _image(self, part: ImagePart) -> None:
        """All of a part together, so that many are imported side by side."""
        known = self._known_images(part)
        gone = {name for name in part.names if f"image {part.account}/{name} deleted" in self._notes}
        missing = [name for name in part.names if name not in known and name not in gone]
        if missing:
            body = {"operating_system": {"name": part.operating_system}, "file": {"href": self._uploaded(part)}}
            for number, name in enumerate(missing, 1):
                self._imported(part.account, {"name": name, **body})
                if number % _TOGETHER == 0:
                    self._settle()
            self._settle()
            known = self._known_images(part)
            self._applied.made += [f"image {name} of {part.account}" for name in missing]
        self._images |= {(part.account, name): known[name] for name in part.names if name in known}

    def _imported(self, account: str, body: dict[str, Any]) -> None:
        """What is refused while others wait is tried again when they have ended."""
        try:
            self._calls.ask(account, "POST", f"/v1/images?{VPC}", body)
        except CallFailed:
            self._settle()
            self._calls.ask(account, "POST", f"/v1/images?{VPC}", body)

    def _known_images(self, part: ImagePart) -> dict[str, dict[str, Any]]:
        """The account's own images of the name, or all where the part is of many."""
        narrowed = f"&name={part.name}" if part.count == 1 else ""
        path = f"/v1/images?{VPC}&visibility=private&limit=100{narrowed}"
        return {page["name"]: page for page in self._calls.pages(part.account, path, "images")}

    def _uploaded(self, part: ImagePart) -> str:
        """Where the file of a part is, for an import."""
        bucket = Path(environment.variables(self._data, part.account)["KUNSTHALLE_BUCKETS"]) / "images"
        source = self._given.path.parent / part.file if part.file else None
        key = f"{part.name}{source.suffix if source else '.qcow2'}"
        if not (bucket / key).exists():
            _put(bucket / key, part, source)
        return f"cos://us-south/images/{key}"

    def _catalog(self, part: CatalogPart) -> None:
        if f"catalog {part.account}/{part.label} deleted" in self._notes:
            return
        path = f"{CATALOGS}/catalogs"
        every = self._calls.ask(part.account, "GET", f"{path}?limit=100")["resources"]
        catalog = next((catalog for catalog in every if catalog["label"] == part.label), None)
        if catalog is None:
            catalog = self._calls.ask(part.account, "POST", path, {"label": part.label})
            self._made(f"catalog {part.label}")
        for offering in part.offerings:
            self._offering(part, f"{path}/{catalog['id']}/offerings", offering)

    def _offering(self, catalog: CatalogPart, path: str, part: OfferingPart) -> None:
        every = self._calls.ask(catalog.account, "GET", f"{path}?limit=100")["resources"]
        listed = next((listed for listed in every if listed["name"] == part.name), None)
        if listed is None:
            listed = self._calls.ask(catalog.account, "POST", path, {"name": part.name, "label": part.name})
            self._made(f"offering {part.name} of {catalog.label}")
        item_path = f"{path}/{listed['id']}"
        for version in part.versions:
            self._version(catalog, item_path, part.name, version)
        for share in part.shares:
            self._share(catalog, item_path, part.name, share)

    def _version(self, catalog: CatalogPart, path: str, offering: str, part: VersionPart) -> None:
        name = f"{catalog.label}/{offering}/{part.version}"
        if f"version {catalog.account}/{name} deleted" in self._notes:
            return
        version = self._find_version(catalog.account, path, part.version)
        if version is None:
            image = self._images[catalog.account, part.image]
            version = self._calls.ask(catalog.account, "POST", f"{path}/version", _import_body(offering, part, image))
            version = self._find_version(catalog.account, path, part.version) or {}
            self._made(f"version {name}")
        self._versions[name] = version
        locator = f"{CATALOGS}/versions/{version['version_locator']}"
        state = version["state"]["current"]
        if part.state != "draft" and state == "new":
            self._calls.ask(catalog.account, "POST", f"{locator}{INSTALL}", {})
            self._settle()
            state = "validated"
        if part.state in _PUBLISHED and state == "validated":
            self._calls.ask(catalog.account, "POST", f"{locator}/consume-publish")

    def _find_version(self, account: str, path: str, version: str) -> dict[str, Any] | None:
        kinds = self._calls.ask(account, "GET", path).get("kinds", [])
        every = [version_of_kind for kind in kinds for version_of_kind in kind.get("versions", [])]
        return next((version_of_kind for version_of_kind in every if version_of_kind["version"] == version), None)

    def _share(self, catalog: CatalogPart, path: str, offering: str, part: SharePart) -> None:
        account_id = self._calls.id(part.account)
        listed = self._calls.ask(catalog.account, "GET", f"{path}/access?limit=100")["resources"]
        if not any(account_id in str(policy) for policy in listed):
            self._calls.ask(catalog.account, "POST", f"{path}/access", [f"-acct-{account_id}"])
            self._calls.ask(catalog.account, "POST", f"{path}/share", {"enabled": True})
            self._made(f"share of {offering} with {part.account}")
        owner = f"-acct-{self._calls.id(catalog.account)}"
        key = f"approval {part.account} of {catalog.account}"
        if part.state == "accepted" and self._once(key):
            approve = f"{CATALOGS}/shareapproval/offering/access/source/approved"
            self._calls.ask(part.account, "POST", approve, [owner])
            self._made(f"{part.account} accepts what {catalog.account} shares")

    def _authorization(self, part: AuthorizationPart) -> None:
        account_id = self._calls.id(part.account)
        if not self._once(f"authorization {part.account}"):
            return
        subject = {"serviceName": "is", "accountId": account_id}
        resource = {"serviceName": "globalcatalog-collection", "accountId": account_id}
        body = {
            "type": "authorization",
            "control": {"grant": {"roles": [{"role_id": _ROLE.format("Viewer")}]}},
            "subject": {"attributes": _keyed(subject)},
            "resource": {"attributes": _keyed(resource)},
        }
        self._calls.ask(part.account, "POST", "/v2/policies", body)
        self._made(f"authorization of instance groups of {part.account}")

    def _instance(self, part: InstancePart) -> None:
        if self._calls.ask(part.account, "GET", f"/v1/instances?{VPC}&name={part.name}")["instances"]:
            return
        self._calls.ask(part.account, "POST", f"/v1/instances?{VPC}", self._prototype(part))
        self._settle()
        self._made(f"instance {part.name} of {part.account}")

    def _prototype(self, part: InstancePart | TemplatePart) -> dict[str, Any]:
        subnet = self._subnet(part.account)
        key = self._calls.ask(part.account, "GET", f"/v1/keys?{VPC}")["keys"][0]
        if part.image:
            source = {"image": {"id": self._images[part.account, part.image]["id"]}}
        else:
            source = {"catalog_offering": {"version": {"crn": self._versions[part.version]["crn"]}}}
        return {
            "name": part.name,
            "zone": {"name": subnet["zone"]["name"]},
            "profile": {"name": "bx2-2x8"},
            "vpc": {"id": subnet["vpc"]["id"]},
            "keys": [{"id": key["id"]}],
            "primary_network_interface": {"subnet": {"id": subnet["id"]}},
            **source,
        }

    def _subnet(self, account: str) -> dict[str, Any]:
        subnet: dict[str, Any] = self._calls.ask(account, "GET", f"/v1/subnets?{VPC}")["subnets"][0]
        return subnet

    def _template(self, part: TemplatePart) -> None:
        if self._named(part.account, "/v1/instance/templates", "templates", part.name) is None:
            self._calls.ask(part.account, "POST", f"/v1/instance/templates?{VPC}", self._prototype(part))
            self._made(f"template {part.name} of {part.account}")

    def _instance_group(self, part: InstanceGroupPart) -> None:
        if self._named(part.account, "/v1/instance_groups", "instance_groups", part.name) is not None:
            return
        template = self._named(part.account, "/v1/instance/templates", "templates", part.template) or {}
        body = {
            "name": part.name,
            "instance_template": {"id": template["id"]},
            "subnets": [{"id": self._subnet(part.account)["id"]}],
            "membership_count": part.members,
        }
        self._calls.ask(part.account, "POST", f"/v1/instance_groups?{VPC}", body)
        self._settle()
        self._made(f"instance group {part.name} of {part.account}")

    def _named(self, account: str, path: str, field: str, name: str) -> dict[str, Any] | None:
        """A resource of an account by its name."""
        every = self._calls.pages(account, f"{path}?{VPC}&limit=100", field)
        return next((page for page in every if page["name"] == name), None)

    def _end_account(self, part: AccountPart) -> None:
        """Its enterprise deletes it; what it made is gone, and what others made of it stays."""
        if part.deleted and self._once(f"account {part.name} deleted"):
            self._calls.ask("enterprise", "DELETE", f"/v1/accounts/{self._calls.id(part.name)}")
            self._settle()
            self._made(f"account {part.name} is deleted")

    def _end_catalog(self, part: CatalogPart) -> None:
        """The last states of versions, and of the catalog."""
        for offering in part.offerings:
            for version in offering.versions:
                self._end_version(part, f"{part.label}/{offering.name}/{version.version}", version)
        if part.deleted and self._once(f"catalog {part.account}/{part.label} deleted"):
            every = self._calls.ask(part.account, "GET", f"{CATALOGS}/catalogs?limit=100")["resources"]
            id_ = next(catalog["id"] for catalog in every if catalog["label"] == part.label)
            self._calls.ask(part.account, "DELETE", f"{CATALOGS}/catalogs/{id_}")
            self._made(f"catalog {part.label} is deleted")

    def _end_version(self, catalog: CatalogPart, name: str, part: VersionPart) -> None:
        calls = {"deprecated": ("POST", "/deprecate/true"), "archived": ("POST", "/archive"), "deleted": ("DELETE", "")}
        if part.state not in calls or not self._once(f"version {catalog.account}/{name} {part.state}"):
            return
        method, path = calls[part.state]
        locator = quote(self._versions[name]["version_locator"], safe=".")
        self._calls.ask(catalog.account, method, f"{CATALOGS}/versions/{locator}{path}")
        self._settle()
        self._made(f"version {name} is {part.state}")

    def _end_image(self, named: tuple[ImagePart, str]) -> None:
        part, name = named
        calls = {"deprecated": ("POST", "/deprecate"), "obsolete": ("POST", "/obsolete"), "deleted": ("DELETE", "")}
        if part.state not in calls or not self._once(f"image {part.account}/{name} {part.state}"):
            return
        method, path = calls[part.state]
        id_ = self._images[part.account, name]["id"]
        self._calls.ask(part.account, method, f"/v1/images/{id_}{path}?{VPC}")
        self._settle()
        self._made(f"image {name} of {part.account} is {part.state}")

    def _clock(self, _part: None) -> None:
        clock = self._scenario.clock
        digest = hashlib.sha256(self._given.path.read_bytes()).hexdigest()
        if clock is not None and self._once(f"clock {digest}"):
            self._calls.operate("POST", "/_kunsthalle/clock", {"advance": clock.advance})
            self._made(f"clock {clock.advance} later")

    def _fault(self, part: FaultSetPart) -> None:
        """Faults end with the process, so that those there are decide and no note does."""
        there = [
            (present["name"], present["effect"], present["match"], present["seed"]) for present in self._calls.faults()
        ]
        for fault in [*(fault_set(part.set, part.seed) if part.set else ()), *([part.fault] if part.fault else ())]:
            key = (fault.get("name", ""), fault.get("effect"), fault.get("match", "*"), fault.get("seed", 0))
            if key not in there:
                self._calls.operate("POST", FAULTS, fault)
                self._made(f"fault {fault.get('name') or fault.get('effect')}")


def _again(fault: dict[str, Any]) -> dict[str, Any]:
    """What sets a fault once more, with what is left of its count."""
    apart = {"id", "hits", "times", "account_id", "iam_id"}
    options = {name: value for name, value in fault.items() if name not in apart and value is not None}
    times = fault["times"] - fault["hits"] if fault["times"] else 0
    return {**options, "times": times, "account": fault["account_id"], "user": fault["iam_id"]}


def _put(place: Path, part: ImagePart, source: Path | None) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if source is None:
        write_qcow2(place, part.size * GIB, (part.content or part.name).encode())
    else:
        place.write_bytes(source.read_bytes())


def _import_body(offering: str, part: VersionPart, image: dict[str, Any]) -> dict[str, Any]:
    """What imports an image as a version (catalog-iam-enterprise.md 1.3)."""
    return {
        "name": offering,
        "label": offering,
        "version": part.version,
        "install_kind": "instance",
        "target_kinds": ["vpc-x86"],
        "format_kind": "vsi-image",
        "sha": image["file"]["checksums"]["sha256"],
        "metadata": {
            "operating_system": image["operating_system"],
            "file": {"size": image["file"]["size"]},
            "minimum_provisioned_size": image["minimum_provisioned_size"],
            "images": [{"id": image["id"], "name": image["name"], "region": "us-south"}],
        },
    }


def _keyed(attributes: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "operator": "stringEquals", "value": value} for key, value in attributes.items()]
