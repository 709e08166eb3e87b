"""Starts and stops the services of the lab, in their order."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tools.fleet_lab.lab_compute import nodes_up, prepare_neutron, prepare_nova, prepare_placement, start_node
from tools.fleet_lab.lab_folder import Lab
from tools.fleet_lab.lab_identity import people, prepare_keystone
from tools.fleet_lab.lab_images_and_volumes import prepare_cinder, prepare_glance, start_ceph

_SERVE = """
import sys, importlib, waitress
from sqlalchemy.orm import configure_mappers
module, port = sys.argv[1], int(sys.argv[2])
del sys.argv[1:3]
application = importlib.import_module(module).application
configure_mappers()  # Neutron names a relation before its first query has made it
waitress.serve(application, host="127.0.0.1", port=port, threads=8,
               max_request_body_size=1 << 40, ident=None)
"""


def start_database(lab: Lab) -> None:
    data, sock = lab.folder / "mysql", lab.folder / "mysql.sock"
    fresh = not data.exists()
    if fresh:
        lab.run(
            "mariadb-install-db",
            "--no-defaults",
            "--user=root",
            f"--datadir={data}",
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
            "--skip-name-resolve",
        )
    lab.spawn(
        "mysql",
        [
            "mariadbd",
            "--no-defaults",
            "--user=root",
            f"--datadir={data}",
            f"--socket={sock}",
            "--bind-address=127.0.0.1",
            f"--port={lab.port('mysql')}",
            "--skip-name-resolve",
            "--max-connections=400",
            "--innodb-flush-log-at-trx-commit=0",
            "--skip-log-bin",
            f"--pid-file={lab.folder}/mysql.pid",
        ],
    )
    client = ["mariadb", "--no-defaults", f"--socket={sock}", "-uroot"]
    lab.wait("mariadb", lambda: lab.run(*client, text="select 1;") or True)
    names = ("keystone", "glance", "placement", "neutron", "cinder", "nova_api", "nova", "nova_cell0")
    lab.run(*client, text="".join(f"create database if not exists {name} character set utf8mb3;" for name in names))


def start_rabbit(lab: Lab) -> None:
    base = lab.folder / "rabbit"
    (base / "home").mkdir(parents=True, exist_ok=True)
    lab.write(
        "rabbit/rabbitmq.conf",
        f"listeners.tcp.1 = 127.0.0.1:{lab.port('rabbit')}\n"
        "vm_memory_high_watermark.absolute = 400MB\ndisk_free_limit.absolute = 50MB\n",
    )
    lab.write("rabbit/enabled_plugins", "[].\n")
    env = {
        "HOME": f"{base}/home",
        "RABBITMQ_NODENAME": "lab@localhost",
        "RABBITMQ_MNESIA_BASE": f"{base}/mnesia",
        "RABBITMQ_LOG_BASE": f"{base}/log",
        "RABBITMQ_CONFIG_FILE": f"{base}/rabbitmq.conf",
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{base}/enabled_plugins",
        "RABBITMQ_PID_FILE": f"{base}/pid",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(lab.port("epmd")),
        "RABBITMQ_DIST_PORT": str(lab.port("erlang")),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +A 8 -kernel inet_dist_use_interface {127,0,0,1}",
    }
    lab.spawn("rabbit", ["/usr/lib/rabbitmq/bin/rabbitmq-server"], env)


def wait_rabbit(lab: Lab) -> None:
    def answers() -> bool:
        with socket.create_connection(("127.0.0.1", lab.port("rabbit")), 1) as line:
            line.sendall(b"AMQP\x00\x00\x09\x01")
            return bool(line.recv(7))

    lab.wait("rabbitmq", answers)


def serve(lab: Lab, name: str, module: str) -> None:
    etc = str(lab.folder / "etc" / name)
    env = {f"OS_{name.upper()}_CONFIG_DIR": etc}
    if name == "keystone":
        env["OS_KEYSTONE_CONFIG_FILES"] = f"{etc}/keystone.conf"
    if name == "neutron":
        env["OS_NEUTRON_CONFIG_FILES"] = "neutron.conf"
    if name == "nova":
        shutil.copy(lab.venv / "etc/nova/api-paste.ini", etc)  # it must come first
        env["OS_NOVA_CONFIG_FILES"] = "api-paste.ini;nova.conf"
    lab.spawn(f"{name}-api", [f"{lab.venv}/bin/python", str(lab.folder / "serve.py"), module, str(lab.port(name))], env)


def wait_http(lab: Lab, name: str) -> None:
    def answers() -> bool:
        try:
            urllib.request.urlopen(lab.url(name), timeout=2).read()
        except urllib.error.HTTPError as error:
            return error.code < 500
        return True

    lab.wait(f"{name}-api", answers)


def start(lab: Lab, nodes: list[str]) -> None:
    """Starts all of it, and goes on where an earlier start ended."""
    begun = time.monotonic()

    def said(what: str) -> None:
        print(f"{time.monotonic() - begun:6.1f} s  {what}", flush=True)

    start_rabbit(lab)
    start_database(lab)
    said("database")
    start_ceph(lab)
    said("ceph")
    lab.write("serve.py", _SERVE)
    (lab.folder / "web").mkdir(exist_ok=True)  # the proxy of screens does not start without
    parts: list[Callable[[Lab], object]] = [prepare_nova, prepare_keystone, prepare_neutron]
    parts += [prepare_glance, prepare_placement, prepare_cinder]
    parts = [part for part in parts if part.__name__ not in lab.facts.setdefault("done", [])]
    with ThreadPoolExecutor(2) as pool:  # each is another program at work
        list(pool.map(lab.once, parts))
    said("databases filled")
    serve(lab, "keystone", "keystone.wsgi.api")
    wait_rabbit(lab)
    wait_http(lab, "keystone")
    lab.once(people)
    serve(lab, "placement", "placement.wsgi.api")
    serve(lab, "glance", "glance.wsgi.api")
    serve(lab, "neutron", "neutron.wsgi.api")
    serve(lab, "nova", "nova.wsgi.osapi_compute")
    conf = str(lab.folder / "etc/nova/nova.conf")
    for name in ("nova-conductor", "nova-scheduler", "nova-serialproxy", "nova-novncproxy"):
        page = ["--web", str(lab.folder / "web")] if name == "nova-novncproxy" else []
        lab.spawn(name, [f"{lab.venv}/bin/{name}", "--config-file", conf, *page])
    for name in ("cinder-api", "cinder-scheduler", "cinder-volume"):
        lab.spawn(name, [f"{lab.venv}/bin/{name}", "--config-file", str(lab.folder / "etc/cinder/cinder.conf")])
    for name in ("cinder", "placement", "glance", "neutron", "nova"):
        wait_http(lab, name)
    said("services")
    for name in nodes:
        start_node(lab, name)
    lab.wait("nodes", lambda: nodes_up(lab, nodes), 180)
    said(f"nodes {', '.join(nodes)}")


def stop(lab: Lab) -> None:
    """Nodes and services first, what they stand on last."""
    last = ("mysql", "rabbit", "ceph-osd", "ceph-mon")
    names = sorted((path.name for path in (lab.folder / "run").glob("*")), key=last.count)
    for some in ([name for name in names if name not in last], list(last)):
        for name in some:
            lab.kill(name, signal.SIGKILL if name.startswith("node-") else signal.SIGTERM)
        end = time.monotonic() + 10
        while time.monotonic() < end and any(lab.lives(name) for name in some):
            time.sleep(0.2)
        for name in some:
            lab.kill(name)
            (lab.folder / "run" / name).unlink(missing_ok=True)

    with contextlib.suppress(FileNotFoundError):  # Erlang's book of names stays behind
        subprocess.run(["epmd", "-port", str(lab.port("epmd")), "-kill"], capture_output=True, check=False)
