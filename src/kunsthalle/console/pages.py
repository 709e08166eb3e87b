"""Every page of the console."""

from __future__ import annotations

from kunsthalle.console import (
    access_policies,
    account_users,
    api_keys,
    catalogs,
    images,
    instance_groups,
    instance_templates,
    instances,
    keys,
    lineage,
    new_instance,
    offerings,
    operator_bar,
    sharing,
    sign_in,
    storage,
    uploads,
)
from kunsthalle.console.page_frame import Page

PAGES: tuple[Page, ...] = (
    *sign_in.PAGES,
    *uploads.PAGES,
    *images.PAGES,
    *offerings.PAGES,
    *catalogs.PAGES,
    *sharing.PAGES,
    *new_instance.PAGES,
    *instances.PAGES,
    *instance_templates.PAGES,
    *instance_groups.PAGES,
    *storage.PAGES,
    *keys.PAGES,
    *lineage.PAGES,
    *account_users.PAGES,
    *access_policies.PAGES,
    *api_keys.PAGES,
    *operator_bar.PAGES,
)
CALLS: tuple[Page, ...] = uploads.CALLS
"""What scripts ask for."""
