"""A call of every served operation of Catalog Management as current SDKs have it, as one story.

The Python SDK has an older surface (catalog_calls.py), so these are calls of SDKs of other languages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ibm_cloud_sdk_core import ApiException
from ibm_platform_services import CatalogManagementV1, EnterpriseManagementV1

from fixtures.clients import Account, eventually
from kunsthalle.testing import Served

IMAGES = 3
CALLERS = ("publisher", "consumer-a", "enterprise")
"""The accounts whose clients take part."""


def _only(branch: dict[str, Any]) -> dict[str, Any]:
    return dict(branch["kinds"][0]["versions"][0])


def _refusal(call: Callable[..., Any], **arguments: Any) -> ApiException:
    try:
        call(**arguments)
    except ApiException as error:
        return error
    raise AssertionError(f"not refused: {arguments}")


class Walk:
    """The steps, in an order in which each finds what it needs."""

    def __init__(self, served: Served, publisher: Account, consumer: Account, root: Account) -> None:
        """The accounts are those of CALLERS."""
        self.served = served
        self.owner, self.buyer, self.root = (one.service(CatalogManagementV1) for one in (publisher, consumer, root))
        self.owner_id, self.buyer_id = publisher.id, consumer.id
        self.token = {"x_auth_refresh_token": publisher.refresh_token}
        tree = root.service(EnterpriseManagementV1)
        self.enterprise_id = tree.list_enterprises().get_result()["resources"][0]["id"]
        self.images = [publisher.import_image(f"current-walk-{at}", b"current %d" % at) for at in range(IMAGES)]

    def call(self, operation: str, status: int = 200, who: Any = None, **arguments: Any) -> Any:
        """What an operation answers, to the owner if nobody else is named."""
        answer = getattr(who or self.owner, operation)(**arguments)
        assert answer.get_status_code() == status, operation
        return answer.get_result()

    def software(self, at: int, version: str) -> dict[str, Any]:
        """The body that imports an image as a version."""
        image = self.images[at]
        named = {"id": image["id"], "name": image["name"], "region": "us-south"}
        return {
            "version": version,
            "name": "walk",
            "label": "Walk",
            "install_kind": "instance",
            "target_kinds": ["vpc-x86"],
            "format_kind": "vsi-image",
            "sha": image["file"]["checksums"]["sha256"],
            "metadata": {"images": [named], "file": {"size": 1}, "minimum_provisioned_size": 10},
        }

    def steps(self) -> None:
        self.account()
        here = self.catalog()
        it, plan = self.offering(here)
        one, kind_id = self.versions(here, it)
        self.endings(it, one, kind_id)
        self.sharing(here, it)
        self.plans(here, plan)
        self.objects(here)
        self.instances(it)
        self.enterprise()
        for _ in range(2):  # deleting again is no error
            self.call("delete_offering", **it)
        self.call("delete_catalog", **here)

    def account(self) -> None:
        settings = self.call("get_catalog_account")
        known = {"id": settings["id"], "rev": settings["_rev"]}
        include = {"include": {"filter_terms": ["a"]}}
        filters = {"include_all": True, "category_filters": {}, "id_filters": include}
        more = {"hide_ibm_cloud_catalog": True, "account_filters": filters, "region_filter": "us"}
        now = self.call("update_catalog_account", **known, **more)
        assert (now["hide_IBM_cloud_catalog"], now["region_filter"]) == (True, "us")
        assert self.call("get_catalog_account_filters")["account_filters"][0]["include_all"] is True
        audits = self.call("list_catalog_account_audits", limit=5, lookupnames=True)["audits"]
        self.call("get_catalog_account_audit", auditlog_identifier=audits[0]["id"])
        assert len(self.call("list_regions", filter="", limit=10, offset=0)["regions"]) > 1
        few = self.call("preview_regions", filter="us-south")["regions"]
        assert [one["id"] for one in few] == ["us-south"]
        self.call("update_catalog_account", id=now["id"], rev=now["_rev"], hide_ibm_cloud_catalog=False)

    def catalog(self) -> dict[str, str]:
        made = self.call("create_catalog", 201, label="walk", tags=["walk"])
        here = {"catalog_identifier": made["id"]}
        assert made["id"] in {one["id"] for one in self.call("list_catalogs")["resources"]}
        self.call("get_catalog", **here)
        body = {**here, "id": made["id"], "rev": made["_rev"], "label": "walked", "short_description": "said"}
        assert self.call("replace_catalog", **body)["label"] == "walked"
        assert _refusal(self.owner.replace_catalog, **body).status_code == 409
        audits = self.call("list_catalog_audits", **here, limit=5)["audits"]
        self.call("get_catalog_audit", **here, auditlog_identifier=audits[0]["id"])
        return here

    def offering(self, here: dict[str, str]) -> tuple[dict[str, str], dict[str, Any]]:
        made = self.call("create_offering", 201, **here, name="walk", label="Walk")
        it = {**here, "offering_id": made["id"]}
        found = self.call("list_offerings", **here, name="wal", sort="-updated", digest=True, limit=1)
        assert [one["id"] for one in found["resources"]] == [made["id"]]
        hide = {**it, "id": made["id"], "rev": made["_rev"], "name": "walk", "label": "Hidden", "hidden": True}
        hidden = self.call("replace_offering", **hide)
        assert self.call("list_offerings", **here)["total_count"] == 0
        assert self.call("list_offerings", **here, include_hidden=True)["total_count"] == 1
        updates = [
            {"op": "replace", "path": "/hidden", "value": False},
            {"op": "add", "path": "/keywords/-", "value": "debian"},
            {"op": "add", "path": "/plans/-", "value": {"name": "gold", "label": "Gold"}},
        ]
        patch = {**it, "if_match": f'"{hidden["_rev"]}"', "updates": updates}
        patched = self.call("update_offering", **patch)
        assert patched["keywords"] == ["debian"]
        assert _refusal(self.owner.update_offering, **patch).status_code == 412
        self.call("get_offering", **it, digest=True)
        named = self.call("get_offering", **here, offering_id="walk", type="name")
        assert named["id"] == made["id"]
        audits = self.call("list_offering_audits", **it, limit=1)["audits"]
        self.call("get_offering_audit", **it, auditlog_identifier=audits[0]["id"])
        return it, patched["plans"][0]

    def imported(self, it: dict[str, str], at: int, version: str) -> tuple[dict[str, Any], dict[str, str]]:
        """The offering with a new version, and what names the version."""
        made = self.call("import_offering_version", 201, **it, **self.software(at, version))
        return made, _named(made, version)

    def versions(self, here: dict[str, str], it: dict[str, str]) -> tuple[dict[str, str], str]:
        made, one = self.imported(it, 0, "1.0.0")
        again = _refusal(self.owner.import_offering_version, **it, **self.software(0, "2.0.0"))
        assert again.status_code == 409  # an image is in one version only
        branch = self.call("get_version", **one)
        assert _only(branch)["state"]["current"] == "new"
        early = _refusal(self.owner.consumable_version, **one)
        assert early.status_code == 400  # a version is validated first
        self.texts(one, branch)
        self.call("validate_inputs", **one)
        self.validated(one)
        self.call("consumable_version", 202, **one)
        self.drafts(one)
        self.siblings(here, it, one)
        return one, made["kinds"][0]["id"]

    def texts(self, one: dict[str, str], branch: dict[str, Any]) -> None:
        licence = {"id": "mit", "name": "MIT", "description": "do as you like"}
        at = "/kinds/0/versions/0"
        updates = [
            {"op": "add", "path": f"{at}/long_description", "value": "# About"},
            {"op": "add", "path": f"{at}/licenses", "value": [licence]},
            {"op": "add", "path": f"{at}/change_notices", "value": {"update": [{"title": "new kernel"}]}},
        ]
        patched = self.call("patch_update_version", **one, if_match=f'"{branch["_rev"]}"', updates=updates)
        assert self.call("get_offering_about", **one) == "# About"
        assert self.call("get_offering_license", **one, license_id="mit") == "do as you like"
        kinds = [{"versions": [{**_only(patched), "tags": ["walked"]}]}]
        put = self.call("update_version", **one, rev=patched["_rev"], kinds=kinds)
        assert _only(put)["tags"] == ["walked"]
        self.call("get_iam_permissions", **one)
        self.call("get_offering_container_images", **one)
        self.call("get_version_dependencies", **one)

    def validated(self, one: dict[str, str]) -> None:
        self.call("validate_install", 202, **one, **self.token, override_values={})

        def valid() -> bool:
            state = self.call("get_validation_status", **one, **self.token)["state"]
            assert state in {"valid", "in_progress"}
            return bool(state == "valid")

        eventually(valid, "the validation")

    def drafts(self, one: dict[str, str]) -> None:
        draft = self.call("get_offering_working_copy", **one)
        locator = {"version_loc_id": draft["version_locator"]}
        assert locator != one
        branch = self.call("get_version", **locator)
        updates = [{"op": "replace", "path": "/kinds/0/versions/0/tags", "value": ["committed"]}]
        self.call("patch_update_version", **locator, if_match=f'"{branch["_rev"]}"', updates=updates)
        self.call("commit_version", **locator)
        now = _only(self.call("get_version", **one))
        assert (now["tags"], now["state"]["current"]) == (["committed"], "consumable")

    def siblings(self, here: dict[str, str], it: dict[str, str], one: dict[str, str]) -> None:
        second = self.call("import_offering", 201, **{**here, **it}, **self.software(1, "1.1.0"))
        two = _named(second, "1.1.0")
        source = {"type": "licenses", "version_loc_id_to_copy_from": one["version_loc_id"]}
        self.call("copy_from_previous_version", **two, **source)
        assert self.call("get_offering_license", **two, license_id="mit") == "do as you like"
        self.call("copy_version", **two, target_kinds=["vpc-x86"])
        self.call("prerelease_version", 202, **two)
        self.call("suspend_version", 202, **two)
        assert _only(self.call("get_version", **two))["state"]["current"] == "new"
        self.call("reload_offering", 201, **it, target_version="1.1.0")
        self.validated(two)
        self.call("archive_version", 202, **two)
        self.call("delete_version", **two)
        _made, three = self.imported(it, 2, "1.2.0")
        self.validated(three)
        self.call("deprecate_version", 202, **three)
        assert _only(self.call("get_version", **three))["state"]["current"] == "deprecated"

    def endings(self, it: dict[str, str], one: dict[str, str], kind_id: str) -> None:
        setting = {"setting": "true", "days_until_deprecate": 30, "description": "use 2.0.0"}
        self.call("set_deprecate_version", 202, **one, **setting)
        assert _only(self.call("get_version", **one))["deprecate_pending"]["description"] == "use 2.0.0"
        self.call("set_deprecate_version", 202, **one, setting="false")
        self.call("deprecate_offering", 202, **it, setting="true", days_until_deprecate=10)
        self.call("deprecate_offering", 202, **it, setting="false")
        page = self.call("get_versions", **it, kind_id=kind_id, limit=1)
        assert len(page["versions"]) == 1
        assert page["next"]["start"]
        kind = {"kind": "vsi-image"}
        newer = self.call("get_offering_updates", **it, **self.token, **kind, version="0.9.0")
        assert [found["version"] for found in newer] == ["1.0.0"]
        self.call("get_offering_change_notices", **it, **kind)
        self.call("get_offering_stats", **it)
        last = _refusal(self.owner.delete_version, **one)
        assert (last.status_code, "last published version" in str(last.message)) == (400, True)

    def sharing(self, here: dict[str, str], it: dict[str, str]) -> None:
        accesses = [f"-acct-{self.buyer_id}"]
        listed = self.call("add_offering_access_list", 201, **it, accesses=accesses)
        assert listed["resources"][0]["account"] == self.buyer_id
        self.call("share_offering", **it, enabled=True)
        seen = {"who": self.buyer, "catalog": here["catalog_identifier"]}
        assert self.call("get_consumption_offerings", **seen, select="private")["total_count"] == 0
        self.call("get_offering_access_list", **it, limit=10)
        self.call("get_offering_access", **it, access_identifier=self.buyer_id)
        kind = {"object_type": "offering"}
        self.call("add_share_approval_list", 201, **kind, accesses=accesses)
        asked = self.call("get_share_approval_list", **kind)
        assert asked["resources"][0]["approval_state"] == "pending"
        pending = {"approval_state_identifier": "pending"}
        waiting = self.call("get_share_approval_list_as_source", who=self.buyer, **kind, **pending)
        assert waiting["resources"][0]["target_account"] == self.owner_id
        yes = {"approval_state_identifier": "approved", "accesses": [f"-acct-{self.owner_id}"]}
        self.call("update_share_approval_list_as_source", 201, who=self.buyer, **kind, **yes)
        found = self.call("get_consumption_offerings", **seen, select="private")
        assert "id" not in _only(found["resources"][0])["metadata"]["vsi_vpc"]["images"][0]
        self.call("delete_offering_access_list", **it, accesses=["*"])
        assert self.call("get_consumption_offerings", **seen, select="private")["total_count"] == 0
        self.call("delete_share_approval_list", **kind, accesses=accesses)
        self.publication(it, seen)

    def publication(self, it: dict[str, str], seen: dict[str, Any]) -> None:
        asking = {**it, "approval_type": "approval_required"}
        said = self.call("set_offering_publish", **asking, approved="true")
        assert (said["changed"], said["approved"]) == (True, False)  # the operator has not answered
        assert _refusal(self.owner.share_offering, **it, public=True).status_code == 403
        self.served.operate("POST", "/_kunsthalle/approvals", {"offering": it["offering_id"], "state": "granted"})
        assert self.call("share_offering", **it, public=True)["public"] is True
        assert self.call("get_consumption_offerings", **seen, select="public")["total_count"] == 1
        self.call("set_offering_publish", **asking, approved="false")

    def plans(self, here: dict[str, str], plan: dict[str, Any]) -> None:
        known = {"plan_loc_id": f"sw.{here['catalog_identifier']}.{plan['id']}"}
        self.call("consumable_plan", 202, **known)
        self.call("get_plan", **known)
        self.call("set_deprecate_plan", 202, **known, setting="true", days_until_deprecate=5)
        self.call("set_deprecate_plan", 202, **known, setting="false")
        self.call("delete_plan", **known)

    def objects(self, here: dict[str, str]) -> None:
        made = self.call("create_object", 201, **here, name="endpoint", label="Endpoint", kind="vpe")
        it = {**here, "object_identifier": made["id"]}
        body = {"id": made["id"], "rev": made["_rev"], "name": "endpoint", "label": "Other", "data": {"any": "value"}}
        assert self.call("replace_object", **it, **body)["label"] == "Other"
        self.call("get_object", **it)
        assert self.call("list_objects", **here)["total_count"] == 1
        self.call("search_objects", query="name: endpoint", kind="vpe")
        audits = self.call("list_object_audits", **it)["audits"]
        self.call("get_object_audit", **it, auditlog_identifier=audits[0]["id"])
        self.call("consumable_share_object", 202, **it)
        self.call("share_object", **it, enabled=True)
        entry = {**it, "access_identifier": self.buyer_id}
        self.call("create_object_access", 201, **entry)
        self.call("get_object_access", **entry)
        self.call("get_object_access_list", **it)
        self.call("get_object_access_list_deprecated", **it)
        self.call("delete_object_access", **entry)
        self.call("add_object_access_list", 201, **it, accesses=[self.buyer_id])
        self.call("delete_object_access_list", **it, accesses=[self.buyer_id])
        self.call("delete_object", **it)

    def instances(self, it: dict[str, str]) -> None:
        use = {"offering_id": it["offering_id"], "catalog_id": it["catalog_identifier"], "label": "used", **self.token}
        made = self.call("create_offering_instance", 201, **use)
        one = {"instance_identifier": made["id"]}
        self.call("get_offering_instance", **one)
        changed = {**use, "id": made["id"], "rev": made["_rev"], "label": "used again"}
        self.call("put_offering_instance", **one, **changed)
        audits = self.call("list_offering_instance_audits", **one)["audits"]
        self.call("get_offering_instance_audit", **one, auditlog_identifier=audits[0]["id"])
        self.call("delete_offering_instance", **one, **self.token)

    def enterprise(self) -> None:
        own = self.call("create_catalog", 201, who=self.root, label="of the enterprise")
        self.call("delete_catalog", who=self.root, catalog_identifier=own["id"])
        it = {"who": self.root, "enterprise_identifier": self.enterprise_id}
        audits = self.call("list_enterprise_audits", **it, limit=5)["audits"]
        self.call("get_enterprise_audit", **it, auditlog_identifier=audits[0]["id"])


def _named(offering: dict[str, Any], version: str) -> dict[str, str]:
    """What names a version in calls."""
    versions = offering["kinds"][0]["versions"]
    return {"version_loc_id": next(one["version_locator"] for one in versions if one["version"] == version)}
