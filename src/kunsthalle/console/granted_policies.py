"""The access policies of an identity that is no user, as a part of its page: what it may do, and on what."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kunsthalle.console.access_policy_pages import SERVICES, roles_of, target_of, target_of_service, with_names
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Linked, Row, everything
from kunsthalle.console.page_frame import Visit
from kunsthalle.console.resource_shapes import Action, Input, Link, Option, Part, Shown


async def _roles(visit: Visit, _row: Row) -> Sequence[Option]:
    told = await visit.api.get("/v2/roles")
    return [
        (role["crn"], role["display_name"])
        for role in (*told["system_roles"], *told["service_roles"], *told["custom_roles"])
    ]


def policies_of(attribute: str, of: Callable[[Row], str], id_: str) -> Part:
    """The part for what a policy names by an attribute (`iam_id`, `access_group_id`), whose value `of` reads.

    `id_` is what addresses call the ID of a policy of it.
    """

    async def rows(visit: Visit, row: Row) -> list[Row]:
        source = Linked("/v1/policies", "policies", fixed=((attribute, of(row)),))
        return await with_names(visit, (await everything(visit.api, source))[0])

    async def body(visit: Visit, form: Form, row: Row) -> Row:
        account = {"name": "accountId", "value": visit.active}
        return {
            "type": "access",
            "subjects": [{"attributes": [{"name": attribute, "value": of(row)}]}],
            "roles": [{"role_id": form.get("roles")}],
            "resources": [{"attributes": [account, target_of_service(form.get("resources"))]}],
        }

    return Part(
        "policies",
        "Access policies",
        "What it may do, and on what.",
        "It has no policy: it may do nothing.",
        rows,
        (
            Shown("roles", "Roles", lambda policy: [Link(roles_of(policy), f"/policies/{policy['id']}")], "links"),
            Shown("target", "On", target_of),
            Shown("created_at", "Created", shape="moment"),
        ),
        id=id_,
        create=(
            Action(
                "new",
                "Assign access",
                "POST /v1/policies",
                "The policy is in effect.",
                "",
                (
                    Input("roles", "Role", "select", options=_roles, required=True),
                    Input("resources", "Service", "select", options=SERVICES, required=False),
                ),
                body,
            ),
        ),
        actions=(
            Action(
                "delete",
                "Remove",
                "DELETE /v1/policies/{id}",
                "The policy is deleted.",
                "The access ends with the next request.",
                danger=True,
            ),
        ),
        label=lambda policy: f"{roles_of(policy)} on {target_of(policy)}",
    )
