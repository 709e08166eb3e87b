"""Glance and Cinder on a Ceph of one monitor and one store, as operators have it with more."""

from __future__ import annotations

import uuid

from tools.fleet_lab.lab_folder import Lab


def ceph_conf(lab: Lab) -> str:
    return str(lab.folder / "ceph" / "ceph.conf")


def prepare_ceph(lab: Lab) -> None:
    lab.facts.setdefault("fsid", str(uuid.uuid4()))
    lab.facts.setdefault("osd", str(uuid.uuid4()))
    lab.facts.setdefault("key", lab.run("ceph-authtool", "--gen-print-key").strip())
    base, mon = lab.folder / "ceph", f"127.0.0.1:{lab.port('mon')}"
    lab.write(
        "ceph/ceph.conf",
        f"""
[global]
fsid = {lab.facts["fsid"]}
mon_initial_members = a
mon_host = [v2:{mon}/0]
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_osd_full_ratio = .99
mon_data_avail_crit = 1
osd_crush_chooseleaf_type = 0
osd_objectstore = bluestore
bluestore_block_size = {20 << 30}
osd_memory_target = {1 << 30}
run_dir = {base}
admin_socket = {base}/$name.asok
pid_file = {base}/$name.pid
log_file = {base}/$name.log
mon_data = {base}/mon
osd_data = {base}/osd
""",
    )
    for part in ("mon", "osd"):
        (base / part).mkdir(exist_ok=True)
    lab.run("monmaptool", "--create", "--addv", "a", f"[v2:{mon}]", "--fsid", lab.facts["fsid"], f"{base}/monmap")
    lab.run("ceph-mon", "-c", ceph_conf(lab), "--mkfs", "-i", "a", "--monmap", f"{base}/monmap")


def start_ceph(lab: Lab) -> None:
    lab.once(prepare_ceph)
    ceph = ["ceph", "-c", ceph_conf(lab), "--connect-timeout", "5"]
    lab.spawn("ceph-mon", ["ceph-mon", "-f", "-c", ceph_conf(lab), "-i", "a"])
    lab.wait("ceph-mon", lambda: lab.run(*ceph, "fsid"))

    def make_osd(lab: Lab) -> None:
        lab.run(*ceph, "osd", "new", lab.facts["osd"])
        lab.run("ceph-osd", "-c", ceph_conf(lab), "-i", "0", "--mkfs", "--osd-uuid", lab.facts["osd"])

    lab.once(make_osd)
    lab.spawn("ceph-osd", ["ceph-osd", "-f", "-c", ceph_conf(lab), "-i", "0"])
    lab.wait("ceph-osd", lambda: '"num_up_osds":1' in lab.run(*ceph, "osd", "stat", "-f", "json"))

    def make_pools(lab: Lab) -> None:
        for pool in ("images", "volumes"):
            lab.run(*ceph, "osd", "pool", "create", pool, "8")
            lab.run(*ceph, "osd", "pool", "application", "enable", pool, "rbd")

    lab.once(make_pools)


def prepare_cinder(lab: Lab) -> None:
    conf = lab.write(
        "etc/cinder/cinder.conf",
        f"""
[DEFAULT]
host = controller
transport_url = rabbit://guest:guest@127.0.0.1:{lab.port("rabbit")}/
state_path = {lab.folder}/cinder
api_paste_config = {lab.venv}/etc/cinder/api-paste.ini
rootwrap_config = {lab.venv}/etc/cinder/rootwrap.conf
resource_query_filters_file = {lab.venv}/etc/cinder/resource_filters.json
auth_strategy = keystone
osapi_volume_listen = 127.0.0.1
osapi_volume_listen_port = {lab.port("cinder")}
osapi_volume_workers = 1
enabled_backends = rbd
default_volume_type = __DEFAULT__
glance_api_servers = {lab.url("glance")}
report_interval = 2
service_down_time = 10
quota_volumes = -1
quota_snapshots = -1
quota_gigabytes = -1
image_conversion_dir = {lab.folder}/cinder/conversion
[rbd]
volume_driver = cinder.volume.drivers.rbd.RBDDriver
volume_backend_name = rbd
rbd_pool = volumes
rbd_ceph_conf = {ceph_conf(lab)}
rbd_user = admin
rbd_secret_uuid = {lab.facts["fsid"]}
rbd_exclusive_cinder_pool = true
[database]
connection = {lab.database("cinder")}
[coordination]
backend_url = file://{lab.folder}/cinder/locks
[oslo_concurrency]
lock_path = {lab.folder}/cinder/locks
[privsep]
helper_command = {lab.venv}/bin/privsep-helper --config-file {lab.folder}/etc/cinder/cinder.conf
[privsep_osbrick]
helper_command = {lab.venv}/bin/privsep-helper --config-file {lab.folder}/etc/cinder/cinder.conf
[cinder_sys_admin]
helper_command = {lab.venv}/bin/privsep-helper --config-file {lab.folder}/etc/cinder/cinder.conf
{lab.auth("keystone_authtoken")}{lab.auth("nova")}{lab.auth("service_user")}
send_service_user_token = true
""",
    )
    for part in ("locks", "conversion"):
        (lab.folder / "cinder" / part).mkdir(parents=True, exist_ok=True)
    lab.run("cinder-manage", "--config-file", str(conf), "db", "sync")


def prepare_glance(lab: Lab) -> None:
    conf = lab.write(
        "etc/glance/glance-api.conf",
        f"""
[DEFAULT]
enabled_backends = files:file,rbd:rbd
show_image_direct_url = true
enabled_import_methods = [glance-direct,web-download]
image_size_cap = 1099511627776
node_staging_uri = file://{lab.folder}/glance/staging
public_endpoint = {lab.url("glance")}
worker_self_reference_url = {lab.url("glance")}
workers = 1
[database]
connection = {lab.database("glance")}
[glance_store]
default_backend = rbd
[rbd]
rbd_store_pool = images
rbd_store_ceph_conf = {ceph_conf(lab)}
rbd_store_user =
rbd_thin_provisioning = true
[files]
filesystem_store_datadir = {lab.folder}/glance/images
[os_glance_tasks_store]
filesystem_store_datadir = {lab.folder}/glance/tasks
[os_glance_staging_store]
filesystem_store_datadir = {lab.folder}/glance/staging
[paste_deploy]
flavor = keystone
config_file = {lab.venv}/etc/glance/glance-api-paste.ini
[cache]
enabled = false
[oslo_messaging_notifications]
driver = noop
[oslo_concurrency]
lock_path = {lab.folder}/glance/locks
{lab.auth("keystone_authtoken")}
""",
    )
    for part in ("images", "tasks", "staging", "locks"):
        (lab.folder / "glance" / part).mkdir(parents=True, exist_ok=True)
    lab.run("glance-manage", "--config-file", str(conf), "db_sync")
