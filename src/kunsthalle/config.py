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

    data: Path = _setting(Path("kunsthalle-data"), "Folder of everything the server keeps")
    host: str = _setting("127.0.0.1", "Address to listen on; elsewhere than loopback only without seeded keys")
    port: int = _setting(8100, "Port to listen on; 0 takes a free one")
    scenario: str = _setting("", "What a first start makes: 'enterprise', or nothing")
    database: str = _setting("", "postgresql://… ; without it a SQLite file in the data folder")
    master_key_file: str = _setting(
        "",
        "File of the keys that secrets in the database are encrypted with, the same one for every node of a database"
        " (or KUNSTHALLE_MASTER_KEY_FILE); without it master.key in the data folder, which the first start makes",
    )
    blobs: str = _setting(
        "",
        "Where image bytes are kept: file:///… or s3://bucket/prefix?endpoint=https://… (keys in the environment:"
        " KUNSTHALLE_BLOBS_ACCESS_KEY_ID, KUNSTHALLE_BLOBS_SECRET_ACCESS_KEY); without it a folder in the data folder",
    )
    blob_cache: str = _setting("", "Folder of this host's copies of blobs on S3; without it one in the data folder")
    blob_cache_gb: int = _setting(100, "GB (2**30 bytes) that these copies may take, beside those that are in use")
    buckets: str = _setting(
        "",
        "Where cos:// leads: s3://{account}-{bucket}?endpoint=https://… or s3://one/{account}/{bucket}?endpoint=…"
        " (keys: KUNSTHALLE_BUCKETS_ACCESS_KEY_ID, KUNSTHALLE_BUCKETS_SECRET_ACCESS_KEY); without it folders in the"
        " data folder",
    )
    public_url: str = _setting("", "The address clients call, for hrefs; without it the one they called")
    allowed_hosts: str = _setting(
        "",
        "Names that clients may call the server by, separated by commas, beside loopback names, the address that they"
        " called and the public URL; *.example.com allows what is below it, * every name",
    )
    clock: str = _setting("system", "'system' runs with real time, 'manual' stands still until it is moved")
    region: str = _setting("us-south", "The region this server is")
    hypervisor: str = _setting("auto", "'auto' (QEMU where installed), 'qemu' or 'simulated'")
    accelerator: str = _setting("auto", "'auto' (KVM where it really runs a guest), 'kvm' or 'tcg'")
    server_memory: int = _setting(4096, "MiB of memory that one server gets at most, whatever its profile promises")
    servers_memory: int = _setting(0, "MiB that running servers have together; 0 takes three quarters of the host's")
    disk_quota: int = _setting(0, "GB that disks of volumes and snapshots may really take; 0 sets no bound")
    volume_quota: int = _setting(0, "GB that volumes may have together, by their capacity; 0 sets no bound")
    header_timeout: int = _setting(15, "Seconds in which a request's headers must arrive; 0 sets no bound")
    body_timeout: int = _setting(60, "Seconds in which a request's body must arrive; 0 sets no bound")
    write_timeout: int = _setting(60, "Seconds that a client may read nothing of its answer; 0 sets no bound")
    connections: int = _setting(
        1000, "Connections open at a time; at most half of the files that the process may open, which 0 takes"
    )
    connections_per_address: int = _setting(
        250,
        "Connections of one client address (IPv6: of one /64 network); 0 sets no bound, as behind a proxy on another"
        " host. With a public URL, loopback addresses have no such bound: a proxy on this host calls for all its users",
    )
    audit_days: int = _setting(365, "Days that entries of the audit are kept; 0 keeps them for ever")
    disk_reserve: int = _setting(
        1024, "MB (2**20 bytes) of the disk that images, disks and exports leave free, so that the database has room"
    )
    account_bucket_gb: int = _setting(
        500, "GB (2**30 bytes) of this disk that an account's buckets may take before exports fail; 0 sets no bound"
    )
    log: str = _setting("info", "'debug', 'info', 'warning' or 'error'")
    workers: int = _setting(4, "Threads that run jobs, at least 2: one runs no imports, exports and copies of disks")
    account_jobs: int = _setting(1000, "Jobs of one account that wait or run; one more is refused with 429")
    account_running_jobs: int = _setting(2, "Jobs of one account that run at a time, on all nodes together")
    account_transfers: int = _setting(50, "Imports, exports and copies of disks of one account that wait or run")
    account_transfer_gb: int = _setting(1000, "GB (2**30 bytes) that these may write together")

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
