"""What a build of Packer does not come to here, each with its reason."""

from __future__ import annotations

DIFFERENCES: dict[str, str] = {
    "connecting to the server, provisioners and the capture that follows": (
        "no guest here is reached by SSH: a server has no network beyond its own machine. The calls of all steps, with "
        "the capture and the clean-up, are made with the Python SDK in tests/stories/api/test_packer_calls.py"
    ),
    '`communicator = "none"`': "the plugin takes no step at all with it, and says that no image was made",
    "`catalog_offering_crn`, `catalog_offering_version_crn`": (
        "validated, and not built from: the plugin asks the search of IBM Cloud for the catalog, at an address that "
        "cannot be configured"
    ),
}
"""What, and why."""
