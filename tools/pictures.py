"""Pictures of the console for the pages of the documentation, taken by the walks that test the console.

A page names a picture with the directive `console-picture` (docs/conf.py), a walk takes it with `Visitor.shoot`. They
are files of `docs/pictures/`, which git ignores: `./dev docs` has the walks take them anew as soon as the console or a
walk is another one than that of which they were taken.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "pictures"
WALKS = ROOT / "tests" / "stories" / "console" / "walks"
BROWSERS = ("chromium-headless-shell", "chromium")
"""Programs with which walks are walked: either will do."""
THEMES = ("light", "dark")
_STAMP = "taken-of.txt"
_SEEN = ("src/kunsthalle/console", "tests/stories/console/walks")
"""Of which the pictures are: where a file of these is another one, they are taken anew."""
_NAMED = re.compile(r"^ *:{3,}\{console-picture\} (\S+)\n(.+?)^ *:{3,}$", re.MULTILINE | re.DOTALL)
_SHOT = re.compile(r'\.shoot\(\s*"([^"]+)"')


def named() -> dict[str, list[tuple[str, str]]]:
    """The pictures that each page shows, by the page's path in docs/: their names, and what is said of them."""
    found = {}
    for page in sorted((ROOT / "docs").rglob("*.md")):
        pictures = [(name, " ".join(text.split())) for name, text in _NAMED.findall(page.read_text())]
        if pictures:
            found[page.relative_to(ROOT / "docs").as_posix()] = pictures
    return found


def shot() -> dict[str, Path]:
    """The walk that takes each picture, by the picture's name."""
    return {name: walk for walk in sorted(WALKS.glob("test_*.py")) for name in _SHOT.findall(walk.read_text())}


def wanted() -> list[str]:
    return sorted({name for pictures in named().values() for name, _ in pictures})


def stamp() -> str:
    """What the pictures are of: a digest of the console, of the walks, and of the names of the pictures."""
    digest = hashlib.sha256("\n".join(wanted()).encode())
    for folder in _SEEN:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".html", ".css", ".js", ".svg"} and path.is_file():
                digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def renew() -> int:
    """Takes the pictures, unless those that are there are of this console; 0, or what the walks ended with.

    Without Chromium there are none, and the site is built without: old ones are deleted.
    """
    if (FOLDER / _STAMP).exists() and (FOLDER / _STAMP).read_text() == stamp():
        return 0
    shutil.rmtree(FOLDER, ignore_errors=True)
    if not any(map(shutil.which, BROWSERS)):
        print("Chromium is not installed: the site has no pictures of the console.", file=sys.stderr)
        return 0
    shutil.rmtree(WALKS / "screens", ignore_errors=True)
    taken_by = shot()
    walks = sorted({str(taken_by[name]) for name in wanted()})
    print(f"The console changed: {len(walks)} of its walks take {len(wanted())} pictures.", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *walks]
    status = subprocess.call(command, cwd=ROOT, env={**os.environ, "KUNSTHALLE_SCREENS": "write"})
    return status or _keep()


def _keep() -> int:
    """Copies what was taken. A walk that was skipped, for a program that it needs is missing, has taken nothing."""
    FOLDER.mkdir(parents=True)
    for name in wanted():
        files = [WALKS / "screens" / f"{name}-{theme}.png" for theme in THEMES]
        if not all(file.exists() for file in files):
            print(f"No picture {name!r}: its walk was skipped.", file=sys.stderr)
            continue
        for file in files:
            shutil.copy(file, FOLDER)
    (FOLDER / _STAMP).write_text(stamp())
    return 0
