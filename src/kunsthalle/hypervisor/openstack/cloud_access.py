"""Which cloud, which project and who we are there: an entry of a `clouds.yaml`, or the variables `OS_*`.

Both are read as the command line tools of OpenStack read them: https://docs.openstack.org/python-openstackclient and
https://docs.openstack.org/openstacksdk/latest/user/config/configuration.html. What a `clouds.yaml` holds is secret.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kunsthalle.core.records import dataclass
from kunsthalle.hypervisor.protocol import BadSpec, Unavailable

if TYPE_CHECKING:
    from kunsthalle.hypervisor.openstack.cloud_client import Cloud

_PREFIX = "OS_"
_FILE_VARIABLE, _CLOUD_VARIABLE = "OS_CLIENT_CONFIG_FILE", "OS_CLOUD"
_PLACES = (Path("clouds.yaml"), Path("~/.config/openstack/clouds.yaml"), Path("/etc/openstack/clouds.yaml"))
_SECRETS = "secure.yaml"
"""Beside the file, with the secrets of its entries."""

_INTERFACES = ("public", "internal", "admin")
_YES, _NO = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})
_PASSWORDS = frozenset({"password", "v3password"})
_PASSWORD_NEEDS = (("username", "user_id", "user_name"), ("password",), ("project_name", "project_id", "tenant_name"))
"""What nobody comes into a project without who has a password; keystoneauth1 misses it in the middle of a call only."""


@dataclass(frozen=True, slots=True)
class CloudEntry:
    """A project of a cloud and who we are in it. `auth` are options of the plugin `auth_type` of keystoneauth1.

    `verify` is whether certificates are checked, or the file of those that are trusted.
    """

    auth_type: str
    auth: Mapping[str, Any] = field(repr=False)
    region: str | None
    interface: str
    verify: bool | str


def find_cloud(name: str, environment: Mapping[str, str]) -> CloudEntry:
    """
    The entry `name`, or that of `OS_CLOUD`, or what the variables say. It is checked as far as it can be without a
    call. BadSpec where it is incomplete, in words that hold no secret; Unavailable without keystoneauth1.
    """
    chosen = name or environment.get(_CLOUD_VARIABLE, "")
    entry = _of_file(chosen, environment) if chosen else _of_variables(environment)
    _plugin(entry)
    return entry


def open_cloud(entry: CloudEntry, call_seconds: float | None = None) -> Cloud:
    """A client for an entry, whose calls may take so long. Nothing is called yet: a cloud that is away is no reason not
    to start.
    """
    plugin = _plugin(entry)
    from keystoneauth1.session import Session

    from kunsthalle.hypervisor.openstack.cloud_client import CALL_SECONDS, Cloud, CloudConnections

    known: dict[str, Any] = {"session": CloudConnections(str(entry.auth.get("auth_url", "")))}
    seconds = call_seconds or CALL_SECONDS
    session = Session(auth=plugin, verify=entry.verify, timeout=seconds, app_name="kunsthalle", **known)
    return Cloud(session, time.sleep, entry.region, entry.interface, seconds)


def _plugin(entry: CloudEntry) -> Any:
    try:
        from keystoneauth1 import exceptions, loading
    except ModuleNotFoundError as error:
        raise Unavailable("it needs keystoneauth1; pip install 'kunsthalle[openstack]'") from error
    if entry.auth_type in _PASSWORDS:
        missing = [names[0] for names in _PASSWORD_NEEDS if not any(name in entry.auth for name in names)]
        if missing:
            raise BadSpec(f"the access to the cloud lacks {', '.join(missing)}")
    try:
        loader: Any = loading.get_plugin_loader(entry.auth_type)
        return loader.load_from_options_getter(lambda option: _option(entry.auth, option))
    except exceptions.NoMatchingPlugin as error:
        raise BadSpec(f"keystoneauth1 has no auth_type {entry.auth_type!a}") from error
    except exceptions.MissingRequiredOptions as error:
        raise BadSpec(f"the access to the cloud lacks {', '.join(option.dest for option in error.options)}") from error
    except exceptions.OptionError as error:
        raise BadSpec(f"the access to the cloud: {error}") from error


def _option(auth: Mapping[str, Any], option: Any) -> Any:
    """The value of an option of a plugin. Names of users and projects are those of the domain `default`, if of none."""
    names = (option.dest, *(former.dest for former in option.deprecated))
    value = next((auth[name] for name in names if name in auth), None)
    if value is None and option.dest == "default_domain_id" and "default_domain_name" not in auth:
        return "default"
    return value


def _of_variables(environment: Mapping[str, str]) -> CloudEntry:
    known = {key.removeprefix(_PREFIX).lower(): value for key, value in environment.items() if key.startswith(_PREFIX)}
    if not known.get("auth_url"):
        raise BadSpec("give --openstack-cloud an entry of clouds.yaml, or set OS_CLOUD, or OS_AUTH_URL and its like")
    return _entry({**known, "auth": known})


def _of_file(name: str, environment: Mapping[str, str]) -> CloudEntry:
    named = environment.get(_FILE_VARIABLE)
    path = (
        Path(named) if named else next((place.expanduser() for place in _PLACES if place.expanduser().exists()), None)
    )
    if path is None:
        raise BadSpec(f"there is no clouds.yaml for the cloud {name!a}; {_FILE_VARIABLE} may name one")
    clouds = _clouds(path)
    if name not in clouds:
        raise BadSpec(f"{path} has no cloud {name!a}")
    secrets = _clouds(path.with_name(_SECRETS)) if path.with_name(_SECRETS).exists() else {}
    return _entry(_merged(_mapping(clouds[name], path), _mapping(secrets.get(name, {}), path)))


def _clouds(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise BadSpec(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}") from error
    except yaml.YAMLError as error:  # whose words show lines of the file
        raise BadSpec(f"{path} is no YAML") from error
    return _mapping(_mapping(content, path).get("clouds", {}), path)


def _mapping(value: Any, path: Path) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadSpec(f"{path} is no clouds.yaml: a mapping is missing in it")
    return value


def _merged(entry: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    both = {**entry, **more}
    for key in entry.keys() & more.keys():
        if isinstance(entry[key], dict) and isinstance(more[key], dict):
            both[key] = _merged(entry[key], more[key])
    return both


def _entry(known: Mapping[str, Any]) -> CloudEntry:
    interface = str(known.get("interface") or _INTERFACES[0]).removesuffix("URL")
    if interface not in _INTERFACES:
        raise BadSpec(f"the interface of the cloud is {interface!a}; give one of {', '.join(_INTERFACES)}")
    auth = known.get("auth", {})
    if not isinstance(auth, dict):
        raise BadSpec("the entry of the cloud has no mapping auth")
    return CloudEntry(
        auth_type=str(known.get("auth_type") or "password"),
        auth={key: value for key, value in auth.items() if value not in (None, "")},
        region=known.get("region_name") or None,
        interface=interface,
        verify=_verify(known),
    )


def _verify(known: Mapping[str, Any]) -> bool | str:
    unchecked = str(known.get("insecure", False)).lower() in _YES or str(known.get("verify", True)).lower() in _NO
    return not unchecked and (known.get("cacert") or True)
