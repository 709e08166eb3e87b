"""Calls to a provider: bounded in bytes and in time, never redirected, always JSON."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

import msgspec

from kunsthalle.core import trace_parents
from kunsthalle.core.log import get_logger
from kunsthalle.oidc.providers import Provider
from kunsthalle.oidc.sign_in_refusals import broken, unavailable

log = get_logger("oidc")
MAX_ANSWER = 512 * 1024
"""Bytes of an answer."""
MAX_SECONDS = 10.0
"""Seconds for a call, from the connection to the last byte."""
_JSON = ("application/json", "application/jwk-set+json")


class Answers:
    """Asks one provider."""

    def __init__(self, provider: Provider, seconds: float = MAX_SECONDS) -> None:
        self._provider = provider
        self._seconds = seconds
        self._trusted: ssl.SSLContext | None = None

    async def get(self, url: str, token: str = "") -> dict[str, Any]:
        """The object at a URL; SignInRefused for anything else."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return _object(self._provider, url, *await self._ask("GET", url, headers, None))

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Status and object that answer a form; also those of a refusal with status 400 or 401."""
        status, content_type, content = await self._ask("POST", url, headers, form)
        refused = status in {400, 401}
        return status, _object(self._provider, url, 200 if refused else status, content_type, content)

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> tuple[int, str, bytes]:
        import httpx  # nobody needs it before the first sign-in

        name = self._provider.name
        headers = {**headers, **trace_parents.headers_to(url, self._provider.issuer)}
        if not self._provider.allows_url(url):
            raise broken("bad_endpoint", name, "it names an address that is not served over https")
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._client() as client,
                client.stream(method, url, headers=_sent(headers), data=form) as response,
            ):
                content = await self._read(response)
                return response.status_code, response.headers.get("content-type", ""), content
        except (TimeoutError, httpx.TimeoutException) as error:
            log.warning("provider is slow", provider=self._provider.id, url=url)
            raise unavailable("slow_provider", name, f"did not answer within {self._seconds:g} seconds") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            log.warning("provider does not answer", provider=self._provider.id, url=url, error=str(error)[:200])
            raise unavailable("no_provider", name, "does not answer") from error

    def _client(self) -> Any:
        """A client of one call: nothing is shared between sign-ins but the certificates that are trusted."""
        import httpx

        if self._trusted is None:
            self._trusted = ssl.create_default_context()
            if self._provider.ca_file:
                self._trusted.load_verify_locations(self._provider.ca_file)
        return httpx.AsyncClient(verify=self._trusted, follow_redirects=False, timeout=self._seconds)

    async def _read(self, response: Any) -> bytes:
        """The bytes as they come: an answer that is packed, which nobody asked for, could grow beyond all bounds."""
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise broken("packed_answer", self._provider.name, "it is compressed")
        content = bytearray()
        async for part in response.aiter_raw(64 * 1024):
            content += part
            if len(content) > MAX_ANSWER:
                raise broken("huge_answer", self._provider.name, f"it has more than {MAX_ANSWER} bytes")
        return bytes(content)


def _sent(headers: Mapping[str, str]) -> dict[str, str]:
    """Compressed answers are not asked for: what is bounded is what was sent."""
    return {"accept": "application/json", "accept-encoding": "identity", "user-agent": "kunsthalle", **headers}


def _object(provider: Provider, url: str, status: int, content_type: str, content: bytes) -> dict[str, Any]:
    """The JSON object of an answer with status 200."""
    if 300 <= status < 400:
        log.warning("provider redirects", provider=provider.id, url=url, status=status)
        raise broken("redirected", provider.name, "it sends this server elsewhere")
    if status >= 500:
        raise unavailable("failed_provider", provider.name, f"failed with status {status}")
    if status != 200:
        raise broken("bad_status", provider.name, f"its status is {status}")
    if content_type.partition(";")[0].strip().lower() not in _JSON:
        raise broken("not_json", provider.name, "it is no JSON")
    try:
        document = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise broken("not_json", provider.name, "it is no JSON") from error
    if not isinstance(document, dict):
        raise broken("not_json", provider.name, "it is no JSON object")
    return document
