"""Tells which catalogs of an account hold nothing: the program under test. It knows nothing of Kunsthalle."""

from __future__ import annotations

from ibm_platform_services import CatalogManagementV1


def empty_catalogs(client: CatalogManagementV1) -> list[str]:
    """The labels of the account's catalogs without an offering."""
    catalogs = client.list_catalogs().get_result()["resources"]
    return [one["label"] for one in catalogs if not client.list_offerings(one["id"]).get_result()["total_count"]]
