"""Where a request came from is read by the account that made it and by the operator, and by nobody else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from kunsthalle.authz.context import Actor
from kunsthalle.authz.permissions import AllGrants
from kunsthalle.db import audit
from unit.accounts.conftest import Client, People

ACTION = "is.image.image.read"


def clients(reader: Client, path: str = "/v1/audit") -> list[Any]:
    return [one.get("client") for one in reader.ok("GET", f"{path}?action={ACTION}")["entries"]]


def test_whose_resource_it_was_done_to_does_not_read_where_the_others_are(people: People) -> None:
    consumer, publisher = people.owner("consumer-a"), people.owner("publisher")
    image = SimpleNamespace(account_id=publisher.account_id, crn=None)
    asked = people.server.base.asked("trace", "http://kunsthalle.test", "203.0.113.9")
    actor = Actor(consumer.iam_id, "somebody")
    ctx = asked.acting_as(actor, consumer.account_id, AllGrants(consumer.account_id), ())
    people.server.store.write(ctx, lambda session: audit.record(session, ACTION, "/v1/images/x", 403, subject=image))
    assert clients(consumer) == ["203.0.113.9"]
    assert clients(publisher) == [None]
    assert clients(people.operator(), "/_kunsthalle/audit") == ["203.0.113.9"]


def test_what_a_job_does_comes_from_nowhere(people: People) -> None:
    publisher = people.owner("publisher")
    asked = people.server.base.asked("trace", "http://kunsthalle.test")
    ctx = asked.working("image.import", publisher.account_id, publisher.iam_id, "trace")
    people.server.store.write(ctx, lambda session: audit.record(session, ACTION, "/v1/images/x", 200))
    assert clients(publisher) == [None]
