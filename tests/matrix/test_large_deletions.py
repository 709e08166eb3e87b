"""No deletion holds the writer for long, however much there is to be deleted; nor do the jobs that follow from it.

Each resource of `largest_state.py` has as much on it as it may have, or much more than anybody puts there. Its deletion
is called, and the jobs are run to their end; every write on the way has the bound that bodies have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from fixtures.counted_work import CommittingCountingStore, Work
from fixtures.frozen_app import FrozenApp, make_frozen_app
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import first_ids
from kunsthalle.iam.tables import access_group_members, access_group_rules
from kunsthalle.instances.groups.member_creation import acting
from kunsthalle.instances.groups.scaling_job import Scaler
from kunsthalle.instances.groups.tables import groups
from kunsthalle.instances.service import InstanceService
from kunsthalle.jobs.slices import SlicedWork
from matrix.largest_state import LARGE, MANY_JOBS, Call, access_group, left
from matrix.rows import furnish
from matrix.test_largest_bodies import MOST


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrozenApp]:
    """An application whose writes are counted."""
    made = make_frozen_app(tmp_path_factory.mktemp("deletions") / "data", furnish, changing=True)
    made.server.store.__class__ = CommittingCountingStore
    yield made
    made.server.worker.stop()
    made.loop.close()


def _sent(app: FrozenApp, fill: Callable[[FrozenApp], Call]) -> tuple[Call, int, Work]:
    """What a deletion and its jobs did; what came before does not count."""
    store = app.server.store
    assert isinstance(store, CommittingCountingStore)
    store.begin()
    call = fill(app)
    app.settle()
    store.begin()
    answer = app.call(call.persona, call.method, call.path, call.body)
    assert app.server.worker.settle(300)
    return call, answer.status, store.most()


_REFUSED = {"account_group": 409}


@pytest.mark.by_turns(4)
@pytest.mark.parametrize("fill", LARGE, ids=[one.__name__ for one in LARGE])
def test_no_deletion_holds_the_writer_long(app: FrozenApp, fill: Callable[[FrozenApp], Call]) -> None:
    call, status, work = _sent(app, fill)
    assert work.units() <= MOST, work
    assert status == _REFUSED.get(fill.__name__, status)
    assert status < 300 or fill.__name__ in _REFUSED
    assert [left(app, table, **where) for table, where in call.gone] == [0] * len(call.gone)


def test_a_deletion_that_is_planted_long_is_found(app: FrozenApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def whole(session: Session, group_id: str) -> bool:
        for row in session.all(access_group_members.select().where(access_group_members.c.group_id == group_id)):
            mine = access_group_members.c.iam_id == row.iam_id
            session.execute(access_group_members.delete().where(access_group_members.c.group_id == group_id, mine))
        session.execute(access_group_rules.delete().where(access_group_rules.c.group_id == group_id))
        return False

    monkeypatch.setattr("kunsthalle.iam.erasure.GROUP", SlicedWork("iam.access-group.erase", whole))
    _call, status, work = _sent(app, partial(access_group, members=2_000, rules=0))
    assert status == 204
    assert work.units() > MOST


def test_no_step_of_many_holds_the_writer_long(app: FrozenApp) -> None:
    """Without workers: the calls, and the steps of the job that follows from them. It leaves jobs, and comes last."""
    server, store = app.server, app.server.store
    assert isinstance(store, CommittingCountingStore)
    store.begin()
    calls = [fill(app) for fill in MANY_JOBS]
    server.worker.stop()
    store.begin()
    for call in calls:
        assert app.call(call.persona, call.method, call.path, call.body).status < 300
    scaler, ctx = Scaler(InstanceService(server.drivers.blobs)), server.base.as_system(app.accounts["owner"])
    for group in store.read(ctx, lambda session: first_ids(session, groups.c.id, 10)):
        assert store.write(ctx, lambda session, group=group: scaler.step(acting(session), group)) in {True, False}
    assert store.most().units() <= MOST, store.most()
