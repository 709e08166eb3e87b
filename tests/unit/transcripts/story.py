"""What a publisher and a consumer do, as a program that anybody could have written: with SDKs, loops that wait, and
mistakes.
"""

from __future__ import annotations

from typing import Any

from ibm_cloud_sdk_core import ApiException

from fixtures.clients import Account, Product, eventually
from kunsthalle.testing import Served
from kunsthalle.transcripts.models import Transcript
from kunsthalle.transcripts.recorder import Recorder


def recorder_of(served: Served, **options: Any) -> Recorder:
    """Records a served process."""
    names = {served.env(name)["IBMCLOUD_ACCOUNT_ID"]: name for name in ("publisher", "consumer-a", "outsider")}
    return Recorder(
        served.operate,
        served.env("publisher")["KUNSTHALLE_URL"],
        names,
        **{"durations": False, "every_call": False, **options},
    )


def recorded_story(served: Served, **options: Any) -> Transcript:
    """The story, as it was recorded."""
    recorder = recorder_of(served, **options).start()
    tell(served)
    transcript = recorder.stop()
    assert recorder.failed == ""
    return transcript


def tell(served: Served) -> None:
    """From the import to the time after the deprecation."""
    publisher, consumer, outsider = (Account(served, name) for name in ("publisher", "consumer-a", "outsider"))
    image = publisher.import_image("masterpiece", b"masterpiece")
    product = Product(publisher, image, "masterpiece")
    product.publish()
    product.share_with(consumer)
    product.accept_as(consumer)
    borrowed = consumer.boot("borrowed", catalog_offering={"version": {"crn": product.version["crn"]}})
    for stranger in (consumer, outsider):
        _refused(lambda who=stranger: who.vpc.get_image(image["id"]))
    served.operate("POST", "/_kunsthalle/faults", {"on": "call", "match": "GET /v1/volumes*", "effect": "refuse"})
    _refused(consumer.vpc.list_volumes)
    served.operate("POST", "/_kunsthalle/faults", {"on": "job", "match": "image.import", "effect": "fail"})
    broken = consumer.import_image("broken", b"broken")
    assert broken["status"] == "failed"
    later = publisher.import_image("later", b"later")
    publisher.vpc.update_image(later["id"], {"deprecation_at": _in_days(served, 5)})
    served.advance("7d")
    assert publisher.vpc.get_image(later["id"]).get_result()["status"] == "deprecated"
    consumer.vpc.create_instance_action(borrowed["id"], type="stop")
    eventually(lambda: consumer.vpc.get_instance(borrowed["id"]).get_result()["status"] == "stopped", "the stop")
    publisher.catalog.delete_catalog(product.catalog["id"])
    assert publisher.controller.list_reclamations().get_result()["resources"]


def _refused(call: Any) -> None:
    try:
        call()
    except ApiException:
        return
    raise AssertionError("the call was answered")


def _in_days(served: Served, days: int) -> str:
    from kunsthalle.core.clock import DAY, moment, rfc3339

    return rfc3339(moment(served.operate("GET", "/_kunsthalle/clock")["now"]) + days * DAY)
