"""The walks of all services with an SDK of another language: it is called as the tests of the Python SDK call that."""

from __future__ import annotations

from typing import Any

from ibm_platform_services import CatalogManagementV1, EnterpriseManagementV1, GlobalCatalogV1
from ibm_vpc import VpcV1

from fixtures.bridge import Bridge, ForeignAccount
from fixtures.sdk import Judge
from kunsthalle.testing import Served
from stories.api import account_calls, catalog_current_calls, test_iam_operations, test_vpc_operations

SERVICES: dict[str, tuple[type, ...]] = {
    "vpc": (VpcV1,),
    "catalogs": (CatalogManagementV1,),
    "iam": tuple(test_iam_operations.WALKS),
    "accounts": (*account_calls.WALKS, GlobalCatalogV1),
}
"""The services of each walk."""


class _Caller(Judge):
    """Calls operations of a foreign SDK, whose own models judge."""

    def _judge(self, said: str, result: Any) -> None:
        """Nothing: the bridge has compared the answer with the model."""


def vpc(bridge: Bridge, served: Served) -> None:
    """All of VPC. Of what a template was sent, an older SDK leaves out a field, and Go an empty list."""
    for walk, name in test_vpc_operations.WALKS:
        account = ForeignAccount(served, name, bridge)
        caller = _Caller(account.service(VpcV1), left_out={"threads_per_core", "reservation_affinity"})
        walk(caller, account, served)
        assert caller.wrong == {}


def catalogs(bridge: Bridge, served: Served) -> None:
    """All of Catalog Management."""
    accounts = [ForeignAccount(served, name, bridge) for name in catalog_current_calls.CALLERS]
    catalog_current_calls.Walk(served, *accounts).steps()


def iam(bridge: Bridge, served: Served) -> None:
    """Identities, policies, access groups."""
    account = ForeignAccount(served, "consumer-b", bridge)
    for service, steps in test_iam_operations.WALKS.items():
        for _name, call, _model in steps(account.service(service), account):
            call()


def accounts(bridge: Bridge, served: Served) -> None:
    """The enterprise, users, resource groups, the resource controller, search and tags."""
    account = ForeignAccount(served, "enterprise", bridge)
    for service, steps in account_calls.WALKS.items():
        for name, call, _model, status in steps(account.service(service), account):
            assert call().get_status_code() == status, name
    entries = account.service(GlobalCatalogV1)
    storage = entries.list_catalog_entries(q="cloud-object-storage", include="*").get_result()["resources"][0]
    for kind in ("plan", "*"):
        plans = entries.get_child_objects(storage["id"], kind).get_result()["resources"]
        assert {plan["parent_id"] for plan in plans} == {storage["id"]}
    (deployment,) = entries.get_child_objects(plans[0]["id"], "deployment").get_result()["resources"]
    for entry in (storage, plans[0], deployment):
        assert entries.get_catalog_entry(entry["id"], include="*").get_result() == entry


def new_enterprise(bridge: Bridge, served: Served) -> None:
    """The one operation that needs an account outside any enterprise."""
    account = ForeignAccount(served, "outsider", bridge)
    _name, call, _model, status = account_calls.found(account.service(EnterpriseManagementV1), account)
    assert call().get_status_code() == status
