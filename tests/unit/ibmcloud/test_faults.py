"""Whatever goes wrong is told in a line or two: never a traceback, never a secret, nothing half done."""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path

import pytest

from fixtures.clocks import real_time_passes
from kunsthalle.ibmcloud.command_errors import Refused
from kunsthalle.ibmcloud.http_client import Api
from kunsthalle.ibmcloud.login_state import Session
from unit.ibmcloud.canned import canned
from unit.ibmcloud.command_shell import Shell, ibmcloud

KEYS = "/v1/keys"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_nobody_answers(tmp_path: Path) -> None:
    env = {"IBMCLOUD_HOME": str(tmp_path), "KUNSTHALLE_URL": f"http://127.0.0.1:{_free_port()}"}
    said = ibmcloud("login", "--apikey", "KEY-THAT-IS-SECRET", env=env)
    assert said.code == 1
    assert said.err.startswith(f"FAILED\nNo server answers at {env['KUNSTHALLE_URL']} (Connection refused).\n")
    assert "kunsthalle serve" in said.err
    assert "KEY-THAT-IS-SECRET" not in said.out + said.err
    assert not list(tmp_path.iterdir())


HTML = b"<html><head><title>Oops</title><style>b{}</style></head><body><h1>Bad Gateway</h1>proxy</body></html>"
DEEP = b"[" * 200_000
ANSWERS = {
    "html": ((502, HTML), "Response HTTP Status Code: 502\nError message: Oops Bad Gateway proxy"),
    "empty 500": ((500, b""), "Error message: Internal Server Error"),
    "not json": ((200, b"hello"), "answered 200 without JSON; is it Kunsthalle?"),
    "too deep": ((200, DEEP), "without JSON"),
    "too deep a refusal": ((500, DEEP), "Response HTTP Status Code: 500"),
    "a list": ((200, []), "did not answer with a list"),
    "null": ((200, None), "did not answer with a list"),
    "other JSON": ((200, {"keys": [1, "two", None]}), "could not be finished"),
    "errors of another shape": ((400, {"errors": "no"}), "Error message: Bad Request"),
    "an entry of another shape": ((400, {"errors": [{"message": {"a": 1}}]}), "Error message: {'a': 1}"),
    "no entries": ((403, {"errors": [], "message": "Go away."}), "Error message: Go away."),
    "escapes": ((400, {"errors": [{"code": "x", "message": "\x1b[2Jboo"}]}), "Error message: \\x1b[2Jboo"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_that_is_none(tmp_path: Path, case: str) -> None:
    answer, expected = ANSWERS[case]
    with canned(**{KEYS: answer}) as server:
        said = ibmcloud("is", "keys", env=server.session(tmp_path))
    assert said.code == 1
    assert said.err.startswith("FAILED\n")
    assert expected in said.err
    assert "Traceback" not in said.err


def test_names_do_not_command_the_terminal(tmp_path: Path) -> None:
    keys = [{"id": "r006-1", "name": "\x1b]0;owned\x07", "fingerprint": "SHA256:x", "type": "rsa\nfake  row"}]
    with canned(**{KEYS: (200, {"keys": keys})}) as server:
        said = ibmcloud("is", "keys", env=server.session(tmp_path))
    assert "\\x1b]0;owned\\x07" in said.out
    assert "\x1b" not in said.out


def test_several_things_of_one_name(tmp_path: Path) -> None:
    listed = {"subnets": [{"id": f"0717-{n}", "name": "twin"} for n in range(2)]}
    with canned(**{"/v1/subnets": (200, listed)}) as server:
        said = ibmcloud("is", "subnet", "twin", env=server.session(tmp_path))
    assert said.err == "FAILED\n2 subnets are named 'twin': 0717-0, 0717-1. Use the ID instead.\n\n"


BROKEN = {
    "no json": b"{",
    "a list": b"[]",
    "no text": b"\xff\xfe\x00",
    "wrong kinds": b'{"IAMToken": 7, "Account": "x", "Region": [], "APIEndpoint": null}',
    "a token that is none": b'{"IAMToken": "Bearer a.b.c", "APIEndpoint": "http://127.0.0.1:9"}',
    "nothing": b"",
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_session_that_cannot_be_read(shell: Shell, case: str) -> None:
    kept = shell.homes["owner"] / ".bluemix" / "config.json"
    kept.write_bytes(BROKEN[case])
    for words in (("is", "images"), ("target",), ("iam", "oauth-tokens")):
        said = shell.run(*words)
        assert said.code == 1
        assert "ibmcloud login" in said.err
        assert "Traceback" not in said.err
    assert shell.run("login", "--apikey", shell.keys["owner"]).code == 0
    assert shell.run("is", "images").code == 0


def test_the_session_is_its_owners(shell: Shell) -> None:
    folder = shell.homes["owner"] / ".bluemix"
    assert stat.S_IMODE((folder / "config.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    kept = json.loads((folder / "config.json").read_text())
    assert {"APIEndpoint", "Region", "IAMToken", "IAMRefreshToken", "Account"} <= set(kept)
    assert kept["Account"]["GUID"] == shell.names["account_owner"]
    assert shell.keys["owner"] not in (folder / "config.json").read_text()


def test_where_the_session_is(tmp_path: Path, shell: Shell) -> None:
    elsewhere, newer = tmp_path / "elsewhere", tmp_path / "newer"
    (newer / ".ibmcloud").mkdir(parents=True)
    key = ("login", "--apikey", shell.keys["owner"])
    for env, place in (
        ({"IBMCLOUD_CONFIG_HOME": str(elsewhere)}, elsewhere),
        ({"IBMCLOUD_HOME": str(newer), "HOME": "/nowhere"}, newer / ".ibmcloud"),
        ({"HOME": str(tmp_path / "home")}, tmp_path / "home" / ".bluemix"),
    ):
        assert ibmcloud(*key, env={**env, "KUNSTHALLE_URL": shell.url}).code == 0
        assert (place / "config.json").exists()
    assert "set IBMCLOUD_HOME" in ibmcloud("target", env={}).err


def test_a_session_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / ".bluemix").write_text("a file where the folder should be")
    said = ibmcloud("api", "http://127.0.0.1:9", env={"IBMCLOUD_HOME": str(tmp_path)})
    assert said.code == 1
    assert "could not be" in said.err


def test_a_token_that_has_ended_is_renewed_and_a_session_that_has_ended_says_so(shell: Shell) -> None:
    kept = shell.homes["owner"] / ".bluemix" / "config.json"
    before = json.loads(kept.read_text())["IAMToken"]
    real_time_passes(shell.server.clock, 2 * 3_600)
    assert shell.run("is", "images").code == 0
    assert json.loads(kept.read_text())["IAMToken"] != before
    real_time_passes(shell.server.clock, 60 * 86_400)
    said = shell.run("is", "images")
    assert said.err == "FAILED\nNot logged in. Use 'ibmcloud login' to log in.\n\n"


@pytest.mark.parametrize("to_file", [False, True])
def test_the_trace_tells_calls_and_no_secret(
    shell: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str], to_file: bool
) -> None:
    path = tmp_path / "trace.log"
    env = {"IBMCLOUD_TRACE": str(path) if to_file else "true"}
    shell.run("login", "--apikey", shell.keys["owner"], env=env)
    shell.run("is", "images", env=env)
    made = json.loads(shell.run("iam", "api-key-create", "traced", "--output", "json", env=env).out)
    shell.log_in("consumer")
    opened = Api(Session(shell.env("consumer")), {**shell.env("consumer"), **env}).post(
        f"/v1/instances/{shell.names['borrowed']}/console_access_token", {"console_type": "serial"}
    )
    api = Api(Session(shell.env()), {**shell.env(), **env})
    with pytest.raises(Refused):
        api.post("/v1/instances", {"user_data": 'password: "between quotes"\npath: \\after\n'})
    told = path.read_text() if to_file else capsys.readouterr().err
    assert "GET " in told
    assert "/v1/images?" in told
    assert "HTTP 200" in told
    for secret in (shell.keys["owner"], made["apikey"], opened["access_token"], "eyJ", "between quotes", "after"):
        assert secret not in told
    if to_file:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_file_is_private_and_its_key_works(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    said = shell.run("iam", "api-key-create", "robot", "-d", "For builds", "--file", str(path))
    assert said.code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = json.loads(path.read_text())
    assert list(kept) == ["name", "description", "apikey", "createdAt", "locked", "uuid"]
    assert kept["apikey"] not in said.out
    assert shell.run("login", "--apikey", f"@{path}").code == 0
    raw = tmp_path / "raw"
    raw.write_text(kept["apikey"] + "\n")
    assert shell.run("login", env={"IBMCLOUD_API_KEY": f"@{raw}"}).code == 0


def test_a_profile_is_assumed_at_login(shell: Shell) -> None:
    api = Api(Session(shell.env()), shell.env())
    account = shell.names["account_owner"]
    profile = api.post("/v1/profiles", {"name": "robot", "account_id": account})["id"]
    user = {"identifier": Session(shell.env()).iam_id, "type": "user", "accounts": [account]}
    api.post(f"/v1/profiles/{profile}/identities/user", user)
    for ref in (profile, "robot"):
        said = shell.run("login", "--apikey", shell.keys["owner"], "--profile", ref)
        assert said.code == 0, said.err
        assert "User:              robot\n" in said.out
        assert shell.run("iam", "oauth-tokens").out.startswith("IAM token:  Bearer ey")
    assert "Unable to authenticate" in shell.run("login", "--apikey", shell.keys["owner"], "--profile", "nobody").err


def test_an_interruption_is_no_traceback(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = (shell.homes["owner"] / ".bluemix" / "config.json").read_bytes()

    def interrupted(*_arguments: object, **_more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kunsthalle.ibmcloud.http_client.Api._once", interrupted)
    said = shell.run("login", "--apikey", shell.keys["owner"])
    assert said.code == 130
    assert "Traceback" not in said.err
    assert (shell.homes["owner"] / ".bluemix" / "config.json").read_bytes() == kept
