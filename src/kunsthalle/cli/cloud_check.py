"""Whether the cloud of `--hypervisor openstack` is named as it can be used, before anything is made."""

from __future__ import annotations

import os
from collections.abc import Callable

from kunsthalle.settings import BadSetting, Settings

_SECONDS = 5.0
"""How long a start waits for each answer of a cloud: one that is away is no reason not to start."""


def check_cloud(settings: Settings, warn: Callable[[str], None]) -> None:
    """BadSetting where the cloud, or who we are there, is not said, and for an availability zone that it does not have.

    A cloud is called only where zones of it are named; of one that does not answer, `warn` is told.
    """
    from kunsthalle.hypervisor.openstack.cloud_access import find_cloud
    from kunsthalle.hypervisor.protocol import BadSpec, Unavailable

    try:
        entry = find_cloud(settings.openstack_cloud, os.environ)
    except Unavailable as error:
        raise BadSetting("hypervisor", settings.hypervisor, str(error)) from error
    except BadSpec as error:
        raise BadSetting("openstack_cloud", settings.openstack_cloud, str(error)) from error
    if not settings.availability_zones:
        return
    from kunsthalle.hypervisor.openstack.cloud_access import open_cloud
    from kunsthalle.hypervisor.openstack.cloud_zones import CloudZones
    from kunsthalle.hypervisor.protocol import HypervisorError

    try:
        absent = CloudZones(open_cloud(entry, _SECONDS), settings.availability_zones).absent()
    except HypervisorError as error:
        warn(f"whether the cloud has the zones of --openstack-zones is not known: {error}")
        return
    if absent:
        raise BadSetting("openstack_zones", settings.openstack_zones, "; ".join(zone.message for zone in absent))
