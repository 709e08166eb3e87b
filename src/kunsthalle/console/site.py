"""Every page of the console."""

from __future__ import annotations

from kunsthalle.console import images, signin
from kunsthalle.console.frame import Page

PAGES: tuple[Page, ...] = (*signin.PAGES, *images.PAGES)
