"""The lint of words finds the old words wherever a person reads them, and the repository has none."""

from __future__ import annotations

import pytest

from fixtures.tools import tool

words = tool("lint_words")


def findings(name: str, text: str) -> list[str]:
    return list(words.findings(name, text))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.py", "unguarded(session)", ["a.py:1: 'unguarded' is called 'unscoped'"]),
        ("a.py", "x = 1\ndef ripen(): ...", ["a.py:2: 'ripen' is called 'apply_due_dates'"]),
        ("a.py", "# the rooms of it", ["a.py:1: 'the rooms': say package", "a.py:1: 'rooms': say packages"]),
        ("a.py", '"""First.\n\nOne with a Sight.\n"""', ["a.py:3: 'Sight': say visibility"]),
        ("a.py", 'raise Failed("That key opens nothing.")', ["a.py:1: 'opens nothing': say what the key cannot do"]),
        ("a.py", 'f"the thing {x}"', ["a.py:1: 'thing': say resource, or the noun that is meant"]),
        ("a.html", "<p>Made for him</p>", ["a.html:1: 'him': say the caller, they"]),
        ("a.html", "{% for d in deeds %}", ["a.html:1: 'deeds': say action"]),
        ("a.md", "ok\n\nBooks are kept.", ["a.md:3: 'Books are kept': say records only (simulated)"]),
        ("a.js", "// struck by it", ["a.js:1: 'struck': say matched, apply"]),
    ],
)
def test_it_finds_identifiers_prose_and_templates(name: str, text: str, expected: list[str]) -> None:
    assert findings(name, text) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "thing = realm.hall  # locals are no prose"),
        ("a.py", "f\"{hall['one', {'thing': 1}]} of {realm!r:>{him}}\""),
        ("a.py", 'f"{{}} {hall}"'),
        ("a.py", "unscoped(session)"),
        ("a.md", "something forwards room for disks, he11 and halls1"),
    ],
)
def test_it_finds_no_code_and_no_other_words(name: str, text: str) -> None:
    assert findings(name, text) == []


def test_a_mark_allows_the_words_of_its_line_alone() -> None:
    text = 'ward = "ward"  # the field of the API; words: allow\nother = "ward"'
    assert findings("a.py", text) == ["a.py:2: 'ward': say check context"]


def test_a_path_may_be_allowed_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(words.ALLOWED, "a.md", "wards?")
    assert findings("a.md", "a ward in a hall") == ["a.md:1: 'hall': say application fixture"]
    assert len(findings("b.md", "a ward in a hall")) == 2


def test_a_mark_of_an_unfinished_merge_is_found() -> None:
    marks = "<" * 7 + " HEAD\none\n" + "=" * 7 + "\ntwo\n" + ">" * 7 + " 1c67527 (docs: Tell)\n"
    assert [line.split(": ")[0] for line in findings("a.md", marks)] == ["a.md:1", "a.md:5"]
    assert findings("a.md", "Heading\n" + "=" * 7 + "\n>>>>>> six") == []


def test_the_repository_says_none_of_them() -> None:
    assert [
        line for path in words.files() for line in findings(str(path.relative_to(words.ROOT)), path.read_text())
    ] == []
