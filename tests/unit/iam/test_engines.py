"""What the package writes means the same on both engines; a token's end and a grant are seen by another node at
once."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import pytest

from fixtures.threads import together
from fixtures.worlds import World
from kunsthalle.accounts.resources import ACCOUNT
from kunsthalle.accounts.service import add_user
from kunsthalle.authz.context import Context
from kunsthalle.authz.permissions import PERMISSIONS, Grants
from kunsthalle.authz.roles import EDITOR, VIEWER
from kunsthalle.core.errors import Problem, Reason
from kunsthalle.db.rows import update
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import resolve, some
from kunsthalle.iam import access_groups, api_keys, identity_settings, policies, service_ids, trusted_profiles
from kunsthalle.iam.queries import grants_of, owner_grants, standing
from kunsthalle.iam.resources import ANY_POLICY, API_KEY, GROUP, POLICY, PROFILE

READ = "is.image.image.read"
ON_IS = [{"key": "serviceName", "operator": "stringEquals", "value": "is"}]


def _subject(value: str, key: str = "iam_id") -> list[dict[str, str]]:
    return [{"key": key, "operator": "stringEquals", "value": value}]


def _program(world: World, ctx: Context) -> tuple[str, str]:
    """A service ID's IAM ID, and the id of its key."""
    made, minted = world.write(ctx, service_ids.create_service_id, "program", key=api_keys.KeyPrototype("key"))
    assert minted is not None
    return made.iam_id, minted[0].id


def _reads(world: World, ctx: Context, iam_id: str) -> bool:
    found: Grants = world.read(ctx, grants_of, ctx.account_id, iam_id)
    return found.scope(READ).everything


def _on(world: World, ctx: Context, kind: Any, id_: str, function: Any, *arguments: Any, **more: Any) -> Any:
    def work(session: Session) -> Any:
        return function(session, resolve(session, kind, id_, kind.read), *arguments, **more)

    return world.store.write(ctx, work)


def test_a_keys_end_is_seen_at_once(both: World) -> None:
    ctx = both.account()
    iam_id, key = _program(both, ctx)

    def until() -> int:
        return int(both.read(ctx, standing, ctx.account_id, iam_id, key).until)

    assert until() > both.clock.now()
    _on(both, ctx, API_KEY, key, api_keys.set_disabled, True)
    assert until() == 0
    _on(both, ctx, API_KEY, key, api_keys.set_disabled, False)
    assert until() > both.clock.now()
    _on(both, ctx, API_KEY, key, api_keys.delete_api_key)
    assert until() == 0


def test_grants_come_and_go_with_policies_and_groups(both: World) -> None:
    ctx = both.account()
    iam_id, _ = _program(both, ctx)
    assert not _reads(both, ctx, iam_id)
    made = both.write(ctx, policies.create_policy, "access", _subject(iam_id), [VIEWER], ON_IS)
    assert _reads(both, ctx, iam_id)
    _on(both, ctx, POLICY, made.id, policies.delete_policy)
    assert not _reads(both, ctx, iam_id)
    _on(both, ctx, ANY_POLICY, made.id, policies.restore_policy)
    assert _reads(both, ctx, iam_id)
    _on(both, ctx, POLICY, made.id, policies.delete_policy)
    group = both.write(ctx, access_groups.create_group, "lookers")
    both.write(ctx, policies.create_policy, "access", _subject(group.id, "access_group_id"), [VIEWER], ON_IS)
    both.write(ctx, access_groups.add_member, group, iam_id, "service")
    both.write(ctx, access_groups.add_member, group, iam_id, "service")
    assert _reads(both, ctx, iam_id)
    _on(both, ctx, GROUP, group.id, access_groups.delete_group, True)
    assert not _reads(both, ctx, iam_id)
    assert both.read(ctx, some, POLICY) == []


def test_the_same_policy_twice_is_a_conflict_whatever_the_order(both: World) -> None:
    ctx = both.account()
    resource = [*ON_IS, {"key": "resourceType", "operator": "stringEquals", "value": "image"}]
    both.write(ctx, policies.create_policy, "access", _subject("IBMid-A"), [VIEWER, EDITOR], resource)
    with pytest.raises(Problem) as refused:
        both.write(ctx, policies.create_policy, "access", _subject("IBMid-A"), [EDITOR, VIEWER], resource[::-1])
    assert (refused.value.reason, refused.value.code) == (Reason.CONFLICT, "policy_conflict_error")


def test_profiles_settings_and_lists_of_trust(both: World) -> None:
    ctx, other = both.account(), both.account("other")
    profile = both.write(ctx, trusted_profiles.create_profile, "costume")
    _on(both, ctx, PROFILE, profile.id, trusted_profiles.trust, "user", "IBMid-A")
    _on(both, ctx, PROFILE, profile.id, trusted_profiles.trust, "user", "IBMid-A", [other.account_id])
    assert both.read(ctx, trusted_profiles.may_assume, profile, "IBMid-A", other.account_id)
    assert not both.read(ctx, trusted_profiles.may_assume, profile, "IBMid-A", ctx.account_id)
    assert not both.read(ctx, trusted_profiles.may_assume, profile, "IBMid-B", other.account_id)
    both.write(ctx, identity_settings.change_settings, None, {"system_access_token_expiration_in_seconds": "900"})
    both.write(ctx, identity_settings.change_settings, 1, {"system_refresh_token_expiration_in_seconds": "1000"})
    assert both.read(ctx, identity_settings.lifetimes, ctx.account_id) == (900, 1_000)
    assert both.read(ctx, identity_settings.lifetimes, other.account_id)[0] == 3_600
    with pytest.raises(Problem):
        both.write(ctx, identity_settings.change_settings, 1, {"mfa": "NONE"})


@pytest.mark.parametrize("revision", [0, 1])
def test_of_changes_that_name_one_version_of_the_settings_one_is_made(both: World, revision: int) -> None:
    ctx = both.account()
    if revision:
        both.write(ctx, identity_settings.change_settings, None, {"max_sessions_per_identity": "1"})

    def change(seconds: int) -> bool:
        given = {"session_expiration_in_seconds": str(seconds)}
        try:
            both.write(ctx, identity_settings.change_settings, revision, given)
        except Problem as problem:
            assert problem.reason is Reason.CONFLICT
            return False
        return True

    won = together(*(partial(change, 900 + number) for number in range(6)))
    assert sum(won) == 1
    assert both.read(ctx, identity_settings.settings_of, ctx.account_id)[1] == revision + 1
    assert both.read(ctx, identity_settings.settings_of, ctx.account_id)[0]["session_expiration_in_seconds"] == str(
        900 + won.index(True)
    )


def test_policies_are_found_by_what_their_resource_says(both: World) -> None:
    from kunsthalle.iam.routes_policies import _holds

    ctx = both.account()
    one = both.write(ctx, policies.create_policy, "access", _subject("IBMid-A"), [VIEWER], ON_IS)
    hostile = [{"key": "serviceName", "operator": "stringMatch", "value": 'i%_"\\'}]
    two = both.write(ctx, policies.create_policy, "access", _subject("IBMid-A"), [VIEWER], hostile)
    for value, expected in (("is", one.id), ('i%_"\\', two.id)):
        found = both.read(ctx, some, POLICY, _holds("resource", "serviceName", value))
        assert [policy.id for policy in found] == [expected]


def test_an_owner_of_one_account_holds_nothing_of_another(both: World) -> None:
    ctx, other = both.account(), both.account("other")
    made, key, secret = both.write(both.base, service_ids.create_owner, ctx.account_id)
    assert secret
    assert key.iam_id == made.iam_id
    held = both.read(dataclasses.replace(ctx), grants_of, ctx.account_id, made.iam_id)
    assert held.scope("iam-access-management.policy.create").everything
    assert both.read(ctx, grants_of, other.account_id, made.iam_id).scope(READ).empty


def test_the_owner_holds_everything_and_another_owner_at_once(both: World) -> None:
    """Whatever the policies say, and whatever was remembered of the old owner."""
    owner = both.account()
    here = owner.account_id

    def held(iam_id: str) -> bool:
        grants = both.read(owner, grants_of, here, iam_id)
        return all(map(grants.covers_grant, owner_grants(here)))

    def join(session: Session) -> None:
        add_user(session, here, "IBMid-NEXT", "next@somewhere.example", "Next")

    def hand_over(session: Session) -> None:
        update(session, ACCOUNT, here, owner_iam_id="IBMid-NEXT")
        session.invalidate(PERMISSIONS)

    both.write(owner, join)
    assert (held(owner.actor.iam_id), held("IBMid-NEXT"), held("IBMid-STRANGER")) == (True, False, False)
    both.write(owner, hand_over)
    assert (held(owner.actor.iam_id), held("IBMid-NEXT")) == (False, True)
