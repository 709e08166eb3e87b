"""A stranger measures how long a 404 takes: what is hidden is as much work as what never existed.

The work of the served process is counted, not timed (`counting/sitecustomize.py`). Of several calls the count in the
middle is taken: now and then the process does something else meanwhile, or reads in another thread.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median_low

import pytest

from attacks.people import Person, owner
from fixtures.clients import Account
from kunsthalle.testing import Served

COUNTING = Path(__file__).parent / "counting"
VPC = "version=2025-06-30&generation=2"
BASE = "/api/v1-beta"
REPEATED = 7
MOST_STEPS = 12
"""Steps by which two look-ups may differ, of hundreds: a comparison takes one or two, a sub-query dozens."""
MOST_CALLS = 40
"""Calls of Python functions, of hundreds: the event loop makes some more where a request comes in pieces."""
Counts = tuple[int, int]


class Counted(Served):
    """A server whose work is counted."""

    def __init__(self, data: Path, *options: str) -> None:
        super().__init__(data, *options)
        self._path = data.parent / "counted-work"
        self._path.write_bytes(bytes(16))
        with self._path.open("r+b") as file:
            self._counts = memoryview(mmap.mmap(file.fileno(), 16)).cast("Q")

    def environment(self) -> dict[str, str]:
        found = {"PYTHONPATH": f"{COUNTING}{os.pathsep}{os.environ.get('PYTHONPATH', '')}".rstrip(os.pathsep)}
        return {**super().environment(), **found, "KUNSTHALLE_COUNTED_WORK": str(self._path)}

    def counts(self) -> Counts:
        return self._counts[0], self._counts[1]


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    with Counted(tmp_path_factory.mktemp("counted") / "data", "--hypervisor", "simulated", "--access-log", "off") as it:
        yield it


@pytest.fixture(scope="module")
def publisher(counted: Counted) -> Person:
    return owner(counted, "publisher")


def _usual(counted: Counted, person: Person, path: str, *, anew: bool) -> Counts:
    """The work of a call that ends in 404: `anew` of one that was not made before, else of one that is repeated."""
    counts = []
    for number in range(REPEATED):
        before = counted.counts()
        assert person("GET", path, **{"X-Attempt": str(number if anew else 0)}).status == 404, path
        after = counted.counts()
        counts.append((after[0] - before[0], after[1] - before[1]))
    return median_low(steps for steps, _ in counts), median_low(calls for _, calls in counts)


@pytest.fixture(scope="module")
def hidden(counted: Counted, publisher: Person) -> dict[str, tuple[str, str]]:
    """By kind: the path of something of the publisher's, which nobody else sees, with `{}` for the id; and the id."""
    vpc = publisher.ok("POST", f"/v1/vpcs?{VPC}", {"name": "hidden"})
    subnet = publisher.ok(
        "POST",
        f"/v1/subnets?{VPC}",
        {"vpc": {"id": vpc["id"]}, "zone": {"name": "us-south-1"}, "total_ipv4_address_count": 16},
    )
    catalog = publisher.ok("POST", f"{BASE}/catalogs", {"label": "hidden"})["id"]
    offering = publisher.ok("POST", f"{BASE}/catalogs/{catalog}/offerings", {"name": "hidden", "plans": []})
    at = f"{BASE}/catalogs/{catalog}/offerings/{offering['id']}"
    image = Account(counted, "publisher").import_image("hidden")
    images = [{"id": image["id"], "name": image["name"], "region": "us-south"}]
    imported = {"name": "hidden", "target_kinds": ["vpc-x86"], "version": "1.0.0", "metadata": {"images": images}}
    version = publisher.ok("POST", f"{at}/version", imported)["kinds"][0]["versions"][0]
    publisher.ok("POST", f"{at}/access", [owner(counted, "consumer-a").account_id])
    publisher.ok("POST", f"{at}/share", {"enabled": True})
    thing = publisher.ok("POST", f"{BASE}/catalogs/{catalog}/objects", {"name": "hidden"})["id"]
    account = {"account_id": publisher.account_id}
    service = publisher.ok("POST", "/v1/serviceids", {**account, "name": "hidden"})["id"]
    key = publisher.ok("POST", "/v1/apikeys", {**account, "name": "hidden", "iam_id": publisher.iam_id})["id"]
    profile = publisher.ok("POST", "/v1/profiles", {**account, "name": "hidden"})["id"]
    group = publisher.ok("POST", f"/v2/groups?account_id={publisher.account_id}", {"name": "hidden"})["id"]
    policy = publisher.ok("GET", f"/v1/policies?account_id={publisher.account_id}")["policies"][0]["id"]
    return {
        "vpc": (f"/v1/vpcs/{{}}?{VPC}", vpc["id"]),
        "subnet": (f"/v1/subnets/{{}}?{VPC}", subnet["id"]),
        "security group": (f"/v1/security_groups/{{}}?{VPC}", vpc["default_security_group"]["id"]),
        "catalog": (f"{BASE}/catalogs/{{}}", catalog),
        "offering": (f"{BASE}/catalogs/{catalog}/offerings/{{}}", offering["id"]),
        "name of an offering": (f"{BASE}/catalogs/{catalog}/offerings/{{}}?type=name", "hidden"),
        "version": (f"{BASE}/versions/{catalog}.{{}}", version["id"]),
        "image": (f"/v1/images/{{}}?{VPC}", image["id"]),
        "object": (f"{BASE}/catalogs/{catalog}/objects/{{}}", thing),
        "service ID": ("/v1/serviceids/{}", service),
        "API key": ("/v1/apikeys/{}", key),
        "profile": ("/v1/profiles/{}", profile),
        "access group": ("/v2/groups/{}", group),
        "policy": ("/v1/policies/{}", policy),
        "account": ("/v1/accounts/{}", publisher.account_id),
        "resource group": ("/v2/resource_groups/{}", publisher.ok("GET", "/v2/resource_groups")["resources"][0]["id"]),
    }


def _absent(id_: str) -> list[str]:
    """Ids of the same form that nobody has: one that stands before all others, one behind, and ones that look alike."""
    digits = [at for at, letter in enumerate(id_) if letter in "0123456789abcdef"][-12:]

    def of(letter: str) -> str:
        return "".join(letter if at in digits else one for at, one in enumerate(id_))

    return [of(letter) for letter in "07f"]


def _within(hidden: int, absent: Sequence[int], most: int) -> bool:
    """Whether what is hidden costs what some that are absent do."""
    return min(absent) - most <= hidden <= max(absent) + most


@pytest.mark.parametrize("anew", [True, False], ids=["anew", "repeated"])
def test_nobody_learns_by_the_work_what_is_there(
    counted: Counted, hidden: dict[str, tuple[str, str]], anew: bool
) -> None:
    """Repeated calls may be answered from what is kept, without a step of the database."""
    told: dict[tuple[str, str], list[Counts]] = {}
    for name in ("consumer-b", "outsider"):
        stranger = owner(counted, name)
        for kind, (path, id_) in hidden.items():
            counts = [_usual(counted, stranger, path.format(one), anew=anew) for one in (id_, *_absent(id_))]
            assert min(calls if not anew else min(steps, calls) for steps, calls in counts) > 0, "something is counted"
            for at, most in enumerate((MOST_STEPS, MOST_CALLS)):
                masked, *absent = (one[at] for one in counts)
                if not _within(masked, absent, most):
                    told[name, kind] = counts
    assert told == {}
