"""Glance with Keystone: two WSGI applications under uWSGI, SQLite, images as files, tokens of Keystone asked for.

uWSGI is what Glance's manual recommends for production. Here each is one process with a master and threads that speak
HTTP themselves, since there is no web server in front. Glance keeps tokens that it has asked Keystone about, as it
comes.
"""

from __future__ import annotations

import getpass
import grp
import hashlib
import json
import os
import secrets
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.bench.calls import Connection
from tools.bench.load import Ask
from tools.bench.peers import environment
from tools.bench.peers.served_peer import IMAGES, PAGE, Peer, Reads, agree
from tools.bench.processes import Process, free_port

_THREADS = 16
"""As many as the load has connections: each of them has one to itself while it is kept."""
_ABSENT = "00000000-0000-4000-8000-000000000000"
_CONF = {"keystone": "keystone.conf", "glance": "glance-api.conf"}
_KEYS = ("fernet_setup", "credential_setup")
_JSON = {"Content-Type": "application/json"}
_BYTES = {"Content-Type": "application/octet-stream"}
_UWSGI = """
[uwsgi]
http11-socket = 127.0.0.1:{port}
module = {module}:application
master = true
processes = 1
threads = {threads}
enable-threads = true
lazy-apps = true
no-orphans = true
die-on-term = true
buffer-size = 65535
http-chunked-input = true
so-keepalive = true
disable-logging = true
"""
_KEYSTONE = """
[database]
connection = sqlite:///{folder}/keystone.sqlite
[cache]
enabled = true
backend = oslo_cache.dict
[fernet_tokens]
key_repository = {folder}/fernet
[credential]
key_repository = {folder}/credential
[token]
expiration = 86400
[oslo_messaging_notifications]
driver = noop
"""
_GLANCE = """
[DEFAULT]
enabled_backends = files:file
workers = 1
public_endpoint = {url}
worker_self_reference_url = {url}
node_staging_uri = file://{folder}/staging
[database]
connection = sqlite:///{folder}/glance.sqlite
[glance_store]
default_backend = files
[files]
filesystem_store_datadir = {folder}/images
[os_glance_tasks_store]
filesystem_store_datadir = {folder}/tasks
[os_glance_staging_store]
filesystem_store_datadir = {folder}/staging
[paste_deploy]
flavor = keystone
config_file = {packages}/etc/glance/glance-api-paste.ini
[oslo_messaging_notifications]
driver = noop
[oslo_concurrency]
lock_path = {folder}/locks
[keystone_authtoken]
auth_type = password
auth_url = {keystone}/v3
www_authenticate_uri = {keystone}/v3
username = glance
password = {password}
project_name = service
user_domain_name = Default
project_domain_name = Default
"""


class Glance(Peer):
    """`publisher` and `consumer` are projects, each with a user of the same name."""

    name = "Glance"

    def set_up(self) -> None:
        """Databases, keys, projects and users. Passwords stand in files of this folder, never among arguments."""
        self._packages = environment("glance")
        self._ports = {"keystone": free_port(), "glance": free_port()}
        self._passwords = {name: secrets.token_urlsafe() for name in ("admin", "glance", "publisher", "consumer")}
        self._tokens: dict[str, dict[str, str]] = {}
        self._projects: dict[str, str] = {}
        self._ids: list[str] = []
        for name in ("fernet", "credential", "images", "tasks", "staging", "locks", "etc"):
            (self.folder / name).mkdir(mode=0o700)
        self._write("keystone.conf", _KEYSTONE.format(folder=self.folder))
        texts = {"folder": self.folder, "packages": self._packages, "password": self._passwords["glance"]}
        self._write("glance-api.conf", _GLANCE.format(url=self._url("glance"), keystone=self._url("keystone"), **texts))
        for name, port in self._ports.items():
            text = _UWSGI.format(port=port, module=f"{name}.wsgi.api", threads=_THREADS)
            self._write(f"{name}.ini", text)
        for verb in ("db_sync", *_KEYS, "bootstrap"):
            self._manage("keystone", verb)
        self._manage("glance", "db_sync")
        with self._serve("keystone"):
            self._make_people()

    def start(self) -> None:
        """Keystone, then Glance, which needs it."""
        for name in ("keystone", "glance"):
            self.processes.append(self._serve(name))

    def first_answer(self) -> None:
        """A page of images, with a token from before the start."""
        self.connection.expect(200, "GET", f"/v2/images?limit={PAGE}", None, self._tokens["publisher"])

    def fill(self) -> None:
        """Each image has bytes, so that it is active: a few that are of no format, for Glance looks into them."""
        connection = self.connection
        for number in range(IMAGES):
            id_ = self._create(connection, f"image-{number:07d}", "raw")
            connection.expect(204, "PUT", f"/v2/images/{id_}/file", b"%d" % number, self._with(_BYTES))
            self._ids.append(id_)

    def reads(self) -> Reads:
        """See Peer."""
        headers = self._tokens["publisher"]
        path = "/v2/images/{}".format
        return Reads(
            ids=tuple(self._ids),
            one=Ask("one", path(self._ids[0]), headers),
            each=tuple(Ask("each", path(id_), headers) for id_ in self._ids),
            absent=Ask("absent", path(_ABSENT), headers, 404),
            page=Ask("page", f"/v2/images?limit={PAGE}", headers),
            refused=Ask("refused", path(self._ids[0]), {"X-Auth-Token": "x" + headers["X-Auth-Token"]}, 401),
            missing=b"No image found",
        )

    def check_page(self, content: bytes) -> list[str]:
        """All of them active."""
        images = json.loads(content)["images"]
        agree("states of a page", {image["status"] for image in images}, {"active"})
        return [image["id"] for image in images]

    def share(self, number: int) -> None:
        """Six calls: record, bytes, member, acceptance, the consumer's look, deletion."""
        connection, consumer = self.connection, self._projects["consumer"]
        id_ = self._create(connection, f"shared-{number}")
        path = f"/v2/images/{id_}"
        connection.expect(204, "PUT", f"{path}/file", self.folder.parent / "small.qcow2", self._with(_BYTES))
        body = json.dumps({"member": consumer})
        connection.expect(200, "POST", f"{path}/members", body, self._with(_JSON))
        other = {**_JSON, **self._tokens["consumer"]}
        connection.expect(200, "PUT", f"{path}/members/{consumer}", json.dumps({"status": "accepted"}), other)
        image = connection.expect(200, "GET", path, None, other).document
        agree("the shared image", (image["id"], image["status"]), (id_, "active"))
        connection.expect(204, "DELETE", path, None, self._with({}))
        connection.expect(404, "GET", path, None, other)

    @property
    def upload(self) -> Callable[[Path, int], Callable[[], None]]:
        """Record and bytes; Glance tells MD5 and SHA-512."""

        def upload(file: Path, number: int) -> Callable[[], None]:
            connection = self.connection
            path = f"/v2/images/{self._create(connection, f'uploaded-{number}')}"
            connection.expect(204, "PUT", f"{path}/file", file, self._with(_BYTES))
            image = connection.expect(200, "GET", path, None, self._with({})).document

            def end() -> None:
                with file.open("rb") as content:
                    digest = hashlib.file_digest(content, "sha512").hexdigest()
                expected = ("active", file.stat().st_size, digest)
                agree("the uploaded image", (image["status"], image["size"], image["os_hash_value"]), expected)
                connection.expect(204, "DELETE", path, None, self._with({}))

            return end

        return upload

    def _url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[name]}"

    def _write(self, name: str, text: str) -> None:
        path = self.folder / "etc" / name
        path.touch(0o600)
        path.write_text(text)

    def _with(self, headers: dict[str, str]) -> dict[str, str]:
        return {**headers, **self._tokens["publisher"]}

    def _create(self, connection: Connection, name: str, form: str = "qcow2") -> str:
        body = json.dumps({"name": name, "disk_format": form, "container_format": "bare"})
        return str(connection.expect(201, "POST", "/v2/images", body, self._with(_JSON)).document["id"])

    def _serve(self, name: str) -> Process:
        etc = str(self.folder / "etc")
        env = {
            f"OS_{name.upper()}_CONFIG_DIR": etc,
            "OS_KEYSTONE_CONFIG_FILES": f"{etc}/keystone.conf",
            "no_proxy": "127.0.0.1",  # Glance asks Keystone with a library that looks for proxies
        }
        command = [str(self._packages / "bin" / "uwsgi"), "--ini", f"{etc}/{name}.ini"]
        log = self.folder / f"{name}.log"
        return Process(command, self._ports[name], log, ready="/healthcheck", env=env)

    def _manage(self, name: str, verb: str) -> None:
        manage, conf = self._packages / "bin" / f"{name}-manage", self.folder / "etc" / _CONF[name]
        command: list[str | Path] = [manage, "--config-file", conf, verb]
        if verb in _KEYS:
            command += ["--keystone-user", getpass.getuser(), "--keystone-group", grp.getgrgid(os.getgid()).gr_name]
        urls = {f"OS_BOOTSTRAP_{kind}_URL": f"{self._url('keystone')}/v3" for kind in ("PUBLIC", "INTERNAL", "ADMIN")}
        bootstrap = {"OS_BOOTSTRAP_PASSWORD": self._passwords["admin"], "OS_BOOTSTRAP_REGION_ID": "here", **urls}
        env = {**os.environ, **bootstrap}
        ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise RuntimeError(f"{name}-manage {verb}: {ended.stdout[-1_000:]}{ended.stderr[-2_000:]}")

    def _make_people(self) -> None:
        connection = Connection(self._ports["keystone"])
        admin = self._token(connection, "admin", "admin")

        def make(what: str, **fields: Any) -> str:
            body = json.dumps({what: {"domain_id": "default", **fields}})
            answer = connection.expect(201, "POST", f"/v3/{what}s", body, {**_JSON, **admin})
            return str(answer.document[what]["id"])

        roles = connection.expect(200, "GET", "/v3/roles", None, admin).document["roles"]
        ids = {role["name"]: role["id"] for role in roles}
        for name, project, role in (
            ("glance", "service", "admin"),
            ("publisher", "publisher", "member"),
            ("consumer", "consumer", "member"),
        ):
            self._projects[project] = make("project", name=project)
            user = make("user", name=name, password=self._passwords[name])
            path = f"/v3/projects/{self._projects[project]}/users/{user}/roles/{ids[role]}"
            connection.expect(204, "PUT", path, None, admin)
        for name in ("publisher", "consumer"):
            self._tokens[name] = self._token(connection, name, name)

    def _token(self, connection: Connection, user: str, project: str) -> dict[str, str]:
        domain = {"name": "Default"}
        person = {"name": user, "domain": domain, "password": self._passwords[user]}
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": person}},
                "scope": {"project": {"name": project, "domain": domain}},
            }
        }
        answer = connection.expect(201, "POST", "/v3/auth/tokens", json.dumps(body), _JSON)
        return {"X-Auth-Token": answer.headers["X-Subject-Token"]}
