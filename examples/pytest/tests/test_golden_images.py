"""Each test has a world of its own: what one imports, no other sees."""

from __future__ import annotations

import pytest
from golden_images import count_images, import_image, remove_image
from ibm_cloud_sdk_core import ApiException


@pytest.fixture
def image(kunsthalle_publisher, kunsthalle_world, kunsthalle_bucket):
    href = kunsthalle_bucket.put_image("golden.qcow2")
    return import_image(kunsthalle_publisher.vpc, "golden", href, kunsthalle_world.settle)


def test_an_image_is_imported_once(image, kunsthalle_publisher, kunsthalle_world):
    again = import_image(
        kunsthalle_publisher.vpc, "golden", "cos://us-south/images/golden.qcow2", kunsthalle_world.settle
    )
    assert (image["status"], again["id"]) == ("available", image["id"])


def test_another_account_does_not_see_it(image, kunsthalle_consumer):
    with pytest.raises(ApiException) as refused:
        kunsthalle_consumer.vpc.get_image(image["id"])
    assert refused.value.status_code == 404


def test_removing_survives_an_answer_that_is_lost(image, kunsthalle_publisher, kunsthalle_faults, kunsthalle_world):
    kunsthalle_publisher.vpc.enable_retries(max_retries=3, retry_interval=0.1)
    kunsthalle_faults.call("DELETE /v1/images/*", "lose", status=503)
    remove_image(kunsthalle_publisher.vpc, image["id"])
    kunsthalle_world.settle()
    assert kunsthalle_publisher.vpc.list_images(visibility="private").get_result()["images"] == []


@pytest.mark.asyncio
async def test_counting(image, kunsthalle_world, kunsthalle_publisher, kunsthalle_outsider):
    assert await count_images(kunsthalle_world.url, kunsthalle_publisher.token) == 1
    assert await count_images(kunsthalle_world.url, kunsthalle_outsider.token) == 0


def test_the_command_line_finds_it(image, kunsthalle_ibmcloud):
    assert "golden" in kunsthalle_ibmcloud("is", "image", image["id"]).stdout


def test_a_year_later(image, kunsthalle_clock, kunsthalle_publisher):
    kunsthalle_clock.advance("365d")
    assert kunsthalle_publisher.vpc.get_image(image["id"]).get_result()["status"] == "available"
