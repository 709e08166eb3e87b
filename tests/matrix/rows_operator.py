"""The operator's rows: accounts and first keys."""

from fixtures.realm import Realm

BODIES = {
    "POST /_kunsthalle/accounts": lambda _realm: {"name": "another", "owner": "another@example.com"},
    "POST /_kunsthalle/api_keys": lambda realm: {
        "account": realm.accounts["owner"],
        "user": "owner@publisher.example",
    },
}


def furnish(realm: Realm) -> None:
    realm.ids["api_keys"] = realm.ids["apikeys"]
