"""Global Search, Global Tagging and the Resource Controller through the official SDKs."""

from __future__ import annotations

from typing import Any

import pytest
from ibm_cloud_sdk_core import ApiException
from ibm_platform_services import GlobalSearchV2, GlobalTaggingV1
from ibm_platform_services.global_search_v2 import ScanResult
from ibm_platform_services.global_tagging_v1 import (
    CreateTagResults,
    DeleteTagResults,
    DeleteTagsResult,
    QueryString,
    Resource,
    TagList,
    TagResults,
)
from ibm_platform_services.resource_controller_v2 import ResourceInstance, ResourceInstancesPager

from fixtures.clients import Account

FIELDS = ["access_tags", "tags", "service_tags"]


def search_of(account: Account) -> GlobalSearchV2:
    client = GlobalSearchV2(authenticator=account.authenticator)
    client.set_service_url(account.env["IBMCLOUD_GS_API_ENDPOINT"])
    return client


def tags_of(account: Account) -> GlobalTaggingV1:
    client = GlobalTaggingV1(authenticator=account.authenticator)
    client.set_service_url(account.env["IBMCLOUD_GT_API_ENDPOINT"])
    return client


def find(account: Account, query: str, **more: Any) -> list[dict[str, Any]]:
    answer = search_of(account).search(query=query, **more).get_result()
    assert ScanResult.from_dict(answer).limit
    return list(answer["items"])


def errors(answer: Any) -> list[bool]:
    assert TagResults.from_dict(answer.get_result()).results
    return [one["is_error"] for one in answer.get_result()["results"]]


@pytest.fixture
def vpc(publisher: Account, request: pytest.FixtureRequest) -> dict[str, Any]:
    name = request.function.__name__.removeprefix("test_").replace("_", "-")[:60].rstrip("-")
    return dict(publisher.vpc.create_vpc(name=name).get_result())


def test_a_read_by_terraform_finds_one_item_with_its_lists(publisher: Account, vpc: dict[str, Any]) -> None:
    query = f'crn:"{vpc["crn"]}"'
    assert find(publisher, query, fields=FIELDS) == [
        {"crn": vpc["crn"], "tags": [], "access_tags": [], "service_tags": []}
    ]
    tags, here = tags_of(publisher), [Resource(vpc["crn"], resource_type="")]
    assert errors(tags.attach_tag(resources=here, tag_names=["Env:Prod", "blue"])) == [False]
    assert find(publisher, query, fields=FIELDS)[0]["tags"] == ["blue", "env:prod"]
    shown = find(publisher, f"name:{vpc['name']} AND tags:blue")[0]
    assert {name: shown[name] for name in ("name", "type", "family", "account_id")} == {
        "name": vpc["name"],
        "type": "vpc",
        "family": "is",
        "account_id": publisher.id,
    }
    assert errors(tags.detach_tag(resources=here, tag_names=["env:prod"])) == [False]
    assert find(publisher, query, fields=FIELDS)[0]["tags"] == ["blue"]


def test_strangers_find_and_tag_nothing_and_cannot_tell(
    publisher: Account, consumer: Account, outsider: Account, vpc: dict[str, Any]
) -> None:
    tags_of(publisher).attach_tag(resources=[Resource(vpc["crn"])], tag_name="only-ours")
    never = vpc["crn"][:-12] + "0" * 12
    for stranger in (consumer, outsider):
        for query in (f'crn:"{vpc["crn"]}"', f"name:{vpc['name']}", "tags:only-ours", f"account_id:{publisher.id}"):
            assert find(stranger, query) == []
        assert not [one for one in find(stranger, "*", limit=1000) if one["account_id"] != stranger.id]
        client = tags_of(stranger)
        told = [
            {name: one for name, one in result.items() if name != "resource_id"}
            for crn in (vpc["crn"], never)
            for result in client.attach_tag(resources=[Resource(crn)], tag_name="theirs").get_result()["results"]
        ]
        assert told[0] == told[1]
        assert told[0]["is_error"] is True
        assert client.list_tags(attached_to=vpc["crn"]).get_result()["items"] == []
        assert "only-ours" not in {one["name"] for one in client.list_tags(limit=1000).get_result()["items"]}
        assert search_of(stranger).search(query="*", account_id=publisher.id).get_result()["items"] == []


def test_a_cursor_leads_through_everything_once(publisher: Account) -> None:
    for number in range(4):
        publisher.vpc.create_vpc(name=f"cursor-{number}")
    client, seen, cursor = search_of(publisher), list[str](), None
    while True:
        answer = client.search(query="name:cursor-*", search_cursor=cursor, limit=3).get_result()
        seen += [item["name"] for item in answer["items"]]
        cursor = answer.get("search_cursor")
        if cursor is None:
            break
    assert sorted(seen) == [f"cursor-{number}" for number in range(4)]
    with pytest.raises(ApiException) as caught:
        client.search(search_cursor="made-up")
    assert caught.value.status_code == 400


def test_tags_are_listed_replaced_renewed_and_deleted_when_unused(publisher: Account, vpc: dict[str, Any]) -> None:
    tags, here = tags_of(publisher), [Resource(vpc["crn"])]

    def present() -> list[str]:
        answer = tags.list_tags(attached_to=vpc["crn"], providers=["ghost"]).get_result()
        return [one.name for one in TagList.from_dict(answer).items]

    tags.attach_tag(resources=here, tag_names=["stage:one", "other"])
    tags.attach_tag(resources=here, tag_names=["stage:two"], update=True)
    assert present() == ["other", "stage:two"]
    tags.attach_tag(query=QueryString(f"name:{vpc['name']}"), tag_names=["alone"], replace=True)
    assert present() == ["alone"]
    attached = DeleteTagResults.from_dict(tags.delete_tag("alone").get_result())
    assert attached.results[0].is_error is True
    assert DeleteTagResults.from_dict(tags.delete_tag("stage:one").get_result()).results[0].is_error is False
    gone = DeleteTagsResult.from_dict(tags.delete_tag_all().get_result())
    assert {"other", "stage:two"} <= {one.tag_name for one in gone.items}
    publisher.vpc.delete_vpc(vpc["id"])
    assert tags.delete_tag("alone").get_result()["results"][0]["is_error"] is False


def test_a_pattern_takes_off_all_tags_of_a_key(publisher: Account, vpc: dict[str, Any]) -> None:
    tags, here = tags_of(publisher), [Resource(vpc["crn"])]

    def present(type_: str) -> list[str]:
        answer = tags.list_tags(attached_to=vpc["crn"], tag_type=type_).get_result()
        return [one["name"] for one in answer["items"]]

    tags.create_tag(tag_names=["env:one", "env:two", "environment:x"], tag_type="access")
    for type_ in ("user", "access"):
        names = ["env:one", "env:two", "environment:x"]
        assert errors(tags.attach_tag(resources=here, tag_names=names, tag_type=type_)) == [False]
        assert errors(tags.detach_tag(resources=here, tag_names=["ENV:*"], tag_type=type_)) == [False]
        assert present(type_) == ["environment:x"]
        for wrong in ("env*", "a:b*", "*:x*", ":*"):
            with pytest.raises(ApiException) as refused:
                tags.detach_tag(resources=here, tag_names=[wrong], tag_type=type_)
            assert (refused.value.status_code, wrong in str(refused.value)) == (400, True)
        assert present(type_) == ["environment:x"]
        assert errors(tags.detach_tag(resources=here, tag_names=["*"], tag_type=type_)) == [False]
        assert present(type_) == []


def test_access_tags_are_made_first(publisher: Account, vpc: dict[str, Any]) -> None:
    tags, here = tags_of(publisher), [Resource(vpc["crn"])]
    with pytest.raises(ApiException) as caught:
        tags.attach_tag(resources=here, tag_names=["project:x"], tag_type="access")
    assert caught.value.status_code == 400
    made = tags.create_tag(tag_names=["project:x"], tag_type="access").get_result()
    assert [one.is_error for one in CreateTagResults.from_dict(made).results] == [False]
    assert errors(tags.attach_tag(resources=here, tag_names=["project:x"], tag_type="access")) == [False]
    assert find(publisher, 'access_tags:"project:x"')[0]["access_tags"] == ["project:x"]
    for wrong in ({"tag_names": ["no pair"], "tag_type": "access"}, {"tag_names": ["user"], "tag_type": "user"}):
        with pytest.raises(ApiException) as refused:
            tags.create_tag(**wrong)
        assert refused.value.status_code == 400


def test_a_volumes_own_tags_are_the_tags(publisher: Account) -> None:
    volume = publisher.vpc.create_volume(
        {
            "name": "tagged",
            "zone": {"name": "us-south-1"},
            "profile": {"name": "general-purpose"},
            "capacity": 10,
            "user_tags": ["from:vpc"],
        }
    ).get_result()
    assert find(publisher, f'crn:"{volume["crn"]}"', fields=FIELDS)[0]["tags"] == ["from:vpc"]
    tags_of(publisher).attach_tag(resources=[Resource(volume["crn"])], tag_name="from:tagging")
    assert publisher.vpc.get_volume(volume["id"]).get_result()["user_tags"] == ["from:tagging", "from:vpc"]


def test_a_user_tag_stays_in_the_list_until_it_is_deleted(publisher: Account) -> None:
    """Also one that came with a volume: what is attached to nothing is listed, and can be deleted once."""
    tags = tags_of(publisher)
    volume = publisher.vpc.create_volume(
        {
            "name": "tagged-once",
            "zone": {"name": "us-south-1"},
            "profile": {"name": "general-purpose"},
            "capacity": 10,
            "user_tags": ["Came:With-It"],
        }
    ).get_result()
    assert tags.delete_tag("came:with-it").get_result()["results"][0]["is_error"] is True
    read = publisher.vpc.get_volume(volume["id"])
    etag = read.get_headers()["ETag"]
    publisher.vpc.update_volume(volume["id"], {"user_tags": ["came:later"]}, if_match=etag)
    listed = {one["name"] for one in tags.list_tags(limit=1000).get_result()["items"]}
    assert {"came:with-it", "came:later"} <= listed
    attached = {one["name"] for one in tags.list_tags(limit=1000, attached_only=True).get_result()["items"]}
    assert {"came:with-it", "came:later"} & attached == {"came:later"}
    assert tags.delete_tag("came:with-it").get_result()["results"][0]["is_error"] is False
    assert tags.delete_tag("came:with-it").get_result()["results"][0]["is_error"] is True
    assert "came:with-it" not in {one["name"] for one in tags.list_tags(limit=1000).get_result()["items"]}


def test_catalogs_are_instances_of_their_service(publisher: Account, consumer: Account) -> None:
    catalog = publisher.catalog.create_catalog(label="as an instance").get_result()
    listed = ResourceInstancesPager(client=publisher.controller, name="as an instance", limit=1).get_all()
    assert [one["guid"] for one in listed] == [catalog["id"]]
    for id_ in (catalog["id"], catalog["crn"]):
        found = publisher.controller.get_resource_instance(id_).get_result()
        assert ResourceInstance.from_dict(found).crn == catalog["crn"]
        with pytest.raises(ApiException) as caught:
            consumer.controller.get_resource_instance(id_)
        assert caught.value.status_code == 404
    publisher.catalog.delete_catalog(catalog["id"])
    assert publisher.controller.list_resource_instances(guid=catalog["id"]).get_result()["resources"] == []
