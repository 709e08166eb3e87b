"""Which backups stay: the newest ones. What none of them needs goes with the rest."""

from __future__ import annotations

from collections.abc import Callable

from kunsthalle.operator.backups.repositories import Repository


def prune(repository: Repository, keep: int, check: Callable[[], None]) -> list[str]:
    """Remove all but the newest backups, and the bytes that no backup needs; the names of those removed.

    A manifest goes before its bytes. `check` raises where another writer may have come. BadBackup for a manifest that
    cannot be read: then nothing is removed, for nobody knows what it needs.
    """
    manifests = [repository.manifest(name) for name in repository.names()]
    newest_first = sorted(manifests, key=lambda manifest: (manifest.made_at, manifest.name), reverse=True)
    needed = {digest for manifest in newest_first[:keep] for digest in manifest.objects}
    for manifest in newest_first[keep:]:
        check()
        repository.forget(manifest.name)
    for digest in repository.place.sizes().keys() - needed:
        check()
        repository.place.remove(digest)
    return [manifest.name for manifest in newest_first[keep:]]
