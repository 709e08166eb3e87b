"""A call of every served operation of the six account services, each finding what it needs; the SDK is the judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ibm_platform_services import (
    EnterpriseManagementV1,
    GlobalSearchV2,
    GlobalTaggingV1,
    ResourceControllerV2,
    ResourceManagerV2,
    UserManagementV1,
)
from ibm_platform_services import enterprise_management_v1 as tree
from ibm_platform_services import global_tagging_v1 as tagging
from ibm_platform_services import resource_controller_v2 as controller
from ibm_platform_services import resource_manager_v2 as manager
from ibm_platform_services import user_management_v1 as people
from ibm_platform_services.global_search_v2 import ScanResult
from ibm_platform_services.user_management_v1 import Attribute, InviteUser, InviteUserIamPolicy, Role
from ibm_platform_services.user_management_v1 import Resource as Conditions

from fixtures.clients import Account

Step = tuple[str, Callable[[], Any], Any, int]
"""An operation's name, the call, the model that its answer must fit (None for no body), and its status."""
ADMINISTRATOR = "crn:v1:bluemix:public:iam::::role:Administrator"


def _make_administrator(host: Account, guest: Account) -> None:
    """Brings an identity of another account into one, as its Administrator."""
    everything = Conditions(attributes=[Attribute(name="serviceType", value="platform_service")])
    policy = InviteUserIamPolicy(type="access", roles=[Role(role_id=ADMINISTRATOR)], resources=[everything])
    guests = [InviteUser(email="owner@enterprise.example")]
    host.service(UserManagementV1).invite_users(host.id, users=guests, iam_policy=[policy])
    guest.service(UserManagementV1).accept(account_id=host.id)


def tree_steps(client: EnterpriseManagementV1, root: Account) -> Iterator[Step]:
    """Enterprises, account groups, accounts."""
    top = client.list_enterprises().get_result()["resources"][0]
    kept: dict[str, Any] = {}

    def keep(name: str, answer: Any) -> Any:
        kept[name] = answer.get_result()
        return answer

    def import_one() -> Any:
        outsider = root.other("outsider")
        _make_administrator(outsider, root)
        return client.import_account_to_enterprise(top["id"], outsider.id, parent=top["crn"])

    group = lambda: keep("group", client.create_account_group(top["crn"], "walk", root.iam_id))  # noqa: E731  a step
    account = lambda: keep("account", client.create_account(top["crn"], "walk", root.iam_id))  # noqa: E731  a step
    yield "list_enterprises", lambda: client.list_enterprises(limit=1), tree.ListEnterprisesResponse, 200
    yield "get_enterprise", lambda: client.get_enterprise(top["id"]), tree.Enterprise, 200
    yield "update_enterprise", lambda: client.update_enterprise(top["id"], domain="walk.example"), None, 204
    yield "create_account_group", group, tree.CreateAccountGroupResponse, 201
    id_ = kept["group"]["account_group_id"]
    yield "list_account_groups", lambda: client.list_account_groups(limit=1), tree.ListAccountGroupsResponse, 200
    yield "get_account_group", lambda: client.get_account_group(id_), tree.AccountGroup, 200
    yield "update_account_group", lambda: client.update_account_group(id_, name="walked"), None, 204
    yield "create_account", account, tree.CreateAccountResponse, 202
    made = kept["account"]["account_id"]
    yield "list_accounts", lambda: client.list_accounts(limit=1), tree.ListAccountsResponse, 200
    yield "get_account", lambda: client.get_account(made), tree.Account, 200
    yield "update_account", lambda: client.update_account(made, top["crn"]), None, 202
    yield "delete_account", lambda: client.delete_account(made), None, 204
    yield "delete_account_group", lambda: client.delete_account_group(id_), None, 204
    yield "import_account_to_enterprise", import_one, None, 202


def found(client: EnterpriseManagementV1, account: Account) -> Step:
    """The one operation that needs an account outside any enterprise."""
    call = lambda: client.create_enterprise(account.id, "walk", account.iam_id)  # noqa: E731  a step
    return "create_enterprise", call, tree.CreateEnterpriseResponse, 202


def user_steps(client: UserManagementV1, account: Account) -> Iterator[Step]:
    """Users, and one who accepts."""
    guest = account.other("consumer-b")
    who = [InviteUser(email="owner@consumer-b.example", account_role="Member")]
    one = (account.id, guest.iam_id)
    yield "invite_users", lambda: client.invite_users(account.id, users=who), people.InvitedUserList, 202
    yield "accept", lambda: guest.service(UserManagementV1).accept(account_id=account.id), None, 202
    yield "list_users", lambda: client.list_users(account.id, limit=1), people.UserList, 200
    yield "get_user_profile", lambda: client.get_user_profile(*one), people.UserProfile, 200
    yield "update_user_profile", lambda: client.update_user_profile(*one, firstname="Walk"), None, 204
    yield "get_user_settings", lambda: client.get_user_settings(*one), people.UserSettings, 200
    yield "update_user_settings", lambda: client.update_user_settings(*one, language="en"), None, 204
    yield "remove_user", lambda: client.remove_user(*one), None, 204
    client.invite_users(account.id, users=who)
    guest.service(UserManagementV1).accept(account_id=account.id)
    yield "v3_remove_user", lambda: client.v3_remove_user(*one), None, 204


def group_steps(client: ResourceManagerV2, account: Account) -> Iterator[Step]:
    """Resource groups and quotas."""
    kept: list[str] = []

    def make() -> Any:
        answer = client.create_resource_group(name="walk", account_id=account.id)
        kept.append(answer.get_result()["id"])
        return answer

    quota = client.list_quota_definitions().get_result()["resources"][0]["id"]
    yield "list_resource_groups", client.list_resource_groups, manager.ResourceGroupList, 200
    yield "create_resource_group", make, manager.ResCreateResourceGroup, 201
    yield "get_resource_group", lambda: client.get_resource_group(kept[0]), manager.ResourceGroup, 200
    rename = lambda: client.update_resource_group(kept[0], name="walked")  # noqa: E731  a step
    yield "update_resource_group", rename, manager.ResourceGroup, 200
    yield "delete_resource_group", lambda: client.delete_resource_group(kept[0]), None, 204
    yield "list_quota_definitions", client.list_quota_definitions, manager.QuotaDefinitionList, 200
    yield "get_quota_definition", lambda: client.get_quota_definition(quota), manager.QuotaDefinition, 200


def controller_steps(client: ResourceControllerV2, account: Account) -> Iterator[Step]:
    """Catalogs and object storage as instances, and the reclamation of a catalog."""
    plan, group = "744bfc56-d12c-4866-88d5-dac9139e0e5d", "fee82deba12e4c0fb69c3b09d1f12345"
    given = {"name": "storage", "target": "global", "resource_group": group, "resource_plan_id": plan}
    shape = controller.ResourceInstance
    made = client.create_resource_instance(**given, parameters={"buckets": ["walk"]}).get_result()["guid"]
    yield "create_resource_instance", lambda: client.create_resource_instance(**given, tags=["walk"]), shape, 201
    yield "update_resource_instance", lambda: client.update_resource_instance(made, name="renamed"), shape, 200
    yield "lock_resource_instance", lambda: client.lock_resource_instance(made), shape, 200
    yield "unlock_resource_instance", lambda: client.unlock_resource_instance(made), shape, 200
    yield "delete_resource_instance", lambda: client.delete_resource_instance(made), None, 204
    catalog = account.catalog.create_catalog(label="walk").get_result()["id"]
    yield "list_resource_instances", client.list_resource_instances, controller.ResourceInstancesList, 200
    yield "get_resource_instance", lambda: client.get_resource_instance(catalog), controller.ResourceInstance, 200
    account.catalog.delete_catalog(catalog)
    waiting = client.list_reclamations(resource_instance_id=catalog).get_result()["resources"][0]["id"]
    yield "list_reclamations", client.list_reclamations, controller.ReclamationsList, 200
    restore = lambda: client.run_reclamation_action(waiting, "restore")  # noqa: E731  a step
    yield "run_reclamation_action", restore, controller.Reclamation, 200


def search_steps(client: GlobalSearchV2, _account: Account) -> Iterator[Step]:
    """Searching."""
    yield "search", lambda: client.search(query="*", fields=["*"], limit=3), ScanResult, 200


def tag_steps(client: GlobalTaggingV1, account: Account) -> Iterator[Step]:
    """Tags on a network."""
    here = [tagging.Resource(account.vpc.create_vpc(name="walk").get_result()["crn"])]
    attach = lambda: client.attach_tag(resources=here, tag_names=["walk"])  # noqa: E731  a step
    detach = lambda: client.detach_tag(resources=here, tag_names=["walk"])  # noqa: E731  a step
    create = lambda: client.create_tag(["walk:on"], tag_type="access")  # noqa: E731  a step
    yield "create_tag", create, tagging.CreateTagResults, 200
    yield "attach_tag", attach, tagging.TagResults, 200
    yield "list_tags", lambda: client.list_tags(attached_only=True), tagging.TagList, 200
    yield "detach_tag", detach, tagging.TagResults, 200
    yield "delete_tag", lambda: client.delete_tag("walk"), tagging.DeleteTagResults, 200
    yield "delete_tag_all", client.delete_tag_all, tagging.DeleteTagsResult, 200


WALKS = {
    EnterpriseManagementV1: tree_steps,
    UserManagementV1: user_steps,
    ResourceManagerV2: group_steps,
    ResourceControllerV2: controller_steps,
    GlobalSearchV2: search_steps,
    GlobalTaggingV1: tag_steps,
}
