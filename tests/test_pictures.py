"""The pictures of the console on the site: each is one that a walk takes, and they are of the console that there is."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from fixtures.tools import ROOT, tool

pictures = tool("pictures")


def test_every_picture_that_a_page_shows_is_taken_by_a_walk() -> None:
    shown = {name for of_page in pictures.named().values() for name, _ in of_page}
    assert "tutorial/share-an-image.md" in pictures.named()
    assert shown - pictures.shot().keys() == set(), "a walk takes it with `shoot`; or take it out of the page"


def test_every_picture_is_told_in_words() -> None:
    assert [name for of_page in pictures.named().values() for name, words in of_page if not words.endswith(".")] == []


def test_every_directive_of_a_page_is_one_that_the_walks_are_asked_for() -> None:
    written = sum(page.read_text().count("{console-picture}") for page in (ROOT / "docs").rglob("*.md"))
    assert written == sum(map(len, pictures.named().values()))


def _copy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tool with a checkout of its own, of one page, one walk and one template; its root."""
    files = {
        "docs/page.md": "# Page\n\n:::{console-picture} home\nThe home page.\n:::\n",
        "src/kunsthalle/console/html/home.html": "<h1>Home</h1>",
        "tests/stories/console/walks/test_home.py": 'visitor.shoot("home")',
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(pictures, "ROOT", folder)
    monkeypatch.setattr(pictures, "FOLDER", folder / "docs" / "pictures")
    monkeypatch.setattr(pictures, "WALKS", folder / "tests" / "stories" / "console" / "walks")
    return folder


class _Pytest:
    """Takes the place of the process that runs the walks: what it was asked, and pictures that differ each time."""

    def __init__(self, status: int = 0) -> None:
        self.status, self.runs = status, list[list[str]]()

    def __call__(self, command: list[str], **_: object) -> int:
        self.runs.append(command)
        screens = pictures.WALKS / "screens"
        screens.mkdir(exist_ok=True)
        for theme in pictures.THEMES:
            (screens / f"home-{theme}.png").write_text(f"{len(self.runs)}")
        return self.status


def test_pictures_are_taken_anew_when_the_console_is_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, run = _copy(tmp_path, monkeypatch), _Pytest()
    monkeypatch.setattr(pictures, "BROWSERS", ("sh",))
    monkeypatch.setattr(pictures.subprocess, "call", run)
    assert (pictures.renew(), pictures.renew(), len(run.runs)) == (0, 0, 1)
    assert run.runs[0][-1].endswith("test_home.py")
    assert (pictures.FOLDER / "home-dark.png").read_text() == "1"
    (root / "src/kunsthalle/console/html/home.html").write_text("<h1>Start</h1>")
    assert (pictures.renew(), (pictures.FOLDER / "home-dark.png").read_text()) == (0, "2")


def test_a_walk_that_is_skipped_leaves_its_page_without_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = _copy(tmp_path, monkeypatch)
    (root / "tests/stories/console/walks/screens").mkdir()
    (root / "tests/stories/console/walks/screens/home-dark.png").write_text("of another console")
    monkeypatch.setattr(pictures, "BROWSERS", ("sh",))
    monkeypatch.setattr(pictures.subprocess, "call", lambda *_, **__: 0)
    assert (pictures.renew(), [path.suffix for path in pictures.FOLDER.iterdir()]) == (0, [".txt"])
    assert "No picture 'home'" in capsys.readouterr().err


def test_a_walk_that_fails_leaves_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _copy(tmp_path, monkeypatch)
    monkeypatch.setattr(pictures, "BROWSERS", ("sh",))
    monkeypatch.setattr(pictures.subprocess, "call", _Pytest(status=1))
    assert pictures.renew() == 1
    assert not pictures.FOLDER.exists()


def test_without_a_browser_old_pictures_are_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _copy(tmp_path, monkeypatch)
    pictures.FOLDER.mkdir()
    (pictures.FOLDER / "home-light.png").write_text("old")
    monkeypatch.setattr(pictures, "BROWSERS", ("no-such-browser",))
    assert (pictures.renew(), pictures.FOLDER.exists()) == (0, False)
    assert "Chromium is not installed" in capsys.readouterr().err


def test_a_page_shows_the_picture_of_each_theme_or_none(tmp_path: Path) -> None:
    shown = runpy.run_path(str(ROOT / "docs" / "conf.py"))["console_picture"]
    assert shown(tmp_path, "home", "The home page.") == []
    for theme in pictures.THEMES:
        (tmp_path / f"home-{theme}.png").write_text("")
    (figure,) = shown(tmp_path, "home", "The home page.")
    assert [(image["uri"], image["classes"], image["alt"]) for image in figure.children[:2]] == [
        (f"/{tmp_path.name}/home-{theme}.png", [f"only-{theme}"], "The home page.") for theme in pictures.THEMES
    ]
    assert figure.children[2].astext() == "The home page."
