"""Writes NOTICE: the licences of what the product is installed with or holds, from lock files and packages."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "run.lock"
NPM_LOCK = ROOT / "tools" / "console_assets" / "package-lock.json"
HELD = {
    "@carbon/layout": ("carbon.css", "Values of design tokens."),
    "@carbon/themes": ("carbon.css", "Values of design tokens."),
    "@carbon/type": ("carbon.css", "Values of design tokens."),
    "@ibm/plex-mono": ("plex-mono-*.woff2", "IBM Plex Mono, the font's own file, unmodified."),
    "@ibm/plex-sans": ("plex-sans-*.woff2", "IBM Plex Sans, the font's own files, unmodified."),
    "@novnc/novnc": (
        "novnc.js",
        "Bundled and minified, otherwise unmodified, with pako (MIT AND Zlib). Its source is the npm package.",
    ),
    "@xterm/addon-fit": ("xterm.js", "Bundled and minified."),
    "@xterm/xterm": (
        "xterm.js, xterm.css",
        "Bundled and minified; style sheets that the script makes replace inline styles.",
    ),
}
"""What the console holds of npm packages: the files in src/kunsthalle/console/static, and how they were made."""

CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-2.0",
}
"""The names of licences in old metadata, and what SPDX calls them."""
CHOSEN = {"qemu-qmp": "LGPL-2.0-or-later", "uvloop": "MIT OR Apache-2.0"}
"""Where a package names several licences without saying how they go together: what holds for the parts in use."""
REMARKS = {
    "certifi": "Used as a separate package, unmodified: a list of certificate authorities, which httpx reads.",
    "pycdlib": "Used as a separate library, unmodified; it can be replaced by another build of it.",
    "psycopg": "Used as a separate library, unmodified; it can be replaced by another build of it.",
    "psycopg-binary": (
        "Used as a separate library, unmodified; its wheels hold libpq (PostgreSQL) and OpenSSL (Apache-2.0)."
    ),
    "qemu-qmp": (
        "One module of the package, qemu/qmp/legacy.py, is GPL-2.0-only. Kunsthalle never imports it, and a test sees"
        " to that; whoever passes the package on as a part of an image or bundle may leave that file out. Used as a"
        " separate library, unmodified."
    ),
}


class Package(NamedTuple):
    """One locked dependency as its metadata describes it."""

    name: str
    version: str
    licence: str
    home: str
    files: tuple[str, ...]


def locked() -> dict[str, str]:
    """Name and version of everything that is installed with the product."""
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", LOCK.read_text(), re.MULTILINE))


def packages() -> Iterator[Package]:
    """What is locked, by name. RuntimeError for a package that is not installed as locked, or names no licence."""
    for name, version in sorted(locked().items()):
        found = importlib.metadata.metadata(name)
        if found["Version"] != version:
            raise RuntimeError(f"{name} {found['Version']} is installed, and {version} is locked: run ./dev setup")
        licence = licence_of(name, found)
        if not licence:
            raise RuntimeError(f"{name} names no licence; look it up and say so in tools/notice.py")
        yield Package(name, version, licence, _home(found), tuple(sorted(found.get_all("License-File") or ())))


def licence_of(name: str, found: importlib.metadata.PackageMetadata) -> str:
    """The SPDX expression of a package, or an empty text."""
    classifiers = [one.rsplit(" :: ", 1)[-1] for one in found.get_all("Classifier") or () if one.startswith("License")]
    by_classifiers = " AND ".join(sorted(CLASSIFIERS[one] for one in classifiers if one in CLASSIFIERS))
    named = str(found.get("License") or "")
    plain = named if re.fullmatch(r"[A-Za-z]+-[\w.-]+|MIT", named) else ""
    return CHOSEN.get(name) or str(found.get("License-Expression") or "") or by_classifiers or plain


def _home(found: importlib.metadata.PackageMetadata) -> str:
    named = dict(one.split(", ", 1) for one in found.get_all("Project-URL") or () if ", " in one)
    lowered = {label.lower(): url for label, url in named.items()}
    likely = ("homepage", "source", "source code", "repository", "github")
    return str(found.get("Home-page") or next((lowered[one] for one in likely if one in lowered), ""))


def held() -> dict[str, tuple[str, str]]:
    """Version and licence of each package of npm whose parts the console holds."""
    known = json.loads(NPM_LOCK.read_text())["packages"]
    return {name: (known[f"node_modules/{name}"]["version"], known[f"node_modules/{name}"]["license"]) for name in HELD}


def _held() -> str:
    parts = []
    for name, (version, licence) in held().items():
        files, use = HELD[name]
        parts.append(f"{name} {version}\n  Terms: {licence}\n  Files: {files}\n  {use}")
    return "\n\n".join(parts)


def notice() -> str:
    """The text of NOTICE."""
    parts = []
    for one in packages():
        lines = [f"{one.name} {one.version}", f"  Licence: {one.licence}"]
        lines += [f"  Home: {one.home}"] if one.home else []
        lines += [f"  Licence texts: {', '.join(one.files)} (in the package)"] if one.files else []
        lines += [f"  {REMARKS[one.name]}"] if one.name in REMARKS else []
        parts.append("\n".join(lines))
    listed = "\n\n".join(parts)
    return f"""Kunsthalle
Licensed under the Apache License, Version 2.0 (see LICENSE).

The source tree and the wheel of Kunsthalle hold these parts of npm packages for the console's pages, in
src/kunsthalle/console/static, where licences.txt has the texts of their licences:

{_held()}

Kunsthalle is installed with the packages below, which are fetched from the Python package index under their own
licences; each brings its licence texts along. Written by `./dev docs` from tools/console_assets/package-lock.json,
requirements/run.lock and the metadata of the installed packages; a test compares it.

QEMU (GPL-2.0), where the host has it, is run as separate programs and is no part of Kunsthalle.

{listed}
"""
