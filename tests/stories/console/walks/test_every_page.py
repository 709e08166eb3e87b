"""Every page of the console: no serious finding of axe, nothing asked of another host, and not much weight."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from ibm_platform_services import IamAccessGroupsV2
from keyprotect import IbmKeyProtectApiV2

from fixtures.clients import Account
from kunsthalle.console import static
from kunsthalle.console.all_pages import PAGES
from kunsthalle.console.page_frame import Page
from kunsthalle.local import folder
from kunsthalle.testing import Served
from stories.console.walks.visitor import Visitor

pytestmark = pytest.mark.needs_chromium
SHOWN = [page for page in PAGES if page.method == "GET" and "{provider_id}" not in page.path]
"""Those of providers are walked with one: `test_single_sign_on.py`."""
SHARES = 15
"""A run that is told no files looks at one share of the pages, the night at all."""
HEAVIEST, LONGEST_STYLESHEET = 200_000, 30_000
OURS = {"console.js", "terminal.js", "upload.js"}


@pytest.fixture(scope="module")
def names(publisher_account: Account) -> dict[str, str]:
    """One of everything that paths name."""
    account = publisher_account
    image = account.import_image("every-page")
    images = [{"id": image["id"], "name": image["name"], "region": "us-south"}]
    catalog = account.raw("POST", "/catalogs", {"label": "Every page"}).get_result()
    body = {"name": "every-page", "target_kinds": ["vpc-x86"], "version": "1.0.0", "metadata": {"images": images}}
    made = account.raw("POST", f"/catalogs/{catalog['id']}/import/offerings", body).get_result()
    gone = account.raw("POST", "/catalogs", {"label": "Gone"}).get_result()
    account.raw("DELETE", f"/catalogs/{gone['id']}")
    reclamations = account.controller.list_reclamations().get_result()["resources"]
    server = account.boot("every-page", image={"id": image["id"]})
    pattern = {"name": "every-page", "image": {"id": image["id"]}, **account.network()}
    template = account.vpc.create_instance_template(pattern).get_result()
    subnet = pattern["primary_network_interface"]["subnet"]
    group = account.vpc.create_instance_group({"id": template["id"]}, [subnet]).get_result()
    volume = server["boot_volume_attachment"]["volume"]["id"]
    snapshot = account.vpc.create_snapshot({"source_volume": {"id": volume}}).get_result()
    group_id = account.groups.list_resource_groups().get_result()["resources"][0]["id"]
    plan = "eedd3585-90c6-4c8f-be3d-062069e99fc3"
    kms = account.controller.create_resource_instance("every-page", "us-south", group_id, plan).get_result()["guid"]
    new = json.dumps({"resources": [{"name": "every-page", "extractable": False}]})
    keys = IbmKeyProtectApiV2(account.authenticator)
    keys.set_service_url(account.url)
    key = keys.create_key(kms, new).get_result()["resources"][0]["id"]
    vpc = account.vpc.list_vpcs().get_result()["vpcs"][0]
    group_of_vpc = account.vpc.get_security_group(vpc["default_security_group"]["id"]).get_result()
    zone = {"name": server["zone"]["name"]}
    return {
        **_access(account, server),
        "bucket_name": "images",
        "account_id": account.id,
        "export_id": _export(account, image["id"]),
        "bare_metal_id": _bare_metal(account, account.import_image("every-page-metal")["id"], subnet["id"]),
        "placement_group_id": account.vpc.create_placement_group("host_spread", name="every-page").get_result()["id"],
        "ssh_key_id": account.vpc.list_keys().get_result()["keys"][0]["id"],
        "vpc_id": vpc["id"],
        "subnet_id": subnet["id"],
        "floating_ip_id": account.vpc.create_floating_ip({"zone": zone}).get_result()["id"],
        "security_group_id": group_of_vpc["id"],
        "rule_id": group_of_vpc["rules"][0]["id"],
        "target_id": group_of_vpc["targets"][0]["id"],
        "kms_id": kms,
        "root_id": key,
        "template_id": template["id"],
        "group_id": group["id"],
        "volume_id": volume,
        "snapshot_id": snapshot["id"],
        "user_id": account.iam_id,
        "key_id": account.identity.list_api_keys(scope="account").get_result()["apikeys"][0]["id"],
        "policy_id": account.policies.list_policies(account.id).get_result()["policies"][0]["id"],
        "instance_id": server["id"],
        "image_id": image["id"],
        "catalog_id": catalog["id"],
        "offering_id": made["id"],
        "version_id": made["kinds"][0]["versions"][0]["version_locator"],
        "reclamation_id": reclamations[0]["id"],
    }


def _export(account: Account, image: str) -> str:
    bucket = {"name": "images"}
    return str(account.vpc.create_image_export_job(image, bucket, format="qcow2").get_result()["id"])


def _bare_metal(account: Account, image: str, subnet: str) -> str:
    key = account.vpc.list_keys().get_result()["keys"][0]["id"]
    face, zone = {"subnet": {"id": subnet}}, account.vpc.get_subnet(subnet).get_result()["zone"]
    body = {
        "initialization": {"image": {"id": image}, "keys": [{"id": key}]},
        "profile": {"name": "bx2-metal-96x384"},
        "primary_network_interface": face,
        "zone": {"name": zone["name"]},
    }
    return str(account.vpc.create_bare_metal_server(body).get_result()["id"])


def _access(account: Account, server: dict[str, Any]) -> dict[str, str]:
    """One of everything of access groups, service IDs, trusted profiles and authorizations."""
    condition = [{"claim": "email", "operator": "EQUALS", "value": '"a@b.example"'}]
    service = account.identity.create_service_id(account.id, "every page").get_result()
    profile = account.identity.create_profile("every page", account.id).get_result()
    realm = "https://idp.example"
    claim = account.identity.create_claim_rule(profile["id"], "Profile-SAML", condition, realm_name=realm)
    link = account.identity.create_link(profile["id"], "VSI", {"crn": server["crn"]}).get_result()
    account.identity.set_profile_identity(profile["id"], "user", account.iam_id, "user")
    key = account.identity.create_api_key("every page", service["iam_id"], account_id=account.id).get_result()
    access_groups = account.service(IamAccessGroupsV2)
    group = access_groups.create_access_group(account.id, "every page").get_result()
    member = [{"iam_id": account.iam_id, "type": "user"}]
    access_groups.add_members_to_access_group(group["id"], members=member)
    rule = access_groups.add_access_group_rule(group["id"], 8, realm, condition).get_result()

    def policy(name: str, value: str, type_: str = "access") -> str:
        on = [{"name": "accountId", "value": account.id}, {"name": "serviceName", "value": "is"}]
        viewer = [{"role_id": "crn:v1:bluemix:public:iam::::role:Viewer"}]
        subjects = [{"attributes": [{"name": name, "value": value}]}]
        return str(account.policies.create_policy(type_, subjects, viewer, [{"attributes": on}]).get_result()["id"])

    groups = account.groups.list_resource_groups().get_result()["resources"]
    return {
        "access_group_id": group["id"],
        "member_id": account.iam_id,
        "group_rule_id": rule["id"],
        "group_policy_id": policy("access_group_id", group["id"]),
        "service_id": service["id"],
        "service_key_id": key["id"],
        "service_policy_id": policy("iam_id", service["iam_id"]),
        "profile_id": profile["id"],
        "profile_rule_id": claim.get_result()["id"],
        "link_id": link["id"],
        "identity_id": account.iam_id,
        "profile_policy_id": policy("iam_id", profile["iam_id"]),
        "authorization_id": policy("serviceName", "cloud-object-storage", "authorization"),
        "resource_group_id": groups[0]["id"],
    }


def _path(page: Page, names: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: names[found[1]], page.path)


@pytest.fixture(scope="module")
def operator(served: Served, browser: Any) -> Any:
    """The publisher, with the operator's token: who sees every page there is."""
    with Visitor(browser, served.url, served.env("publisher")["IBMCLOUD_API_KEY"]) as visitor:
        visitor.sign_in().open("/operator")
        visitor.fill(operator_token=folder.credentials(served.data)["operator_token"]).press(
            "Enter operator mode"
        ).sees("Overview")
        yield visitor


@pytest.mark.by_turns(SHARES)
@pytest.mark.parametrize("share", range(SHARES))
def test_every_page_fits_its_window_and_has_no_serious_finding(
    operator: Visitor, names: dict[str, str], share: int
) -> None:
    """`KUNSTHALLE_SCREENS=write` takes pictures of all of them besides."""
    dark = 0
    for page in SHOWN[share::SHARES]:
        operator.page.emulate_media(color_scheme="light")
        operator.open(_path(page, names)).fits().judged()
        operator.portray(re.sub(r"[{}]", "", page.path.strip("/").replace("/", "_")) or "home")
        # In the dark the pieces of pages have other colours and the same structure: those of lists and resources are
        # enough.
        if page.path.count("/") <= 2 or page.path.endswith("}"):
            operator.page.emulate_media(color_scheme="dark")
            operator.judged("color-contrast")
            dark += 1
    assert len(SHOWN) > dark > 1


def test_a_page_that_is_not_there_is_accessible(operator: Visitor) -> None:
    operator.open("/nowhere", 404).sees("Not found").judged()


def test_a_first_page_is_light(publisher: Visitor, served: Served, browser: Any) -> None:
    cookies = publisher.sign_in().page.context.cookies()
    with Visitor(browser, served.url, "") as fresh:
        fresh.page.context.add_cookies(cookies)
        fresh.open("/images/custom").page.wait_for_load_state("networkidle")
        assert 15_000 < fresh.weigh() < HEAVIEST


def test_the_stylesheet_is_short_and_nothing_is_fetched_from_elsewhere() -> None:
    assert (static.FOLDER / "console.css").stat().st_size < LONGEST_STYLESHEET
    texts = [path for path in static.FOLDER.iterdir() if path.suffix in {".css", ".svg"} or path.name in OURS]
    for path in [*texts, *(static.FOLDER.parent / "html").rglob("*.html")]:
        assert not re.search(r"(href|src)=\"https?:|url\((?!\"/console/static/)|@import|style=", path.read_text()), path
