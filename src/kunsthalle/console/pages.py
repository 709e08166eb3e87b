"""Every page of the console."""

from __future__ import annotations

from kunsthalle.console import (
    access_policies,
    account_users,
    api_keys,
    catalogs,
    home,
    images,
    instance_groups,
    instance_templates,
    instances,
    keys,
    lineage,
    new_instance,
    offerings,
    operator_bar,
    share_requests,
    sharing,
    sign_in,
    storage,
    uploads,
)
from kunsthalle.console.page_frame import Page

PAGES: tuple[Page, ...] = (
    *home.PAGES,
    *sign_in.PAGES,
    *uploads.PAGES,
    *images.PAGES,
    *offerings.PAGES,
    *catalogs.PAGES,
    *sharing.PAGES,
    *share_requests.PAGES,
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
