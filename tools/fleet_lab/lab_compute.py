"""Nova with its real driver, Placement, and the API of Neutron. A node has namespaces and a libvirtd of its own."""

from __future__ import annotations

import uuid
from pathlib import Path

from tools.fleet_lab.lab_folder import Lab

_NODE = """
set -e
node=$1 name=$2; shift 2
hostname $name
mount -t tmpfs tmpfs /run
for folder in var/lib/libvirt var/log/libvirt var/cache/libvirt etc/libvirt; do
    mkdir -p $node/$folder /$folder
    mount --bind $node/$folder /$folder
done
cp $node/libvirtd.conf $node/qemu.conf /etc/libvirt/
libvirtd >>$node/libvirtd.log 2>&1 &
tries=0
until [ -S /run/libvirt/libvirt-sock ]; do tries=$((tries + 1)); [ $tries -lt 300 ]; sleep 0.1; done
"$@" >>$node/nova-compute.log 2>&1 &
wait
"""


def helpers(lab: Lab, name: str) -> str:
    """We are root already, so that nobody needs sudo."""
    sections = ("nova_sys_admin", "privsep_osbrick", "vif_plug_ovs_privileged", "vif_plug_linux_bridge_privileged")
    command = f"{lab.venv}/bin/privsep-helper --config-file {lab.folder}/etc/{name}/nova.conf"
    return "".join(f"[{section}]\nhelper_command = {command}\n" for section in sections)


def nova_conf(lab: Lab, name: str, host: str, state: Path) -> Path:
    etc = lab.venv / "etc" / "nova"
    return lab.write(
        f"etc/{name}/nova.conf",
        f"""
[DEFAULT]
host = {host}
my_ip = 127.0.0.1
state_path = {state}
transport_url = rabbit://guest:guest@127.0.0.1:{lab.port("rabbit")}/
compute_driver = libvirt.LibvirtDriver
force_raw_images = false
flat_injected = false
force_config_drive = true
instance_usage_audit = false
report_interval = 2
service_down_time = 10
reserved_host_memory_mb = 0
reserved_host_disk_mb = 0
sync_power_state_interval = 10
periodic_fuzzy_delay = 0
reclaim_instance_interval = 0
initial_cpu_allocation_ratio = 16
initial_ram_allocation_ratio = 4
initial_disk_allocation_ratio = 16
osapi_compute_workers = 1
rootwrap_config = {etc}/rootwrap.conf
log_options = false
shutdown_timeout = 20
[api_database]
connection = {lab.database("nova_api")}
[database]
connection = {lab.database("nova")}
[wsgi]
api_paste_config = {etc}/api-paste.ini
[conductor]
workers = 1
[scheduler]
workers = 1
discover_hosts_in_cells_interval = 2
[libvirt]
virt_type = qemu
cpu_mode = none
images_type = qcow2
rx_queue_size =
[serial_console]
enabled = true
port_range = {lab.facts["serial"].get(host, "20000:20099")}
base_url = ws://127.0.0.1:{lab.port("serial")}/
proxyclient_address = 127.0.0.1
serialproxy_host = 127.0.0.1
serialproxy_port = {lab.port("serial")}
[vnc]
enabled = true
server_listen = 127.0.0.1
server_proxyclient_address = 127.0.0.1
novncproxy_host = 127.0.0.1
novncproxy_port = {lab.port("vnc")}
novncproxy_base_url = {lab.url("vnc")}/vnc_lite.html
[cache]
enabled = false
[oslo_concurrency]
lock_path = {state}/locks
{helpers(lab, name)}
[notifications]
notification_format = unversioned
[oslo_messaging_notifications]
driver = noop
[oslo_messaging_rabbit]
rabbit_quorum_queue = false
[oslo_policy]
enforce_scope = true
{lab.auth("keystone_authtoken")}{lab.auth("placement")}{lab.auth("glance")}{lab.auth("service_user")}
send_service_user_token = true
{lab.auth("neutron")}{lab.auth("cinder")}
os_region_name = lab
""",
    )


def prepare_placement(lab: Lab) -> None:
    conf = lab.write(
        "etc/placement/placement.conf",
        f"""
[placement_database]
connection = {lab.database("placement")}
[api]
auth_strategy = keystone
{lab.auth("keystone_authtoken")}
""",
    )
    lab.run("placement-manage", "--config-file", str(conf), "db", "sync")


def prepare_neutron(lab: Lab) -> None:
    """An API with books and nothing that carries packets: guests have no card, as Nova asks it all the same."""
    conf = lab.write(
        "etc/neutron/neutron.conf",
        f"""
[DEFAULT]
core_plugin = ml2
service_plugins = router,port_forwarding
transport_url = rabbit://guest:guest@127.0.0.1:{lab.port("rabbit")}/
state_path = {lab.folder}/neutron
api_paste_config = {lab.venv}/etc/neutron/api-paste.ini
auth_strategy = keystone
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
[database]
connection = {lab.database("neutron")}
[ml2]
type_drivers = local
tenant_network_types = local
mechanism_drivers =
extension_drivers = port_security
[oslo_concurrency]
lock_path = {lab.folder}/neutron/locks
{lab.auth("keystone_authtoken")}
""",
    )
    (lab.folder / "neutron" / "locks").mkdir(parents=True, exist_ok=True)
    lab.run("neutron-db-manage", "--config-file", str(conf), "upgrade", "heads")


def prepare_nova(lab: Lab) -> None:
    conf = str(nova_conf(lab, "nova", "controller", lab.folder / "nova"))
    (lab.folder / "nova" / "locks").mkdir(parents=True, exist_ok=True)
    manage = ["nova-manage", "--config-file", conf]
    lab.run(*manage, "api_db", "sync")
    lab.run(*manage, "cell_v2", "map_cell0", "--database_connection", lab.database("nova_cell0"))
    if "cell1" not in lab.run(*manage, "cell_v2", "list_cells"):
        lab.run(*manage, "cell_v2", "create_cell", "--name", "cell1")
    lab.run(*manage, "db", "sync")


def start_node(lab: Lab, name: str) -> None:
    node = lab.folder / "nodes" / name
    for part in ("nova/instances", "nova/locks"):
        (node / part).mkdir(parents=True, exist_ok=True)
    number = sum(name.encode())
    (node / "libvirtd.conf").write_text(
        f'host_uuid = "{uuid.uuid5(uuid.NAMESPACE_DNS, name)}"\nauth_unix_rw = "none"\nlog_outputs = "3:stderr"\n'
    )
    (node / "qemu.conf").write_text(
        'user = "root"\ngroup = "root"\nsecurity_driver = "none"\nstdio_handler = "file"\nnamespaces = [ ]\n'
        "cgroup_controllers = [ ]\nremember_owner = 0\n"
    )
    # libvirt wants a name and a secret, also for a Ceph that asks for neither.
    usage = "<usage type='ceph'><name>admin</name></usage>"
    secret = f"<secret ephemeral='no' private='no'><uuid>{lab.facts['fsid']}</uuid>{usage}</secret>"
    secrets = node / "etc/libvirt/secrets"
    secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
    (secrets / f"{lab.facts['fsid']}.xml").write_text(secret)
    (secrets / f"{lab.facts['fsid']}.base64").write_text(lab.facts["key"])
    (secrets / f"{lab.facts['fsid']}.base64").chmod(0o600)
    lab.facts["serial"].setdefault(name, f"{20100 + 100 * (number % 50)}:{20199 + 100 * (number % 50)}")
    lab.save()
    conf = nova_conf(lab, f"node-{name}", name, node / "nova")
    lab.spawn(
        f"node-{name}",
        [
            "unshare",
            "--mount",
            "--uts",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "sh",
            "-c",
            _NODE,
            "node",
            str(node),
            name,
            f"{lab.venv}/bin/nova-compute",
            "--config-file",
            str(conf),
        ],
    )


def nodes_up(lab: Lab, names: list[str]) -> bool:
    _, found = lab.call("GET", f"{lab.url('nova')}/v2.1/os-services?binary=nova-compute", lab.token())
    up = {service["host"] for service in found["services"] if service["state"] == "up"}
    _, seen = lab.call("GET", f"{lab.url('nova')}/v2.1/os-hypervisors", lab.token())
    return set(names) <= up and len(seen["hypervisors"]) >= len(names)
