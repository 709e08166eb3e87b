"""The worlds that all other tests stand on."""

from __future__ import annotations

from kunsthalle.accounts.kinds import ACCOUNT, RESOURCE_GROUP
from kunsthalle.images.kinds import IMAGE
from kunsthalle.store.scope import find, some
from support.worlds import World


def test_an_account_has_its_group_and_sees_its_own_things_only(both: World) -> None:
    mine, theirs = both.account("mine"), both.account("theirs")
    assert both.read(mine, find, ACCOUNT, mine.account_id).name == "mine"
    assert [group.name for group in both.read(mine, some, RESOURCE_GROUP)] == ["Default"]
    image = both.image(mine, "one")
    assert both.read(mine, find, IMAGE, image.id).status == "available"
    assert both.read(theirs, some, IMAGE) == []
