"""The search room's rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support.realm import Realm

Body = Callable[[Realm], Any]


def _tagging(realm: Realm) -> dict[str, Any]:
    crn = f"crn:v1:bluemix:public:is:us-south:a/{realm.accounts['owner']}::image:{realm.ids['images']}"
    return {"tag_names": ["hidden-tag"], "resources": [{"resource_id": crn}]}


BODIES: dict[str, Body] = {
    "POST /v3/resources/search": lambda _realm: {"query": "*", "fields": ["*"]},
    "POST /v3/tags": lambda _realm: {"tag_names": ["hidden:key"]},
    "POST /v3/tags/attach": lambda _realm: {"tag_names": ["another"], "query": {"query_string": "type:image"}},
    "POST /v3/tags/detach": lambda _realm: {"tag_names": ["hidden-tag"], "query": {"query_string": "tags:hidden-tag"}},
}


def furnish(realm: Realm) -> None:
    """A tag on the publisher's image."""
    done = realm.ok("owner", "POST", "/v3/tags/attach", _tagging(realm))
    assert not done["results"][0]["is_error"]
    realm.ids |= {"tags": "hidden-tag", "resource_instances": realm.ids["catalogs"]}
