"""From bytes to a call, or to an error that says what was expected."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uSense.commands.base import (
    Body,
    Call,
    Command,
    ImageBytes,
    bind,
    find_transaction,
    read,
    refusal,
    reply,
)
from uSense.core.errors import NotFoundError, RequestError
from uSense.entities.payload import encode
from uSense.schema import Branch


class Rename(Branch):
    """A payload."""

    person_id: str
    """Person."""
    name: str
    """Name."""


class AddFace(Branch):
    """A payload with a picture."""

    person_id: str
    """Person."""
    image: ImageBytes
    """Picture."""
    force: bool = False
    """Force."""


class Nothing(Branch):
    """A payload without arguments."""


class Delete(Branch):
    """A payload of one argument."""

    person_id: str
    """Person."""


class Threshold(Branch):
    """A payload of one number."""

    value: float
    """Number."""


async def run(context: None, arguments: Any) -> Any:
    """Not run here."""
    return arguments


COMMANDS: tuple[Command[None, Any], ...] = (
    Command(name="person/rename", payload=Rename, run=run),
    Command(name="face/add", payload=AddFace, run=run, raw="image", rest="person_id"),
    Command(name="person/delete", payload=Delete, run=run, scalar="person_id"),
    Command(name="threshold", payload=Threshold, run=run, scalar="value"),
    Command(name="train", payload=Nothing, run=run),
)


def parse(path: str, payload: bytes) -> Call[None, Any]:
    """Both steps."""
    return bind(COMMANDS, path, read(payload))


def refused(path: str, payload: bytes) -> tuple[str, str]:
    """Code and text of the error."""
    with pytest.raises(RequestError) as caught:
        parse(path, payload)
    return caught.value.code, str(caught.value)


def test_an_object_fills_the_fields() -> None:
    """A JSON object names the arguments; the transaction is not one of them."""
    body = read(b' {"person_id": "4b33", "name": "Anna", "transaction": "k7"}')

    assert body.transaction == "k7"
    assert bind(COMMANDS, "person/rename", body).arguments == Rename(person_id="4b33", name="Anna")


@pytest.mark.parametrize("payload", [b"", b"  \n", b"{}"])
def test_a_command_without_arguments_needs_no_payload(payload: bytes) -> None:
    """Nothing, white space and an empty object mean the same."""
    assert parse("train", payload).arguments == Nothing()


@pytest.mark.parametrize(
    ("payload", "person_id"),
    [(b"4b33", "4b33"), (b'"4b33"', "4b33"), (b" Anna Maria\n", "Anna Maria"), (b"007", "007"), (b"true", "true")],
)
def test_a_bare_text_fills_the_only_argument(payload: bytes, person_id: str) -> None:
    """One argument may be sent bare, quoted or not; a text that looks like a number stays the text it is."""
    assert parse("person/delete", payload).arguments == Delete(person_id=person_id)


@pytest.mark.parametrize(("payload", "value"), [(b"0.5", 0.5), (b'"0.5"', 0.5), (b"1", 1.0)])
def test_a_bare_number_fills_the_only_argument(payload: bytes, value: float) -> None:
    """A bare number becomes the number that the argument is."""
    assert parse("threshold", payload).arguments == Threshold(value=value)


def test_raw_bytes_and_the_rest_of_the_topic_fill_their_arguments() -> None:
    """A picture is sent as it is, and the topic says to whom it belongs."""
    picture = b"\xff\xd8\xff\xe0 no braces"

    assert parse("face/add/4b33", picture).arguments == AddFace(person_id="4b33", image=picture)
    assert parse("face/add/Anna/Bea", picture).arguments == AddFace(person_id="Anna/Bea", image=picture)


def test_an_object_may_be_sent_to_the_longer_topic_too() -> None:
    """With the person in the topic the object needs only the picture, and may not name another person."""
    payload = json.dumps({"image": base64.b64encode(b"jpeg").decode(), "force": True}).encode()

    assert parse("face/add/4b33", payload).arguments == AddFace(person_id="4b33", image=b"jpeg", force=True)
    assert refused("face/add/4b33", b'{"person_id": "5c44", "image": ""}') == (
        "bad_payload",
        "person_id differs between topic and payload",
    )


@pytest.mark.parametrize("text", ["anBlZw==", "data:image/jpeg;base64,anBlZw==", "anBl\r\nZw=="])
def test_pictures_are_read_from_base64(text: str) -> None:
    """Base64 may be a data URL and may be broken into lines."""
    call = parse("face/add", json.dumps({"person_id": "4b33", "image": text}).encode())

    assert call.arguments.image == b"jpeg"


@pytest.mark.parametrize(
    ("path", "payload", "code", "message"),
    [
        ("trian", b"", "unknown_command", "there is no command 'trian'; did you mean 'train'?"),
        ("fly", b"{}", "unknown_command", "there is no command 'fly'"),
        ("", b"{}", "unknown_command", "there is no command ''"),
        ("train/now", b"{}", "unknown_command", "there is no command 'train/now'; did you mean 'train'?"),
        ("face/add/", b"{}", "unknown_command", "there is no command 'face/add/'; did you mean 'face/add'?"),
        ("train/a/b", b"{}", "unknown_command", "there is no command 'train/a/b'; did you mean 'train'?"),
        ("train", b"PRESS", "bad_json", "the payload is not JSON: train takes a JSON object, {}, or nothing"),
        ("person/rename", b"Anna", "bad_json", "person/rename takes a JSON object with person_id, name"),
        ("train", b"[]", "bad_payload", "train takes a JSON object"),
        ("train", b"\xff\xfe", "bad_json", "the payload is not UTF-8"),
        ("person/delete", b"[1]", "bad_payload", "person/delete takes a JSON object"),
        ("person/delete", b"null", "bad_payload", "person/delete takes a JSON object"),
        ("train", b'{"a": ', "bad_json", "the payload is not JSON: Expecting value: line 1 column 7 (char 6)"),
        ("train", b'{"a": NaN}', "bad_json", "the payload is not JSON: NaN is not a JSON value"),
        ("train", b'{"transaction": ""}', "bad_payload", "transaction must be an integer or a text"),
        ("train", b'{"transaction": true}', "bad_payload", "transaction must be an integer or a text"),
        ("train", b'{"transaction": ["a"]}', "bad_payload", "transaction must be an integer or a text"),
        ("person/rename", b'{"person_id": "4b33"}', "bad_payload", "name is missing"),
        ("person/rename", b'{"person_id": 3, "name": "A"}', "bad_payload", "person_id must be text"),
        ("person/rename", b'{"person_id": "a", "nam": "A", "name": "A"}', "bad_payload", "did you mean 'name'?"),
        ("face/add", b'{"person_id": "a", "image": "?"}', "bad_payload", "image must be base64"),
        ("face/add", b'{"person_id": "a", "image": 3}', "bad_payload", "image must be"),
        ("threshold", b"high", "bad_payload", "value must be a number"),
    ],
)
def test_every_mistake_is_named(path: str, payload: bytes, code: str, message: str) -> None:
    """Each wrong request has its code and a sentence that names the field and what was expected."""
    got = refused(path, payload)

    assert got[0] == code
    assert message in got[1]


def test_endless_nesting_is_bad_json() -> None:
    """A payload made to exhaust the parser is refused like any other broken one."""
    assert refused("train", b'{"a":' * 200_000)[0] == "bad_json"


def test_endless_numbers_are_bad_json() -> None:
    """A number with more digits than Python converts is refused."""
    assert refused("train", b'{"a": ' + b"9" * 10_000 + b"}")[0] == "bad_json"


def outcome(path: str, payload: bytes) -> str:
    """`ok`, or the code of the error, which must fit into a reply."""
    try:
        parse(path, payload)
    except RequestError as error:
        encode(refusal(error))
        return error.code
    return "ok"


@given(st.binary(max_size=300), st.sampled_from([command.name for command in COMMANDS]))
def test_any_bytes_are_a_call_or_a_request_error(payload: bytes, path: str) -> None:
    """No payload whatever makes the parser fail in another way."""
    assert outcome(path, payload) in {"ok", "bad_json", "bad_payload"}


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_json_is_a_call_or_a_request_error(value: Any) -> None:
    """No JSON value makes the parser fail in another way, not even one with half surrogates."""
    for command in COMMANDS:
        payload = json.dumps({"person_id": value, "name": value, "value": value}).encode()
        assert outcome(command.name, payload) in {"ok", "bad_json", "bad_payload"}


@pytest.mark.parametrize("text", [r'{"\ud800": 1}', r'{"person_id": "\ud800"}', r'{"transaction": "\ud800", "x": 1}'])
def test_half_surrogates_are_answered(text: str) -> None:
    """JSON may escape what UTF-8 cannot hold; a request with it is refused."""
    assert outcome("person/delete", text.encode()) == "bad_json"


@pytest.mark.parametrize(
    ("payload", "transaction"),
    [
        (b'{"transaction": "k7", "image": "', "k7"),
        (b'{"image": "x", "transaction" : 42}', 42),
        (b'{"transaction": "k\\"7"}', 'k"7'),
        (b'{"transaction": ""}', None),
        (b'{"transaction": null}', None),
        (b'{"transaction": "' + b"x" * 200 + b'"}', None),
        (b'{"transaction": "' + b"x" * 5000 + b'"}', None),
        (b'{"transaction": ' + b"9" * 50 + b"}", None),
        (b'{"transaction": "\xff"}', None),
        (b"\xff\xd8\xff", None),
        (b'{"transaction": "head", "image": "' + b"x" * 1_000_000 + b'"}', "head"),
        (b'{"image": "' + b"x" * 1_000_000 + b'", "transaction": "tail"}', "tail"),
    ],
)
def test_the_transaction_of_an_unread_request_is_found(payload: bytes, transaction: str | int | None) -> None:
    """A request that is refused unread is still answered with its transaction."""
    assert find_transaction(payload) == transaction


def test_replies_follow_the_contract() -> None:
    """A reply has status, data or error, and the transaction only if there was one."""
    assert reply([1], "k7") == {"status": "ok", "data": [1], "transaction": "k7"}
    assert reply(None) == {"status": "ok", "data": None}
    assert refusal(NotFoundError("person", "4b33"), 7) == {
        "status": "error",
        "error": {"code": "not_found", "message": "there is no person '4b33'"},
        "transaction": 7,
    }


def test_a_body_without_an_object_keeps_its_bytes() -> None:
    """What does not begin with a brace is not looked into before the command is known."""
    assert read(b"\x00") == Body(None, b"\x00")
