"""Two worlds that differ only in what account A owns answer account B the same bytes, on every route.

The worlds are a random walk of A's resources: made, renamed, published, shared with others, deleted. After each step
every route, with the body of the matrix, is called by an account of the same enterprise; after every fourth also by an
account outside. Their changes are rolled back; time stands still, and ids repeat themselves, so that whatever differs
comes from A.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fixtures.frozen_app import QUERY, Answer, DryStore, FrozenApp, make_frozen_app, path_of
from fixtures.threads import PATIENCE
from fixtures.walks import Reached, run_seed, share
from kunsthalle.api.router import Route
from kunsthalle.db import deadlines
from kunsthalle.db.engine import Store
from matrix.rows import BODIES, furnish

WORLDS = share(5, 200)
HEADERS = {"x_auth_refresh_token": "any", "if_match": '"stale"', "iam_apikey": "none"}
STRANGERS = ("sibling", "outsider")
C = "/api/v1-beta/catalogs"
VIEWER = "crn:v1:bluemix:public:iam::::role:Viewer"


class Walk:
    """A's resources, which change, and what B is told of them."""

    def __init__(self, frozen: FrozenApp) -> None:
        self.frozen, self.dice = frozen, random.Random(run_seed())
        self.made: list[str] = []
        self.reached = Reached(CHANGES)
        ids = frozen.server.base.ids
        ids._seeded = True
        moment = frozen.server.clock.now()
        frozen.server.clock.now = lambda: moment  # type: ignore[method-assign]  # time stands still for this test
        self.paths = [one for one in frozen.server.pipeline.router if not one.access.operator]

    def seed(self, number: int) -> None:
        self.frozen.server.base.ids._random = random.Random(number)

    def told(self, persona: str, route: Route) -> Answer:
        """What a stranger is answered; nothing of it is kept."""
        self.seed(1)
        body = BODIES[route.name](self.frozen) if route.name in BODIES else None
        return self.frozen.call(persona, route.method, path_of(self.frozen, route.path), body, **HEADERS)

    def everything(self, *, whole: bool = True) -> dict[tuple[str, str], Answer]:
        """What strangers are told on each route; not `whole`: the one of the same enterprise."""
        self.frozen.server.store.__class__ = DryStore
        return {(who, one.name): self.told(who, one) for who in STRANGERS[: 2 if whole else 1] for one in self.paths}

    def step(self, number: int) -> None:
        """One to three changes of what A owns, for good."""
        self.frozen.server.store.__class__ = Store
        self.seed(1_000 + number)
        for _ in range(self.dice.choice((1, 2, 3))):
            what = self.dice.choice([*CHANGES, "deletion"])
            CHANGES[what](self, f"a{number}-{self.dice.randrange(10**6)}")
            self.reached.add(what)

    def post(self, path: str, body: Any) -> Any:
        """Makes something of A's and remembers where it is."""
        made = self.frozen.ok("owner", "POST", path, body)
        self.made.append(
            f"{path.partition('?')[0]}/{made['id']}" + ("?" + path.partition("?")[2] if "?" in path else "")
        )
        return made


def _simple(path: str, body: Callable[[FrozenApp, str], Any]) -> Callable[[Walk, str], None]:
    def change(walk: Walk, name: str) -> None:
        walk.post(path, body(walk.frozen, name))

    return change


def _policy(_frozen: FrozenApp, name: str) -> Any:
    resource = [{"name": "serviceName", "value": "is"}, {"name": "resourceGroupId", "value": name}]
    subjects = [{"attributes": [{"name": "iam_id", "value": "IBMid-VIEWER0001"}]}]
    roles = [{"role_id": VIEWER}]
    return {"type": "access", "subjects": subjects, "roles": roles, "resources": [{"attributes": resource}]}


def _offering(walk: Walk, name: str) -> None:
    catalog = walk.post(C, {"label": name})["id"]
    offering = walk.frozen.ok("owner", "POST", f"{C}/{catalog}/offerings", {"name": name})["id"]
    where = f"{C}/{catalog}/offerings/{offering}"
    walk.frozen.ok("owner", "POST", f"{where}/access", [walk.frozen.accounts["consumer"]])
    walk.frozen.ok("owner", "POST", f"{where}/share", {"enabled": walk.dice.random() < 0.5})


def _rename(walk: Walk, name: str) -> None:
    image = walk.dice.choice(("images", "free image"))
    walk.frozen.ok("owner", "PATCH", f"/v1/images/{walk.frozen.ids[image]}?{QUERY}", {"name": name})


def _share(walk: Walk, _name: str) -> None:
    where = f"{C}/{walk.frozen.ids['catalogs']}/offerings/{walk.frozen.ids['offerings']}"
    walk.frozen.ok("owner", "POST", f"{where}/share", {"enabled": walk.dice.random() < 0.5})


def _delete(walk: Walk, _name: str) -> None:
    if walk.made:
        walk.frozen.ok("owner", "DELETE", walk.made.pop(walk.dice.randrange(len(walk.made))))


def _lock(walk: Walk, _name: str) -> None:
    verb = walk.dice.choice(("POST", "DELETE"))
    walk.frozen.ok("owner", verb, f"/v1/serviceids/{walk.frozen.ids['serviceids']}/lock")


CHANGES: dict[str, Callable[[Walk, str], None]] = {
    "vpc": _simple(f"/v1/vpcs?{QUERY}", lambda _frozen, name: {"name": name}),
    "service id": _simple(
        "/v1/serviceids", lambda frozen, name: {"account_id": frozen.accounts["owner"], "name": name}
    ),
    "profile": _simple("/v1/profiles", lambda frozen, name: {"account_id": frozen.accounts["owner"], "name": name}),
    "key": _simple("/v1/apikeys", lambda frozen, name: {"iam_id": frozen.ids["iam_id"], "name": name}),
    "access group": _simple("/v2/groups", lambda _frozen, name: {"name": name}),
    "policy": _simple("/v1/policies", _policy),
    "catalog": _simple(C, lambda _frozen, name: {"label": name}),
    "offering": _offering,
    "new name": _rename,
    "sharing": _share,
    "deletion": _delete,
    "lock": _lock,
}


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    made = make_frozen_app(tmp_path_factory.mktemp("noninterference") / "data", furnish)
    with pytest.MonkeyPatch.context() as patch:
        # A read that a busy machine makes long is run again in a thread, and draws its ids twice, or is given up.
        patch.setattr(deadlines, "INLINE_SECONDS", PATIENCE)
        yield Walk(made)
    made.loop.close()


def test_what_a_owns_changes_no_byte_of_what_b_is_told(walk: Walk, walk_seed: int) -> None:
    walk.dice = random.Random(walk_seed)
    before = walk.everything()
    assert len(walk.paths) > 150
    assert sum(answer.status < 300 for answer in before.values()) > 60
    for number in range(WORLDS):
        walk.step(number)
        after = walk.everything(whole=number % 4 == 0)
        different = [place for place, answer in after.items() if before[place] != answer]
        assert different == [], [(before[place], after[place]) for place in different[:1]]
    walk.reached.require_all()


def test_the_walk_would_notice(walk: Walk) -> None:
    """A sees the difference that B does not: the steps change something, and the comparison can tell."""
    route = next(one for one in walk.paths if one.name == "GET /v2/groups")
    walk.frozen.server.store.__class__ = DryStore
    before = walk.told("owner", route)
    walk.frozen.server.store.__class__ = Store
    walk.seed(10**6)
    CHANGES["access group"](walk, "noticed")
    walk.frozen.server.store.__class__ = DryStore
    assert walk.told("owner", route) != before
