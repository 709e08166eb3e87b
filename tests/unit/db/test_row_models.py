"""Rows become models by the names of columns, wherever a column stands in its table or its statement."""

from __future__ import annotations

import dataclasses

import pytest
from msgspec import Struct
from sqlalchemy import Column, Integer, MetaData, String, Table, func, literal, null

from fixtures.worlds import World
from kunsthalle.db import audit
from kunsthalle.db.pages import page
from kunsthalle.db.row_models import reader
from kunsthalle.db.rows import delete
from kunsthalle.db.transitions import transition
from kunsthalle.db.visibility import ResourceType, by_name, find, some, unscoped
from kunsthalle.images.models import Image
from kunsthalle.images.resources import IMAGE


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    id: str
    first: str
    second: str | None = None


class PairStruct(Struct, frozen=True):
    id: str
    first: str
    second: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Single:
    id: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeywordOnly:
    id: str
    first: str


def columns(*names: str) -> list[Column[str]]:
    return [Column(name, String) for name in names]


@pytest.mark.parametrize("model", [Pair, PairStruct])
def test_each_field_takes_the_column_of_its_name(model: type) -> None:
    assert reader(model, columns("id", "first", "second"))(["i", "1", "2"]) == model("i", "1", "2")
    assert reader(model, columns("second", "id", "first"))(("2", "i", "1")) == model("i", "1", "2")
    labelled = (literal("x").label("second"), func.max(1).label("id"), null().label("first"))
    assert reader(model, labelled)(("2", "i", None)) == model("i", None, "2")
    assert reader(Single, columns("id"))(["i"]) == Single("i")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("id", "first"), r"fields without a column \['second'\], columns without a field \[\]"),
        (("id", "first", "second", "third"), r"fields without a column \[\], columns without a field \['third'\]"),
        (("id", "first", "2nd"), r"fields without a column \['second'\], columns without a field \['2nd'\]"),
        (("id", "first", "second", "first"), r"columns \['id', 'first', 'second', 'first'\]"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_before_any_row(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        reader(Pair, columns(*names))


def test_a_model_set_by_keyword_is_refused() -> None:
    with pytest.raises(TypeError, match="keyword only"):
        reader(KeywordOnly, columns("id", "first"))


def test_a_row_of_another_width_is_no_model() -> None:
    with pytest.raises(TypeError):
        reader(Pair, columns("id", "first", "second"))(["i", "1", "2", "3"])


def test_a_resource_type_whose_model_lacks_a_column_is_refused() -> None:
    table = Table("pairs", MetaData(), *columns("id", "account_id", "first"), Column("created_at", Integer))
    with pytest.raises(TypeError, match=r"Pair is no model of its columns: fields without a column \['second'\]"):
        ResourceType("pair", table, Pair, "is.pair.pair.read")


def _swapped() -> ResourceType[Image]:
    """Images as they would be if their table named its columns the other way round."""
    definitions = [Column(column.key, column.type) for column in reversed(IMAGE.table.columns)]
    table = Table(IMAGE.table.name, MetaData(), *definitions)
    attributes = {name: table.c[column.key] for name, column in IMAGE.attributes.items()}
    return dataclasses.replace(IMAGE, table=table, attributes=attributes, state_column=table.c.status)


def test_no_read_swaps_the_values_of_swapped_columns(both: World) -> None:
    """By id, by name, in lists, pages and those of jobs."""
    ctx, swapped = both.account(), _swapped()
    image = both.image(ctx, "swapped", source_href="cos://here", deprecation_at=7, obsolescence_at=9)
    assert [column.key for column in swapped.table.columns] != [field.name for field in dataclasses.fields(Image)]
    assert both.read(ctx, find, swapped, image.id) == image
    assert both.read(ctx, by_name, swapped, "swapped") == image
    assert both.read(ctx, some, swapped) == [image]
    assert both.read(ctx, page, swapped).items == [image]
    assert both.read(ctx, page, swapped, swapped.table.c.name == "swapped").items == [image]
    assert both.read(ctx, unscoped, swapped, swapped.table.c.id == image.id) == [image]


def test_what_jobs_move_and_delete_is_audited_by_its_own_name(both: World) -> None:
    ctx, swapped = both.account(), _swapped()
    image = both.image(ctx, "swapped")
    job = dataclasses.replace(ctx, job="image.delete")
    assert both.write(job, transition, swapped, image.id, "deleting")
    assert both.write(job, delete, swapped, image.id, ctx.account_id)
    entries = both.read(ctx, audit.page, about=(image.crn,)).items
    assert {entry.action for entry in entries} == {"is.image.image.deleting", "is.image.image.delete"}
    assert {(entry.thing_crn, entry.thing_account_id) for entry in entries} == {(image.crn, image.account_id)}
