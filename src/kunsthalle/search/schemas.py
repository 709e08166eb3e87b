"""Search, tags and resource instances as the platform shows them (catalog-iam-enterprise.md 4.3; terraform.md 3)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType, field

from kunsthalle.api.body_bounds import Document, at_most
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.catalogs.models import Catalog
from kunsthalle.core.clock import rfc3339
from kunsthalle.images.offered_services import OFFERED
from kunsthalle.search.tagging import Outcome
from kunsthalle.service_instances.models import ServiceInstance
from kunsthalle.service_instances.service import GLOBAL

Text = Annotated[str, Meta(max_length=16_384)]


class SearchRequest(RequestBody):
    """A query, or the cursor of an earlier answer, beside which nothing else counts."""

    query: Text | None = None
    fields: Annotated[list[Annotated[str, Meta(max_length=64)]], at_most(50)] | None = None
    search_cursor: Text | None = None


class ScanResponse(ResponseBody):
    """What was found. Without a cursor there is no more."""

    items: list[dict[str, Any]]
    limit: int
    search_cursor: str | UnsetType = UNSET


class ResourceRequest(RequestBody):
    """A resource by its CRN."""

    resource_id: Annotated[str, Meta(max_length=1_024)]
    resource_type: str | None = None


class QueryRequest(RequestBody):
    """Everything that a search finds."""

    query_string: Text


class TagRequest(RequestBody):
    """Which tags, on which resources: exactly one of `resources` and `query`."""

    tag_name: str | None = None
    tag_names: Annotated[list[str], at_most(100)] = field(default_factory=list)
    resources: Annotated[list[ResourceRequest], at_most(100)] = field(default_factory=list)
    query: QueryRequest | None = None

    @property
    def names(self) -> list[str]:
        return [*self.tag_names, *([] if self.tag_name is None else [self.tag_name])]


class CreateTagsRequest(RequestBody):
    """Access tags."""

    tag_names: Annotated[list[str], at_most(100, at_least=1)]


class TagResponse(ResponseBody):
    """A tag."""

    name: str


class TagsResponse(ResponseBody):
    """A window of the tags."""

    total_count: int
    offset: int
    limit: int
    items: list[TagResponse]


class TagResultResponse(ResponseBody):
    """What became of one resource."""

    resource_id: str
    is_error: bool
    message: str | UnsetType = UNSET


class TagResultsResponse(ResponseBody):
    """What became of each resource."""

    results: list[TagResultResponse]


class CreatedTagResponse(ResponseBody):
    """What became of one tag."""

    tag_name: str
    is_error: bool
    message: str | UnsetType = UNSET


class CreatedTagsResponse(ResponseBody):
    """What became of each tag."""

    results: list[CreatedTagResponse]


class DeletedTagResponse(ResponseBody):
    """What the provider of tags says of one."""

    provider: str
    is_error: bool
    message: str | UnsetType = UNSET


class DeletedTagResultsResponse(ResponseBody):
    """What became of the tag."""

    results: list[DeletedTagResponse]


class DeletedTagsResponse(ResponseBody):
    """Which tags went."""

    total_count: int
    errors: bool
    items: list[CreatedTagResponse]


class LastOperationResponse(ResponseBody):
    """What was done last to an instance; everything here is done within its request."""

    type: str
    description: str
    state: str = "succeeded"
    async_: bool = field(default=False, name="async")
    cancelable: bool = False
    poll: bool = False


class PlanHistoryResponse(ResponseBody):
    """A plan that an instance has, or had, since a date. Only the one of now is kept, from the creation on (U)."""

    resource_plan_id: str
    start_date: str
    requestor_id: str


class InstanceResponse(ResponseBody):
    """An instance of a service as the resource controller shows it, catalogs among them."""

    id: str
    guid: str
    url: str
    crn: str
    name: str
    account_id: str
    resource_group_id: str
    resource_group_crn: str
    region_id: str
    resource_id: str
    type: str
    state: str
    locked: bool
    created_at: str
    updated_at: str
    last_operation: LastOperationResponse
    sub_type: str = ""
    resource_plan_id: str | UnsetType = UNSET
    target_crn: str | UnsetType = UNSET
    plan_history: list[PlanHistoryResponse] | UnsetType = UNSET
    parameters: Document | UnsetType = UNSET
    created_by: str | UnsetType = UNSET
    updated_by: str | UnsetType = UNSET
    scheduled_reclaim_at: str | UnsetType = UNSET
    scheduled_reclaim_by: str | UnsetType = UNSET
    restored_at: str | UnsetType = UNSET
    restored_by: str | UnsetType = UNSET
    extensions: Document | UnsetType = UNSET


class CreateInstanceRequest(RequestBody):
    """An instance to be made. `target` is where: `global` for object storage, a region for Key Protect."""

    name: str
    target: Annotated[str, Meta(max_length=512)]
    resource_group: str
    resource_plan_id: str
    tags: Annotated[list[str], at_most(100)] = field(default_factory=list)
    allow_cleanup: bool = False
    parameters: Document = field(default_factory=dict)


class UpdateInstanceRequest(RequestBody):
    """What is to change of an instance."""

    name: str | UnsetType = UNSET
    parameters: Document | UnsetType = UNSET
    resource_plan_id: str | UnsetType = UNSET
    allow_cleanup: bool | UnsetType = UNSET


class InstancesResponse(ResponseBody):
    """A page. At the end `next_url` is empty: the SDK's model wants it there."""

    rows_count: int
    next_url: str
    resources: list[InstanceResponse]


def result_response(outcome: Outcome) -> TagResultResponse:
    return TagResultResponse(
        resource_id=outcome.name, is_error=outcome.message is not None, message=outcome.message or UNSET
    )


def created_response(outcome: Outcome) -> CreatedTagResponse:
    return CreatedTagResponse(
        tag_name=outcome.name, is_error=outcome.message is not None, message=outcome.message or UNSET
    )


def deleted_response(outcome: Outcome) -> DeletedTagResponse:
    return DeletedTagResponse(provider="ghost", is_error=outcome.message is not None, message=outcome.message or UNSET)


SERVICE = "globalcatalog-collection"


def instance_response(instance: Catalog | ServiceInstance, origin: str) -> InstanceResponse:
    """`origin` is the address of the server, under which a regional service is reached."""
    if isinstance(instance, Catalog):
        done = _operation("create" if instance.updated_at == instance.created_at else "update")
        return _instance(instance, instance.label, SERVICE, sub_type="catalog", last_operation=done)
    made = {"created_by": instance.created_by, "updated_by": instance.updated_by, "parameters": instance.parameters}
    plan_at = f"{instance.plan_id}%3A{instance.location}"
    where = f"crn:v1:bluemix:public:resource-catalog::a/{instance.account_id}::deployment:{plan_at}"
    since = PlanHistoryResponse(instance.plan_id, rfc3339(instance.created_at), instance.created_by)
    plan = {"resource_plan_id": instance.plan_id, "target_crn": where, "plan_history": [since]}
    more = {
        "locked": instance.locked,
        "state": instance.state,
        "location": instance.location,
        **plan,
        **made,
        **_ways(instance),
    }
    if OFFERED[instance.service].regional:
        more["extensions"] = {"endpoints": {"public": origin, "private": origin}}
    return _instance(instance, instance.name, OFFERED[instance.service].id, **more)


def _ways(service_instance: ServiceInstance) -> dict[str, Any]:
    """What there is to say of an instance that waits for its reclamation, or came back from there."""
    done = {"last_operation": _operation(service_instance.last_operation)}
    at, by = rfc3339(service_instance.updated_at), service_instance.updated_by
    if service_instance.state == "pending_reclamation":
        return {**done, "scheduled_reclaim_at": at, "scheduled_reclaim_by": by}
    return {**done, "restored_at": at, "restored_by": by} if service_instance.last_operation == "restore" else done


def _operation(kind: str) -> LastOperationResponse:
    return LastOperationResponse(type=kind, description=f"Completed {kind} instance operation")


def _instance(
    instance: Catalog | ServiceInstance,
    name: str,
    service: str,
    *,
    locked: bool = False,
    state: str = "active",
    location: str = GLOBAL,
    **more: Any,
) -> InstanceResponse:
    account, group = instance.account_id, instance.resource_group_id
    return InstanceResponse(
        id=instance.crn,
        guid=instance.id,
        url=f"/v2/resource_instances/{instance.id}",
        crn=instance.crn,
        name=name,
        account_id=account,
        resource_group_id=group,
        resource_group_crn=f"crn:v1:bluemix:public:resource-controller::a/{account}::resource-group:{group}",
        region_id=location,
        resource_id=service,
        type="service_instance",
        state=state,
        locked=locked,
        created_at=rfc3339(instance.created_at),
        updated_at=rfc3339(instance.updated_at),
        **more,
    )
