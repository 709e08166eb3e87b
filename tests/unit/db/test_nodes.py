"""How many nodes a database has, asked by one of them."""

from __future__ import annotations

from contextlib import closing

import pytest

from fixtures.worlds import World, make_world
from kunsthalle.db import nodes
from kunsthalle.db.engine import Store


@pytest.mark.needs_postgres
def test_a_process_that_reads_for_a_node_is_no_node(postgres_url: str) -> None:
    here = make_world(postgres_url)
    with closing(here.store), closing(Store(postgres_url, reading=True)) as reader:
        reader.read(here.base, nodes.version)
        assert _others(here) == 0
        with closing(Store(postgres_url)) as other:
            other.read(here.base, nodes.version)
            assert _others(here) == 1


def _others(world: World) -> int:
    return world.read(world.base, nodes.others, world.store.node)
