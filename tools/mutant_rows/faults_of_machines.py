"""Faults of instances, disks and the engines that run them."""

from __future__ import annotations

from tools.mutant_rows.row import UNIT, Mutant

ROWS = (
    Mutant(
        "managed image on bare metal",
        "R3",
        "instances/bare_metal/bare_metal_initialization.py",
        "    if image.managed:",
        "    if not image.id:",
        (f"{UNIT}/instances/test_metal.py::test_a_managed_image_is_refused_everywhere",),
    ),
    Mutant(
        "catalog carried to a snapshot's volume",
        "R8",
        "block_storage/boot_volumes.py",
        "        image=snapshot.source_image,\n        catalog_offering=None,",
        '        image=snapshot.source_image,\n        catalog_offering={"version": "crn"},',
        (f"{UNIT}/instances/test_catalog.py::test_the_word_of_the_catalog_is_kept_on_the_volume_and_goes_no_further",),
    ),
    Mutant(
        "instance group without its policy",
        "R9",
        "instances/groups/member_creation.py",
        "    if not may_group_use(session, parse(crn).instance):",
        "    if not may_group_use(session, parse(crn).instance) and not crn:",
        (f"{UNIT}/instances/test_groups_catalog.py::test_without_the_policy_there_is_no_group",),
    ),
    Mutant(
        "disk named by a path",
        "engines",
        "hypervisor/specs.py",
        '    if not 0 < len(disk_id) <= _LONGEST_DISK_ID or disk_id[0] == "." or',
        "    if not 0 < len(disk_id) <= _LONGEST_DISK_ID or",
        (f"{UNIT}/hypervisor/test_contract.py::test_a_hostile_id_is_never_a_disk",),
    ),
    Mutant(
        "memory of machines promised by two nodes at once",
        "engines",
        "hypervisor/qemu/qemu_engine.py",
        "        with self._directories.alone():  # until",
        "        with contextlib.nullcontext():  # until",
        (f"{UNIT}/hypervisor/test_processes.py::test_nodes_that_start_servers_at_the_same_moment_share_the_bound",),
    ),
    Mutant(
        "every node asks a shared engine",
        "engines",
        "instances/vm_monitor.py",
        "        if self.hypervisor.shared and not self._leads():",
        "        if self.hypervisor.shared and self._leads() is None:",
        (f"{UNIT}/instances/test_watch.py::test_of_the_nodes_that_share_an_engine_one_looks",),
    ),
    Mutant(
        "silence of a host taken for the end of a machine",
        "engines",
        "instances/ended_machines.py",
        "    if status in {Status.RUNNING, Status.UNREACHABLE}:",
        "    if status in {Status.RUNNING, Status.ABSENT}:",
        (f"{UNIT}/instances/test_watch.py::test_an_ended_job_that_finds_nobody_answering_says_nothing",),
    ),
    Mutant(
        "silence of a cloud's host taken for running",
        "engines",
        "hypervisor/openstack/openstack_engine.py",
        '    if status is Status.RUNNING and str(server.get("host_status", "")) in _SILENT:',
        '    if status is Status.RUNNING and "" in _SILENT:',
        (f"{UNIT}/hypervisor/test_openstack.py::test_a_silent_host_is_no_end_of_a_machine",),
    ),
    Mutant(
        "volume of others in the cloud",
        "engines",
        "hypervisor/openstack/cloud_disks.py",
        '        return next((item for item in named if item["name"] == id_ and _is(item, kind.value)), None)',
        '        return next((item for item in named if item["name"] == id_ or _is(item, kind.value)), None)',
        (f"{UNIT}/hypervisor/test_openstack.py::test_what_others_made_in_the_project_is_left_alone",),
    ),
    Mutant(
        "half of a disk taken for the whole",
        "engines",
        "hypervisor/openstack/cloud_client.py",
        "    except RequestException as error:\n"
        '        raise Unresponsive(f"the content broke off after {received} bytes") from error',
        "    except RequestException:\n        return",
        (
            f"{UNIT}/hypervisor/test_openstack.py::test_content_that_breaks_off_is_no_image_and_what_a_crash_left_is_found",
        ),
    ),
    Mutant(
        "backing file",
        "hostile images",
        "disk_images/qcow2.py",
        "    if header.backing_offset or header.backing_size:",
        "    if header.backing_offset < 0:",
        ("tests/hostile_images/test_hostile.py",),
    ),
)
