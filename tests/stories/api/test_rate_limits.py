"""The retries of IBM's SDK wait as long as a limit of requests says, and get their answer."""

from __future__ import annotations

import time

import pytest
from ibm_cloud_sdk_core import ApiException

from fixtures.clients import Account
from fixtures.served import node_urls
from kunsthalle.testing.served import Served

pytestmark = pytest.mark.served("--account-rate", "60")
AT_ONCE = 10


def test_the_sdk_waits_and_is_answered(served: Served) -> None:
    account = Account(served, "publisher")
    refused = None
    for _ in range(3 * AT_ONCE * len(node_urls(served))):  # a limit is one of each node
        try:
            account.vpc.list_vpcs()
        except ApiException as error:
            refused = error
            break
    assert refused is not None, "the limit is reached"
    assert (refused.status_code, refused.http_response.json()["errors"][0]["code"]) == (429, "rate_limit_exceeded")
    seconds = int(refused.http_response.headers["Retry-After"])
    account.vpc.enable_retries(max_retries=4, retry_interval=30)
    begun = time.monotonic()
    assert account.vpc.list_vpcs().get_status_code() == 200
    assert 0.9 * seconds <= time.monotonic() - begun < 30, "as long as Retry-After says, not by its own measure"
