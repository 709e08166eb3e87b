"""The worlds that all other tests stand on."""

from __future__ import annotations

from fixtures.worlds import World
from kunsthalle.accounts.resources import ACCOUNT, RESOURCE_GROUP
from kunsthalle.db.visibility import find, some
from kunsthalle.images.resources import IMAGE


def test_an_account_has_its_group_and_sees_its_own_things_only(both: World) -> None:
    mine, theirs = both.account("mine"), both.account("theirs")
    assert both.read(mine, find, ACCOUNT, mine.account_id).name == "mine"
    assert [group.name for group in both.read(mine, some, RESOURCE_GROUP)] == ["Default"]
    image = both.image(mine, "one")
    assert both.read(mine, find, IMAGE, image.id).status == "available"
    assert both.read(theirs, some, IMAGE) == []
