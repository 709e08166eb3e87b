"""Every setting, typed, with one line of help. The command line, the environment, the file, the documentation and the
tests read this table; `config_sources.py` reads what was set.

A setting is a field of `Settings`, declared with `_setting`. A list of resources, such as the sinks of the audit, is a
field declared with `_sections`: a tuple of a frozen dataclass, whose fields are declared with `_setting` in turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kunsthalle.core import addresses, setting_rules
from kunsthalle.core.hypervisor_names import HYPERVISORS
from kunsthalle.core.masked_values import masked, shown_value
from kunsthalle.core.records import dataclass
from kunsthalle.core.setting_fields import Allowed
from kunsthalle.core.setting_fields import sections as _sections
from kunsthalle.core.setting_fields import setting as _setting
from kunsthalle.core.text_values import SWITCH, boolean, integer

if TYPE_CHECKING:
    from kunsthalle.core.openstack_zones import AvailabilityZones


class BadSetting(ValueError):
    """A value that no server can run with. The message is one line: the option, what was given, what is allowed.

    `place` says where the value was given, if not by its option. The value of a secret is not shown.
    """

    def __init__(self, name: str, value: object, allowed: str, place: str = "", *, secret: bool | None = None) -> None:
        self.name, self.value, self.allowed = name, value, allowed
        self.secret = name in _secrets() if secret is None else secret
        shown = ascii(masked(str(value))) if self.secret else shown_value(str(value))
        super().__init__(f"{place or option(name)} {shown}: {allowed}.")


PREFIX = "KUNSTHALLE_"
FROM_FILE = "_file"
"""What is added to the name of a secret for the setting that names a file with it."""


def option(name: str) -> str:
    """The option of the command line for a setting."""
    return f"--{name.replace('_', '-')}"


def variable(name: str) -> str:
    """The environment variable for a setting."""
    return _VARIABLES.get(name) or PREFIX + name.upper()


@dataclass(frozen=True, slots=True)
class AuditSink:
    """A place outside that events of the audit are sent to."""

    name: str = _setting(
        "", "Its name, which stays: how far it has got is kept under it", allowed=setting_rules.sink_name
    )
    url: str = _setting(
        "",
        "`file:///path` (a JSON object a line), `https://host/path` (POST of a JSON list) or"
        " `syslog+udp://host:514`, `syslog+tcp://host:601`, `syslog+unix:///dev/log` (RFC 5424)",
        allowed=setting_rules.sink_url,
    )
    accounts: str = _setting(
        "", "IDs of accounts, a list or separated by commas: only their events; default: all", several=True
    )
    begin: str = _setting(
        "now", "Where a new sink begins: 'now', or 'oldest' for all entries there are", choices=("now", "oldest")
    )
    token: str = _setting("", "Token that HTTP sends as a bearer", allowed=setting_rules.credential, secret=True)
    ca_file: str = _setting("", "File with the certificates that https trusts; default: those of the system")
    timeout: int = _setting(10, "Seconds for a connection, and for each answer", least=1, most=20)

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """An OpenID Connect provider that people may sign in with. `oidc.providers` knows what else is allowed."""

    name: str = _setting("", "Its name in addresses: a-z, 0-9 and -", allowed=setting_rules.sink_name)
    label: str = _setting("", "Words on the button to sign in; default: its name")
    issuer: str = _setting("", "The provider's own name for itself; https, or http on this host")
    client_id: str = _setting("", "Name of this server at the provider")
    client_secret: str = _setting("", "Secret of this server there; or in a file: client_secret_file", secret=True)
    client_secret_env: str = _setting("", "Environment variable with that secret, instead")
    email_domains: str = _setting("", "Domains whose addresses it may speak for, a list; '*' for all", several=True)
    scopes: str = _setting("openid,email,profile", "What is asked for, a list with openid in it", several=True)
    email_claim: str = _setting("email", "Claim with the address")
    email_verified_claim: str = _setting("email_verified", "Claim that says whether the address is verified")
    name_claim: str = _setting("name", "Claim with the person's name")
    realm: str = _setting("", "What rules of access groups and trusted profiles call it; default: the issuer")
    provision_account: str = _setting("", "Account that somebody unknown becomes a user of; default: they are refused")
    ca_file: str = _setting("", "File with further certificates to trust when it is called")
    leeway_seconds: int = _setting(60, "Seconds by which its clock may differ, either way", most=600)

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True)
class Settings:
    """How one server process runs. Only `data` must be a folder that this process may write to."""

    data: Path = _setting(Path("kunsthalle-data"), "Folder for all data of the server")
    host: str = _setting(
        "127.0.0.1",
        "Address to listen on; with the API keys of a scenario, loopback addresses only, unless --allow-seeded-keys",
        allowed=setting_rules.host,
    )
    tls_cert: str = _setting(
        "",
        "File with the TLS certificate, followed by its chain, in PEM form: serve https with"
        " it; SIGHUP reads both files anew; default: plain http, on loopback addresses or behind --trusted-proxy only",
    )
    tls_key: str = _setting("", "File with the private key of that certificate, in PEM form")
    trusted_proxy: str = _setting(
        "",
        "Address or network of proxies whose X-Forwarded-For, -Proto and -Host are believed; may be repeated, or a list"
        " with commas. Connections from there have no limit per address; the requests in progress of each client have",
        allowed=setting_rules.proxies,
        several=True,
    )
    allow_seeded_keys: bool = _setting(
        False, "Serve the API keys of a scenario on other addresses than loopback, too: whoever reads them may sign in"
    )
    port: int = _setting(8100, "Port to listen on; 0 selects a free port", most=65_535)
    scenario: str = _setting(
        "", "Scenario that the first start creates: 'enterprise'; default: none", choices=("", "enterprise")
    )
    database: str = _setting(
        "",
        "PostgreSQL URL (postgresql://…), which may hold a password; default: a SQLite file in the data folder",
        allowed=setting_rules.database,
        secret=True,
    )
    master_key_file: str = _setting(
        "",
        "File with the keys that encrypt secrets in the database; all nodes of one database need the same file;"
        " default: master.key in the data folder, which the first start creates",
    )
    master_keys: str = _setting(
        "",
        "These keys themselves, newest last, separated by commas or on lines of their own, instead of the file",
        secret=True,
        option=False,
    )
    master_key_command: str = _setting(
        "",
        "Command that prints these keys, a line each, newest last, instead of the file; run without a shell at each"
        " start",
        allowed=setting_rules.command,
    )
    oidc_providers: str = _setting(
        "",
        "TOML file with the OpenID Connect providers that people may sign in with; or the tables `providers` of this"
        " file; default: API keys only",
    )
    blobs: str = _setting(
        "",
        "Store for image data: file:///… or s3://bucket/prefix?endpoint=https://…; default: a folder in the data"
        " folder",
        allowed=setting_rules.blobs,
    )
    blobs_access_key_id: str = _setting(
        "",
        "ID of the access key for that S3 server; default: AWS_ACCESS_KEY_ID",
        allowed=setting_rules.credential,
        option=False,
    )
    blobs_secret_access_key: str = _setting(
        "",
        "Secret of that access key; default: AWS_SECRET_ACCESS_KEY",
        allowed=setting_rules.credential,
        secret=True,
        option=False,
    )
    blob_cache: str = _setting(
        "", "Folder for this host's copies of blobs on S3, at one path on all nodes; default: in the shared folder"
    )
    blob_cache_gb: int = _setting(100, "Maximum GB (2**30 bytes) of these copies, without the copies in use")
    buckets: str = _setting(
        "",
        "Location of cos:// buckets: s3://{account}-{bucket}?endpoint=https://… or s3://one/{account}/{bucket}?endpoint=…;"
        " default: folders in the data folder",
        variable="KUNSTHALLE_BUCKETS_URL",  # clients know their own buckets by KUNSTHALLE_BUCKETS
    )
    buckets_access_key_id: str = _setting(
        "",
        "ID of the access key for that S3 server; default: AWS_ACCESS_KEY_ID",
        allowed=setting_rules.credential,
        option=False,
    )
    buckets_secret_access_key: str = _setting(
        "",
        "Secret of that access key; default: AWS_SECRET_ACCESS_KEY",
        allowed=setting_rules.credential,
        secret=True,
        option=False,
    )
    backup_place: str = _setting(
        "",
        "Where kunsthalle backup keeps backups: a folder, or `s3://bucket/prefix?endpoint=…`",
        allowed=setting_rules.blobs,
        option=False,
    )
    backups_access_key_id: str = _setting(
        "",
        "ID of the access key for that S3 server; default: AWS_ACCESS_KEY_ID",
        allowed=setting_rules.credential,
        option=False,
    )
    backups_secret_access_key: str = _setting(
        "",
        "Secret of that access key; default: AWS_SECRET_ACCESS_KEY",
        allowed=setting_rules.credential,
        secret=True,
        option=False,
    )
    schema_upgrade: str = _setting(
        "auto",
        "'auto': a start brings the database of an older release to this one's schema; 'never': it refuses, and"
        " kunsthalle migrate does it",
        choices=("auto", "never"),
    )
    shared_folder: str = _setting(
        "",
        "Folder that all nodes of one PostgreSQL database have in common: disks, machines, saved states, credentials,"
        " the master key, and buckets without --buckets; default: the data folder",
    )
    public_url: str = _setting(
        "", "Base URL of hrefs in answers; default: the URL that the client called", allowed=setting_rules.public_url
    )
    allowed_hosts: str = _setting(
        "",
        "Further host names that clients may use, separated by commas; loopback names, the address that they called and"
        " the public URL are always allowed; *.example.com allows all subdomains, * all names",
        allowed=setting_rules.host_names,
        reload=True,
    )
    clock: str = _setting(
        "system", "'system': real time; 'manual': changes only when an operator moves it", choices=("system", "manual")
    )
    region: str = _setting("us-south", "Name of the region that this server serves", allowed=setting_rules.region)
    hypervisor: str = _setting(
        "auto",
        "; ".join(
            [
                f"'auto' (QEMU if installed), {', '.join(map(repr, HYPERVISORS))}",
                *(f"{name!r} needs kunsthalle[{row.extra}]" for name, row in HYPERVISORS.items() if row.extra),
            ]
        ),
        choices=("auto", *HYPERVISORS),
    )
    openstack_cloud: str = _setting(
        "",
        "Entry of clouds.yaml for --hypervisor openstack; default: OS_CLOUD, or the variables OS_AUTH_URL and others",
    )
    openstack_zones: str = _setting(
        "",
        "Availability zones of the OpenStack for zones of the region, as us-south-1=az1, or us-south-1=az1:nova where"
        " Cinder calls it otherwise than Nova; may be repeated, or a list with commas; a zone that is not named is"
        " wherever the cloud puts what is in it",
        allowed=setting_rules.openstack_zones,
        several=True,
    )
    simulated_hosts: int = _setting(1, "Hosts of 'simulated', to rehearse the loss of one", least=1, most=64)
    accelerator: str = _setting(
        "auto", "'auto' (KVM if it runs a test guest), 'kvm' or 'tcg'", choices=("auto", "kvm", "tcg")
    )
    server_memory: int = _setting(4096, "Maximum MiB of memory for one instance, whatever its profile", least=1)
    servers_memory: int = _setting(
        0, "Maximum MiB of memory for all running instances; 0: three quarters of the host memory"
    )
    disk_quota: int = _setting(0, "Maximum GB on disk for all volumes and snapshots; 0: no limit")
    volume_quota: int = _setting(0, "Maximum GB of capacity for all volumes; 0: no limit")
    header_timeout: int = _setting(
        15,
        "Maximum seconds for a TLS handshake, and until the headers of a request have arrived; 0: no limit",
        reload=True,
    )
    body_timeout: int = _setting(60, "Maximum seconds until a request's body has arrived; 0: no limit", reload=True)
    write_timeout: int = _setting(
        60, "Maximum seconds in which a client reads nothing of its answer; 0: no limit", reload=True
    )
    connections: int = _setting(
        1000,
        "Maximum open connections; 0, and the upper limit: half of the files that the process may open",
        reload=True,
    )
    connections_per_address: int = _setting(
        250,
        "Maximum open connections of one client address (IPv6: of a /64 network); 0: no limit, for a proxy on another"
        " host. With a public URL, loopback addresses have no limit: a proxy on this host calls for all its users",
        reload=True,
    )
    account_rate: int = _setting(
        0,
        "Maximum requests of one account in a minute, on each node, ten seconds' worth of them at once; a further one"
        " is answered with 429; 0: no limit",
        reload=True,
    )
    address_rate: int = _setting(
        0,
        "Maximum requests in a minute without an accepted token, sign-ins included, of one client address (IPv6: of a"
        " /64 network), on each node; 0: no limit. With a public URL, loopback addresses have no limit",
        reload=True,
    )
    refusal_pause: int = _setting(
        1000,
        "Maximum milliseconds that a refusal waits when a busy account, or an address, is refused again and again"
        " while others ask; 0: none",
        most=10_000,
        reload=True,
    )
    waiting_requests: int = _setting(
        500, "Maximum requests that wait for the database; a further one is answered with 503", least=1, reload=True
    )
    waiting_seconds: int = _setting(
        10,
        "Seconds that a request waits for its turn at the database until it is answered with 503",
        least=1,
        most=3600,
        reload=True,
    )
    reclamation_period: str = _setting(
        "7d",
        "How long a deleted catalog manages its images and can be restored, such as 7d or PT1H",
        allowed=setting_rules.duration,
    )
    signing_key_days: int = _setting(
        0, "Days after which the key that signs tokens is replaced; 0: by 'kunsthalle keys rotate' alone", most=3650
    )
    audit_days: int = _setting(365, "Days until audit entries are deleted; 0: never", reload=True)
    audit_unsent_days: int = _setting(
        30, "Days that entries which one of audit_sinks has not received are kept beyond audit_days", reload=True
    )
    audit_sinks: tuple[AuditSink, ...] = _sections(
        AuditSink, "Places outside that events of the audit are sent to, in the form of IBM's Activity Tracker (CADF)"
    )
    providers: tuple[IdentityProvider, ...] = _sections(
        IdentityProvider, "OpenID Connect providers that people may sign in with, beside those of oidc_providers"
    )
    disk_reserve: int = _setting(
        1024, "MB (2**20 bytes) of disk space that images, disks and exports leave free for the database", reload=True
    )
    account_bucket_gb: int = _setting(
        500, "Maximum GB (2**30 bytes) on disk for the buckets of one account; exports beyond it fail; 0: no limit"
    )
    log: str = _setting(
        "info", "'debug', 'info', 'warning' or 'error'", choices=("debug", "info", "warning", "error"), reload=True
    )
    log_format: str = _setting(
        "auto",
        "'json': a JSON object a line; 'text': lines for people, and a greeting; 'auto': text on a terminal, else JSON",
        choices=("auto", "json", "text"),
    )
    access_log: str = _setting(
        "on",
        "'on': a line for each request (method, route, status, milliseconds, account, client, trace) at level info; or"
        " 'off'",
        choices=("on", "off"),
        reload=True,
    )
    metrics: str = _setting(
        "on",
        "'on': counts and durations for Prometheus at /metrics, for the operator's token and that of metrics_token; or"
        " 'off'",
        choices=("on", "off"),
    )
    metrics_token: str = _setting(
        "",
        "Token that scrapers of /metrics give as a bearer",
        allowed=setting_rules.credential,
        secret=True,
        option=False,
    )
    metrics_port: int = _setting(
        0,
        "Port of its own for /metrics, with plain http; without metrics_token everybody who reaches it may read; 0: the"
        " port of the APIs",
        most=65_535,
    )
    metrics_host: str = _setting(
        "127.0.0.1",
        "Address of that port; other addresses than loopback need metrics_token",
        allowed=setting_rules.host,
    )
    metrics_accounts: bool = _setting(
        False, "Have the metrics also count jobs, images and instances of each account, by its id"
    )
    traces: str = _setting(
        "",
        "Address that traces are sent to, over OTLP/HTTP, as http://127.0.0.1:4318/v1/traces; needs"
        " kunsthalle[tracing]; default: none",
        allowed=setting_rules.traces,
    )
    traces_token: str = _setting(
        "", "Token that the collector is given as a bearer", allowed=setting_rules.credential, secret=True, option=False
    )
    traces_percent: int = _setting(100, "How many of a hundred traces are sent, each whole or not at all", most=100)
    workers: int = _setting(
        4, "Threads that run jobs, at least 2; one of them runs no imports, exports or disk copies", least=2, most=1024
    )
    job_lease: int = _setting(
        30,
        "Seconds after which other nodes take over the jobs of a node that was killed, stands still, or has lost the"
        " database",
        least=2,
        most=3600,
    )
    account_jobs: int = _setting(
        1000, "Maximum waiting and running jobs of one account; a further job is refused with 429", least=1, reload=True
    )
    account_running_jobs: int = _setting(2, "Maximum running jobs of one account, on all nodes", least=1, reload=True)
    account_transfers: int = _setting(
        50, "Maximum waiting and running imports, exports and disk copies of one account", least=1, reload=True
    )
    account_transfer_gb: int = _setting(
        1000, "Maximum GB (2**30 bytes) that these imports, exports and disk copies may write", least=1, reload=True
    )
    account_quota: str = _setting(
        "",
        "How much each account may have, as images=100 or vcpus=64; may be repeated, or a list with commas: images,"
        " image_gb, volumes, snapshots, instances, vcpus, keys, vpcs, catalogs, offerings, api_keys; what is not named"
        " has no limit; `kunsthalle quota set` changes it for one account",
        allowed=setting_rules.quotas,
        several=True,
        reload=True,
    )

    def __post_init__(self) -> None:
        """BadSetting for the first value that is not allowed."""
        check_fields(self)
        if bool(self.tls_cert) != bool(self.tls_key):
            present, missing = ("tls_cert", "tls_key") if self.tls_cert else ("tls_key", "tls_cert")
            raise BadSetting(present, getattr(self, present), f"give {option(missing)}, too, or neither")
        sources = [name for name in ("master_key_file", "master_keys", "master_key_command") if getattr(self, name)]
        if len(sources) > 1:
            raise BadSetting(sources[1], getattr(self, sources[1]), f"give either it or {sources[0]}")
        if self.metrics_port and not self.metrics_token and not addresses.is_loopback(self.metrics_host):
            raise BadSetting("metrics_host", self.metrics_host, "give metrics_token, too, or a loopback address")
        try:
            _ = self.availability_zones
        except ValueError as error:
            raise BadSetting("openstack_zones", self.openstack_zones, str(error)) from error

    @property
    def availability_zones(self) -> Mapping[str, AvailabilityZones]:
        """The availability zones of an OpenStack, by the zones of the region. BadZone for a zone of another region."""
        if not self.openstack_zones:
            return {}
        from kunsthalle.core.openstack_zones import parse  # the other verbs start sooner without
        from kunsthalle.core.regions import REGIONS

        return parse(self.openstack_zones, REGIONS[self.region].zones)

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data.resolve() / 'kunsthalle.sqlite'}"

    def s3_keys(self, name: str, environment: Mapping[str, str]) -> Mapping[str, str]:
        """The environment with the access key of `blobs`, `buckets` or `backups`, wherever that was set."""
        id_, secret = (getattr(self, f"{name}_{part}") for part in ("access_key_id", "secret_access_key"))
        prefix = f"{PREFIX}{name.upper()}"
        pair = {f"{prefix}_ACCESS_KEY_ID": id_, f"{prefix}_SECRET_ACCESS_KEY": secret}
        return {**environment, **{key: value for key, value in pair.items() if value}}

    @property
    def shared_root(self) -> Path:
        """What all nodes of a database have in common; of one node, its data folder."""
        return (Path(self.shared_folder) if self.shared_folder else self.data).resolve()

    @property
    def proxies(self) -> tuple[addresses.Network, ...]:
        return addresses.networks(self.trusted_proxy)

    @property
    def master_key_path(self) -> Path:
        return Path(self.master_key_file).resolve() if self.master_key_file else self.shared_root / "master.key"

    @property
    def blob_root(self) -> Path:
        return Path(self.blobs.removeprefix("file://")) if self.blobs else self.data.resolve() / "blobs"

    @property
    def cache_root(self) -> Path:
        return Path(self.blob_cache) if self.blob_cache else self.shared_root / "blob-cache"


@dataclass(frozen=True, slots=True)
class Description:
    """What is to be known of a setting: its name, a line of help, its default, its values where they are few, and
    what `_setting` was told of it. `section` is the dataclass of a list of resources.
    """

    name: str
    help: str
    default: Any
    choices: tuple[str, ...]
    several: bool
    secret: bool
    reload: bool
    option: bool
    section: type | None


@cache
def described(table: type | None = None) -> tuple[Description, ...]:
    """Every setting, in the order of the documentation; those of a section if its dataclass is given."""
    return tuple(
        Description(
            setting.name,
            setting.metadata["help"],
            setting.default,
            setting.metadata["choices"],
            setting.metadata["several"],
            setting.metadata["secret"],
            setting.metadata["reload"],
            setting.metadata["option"],
            setting.metadata["section"],
        )
        for setting in fields(table or Settings)
    )


@cache
def _secrets() -> frozenset[str]:
    return frozenset(setting.name for setting in described() if setting.secret)


_VARIABLES: dict[str, str] = {setting.name: setting.metadata["variable"] for setting in fields(Settings)}


def check_fields(record: Any) -> None:
    """BadSetting for the first field of a record of settings whose value is not allowed."""
    for setting in fields(record):
        _check(setting, getattr(record, setting.name))


def check(name: str, value: Any, table: type | None = None) -> None:
    """BadSetting for a value that is not allowed, whatever machine it is."""
    _check(_field(name, table), value)


def _check(setting: Field[Any], value: Any) -> None:
    rule: Allowed | None = setting.metadata["allowed"]
    text = rule(value) if rule is not None else ""
    if text:
        if setting.metadata["section"] is not None:  # by their names: the records may hold secrets
            value = ", ".join(record.name for record in value)
        raise BadSetting(setting.name, value, text, secret=setting.metadata["secret"])


def _field(name: str, table: type | None) -> Field[Any]:
    return next(setting for setting in fields(table or Settings) if setting.name == name)


def parse(name: str, text: str, table: type | None = None) -> Any:
    """The value of a setting from text. BadSetting where the text is no such value, or not allowed."""
    value: Any = text
    setting = _field(name, table)
    default = setting.default
    if isinstance(default, Path):
        value = Path(text)
    elif isinstance(default, bool):
        value = boolean(text, SWITCH)
        value = text if value is None else value
    elif isinstance(default, int) and (number := integer(text)) is not None:
        value = number
    _check(setting, value)
    return value
