"""The rules of the architecture find what they are for, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.tools import tool

architecture = tool("lint_architecture")

HANDLER = '''
def _get(session: Session, request: Request) -> X:
    """Many words

    that do not count.
    """
{body}

route("GET", "/x", _get, access=a)
'''


def lines(path: str, source: str) -> list[tuple[int, str]]:
    return [(number, message.split(";")[0]) for number, message in architecture.findings(path, source)]


DOMAIN = "src/kunsthalle/images/service.py"
DATABASE = "src/kunsthalle/db/visibility.py"
VISIBILITY = "domains read through db.visibility, which applies what the caller may see"


@pytest.mark.parametrize(
    "source",
    [
        "from sqlalchemy import select",
        "from sqlalchemy import select as chosen",
        "import sqlalchemy\nsqlalchemy.select(images)",
        "import sqlalchemy as sa\nsa.select(images)",
        "unit.all(text('SELECT * FROM images'))",
        "unit.all(sqlalchemy.text('  select 1'))",
        "unit.all(text(f'WITH x AS ({y}) SELECT 1'))",
        "connection.exec_driver_sql('SELECT 1')",
        "unit.all(images.select())",
    ],
)
def test_reads_around_the_scope_are_found(source: str) -> None:
    assert [message for _, message in lines(DOMAIN, source)] == [VISIBILITY]
    assert lines(DATABASE, source) == []


@pytest.mark.parametrize(
    "source", ["selector.select(0.5)", "text('UPDATE x SET y = 1')", "text(sql)", "some(unit, KIND)"]
)
def test_other_things_called_so_are_not(source: str) -> None:
    assert lines(DOMAIN, source) == []


@pytest.mark.parametrize(
    "source",
    [
        "update(images).values(status='x')",
        "update(t).values(a=1, state=s)",
        "x.values({'state': 1})",
        "x.values({t.c.status: 1})",
    ],
)
def test_a_state_set_by_hand_is_found(source: str) -> None:
    assert lines(DOMAIN, source) == [(1, "a state moves by db.transitions.transition only")]
    assert lines(DATABASE, source) == []
    assert lines(DOMAIN, source.replace("status", "name").replace("state", "name")) == []


def test_a_route_without_access_is_found() -> None:
    path = "src/kunsthalle/images/routes.py"
    assert lines(path, "route('GET', '/x', f, family=V)") == [(1, "a route without an access rule")]
    assert lines(path, "route_without_transaction('GET', '/x', f, family=V)") == [(1, "a route without an access rule")]
    assert lines(path, "Route('GET', '/x', f, V, a)") == [
        (1, "declare routes with route(…) or route_without_transaction(…)")
    ]
    assert lines(path, "route('GET', '/x', f, family=V, access=a)\nroute('GET', '/y', f, **more)") == []


@pytest.mark.parametrize(("count", "found"), [(10, 0), (11, 1)])
def test_handlers_are_short(count: int, found: int) -> None:
    body = "\n\n".join(f"    a{number} = 1" for number in range(count))
    source = HANDLER.format(body=body)
    assert len(lines("src/kunsthalle/images/routes.py", source)) == found
    assert lines("src/kunsthalle/images/routes.py", source.replace("Request", "Other")) == []


def test_handlers_with_parameters_are_short_too() -> None:
    source = HANDLER.format(body="\n".join(f"    a{number} = 1" for number in range(11)))
    source = source.replace("request: Request)", "request: Request, query: ImageParameters)")
    assert len(lines("src/kunsthalle/images/routes.py", source)) == 1


def test_the_row_of_an_access_rule_is_a_parameter() -> None:
    source = "def f(session, request):\n    return request.authorized.resource\n"
    assert lines(DOMAIN, source) == [(2, "a handler takes the row that its access rule finds as its third parameter")]
    assert lines("src/kunsthalle/api/pipeline.py", source) == []


def test_a_query_is_read_by_its_declaration_alone() -> None:
    source = "def f(request):\n    return request.raw_query.get('limit')\n"
    found = [(2, "a handler takes the query parameters that its route declares (query=…)")]
    assert lines("src/kunsthalle/images/queries.py", source) == found
    assert lines("src/kunsthalle/iam/iam_pagination.py", "it = request.query_params['limit']")
    assert lines("src/kunsthalle/api/query_params.py", source) == []
    assert lines("src/kunsthalle/console/page_frame.py", "it = self.request.query_params") == []
    assert lines("src/kunsthalle/images/queries.py", "def f(query):\n    return query.limit\n") == []


@pytest.mark.parametrize(("count", "found"), [(600, 0), (601, 1)])
def test_files_are_short(count: int, found: int) -> None:
    assert len(lines("tests/test_x.py", "a = 1\n" * count)) == found


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("# noqa", "noqa names no rule"),
        ("# NOQA   because", "noqa names no rule"),
        ("# noqa: S101", "noqa gives no reason"),
        ("# noqa: S101, A002", "noqa gives no reason"),
        ("# noqa: S101  checked above", None),
        ("# noqa: S101, A002 - checked above", None),
        ("# ruff: noqa: N999", "noqa gives no reason"),
        ("# type: ignore", "type: ignore names no rule"),
        ("# type: ignore[arg-type]", "type: ignore gives no reason"),
        ("# type: ignore[arg-type, misc]  # as they are", None),
    ],
)
def test_an_exception_has_a_rule_and_a_reason(comment: str, message: str | None) -> None:
    assert lines("tools/x.py", f"x = '# noqa'  {comment}\n") == ([] if message is None else [(1, message)])


NAMED = "declare a constant"
TOLD = "tell exceptions by type or code, not by their text"


@pytest.mark.parametrize(
    "source", ["kind = type(clock).__name__", "x = cls.__qualname__.lower()", "if type(e).__name__ == 'A': pass"]
)
def test_a_value_made_of_the_name_of_a_class_is_found(source: str) -> None:
    assert lines(DOMAIN, source) == [(1, NAMED)]
    assert lines("tools/x.py", source) == []
    assert not any(lines(path, source) for path in architecture._SHOWN_CLASS_NAMES)


def test_the_name_of_a_program_is_no_name_of_a_class() -> None:
    assert lines(DOMAIN, "if __name__ == '__main__':\n    pass") == []


HANDLED = "try:\n    work()\nexcept ValueError as error:\n    {body}"


@pytest.mark.parametrize(
    "body",
    [
        "again = 'locked' in str(error)",
        "again = str(error) == 'gone'",
        "again = str(error).startswith('gone')",
        "again = 'gone' == error.args[0]",
        "again = PATTERN.search(str(error))",
        "again = 'denied' in error.message",
        "again = repr(error).partition(':')[0]",
    ],
)
def test_an_exception_told_by_its_words_is_found(body: str) -> None:
    source = HANDLED.format(body=body)
    assert set(lines(DOMAIN, source)) == {(4, TOLD)}
    assert [lines(path, source) for path in architecture._ERROR_TEXTS] == [[]]


@pytest.mark.parametrize(
    "body",
    [
        "log(str(error))",
        "raise Refused(f'no: {error}')",
        "again = error.code == 5",
        "again = isinstance(error, OSError)",
        "a = str(b) == 'x'",
    ],
)
def test_an_exception_whose_words_are_shown_is_not(body: str) -> None:
    assert lines(DOMAIN, HANDLED.format(body=body)) == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def __getattr__(name): return 1", "a module has no __getattr__"),
        ("x = globals()['A']", "no globals()"),
        ("import schemas\nx = getattr(schemas, name)", "look names up in a table, not in a module"),
        ("import a.b\nx = getattr(a, name)", "look names up in a table, not in a module"),
        ("import os\nx = getattr(os, 'O_DIRECT', 0)", None),
        ("x = getattr(body, name)", None),
        ("class A:\n    def __getattr__(self, name): return 1", None),
    ],
)
def test_names_made_up_by_a_module_are_found(source: str, message: str | None) -> None:
    assert [found for _, found in lines(DOMAIN, source)] == ([] if message is None else [message])


@pytest.mark.parametrize("name", ["state", "status", "lifecycle_state", "effect", "format", "surface", "reason"])
def test_a_look_up_with_a_value_for_unknown_members_is_found(name: str) -> None:
    message = f"look {name} up in a core.closed_tables.ClosedTable, by [], not by get"
    assert lines(DOMAIN, f"x = TABLE.get(it.{name}, 'stable')") == [(1, message)]
    assert lines(DOMAIN, f"x = TABLE.get(it.{name})") == [(1, message)]
    assert lines(DOMAIN, f"x = TABLE[it.{name}], TABLE.get('{name}')") == []


def test_a_model_by_position_is_found() -> None:
    message = "models of rows are made by db.row_models.reader, which matches names"
    assert lines(DOMAIN, "found = [Image(*row) for row in rows]") == [(1, message)]
    assert lines("src/kunsthalle/db/row_models.py", "Image(*row)") == []
    assert lines(DOMAIN, "found = print(*words)") == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(one): ...", ["one"]),
        ("async def f(*, kept=None): ...", ["kept"]),
        ("def f():\n    found = 1", ["found"]),
        ("def f():\n    given: int = 1", ["given"]),
        ("def f():\n    said, (mine, rest) = x", ["mine", "said"]),
        ("def f():\n    if (wanted := x): ...", ["wanted"]),
        ("def f():\n    for it in x: ...", ["it"]),
        ("def f():\n    with x as found: ...", ["found"]),
        ("NAMES = [one.name for one in IMAGES]", ["one"]),
        ("SORTED = sorted(IMAGES, key=lambda what: what.name)", ["what"]),
        ("def f(image, row, found_rows, one_image): ...", []),
        ("def f():\n    return image.found, said(given=row), mine", []),
        ("class Read:\n    found: int\n    given = 1", []),
    ],
)
def test_a_local_is_a_noun(source: str, names: list[str]) -> None:
    text = "{} is no noun"
    assert [message for _, message in lines("src/kunsthalle/accounts/service.py", source)] == [
        text.format(name) for name in names
    ]
    assert lines("tests/unit/x.py", source) == []


def test_an_exception_of_a_file_is_a_file_that_needs_it() -> None:
    """A file that is mended loses its place in the lists."""
    for path in {*architecture._SHOWN_CLASS_NAMES, *architecture._ERROR_TEXTS}:
        source = (architecture.ROOT / path).read_text()
        assert architecture.findings(f"src/kunsthalle/other/{path.rpartition('/')[2]}", source), path


def test_every_file_of_ours_is_looked_at() -> None:
    names = {path.relative_to(architecture.ROOT).as_posix() for path in architecture.files()}
    assert {
        "dev",
        "tools/lint_architecture.py",
        "tests/test_lint_architecture.py",
        "src/kunsthalle/db/visibility.py",
    } <= names


def test_a_finding_is_one_line_and_the_exit_is_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = tmp_path
    (root / "tools").mkdir()
    (root / "tools" / "bad.py").write_text("x = 1  # noqa\n")
    monkeypatch.setattr(architecture, "ROOT", root)
    monkeypatch.setattr(architecture, "PLACES", ("tools",))
    assert architecture.main() == 1
    assert capsys.readouterr().out == "tools/bad.py:1: noqa names no rule\n"
    (root / "tools" / "bad.py").write_text("x = 1\n")
    assert architecture.main() == 0


def test_a_file_bears_a_name_of_its_own() -> None:
    paths = ["src/kunsthalle/db/engine.py", "src/kunsthalle/hypervisor/qemu/engine.py", "tools/engine.py"]
    (finding,) = architecture.repeated_names(paths)
    assert finding[0] == "src/kunsthalle/hypervisor/qemu/engine.py"
    assert finding[1].startswith("src/kunsthalle/db/engine.py has this name, too")


def test_the_parts_of_packages_bear_the_same_names() -> None:
    paths = [f"src/kunsthalle/{package}/{role}.py" for package in ("iam", "images") for role in ("routes", "__init__")]
    paths += ["tools/clients/go/run.py", "tools/clients/node/run.py", "tests/unit/iam/conftest.py", "tests/conftest.py"]
    assert not list(architecture.repeated_names(paths))
    assert [path for path, _ in architecture.repeated_names([*paths, "src/kunsthalle/run.py"])] == []
    (finding,) = architecture.repeated_names(["tools/clients/routes.py", "tools/bench/routes.py"])
    assert finding[0] == "tools/clients/routes.py"


def test_a_function_that_nothing_calls_is_found() -> None:
    sources = {
        "src/a.py": (
            "def dead(): ...\ndef used(): ...\n@click\ndef verb(): ...\n"
            "class A:\n    def shown(self): ...\n    def gone(self): ..."
        ),
        "src/b.py": "from a import used\nx.gone = 1",
        "src/html/page.html": "{{ list.shown }}",
        "tests/test_a.py": "from a import dead\ndead()",
        "tools/run.py": "def __getattr__(name): ...\ndef pytest_configure(): ...\ndef handle_exit(): ...",
    }
    assert list(architecture.uncalled(sources)) == [("src/a.py", 1, "nothing calls dead")]
    sources["src/b.py"] = "import a\na.dead"
    assert [message for _, _, message in architecture.uncalled(sources)] == ["nothing calls used", "nothing calls gone"]
