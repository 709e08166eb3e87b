"""A story of a publisher and a consumer, recorded twice: on two fresh servers the same bytes, and no secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.forked_served import ForkedServed
from kunsthalle.local import folder
from kunsthalle.testing import Served
from kunsthalle.transcripts.models import Call, ClockMove, JobFault, StateChange, Transcript
from kunsthalle.transcripts.parsing import parse
from kunsthalle.transcripts.writing import text_of
from unit.transcripts.story import recorded_story


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served]]:
    """Two that nobody has used."""
    one, other = (tmp_path_factory.mktemp("served") / "data" for _ in range(2))
    with (
        ForkedServed(one, "--hypervisor", "simulated", fresh=True) as first,
        ForkedServed(other, "--hypervisor", "simulated", fresh=True) as second,
    ):
        yield first, second


@pytest.fixture(scope="module")
def transcripts(servers: tuple[Served, Served]) -> tuple[Transcript, Transcript]:
    first, second = servers
    return recorded_story(first), recorded_story(second)


def test_two_runs_on_two_servers_are_the_same_bytes(transcripts: tuple[Transcript, Transcript]) -> None:
    first, second = map(text_of, transcripts)
    assert first == second
    assert len(first) > 10_000


def test_the_transcript_tells_the_story(transcripts: tuple[Transcript, Transcript]) -> None:
    events = transcripts[0].events
    states = {change for event in events if isinstance(event, Call | ClockMove) for change in event.states}
    wanted = {("image-1", "available"), ("version-1", "consumable"), ("instance-1", "running"), ("image-2", "failed")}
    assert {StateChange(*one) for one in wanted} <= states
    (move,) = (event for event in events if isinstance(event, ClockMove))
    assert (move.start, move.end, move.states) == ("T", "T+7d", (StateChange("image-3", "deprecated"),))
    (job,) = (event for event in events if isinstance(event, JobFault))
    assert (job.kind, job.resource) == ("image.import", "image-2")
    (struck,) = (event for event in events if isinstance(event, Call) and event.fault)  # words: allow
    assert (transcripts[0].label(struck.caller), struck.status) == ("consumer-a", 503)
    masked = [call for call in transcripts[0].calls if call.path == "/v1/images/image-1" and call.status == 404]
    assert [transcripts[0].label(call.caller) for call in masked] == ["consumer-a", "outsider"]


def test_no_secret_and_no_id_is_in_it(
    servers: tuple[Served, Served], transcripts: tuple[Transcript, Transcript]
) -> None:
    text = text_of(transcripts[0])
    known = folder.credentials(servers[0].data)
    assert known["operator_token"] not in text
    for account in known["accounts"].values():
        assert account["api_key"] not in text
        assert account["account_id"] not in text
        assert account["iam_id"] not in text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-", text)
    assert "eyJ" not in text
    assert "127.0.0.1" not in text
    assert '"apikey": "…"' in text


def test_it_is_read_back(transcripts: tuple[Transcript, Transcript]) -> None:
    text = text_of(transcripts[0])
    assert text_of(parse(text)) == text


def test_durations_are_the_only_difference_that_they_make(servers: tuple[Served, Served]) -> None:
    with_durations = text_of(recorded_story_of_reads(servers[1], durations=True))
    without = text_of(recorded_story_of_reads(servers[1]))
    assert re.search(r"^call account-1 T \d+\.\dms$", with_durations, re.MULTILINE)
    assert re.sub(r" \d+\.\dms$", "", with_durations, flags=re.MULTILINE) == without


def recorded_story_of_reads(served: Served, **options: bool) -> Transcript:
    from fixtures.clients import Account
    from unit.transcripts.story import recorder_of

    recorder = recorder_of(served, **options).start()
    account = Account(served, "publisher")
    account.vpc.list_images()
    account.vpc.list_vpcs()
    return recorder.stop()


def test_a_server_that_goes_away_leaves_what_there_was(tmp_path: Path) -> None:
    from fixtures.clients import Account
    from unit.transcripts.story import recorder_of

    served = ForkedServed(tmp_path / "data", "--hypervisor", "simulated").start()
    recorder = recorder_of(served).start()
    Account(served, "publisher").vpc.list_images()
    while recorder.calls < 2:  # the sign-in and the list
        recorder.wait(0.01)
    served.kill()
    transcript = recorder.stop()
    assert "No server answers" in recorder.failed
    assert [call.path for call in transcript.calls][-1] == "/v1/images"
