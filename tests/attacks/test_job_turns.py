"""An account that asks for very many imports: others' imports and short jobs go on, and the account is told to wait."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ibm_cloud_sdk_core import ApiException

from fixtures.clients import Account, eventually
from hostile_images import builders_qcow2 as q
from kunsthalle.disk_images.writers import write_qcow2

MOST = 12
pytestmark = pytest.mark.served("--account-transfers", str(MOST), "--workers", "2")


def _large(account: Account, name: str, size: int) -> str:
    """An import that takes a while: a valid image with a long file."""
    path = Path(account.bucket) / name
    write_qcow2(path, 2**30, os.urandom(size))
    return f"cos://us-south/images/{name}"


def _post(account: Account, name: str, href: str) -> str:
    system = {"name": "debian-12-amd64"}
    made = account.vpc.create_image({"name": name, "file": {"href": href}, "operating_system": system})
    return str(made.get_result()["id"])


def _post_or_wait(account: Account, name: str, href: str) -> str | None:
    """None while imports whose images were deleted have not ended yet."""
    try:
        return _post(account, name, href)
    except ApiException as error:
        if error.status_code != 429:
            raise
        return None


def test_many_imports_of_one_account_are_refused_and_another_account_is_served_in_between(
    attacker: Account, victim: Account
) -> None:
    href = _large(attacker, "large.qcow2", 128 * 2**20)
    posted, refused = [], None
    for number in range(MOST * 3):
        try:
            posted.append(_post(attacker, f"flood-{number}", href))
        except ApiException as error:
            refused = error
            break
    assert refused is not None
    assert (refused.status_code, refused.http_response.headers["Retry-After"]) == (429, "10")
    (problem,) = refused.http_response.json()["errors"]
    assert problem["code"] == "rate_limit_exceeded"
    assert f"at most {MOST} are allowed" in problem["message"]
    mine = _post(victim, "mine", victim.put_image("mine.qcow2"))
    assert victim.settled_image(mine)["status"] == "available"
    waiting = [id_ for id_ in posted if attacker.vpc.get_image(id_).get_result()["status"] == "pending"]
    assert waiting, "the victim's import came last"
    for id_ in posted:
        attacker.vpc.delete_image(id_)


def test_images_with_very_many_header_extensions_are_refused_at_their_start(attacker: Account, victim: Account) -> None:
    many = ((1, b""),) * 200_000
    (Path(attacker.bucket) / "many.qcow2").write_bytes(q.good(cluster_bits=21, extensions=many))
    href = "cos://us-south/images/many.qcow2"
    posted = [eventually(lambda: _post_or_wait(attacker, f"many-{number}", href), "room") for number in range(8)]  # noqa: B023  called at once
    mine = _post(victim, "beside", victim.put_image("beside.qcow2"))
    assert victim.settled_image(mine)["status"] == "available"
    for id_ in posted:
        (reason,) = attacker.settled_image(id_)["status_reasons"]
        assert "more than 64 header extensions" in reason["message"]
