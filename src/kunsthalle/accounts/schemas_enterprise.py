"""Enterprises, account groups and accounts as Enterprise Management shows them (catalog-iam-enterprise.md 4.1)."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from kunsthalle.accounts.identity_port import ServiceKey
from kunsthalle.accounts.models import Account, AccountGroup, Enterprise, tree_crn
from kunsthalle.accounts.queries import user, way_up
from kunsthalle.accounts.resources import ENTERPRISE
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.core.clock import rfc3339
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import unscoped

TreeName = Annotated[str, Meta(min_length=3, max_length=60)]
IamId = Annotated[str, Meta(min_length=1, max_length=128)]
CrnText = Annotated[str, Meta(min_length=1, max_length=512)]
Domain = Annotated[str, Meta(max_length=255)]


class CreateEnterpriseRequest(RequestBody):
    """The source account becomes the first child."""

    source_account_id: str
    name: TreeName
    primary_contact_iam_id: IamId
    domain: Domain | None = None


class UpdateEnterpriseRequest(RequestBody):
    """What may be changed of an enterprise."""

    name: TreeName | UnsetType = UNSET
    domain: Domain | UnsetType = UNSET
    primary_contact_iam_id: IamId | UnsetType = UNSET


class ImportAccountRequest(RequestBody):
    """`parent` is the CRN of an account group, or of the enterprise itself, which it is without one."""

    parent: CrnText | None = None
    billing_unit_id: str | None = None


class TraitsRequest(RequestBody):
    """`mfa` other than `NONE` would ask for a second factor, which this product does not have."""

    mfa: str | UnsetType = UNSET
    enterprise_iam_managed: bool | UnsetType = UNSET


class OptionsRequest(RequestBody):
    """Whether a service ID with everything in the account is made along, and its key shown once."""

    create_iam_service_id_with_apikey_and_owner_policies: bool = False


class CreateAccountRequest(RequestBody):
    """`parent` is a CRN."""

    parent: CrnText
    name: TreeName
    owner_iam_id: IamId
    traits: TraitsRequest | UnsetType = UNSET
    options: OptionsRequest | UnsetType = UNSET


class MoveAccountRequest(RequestBody):
    """The new parent, in the same enterprise."""

    parent: CrnText


class CreateGroupRequest(RequestBody):
    """`parent` is a CRN."""

    parent: CrnText
    name: TreeName
    primary_contact_iam_id: IamId


class UpdateGroupRequest(RequestBody):
    """What may be changed of an account group; `parent` moves it with everything below (U)."""

    name: TreeName | UnsetType = UNSET
    primary_contact_iam_id: IamId | UnsetType = UNSET
    parent: CrnText | UnsetType = UNSET


class EnterpriseMadeResponse(ResponseBody):
    """The enterprise, and the account that it is administered from."""

    enterprise_id: str
    enterprise_account_id: str


class AccountMadeResponse(ResponseBody):
    """The account; with the option, its service ID and the only visibility of its key."""

    account_id: str
    iam_service_id: str | UnsetType = UNSET
    iam_apikey_id: str | UnsetType = UNSET
    iam_apikey: str | UnsetType = UNSET


class GroupMadeResponse(ResponseBody):
    """The account group."""

    account_group_id: str


class EnterpriseResponse(ResponseBody):
    """An enterprise. Accounts that are merely in it are not told whom to write to; who is written to is told."""

    url: str
    id: str
    enterprise_account_id: str
    crn: str
    name: str
    state: str
    created_at: str
    updated_at: str
    domain: str | UnsetType = UNSET
    primary_contact_iam_id: str | UnsetType = UNSET
    primary_contact_email: str | UnsetType = UNSET
    source_account_id: str | UnsetType = UNSET
    created_by: str | UnsetType = UNSET
    updated_by: str | UnsetType = UNSET


class AccountGroupResponse(ResponseBody):
    """An account group."""

    url: str
    id: str
    crn: str
    parent: str
    enterprise_account_id: str
    enterprise_id: str
    enterprise_path: str
    name: str
    state: str
    primary_contact_iam_id: str
    primary_contact_email: str
    created_at: str
    created_by: str
    updated_at: str
    updated_by: str


class AccountResponse(ResponseBody):
    """An account; outside any enterprise it has no parent."""

    url: str
    id: str
    crn: str
    enterprise_path: str
    name: str
    state: str
    owner_iam_id: str
    owner_email: str
    paid: bool
    is_enterprise_account: bool
    created_at: str
    created_by: str
    updated_at: str
    updated_by: str
    parent: str | UnsetType = UNSET
    enterprise_account_id: str | UnsetType = UNSET
    enterprise_id: str | UnsetType = UNSET


class EnterprisesResponse(ResponseBody):
    """A page."""

    rows_count: int
    resources: list[EnterpriseResponse]
    next_url: str | UnsetType = UNSET


class AccountGroupsResponse(ResponseBody):
    """A page."""

    rows_count: int
    resources: list[AccountGroupResponse]
    next_url: str | UnsetType = UNSET


class AccountsResponse(ResponseBody):
    """A page."""

    rows_count: int
    resources: list[AccountResponse]
    next_url: str | UnsetType = UNSET


def account_made_response(account: Account, key: ServiceKey | None) -> AccountMadeResponse:
    if key is None:
        return AccountMadeResponse(account_id=account.id)
    return AccountMadeResponse(
        account_id=account.id, iam_service_id=key.service_id, iam_apikey_id=key.api_key_id, iam_apikey=key.secret
    )


def _email(session: Session, account_id: str, iam_id: str) -> str:
    owner = user(session, account_id, iam_id)
    return owner.email if owner else ""


def enterprise_response(enterprise: Enterprise, session: Session) -> EnterpriseResponse:
    wire = EnterpriseResponse(
        url=f"/v1/enterprises/{enterprise.id}",
        id=enterprise.id,
        enterprise_account_id=enterprise.account_id,
        crn=enterprise.crn,
        name=enterprise.name,
        state=enterprise.state,
        created_at=rfc3339(enterprise.created_at),
        updated_at=rfc3339(enterprise.updated_at),
    )
    contact = enterprise.primary_contact_iam_id
    if session.ctx.account_id == enterprise.account_id or session.ctx.actor.iam_id == contact:
        wire.domain = UNSET if enterprise.domain is None else enterprise.domain
        wire.primary_contact_iam_id = contact
        wire.primary_contact_email = _email(session, enterprise.account_id, contact)
        wire.source_account_id = enterprise.source_account_id
        wire.created_by, wire.updated_by = enterprise.created_by, enterprise.updated_by
    return wire


def _path(session: Session, enterprise_id: str, group_id: str | None) -> str:
    groups = [f"account-group:{account_group.id}" for account_group in reversed(way_up(session, group_id))]
    return "/".join([f"enterprise:{enterprise_id}", *groups])


def _parent(account_id: str, enterprise_id: str, group_id: str | None) -> str:
    type_, id_ = ("enterprise", enterprise_id) if group_id is None else ("account-group", group_id)
    return tree_crn(account_id, type_, id_)


def group_response(group: AccountGroup, session: Session) -> AccountGroupResponse:
    return AccountGroupResponse(
        url=f"/v1/account-groups/{group.id}",
        id=group.id,
        crn=group.crn,
        parent=_parent(group.account_id, group.enterprise_id, group.parent_id),
        enterprise_account_id=group.account_id,
        enterprise_id=group.enterprise_id,
        enterprise_path=_path(session, group.enterprise_id, group.id),
        name=group.name,
        state=group.state,
        primary_contact_iam_id=group.primary_contact_iam_id,
        primary_contact_email=_email(session, group.account_id, group.primary_contact_iam_id),
        created_at=rfc3339(group.created_at),
        created_by=group.created_by,
        updated_at=rfc3339(group.updated_at),
        updated_by=group.updated_by,
    )


def account_response(account: Account, session: Session) -> AccountResponse:
    enterprise_id = account.enterprise_id or _once_in(session, account)
    wire = AccountResponse(
        url=f"/v1/accounts/{account.id}",
        id=account.id,
        crn=account.crn,
        enterprise_path=f"account:{account.id}",
        name=account.name,
        state=account.state,
        owner_iam_id=account.owner_iam_id,
        owner_email=_email(session, account.id, account.owner_iam_id),
        paid=True,
        is_enterprise_account=account.is_enterprise,
        created_at=rfc3339(account.created_at),
        created_by=account.created_by,
        updated_at=rfc3339(account.updated_at),
        updated_by=account.updated_by,
    )
    if enterprise_id is not None:
        wire.enterprise_id, wire.enterprise_account_id = enterprise_id, account.account_id
        wire.parent = _parent(account.account_id, enterprise_id, account.group_id)
        wire.enterprise_path = f"{_path(session, enterprise_id, account.group_id)}/{wire.enterprise_path}"
    return wire


def _once_in(session: Session, account: Account) -> str | None:
    """The enterprise that a cancelled account was in: the one it is still administered from."""
    enterprises = unscoped(session, ENTERPRISE, ENTERPRISE.table.c.account_id == account.account_id)
    return enterprises[0].id if enterprises else None
