"""What a fault can do, an effect each: its name, what it applies to, its texts, what it takes.

To add one: its row here, then what applies it, for a call in `api/fault_injection.py`, for a job in `jobs/worker.py`.
`core/faults.py` says which calls and jobs meet a fault.
"""

from typing import TYPE_CHECKING, Literal, NamedTuple


class Effect(NamedTuple):
    """What a fault does to a call, a job or all tokens.

    `text` says it in full, `option` as help of the option that is named as the effect is. `field` is the field of the
    fault that says how much (`status`, `seconds`; empty: none), `value` how help calls it: `STATUS`, `SECONDS` of real
    time, or a `DURATION` of the product clock. `most` bounds seconds; 0: as the request does.

    What applies the effect: `api/fault_injection.py::answer` for calls, `jobs/worker.py` for jobs.
    """

    on: Literal["call", "job", "tokens"]
    text: str
    option: str
    field: Literal["", "status", "seconds"] = ""
    value: Literal["", "STATUS", "SECONDS", "DURATION"] = ""
    most: int = 0


EFFECTS = {
    "refuse": Effect(
        "call",
        "the call is not carried out, and is answered with the status",
        "Do not execute the call; answer with this status",
        "status",
        "STATUS",
    ),
    "expired": Effect(
        "call",
        "the call is not carried out, and is answered as if its access token had expired",
        "Do not execute the call; answer as if its access token had expired",
    ),
    "lose": Effect(
        "call",
        "the call is carried out, and is answered with the status all the same",
        "Execute the call, but answer with this status",
        "status",
        "STATUS",
    ),
    "cut": Effect(
        "call",
        "the call is carried out, and the connection ends in the middle of the answer",
        "Execute the call, and cut the answer in the middle",
    ),
    "delay": Effect(
        "call", "the call begins so many seconds later, in real time", "Delay the call", "seconds", "SECONDS", 300
    ),
    "late": Effect(
        "call",
        "what was created less than so many seconds ago, in real time, is not found yet",
        "Do not find what was created less than this ago",
        "seconds",
        "SECONDS",
    ),
    "fail": Effect("job", "the job ends as it does after its last try", "Fail the job without further tries"),
    "retry": Effect("job", "one try of the job fails", "Fail one try"),
    "hold": Effect(
        "job",
        "the job is due again so many seconds later, by the product clock",
        "Postpone the job by this duration of the product clock: 10m, PT1H",
        "seconds",
        "DURATION",
    ),
    "expire": Effect(
        "tokens",
        "every access token issued until now is refused with 401; refresh tokens and API keys go on",
        "Refuse every access token that was issued until now",
    ),
}
"""Every effect by its name: requests, options, pages and documents take them from here."""


def effects_on(target: Literal["call", "job", "tokens"]) -> tuple[str, ...]:
    """Return the names of the effects on calls, on jobs or on tokens."""
    return tuple(name for name, effect in EFFECTS.items() if effect.on == target)


if TYPE_CHECKING:
    CallEffect = str
    JobEffect = str
    TokenEffect = str
else:
    CallEffect, JobEffect, TokenEffect = (Literal[effects_on(target)] for target in ("call", "job", "tokens"))
