"""The main job, from a file to the end of a reclamation, by everybody who has a part in it: by clicks and words alone.

Nobody types an ID or an address, and nobody loads a page again. Each way to use a page walks it once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.local import folder
from kunsthalle.local.client import access_token, call
from kunsthalle.testing import Served
from stories.console.walks.visitor import Visitor

WAYS: dict[str, dict[str, Any]] = {
    "with the pointer": {},
    "by keyboard alone": {"by_keyboard": True},
    "at 400 px": {"width": 400},
    "without scripts": {"scripts": False},
    "in the dark": {"scheme": "dark"},
}
pytestmark = [pytest.mark.needs_chromium, pytest.mark.by_turns(len(WAYS))]


def _key_of_an_auditor(served: Served) -> str:
    """Somebody who may look at everything of the publisher's, the audit too, and change nothing of its resources."""
    env = served.env("publisher")
    token, account = access_token(served.url, env["IBMCLOUD_API_KEY"]), env["IBMCLOUD_ACCOUNT_ID"]
    users = f"/v2/accounts/{account}/users"
    call(served.url, "POST", users, token, {"users": [{"email": "auditor@publisher.example"}]})
    made = served.operate(
        "POST", "/_kunsthalle/api_keys", {"account": "publisher", "user": "auditor@publisher.example"}
    )
    for service, role in (("is", "Viewer"), ("globalcatalog-collection", "Viewer"), (AUDITED, "Administrator")):
        on = [{"name": "accountId", "value": account}, {"name": "serviceName", "value": service}]
        policy = {
            "type": "access",
            "subjects": [{"attributes": [{"name": "iam_id", "value": made["iam_id"]}]}],
            "roles": [{"role_id": f"crn:v1:bluemix:public:iam::::role:{role}"}],
            "resources": [{"attributes": on}],
        }
        call(served.url, "POST", "/v1/policies", token, policy)
    return str(made["api_key"])


AUDITED = "iam-access-management"
"""The service that the audit belongs to."""


@pytest.fixture(scope="module")
def auditor_key(served: Served, browser: Any) -> str:
    """The key of an auditor who has accepted the invitation."""
    key = _key_of_an_auditor(served)
    with Visitor(browser, served.url, key) as invited:
        invited.sign_in().press("Accept invitation").sees("You have accepted the invitation")
    return key


@pytest.fixture(params=list(WAYS))
def people(
    request: pytest.FixtureRequest, served: Served, browser: Any, auditor_key: str
) -> Iterator[dict[str, Visitor]]:
    """Everybody at a browser of their own, used in one way."""
    keys = {name: served.env(name)["IBMCLOUD_API_KEY"] for name in ("publisher", "consumer-a", "outsider")}
    keys["auditor"] = auditor_key
    with ExitStack() as stack:
        way = WAYS[request.param]
        yield {
            name: stack.enter_context(Visitor(browser, served.url, key, **way)).sign_in() for name, key in keys.items()
        }


def _upload(publisher: Visitor, served: Served, path: Path) -> None:
    """A file of one's own; without scripts, one that is in the bucket already."""
    publisher.menu("Images").press("Custom images", "Import image")
    if publisher.scripts:
        publisher.press("Upload a file").choose(path).press("Upload file")
        publisher.page.wait_for_url("**/images/custom/import?**")
    else:
        Path(served.bucket("publisher"), path.name).write_bytes(path.read_bytes())
        publisher.press("Choose from a bucket", path.name)
    publisher.sees("a QCOW2 image", "The file itself names this operating system").accessible()
    publisher.press("Import").sees("Available").accessible()


def _publish(publisher: Visitor, image: str, catalog: str) -> None:
    publisher.menu("Private catalogs").press("Create catalog").fill(label=catalog).press("Create catalog")
    publisher.sees("The catalog has been created").menu("Images").press("Custom images", image, "Share to catalog")
    publisher.pick("place", f"{catalog}: a new offering").fill(name=image, version="1.0.0").press("Share to catalog")
    publisher.sees("The image is a version now", "has not been validated").accessible()
    publisher.press("Validate", "Validate").sees("No version is published").press("Publish", "Publish")
    publisher.sees("No account is on the access list").press("Add accounts")
    publisher.tick("enterprise (enterprise)").press("Add accounts").sees("The access list is not in effect")
    publisher.press("Switch sharing on", "Switch on").sees("Sharing is on").accessible()


def _boot(consumer: Visitor, image: str) -> None:
    consumer.menu("Share requests").accessible().press("Accept publisher").sees("The request is accepted")
    consumer.menu("Images").press(image, "Create instance from 1.0.0").accessible()
    consumer.fill(name=image).press("Create instance").sees("Running", "cannot be opened here").accessible()


def _look(auditor: Visitor, image: str) -> None:
    """The auditor sees what was done, and why nothing of it is for them to do."""
    auditor.menu("Images").press("Custom images", image).sees("SHA-256 of the file").accessible()
    auditor.is_told_why_not("Rename", "You have no role in this account that permits this.")
    auditor.menu("Audit").sees("globalcatalog-collection.offering.create").accessible()


def _operate(operator: Visitor, served: Served) -> None:
    operator.menu("Operate this server").fill(operator_token=folder.credentials(served.data)["operator_token"])
    operator.press("Enter operator mode").sees("Overview").press("Nodes and jobs").sees("image.import").accessible()
    operator.press("Doctor", "Examine").sees("Healthy").accessible()
    operator.press("Leave operator mode", "Leave operator mode")


def _end(publisher: Visitor, consumer: Visitor, image: str, catalog: str) -> None:
    consumer.menu("Virtual server instances").press(image, "Delete", "Delete").sees("The instance is being deleted")
    publisher.menu("Private catalogs").press(catalog, "Delete").fill(confirm=catalog).press("Delete catalog")
    publisher.sees("until it is reclaimed").act(catalog, "Reclaim now").press("Reclaim now")
    publisher.sees("can no longer be restored").menu("Images").press("Custom images", image, "Delete", "Delete")
    publisher.sees("The image is being deleted")
    consumer.menu("Share requests").press("Block publisher").sees("The request is declined")


def test_from_a_file_to_the_end_of_a_reclamation(
    people: dict[str, Visitor], served: Served, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    image = f"job-{'abcde'[list(WAYS).index(request.node.callspec.params['people'])]}"
    catalog, publisher, consumer = f"Catalog of {image}", people["publisher"], people["consumer-a"]
    path = tmp_path / f"{image}.qcow2"
    write_qcow2(path, 2**30, b'PRETTY_NAME="Debian GNU/Linux 12"\nVERSION_ID="12"\nID=debian\n'.ljust(4096, b"\0"))
    _upload(publisher, served, path)
    _publish(publisher, image, catalog)
    _boot(consumer, image)
    people["outsider"].menu("Images").sees("No offering is shared").misses(image)
    _look(people["auditor"], image)
    _operate(publisher, served)
    _end(publisher, consumer, image, catalog)
