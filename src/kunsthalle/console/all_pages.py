"""Every page of the console."""

from __future__ import annotations

from kunsthalle.console import (
    access_policy_pages,
    account_user_pages,
    api_key_pages,
    bulk_pages,
    catalog_pages,
    doctor_pages,
    home_pages,
    image_pages,
    instance_console_pages,
    instance_group_pages,
    instance_pages,
    instance_template_pages,
    lineage_pages,
    network_pages,
    new_instance_pages,
    offering_pages,
    operator_account_pages,
    operator_pages,
    root_key_pages,
    search_pages,
    security_group_pages,
    share_request_pages,
    sharing_pages,
    sign_in_pages,
    single_sign_on_pages,
    ssh_key_pages,
    storage_pages,
    upload_pages,
    usage_pages,
)
from kunsthalle.console.page_frame import Page
from kunsthalle.console.resource_pages import pages_of
from kunsthalle.console.resource_shapes import Kind

KINDS: tuple[Kind, ...] = (
    *ssh_key_pages.KINDS,
    *network_pages.KINDS,
    *security_group_pages.KINDS,
)
"""The types of resources whose pages are declared."""
PAGES: tuple[Page, ...] = (
    *home_pages.PAGES,
    *sign_in_pages.PAGES,
    *single_sign_on_pages.PAGES,
    *upload_pages.PAGES,
    *search_pages.PAGES,
    *bulk_pages.PAGES,
    *image_pages.PAGES,
    *offering_pages.PAGES,
    *catalog_pages.PAGES,
    *sharing_pages.PAGES,
    *share_request_pages.PAGES,
    *new_instance_pages.PAGES,
    *instance_pages.PAGES,
    *instance_template_pages.PAGES,
    *instance_group_pages.PAGES,
    *storage_pages.PAGES,
    *root_key_pages.PAGES,
    *lineage_pages.PAGES,
    *account_user_pages.PAGES,
    *access_policy_pages.PAGES,
    *api_key_pages.PAGES,
    *(entry for kind in KINDS for entry in pages_of(kind)),
    *operator_pages.PAGES,
    *operator_account_pages.PAGES,
    *doctor_pages.PAGES,
    *usage_pages.PAGES,
)
CALLS: tuple[Page, ...] = (*upload_pages.CALLS, *instance_console_pages.CALLS)
"""What scripts ask for."""
