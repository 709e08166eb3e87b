"""Calls of every operation of images, volumes, snapshots and profiles; the models of the SDK are the judge."""

from __future__ import annotations

from typing import Any

from ibm_cloud_sdk_core import ApiException

from fixtures.clients import Account, eventually
from fixtures.sdk import Judge
from kunsthalle.testing import Served

SYSTEM = {"name": "debian-12-amd64"}
ZONE = {"name": "us-south-1"}
GENERAL = {"name": "general-purpose"}
FAR, FARTHER = "2099-01-01T00:00:00Z", "2099-02-01T00:00:00Z"
EXPRESSION = {"api_version": "2026-10-06", "instance": "gpu.count == 0", "bare_metal_server": "true"}


def absent(judge: Judge, operation: str, *arguments: Any) -> None:
    """An operation on what no account has here: it says so as the API does."""
    try:
        getattr(judge.vpc, operation)(*arguments)
    except ApiException as error:
        assert (error.status_code, error.http_response.json()["errors"][0]["code"]) == (404, "not_found")
        judge.conforming.add(operation)
        return
    raise AssertionError(f"{operation} found something")


def settled(judge: Judge, operation: str, id_: str, field: str, value: str) -> dict[str, Any]:
    """The resource once its work has ended well."""

    def there() -> Any:
        found = judge(operation, id_)
        assert found[field] != "failed", found
        return found if found[field] == value else None

    return dict(eventually(there, f"{operation} {value}"))


def images(judge: Judge, account: Account, _served: Served) -> None:
    judge("list_operating_systems", limit=2)
    judge("get_operating_system", "windows-2022-amd64")
    minimal = {"file": {"href": account.put_image("walk.qcow2")}, "operating_system": SYSTEM}
    made = judge("create_image", minimal)
    full = {**minimal, "name": "walk-full", "allowed_use": EXPRESSION, "deprecation_at": FAR}
    full |= {"obsolescence_at": FARTHER, "resource_group": {"id": made["resource_group"]["id"]}}
    whole = judge("create_image", full)
    for one in (made, whole):
        settled(judge, "get_image", one["id"], "status", "available")
    listed = judge("list_images", name="walk-full", status=["available"], visibility="private", limit=1)["images"]
    assert [one["id"] for one in listed] == [whole["id"]]
    judge("list_images", resource_group_id=made["resource_group"]["id"], user_data_format=["cloud_init"])
    judge("update_image", whole["id"], {"name": "walk-other", "deprecation_at": None, "obsolescence_at": FAR})
    judge("list_image_instance_profiles", whole["id"], limit=5)
    judge("list_image_bare_metal_server_profiles", whole["id"], limit=5)
    exports(judge, made["id"])
    judge("deprecate_image", made["id"])
    assert judge("get_image", made["id"])["status"] == "deprecated"
    judge("obsolete_image", made["id"])
    assert judge("get_image", made["id"])["status"] == "obsolete"
    judge("delete_image", made["id"])


def exports(judge: Judge, image_id: str) -> None:
    bucket = {"name": "images"}
    minimal = judge("create_image_export_job", image_id, bucket)
    full = judge("create_image_export_job", image_id, bucket, format="vhd", name="walk-export")
    judge("list_image_export_jobs", image_id, name="walk-export")
    judge("get_image_export_job", image_id, full["id"])
    judge("update_image_export_job", image_id, full["id"], {"name": "walk-renamed"})

    def done() -> Any:
        job = judge("get_image_export_job", image_id, minimal["id"])
        assert job["status"] != "failed", job
        return job["status"] == "succeeded"

    eventually(done, "the export")
    judge("delete_image_export_job", image_id, minimal["id"])


def storage(judge: Judge, account: Account, _served: Served) -> None:
    judge("list_volume_profiles", limit=3)
    judge("get_volume_profile", "sdp")
    data = judge("create_volume", {"profile": GENERAL, "zone": ZONE, "capacity": 10})
    full = {"profile": {"name": "custom"}, "zone": ZONE, "capacity": 20, "iops": 1000, "name": "walk-volume"}
    full |= {"user_tags": ["walk:full"], "resource_group": {"id": data["resource_group"]["id"]}}
    whole = judge("create_volume", full)
    for one in (data, whole):
        settled(judge, "get_volume", one["id"], "status", "available")
    judge("list_volumes", name="walk-volume", attachment_state="unattached", zone_name="us-south-1", limit=1)
    tag = judge.vpc.get_volume(whole["id"]).get_headers()["etag"]
    judge("update_volume", whole["id"], {"name": "walk-renamed-volume", "user_tags": []}, if_match=tag)
    judge("list_volume_jobs", whole["id"], limit=2)
    judge("list_volume_software_attachments", whole["id"])
    absent(judge, "get_volume_software_attachment", whole["id"], data["id"])
    boot = snapshots(judge, account)
    judge("list_volume_instance_profiles", boot, limit=2)
    judge("create_image", {"source_volume": {"id": boot}, "name": "walk-captured"})
    judge("delete_volume", data["id"])


def snapshots(judge: Judge, account: Account) -> str:
    """Of a running server's boot volume; its id."""
    image = account.import_image("walk-bootable")
    server = account.boot("walk-source", image={"id": image["id"]})
    boot = server["boot_volume_attachment"]["volume"]["id"]
    judge("create_instance_action", server["id"], "stop")
    settled(judge, "get_instance", server["id"], "status", "stopped")
    minimal = judge("create_snapshot", {"source_volume": {"id": boot}})
    clones = {"clones": [{"zone": ZONE}], "user_tags": ["walk:snapshot"], "name": "walk-snapshot"}
    full = judge("create_snapshot", {"source_volume": {"id": boot}, **clones})
    for one in (minimal, full):
        settled(judge, "get_snapshot", one["id"], "lifecycle_state", "stable")
    judge("list_snapshots", source_volume_id=boot, name="walk-snapshot", sort="-created_at", limit=1)
    tag = judge.vpc.get_snapshot(full["id"]).get_headers()["etag"]
    judge("update_snapshot", full["id"], {"name": "walk-renamed-snapshot"}, if_match=tag)
    judge("create_snapshot_clone", full["id"], "us-south-2")
    judge("list_snapshot_clones", full["id"])
    judge("get_snapshot_clone", full["id"], "us-south-2")
    judge("delete_snapshot_clone", full["id"], "us-south-2")
    judge("list_snapshot_instance_profiles", full["id"], limit=2)
    judge("list_snapshot_software_attachments", full["id"])
    absent(judge, "get_snapshot_software_attachment", full["id"], boot)
    restored = judge("create_volume", {"profile": GENERAL, "zone": ZONE, "source_snapshot": {"id": full["id"]}})
    settled(judge, "get_volume", restored["id"], "status", "available")
    judge("delete_snapshot", minimal["id"])
    judge("delete_snapshots", boot)
    return str(boot)


def profiles(judge: Judge, _account: Account, _served: Served) -> None:
    for one in judge("list_instance_profiles", limit=100)["profiles"]:
        judge("get_instance_profile", one["name"])
