"""Reading public keys: what is kept is written anew, whatever came in."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from kunsthalle.core.errors import Problem
from kunsthalle.networks.ssh_keys import parse

from .conftest import openssh

# Made for this test and thrown away; the fingerprint is what `ssh-keygen -lf` says of it.
KNOWN = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIASwwoqqg9fisQSKlDsbFZ6hDMxnPBjOxYem3t4ATkXX"
KNOWN_FINGERPRINT = "SHA256:f0hSWGIrx1jZvbiAeNHADHpPqpqrKZVaWowzGI1e6IA"


def code_of(text: str) -> str:
    with pytest.raises(Problem) as refused:
        parse(text)
    assert refused.value.target is not None
    assert refused.value.target.name == "public_key"
    return refused.value.code


def test_a_known_key() -> None:
    read = parse(KNOWN + " somebody@somewhere")
    assert (read.type, read.length, read.line, read.fingerprint) == ("ed25519", 256, KNOWN, KNOWN_FINGERPRINT)


@pytest.mark.parametrize("text", ["{}", "  {}\n", "{} comment with words", "\t{}\tcomment"])
def test_what_surrounds_a_key_does_not_matter(text: str, rsa_line: str) -> None:
    read = parse(text.format(rsa_line))
    assert (read.type, read.length, read.line) == ("rsa", 2048, rsa_line)


def test_the_algorithm_may_be_missing(rsa_line: str) -> None:
    assert parse(rsa_line.split(" ")[1]) == parse(rsa_line)


def test_rsa_keys_have_2048_or_4096_bits() -> None:
    assert code_of(openssh(rsa.generate_private_key(65537, 3072).public_key())) == "key_invalid_type"


def test_other_algorithms_are_refused_by_type() -> None:
    assert code_of(openssh(ec.generate_private_key(ec.SECP256R1()).public_key())) == "key_invalid_type"


@pytest.mark.parametrize(
    "text", ["", " ", "AAAA", "ssh-rsa", "ssh-rsa AAAA", "ssh-rsa !!!!", "-----BEGIN X-----", "é é"]
)
def test_what_is_no_key(text: str) -> None:
    assert code_of(text) == "key_parse_failure"


def test_options_second_lines_and_other_tricks_are_refused(rsa_line: str) -> None:
    encoded = rsa_line.split(" ")[1]
    for text in (
        f'command="reboot" {rsa_line}',
        f"{rsa_line}\n{KNOWN}",
        f"{rsa_line} comment\nruncmd: [reboot]",
        f"{rsa_line} \x1b[2J",
        f"ssh-ed25519 {encoded}",
        f"ssh-rsa {encoded[:-8]}",
        f"ssh-rsa {encoded[:40]}!{encoded[40:]}",
        f"ssh-rsa {encoded}AAAA",
    ):
        assert code_of(text) == "key_parse_failure", text


def test_an_announced_length_beyond_the_key_is_refused() -> None:
    assert code_of(base64.b64encode(b"\xff\xff\xff\xffssh-rsa").decode()) == "key_parse_failure"


@given(st.binary(max_size=80))
def test_bytes_behind_a_right_beginning_never_break_it(rest: bytes) -> None:
    for algorithm in (b"ssh-rsa", b"ssh-ed25519"):
        blob = len(algorithm).to_bytes(4) + algorithm + rest
        try:
            read = parse(base64.b64encode(blob).decode())
        except Problem as problem:
            assert problem.code in {"key_parse_failure", "key_invalid_type"}
        else:
            assert parse(read.line) == read


@given(st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    assert code_of(text) in {"key_parse_failure", "key_invalid_type"}
