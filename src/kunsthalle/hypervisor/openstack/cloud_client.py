"""Calls of an OpenStack, and what goes wrong in them in the engine's words.

Every call has a timeout: a host that is dead keeps Nova waiting for more than a minute.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, BinaryIO

from keystoneauth1 import exceptions
from keystoneauth1.session import Session, TCPKeepAliveAdapter
from requests import PreparedRequest, RequestException, Response
from requests import Session as Connections

from kunsthalle.core import trace_parents
from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import MIB
from kunsthalle.hypervisor.protocol import HypervisorError, NoAnswer, Unresponsive

CALL_SECONDS = 30.0
TRANSFER_SECONDS = 120.0
"""Without a byte, of calls that carry the content of an image."""

COMPUTE, BLOCKS = "compute", "block-storage"
"""The types of the services of Nova and Cinder."""

_MICROVERSIONS = {COMPUTE: "compute 2.96", BLOCKS: "volume 3.59"}
"""By the type of the service, what is asked of it: host states and tags of servers, growth of disks in use."""

_BOUNDED = {HTTPStatus.FORBIDDEN, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
"""Nova's and Cinder's answers where a quota is used up; the former has other meanings, too."""

_AWAY = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
"""What whoever stands in front of a service answers while it is away."""

_CHUNK = MIB
_FIRST_PAUSE, _LONGEST_PAUSE = 0.04, 2.0
_LONGER, _SHORT, _MUCH_LONGER = 1.03, 0.15, 1.25
"""Seconds, and by how much pauses grow up to `_SHORT` and beyond: what takes one is noticed after 0.07 more at most,
what takes four after 0.16, and what takes a minute costs some eighty questions.
"""


class NotThere(HypervisorError):
    """The cloud has no such resource, or none any more."""


class OverQuota(HypervisorError):
    """The project may have no more of it; the message is the cloud's."""


class WrongState(HypervisorError):
    """The cloud does not do that now: the resource is in another state, or somebody needs it."""


class NotAccepted(HypervisorError):
    """The cloud does not do what it was asked: as Cinder says of a volume in another state, or that is needed."""


class CloudConnections(Connections):
    """Connections to all services of a cloud; `named` is the address of its identity service, as the operator has
    named it. Services of its catalog that are on other hosts are told no trace.
    """

    def __init__(self, named: str) -> None:
        super().__init__()
        self._named = named
        for scheme in list(self.adapters):
            self.mount(scheme, TCPKeepAliveAdapter())  # as keystoneauth1 does with connections of its own

    def send(self, request: PreparedRequest, **more: Any) -> Response:
        """Every call of the library ends here: those that sign in, and those that follow."""
        request.headers.update(trace_parents.headers_to(request.url or "", self._named))
        return super().send(request, **more)


@dataclass(frozen=True, slots=True)
class Cloud:
    """One project of a cloud. `session` is authenticated, and finds the services in the cloud's catalog: those of
    `region` if there are several, at their addresses of the kind `interface`. `call_seconds` is how long a call may
    take.
    """

    session: Session
    wait: Callable[[float], None]
    region: str | None = None
    interface: str = "public"
    call_seconds: float = CALL_SECONDS

    @property
    def tls(self) -> ssl.SSLContext:
        """For what is opened beside the session: certificates are trusted as there."""
        verify = self.session.verify
        context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
        if verify is False:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    @property
    def project(self) -> str:
        """The id of the project; the first call, if there was none."""
        try:
            return str(self.session.get_project_id())
        except (exceptions.ClientException, RequestException) as error:
            raise NoAnswer(f"identity does not answer: {error}") from error

    def get(self, service: str, path: str, *, version: str | None = None, **query: str) -> Any:
        """The JSON of an answer. `version` is a microversion, where it is not the usual one.

        NotThere, NoAnswer, Unresponsive, HypervisorError for everything else that is refused.
        """
        return self._json(self._call(service, "GET", path, version=version, params=query))

    def every(self, service: str, path: str, *, version: str | None = None, **query: str) -> list[dict[str, Any]]:
        """All items of a list, over all of its pages."""
        parts, query = path.removeprefix("/v2").split("/"), {**query, "limit": "500"}
        name = parts[1].removeprefix("os-")
        items: list[dict[str, Any]] = []
        while True:
            page = self.get(service, path, version=version, **query)[name]
            items += page
            if len(page) < int(query["limit"]):
                return items
            query["marker"] = str(page[-1]["id"])

    def post(self, service: str, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON of an answer, None without one. As `get`, and OverQuota, WrongState."""
        response = self._call(service, "POST", path, json=body)
        return self._json(response) if response.content else None

    def put(self, service: str, path: str, body: Mapping[str, Any]) -> None:
        """Changes something. As `post`."""
        self._call(service, "PUT", path, json=body)

    def delete(self, service: str, path: str) -> None:
        """Has something removed; an absent one is fine. WrongState while somebody needs it."""
        try:
            self._call(service, "DELETE", path)
        except NotThere:
            return

    def put_content(self, path: str, content: BinaryIO) -> None:
        """Uploads the content of an image."""
        headers = {"Content-Type": "application/octet-stream"}
        self._call("image", "PUT", path, data=content, headers=headers, timeout=TRANSFER_SECONDS)

    @contextmanager
    def content(self, path: str, size: int) -> Iterator[Iterator[bytes]]:
        """The content of an image of so many bytes, piece by piece. Unresponsive where it breaks off."""
        response = self._call("image", "GET", path, stream=True, timeout=TRANSFER_SECONDS)
        try:
            yield _whole(response, size)
        finally:
            response.close()

    def until(
        self, ready: Callable[[], Any], work: str, seconds: float, near: Callable[[], bool] = lambda: False
    ) -> Any:
        """What `ready` answers as soon as it is something: it is asked often at first, and again as soon as the end is
        `near`. Unresponsive where that takes longer.
        """
        waited, pause, was_near = 0.0, _FIRST_PAUSE, False
        while not (answer := ready()):
            if waited >= seconds:
                raise Unresponsive(f"{work} took longer than {seconds:g} s")
            if not was_near and near():
                was_near, pause = True, _FIRST_PAUSE
            self.wait(pause)
            growth = _LONGER if pause < _SHORT else _MUCH_LONGER
            waited, pause = waited + pause, min(pause * growth, _LONGEST_PAUSE)
        return answer

    def _call(
        self,
        service: str,
        method: str,
        path: str,
        timeout: float | None = None,
        version: str | None = None,
        **more: Any,
    ) -> Response:
        headers = {**more.pop("headers", {})}
        if (asked := version or _MICROVERSIONS.get(service)) is not None:
            headers["OpenStack-API-Version"] = asked
        place = {"service_type": service, "interface": self.interface, "region_name": self.region}
        try:
            return self.session.request(
                path,
                method,
                headers=headers,
                endpoint_filter=place,
                timeout=timeout or self.call_seconds,
                redirect=False,
                connect_retries=0,
                **more,
            )
        except exceptions.HttpError as error:
            raise _refusal(error, f"{method} {path}") from error
        except (exceptions.ConnectionError, RequestException) as error:
            raise NoAnswer(f"{service} does not answer: {error}") from error
        except exceptions.ClientException as error:
            raise Unresponsive(f"{service} cannot be asked: {error}") from error

    @staticmethod
    def _json(response: Response) -> Any:
        try:
            return response.json()
        except ValueError as error:
            raise NoAnswer("the answer of the cloud is no JSON, or was cut short") from error


def _refusal(error: exceptions.HttpError, call: str) -> HypervisorError:
    words = _words(error)
    text = f"{call}: {error.http_status} {words}"[:500]
    if error.http_status in _BOUNDED and "uota" in words:
        return OverQuota(text)
    if error.http_status in _AWAY:
        return NoAnswer(text)
    if error.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unresponsive(text)
    kind = _REFUSALS.get(error.http_status, HypervisorError)
    return kind(text)


_REFUSALS: dict[int, type[HypervisorError]] = {
    HTTPStatus.NOT_FOUND: NotThere,
    HTTPStatus.CONFLICT: WrongState,
    HTTPStatus.BAD_REQUEST: NotAccepted,
}


def _words(error: exceptions.HttpError) -> str:
    """What the service says of a refusal. Nova and Cinder put it under a key of their own for each status, which the
    library does not look for.
    """
    try:
        body = error.response.json() if error.response is not None else {}
    except ValueError:
        body = {}
    told = [part["message"] for part in _values(body) if isinstance(part, dict) and "message" in part]
    return str(told[0]) if told else str(error.message)


def _values(body: Any) -> Iterable[Any]:
    return body.values() if isinstance(body, dict) else ()


def _whole(response: Response, size: int) -> Iterator[bytes]:
    received = 0
    try:
        for chunk in response.iter_content(_CHUNK):
            received += len(chunk)
            yield chunk
    except RequestException as error:
        raise Unresponsive(f"the content broke off after {received} bytes") from error
    if received != size:
        raise Unresponsive(f"{received} bytes of {size} came")
