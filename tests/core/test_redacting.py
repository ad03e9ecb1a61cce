"""What strangers read holds nothing of the house."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uSense.core.redacting import Redactor

ANNA, BEA = "8f1f3f0e-55c1-4a0e-9e0b-6f3f4f8f2a10", "0b8e9d57-6a7c-4c55-8f0b-3ab0d51f4d21"
PEOPLE = {"Anna Müller": ANNA, "Bea": BEA, "张伟": "third"}


def redactor() -> Redactor:
    """It knows three people, two secrets and a machine."""
    return Redactor(PEOPLE, ["hunter22", 'qu"ote'], ["pi-of-anna.fritz.box", "localhost", "127.0.0.1"])


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("recognized Anna Müller at hall", "recognized <person 1> <person 1> at hall"),
        ("ANNA's photo anna_2.jpg, of Hannah", "<person 1>'s photo <person 1>_2.jpg, of Hannah"),
        ('{"name": "M\\u00fcller"}', '{"name": "<person 1>"}'),
        ("/people/M%C3%BCller and Mu\u0308ller", "/people/<person 1> and <person 1>"),
        ("看见张伟了", "看见<person 3>了"),
        (f"person {ANNA.upper()} into {BEA}", "person <person 1> into <person 2>"),
        (
            "visitor 11111111-2222-3333-4444-555555555555 is 11111111-2222-3333-4444-555555555555",
            "visitor <id 1> is <id 1>",
        ),
        ("rtsp://admin:pw@192.168.1.20:554/user=admin_password=x?y=z lost", "rtsp://<address 1>:554/*** lost"),
        ("rtsp://***@cam.local/live", "rtsp://<address 1>/***"),
        ("at http://127.0.0.1:5050, from http://[::1]:80/x", "at http://127.0.0.1:5050, from http://[::1]:80/***"),
        ("from 192.168.1.20 and 10.0.0.7, not 192.168.1.20.", "from <address 1> and <address 2>, not <address 1>."),
        ("at 127.0.0.1:8080 and 0.0.0.0", "at 127.0.0.1:8080 and 0.0.0.0"),
        ("fe80::1ff:fe23:4567:890a%eth0 or 2001:db8::1, ::1", "<address 1> or <address 2>, ::1"),
        ("2026-11-23T12:34:56.789Z 12:34:56 version 1.2.3", "2026-11-23T12:34:56.789Z 12:34:56 version 1.2.3"),
        ("aa:bb:cc:dd:ee:ff and b8-27-eb-00-11-22", "<mac> and <mac>"),
        ("write to somebody@example.org", "write to <mail>"),
        ("login hunter22 failed", "login *** failed"),
        ("password=geheim, user=x", "password=***, user=x"),
        ('{"api_key": "abc def", "port": 1}', '{"api_key": "***", "port": 1}'),
        ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer ***"),
        ("token usense_AbCdEf_12345-xyz was sent", "token <token> was sent"),
        ("eyJhbGciOi.eyJzdWIi.c2ln", "<token>"),
        ("face /9j/" + "4AAQSkZJRgABAQ" * 5, "face /9j/<token>"),
        ("/home/berta/usense.yaml", "/home/***/usense.yaml"),
        ("on Pi-of-Anna.fritz.box", "on <house>"),
        ('{"told": "qu\\"ote"}', '{"told": "***"}'),
        ("nothing to hide: 12 faces, 0.5 s, /usr/lib/python3.11/asyncio/base_events.py", None),
    ],
)
def test_nothing_personal_is_left(text: str, clean: str | None) -> None:
    """Names whole and in parts, however they are written, ids, addresses and secrets; the rest stays readable."""
    assert redactor().clean(text) == (text if clean is None else clean)


def test_numbers_are_the_same_everywhere() -> None:
    """One can follow a camera and a person through the report without knowing them."""
    same = redactor()

    assert same.clean("http://10.0.0.8/x of 10.0.0.7") == "http://<address 1>/*** of <address 2>"
    assert same.clean("http://10.0.0.7/") == "http://<address 2>"


_NAMES = st.text(st.characters(categories=["Lu", "Ll", "Lo"]), min_size=2, max_size=12)


@given(_NAMES, st.text(max_size=20), st.sampled_from([str, json.dumps, quote, str.upper]))
def test_no_name_is_left(name: str, around: str, written: object) -> None:
    """Whatever stands around it, and however it is written."""
    assert callable(written)
    text = Redactor({name: "id"}).clean(f"{around} {written(name)} {around}")

    for placeholder in ("<person 1>", "<token>"):
        text = text.replace(placeholder, "")
    assert f" {name} " not in text
    assert name not in text.split()


_PRIVATE = ("Anna", "BEA", "hunter22", ANNA, "10.0.0.7", "fe80::1", "rtsp://u:geheim@cam/geheim", "usense_" + "x" * 43)


@given(st.lists(st.one_of(st.text(max_size=8), st.sampled_from(_PRIVATE))))
def test_nothing_known_is_left_in_any_text(pieces: list[str]) -> None:
    """Whatever stands between them, and nothing makes it fail."""
    clean = redactor().clean(" ".join(pieces))

    assert not [private for private in _PRIVATE if private in clean.split(" ")]
    assert "geheim" not in clean
