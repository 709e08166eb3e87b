"""The tree, resource groups and tags on both engines, and what happens when two hands reach for the same resource."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fixtures.threads import together
from fixtures.worlds import World
from kunsthalle.accounts import account_users, enterprise_tree, resource_groups, service
from kunsthalle.accounts.queries import chosen_group, group_name, recipients
from kunsthalle.accounts.resources import ACCOUNT, ACCOUNT_GROUP, RESOURCE_GROUP
from kunsthalle.authz.context import Context
from kunsthalle.core.errors import Problem
from kunsthalle.db import audit
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, find, some
from kunsthalle.iam.account_adapter import IamIdentities
from kunsthalle.iam.policies import make_owner


def _root(world: World) -> tuple[Context, Any]:
    enterprise, _ = world.write(world.base, service.found_enterprise, "Enterprise")
    ctx = world.base.as_system(enterprise.account_id)
    return replace(ctx, recipients=(enterprise.account_id, f"-ent-{enterprise.id}")), enterprise


def _granted(session: Session, kind: Any, id_: str) -> Authorized[Any]:
    return Authorized(find(session, kind, id_), kind.read)


def test_the_audience_of_an_account_follows_every_move(both: World) -> None:
    root, enterprise = _root(both)
    contact = enterprise.primary_contact_iam_id
    outer = both.write(root, enterprise_tree.create_group, enterprise.crn, "outer", contact)
    inner = both.write(root, enterprise_tree.create_group, outer.crn, "inner", contact)
    made = both.write(root, service.open_account, "member", enterprise)

    def heard() -> tuple[str, ...]:
        return tuple(both.read(root, recipients, made.id))

    def move(parent: str) -> None:
        both.write(
            root, lambda session: enterprise_tree.move_account(session, _granted(session, ACCOUNT, made.id), parent)
        )

    start = (made.id, f"-ent-{enterprise.id}")
    assert heard() == start
    move(inner.crn)
    assert heard() == (*start, f"-entgrp-{inner.id}", f"-entgrp-{outer.id}")
    both.write(
        root,
        lambda session: enterprise_tree.update_group(
            session, _granted(session, ACCOUNT_GROUP, inner.id), {}, enterprise.crn
        ),
    )
    assert heard() == (*start, f"-entgrp-{inner.id}")
    both.write(
        root,
        lambda session: enterprise_tree.cancel_account(session, IamIdentities(), _granted(session, ACCOUNT, made.id)),
    )
    assert heard() == (made.id,)


def _won(call: Any) -> bool:
    try:
        call()
    except Problem as problem:
        assert problem.reason.value in {404, 409}
        return False
    return True


@pytest.mark.parametrize("turn", range(4))
def test_a_group_is_deleted_or_moved_into_and_never_both(both: World, turn: int) -> None:
    root, enterprise = _root(both)
    group = both.write(root, enterprise_tree.create_group, enterprise.crn, "group", enterprise.primary_contact_iam_id)
    made = both.write(root, service.open_account, "member", enterprise)

    def delete() -> bool:
        return _won(
            lambda: both.write(
                root, lambda session: enterprise_tree.delete_group(session, _granted(session, ACCOUNT_GROUP, group.id))
            )
        )

    def move() -> bool:
        return _won(
            lambda: both.write(
                root,
                lambda session: enterprise_tree.move_account(session, _granted(session, ACCOUNT, made.id), group.crn),
            )
        )

    racers = [delete, move] if turn % 2 else [move, delete]
    assert sum(together(*racers)) == 1
    left = both.read(root, lambda session: (find(session, ACCOUNT, made.id).group_id, some(session, ACCOUNT_GROUP)))
    assert (left[0] is not None) == bool(left[1])


def _administrator(session: Session, iam_id: str) -> None:
    if not IamIdentities().administers(session, session.ctx.account_id, iam_id):
        service.add_user(session, session.ctx.account_id, iam_id, f"{iam_id}@example.com", "Some Body")
        make_owner(session, session.ctx.account_id, iam_id)


def test_an_account_is_taken_in_by_one_enterprise_only(both: World) -> None:
    roots = [_root(both) for _ in range(2)]
    alone = both.write(both.base, service.open_account, "alone", None)

    identities = IamIdentities()
    for ctx, _ in roots:  # everybody who asks is its Administrator
        both.write(both.base.as_system(alone.id), _administrator, ctx.actor.iam_id)

    def taking(ctx: Context, enterprise: Any) -> Any:
        wanted = Authorized(enterprise, enterprise_tree.IMPORT)
        take = lambda session: enterprise_tree.import_account(session, identities, wanted, alone.id, None)  # noqa: E731  a step
        return lambda: _won(lambda: both.write(ctx, take))

    assert sum(together(*(taking(*one) for one in roots))) == 1
    seen = [both.read(ctx, lambda session: {one.id for one in some(session, ACCOUNT)}) for ctx, _ in roots]
    assert sum(alone.id in one for one in seen) == 1


def test_a_name_of_a_deleted_resource_group_is_free_and_the_sample_means_the_default(both: World) -> None:
    ctx = both.account()
    made = both.write(ctx, resource_groups.create, "Team")
    with pytest.raises(Problem) as taken:
        both.write(ctx, resource_groups.create, "Team")
    assert taken.value.reason.value == 409
    both.image(ctx, "inside", resource_group_id=made.id)
    remove = lambda session, id_: resource_groups.remove(session, _granted(session, RESOURCE_GROUP, id_))  # noqa: E731  a step
    with pytest.raises(Problem) as full:
        both.write(ctx, remove, made.id)
    assert full.value.reason.value == 409
    empty = both.write(ctx, resource_groups.create, "Empty")
    both.write(ctx, remove, empty.id)
    assert both.write(ctx, resource_groups.create, "Empty").id != empty.id
    with pytest.raises(Problem) as gone:
        both.read(ctx, chosen_group, empty.id)
    assert gone.value.target.name == "resource_group"
    default = both.read(ctx, chosen_group, None)
    assert both.read(ctx, chosen_group, "fee82deba12e4c0fb69c3b09d1f12345") == default
    both.write(
        ctx, lambda session: resource_groups.change(session, _granted(session, RESOURCE_GROUP, made.id), "Renamed")
    )
    assert both.read(ctx, group_name, made.id) == "Renamed"


def test_the_audit_is_paged_by_moment_and_id_whatever_comes_in_between(both: World) -> None:
    ctx = both.account()
    for number in range(5):
        both.write(ctx, audit.record, "a.b.create", f"/v1/resources/{number}", 201)
    first = both.read(ctx, audit.page, limit=2)
    both.write(ctx, audit.record, "a.b.create", "/v1/resources/late", 201)
    rest = both.read(ctx, audit.page, limit=10, after=first.last)
    seen = [one.target for one in (*first.items, *rest.items)]
    assert len(seen) == len(set(seen)) >= 5
    assert rest.last is None
    about = both.read(ctx, audit.page, about=["/v1/resources/1", "/v1/resources/_"])
    assert [one.target for one in about.items] == ["/v1/resources/1"]


def test_an_address_is_invited_once_however_many_ask_at_once(both: World) -> None:
    root, _ = _root(both)
    invitation = account_users.Invitation(["Guest@x.example"], [], [])

    def invite() -> str:
        try:
            both.write(root, account_users.invite, IamIdentities(), invitation)
        except Problem as problem:
            return problem.code
        return "invited"

    assert sorted(together(*[invite] * 4)) == ["conflict", "conflict", "conflict", "invited"]
    with pytest.raises(Problem, match="Invalid e-mail address"):
        both.write(
            root, account_users.invite, IamIdentities(), replace(invitation, emails=["İ" * 64 + "@" + "İ" * 100])
        )
