"""The search package's rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fixtures.frozen_app import FrozenApp

RequestBody = Callable[[FrozenApp], Any]


def _tagging(frozen: FrozenApp) -> dict[str, Any]:
    crn = f"crn:v1:bluemix:public:is:us-south:a/{frozen.accounts['owner']}::image:{frozen.ids['images']}"
    return {"tag_names": ["hidden-tag"], "resources": [{"resource_id": crn}]}


def _instance(bucket: str) -> dict[str, Any]:
    plan = "744bfc56-d12c-4866-88d5-dac9139e0e5d"
    made = {"name": "storage", "target": "global", "resource_plan_id": plan, "parameters": {"buckets": [bucket]}}
    return {**made, "resource_group": "fee82deba12e4c0fb69c3b09d1f12345"}


BODIES: dict[str, RequestBody] = {
    "POST /v2/resource_instances": lambda _frozen: _instance("another-bucket"),
    "PATCH /v2/resource_instances/{id}": lambda _frozen: {"parameters": {"buckets": ["kept-bucket", "one-more"]}},
    "POST /v3/resources/search": lambda _frozen: {"query": "*", "fields": ["*"]},
    "POST /v3/tags": lambda _frozen: {"tag_names": ["hidden:key"]},
    "POST /v3/tags/attach": lambda _frozen: {"tag_names": ["another"], "query": {"query_string": "type:image"}},
    "POST /v3/tags/detach": lambda _frozen: {"tag_names": ["hidden-tag"], "query": {"query_string": "tags:hidden-tag"}},
}


def furnish(frozen: FrozenApp) -> None:
    """A tag on the publisher's image, and an instance of object storage."""
    done = frozen.ok("owner", "POST", "/v3/tags/attach", _tagging(frozen))
    assert not done["results"][0]["is_error"]
    made = frozen.ok("owner", "POST", "/v2/resource_instances", _instance("kept-bucket"))
    frozen.ids |= {"tags": "hidden-tag", "resource_instances": made["guid"]}
