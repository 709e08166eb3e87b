"""The dashboard and the alert rules name metrics and labels that a scrape has."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import yaml

from fixtures.app import App
from fixtures.frozen_app import OPERATOR
from fixtures.tools import ROOT
from kunsthalle.api.call_limits import LIMITED
from kunsthalle.core.event_counts import CACHE_READS, COUNTS
from kunsthalle.db.audit_cursors import SinkState
from kunsthalle.db.overload import OVERLOADS
from kunsthalle.operator.metrics import Numbers, _of_sinks
from unit.operator.test_metrics import samples_of

RULES = ROOT / "deploy" / "prometheus" / "kunsthalle-alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "kunsthalle.json"
OF_PROMETHEUS = {"instance", "job", "le"}
"""Labels that Prometheus or the format itself adds."""
_SELECTOR = re.compile(r"\b(?P<name>(?:kunsthalle|process)_\w+)(?:\{(?P<matchers>[^}]*)\})?")
_GROUPING = re.compile(r"\b(?:by|on|group_left)\s*\(([^)]*)\)")


def _expressions() -> dict[str, str]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    rules = {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return rules | {
        f"{panel['title']}/{target['refId']}": target["expr"] for panel in panels for target in panel["targets"]
    }


def _busy_scrape(app: App) -> dict[str, set[str]]:
    """Labels by name, of a server on which everything that is counted has happened."""
    app.server_of(app.image("golden")["id"])
    catalog = app.do("POST", "/api/v1-beta/catalogs", {"label": "golden", "kind": "vpe"})
    app.do("DELETE", f"/api/v1-beta/catalogs/{catalog['id']}")
    app.pause()
    app.image("waits", settle=False)
    CACHE_READS.add("hit")  # of servers with blobs on S3 only
    LIMITED.add("account")
    OVERLOADS.add("age")
    text = app.call(OPERATOR, "GET", "/metrics").body.decode()
    known: dict[str, set[str]] = {}
    for name, labels in samples_of(text):
        known.setdefault(name, set()).update(label for label, _ in labels)
    sinks = [SinkState(name="siem", cursor=1, unsent=1, failures=1, last_error="", oldest=0)]
    for family in _of_sinks(cast("Numbers", SimpleNamespace(sinks=sinks)), 1):  # of servers with sinks only
        for sample in family.samples:
            known.setdefault(sample.name, set()).update(sample.labels)
    return known


def test_every_metric_and_label_of_an_expression_is_in_a_scrape(app: App) -> None:
    known, expressions = _busy_scrape(app), _expressions()
    assert len(expressions) > 30
    for title, expression in expressions.items():
        selectors = list(_SELECTOR.finditer(expression))
        assert selectors or title == "KunsthalleNodeDown", title
        labels = set[str]()
        for selector in selectors:
            assert selector["name"] in known, (title, selector["name"])
            labels |= known[selector["name"]]
            for matcher in filter(None, (selector["matchers"] or "").split(",")):
                label = re.split(r"[=!]", matcher.strip())[0]
                assert label in known[selector["name"]] | OF_PROMETHEUS, (title, label)
        if selectors:
            grouped = {word.strip() for words in _GROUPING.findall(expression) for word in words.split(",")} - {""}
            assert grouped <= labels | OF_PROMETHEUS, (title, grouped)


def test_every_metric_of_the_product_is_on_the_dashboard(app: App) -> None:
    shown = {match["name"] for text in _expressions().values() for match in _SELECTOR.finditer(text)}
    names = {re.sub(r"_(bucket|count|sum|created)$", "", name) for name in _busy_scrape(app) if "kunsthalle" in name}
    shown = {re.sub(r"_(bucket|count|sum)$", "", name) for name in shown}
    assert names - shown == set()
    assert {f"{count.name}_total" for count in COUNTS} <= names


@pytest.mark.needs_promtool
def test_promtool_accepts_the_rules_and_its_tests_pass() -> None:
    for words in (("check", "rules", RULES.name), ("test", "rules", "kunsthalle-alerts.test.yml")):
        ended = subprocess.run(["promtool", *words], cwd=RULES.parent, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    tested = re.findall(r"alertname: (\w+)", (RULES.parent / "kunsthalle-alerts.test.yml").read_text())
    assert len(set(tested)) >= 7


@pytest.mark.needs_promtool
def test_promtool_accepts_the_expressions_of_the_dashboard_and_the_scrape(tmp_path: Path, app: App) -> None:
    variables = {"$__rate_interval": "5m", "$instance": ".*"}
    rules = []
    for number, expression in enumerate(_expressions().values()):
        plain = re.sub(r"\$\w+", lambda match: variables[match[0]], expression)
        rules.append({"record": f"expression:{number}", "expr": plain})
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    ended = subprocess.run(["promtool", "check", "rules", tmp_path / "rules.yml"], capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr
    text = app.call(OPERATOR, "GET", "/metrics").body
    told = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.needs_promtool
def test_promtool_accepts_the_job_that_the_how_to_shows(tmp_path: Path) -> None:
    text = (RULES.parent / "scrape.yml").read_text()
    for name in ("kunsthalle.token", "kunsthalle-alerts.yml"):
        text = text.replace(f"/etc/prometheus/{name}", str(tmp_path / name))
    (tmp_path / "kunsthalle.token").write_text("token")
    (tmp_path / "kunsthalle-alerts.yml").write_text(RULES.read_text())
    (tmp_path / "prometheus.yml").write_text(text)
    ended = subprocess.run(
        ["promtool", "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
