"""Builds the site of the documentation from docs/, and shows it; run by `./dev docs`."""

from __future__ import annotations

import base64
import functools
import hashlib
import http.server
import json
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "src" / "kunsthalle" / "site"
"""Where the server has it from, and a wheel that is made of this checkout. Git ignores it."""
_SCRIPT = re.compile(r"<script(?:\s+(?![^>]*\bsrc=)[^>]*)?>(.*?)</script>", re.DOTALL)

_MENDED = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    "<pre>": '<pre tabindex="0">',
    '<div class="table-wrapper ': '<div tabindex="0" class="table-wrapper ',
}


def built(folder: Path) -> int:
    """Builds the site anew into `folder`, which appears whole or stays as it was; 0, or what Sphinx ended with.

    What Sphinx warns of is an error: a link that leads nowhere, a page that no list has.
    """
    with tempfile.TemporaryDirectory() as scratch:
        new = Path(scratch) / "site"
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-d", f"{scratch}/trees"]
        status = subprocess.call([*command, "docs", str(new)], cwd=ROOT)
        if status:
            return status
        for name in (".buildinfo", "objects.inv"):
            (new / name).unlink(missing_ok=True)
        for page in new.rglob("*.html"):
            page.write_text(accessible(page.read_text()))
        (new / "scripts.json").write_text(json.dumps(inline_scripts(new)))
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(new, folder)
    return 0


def accessible(page: str) -> str:
    """The text of a page with what the theme leaves out: levels of headings, and what a keyboard can scroll."""
    for theirs, ours in _MENDED.items():
        page = page.replace(theirs, ours)
    return page


def inline_scripts(folder: Path) -> list[str]:
    """The scripts within the pages, as a Content-Security-Policy allows them: `sha256-` and their digest."""
    found = {text for page in folder.rglob("*.html") for text in _SCRIPT.findall(page.read_text())}
    digests = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in found}
    return sorted(f"sha256-{digest}" for digest in digests)


def show(port: int) -> None:
    """Serves the site at 127.0.0.1 until Ctrl-C."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        print(f"The documentation is at http://127.0.0.1:{server.server_address[1]}/", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def main(arguments: list[str]) -> int:
    """`serve [PORT]` shows what was built; without it the site is built and stays."""
    if arguments and (arguments[0] != "serve" or not all(text.isdecimal() for text in arguments[1:])):
        print(f"./dev docs takes `serve` and a port, not {' '.join(arguments)!r}.", file=sys.stderr)
        return 2
    status = runpy.run_path(str(ROOT / "tools" / "pictures.py"))["renew"]() or built(SITE)
    if status == 0 and not arguments:
        print(f"The site is {SITE / 'index.html'}; ./dev docs serve shows it.")
    if status == 0 and arguments:
        show(int(arguments[1]) if len(arguments) > 1 else 8001)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
