"""The planted faults of tools/mutant_rows are where they should be, and the verdicts on them mean what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.tools import tool

mutants = tool("mutants")
ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda mutant: mutant.name)
def test_the_fault_has_one_place_and_compiles(mutant: mutants.Mutant) -> None:
    source = (ROOT / mutants.PACKAGE / mutant.file).read_text()
    planted = mutant.planted(source)
    assert planted != source
    compile(planted, mutant.file, "exec")


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda mutant: mutant.name)
def test_its_tests_are_there(mutant: mutants.Mutant) -> None:
    assert mutant.tests
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text() if name else (ROOT / file).is_file()


@pytest.mark.parametrize("source", ["", "twice twice"])
def test_a_text_that_is_not_there_once_is_an_error(source: str) -> None:
    with pytest.raises(LookupError, match="not once"):
        mutants.Mutant("name", "rule", "file.py", "twice", "", ()).planted(source)


@pytest.mark.by_turns(3)
@pytest.mark.by_turns(3)
@pytest.mark.parametrize(
    ("value", "test", "verdict"),
    [
        ("2", "assert kunsthalle.VALUE == 1", "killed"),
        ("2", "assert kunsthalle.VALUE", "survived"),
        ("(", "assert kunsthalle.VALUE", "error: pytest ended with 2"),
    ],
)
def test_a_mutant_is_killed_by_a_test_that_fails(tmp_path: Path, value: str, test: str, verdict: str) -> None:
    package = tmp_path / "src" / "kunsthalle"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "value.py").write_text("VALUE = 1\n")
    story = tmp_path / "test_value.py"
    story.write_text(f"import kunsthalle.value as kunsthalle\n\n\ndef test_value():\n    {test}\n")
    mutant = mutants.Mutant("name", "rule", "value.py", "= 1", f"= {value}", (str(story),))
    assert mutants.outcome(mutant, tmp_path / "src") == verdict
    assert (package / "value.py").read_text() == "VALUE = 1\n"


def test_names_are_of_one_kind_and_choose_rows(capsys: pytest.CaptureFixture[str]) -> None:
    names = [mutant.name for mutant in mutants.MUTANTS]
    assert sorted(set(names)) == sorted(names)
    assert mutants.main(["no such name"]) == 2
    assert names[0] in capsys.readouterr().out
