"""The operator's rows: accounts, first keys, recordings."""

from fixtures.frozen_app import FrozenApp

BODIES = {
    "POST /_kunsthalle/accounts": lambda _frozen: {"name": "another", "owner": "another@example.com"},
    "POST /_kunsthalle/api_keys": lambda frozen: {
        "account": frozen.accounts["owner"],
        "user": "owner@publisher.example",
    },
    "PUT /_kunsthalle/quotas/{name}": lambda frozen: {"account": frozen.accounts["owner"], "limit": 7},
    "POST /_kunsthalle/hosts/{name}/power": lambda _frozen: {"on": True},
    "POST /_kunsthalle/recordings/{id}/fetch": lambda _frozen: {"after": 1},
}


def furnish(frozen: FrozenApp) -> None:
    frozen.ids["api_keys"] = frozen.ids["apikeys"]
    frozen.ids["quotas"] = "image_gb"
    frozen.ids["hosts"] = "host-1"
