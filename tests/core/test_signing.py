"""Signed requests: which bytes are signed, and what is let in once."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uSense.core import signing
from uSense.core.errors import RequestError
from uSense.core.signing import Admission, Stamp

SECRET = b"0123456789abcdef"
TOPIC, TS, NONCE, PAYLOAD = "usense/command/train", "1000.5", "n0nce_-42", b'{"transaction": "k7"}'
STAMP = Stamp(TS, NONCE, signing.sign(SECRET, TOPIC, TS, NONCE, PAYLOAD))


def refused(call: object, *args: object) -> tuple[str, str]:
    """Code and sentence of the error."""
    assert callable(call)
    with pytest.raises(RequestError) as caught:
        call(*args)
    return caught.value.code, str(caught.value)


def arrives(admission: Admission, stamp: Stamp, now: float, started: float = 0.0) -> None:
    """A request comes and is judged at once."""
    admission.admit(stamp, now, started, now)


def test_a_signature_is_what_other_programs_make_of_the_same_bytes() -> None:
    """The expected one is of openssl: `dgst -sha256 -hmac`, fed by printf with the four parts on lines."""
    made = signing.sign(SECRET, TOPIC, "1000", "abcdefgh", b"{}")

    assert made == "0fd83f1e44fbc6e2bee9e62b43377a9abab2e78c307373c8add9fa0cc24439b7"


def test_the_right_signature_is_taken_in_any_case_of_its_digits() -> None:
    """Hexadecimal digits are the same in capitals."""
    signing.check(SECRET, TOPIC, STAMP, PAYLOAD)
    signing.check(SECRET, TOPIC, Stamp(TS, NONCE, STAMP.sig.upper()), PAYLOAD)


@pytest.mark.parametrize(
    ("secret", "topic", "stamp", "payload"),
    [
        (b"another secret...", TOPIC, STAMP, PAYLOAD),
        (SECRET, "usense/command/backup", STAMP, PAYLOAD),
        (SECRET, TOPIC, STAMP, PAYLOAD + b" "),
        (SECRET, TOPIC, STAMP, b""),
        (SECRET, TOPIC, Stamp("1001.5", NONCE, STAMP.sig), PAYLOAD),
        (SECRET, TOPIC, Stamp(TS, "n0nce_-43", STAMP.sig), PAYLOAD),
        (SECRET, TOPIC, Stamp(TS, NONCE, "0" * 64), PAYLOAD),
    ],
    ids=["secret", "topic", "longer", "empty", "time", "nonce", "signature"],
)
def test_whatever_was_altered_does_not_fit(secret: bytes, topic: str, stamp: Stamp, payload: bytes) -> None:
    """Another secret, topic, payload, time or nonce: the error says what has to be signed."""
    code, sentence = refused(signing.check, secret, topic, stamp, payload)

    assert code == "bad_signature"
    assert repr(topic) in sentence
    assert f"{len(payload)} bytes" in sentence


def test_parts_cannot_be_moved_over_their_borders() -> None:
    """A topic with line feeds, by which other parts could be meant, fits no signature."""
    topic, payload = f"a\n{TS}\n{NONCE}", b"b"
    sig = signing.sign(SECRET, topic, TS, NONCE, payload)

    assert sig == signing.sign(SECRET, "a", TS, NONCE, f"{TS}\n{NONCE}\nb".encode())
    assert refused(signing.check, SECRET, topic, Stamp(TS, NONCE, sig), payload)[0] == "bad_signature"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ts": None}, "bad_time"),
        ({"ts": ""}, "bad_time"),
        ({"ts": "-1"}, "bad_time"),
        ({"ts": "1e9"}, "bad_time"),
        ({"ts": "nan"}, "bad_time"),
        ({"ts": "10\n"}, "bad_time"),
        ({"ts": "١٢"}, "bad_time"),
        ({"ts": "2026-11-23T05:00:00Z"}, "bad_time"),
        ({"nonce": None}, "bad_nonce"),
        ({"nonce": "short"}, "bad_nonce"),
        ({"nonce": "x" * 65}, "bad_nonce"),
        ({"nonce": "with space"}, "bad_nonce"),
        ({"sig": "beef"}, "bad_signature"),
        ({"sig": "x" * 64}, "bad_signature"),
    ],
)
def test_stamps_that_are_not_whole_are_refused(changes: dict[str, str | None], code: str) -> None:
    """A missing or malformed part is named."""
    fields = {"ts": TS, "nonce": NONCE, "sig": STAMP.sig, "trace": "1"} | changes
    given_fields = [(name, value) for name, value in fields.items() if value is not None]

    assert refused(signing.stamp, given_fields)[0] == code


def test_a_stamp_is_found_among_other_properties() -> None:
    """Other user properties do not matter; without `sig` a request is not signed; nothing is given twice."""
    fields = [("trace", "1"), ("ts", TS), ("nonce", NONCE), ("sig", STAMP.sig)]

    assert signing.stamp(fields) == STAMP
    assert signing.stamp(fields[:3]) is None
    assert refused(signing.stamp, [*fields, ("ts", "2000")])[0] == "bad_signature"


@pytest.mark.parametrize(
    ("ts", "now", "started", "code", "words"),
    [
        ("1000", 1031.0, 0.0, "too_old", "is 31 s old by the clock of this service"),
        ("1000", 4600.0, 0.0, "too_old", "is 3600 s old"),
        ("1000", 960.0, 0.0, "too_early", "from 40 s in the future by the clock of this service"),
        ("1000", 1010.0, 1005.0, "before_start", "made 5.0 s before this service started"),
    ],
)
def test_times_that_are_not_now_are_refused(ts: str, now: float, started: float, code: str, words: str) -> None:
    """Too old, from the future, before the start: the error says by how many seconds."""
    got = refused(arrives, Admission(), Stamp(ts, NONCE, ""), now, started)

    assert got[0] == code
    assert words in got[1]


@pytest.mark.parametrize("now", [970.0, 985.5, 1000.0, 1030.0])
def test_clocks_may_differ_by_half_a_minute(now: float) -> None:
    """In both directions, the bound included."""
    arrives(Admission(), Stamp("1000", NONCE, ""), now)


def test_a_nonce_counts_once() -> None:
    """A request that comes again is refused, however late; another nonce is fine."""
    admission = Admission()
    arrives(admission, Stamp("1000", NONCE, ""), 1000.0)

    assert refused(arrives, admission, Stamp("1000", NONCE, ""), 1000.0)[0] == "replayed"
    assert refused(arrives, admission, Stamp("1029", NONCE, ""), 1029.0)[0] == "replayed"
    arrives(admission, Stamp("1000", "another-nonce", ""), 1029.0)
    assert refused(arrives, admission, Stamp("1000", NONCE, ""), 1031.0)[0] == "too_old"


def test_a_full_memory_refuses_instead_of_forgetting() -> None:
    """Whoever has the secret cannot make a nonce forgotten by sending others; time makes room."""
    admission = Admission(most=3)
    for number in range(3):
        arrives(admission, Stamp("1000", f"nonce-{number}", ""), 1000.0)

    assert refused(arrives, admission, Stamp("1000", "nonce-3", ""), 1000.0)[0] == "busy"
    assert refused(arrives, admission, Stamp("1000", "nonce-0", ""), 1000.0)[0] == "replayed"
    arrives(admission, Stamp("1031", "nonce-3", ""), 1031.0)


def test_a_clock_that_is_set_back_opens_nothing() -> None:
    """What was forgotten cannot be repeated when its time comes again, and what is newer is let in at once."""
    admission = Admission()
    arrives(admission, Stamp("1000", NONCE, ""), 1000.0)
    arrives(admission, Stamp("2000", "another-nonce", ""), 2000.0)

    code, sentence = refused(arrives, admission, Stamp("990", NONCE, ""), 1000.0)
    assert code == "too_old"
    assert "was set back: it took a request made 10.0 s later" in sentence
    arrives(admission, Stamp("1000.5", "newer-nonce", ""), 1001.0)


def test_a_request_that_waits_is_not_taken_for_an_old_one() -> None:
    """Another one that comes much later and does not wait changes nothing; what comes twice is let in once."""
    admission = Admission()
    early, repeated, late = 1000.0, 1020.0, 1100.0

    admission.admit(Stamp("1100", "does-not-wait", ""), late, 0.0, early)
    admission.admit(Stamp("1000", NONCE, ""), early, 0.0, early)
    admission.admit(Stamp("1101", "the-next-one", ""), 1101.0, 0.0, repeated)

    assert refused(admission.admit, Stamp("1000", NONCE, ""), repeated, 0.0, repeated)[0] == "replayed"


STEPS = st.lists(
    st.tuples(st.integers(0, 120), st.integers(-40, 40), st.sampled_from("abcdef"), st.integers(0, 5)), max_size=40
)


@given(STEPS)
def test_no_request_is_let_in_twice(steps: list[tuple[int, int, str, int]]) -> None:
    """Whatever the clock does, also backward, and whichever waits, each time and nonce gets in once at most."""
    admission = Admission(most=4)
    let_in: list[Stamp] = []
    waiting: list[tuple[Stamp, float]] = []
    for now, offset, letter, turn in steps:
        stamp = Stamp(str(max(0, now + offset)), letter * 8, "")
        waiting.append((stamp, float(now)))
        oldest = min(at for _, at in waiting)
        if turn < len(waiting):
            stamp, at = waiting.pop(turn)
            with suppress(RequestError):
                admission.admit(stamp, at, 0.0, oldest)
                let_in.append(stamp)

    assert len(let_in) == len(set(let_in))
