"""`kunsthalle account`: the operator's way to a first account and a first key."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import click

from kunsthalle.cli import common
from kunsthalle.cli.setting_options import offline
from kunsthalle.local import folder
from kunsthalle.local.client import CallFailed
from kunsthalle.local.master_keys import MasterKeyError
from kunsthalle.local.text_tables import line

if TYPE_CHECKING:
    from kunsthalle.db.session import Session

_PATH, _KEYS_PATH = "/_kunsthalle/accounts", "/_kunsthalle/api_keys"
_ACCOUNT_COLUMNS = ("NAME", "ID", "OWNER", "ENTERPRISE", "PARENT")
_KEY_COLUMNS = ("ID", "NAME", "IAM ID", "CREATED AT", "STATE")
_OFFLINE = click.option("--offline", is_flag=True, help="Work on a folder that no server uses")
_DATABASE = click.option("--database", default="", help="With --offline: as for serve")
_KEEP = "Keep it now: nothing shows it again. Give it to {user} and to nobody else."
Doc = dict[str, Any]


class _Server:
    """Calls of a running server with the operator's token, or the same work on the folder of a stopped one."""

    def __init__(self, data: Path, offline: bool, database: str, master_key_file: str) -> None:
        self._data, self._is_offline = data, offline
        self._places = {"data": data, "database": database, "master_key_file": master_key_file}

    def call(self, method: str, path: str, body: Doc | None, work: Callable[[Session], Any]) -> Any:
        """`work` is what the route of that call does, for a folder without a server."""
        return self._offline(work, writes=method != "GET") if self._is_offline else self._online(method, path, body)

    def _online(self, method: str, path: str, body: Doc | None) -> Any:
        try:
            return common.operate(self._data, method, path, body)
        except click.ClickException as failure:
            cause = failure.__cause__
            if isinstance(cause, folder.NoSuchWorld):
                raise click.ClickException(_no_data(self._data)) from failure
            if isinstance(cause, CallFailed) and 400 <= cause.status < 500:
                raise common.Refused(failure.message) from failure
            raise

    def _offline(self, work: Callable[[Session], Any], *, writes: bool) -> Any:
        import msgspec

        from kunsthalle.app import build
        from kunsthalle.cli.log_format import set_up
        from kunsthalle.core.errors import Problem

        set_up("error")
        if not folder.read(self._data, folder.CREDENTIALS):
            raise click.ClickException(_no_data(self._data))
        try:
            lock = folder.lock(self._data)
        except folder.FolderInUse as error:
            raise click.ClickException(f"A server uses {self._data}. Stop it, or leave out --offline.") from error
        try:
            server = build(offline(**self._places), "")
            with contextlib.closing(server.store) as store:
                return msgspec.to_builtins((store.write if writes else store.read)(server.base, work))
        except Problem as problem:
            raise common.Refused(problem.message) from problem
        except MasterKeyError as error:
            raise click.ClickException(str(error)) from error
        finally:
            os.close(lock)


def _no_data(data: Path) -> str:
    return f"{data} contains no data. Start the server: kunsthalle serve --data {data}"


def _on_server(function: Any) -> Any:
    """The options that say which server, or which folder, is meant."""
    for option in reversed((common.DATA, _OFFLINE, _DATABASE, common.KEY_FILE, common.OUTPUT)):
        function = option(function)
    return function


@click.group()
def account() -> None:
    """Create accounts and first API keys, with the operator's token.

    \b
    kunsthalle account create acme --owner ada@example.com
    kunsthalle account list
    kunsthalle account key create acme --user ben@example.com
    kunsthalle account key revoke ApiKey-…
    """


@account.command()
@click.argument("name")
@click.option("--owner", required=True, metavar="MAIL", help="E-mail address that the owner signs in as")
@click.option("--enterprise", default="", help="Name or id of the enterprise; default: none")
@click.option("--parent", default="", help="Name, id or CRN of an account group of the enterprise; default: its root")
@_on_server
def create(name: str, owner: str, enterprise: str, parent: str, output: str, **where: Any) -> None:
    """Create account NAME, its owner, and the owner's API key, which is printed this once."""
    body = {"name": name, "owner": owner, "enterprise": enterprise, "parent": parent}

    def work(session: Session) -> Any:
        from kunsthalle.operator import accounts, routes_accounts

        request = _checked(routes_accounts.NewAccountRequest, body)
        return routes_accounts.made_response(accounts.create_account(session, routes_accounts.prototype(request)))

    _say_made(_Server(**where).call("POST", _PATH, body, work), output)


@account.command(name="list")
@common.filters(_PATH, "name")
@_on_server
def list_(name: str, output: str, **where: Any) -> None:
    """List the accounts."""

    def work(session: Session) -> Any:
        from kunsthalle.operator import accounts, routes_accounts

        account_details = accounts.list_accounts(session, name)
        return {"accounts": [routes_accounts.account_response(account_detail) for account_detail in account_details]}

    query = f"?{urlencode({'name': name})}" if name else ""
    listed = _Server(**where).call("GET", _PATH + query, None, work)["accounts"]
    fields = ("name", "id", "owner", "enterprise", "parent")
    rows = [[row.get(field, "") for field in fields] for row in listed]
    click.echo(common.as_json(listed) if output == "json" else common.table(_ACCOUNT_COLUMNS, rows))


@account.group()
def key() -> None:
    """Create, list or revoke API keys of the people of an account.

    A person who was invited and has no key anywhere gets the first one here, and accepts the invitation with it.

    \b
    kunsthalle account key create acme --user ben@example.com
    kunsthalle account key list acme
    kunsthalle account key revoke ApiKey-…
    """


@key.command(name="create")
@click.argument("account_name", metavar="ACCOUNT")
@click.option("--user", required=True, metavar="MAIL", help="E-mail address that the user signs in as")
@click.option("--name", default="made by the operator", show_default=True, help="Name of the key")
@_on_server
def create_key(account_name: str, user: str, name: str, output: str, **where: Any) -> None:
    """Create an API key of a user of ACCOUNT (a name or an id), which is printed this once."""
    body = {"account": account_name, "user": user, "name": name}

    def work(session: Session) -> Any:
        from kunsthalle.operator import accounts, routes_accounts

        request = _checked(routes_accounts.NewKeyRequest, body)
        return routes_accounts.made_response(accounts.create_key(session, request.account, request.user, request.name))

    _say_made(_Server(**where).call("POST", _KEYS_PATH, body, work), output)


@key.command(name="list")
@click.argument("account_name", metavar="ACCOUNT")
@common.filters(_KEYS_PATH, "user")
@_on_server
def list_keys(account_name: str, user: str, output: str, **where: Any) -> None:
    """List the newest API keys of ACCOUNT (a name or an id), without their secrets."""

    def work(session: Session) -> Any:
        from kunsthalle.operator import accounts, routes_accounts

        here = accounts.find_account(session, account_name)
        page = accounts.keys_of(session, here, user, None, routes_accounts.MOST_KEYS)
        return {"api_keys": [routes_accounts.key_response(api_key) for api_key in page.items]}

    path = f"{_KEYS_PATH}?{urlencode({'account': account_name, 'user': user})}"
    api_keys = _Server(**where).call("GET", path, None, work)["api_keys"]
    rows = [
        [api_key["id"], api_key["name"], api_key["iam_id"], api_key["created_at"], _state(api_key)]
        for api_key in api_keys
    ]
    click.echo(common.as_json(api_keys) if output == "json" else common.table(_KEY_COLUMNS, rows))


@key.command()
@click.argument("id_", metavar="ID")
@_on_server
def revoke(id_: str, output: str, **where: Any) -> None:
    """Delete API key ID, also a locked one. Its tokens end."""

    def work(session: Session) -> Any:
        from kunsthalle.operator import accounts, routes_accounts

        return routes_accounts.key_response(accounts.revoke_key(session, id_))

    gone = _Server(**where).call("DELETE", f"{_KEYS_PATH}/{quote(id_, safe='')}", None, work)
    click.echo(common.as_json(gone) if output == "json" else f"Revoked: {line(gone['id'])}")


def _checked(kind: Any, body: Doc) -> Any:
    """The body as the route's own rules read it."""
    from kunsthalle.api.serialization import decode, encode

    return decode(encode(body), kind)


def _state(key: Doc) -> str:
    marks = [mark for mark in ("disabled", "locked") if key[mark]]
    return ", ".join(marks) or "enabled"


def _say_made(made: Doc, output: str) -> None:
    if output == "json":
        click.echo(common.as_json(made))
        return
    shown = [
        ("Account", f"{made['account']} ({made['account_id']})"),
        ("User", f"{made['user']} ({made['iam_id']})"),
        ("API key", made["api_key"]),
        ("Key id", made["api_key_id"]),
    ]
    click.echo(common.details(shown))
    click.echo(_KEEP.format(user=line(made["user"])), err=True)
    if made["user_state"] == "PENDING":
        click.echo(f"Until they accept the invitation to {made['account_id']}, it is good for that alone.", err=True)
