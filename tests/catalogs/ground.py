"""What every random walk over the catalog begins with: an enterprise of two groups, one in the other, and accounts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from kunsthalle.accounts import tree
from kunsthalle.accounts.model import Account, Enterprise
from kunsthalle.accounts.queries import audience
from kunsthalle.accounts.service import found_enterprise, open_account
from kunsthalle.store.unit import Unit
from support.worlds import make_world

ACCOUNTS = ("owner", "near", "far", "outsider")


@dataclass
class Ground:
    """What every walk begins with: an enterprise with two groups, one in the other, and the accounts."""

    path: Path
    root: Account
    enterprise: Enterprise
    groups: tuple[str, str]
    accounts: dict[str, Account]


def lay(path: Path) -> Ground:
    """Makes the ground in the file of a database whose schema is ready."""
    world = make_world(f"sqlite:///{path}")

    def make(unit: Unit) -> Ground:
        enterprise, root = found_enterprise(unit, "enterprise")
        system = unit.acting(unit.ctx.as_system(root.id))
        system.ctx = dataclasses.replace(system.ctx, audience=audience(system, root.id))
        outer = tree.create_group(system, enterprise.crn, "outer", root.owner_iam_id)
        inner = tree.create_group(system, outer.crn, "inner", root.owner_iam_id)
        inside = {name: open_account(unit, name, enterprise) for name in ("owner", "near", "far")}
        accounts = {**inside, "outsider": open_account(unit, "outsider", None)}
        return Ground(path, root, enterprise, (outer.id, inner.id), accounts)

    ground = world.write(world.base, make)
    world.store.close()
    return ground
