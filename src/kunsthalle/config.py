"""Every setting, typed, with one line of help. The command line, the documentation and the tests read this table."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


def _setting(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, slots=True)
class Settings:
    """How one server process runs. Only `data` must be a folder that this process may write to."""

    data: Path = _setting(Path("kunsthalle-data"), "Folder for all data of the server")
    host: str = _setting("127.0.0.1", "Address to listen on; with the API keys of a scenario, loopback addresses only")
    port: int = _setting(8100, "Port to listen on; 0 selects a free port")
    scenario: str = _setting("", "Scenario that the first start creates: 'enterprise'; default: none")
    database: str = _setting("", "PostgreSQL URL (postgresql://…); default: a SQLite file in the data folder")
    master_key_file: str = _setting(
        "",
        "File with the keys that encrypt secrets in the database; all nodes of one database need the same file"
        " (or KUNSTHALLE_MASTER_KEY_FILE); default: master.key in the data folder, which the first start creates",
    )
    blobs: str = _setting(
        "",
        "Store for image data: file:///… or s3://bucket/prefix?endpoint=https://… (credentials from the environment:"
        " KUNSTHALLE_BLOBS_ACCESS_KEY_ID, KUNSTHALLE_BLOBS_SECRET_ACCESS_KEY); default: a folder in the data folder",
    )
    blob_cache: str = _setting("", "Folder for this host's copies of blobs on S3; default: a folder in the data folder")
    blob_cache_gb: int = _setting(100, "Maximum GB (2**30 bytes) of these copies, without the copies in use")
    buckets: str = _setting(
        "",
        "Location of cos:// buckets: s3://{account}-{bucket}?endpoint=https://… or s3://one/{account}/{bucket}?endpoint=…"
        " (credentials: KUNSTHALLE_BUCKETS_ACCESS_KEY_ID, KUNSTHALLE_BUCKETS_SECRET_ACCESS_KEY); default: folders in"
        " the data folder",
    )
    public_url: str = _setting("", "Base URL of hrefs in answers; default: the URL that the client called")
    allowed_hosts: str = _setting(
        "",
        "Further host names that clients may use, separated by commas; loopback names, the address that they called and"
        " the public URL are always allowed; *.example.com allows all subdomains, * all names",
    )
    clock: str = _setting("system", "'system': real time; 'manual': changes only when an operator moves it")
    region: str = _setting("us-south", "Name of the region that this server serves")
    hypervisor: str = _setting("auto", "'auto' (QEMU if installed), 'qemu' or 'simulated'")
    accelerator: str = _setting("auto", "'auto' (KVM if it runs a test guest), 'kvm' or 'tcg'")
    server_memory: int = _setting(4096, "Maximum MiB of memory for one instance, whatever its profile")
    servers_memory: int = _setting(
        0, "Maximum MiB of memory for all running instances; 0: three quarters of the host memory"
    )
    disk_quota: int = _setting(0, "Maximum GB on disk for all volumes and snapshots; 0: no limit")
    volume_quota: int = _setting(0, "Maximum GB of capacity for all volumes; 0: no limit")
    header_timeout: int = _setting(15, "Maximum seconds until the headers of a request have arrived; 0: no limit")
    body_timeout: int = _setting(60, "Maximum seconds until the body of a request has arrived; 0: no limit")
    write_timeout: int = _setting(60, "Maximum seconds in which a client reads nothing of its answer; 0: no limit")
    connections: int = _setting(
        1000, "Maximum open connections; 0, and the upper limit: half of the files that the process may open"
    )
    connections_per_address: int = _setting(
        250,
        "Maximum open connections of one client address (IPv6: of a /64 network); 0: no limit, for a proxy on another"
        " host. With a public URL, loopback addresses have no limit: a proxy on this host calls for all its users",
    )
    audit_days: int = _setting(365, "Days until audit entries are deleted; 0: never")
    disk_reserve: int = _setting(
        1024, "MB (2**20 bytes) of disk space that images, disks and exports leave free for the database"
    )
    account_bucket_gb: int = _setting(
        500, "Maximum GB (2**30 bytes) on disk for the buckets of one account; exports beyond it fail; 0: no limit"
    )
    log: str = _setting("info", "'debug', 'info', 'warning' or 'error'")
    workers: int = _setting(4, "Threads that run jobs, at least 2; one of them runs no imports, exports or disk copies")
    account_jobs: int = _setting(
        1000, "Maximum waiting and running jobs of one account; a further job is refused with 429"
    )
    account_running_jobs: int = _setting(2, "Maximum running jobs of one account, on all nodes")
    account_transfers: int = _setting(50, "Maximum waiting and running imports, exports and disk copies of one account")
    account_transfer_gb: int = _setting(
        1000, "Maximum GB (2**30 bytes) that these imports, exports and disk copies may write"
    )

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data.resolve() / 'kunsthalle.sqlite'}"

    @property
    def master_key_path(self) -> Path:
        return Path(self.master_key_file).resolve() if self.master_key_file else self.data.resolve() / "master.key"

    @property
    def blob_root(self) -> Path:
        return Path(self.blobs.removeprefix("file://")) if self.blobs else self.data.resolve() / "blobs"

    @property
    def cache_root(self) -> Path:
        return Path(self.blob_cache) if self.blob_cache else self.data.resolve() / "blob-cache"


def described() -> list[tuple[str, str, Any]]:
    """Name, help and default of each setting, in the order of the documentation."""
    return [(one.name, str(one.metadata["help"]), one.default) for one in fields(Settings)]
