"""Keystone: who there is in the lab, and where its services are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tools.fleet_lab.lab_folder import SECRET, Lab


def prepare_keystone(lab: Lab) -> None:
    conf = lab.write(
        "etc/keystone/keystone.conf",
        f"""
[database]
connection = {lab.database("keystone")}
[cache]
enabled = true
backend = oslo_cache.dict
[fernet_tokens]
key_repository = {lab.folder}/keystone/fernet
[credential]
key_repository = {lab.folder}/keystone/credential
[token]
expiration = 86400
[identity]
password_hash_rounds = 4
[oslo_messaging_notifications]
driver = noop
""",
    )
    manage = ["keystone-manage", "--config-file", str(conf)]
    for kind in ("fernet", "credential"):
        (lab.folder / "keystone" / kind).mkdir(parents=True, exist_ok=True, mode=0o700)
    lab.run(*manage, "db_sync")
    who = ["--keystone-user", "root", "--keystone-group", "root"]
    lab.run(*manage, "fernet_setup", *who)
    lab.run(*manage, "credential_setup", *who)
    lab.run(
        *manage,
        "bootstrap",
        "--bootstrap-password",
        SECRET,
        "--bootstrap-region-id",
        "lab",
        "--bootstrap-public-url",
        f"{lab.url('keystone')}/v3",
        "--bootstrap-internal-url",
        f"{lab.url('keystone')}/v3",
        "--bootstrap-admin-url",
        f"{lab.url('keystone')}/v3",
    )


def people(lab: Lab) -> None:
    """The services' account, the product's account and project, and where its services are."""
    root, token = f"{lab.url('keystone')}/v3", lab.token()

    def make(what: str, body: object) -> Any:
        return lab.call("POST", f"{root}/{what}", token, body)[1]

    for name, given in (("service", ("admin", "service")), ("kunsthalle", ("admin", "member"))):
        make("projects", {"project": {"name": name, "domain_id": "default"}})
        make_user(lab, name, name, given)
    for name, type_, url in (
        ("cinder", "block-storage", f"{lab.url('cinder')}/v3"),
        ("glance", "image", lab.url("glance")),
        ("placement", "placement", lab.url("placement")),
        ("nova", "compute", f"{lab.url('nova')}/v2.1"),
        ("neutron", "network", lab.url("neutron")),
    ):
        service = make("services", {"service": {"name": name, "type": type_}})["service"]["id"]
        for interface in ("public", "internal", "admin"):
            body = {"service_id": service, "interface": interface, "url": url, "region_id": "lab"}
            make("endpoints", {"endpoint": body})


def make_user(lab: Lab, name: str, project: str, roles: Sequence[str]) -> None:
    """A user with these roles in a project, all by their names; what there is already stays."""
    token = lab.token()

    def made(kind: str, name: str, **more: str) -> str:
        url = f"{lab.url('keystone')}/v3/{kind}"
        _, found = lab.call("GET", f"{url}?name={name}", token)
        if found[kind]:
            return str(found[kind][0]["id"])
        key = kind.removesuffix("s")
        return str(lab.call("POST", url, token, {key: {"name": name, **more}})[1][key]["id"])

    place = f"projects/{made('projects', project)}/users/{made('users', name, password=SECRET, domain_id='default')}"
    for role in roles:
        lab.call("PUT", f"{lab.url('keystone')}/v3/{place}/roles/{made('roles', role)}", token)
