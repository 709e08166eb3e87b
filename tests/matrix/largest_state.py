"""Resources with as much on them as a tenant can put there, and the call that deletes each: by name."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Table, func, insert, select, update

from fixtures.frozen_app import QUERY, FrozenApp
from kunsthalle.accounts.tables import account_groups, accounts, users
from kunsthalle.authz.context import Context
from kunsthalle.block_storage.snapshots import MOST as MOST_SNAPSHOTS
from kunsthalle.block_storage.tables import snapshots, volumes
from kunsthalle.catalogs.models import crn
from kunsthalle.catalogs.tables import (
    access_entries,
    catalog_objects,
    listings,
    object_entries,
    offerings,
    plans,
    version_images,
    versions,
)
from kunsthalle.catalogs.versions.editing import MAX_VERSIONS
from kunsthalle.db.session import Session
from kunsthalle.db.tables import jobs
from kunsthalle.db.tag_tables import tag_links, tags
from kunsthalle.iam.access_groups import MAX_GROUPS
from kunsthalle.iam.api_keys import MAX_KEYS
from kunsthalle.iam.policy_limits import MAX_EFFECTIVE
from kunsthalle.iam.tables import (
    access_group_members,
    access_group_rules,
    access_groups,
    api_keys,
    identity_history,
    policies,
    profile_identities,
    profile_links,
    profile_rules,
)
from kunsthalle.iam.trusted_profiles import MAX_LINKS
from kunsthalle.images.tables import images
from kunsthalle.instances.groups.membership_count import MOST
from kunsthalle.instances.groups.scheduled_actions import MOST_ACTIONS
from kunsthalle.instances.groups.tables import actions, groups, memberships
from kunsthalle.instances.tables import instances, interfaces
from kunsthalle.networks.queries import MOST_IN_VPC
from kunsthalle.networks.routing_table_routes import MOST_ROUTES
from kunsthalle.networks.tables import network_acls, reserved_ips, routes, security_groups

BASE = "/api/v1-beta"
Values = dict[str, Any]


class Call(Struct, frozen=True):
    """A deletion: who makes it, and how."""

    persona: str
    method: str
    path: str
    body: Any = None
    gone: Sequence[tuple[Table, Values]] = ()
    """Rows that there are none of afterwards: tables, and the values of columns."""


def multiply(session: Session, table: Table, like: Values, count: int, vary: Callable[[int], Values]) -> None:
    """Add copies of a row, which differ by number in what `vary` says of each."""
    rows = [{**like, **vary(number)} for number in range(count)]
    for begin in range(0, count, 1_000):
        session.execute_many(insert(table), rows[begin : begin + 1_000])


def row(session: Session, table: Table, **where: Any) -> Values:
    """One row that has these values."""
    conditions = [table.c[name] == value for name, value in where.items()]
    found = session.first(select(table).where(*conditions).limit(1))
    assert found is not None, (table.name, where)
    return dict(found._mapping)


def claims_of(token: str) -> Values:
    """What an access token says."""
    return dict(json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==")))


def left(frozen: FrozenApp, table: Table, **where: Any) -> int:
    """How many rows have these values."""
    conditions = [table.c[name] == value for name, value in where.items()]
    counted = select(func.count()).select_from(table).where(*conditions)
    return int(frozen.server.store.read(frozen.server.base, lambda session: session.first(counted))[0])


def _write(frozen: FrozenApp, function: Callable[[Session], None]) -> None:
    ctx: Context = frozen.server.base
    frozen.server.store.write(ctx, function)


def _id(kind: str, number: int) -> str:
    return f"{kind}-{number:08d}"


# Identities.


def account(frozen: FrozenApp) -> Call:
    """As many policies as an account may have, five times as many deleted ones, and many API keys."""
    persona = "enterprise"
    parent = frozen.ok(persona, "GET", "/v1/enterprises")["resources"][0]["crn"]
    body = {"parent": parent, "name": "large", "owner_iam_id": _me(frozen, persona)}
    made = frozen.ok(persona, "POST", "/v1/accounts", body)["account_id"]

    def fill(session: Session) -> None:
        here = {"account_id": made}
        like = row(session, policies, account_id=made)
        multiply(session, policies, {**like, **here}, 4_000, lambda n: _numbered(f"{made}-p", n))
        gone = {**like, **here, "state": "deleted"}
        multiply(session, policies, gone, 20_000, lambda n: _numbered(f"{made}-d", n))
        key = {**row(session, api_keys), **here}
        multiply(session, api_keys, key, 10_000, lambda n: {"id": f"{made}-k{n}", "hash": f"{made}{n}"})
        _histories(session, f"{made}-k", 10_000)

    _write(frozen, fill)
    gone = [(policies, {"account_id": made}), (api_keys, {"account_id": made})]
    return Call(persona, "DELETE", f"/v1/accounts/{made}", gone=gone)


def _me(frozen: FrozenApp, persona: str) -> str:
    return str(claims_of(frozen.tokens[persona])["iam_id"])


def _numbered(prefix: str, number: int) -> Values:
    return {"id": f"{prefix}{number}", "fingerprint": f"{prefix}{number}"}


def _histories(session: Session, prefix: str, count: int) -> None:
    record = [1, "IBMid-SOMEBODY", "account", "update", ["name"]]
    like = {"records": [record] * 100}
    multiply(session, identity_history, like, min(count, 2_000), lambda n: {"resource_id": f"{prefix}{n}"})


def _keys_and_policies(session: Session, account_id: str, iam_id: str, keys: int, held: int) -> None:
    """Keys of an identity, with their history, and policies that it is the subject of."""
    key = {**row(session, api_keys), "account_id": account_id, "iam_id": iam_id}
    multiply(session, api_keys, key, keys, lambda n: {"id": f"{iam_id}-k{n}"[-64:], "hash": f"{iam_id}{n}"[-64:]})
    _histories(session, f"{iam_id}-k"[-60:], keys)
    policy = {**row(session, policies, account_id=account_id), "subject_id": iam_id}
    multiply(session, policies, policy, held, lambda n: _numbered(f"{iam_id[-40:]}-p", n))


def service_id(frozen: FrozenApp) -> Call:
    """A service ID with as many keys and policies as it may have, in many groups."""
    here = frozen.accounts["owner"]
    made = frozen.ok("owner", "POST", "/v1/serviceids", {"name": "large", "account_id": here})

    def fill(session: Session) -> None:
        _keys_and_policies(session, here, made["iam_id"], MAX_KEYS, MAX_EFFECTIVE)
        member = {**_member(here), "iam_id": made["iam_id"], "type": "service"}
        multiply(session, access_group_members, member, MAX_GROUPS, lambda n: {"group_id": _id("group", n)})

    _write(frozen, fill)
    gone = [(api_keys, {"iam_id": made["iam_id"]}), (access_group_members, {"iam_id": made["iam_id"]})]
    return Call("owner", "DELETE", f"/v1/serviceids/{made['id']}", gone=gone)


def _member(account_id: str) -> Values:
    return {"account_id": account_id, "type": "user", "created_at": 1, "created_by": "IBMid-SOMEBODY"}


def user(frozen: FrozenApp) -> Call:
    """A user with as many keys and policies as they may have, in many groups."""
    here, iam_id = frozen.accounts["owner"], "IBMid-LARGE00001"

    def fill(session: Session) -> None:
        like = row(session, users, account_id=here)
        one = {"id": _id("user", 1), "iam_id": iam_id, "user_id": "large@example.com", "email": "large@example.com"}
        multiply(session, users, like, 1, lambda _n: one)
        _keys_and_policies(session, here, iam_id, MAX_KEYS, MAX_EFFECTIVE)
        member = {**_member(here), "iam_id": iam_id}
        multiply(session, access_group_members, member, MAX_GROUPS, lambda n: {"group_id": _id("group", n)})

    _write(frozen, fill)
    return Call("owner", "DELETE", f"/v2/accounts/{here}/users/{iam_id}")


def profile(frozen: FrozenApp) -> Call:
    """A trusted profile that very many may assume, with very many rules and links."""
    here = frozen.accounts["owner"]
    made = frozen.ok("owner", "POST", "/v1/profiles", {"name": "large", "account_id": here})

    def fill(session: Session) -> None:
        _keys_and_policies(session, here, made["iam_id"], 0, MAX_EFFECTIVE)
        of = {"account_id": here, "profile_id": made["id"], "created_at": 1, "modified_at": 1, "revision": 1}
        identity = {"profile_id": made["id"], "type": "user", "accounts": [here], "description": None}
        multiply(session, profile_identities, identity, 20_000, lambda n: {"identifier": f"I{n}", "iam_id": f"I{n}"})
        rule = {**of, "name": "r", "type": "Profile-SAML", "realm_name": "r", "expiration": 1, "conditions": []}
        multiply(session, profile_rules, rule, 20_000, lambda n: {"id": _id("rule", n)})
        link = {**of, "name": "l", "cr_type": "VSI", "link": {"crn": "crn"}}
        multiply(session, profile_links, link, 20_000, lambda n: {"id": _id("link", n)})

    _write(frozen, fill)
    tables = (profile_identities, profile_rules, profile_links)
    gone = [(table, {"profile_id": made["id"]}) for table in tables]
    return Call("owner", "DELETE", f"/v1/profiles/{made['id']}", gone=gone)


def profile_links_alike(frozen: FrozenApp) -> Call:
    """Very many links of one profile to the same compute resource."""
    here = frozen.accounts["owner"]
    made = frozen.ok("owner", "POST", "/v1/profiles", {"name": "linked", "account_id": here})

    def fill(session: Session) -> None:
        of = {"account_id": here, "profile_id": made["id"], "created_at": 1, "modified_at": 1, "revision": 1}
        link = {**of, "name": "l", "cr_type": "VSI", "link": {"crn": "crn:of:it"}}
        multiply(session, profile_links, link, MAX_LINKS, lambda n: {"id": _id("alike", n)})

    _write(frozen, fill)
    return Call("owner", "DELETE", f"/v1/profiles/{made['id']}/links?type=VSI&crn=crn:of:it")


def access_group(frozen: FrozenApp, members: int = 30_000, rules: int = 20_000) -> Call:
    """An access group with very many members and rules, and as many policies as it may have."""
    here = frozen.accounts["owner"]
    made = frozen.ok("owner", "POST", f"/v2/groups?account_id={here}", {"name": "large"})["id"]

    def fill(session: Session) -> None:
        _keys_and_policies(session, here, made, 0, MAX_EFFECTIVE)
        member = {**_member(here), "group_id": made}
        multiply(session, access_group_members, member, members, lambda n: {"iam_id": f"IBMid-M{n}"})
        rule = {**row(session, access_group_rules), "group_id": made, "account_id": here}
        multiply(session, access_group_rules, rule, rules, lambda n: {"id": _id("grouprule", n)})

    _write(frozen, fill)
    gone = [(access_group_members, {"group_id": made}), (policies, {"subject_id": made, "state": "active"})]
    return Call("owner", "DELETE", f"/v2/groups/{made}?force=true", gone=gone)


def member_of_all_groups(frozen: FrozenApp) -> Call:
    """Somebody who is in very many groups, and is taken out of all."""
    here = frozen.accounts["owner"]

    def fill(session: Session) -> None:
        group = row(session, access_groups, account_id=here)
        multiply(session, access_groups, group, MAX_GROUPS - 10, lambda n: {"id": _id("all", n), "name": _id("all", n)})
        member = {**_member(here), "iam_id": "IBMid-EVERYWHERE"}
        multiply(session, access_group_members, member, MAX_GROUPS, lambda n: {"group_id": _id("all", n)})

    _write(frozen, fill)
    return Call("owner", "DELETE", f"/v2/groups/_allgroups/members/IBMid-EVERYWHERE?account_id={here}")


def custom_role(frozen: FrozenApp) -> Call:
    """A role in an account with as many policies as there may be."""
    here = frozen.accounts["owner"]
    body = {"name": "Large", "display_name": "Large", "account_id": here, "service_name": "is"}
    made = frozen.ok("owner", "POST", "/v2/roles", {**body, "actions": ["is.image.image.read"]})["id"]

    def fill(session: Session) -> None:
        like = {**row(session, policies, account_id=here), "state": "active", "subject_id": "IBMid-OTHER"}
        have = len(session.all(select(policies.c.id).where(policies.c.account_id == here)))
        multiply(session, policies, like, max(0, 4_020 - have), lambda n: _numbered("role-p", n))

    _write(frozen, fill)
    return Call("owner", "DELETE", f"/v2/roles/{made}")


def account_group(frozen: FrozenApp) -> Call:
    """An account group with very many accounts in it, which is refused."""
    persona = "enterprise"
    parent = frozen.ok(persona, "GET", "/v1/enterprises")["resources"][0]["crn"]
    body = {"parent": parent, "name": "large", "primary_contact_iam_id": _me(frozen, persona)}
    made = frozen.ok(persona, "POST", "/v1/account-groups", body)["account_group_id"]

    def fill(session: Session) -> None:
        group = row(session, account_groups, id=made)
        like = {**row(session, accounts, is_enterprise=False), "enterprise_id": group["enterprise_id"]}
        like = {**like, "account_id": group["account_id"], "group_id": made, "state": "ACTIVE"}
        multiply(session, accounts, like, 10_000, lambda n: {"id": _id("account", n)})
        below = {**group, "parent_id": made}
        multiply(session, account_groups, below, 10_000, lambda n: {"id": _id("below", n)})

    _write(frozen, fill)
    return Call(persona, "DELETE", f"/v1/account-groups/{made}")


# Catalogs.


def _catalog(
    frozen: FrozenApp, label: str, products: int, each: int, most: int, objects: int, entries: int
) -> tuple[str, str]:
    """A catalog with offerings of many versions and plans, shared with many, and objects; its id and an offering's."""
    made = frozen.ok("owner", "POST", f"{BASE}/catalogs", {"label": label})["id"]
    offering = frozen.ok("owner", "POST", f"{BASE}/catalogs/{made}/offerings", {"name": "first"})["id"]

    def fill(session: Session) -> None:
        like = row(session, offerings, id=offering)
        name = f"{label}-o"
        multiply(session, offerings, like, products, lambda n: {"id": _id(name, n), "name": _id(name, n)})
        of = {"catalog_id": made, "previous": None, "entered_at": 1}
        version = {**row(session, versions), **of, "offering_id": offering, "copy_of": ""}
        plan = {**_plan(frozen), **of, "offering_id": offering}
        _below(session, label, offering, version, plan, most)
        for number in range(products):
            one = {"offering_id": _id(name, number)}
            _below(session, f"{label}{number}", one["offering_id"], {**version, **one}, {**plan, **one}, each)
        entry = {"offering_id": offering, "created_at": 1}
        multiply(session, access_entries, entry, entries, lambda n: {"id": f"{label}-e{n}", "identifier": f"{n:032x}"})
        listed = {**row(session, listings), "offering_id": offering}
        multiply(session, listings, listed, entries, lambda n: {"identifier": f"{n:032x}"})
        _objects(session, label, made, objects)

    _write(frozen, fill)
    return made, offering


def _plan(frozen: FrozenApp) -> Values:
    return frozen.server.store.read(frozen.server.base, lambda session: row(session, plans))


def _below(session: Session, label: str, offering: str, version: Values, plan: Values, count: int) -> None:
    """Versions with an image each, and plans."""
    name = f"{label}-v"
    multiply(session, versions, version, count, lambda n: {"id": f"{name}{n}", "version": f"1.0.{n}"})
    image = row(session, images)

    def held(number: int) -> Values:
        by = crn(version["account_id"], version["catalog_id"], "version", f"{offering}/{name}{number}")
        return {"id": f"{name}-i{number}", "name": f"{name}-i{number}", "hold_crn": by}

    multiply(session, images, image, count, held)
    used = {"region": "us-south"}
    multiply(session, version_images, used, count, lambda n: {"image_id": f"{name}-i{n}", "version_id": f"{name}{n}"})
    multiply(session, plans, plan, count, lambda n: {"id": f"{label}-p{n}", "name": f"plan-{n}"})


def _objects(session: Session, label: str, catalog: str, count: int) -> None:
    like = {**row(session, catalog_objects), "catalog_id": catalog}
    multiply(session, catalog_objects, like, count, lambda n: {"id": f"{label}-x{n}", "name": f"x{n}"})
    entry = {"created_at": 1, "identifier": f"{1:032x}"}
    multiply(session, object_entries, entry, count, lambda n: {"id": f"{label}-xe{n}", "object_id": f"{label}-x{n}"})


def catalog(frozen: FrozenApp) -> Call:
    """A catalog with very many offerings, versions, plans and objects, deleted: it waits for its reclamation."""
    made, _offering = _catalog(frozen, "lc", 500, 4, 400, 5_000, 1_000)
    return Call("owner", "DELETE", f"{BASE}/catalogs/{made}")


def _reclamation(frozen: FrozenApp, made: str) -> str:
    frozen.ok("owner", "DELETE", f"{BASE}/catalogs/{made}")
    found = frozen.ok("owner", "GET", "/v1/reclamations")["resources"]
    return str(next(one["id"] for one in found if one["resource_instance_id"] == made))


def restored_catalog(frozen: FrozenApp) -> Call:
    """The same, restored."""
    made, _offering = _catalog(frozen, "lr", 500, 4, 4, 10, 1_000)
    return Call("owner", "POST", f"/v1/reclamations/{_reclamation(frozen, made)}/actions/restore", {})


def reclaimed_catalog(frozen: FrozenApp) -> Call:
    """The same, reclaimed before its time."""
    made, _offering = _catalog(frozen, "lq", 500, 4, MAX_VERSIONS, 5_000, 1_000)
    path = f"/v1/reclamations/{_reclamation(frozen, made)}/actions/reclaim"
    tables = (versions, offerings, plans, catalog_objects)
    return Call("owner", "POST", path, {}, gone=[(table, {"catalog_id": made}) for table in tables])


def offering(frozen: FrozenApp) -> Call:
    """An offering with very many versions and plans, shared with as many as may be."""
    made, first = _catalog(frozen, "lo", 0, 0, MAX_VERSIONS, 0, 1_000)
    gone = [(table, {"offering_id": first}) for table in (versions, plans, access_entries, listings)]
    return Call("owner", "DELETE", f"{BASE}/catalogs/{made}/offerings/{first}", gone=gone)


def shared_object(frozen: FrozenApp) -> Call:
    """An object that is shared with very many."""
    made = frozen.ok("owner", "POST", f"{BASE}/catalogs", {"label": "objects"})["id"]
    shared = frozen.ok("owner", "POST", f"{BASE}/catalogs/{made}/objects", {"name": "shared"})["id"]

    def fill(session: Session) -> None:
        entry = {"created_at": 1, "object_id": shared}
        multiply(session, object_entries, entry, 1_000, lambda n: {"id": f"so{n}", "identifier": f"{n:032x}"})

    _write(frozen, fill)
    return Call("owner", "DELETE", f"{BASE}/catalogs/{made}/objects/{shared}")


# Networks, machines and tags.


def vpc(frozen: FrozenApp) -> Call:
    """A VPC with very many security groups, network ACLs and routes, each with its rules."""
    made = frozen.ok("owner", "POST", f"/v1/vpcs?{QUERY}", {"name": "large"})

    def fill(session: Session) -> None:
        rules = {"rules": row(session, network_acls, vpc_id=made["id"])["rules"] * 50}
        for table, name in ((security_groups, "sg"), (network_acls, "acl")):
            like = {**row(session, table, vpc_id=made["id"]), **rules}
            multiply(session, table, like, MOST_IN_VPC, lambda n, name=name: {"id": _id(name, n), "name": _id(name, n)})
        table_id = made["default_routing_table"]["id"]
        like = {**row(session, routes), "vpc_id": made["id"], "routing_table_id": table_id}
        multiply(session, routes, like, MOST_ROUTES, lambda n: {"id": _id("vpcr", n), "name": _id("vpcr", n)})

    _write(frozen, fill)
    return Call("owner", "DELETE", f"/v1/vpcs/{made['id']}?{QUERY}")


def security_group(frozen: FrozenApp) -> Call:
    """A security group in a VPC with very many others, each of as many rules as may be."""
    made = frozen.ok("owner", "POST", f"/v1/vpcs?{QUERY}", {"name": "groups"})
    body = {"vpc": {"id": made["id"]}, "name": "one-of-many"}
    one = frozen.ok("owner", "POST", f"/v1/security_groups?{QUERY}", body)["id"]

    def fill(session: Session) -> None:
        like = row(session, security_groups, id=made["default_security_group"]["id"])
        like = {**like, "rules": (like["rules"] * 250)[:250]}
        multiply(session, security_groups, like, MOST_IN_VPC, lambda n: {"id": _id("many", n), "name": _id("many", n)})

    _write(frozen, fill)
    return Call("owner", "DELETE", f"/v1/security_groups/{one}?{QUERY}")


def routing_table(frozen: FrozenApp) -> Call:
    """A routing table with very many routes."""
    made = frozen.ok("owner", "POST", f"/v1/vpcs/{frozen.ids['vpcs']}/routing_tables?{QUERY}", {"name": "large"})["id"]

    def fill(session: Session) -> None:
        like = {**row(session, routes), "vpc_id": frozen.ids["vpcs"], "routing_table_id": made}
        multiply(session, routes, like, MOST_ROUTES, lambda n: {"id": _id("tabr", n), "name": _id("tabr", n)})

    _write(frozen, fill)
    return Call("owner", "DELETE", f"/v1/vpcs/{frozen.ids['vpcs']}/routing_tables/{made}?{QUERY}")


def subnet(frozen: FrozenApp) -> Call:
    """A subnet with very many reserved addresses."""
    vpc_, zone = {"id": frozen.ids["vpcs"]}, {"name": frozen.ids["zone"]}
    body = {"vpc": vpc_, "zone": zone, "total_ipv4_address_count": 8_192, "name": "large"}
    made = frozen.ok("owner", "POST", f"/v1/subnets?{QUERY}", body)["id"]

    def fill(session: Session) -> None:
        like = {**row(session, reserved_ips), "subnet_id": made, "target_id": None, "target": None}
        multiply(session, reserved_ips, like, 8_000, lambda n: {"id": f"r{n}", "name": f"r{n}", "number": n + 10**9})

    _write(frozen, fill)
    return Call("owner", "DELETE", f"/v1/subnets/{made}?{QUERY}")


def all_tags(frozen: FrozenApp) -> Call:
    """Very many tags that nothing has, and very many that were on resources which are gone."""
    here = frozen.accounts["owner"]

    def fill(session: Session) -> None:
        like = {"account_id": here, "type": "user", "created_at": 1}
        multiply(session, tags, like, 30_000, lambda n: {"name": f"unused-{n}"})
        link = {"account_id": here, "type": "user", "thing_kind": "image", "name": "gone"}
        multiply(session, tag_links, link, 30_000, lambda n: {"crn": f"crn:{n}", "thing_id": _id("gone", n)})

    _write(frozen, fill)
    return Call("owner", "DELETE", "/v3/tags?tag_type=user")


def instance_group(frozen: FrozenApp) -> Call:
    """An instance group of as many members as there may be."""
    return Call("owner", "DELETE", f"/v1/instance_groups/{_group(frozen, 'large')}?{QUERY}")


def group_members(frozen: FrozenApp) -> Call:
    """All members of such a group, which stays."""
    return Call("owner", "DELETE", f"/v1/instance_groups/{_group(frozen, 'emptied')}/memberships?{QUERY}")


def _group(frozen: FrozenApp, name: str) -> str:
    """A group of 1,000 servers; the first is real, and the others are copies of its rows."""
    template = {"id": frozen.ids["pattern"]}
    subnet = {"id": frozen.ids["subnets"]}
    body = {"name": name, "instance_template": template, "subnets": [subnet], "membership_count": 1}
    made = frozen.ok("owner", "POST", f"/v1/instance_groups?{QUERY}", body)["id"]
    frozen.settle()

    def fill(session: Session) -> None:
        member = row(session, memberships, instance_group_id=made)
        server = row(session, instances, id=member["instance_id"])
        ids = lambda n: {"id": f"{name}-s{n}", "name": f"{name}-s{n}"}  # noqa: E731  a row each
        multiply(session, instances, server, MOST - 1, ids)
        of = lambda n: {"id": f"{name}-m{n}", "name": f"{name}-m{n}", "instance_id": f"{name}-s{n}"}  # noqa: E731  a row each
        multiply(session, memberships, member, MOST - 1, of)
        interface = row(session, interfaces, instance_id=server["id"])
        on = lambda n: {"id": f"{name}-n{n}", "instance_id": f"{name}-s{n}"}  # noqa: E731  a row each
        multiply(session, interfaces, interface, MOST - 1, on)
        volume = row(session, volumes, instance_id=server["id"])
        at = lambda n: {"id": f"{name}-v{n}", "name": f"{name}-v{n}", "instance_id": f"{name}-s{n}"}  # noqa: E731  a row each
        multiply(session, volumes, volume, MOST - 1, at)
        session.execute(update(groups).where(groups.c.id == made).values(membership_count=MOST))

    _write(frozen, fill)
    return str(made)


def manager(frozen: FrozenApp) -> Call:
    """A manager of an instance group with very many scheduled actions."""
    where = f"/v1/instance_groups/{frozen.ids['instance_groups']}/managers/{frozen.ids['managers/*/actions']}"

    def fill(session: Session) -> None:
        like = {**row(session, actions), "instance_group_manager_id": frozen.ids["managers/*/actions"]}
        multiply(session, actions, like, MOST_ACTIONS - 1, lambda n: {"id": _id("act", n), "name": _id("act", n)})
        job = {**row(session, jobs), "kind": "group.action", "state": "queued", "due_at": 2**60}
        multiply(session, jobs, job, 20_000, lambda n: {"id": _id("job", n), "subject": _id("act", n)})

    _write(frozen, fill)
    return Call("owner", "DELETE", f"{where}?{QUERY}")


def snapshots_of_volume(frozen: FrozenApp) -> Call:
    """Very many snapshots of one volume, all at once."""

    def fill(session: Session) -> None:
        like = {**row(session, snapshots), "source_volume_id": "volume-of-many", "lifecycle_state": "stable"}
        multiply(session, snapshots, like, MOST_SNAPSHOTS, lambda n: {"id": _id("snap", n), "name": _id("snap", n)})

    _write(frozen, fill)
    return Call("owner", "DELETE", f"/v1/snapshots?source_volume.id=volume-of-many&{QUERY}")


def all_of_access_list(frozen: FrozenApp) -> Call:
    """Every entry of the access list of an offering."""
    made, first = _catalog(frozen, "la", 0, 0, 1, 0, 1_000)
    return Call("owner", "DELETE", f"{BASE}/catalogs/{made}/offerings/{first}/access", ["*"])


LARGE: list[Callable[[FrozenApp], Call]] = [
    account,
    service_id,
    user,
    profile,
    profile_links_alike,
    access_group,
    member_of_all_groups,
    custom_role,
    account_group,
    catalog,
    restored_catalog,
    reclaimed_catalog,
    offering,
    shared_object,
    vpc,
    security_group,
    routing_table,
    subnet,
    all_tags,
    manager,
    all_of_access_list,
]

MANY_JOBS: list[Callable[[FrozenApp], Call]] = [instance_group, group_members, snapshots_of_volume]
"""Deletions that leave a small job for each of very many resources."""
