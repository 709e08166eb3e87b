"""The walks of all services with an SDK of another language: what is called is what the tests of the Python SDK call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ibm_platform_services import (
    CatalogManagementV1,
    EnterpriseManagementV1,
    IamAccessGroupsV2,
    IamIdentityV1,
    IamPolicyManagementV1,
)
from ibm_vpc import VpcV1

from fixtures.bridge import Bridge, Service
from fixtures.clients import Account
from fixtures.sdk import Judge
from kunsthalle.testing import Served
from stories.api import account_calls, catalog_current_calls, test_iam_operations, test_vpc_operations


class _Caller(Judge):
    """Calls operations of a foreign SDK, whose own models judge."""

    def _judge(self, said: str, result: Any) -> None:
        """Nothing: the bridge has compared the answer with the model."""


def vpc(bridge: Bridge, served: Served) -> None:
    for walk, name in test_vpc_operations.WALKS:
        account = Account(served, name)
        service = Service(bridge, VpcV1, account.env["IBMCLOUD_IS_NG_API_ENDPOINT"], account.authenticator)
        caller = _Caller(service, left_out={"threads_per_core", "reservation_affinity"})
        walk(caller, account, served)
        assert caller.wrong == {}


def iam(bridge: Bridge, served: Served) -> None:
    account = Account(served, "consumer-b")
    for python, steps in test_iam_operations.WALKS.items():
        service = Service(bridge, python, account.url, account.authenticator)
        for name, call, _model in steps(service, account):
            call()


def accounts(bridge: Bridge, served: Served) -> None:
    account = Account(served, "enterprise")
    for python, steps in account_calls.WALKS.items():
        at = account.env["IBMCLOUD_ENTERPRISE_API_ENDPOINT"] if python is EnterpriseManagementV1 else account.url
        service = Service(bridge, python, at, account.authenticator)
        for name, call, _model, status in steps(service, account, served):
            assert call().get_status_code() == status, name


def new_enterprise(bridge: Bridge, served: Served) -> None:
    account = Account(served, "outsider")
    at = account.env["IBMCLOUD_ENTERPRISE_API_ENDPOINT"]
    _name, call, _model, status = account_calls.found(
        Service(bridge, EnterpriseManagementV1, at, account.authenticator), account
    )
    assert call().get_status_code() == status


def catalogs(bridge: Bridge, served: Served) -> None:
    catalog_current_calls.Walk(bridge, served).steps()
