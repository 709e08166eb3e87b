"""Questions about the enterprise tree, users, and resource groups."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, or_

from kunsthalle.accounts.models import Account, AccountGroup, ResourceGroup, User
from kunsthalle.accounts.resources import ACCOUNT, ACCOUNT_GROUP, EVER_RESOURCE_GROUP, RESOURCE_GROUP, USER
from kunsthalle.core.errors import Problem, forbidden, invalid
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import columns_of, numbers_by
from kunsthalle.db.visibility import may, some, unscoped

TREE = "enterprise-tree"
"""The topic under which a process remembers where accounts stand in their tree."""
DEEPEST = 60
"""How many account groups may be on the way from an enterprise to an account."""
SAMPLE_GROUP = "fee82deba12e4c0fb69c3b09d1f12345"
"""The resource group of every sample in the SDKs' documentation (vpc-api.md G3): stands for the default group."""


def account(session: Session, id_: str) -> Account | None:
    """An account, whoever asks: for authentication and for the tree."""
    accounts = unscoped(session, ACCOUNT, ACCOUNT.table.c.id == id_)
    return accounts[0] if accounts else None


def hold(session: Session, id_: str) -> None:
    """Lets one transaction at a time go on from here in an account: for what is counted or compared across rows of it.

    On SQLite there is but one that writes.
    """
    unscoped(session, ACCOUNT, ACCOUNT.table.c.id == id_, lock=session.writing)


def user(session: Session, account_id: str, iam_id: str) -> User | None:
    """The membership of a user in an account."""
    table = USER.table
    users = unscoped(session, USER, table.c.account_id == account_id, table.c.iam_id == iam_id)
    return users[0] if users else None


def member(session: Session, account_id: str, iam_id: str) -> User | None:
    """The membership of a user who may act in an account: neither waiting to be accepted nor disabled."""
    account_user = user(session, account_id, iam_id)
    return account_user if account_user is not None and account_user.state == "ACTIVE" else None


def member_of_any(session: Session, iam_id: str, among: Collection[str]) -> User | None:
    """A membership of a user who may act in one of some accounts, by IAM ID."""
    table = USER.table
    conditions = (table.c.iam_id == iam_id, table.c.account_id.in_(list(among)))
    users = unscoped(session, USER, *conditions, table.c.state == "ACTIVE")
    return users[0] if users else None


def signing_in_as(session: Session, account_id: str, user_id: str) -> User | None:
    """The user, or the invitation, of an account that a login means."""
    table = USER.table
    users = unscoped(session, USER, table.c.account_id == account_id, table.c.user_id == user_id)
    return users[0] if users else None


def memberships_of(session: Session, user_id: str) -> list[User]:
    """The users and invitations of all accounts that a login means."""
    return unscoped(session, USER, USER.table.c.user_id == user_id)


def reached_at(session: Session, account_id: str, address: str) -> list[User]:
    """The users of an account who sign in with an address, or name it as their contact."""
    table = USER.table
    meant = or_(table.c.user_id == address.lower(), func.lower(table.c.email) == address.lower())
    return unscoped(session, USER, table.c.account_id == account_id, meant)


def members(session: Session, enterprise_id: str) -> list[Account]:
    """The accounts of an enterprise, its own among them."""
    return unscoped(session, ACCOUNT, ACCOUNT.table.c.enterprise_id == enterprise_id)


def recipients(session: Session, account_id: str) -> tuple[str, ...]:
    """The identifiers that address an account in a share: itself, its enterprise, every group above it (1.9)."""
    return session.cached(TREE, account_id, lambda: _audience(session, account_id))


def _audience(session: Session, account_id: str) -> tuple[str, ...]:
    here = account(session, account_id)
    if here is None or here.enterprise_id is None:
        return (account_id,)
    above = (f"-entgrp-{group.id}" for group in way_up(session, here.group_id))
    return (account_id, f"-ent-{here.enterprise_id}", *above)


def way_up(session: Session, group_id: str | None) -> list[AccountGroup]:
    """The group and every group above it, from below."""
    account_groups: list[AccountGroup] = []
    while group_id is not None and len(account_groups) < DEEPEST:
        here = unscoped(session, ACCOUNT_GROUP, ACCOUNT_GROUP.table.c.id == group_id)
        account_groups += here
        group_id = here[0].parent_id if here else None
    return account_groups


def way_down(session: Session, group: AccountGroup) -> set[str]:
    """The ids of the group and of every group below it."""
    everyone = unscoped(session, ACCOUNT_GROUP, ACCOUNT_GROUP.table.c.enterprise_id == group.enterprise_id)
    below: dict[str, list[str]] = {}
    for account_group in everyone:
        below.setdefault(account_group.parent_id or "", []).append(account_group.id)
    ids, ahead = {group.id}, [group.id]
    while ahead:
        new = [id_ for id_ in below.get(ahead.pop(), []) if id_ not in ids]
        ids.update(new)
        ahead += new
    return ids


def enterprise_of(session: Session, account_id: str) -> str | None:
    """The id of the enterprise an account is in, or None."""
    here = account(session, account_id)
    return here.enterprise_id if here else None


def enterprises_of_identifiers(session: Session, identifiers: Collection[str]) -> dict[str, str | None]:
    """The enterprise that each access-list identifier stands in; those that name nothing are left out."""
    accounts, groups = ACCOUNT.table.c, ACCOUNT_GROUP.table.c
    ids_by_prefix: dict[str, list[str]] = {"-ent-": [], "-entgrp-": [], "": []}
    for identifier in identifiers:
        prefix = next(kind for kind in ids_by_prefix if identifier.startswith(kind))
        ids_by_prefix[prefix].append(identifier.removeprefix(prefix))
    enterprise_ids: dict[str, str | None] = {}
    if ids_by_prefix["-ent-"]:
        roots = numbers_by(session, accounts.enterprise_id, accounts.enterprise_id.in_(ids_by_prefix["-ent-"]))
        enterprise_ids |= {f"-ent-{id_}": id_ for id_, _count in roots}
    if ids_by_prefix["-entgrp-"]:
        active = (groups.id.in_(ids_by_prefix["-entgrp-"]), groups.state == "ACTIVE")
        enterprise_ids |= {
            f"-entgrp-{id_}": of for id_, of in columns_of(session, groups.id, groups.enterprise_id, where=active)
        }
    if ids_by_prefix[""]:
        enterprise_ids |= dict(
            columns_of(session, accounts.id, accounts.enterprise_id, where=[accounts.id.in_(ids_by_prefix[""])])
        )
    return enterprise_ids


def enterprise_of_identifier(session: Session, identifier: str) -> str | None:
    """The enterprise that an access-list identifier stands in, or None when there is no such resource."""
    return enterprises_of_identifiers(session, [identifier]).get(identifier)


def default_group(session: Session) -> ResourceGroup:
    """The account's default resource group."""
    table = RESOURCE_GROUP.table
    conditions = (table.c.account_id == session.ctx.account_id, table.c.is_default.is_(True))
    return unscoped(session, RESOURCE_GROUP, *conditions)[0]


def chosen_group(session: Session, id_: str | None, otherwise: str | None = None) -> ResourceGroup:
    """Where a new resource goes: the group named in a request, or `otherwise`, or the default one.

    Who places something in a group must be one who may look at the group (catalog-iam-enterprise.md 3.4, and
    docs/decisions/0016). 400 for a named one that is unknown, foreign or not to be looked at, without a difference
    (vpc-api.md A8); 403 for one that was taken because none was named.
    """
    if id_ is not None and id_ != SAMPLE_GROUP:
        resource_groups = some(session, RESOURCE_GROUP, RESOURCE_GROUP.table.c.id == id_)
        if not resource_groups:
            raise _no_group()
        return resource_groups[0]
    group = _taken_group(session, otherwise if id_ is None else None)
    if not may(session, RESOURCE_GROUP, group, RESOURCE_GROUP.read):
        text = f"To place something in the resource group {group.name} you need the role Viewer on that group."
        raise forbidden(f"The request is not authorized. {text}")
    return group


def _taken_group(session: Session, id_: str | None) -> ResourceGroup:
    if id_ is None or id_ == SAMPLE_GROUP:
        return default_group(session)
    table = RESOURCE_GROUP.table
    resource_groups = unscoped(session, RESOURCE_GROUP, table.c.account_id == session.ctx.account_id, table.c.id == id_)
    if not resource_groups:  # named by a template of a release that did not look
        raise _no_group()
    return resource_groups[0]


def _no_group() -> Problem:
    return invalid("bad_field", "The resource group does not exist.", "resource_group")


def group_name(session: Session, id_: str) -> str:
    """The name of one of the account's groups, for references; remembered."""

    def load() -> str:
        resource_groups = unscoped(session, RESOURCE_GROUP, RESOURCE_GROUP.table.c.id == id_)
        return resource_groups[0].name if resource_groups else id_

    return session.cached(GROUPS, id_, load)


GROUPS = "resource-groups"
"""The topic under which a process remembers the names of resource groups."""


def groups(session: Session, name: str | None, default: bool | None, *, deleted: bool = False) -> list[ResourceGroup]:
    """The groups the caller may read."""
    table = RESOURCE_GROUP.table
    where = [table.c.name == name] if name is not None else []
    if default is not None:
        where.append(table.c.is_default == default)
    return some(session, EVER_RESOURCE_GROUP if deleted else RESOURCE_GROUP, *where)
