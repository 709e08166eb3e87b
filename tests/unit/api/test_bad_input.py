"""Bad input is a 4xx in the envelope of its API, with the reference's code and the field named; nothing is made."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fixtures.frozen_app import QUERY, FrozenApp

BASE = "/api/v1-beta"
IMAGES = f"/v1/images?{QUERY}"
OS = {"name": "debian-12-amd64"}
FILE = {"href": "cos://us-south/images/free.qcow2"}


# method, path, body, status, code, the name of the target (None: the envelope of this API has none)
VPC_ROWS: list[tuple[str, str, Any, int, str, str]] = [
    ("GET", "/v1/images", None, 400, "missing_version", "version"),
    ("GET", "/v1/images?generation=2", None, 400, "missing_version", "version"),
    ("GET", "/v1/images?version=yesterday&generation=2", None, 400, "invalid_version", "version"),
    ("GET", "/v1/images?version=2025-02-30&generation=2", None, 400, "invalid_version", "version"),
    ("GET", "/v1/images?version=2018-12-31&generation=2", None, 400, "invalid_version_range", "version"),
    ("GET", "/v1/images?version=2999-01-01&generation=2", None, 400, "invalid_version_range", "version"),
    ("GET", "/v1/images?version=2025-01-01", None, 400, "missing_generation_parameter", "generation"),
    ("GET", "/v1/images?version=2025-01-01&generation=1", None, 400, "invalid_generation_parameter", "generation"),
    ("GET", f"{IMAGES}&limit=0", None, 400, "validation_min_value", "limit"),
    ("GET", f"{IMAGES}&limit=101", None, 400, "validation_max_value", "limit"),
    ("GET", f"{IMAGES}&limit=ten", None, 400, "validation_invalid_field_type", "limit"),
    ("GET", f"{IMAGES}&limit=99999999999999999999", None, 400, "validation_invalid_field_type", "limit"),
    ("GET", f"{IMAGES}&start=made-up", None, 400, "invalid_id_format", "start"),
    ("GET", f"{IMAGES}&start=%ff%fe", None, 400, "invalid_id_format", "start"),
    ("GET", f"/v1/images/..%2f..%2fetc?{QUERY}", None, 404, "not_found", "id"),
    ("GET", f"/v1/images/{'x' * 4_000}?{QUERY}", None, 404, "not_found", "id"),
    ("GET", f"/v1/nothing?{QUERY}", None, 404, "invalid_route", "path"),
    ("POST", IMAGES, b"", 400, "validation_failure", "body"),
    ("POST", IMAGES, b"{", 400, "validation_failure", "body"),
    ("POST", IMAGES, b"\xff\xfe{}", 400, "validation_failure", "body"),
    ("POST", IMAGES, b"[" * 100_000, 400, "validation_invalid_field_type", "body"),
    ("POST", IMAGES, b'{"name":"a\\u0000b"}', 400, "validation_failure", "body"),
    ("POST", IMAGES, [], 400, "validation_invalid_field_type", "body"),
    ("POST", IMAGES, {}, 400, "validation_only_one", "file"),
    ("POST", IMAGES, {"file": FILE}, 400, "validation_required_field", "operating_system"),
    ("POST", IMAGES, {"file": {}, "operating_system": OS}, 400, "validation_required_field", "file.href"),
    ("POST", IMAGES, {"file": {"href": 7}, "operating_system": OS}, 400, "validation_invalid_field_type", "file.href"),
    ("POST", IMAGES, {"file": FILE, "operating_system": OS, "name": None}, 400, "validation_not_null", "name"),
    (
        "POST",
        IMAGES,
        {"file": FILE, "operating_system": OS, "name": "Bad_Name"},
        400,
        "validation_invalid_name",
        "name",
    ),
    ("POST", IMAGES, {"file": FILE, "operating_system": OS, "name": "a" * 64}, 400, "validation_max_value", "name"),
    ("POST", IMAGES, {"file": FILE, "operating_system": OS, "name": "ibm-x"}, 400, "validation_invalid_name", "name"),
    ("POST", IMAGES, {"file": FILE, "operating_system": OS, "name": "free"}, 400, "validation_unique_failed", "name"),
    ("POST", IMAGES, {"file": FILE, "operating_system": {"name": "beos"}}, 404, "not_found", "operating_system"),
    (
        "POST",
        IMAGES,
        {"file": FILE, "operating_system": {"name": "network-boot-ipxe"}},
        400,
        "operating_system_restricted",
        "operating_system",
    ),
    (
        "POST",
        IMAGES,
        {"file": {"href": "https://a/b"}, "operating_system": OS},
        400,
        "cos_scheme_uri_invalid",
        "file.href",
    ),
    (
        "POST",
        IMAGES,
        {"file": {"href": "cos://us-south/b"}, "operating_system": OS},
        400,
        "cos_uri_not_supported",
        "file.href",
    ),
    (
        "POST",
        IMAGES,
        {"file": {"href": "cos://us-south/images/a.iso"}, "operating_system": OS},
        400,
        "cos_invalid_file_extension",
        "file.href",
    ),
    (
        "POST",
        IMAGES,
        {"file": {"href": "cos://us-south/images/none.qcow2"}, "operating_system": OS},
        400,
        "cos_not_found",
        "file.href",
    ),
    (
        "POST",
        IMAGES,
        {"file": {"href": "cos://us-south/images/..%2F..%2Fkunsthalle.qcow2"}, "operating_system": OS},
        400,
        "cos_not_found",
        "file.href",
    ),
    (
        "POST",
        IMAGES,
        {"file": FILE, "operating_system": OS, "resource_group": {"id": "0" * 32}},
        400,
        "bad_field",
        "resource_group",
    ),
    ("POST", IMAGES, {"source_volume": {"id": "0717-nothing"}}, 404, "not_found", "source_volume"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code", "target"), VPC_ROWS)
def test_vpc(frozen: FrozenApp, method: str, path: str, body: Any, status: int, code: str, target: str) -> None:
    answer = frozen.call("owner", method, path, body)
    error = answer.json["errors"][0]
    assert (answer.status, error["code"], error["target"]["name"]) == (status, code, target), error
    assert answer.json["trace"]


def test_a_body_over_the_limit_is_refused_unread(frozen: FrozenApp) -> None:
    answer = frozen.call("owner", "POST", IMAGES, b"x" * (1024 * 1024 + 1))
    assert (answer.status, answer.json["errors"][0]["code"]) == (413, "request_too_large")


def test_a_method_that_a_path_does_not_offer(frozen: FrozenApp) -> None:
    answer = frozen.call("owner", "PUT", IMAGES)
    assert (answer.status, answer.json["errors"][0]["code"]) == (405, "method_not_allowed")


CATALOG_ROWS: list[tuple[str, str, Any, int, str]] = [
    ("POST", f"{BASE}/catalogs", {}, 400, "label"),
    ("POST", f"{BASE}/catalogs", {"label": ""}, 400, "label"),
    ("POST", f"{BASE}/catalogs", {"label": "x", "kind": "shop"}, 400, "kind"),
    ("POST", f"{BASE}/catalogs", {"label": "x", "tags": "y"}, 400, "tags"),
    ("POST", f"{BASE}/catalogs", {"label": "x", "resource_group_id": "0" * 32}, 400, "resource_group"),
    ("GET", f"{BASE}/offerings?limit=1000", None, 400, "limit"),
    ("GET", f"{BASE}/offerings?offset=-1", None, 400, "offset"),
    ("GET", f"{BASE}/offerings?select=mine", None, 400, "select"),
    ("GET", f"{BASE}/offerings?sort=price", None, 400, "sort"),
    ("GET", f"{BASE}/versions/bogus-version-locator-id", None, 404, "version_loc_id"),
    ("GET", f"{BASE}/catalogs/none", None, 404, "catalog_id"),
    ("GET", f"{BASE}/shareapproval/shop/access", None, 400, "type"),
    ("POST", f"{BASE}/shareapproval/offering/access/source/maybe", [], 400, "state"),
    ("POST", f"{BASE}/shareapproval/offering/access", ["somebody"], 400, "body"),
    ("POST", f"{BASE}/shareapproval/offering/access", {"a": 1}, 400, "body"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "target"), CATALOG_ROWS)
def test_catalog(frozen: FrozenApp, method: str, path: str, body: Any, status: int, target: str) -> None:
    answer = frozen.call("owner", method, path, body)
    error = answer.json["errors"][0]
    assert (answer.status, error["target"]["name"]) == (status, target), error
    assert (answer.json["status_code"], bool(answer.json["trace"])) == (status, True)


def _version(frozen: FrozenApp, **changes: Any) -> dict[str, Any]:
    images = [{"id": frozen.ids["free image"], "region": "us-south"}]
    body = {"target_kinds": ["vpc-x86"], "version": "2.0.0", "metadata": {"images": images}}
    return {**body, **changes}


def _images(*images: Any) -> dict[str, Any]:
    return {"metadata": {"images": list(images)}}


IMPORT_ROWS: list[tuple[dict[str, Any], int, str]] = [
    ({"target_kinds": ["iks"]}, 400, "target_kinds"),
    ({"target_kinds": None}, 400, "target_kinds"),
    ({"format_kind": "helm"}, 400, "format_kind"),
    ({"install_kind": "terraform"}, 400, "install_kind"),
    ({"version": None}, 400, "version"),
    ({"version": "one"}, 400, "version"),
    ({"version": "1.0.0"}, 409, "version"),
    ({"metadata": None}, 400, "metadata"),
    ({"metadata": {}}, 400, "metadata.images"),
    (_images(), 400, "metadata.images"),
    (_images({"id": 7, "region": "us-south"}), 400, "metadata.images"),
    (_images({"id": "r006-nothing", "region": "us-south"}), 400, "metadata.images[0].id"),
]


@pytest.mark.parametrize(("changes", "status", "target"), IMPORT_ROWS)
def test_version_import(frozen: FrozenApp, changes: dict[str, Any], status: int, target: str) -> None:
    path = f"{BASE}/catalogs/{frozen.ids['catalogs']}/offerings/{frozen.ids['offerings']}/version"
    before = frozen.ok("owner", "GET", path.removesuffix("/version"))
    answer = frozen.call("owner", "POST", path, _version(frozen, **changes))
    error = answer.json["errors"][0]
    assert (answer.status, error["target"]["name"]) == (status, target), error
    assert frozen.ok("owner", "GET", path.removesuffix("/version")) == before


def test_an_image_in_another_region_twice_or_already_managed_enters_no_version(frozen: FrozenApp) -> None:
    path = f"{BASE}/catalogs/{frozen.ids['catalogs']}/offerings/{frozen.ids['offerings']}/version"
    free, managed = frozen.ids["free image"], frozen.ids["images"]
    for images, status in (
        ([{"id": free, "region": "eu-de"}], 400),
        ([{"id": free, "region": "us-south"}, {"id": free, "region": "us-south"}], 400),
        ([{"id": managed, "region": "us-south"}], 409),
    ):
        answer = frozen.call("owner", "POST", path, _version(frozen, metadata={"images": images}))
        assert answer.status == status, answer.body


TOKEN_ROWS = [
    (b"", "BXNIM0109E"),
    (b"grant_type=password", "BXNIM0109E"),
    (b"grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey=wrong", "BXNIM0415E"),
    (b"grant_type=urn:ibm:params:oauth:grant-type:apikey", "BXNIM0415E"),
    (b"grant_type=refresh_token&refresh_token=wrong", "BXNIM0408E"),
    (b"\xff\xfe=1", "BXNIM0106E"),
    (b"&".join(b"a=1" for _ in range(60)), "BXNIM0106E"),
]


@pytest.mark.parametrize(("form", "code"), TOKEN_ROWS)
def test_token(frozen: FrozenApp, form: bytes, code: str) -> None:
    answer = frozen.call("", "POST", "/identity/token", form)
    assert (answer.status, answer.json["errorCode"]) == (400, code)


PLATFORM_ROWS: list[tuple[str, str, Any, int]] = [
    ("GET", "/v2/resource_groups?default=perhaps", None, 400),
    ("GET", "/v2/resource_groups/none", None, 404),
    ("POST", "/v1/apikeys", {"name": "x"}, 400),
    ("POST", "/v1/apikeys", {"name": "x", "iam_id": "IBMid-NOBODY"}, 403),
    ("POST", "/v1/apikeys", {"name": "x", "iam_id": "iam-ServiceId-none"}, 400),
    ("GET", "/v1/apikeys/none", None, 404),
    ("POST", "/v1/policies", {"type": "wish"}, 400),
    ("POST", "/v1/policies", {"type": "access", "subjects": [], "roles": [], "resources": []}, 400),
    ("POST", "/v1/reclamations/none/actions/restore", {}, 404),
    ("GET", "/elsewhere", None, 404),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), PLATFORM_ROWS)
def test_platform(frozen: FrozenApp, method: str, path: str, body: Any, status: int) -> None:
    answer = frozen.call("owner", method, path, body)
    assert (answer.status, len(answer.json["errors"])) == (status, 1), answer.body


def test_errors_are_json_with_their_trace_in_a_header(frozen: FrozenApp) -> None:
    answer = frozen.call("owner", "GET", "/v1/images")
    headers = dict(answer.headers)
    assert headers[b"content-type"] == b"application/json; charset=utf-8"
    assert headers[b"x-request-id"].decode() == json.loads(answer.body)["trace"]
