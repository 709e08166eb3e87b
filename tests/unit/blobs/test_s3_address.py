"""Addresses of S3 stores: what is read of them, and what is refused in words that repeat no secret."""

from __future__ import annotations

import pytest

from fixtures.s3 import ENVIRONMENT
from kunsthalle.blobs.s3_address import BadAddress, parse
from kunsthalle.object_storage.s3_buckets import checked

NAMES = "KUNSTHALLE_BLOBS"
END = "endpoint=https://s3.example.org"


def test_what_an_address_says() -> None:
    plain = parse(f"s3://images?{END}", ENVIRONMENT, NAMES)
    assert (plain.bucket, plain.prefix, plain.endpoint) == ("images", "", "https://s3.example.org")
    assert (plain.region, plain.virtual, plain.seconds, plain.ca_file) == ("us-east-1", False, 20.0, None)
    full = parse(
        f"s3://images/a/b/?{END}:9000/&region=eu&addressing=virtual&timeout=2.5&ca=/etc/ca.pem", ENVIRONMENT, NAMES
    )
    assert (full.prefix, full.endpoint, full.region) == ("a/b", "https://s3.example.org:9000", "eu")
    assert (full.virtual, full.seconds, str(full.ca_file)) == (True, 2.5, "/etc/ca.pem")
    assert full.shown == "s3://images/a/b at https://s3.example.org:9000"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://images", "begins with s3://"),
        ("s3://images", "says its endpoint"),
        ("s3://images?endpoint=ftp://x", "says its endpoint"),
        ("s3://images?endpoint=https://key:hidden@x", "says its endpoint"),
        ("s3://key:hidden@images?" + END, "Keys do not belong"),
        (f"s3://images?{END}&secret_access_key=hidden", "not 'secret_access_key'"),
        ("s3://images?endpoint=http://s3.example.org", "over http".capitalize()),
        (f"s3://images?{END}&addressing=odd", "addressing is"),
        (f"s3://images?{END}&timeout=0", "timeout is"),
        (f"s3://images?{END}&timeout=nan", "timeout is"),
        (f"s3://images?{END}&timeout=soon", "timeout is"),
    ],
)
def test_what_is_wrong_is_said_and_no_secret(url: str, words: str) -> None:
    with pytest.raises(BadAddress, match=words) as refused:
        parse(url, ENVIRONMENT, NAMES)
    assert "hidden" not in str(refused.value)


def test_keys_come_from_the_environment_and_are_shown_nowhere() -> None:
    given = {"AWS_ACCESS_KEY_ID": "id-of-aws", "AWS_SECRET_ACCESS_KEY": "secret-of-aws", "AWS_SESSION_TOKEN": "token"}
    found = parse(f"s3://images?{END}", given, NAMES)
    assert (found.keys.id, found.keys.secret, found.keys.token) == ("id-of-aws", "secret-of-aws", "token")
    own = parse(f"s3://images?{END}", {**given, **ENVIRONMENT}, NAMES)
    assert (own.keys.id, own.keys.token) == ("kunsthalle-test", None), "a token of other keys would spoil them"
    assert "secret" not in repr(own)
    for lacking in ({}, {"AWS_ACCESS_KEY_ID": "x"}, {f"{NAMES}_ACCESS_KEY_ID": "x"}):
        with pytest.raises(BadAddress, match=f"Set {NAMES}_ACCESS_KEY_ID"):
            parse(f"s3://images?{END}", lacking, NAMES)


def test_http_is_for_loopback_unless_it_is_insisted_on() -> None:
    for host in ("127.0.0.1:1", "localhost", "[::1]:1"):
        assert parse(f"s3://images?endpoint=http://{host}", ENVIRONMENT, NAMES).endpoint == f"http://{host}"
    insisted = parse("s3://images?endpoint=http://s3.example.org&insecure=true", ENVIRONMENT, NAMES)
    assert insisted.endpoint == "http://s3.example.org"


def test_templates_of_buckets_keep_accounts_apart() -> None:
    def at(url: str) -> tuple[str, str]:
        found = checked(parse(f"{url}?{END}", ENVIRONMENT, NAMES)).at(account="acc", bucket="images")
        return found.bucket, found.prefix

    assert at("s3://{account}-{bucket}") == ("acc-images", "")
    assert at("s3://shared/{account}") == ("shared", "acc/images")
    assert at("s3://shared/all/{account}/of/{bucket}") == ("shared", "all/acc/of/images")
    assert at("s3://{account}") == ("acc", "images")
    with pytest.raises(BadAddress, match=r"says \{account\}"):
        at("s3://shared/{bucket}")
    for name in ("A", "", "a" * 70, "-images", "im_ages"):
        with pytest.raises(BadAddress):
            parse(f"s3://{name}?{END}", ENVIRONMENT, NAMES).at()
