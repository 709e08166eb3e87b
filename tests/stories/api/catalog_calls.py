"""A call of every served operation of the Python SDK's catalog client, the old surface, as one story."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ibm_cloud_sdk_core import ApiException
from ibm_platform_services import CatalogManagementV1
from ibm_platform_services import catalog_management_v1 as sdk

from fixtures.clients import Account, eventually, vsi_import

Call = Callable[[], Any]
Step = tuple[str, Call, Any, int]
"""An operation's name, the call, the model that its answer must fit (None for no body), and its status."""


class Walk:
    """The steps, in an order in which each finds what it needs; what they made is kept by name."""

    def __init__(self, owner: Account, buyer: Account, approve: Callable[[str], None]) -> None:
        self.owner, self.buyer, self.approve = owner, buyer, approve
        self.sdk: CatalogManagementV1 = owner.catalog
        self.kept: dict[str, Any] = {}
        self.images = [owner.import_image(f"python-walk-{at}", b"walk %d" % at) for at in range(3)]

    def keep(self, name: str, call: Call) -> Call:
        """The call, whose answer is kept."""

        def kept() -> Any:
            answer = call()
            self.kept[name] = answer.get_result()
            return answer

        return kept

    def steps(self) -> Iterator[Step]:
        yield from self.account()
        yield from self.catalog()
        yield from self.offering()
        yield from self.version()
        yield from self.endings()
        yield from self.publication()
        yield from self.objects()
        yield from self.instances()
        yield from self.removal()

    def account(self) -> Iterator[Step]:
        id_ = self.owner.id
        hide = lambda: self.sdk.update_catalog_account(id=id_, hide_ibm_cloud_catalog=False)  # noqa: E731  a step
        yield "update_catalog_account", hide, None, 200
        yield "get_catalog_account", self.sdk.get_catalog_account, sdk.Account, 200
        yield "get_catalog_account_filters", self.sdk.get_catalog_account_filters, sdk.AccumulatedFilters, 200
        yield "get_catalog_account_audit", self.sdk.get_catalog_account_audit, sdk.AuditLog, 200

    def catalog(self) -> Iterator[Step]:
        make = self.keep("catalog", lambda: self.sdk.create_catalog(label="walk", tags=["walk"]))
        yield "create_catalog", make, sdk.Catalog, 201
        id_, rev = self.kept["catalog"]["id"], self.kept["catalog"]["_rev"]
        replace = lambda: self.sdk.replace_catalog(id_, id=id_, rev=rev, label="walked")  # noqa: E731  a step
        yield "list_catalogs", self.sdk.list_catalogs, sdk.CatalogSearchResult, 200
        yield "get_catalog", lambda: self.sdk.get_catalog(id_), sdk.Catalog, 200
        yield "replace_catalog", replace, sdk.Catalog, 200
        yield "get_catalog_audit", lambda: self.sdk.get_catalog_audit(id_), sdk.AuditLog, 200

    @property
    def here(self) -> tuple[str, str]:
        return self.kept["catalog"]["id"], self.kept["offering"]["id"]

    def offering(self) -> Iterator[Step]:
        catalog = self.kept["catalog"]["id"]
        make = self.keep("offering", lambda: self.sdk.create_offering(catalog, name="walk", label="Walk"))
        yield "create_offering", make, sdk.Offering, 201
        id_, rev = self.here[1], self.kept["offering"]["_rev"]
        put = lambda: self.sdk.replace_offering(*self.here, id=id_, rev=rev, name="walk", label="Walked")  # noqa: E731  a step
        patch = [{"op": "add", "path": "/tags/-", "value": "walked"}]

        def change() -> Any:
            now = self.sdk.get_offering(*self.here).get_result()["_rev"]
            return self.sdk.update_offering(*self.here, if_match=f'"{now}"', updates=patch)

        find = lambda: self.sdk.list_offerings(catalog, name="alk", sort="-created", limit=1)  # noqa: E731  a step
        icon = lambda: self.sdk.replace_offering_icon(*self.here, file_name="walk.svg")  # noqa: E731  a step
        yield "replace_offering", put, sdk.Offering, 200
        yield "update_offering", change, sdk.Offering, 200
        yield "list_offerings", find, sdk.OfferingSearchResult, 200
        yield "replace_offering_icon", icon, sdk.Offering, 200
        yield "get_offering", lambda: self.sdk.get_offering(*self.here), sdk.Offering, 200
        yield "get_offering_audit", lambda: self.sdk.get_offering_audit(*self.here), sdk.AuditLog, 200

    def _import(self, path: str, at: int, version: str) -> Call:
        """The SDK's own methods cannot say which image is meant (1.6): their request, with what they leave out."""
        body = vsi_import(self.images[at], version, name="walk", label="Walk")
        return lambda: self.owner.raw("POST", path, body)

    def version(self) -> Iterator[Step]:
        catalog, offering = self.here
        first = self._import(f"/catalogs/{catalog}/offerings/{offering}/version", 0, "1.0.0")
        second = self._import(f"/catalogs/{catalog}/import/offerings?offeringID={offering}", 1, "1.1.0")
        yield "import_offering_version", self.keep("first", first), sdk.Offering, 201
        yield "import_offering", self.keep("second", second), sdk.Offering, 201
        again = lambda: self.sdk.reload_offering(*self.here, target_version="1.1.0")  # noqa: E731  a step
        yield "reload_offering", again, sdk.Offering, 201
        one, two = self.locator("first", "1.0.0"), self.locator("second", "1.1.0")
        yield "get_version", lambda: self.sdk.get_version(one), sdk.Offering, 200
        yield from self.texts(one)
        yield from self.validation(one)
        yield "account_publish_version", lambda: self.sdk.account_publish_version(one), None, 202
        draft = self.keep("draft", lambda: self.sdk.get_offering_working_copy(one))
        yield "get_offering_working_copy", draft, sdk.Version, 200
        commit = lambda: self.sdk.commit_version(self.kept["draft"]["version_locator"])  # noqa: E731  a step
        yield "commit_version", commit, None, 200
        yield "copy_version", lambda: self.sdk.copy_version(one, tags=["copy"]), None, 200
        yield "delete_version", lambda: self.sdk.delete_version(two), None, 200

    def locator(self, kept: str, version: str) -> str:
        found = self.kept[kept]["kinds"][0]["versions"]
        return str(next(one["version_locator"] for one in found if one["version"] == version))

    def texts(self, one: str) -> Iterator[Step]:
        rev = self.sdk.get_version(one).get_result()["_rev"]
        at = "/kinds/0/versions/0"
        values = {"long_description": "# About", "licenses": [{"id": "mit", "name": "MIT", "description": "freely"}]}
        patch = [{"op": "add", "path": f"{at}/{name}", "value": value} for name, value in values.items()]
        self.owner.raw("PATCH", f"/versions/{one}", patch, **{"If-Match": f'"{rev}"'})
        yield "get_offering_about", lambda: self.sdk.get_offering_about(one), None, 200
        yield "get_offering_license", lambda: self.sdk.get_offering_license(one, "mit"), None, 200
        images = lambda: self.sdk.get_offering_container_images(one)  # noqa: E731  a step
        yield "get_offering_container_images", images, sdk.ImageManifest, 200

    def validation(self, one: str) -> Iterator[Step]:
        token = {"x_auth_refresh_token": self.owner.refresh_token}
        yield "validate_install", lambda: self.sdk.validate_install(one, **token), None, 202
        ended = lambda: self.sdk.get_validation_status(one, **token).get_result()["state"] == "valid"  # noqa: E731  a step
        eventually(ended, "the validation")
        status = lambda: self.sdk.get_validation_status(one, **token)  # noqa: E731  a step
        yield "get_validation_status", status, sdk.Validation, 200
        yield "get_override_values", lambda: self.sdk.get_override_values(one), None, 200

    def endings(self) -> Iterator[Step]:
        one = self.locator("first", "1.0.0")
        for setting in ("true", "false"):
            yield "set_deprecate_version", lambda to=setting: self.sdk.set_deprecate_version(one, to), None, 202
        for setting in ("true", "false"):
            yield "deprecate_offering", lambda to=setting: self.sdk.deprecate_offering(*self.here, to), None, 202
        token = self.owner.refresh_token
        updates = lambda: self.sdk.get_offering_updates(*self.here, "vsi-image", token)  # noqa: E731  a step
        yield "get_offering_updates", updates, None, 200
        find = lambda: self.sdk.get_consumption_offerings(select="private", limit=1)  # noqa: E731  a step
        yield "get_consumption_offerings", find, sdk.OfferingSearchResult, 200

    def publication(self) -> Iterator[Step]:
        one = self.locator("first", "1.0.0")
        ask = lambda: self.sdk.update_offering_ibm(*self.here, "allow_request", "true")  # noqa: E731  a step
        yield "update_offering_ibm", ask, sdk.ApprovalResult, 200
        yield "ibm_publish_version", lambda: self.sdk.ibm_publish_version(one), None, 403
        self.approve(self.here[1])
        yield "ibm_publish_version", lambda: self.sdk.ibm_publish_version(one), None, 202
        yield "public_publish_version", lambda: self.sdk.public_publish_version(one), None, 202
        yield "update_offering_ibm", lambda: self.sdk.update_offering_ibm(*self.here, "public", "false"), None, 200

    def objects(self) -> Iterator[Step]:
        catalog, buyer = self.kept["catalog"]["id"], self.buyer.id
        make = self.keep("object", lambda: self.sdk.create_object(catalog, name="endpoint", kind="vpe"))
        yield "create_object", make, sdk.CatalogObject, 201
        here, rev = (catalog, self.kept["object"]["id"]), self.kept["object"]["_rev"]
        put = lambda: self.sdk.replace_object(*here, id=here[1], rev=rev, name="endpoint", label="Other")  # noqa: E731  a step
        yield "replace_object", put, sdk.CatalogObject, 200
        yield "get_object", lambda: self.sdk.get_object(*here), sdk.CatalogObject, 200
        yield "list_objects", lambda: self.sdk.list_objects(catalog), sdk.ObjectListResult, 200
        yield "search_objects", lambda: self.sdk.search_objects("name: end*"), sdk.ObjectSearchResult, 200
        yield "get_object_audit", lambda: self.sdk.get_object_audit(*here), sdk.AuditLog, 200
        yield "account_publish_object", lambda: self.sdk.account_publish_object(*here), None, 202
        yield "shared_publish_object", lambda: self.sdk.shared_publish_object(*here), None, 202
        yield "ibm_publish_object", lambda: self.sdk.ibm_publish_object(*here), None, 403
        yield "public_publish_object", lambda: self.sdk.public_publish_object(*here), None, 403
        bulk = sdk.AccessListBulkResponse
        yield "create_object_access", lambda: self.sdk.create_object_access(*here, buyer), None, 201
        yield "get_object_access", lambda: self.sdk.get_object_access(*here, buyer), sdk.ObjectAccess, 200
        listed = lambda: self.sdk.get_object_access_list(*here)  # noqa: E731  a step
        yield "get_object_access_list", listed, sdk.ObjectAccessListResult, 200
        yield "delete_object_access", lambda: self.sdk.delete_object_access(*here, buyer), None, 200
        yield "add_object_access_list", lambda: self.sdk.add_object_access_list(*here, [buyer]), bulk, 201
        yield "delete_object_access_list", lambda: self.sdk.delete_object_access_list(*here, [buyer]), bulk, 200
        for _gone_already in range(2):
            yield "delete_object", lambda: self.sdk.delete_object(*here), None, 200

    def instances(self) -> Iterator[Step]:
        catalog, offering = self.here
        token, use = self.owner.refresh_token, {"catalog_id": catalog, "offering_id": offering}
        make = self.keep("use", lambda: self.sdk.create_offering_instance(token, label="used", **use))
        yield "create_offering_instance", make, sdk.OfferingInstance, 201
        id_, rev = self.kept["use"]["id"], self.kept["use"]["_rev"]
        put = lambda: self.sdk.put_offering_instance(id_, token, id=id_, rev=rev, label="again", **use)  # noqa: E731  a step
        yield "get_offering_instance", lambda: self.sdk.get_offering_instance(id_), sdk.OfferingInstance, 200
        yield "put_offering_instance", put, sdk.OfferingInstance, 200
        yield "delete_offering_instance", lambda: self.sdk.delete_offering_instance(id_, token), None, 200

    def removal(self) -> Iterator[Step]:
        one = self.locator("first", "1.0.0")
        yield "deprecate_version", lambda: self.sdk.deprecate_version(one), None, 202
        for _gone_already in range(2):
            yield "delete_offering", lambda: self.sdk.delete_offering(*self.here), None, 200
        yield "delete_catalog", lambda: self.sdk.delete_catalog(self.here[0]), None, 200


def judge(step: Step) -> str:
    """The name of the operation whose answer is as it should be, refusals in the wire format included."""
    name, call, model, status = step
    try:
        answer = call()
    except ApiException as error:
        assert error.status_code == status, f"{name}: {error}"
        assert error.http_response.json()["errors"][0]["code"], name
        return name
    assert answer.get_status_code() == status, name
    if model is not None:
        assert model.from_dict(answer.get_result()).to_dict(), name
    return name
