"""Pages of offerings: the owner's of a catalog, and a consumer's of what is shared with it, from 10 to 5,000."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tools.bench.load import Ask, Outcome
from tools.bench.measured_data import SCENARIO, Caller, context, opened
from tools.bench.processes import product
from tools.bench.report import Figure, Section
from tools.bench.requests import MOST_GROWTH, Work, measure, method, show

from kunsthalle.catalogs.models import Offering, Version
from kunsthalle.catalogs.offerings import service
from kunsthalle.catalogs.resources import CATALOG, OFFERING, VERSION
from kunsthalle.catalogs.sharing import access_list
from kunsthalle.catalogs.versions import version_steps
from kunsthalle.db.rows import insert
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import resolve
from kunsthalle.local import environment

BASE = "/api/v1-beta"
ACTION = "globalcatalog-collection.offering.update"
FEW = 10


def run(folder: Path, rounds: int, offerings: int) -> Section:
    """Every page once a round, in turn; medians over the rounds."""
    few, many = folder / "few", folder / "many"
    small, large = _make(few, FEW), _make(many, offerings)
    with product(few) as first, product(many) as second:
        owners = Caller(few, "publisher", first.port), Caller(many, "publisher", second.port)
        consumers = Caller(few, "consumer-a", first.port), Caller(many, "consumer-a", second.port)
        for one, count in zip(consumers, (FEW, offerings), strict=True):
            _accept(one, owners[0 if count == FEW else 1])
            found = one.call("GET", f"{BASE}/offerings?limit={FEW}")
            if (found["total_count"], found["resource_count"]) != (count, FEW):
                raise RuntimeError(f"there should be {count} offerings, not {found['total_count']}")
        works = [
            Work("own few", first, Ask("own few", _page(small), owners[0].headers)),
            Work("own many", second, Ask("own many", _page(large), owners[1].headers)),
            Work("own middle", second, Ask("own middle", _page(large, offerings // 2), owners[1].headers)),
            Work("lent few", first, Ask("lent few", _page(None), consumers[0].headers)),
            Work("lent many", second, Ask("lent many", _page(None), consumers[1].headers)),
            Work("lent middle", second, Ask("lent middle", _page(None, offerings // 2), consumers[1].headers)),
        ]
        outcomes = measure(works, rounds)
    return Section("catalogs", "Pages of offerings", method(rounds), _figures(outcomes, offerings))


def _page(catalog: str | None, offset: int = 0) -> str:
    path = f"{BASE}/offerings" if catalog is None else f"{BASE}/catalogs/{catalog}/offerings"
    return f"{path}?limit={FEW}&offset={offset}"


def _make(data: Path, count: int) -> str:
    """A folder with the scenario, and a catalog of so many offerings shared with consumer-a; the catalog's id."""
    product(data, *SCENARIO).stop()
    owner, consumer = (environment.variables(data, name)["IBMCLOUD_ACCOUNT_ID"] for name in ("publisher", "consumer-a"))

    def put(session: Session) -> str:
        catalog = service.create_catalog(session, "bench", "offering", None, {})
        granted = resolve(session, CATALOG, catalog.id, ACTION)
        for number in range(count):
            fields = service.Fields(f"product-{number:06d}", f"Product {number:06d}", False, {"tags": ["bench"]})
            _publish(session, service.create_offering(session, granted, fields), consumer)
        return catalog.id

    with opened(data) as store:
        return store.write(context(owner), put)


def _publish(session: Session, offering: Offering, consumer: str) -> None:
    now = session.ctx.now()
    images = [{"id": session.ctx.ids.resource("r006"), "name": "bench", "region": "us-south"}]
    values: dict[str, Any] = {name: getattr(offering, name) for name in ("account_id", "catalog_id")}
    version = Version(
        **values,
        id=session.ctx.ids.uuid(),
        offering_id=offering.id,
        version="1.0.0",
        state="new",
        previous=None,
        entered_at=now,
        validation={"state": "valid"},
        deprecate_pending=None,
        metadata={"images": images},
        document={"tags": ["bench"]},
        copy_of="",
        updated_at=now,
        created_at=now,
    )
    insert(session, VERSION, version)
    version_steps.prerelease(session, resolve(session, VERSION, version.id, ACTION))
    version_steps.publish(session, resolve(session, VERSION, version.id, ACTION))
    granted = resolve(session, OFFERING, offering.id, ACTION)
    access_list.add(session, granted, [consumer])
    access_list.share(session, granted, ibm=False, public=False, enabled=True)


def _accept(consumer: Caller, owner: Caller) -> None:
    path = f"{BASE}/shareapproval/offering/access/source/approved"
    consumer.call("POST", path, [owner.env["IBMCLOUD_ACCOUNT_ID"]])


def _figures(outcomes: dict[str, Outcome], offerings: int) -> list[Figure]:
    figures = []
    for whose, text in (("own", "of a catalog"), ("lent", "of what is shared with an account")):
        base = outcomes[f"{whose} few"]
        for place, where in (("many", ""), ("middle", " from the middle")):
            one = outcomes[f"{whose} {place}"]
            ratio = one.cpu / base.cpu
            what, against = f"Page of {FEW} {text}{where}, {offerings:,}", f"{show(base)} of {FEW}"
            held = ratio <= MOST_GROWTH
            figures.append(Figure(what, show(one), against, ratio, f"≤ {MOST_GROWTH}", held))
    return figures
