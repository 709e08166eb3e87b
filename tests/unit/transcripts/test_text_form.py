"""The text of transcripts: what was written is read back, and what is broken is told with file, line and reason."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kunsthalle.transcripts.models import Account, Call, ClockMove, Event, JobFault, Lost, StateChange, Transcript
from kunsthalle.transcripts.parsing import BadTranscript, parse, read
from kunsthalle.transcripts.writing import text_of

pytestmark = pytest.mark.by_turns(3)

DOCUMENTED = Path(__file__).resolve().parents[3] / "docs/reference/transcript.md"

_names = st.builds(
    lambda kind, number: f"{kind}-{number}", st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True), st.integers(1, 99)
)
_moments = st.sampled_from(["T", "T+7d", "T+1d3h2m", "2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z+1h", "earlier"])
_words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
_labels = st.text(max_size=12)
_documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
_bodies = (
    st.just("") | st.just("(300 bytes)") | _documents.map(lambda document: json.dumps(document, ensure_ascii=False))
)
_states = st.lists(st.builds(StateChange, _names, _words), max_size=2).map(tuple)
_faults = st.just("") | st.from_regex(r"[a-z-]{1,9}: refuse fault-[1-9]", fullmatch=True)
_calls = st.builds(
    Call,
    st.sampled_from(["account-1", "operator", "-"]),
    _moments,
    st.sampled_from(["GET", "POST", "DELETE"]),
    _words.map(lambda word: f"/{word}"),
    st.just(0) | st.integers(100, 599),
    _bodies,
    _bodies,
    _faults,
    _states,
    st.just(-1.0) | st.integers(0, 10_000).map(lambda tenths: tenths / 10),
)
_events: st.SearchStrategy[Event] = st.one_of(
    _calls,
    st.builds(ClockMove, _moments, _moments, _states),
    st.builds(JobFault, _words, _names, _moments, _faults.filter(bool)),
    st.builds(Lost, st.integers(1, 1_000)),
)
_transcripts = st.builds(
    Transcript,
    st.builds(lambda label: (Account("account-1", label),), _labels),
    st.lists(_events, max_size=4).map(tuple),
)


def _without_lines(transcript: Transcript) -> Transcript:
    """The same with no word of where it stood."""

    def bare(document: object) -> object:
        if isinstance(document, dict):
            return {name: bare(value) for name, value in document.items() if name != "line"}
        return [bare(one) for one in document] if isinstance(document, list | tuple) else document

    events = []
    for event in transcript.events:
        known = msgspec.convert(bare(msgspec.to_builtins(event)), type(event))
        events.append(known)
    return Transcript(tuple(Account(one.name, one.label) for one in transcript.accounts), tuple(events))


@given(_transcripts)
@settings(max_examples=300, deadline=None)
def test_what_was_written_is_read_back(transcript: Transcript) -> None:
    text = text_of(transcript)
    again = parse(text)
    assert _without_lines(again) == transcript
    assert text_of(again) == text


@given(
    st.text(max_size=200)
    | _transcripts.map(text_of).flatmap(lambda text: st.integers(0, len(text)).map(lambda end: text[:end]))
)
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text, "run.txt")
    except BadTranscript as error:
        assert str(error).startswith("run.txt:")


def test_no_body_can_pass_for_another_line() -> None:
    body = json.dumps({"name": "golden\n\ncall operator T\nGET /x\n< 200\x1b[2J\u2028"})
    transcript = Transcript((), (Call("operator", "T", "GET", "/v1/images\r\n< 200", 200, body, body),))
    text = text_of(transcript)
    assert "\x1b" not in text
    assert [line.split(" ")[0] for line in text.splitlines() if not line.startswith((">", "<"))] == [
        "kunsthalle",
        "",
        "call",
        "GET",
    ]
    (call,) = parse(text).calls
    assert call.request_document == json.loads(body)


def test_half_a_character_of_json_stays() -> None:
    (call,) = parse(text_of(Transcript((), (Call("-", "T", "GET", "/", 200, "", '"\\ud83d"'),)))).calls
    assert call.response_document == "\ud83d"


BASE = """kunsthalle transcript 1

account account-1 "publisher"

call account-1 T
GET /v1/images
< 200
< {
<   "images": []
< }
"""


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "this is no transcript"),
        ("{}", 1, "this is no transcript"),
        (BASE.replace("transcript 1", "transcript 2"), 1, "of version 2; known is 1"),
        (BASE.replace("\n", "\r\n"), 1, "CR LF"),
        (BASE.replace("account account-1", "account publisher"), 3, "an account is"),
        (BASE.replace('"publisher"', "publisher"), 3, "a JSON string"),
        (BASE + "\naccount account-1\n", 12, "there twice"),
        (BASE.replace("call account-1", "call account-2"), 5, "unknown caller 'account-2'"),
        (BASE.replace("call account-1 T", "call account-1"), 5, "a call is"),
        (BASE.replace("call account-1 T", "call account-1 yesterday"), 5, "no moment"),
        (BASE.replace("call account-1 T", "call account-1 T 5s"), 5, "no duration"),
        (BASE.replace("GET /v1/images", "/v1/images"), 6, "its method and its path"),
        (BASE.replace("< 200", "< 2000"), 7, "no status"),
        (BASE.replace("< 200\n", ""), 7, "no status"),
        (BASE[: BASE.index("< 200")], 7, "the status is missing"),
        (BASE.replace("[]", "["), 10, "the body is not JSON"),
        (BASE.replace("[]", "9" * 5000), 8, "a number that is too long"),
        (BASE + "* state image available\n", 11, "a change of state is"),
        (BASE + "and more\n", 11, "does not belong to the block 'call'"),
        (BASE + "\nclock T\n", 12, "a move of the clock is"),
        (BASE + "\njob image.import image-1\n", 12, "a fault of a job is"),
        (BASE + "\njob image.import image-1 T\n", 13, "the fault is missing"),
        (BASE + "\nlost many\n", 12, "lost calls are"),
        (BASE + "\nfault x\n", 12, "allowed: account, call, clock, job, lost"),
    ],
)
def test_what_is_broken_is_told_with_its_line(tmp_path: Path, text: str, line: int, reason: str) -> None:
    path = tmp_path / "run.txt"
    path.write_bytes(text.encode())
    with pytest.raises(BadTranscript) as told:
        read(path)
    assert str(told.value).startswith(f"{path}:{line}: ")
    assert reason in str(told.value)


def test_a_file_that_is_no_text_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadTranscript, match=r"none.txt: No such file or directory\."):
        read(tmp_path / "none.txt")
    (tmp_path / "bytes.txt").write_bytes(b"kunsthalle transcript 1\n\n\xff")
    with pytest.raises(BadTranscript, match=r"bytes.txt:3: the file is not UTF-8 text\."):
        read(tmp_path / "bytes.txt")


def test_comments_and_empty_lines_between_blocks() -> None:
    assert len(list(parse(BASE.replace("\ncall", "\n# what follows is a list\n\n\ncall")).calls)) == 1


def test_the_documented_example_is_one() -> None:
    text = DOCUMENTED.read_text().split("```text\n")[1].split("```")[0]
    transcript = parse(text)
    assert text_of(transcript) == text
    assert {type(event) for event in transcript.events} == {Call, ClockMove, JobFault, Lost}
    assert transcript.label("account-1") == "publisher"
