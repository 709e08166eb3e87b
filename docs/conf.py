"""How the site of the documentation is built from this folder: `./dev docs` builds it, `./dev docs serve` shows it."""

from __future__ import annotations

import posixpath
import re
import runpy
import subprocess
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from kunsthalle import __version__

ROOT = Path(__file__).resolve().parents[1]
PAGES_OF_FILES = {
    "CHANGELOG.md": "changelog.md",
    "CODE_OF_CONDUCT.md": "conduct.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "examples/README.md": "examples.md",
    "examples/terraform/README.md": "examples-terraform.md",
}
"""Files outside this folder, from the root of the repository, and the page of the site that shows each."""
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s#:]+)(#[^()\s]*)?\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


def _date_of_the_last_change() -> str:
    """The day of the last commit, so that the same checkout builds the same pages; empty where there is no git."""
    command = ["git", "log", "-1", "--format=%cs"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


project = "Kunsthalle"
release = version = __version__
html_title = f"Kunsthalle {release}"
html_last_updated_fmt = f"{_date_of_the_last_change()} (version {release})"
html_show_copyright = False

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton", "sphinx_design"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
nitpicky = True
nitpick_ignore_regex = [("py:class", r"(collections|pathlib|pytest|subprocess)\..*|IAMAuthenticator|Recorder")]
"""Types of other projects in signatures: the site has no pages of theirs, and links nowhere else for them."""

html_theme = "furo"
html_theme_options = {
    "footer_icons": [],
    "light_css_variables": {"color-brand-primary": "#0f62fe", "color-brand-content": "#0f62fe"},
    "dark_css_variables": {"color-brand-primary": "#78a9ff", "color-brand-content": "#78a9ff"},
}
html_domain_indices = False
html_use_index = False
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_favicon = "../src/kunsthalle/console/static/mark.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]


def linked_within_the_site(text: str, folder: str, page: str) -> str:
    """The text of a file of `folder` with links as they lead from `page`, both from the root of the repository.

    A file of `PAGES_OF_FILES` is linked as its page. Other files and folders outside this folder are named without a
    link, for the site has none of them.
    """

    def within(found: re.Match[str]) -> str:
        words, target, heading = found[1], found[2], found[3] or ""
        place = posixpath.normpath(posixpath.join(folder, target))
        place = f"docs/{PAGES_OF_FILES[place]}" if place in PAGES_OF_FILES else place
        if not place.startswith("docs/") or not (ROOT / place).is_file():
            return words if (ROOT / place).exists() else found[0]
        return f"[{words}]({posixpath.relpath(place, posixpath.dirname(page))}{heading})"

    parts = _FENCE.split(text)
    return "".join(part if number % 2 else _LINK.sub(within, part) for number, part in enumerate(parts))


def _read(_app: Sphinx, name: str, source: list[str]) -> None:
    page = f"docs/{name}.md"
    file = next((file for file, shown in PAGES_OF_FILES.items() if f"docs/{shown}" == page and name != "index"), page)
    source[0] = linked_within_the_site((ROOT / file).read_text(), posixpath.dirname(file), page)


def _write_reference(_app: Sphinx, _config: object) -> None:
    """The pages that are made of the code are those of the checkout that is built."""
    runpy.run_path(str(ROOT / "tools" / "reference_pages.py"))["write"]()


def console_picture(folder: Path, name: str, words: str) -> list[nodes.Node]:
    """A picture of the console in the theme of the reader, with words below it; nothing where it was not taken."""
    files = {theme: folder / f"{name}-{theme}.png" for theme in ("light", "dark")}
    if not all(path.exists() for path in files.values()):
        return []
    figure = nodes.figure()
    for theme, path in files.items():
        figure += nodes.image(uri=f"/{folder.name}/{path.name}", alt=words, classes=[f"only-{theme}"])
    figure += nodes.caption("", words)
    return [figure]


class ConsolePicture(SphinxDirective):
    """`console-picture NAME`, its content being what is said of it: a picture that a walk took (tools/pictures.py)."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        folder = Path(self.env.srcdir) / "pictures"
        return console_picture(folder, self.arguments[0], " ".join(" ".join(self.content).split()))


class Navigation:
    """The tree beside each page, of titles alone: Sphinx copies every heading of every page for it, and drops them."""

    def __init__(self) -> None:
        self._titles: dict[str, nodes.bullet_list] = {}

    def use(self, app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
        """Has the theme, which comes later, make its tree from the titles."""
        whole, make = app.env.tocs, context["toctree"]
        self._titles = self._titles or {name: _titles_of(toc) for name, toc in whole.items()}

        def tree(**options: Any) -> str:
            app.env.tocs = self._titles if options.get("titles_only") else whole
            try:
                return str(make(**options))
            finally:
                app.env.tocs = whole

        context["toctree"] = tree


def _titles_of(toc: nodes.bullet_list) -> nodes.bullet_list:
    """A copy without headings below the title, of which trees of titles keep what names further pages alone."""
    copy = toc.deepcopy()
    for entry in copy.children:
        if isinstance(entry, nodes.list_item) and len(entry.children) > 1:
            below = list(entry.findall(addnodes.toctree))
            entry[1:] = [nodes.bullet_list("", *below)] if below else []
    return copy


def setup(app: Sphinx) -> None:
    """Joins the above with Sphinx; diagrams and HCL are shown as the text that they are."""
    app.add_lexer("mermaid", TextLexer)
    app.add_lexer("hcl", TextLexer)
    app.add_directive("console-picture", ConsolePicture)
    app.connect("config-inited", _write_reference)
    app.connect("source-read", _read)
    app.connect("html-page-context", Navigation().use, priority=100)  # before the theme does
