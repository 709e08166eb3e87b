"""Buckets that belong to an instance of object storage: imports and exports need an authorization, on all or on one."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.app import App
from fixtures.frozen_app import token_of

WEEK = 7 * 86_400
PLAN = "744bfc56-d12c-4866-88d5-dac9139e0e5d"
GROUP = "fee82deba12e4c0fb69c3b09d1f12345"
SERVICE = "cloud-object-storage"
READER, WRITER = (f"crn:v1:bluemix:public:iam::::serviceRole:{name}" for name in ("Reader", "Writer"))
VIEWER = "crn:v1:bluemix:public:iam::::role:Viewer"
IMPORT = {
    "file": {"href": "cos://us-south/images/closed.qcow2"},
    "operating_system": {"name": "debian-12-amd64"},
}
REFUSED = (403, "cos_not_authorized", "file.href")


def instance(app: App, *buckets: str, name: str = "storage") -> str:
    body = {"name": name, "target": "global", "resource_group": GROUP, "resource_plan_id": PLAN}
    made = app.do("POST", "/v2/resource_instances", {**body, "parameters": {"buckets": list(buckets)}})
    assert made["crn"] == f"crn:v1:bluemix:public:{SERVICE}:global:a/{app.accounts['owner']}:{made['guid']}::"
    return str(made["guid"])


def authorize(app: App, role: str = READER, subject: dict[str, str] | None = None, **resource: str) -> str:
    """The authorization as Terraform makes it; its id."""

    def named(given: dict[str, str]) -> list[dict[str, str]]:
        return [{"name": name, "value": value} for name, value in given.items()]

    account = app.accounts["owner"]
    body = {
        "type": "authorization",
        "subjects": [{"attributes": named({"serviceName": "is", "accountId": account, **(subject or {})})}],
        "roles": [{"role_id": role}],
        "resources": [{"attributes": named({"serviceName": SERVICE, "accountId": account, **resource})}],
    }
    return str(app.do("POST", "/v1/policies", body)["id"])


def limited(app: App, name: str, **resource: str) -> None:
    """From here on `name` is a service ID of the owner's account with the role Editor on some resources."""
    made = app.do("POST", "/v1/serviceids", {"name": name, "account_id": app.accounts["owner"]})
    editor = VIEWER.replace("Viewer", "Editor")
    for role, attributes in ((editor, resource), (VIEWER, {"resourceType": "resource-group"})):
        body = {
            "type": "access",
            "subjects": [{"attributes": [{"name": "iam_id", "value": made["iam_id"]}]}],
            "roles": [{"role_id": role}],
            "resources": [{"attributes": [{"name": key, "value": value} for key, value in attributes.items()]}],
        }
        app.do("POST", "/v1/policies", body)
    key = app.do("POST", "/v1/apikeys", {"name": name, "iam_id": made["iam_id"]})
    app.tokens[name] = token_of(app, key["apikey"])


@pytest.fixture
def closed(app: App) -> str:
    """The id of the instance to which the bucket `images` belongs, with an object in it."""
    app.put("closed.qcow2")
    return instance(app, "images")


def test_a_bucket_of_no_instance_is_open(app: App) -> None:
    instance(app, "elsewhere")
    assert app.image("open")["status"] == "available"


def test_an_import_needs_an_authorization_that_lasts_as_long_as_it(app: App, closed: str) -> None:
    assert app.refused("POST", "/v1/images", IMPORT) == REFUSED
    assert app.do("GET", "/v1/images")["images"] == []
    policy = authorize(app)
    made = app.do("POST", "/v1/images", {**IMPORT, "name": "one"})
    app.settle()
    assert app.do("GET", f"/v1/images/{made['id']}")["status"] == "available"
    app.pause()
    late = app.do("POST", "/v1/images", {**IMPORT, "name": "two"})
    app.do("DELETE", f"/v1/policies/{policy}")
    app.restart()
    app.settle()
    found = app.do("GET", f"/v1/images/{late['id']}")
    assert found["status"] == "failed"
    assert "authorization" in found["status_reasons"][0]["message"]
    assert app.refused("POST", "/v1/images", IMPORT) == REFUSED


@pytest.mark.parametrize(
    ("resource", "subject", "role", "opens"),
    [
        ({"serviceInstance": "{closed}"}, {}, READER, True),
        ({"serviceInstance": "{closed}", "resourceType": "bucket", "resource": "images"}, {}, READER, True),
        ({"resource": "images"}, {"resourceType": "image"}, READER, True),
        ({}, {}, WRITER, True),
        ({"serviceInstance": "another"}, {}, READER, False),
        ({"serviceInstance": "{closed}", "resource": "other-bucket"}, {}, READER, False),
        ({"resourceType": "object"}, {}, READER, False),
        ({}, {"resourceType": "share"}, READER, False),
        ({}, {}, VIEWER, False),
    ],
)
def test_what_an_authorization_covers(
    app: App, closed: str, resource: dict[str, str], subject: dict[str, str], role: str, opens: bool
) -> None:
    authorize(app, role, subject, **{key: value.format(closed=closed) for key, value in resource.items()})
    if opens:
        assert app.do("POST", "/v1/images", IMPORT)["status"] == "pending"
    else:
        assert app.refused("POST", "/v1/images", IMPORT) == REFUSED


def test_an_export_needs_a_writers_authorization_to_its_end(app: App) -> None:
    image, other = app.image("golden"), {"storage_bucket": {"name": "images"}}
    where = f"/v1/images/{image['id']}/export_jobs"
    instance(app, "images")
    authorize(app)
    assert app.refused("POST", where, other) == (403, "cos_not_authorized", "storage_bucket")
    policy = authorize(app, WRITER)
    done = app.do("POST", where, other)
    app.settle()
    assert app.do("GET", f"{where}/{done['id']}")["status"] == "succeeded"
    app.pause()
    late = app.do("POST", where, other)
    app.do("DELETE", f"/v1/policies/{policy}")
    app.restart()
    app.settle()
    failed = app.do("GET", f"{where}/{late['id']}")
    assert [failed["status"], failed["status_reasons"][0]["code"]] == ["failed", "cannot_access_storage_bucket"]


def test_a_bucket_that_is_closed_in_one_account_is_open_in_another(app: App, closed: str) -> None:
    body = {"name": "theirs", "target": "global", "resource_group": GROUP, "resource_plan_id": PLAN}
    made = app.ok("consumer", "POST", "/v2/resource_instances", {**body, "parameters": {"buckets": ["images"]}})
    assert app.refused("GET", f"/v2/resource_instances/{closed}", who="consumer")[0] == 404
    app.do("DELETE", f"/v2/resource_instances/{closed}")
    app.travel(WEEK)
    assert app.do("POST", "/v1/images", IMPORT)["status"] == "pending"
    assert app.ok("consumer", "GET", f"/v2/resource_instances/{made['guid']}")["parameters"] == {"buckets": ["images"]}


def test_the_life_of_an_instance(app: App, closed: str) -> None:
    path = f"/v2/resource_instances/{closed}"
    assert instance(app, name="second") != closed
    body = {"name": "third", "target": "global", "resource_group": GROUP, "resource_plan_id": PLAN}

    def refused(status: int, method: str = "POST", at: str = "/v2/resource_instances", **more: Any) -> None:
        assert app.refused(method, at, {**body, **more} if method == "POST" else more)[0] == status, more

    refused(409, parameters={"buckets": ["images"]})
    refused(400, parameters={"buckets": ["../images"]})
    refused(400, parameters={"buckets": "images"})
    refused(400, name="")
    refused(501, resource_plan_id="a-plan-of-something-else")
    assert {one["name"] for one in app.do("GET", "/v2/resource_instances")["resources"]} == {"second", "storage"}
    app.do("POST", f"{path}/lock")
    refused(409, "PATCH", path, name="renamed")
    refused(409, "DELETE", path)
    app.do("DELETE", f"{path}/lock")
    changed = app.do("PATCH", path, {"name": "renamed", "parameters": {"buckets": ["freed"]}})
    assert (changed["name"], changed["parameters"], changed["locked"]) == ("renamed", {"buckets": ["freed"]}, False)
    assert app.do("POST", "/v1/images", IMPORT)["status"] == "pending"
    app.do("DELETE", path)
    app.travel(WEEK)
    assert app.refused("GET", path)[0] == 404


def test_lists_hold_catalogs_and_storage_together_page_by_page(app: App) -> None:
    for number in range(3):
        instance(app, name=f"storage-{number}")
        app.do("POST", "/api/v1-beta/catalogs", {"label": f"catalog-{number}"})
    names, path = list[str](), "/v2/resource_instances?limit=2"
    while path:
        page = app.do("GET", path)
        assert page["rows_count"] == len(page["resources"]) <= 2
        names += [one["name"] for one in page["resources"]]
        path = page["next_url"]
    assert sorted(names) == [f"{kind}-{number}" for kind in ("catalog", "storage") for number in range(3)]
    found = {
        query: len(app.do("GET", f"/v2/resource_instances?{query}")["resources"])
        for query in (f"resource_plan_id={PLAN}", "sub_type=catalog", "name=storage-1", "state=removed", "type=other")
    }
    assert list(found.values()) == [3, 3, 1, 0, 0]
    catalog = app.do("GET", "/v2/resource_instances?name=catalog-0")["resources"][0]["guid"]
    assert app.refused("PATCH", f"/v2/resource_instances/{catalog}", {"name": "x"})[0] == 501


def test_closed_foreign_and_absent_buckets_are_refused_with_the_same_bytes(app: App, closed: str) -> None:
    """Nobody learns from a refusal which buckets other accounts have; who may not look at the instances of object
    storage learns nothing of the account's own either."""
    theirs = app.folders["owner"].parent / app.accounts["consumer"] / "their-bucket"
    theirs.mkdir(parents=True)
    (theirs / "closed.qcow2").write_bytes((app.folders["owner"] / "images" / "closed.qcow2").read_bytes())
    limited(app, "importer", serviceName="is")

    def answers(method: str, path: str, bodies: list[dict[str, Any]]) -> set[bytes]:
        found = [app.call("importer", method, path, body, **{"X-Request-Id": "same"}) for body in bodies]
        assert {one.status for one in found} == {403}
        return {one.body.replace(one.json["trace"].encode(), b"trace") for one in found}

    imports = [
        {**IMPORT, "file": {"href": f"cos://us-south/{bucket}/{key}"}}
        for bucket in ("images", "their-bucket", "nobodys-bucket")
        for key in ("closed.qcow2", "absent.qcow2")
    ]
    (refusal,) = answers("POST", "/v1/images", imports)
    assert b"not authorized to access the Cloud Object Storage resource" in refusal
    policy = authorize(app)
    image = app.do("POST", "/v1/images", {**IMPORT, "name": "golden"})
    app.settle()
    app.do("DELETE", f"/v1/policies/{policy}")
    exports = [{"storage_bucket": {"name": name}} for name in ("images", "their-bucket", "nobodys-bucket")]
    crn = f"crn:v1:bluemix:public:{SERVICE}:global:a/{app.accounts['consumer']}:{closed}:bucket:their-bucket"
    exports.append({"storage_bucket": {"crn": crn}})
    (refusal,) = answers("POST", f"/v1/images/{image['id']}/export_jobs", exports)
    assert b"not authorized to access the Cloud Object Storage resource" in refusal
    assert told_owner(app, "their-bucket") == told_owner(app, "nobodys-bucket") != told_owner(app, "images")


def told_owner(app: App, bucket: str) -> str:
    """What who may look at everything is told of a bucket, without its name."""
    answer = app.call("owner", "POST", "/v1/images", {**IMPORT, "file": {"href": f"cos://us-south/{bucket}/a.qcow2"}})
    assert answer.status == 403
    return str(answer.json["errors"][0]["message"]).replace(bucket, "")


def test_an_absent_object_of_an_open_bucket_is_told(app: App, closed: str) -> None:
    authorize(app)
    body = {**IMPORT, "file": {"href": "cos://us-south/images/absent.qcow2"}}
    assert app.refused("POST", "/v1/images", body) == (400, "cos_not_found", "file.href")
