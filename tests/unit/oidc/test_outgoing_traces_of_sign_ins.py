"""A provider is told the trace of a sign-in, where its address is on the host that the operator has named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.app import App, open_app
from fixtures.identity_provider import IdentityProvider
from fixtures.trace_collector import Collector
from unit.oidc.conftest import Browser, add_person, provider_table


@pytest.fixture
def traced(tmp_path: Path, provider: IdentityProvider, collector: Collector) -> Iterator[App]:
    (tmp_path / "providers.toml").write_text(provider_table(provider, tmp_path))
    app = open_app(tmp_path / "data", oidc_providers=str(tmp_path / "providers.toml"), traces=collector.url)
    add_person(app, "someone@example.com")
    yield app
    app.close()


def test_a_provider_is_told_which_sign_in_asks_it(
    traced: App, provider: IdentityProvider, collector: Collector
) -> None:
    provider.metadata = {"jwks_uri": provider.issuer.replace("127.0.0.1", "localhost") + "/jwks"}
    assert Browser(traced).sign_in(provider).status == 200
    assert traced.server.tracing is not None
    assert traced.server.tracing.flush()
    told = dict(zip(provider.asked, provider.parents, strict=True))
    spans = [f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01" for span in collector.spans if span.name == "sign-in"]
    assert [told["/.well-known/openid-configuration"], told["/token"]] == spans
    assert spans[0][:35] != spans[1][:35], "two pages are two traces"
    assert told["/jwks"] == "", "an address of the provider's on a host that nobody here has named"


def test_without_traces_a_provider_is_told_nothing(open_with, provider: IdentityProvider) -> None:  # type: ignore[no-untyped-def]  # a fixture
    app = open_with(example=provider)
    add_person(app, "someone@example.com")
    assert Browser(app).sign_in(provider).status == 200
    assert set(provider.parents) == {""}
