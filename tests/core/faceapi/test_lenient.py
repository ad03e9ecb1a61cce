"""JSON as clients of all years send it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uSense.core.faceapi import lenient
from uSense.core.faceapi.faults import Fault

leaves = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text()
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)
objects = st.dictionaries(st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1), values, min_size=1)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{'name':'Cass'}", {"name": "Cass"}),
        ("{ 'name':'g', 'userData':'it\\'s' }", {"name": "g", "userdata": "it's"}),
        ("{'faceIds': ['a', 'b'], 'confidenceThreshold': '.5'}", {"faceids": ["a", "b"], "confidencethreshold": ".5"}),
        ('{"confidenceThreshold": .5, "x": +1}', {"confidencethreshold": 0.5, "x": 1}),
        ("{'a': None, 'b': True, 'c': False, 'd': {}}", {"a": None, "b": True, "c": False, "d": {}}),
        ("{'a': '\\u00e4\\xe4\\n'}", {"a": "ää\n"}),
        ("{'a': [1,],}", {"a": [1]}),
        ('\ufeff{"NAME": "x"}', {"name": "x"}),
    ],
)  # fmt: skip
def test_forms_that_worked_work(text: str, found: dict[str, Any]) -> None:
    """Single quotes, Python's words, numbers with a leading point, a byte order mark; names in any case."""
    assert lenient.body(text.encode()) == found


@pytest.mark.parametrize(
    "text",
    [
        "{", "{body}", "name=x", "{'a'}", "{'a':}", "{'a' 'b'}", "{'a':1,}x", "{'a':1}}", "[", "{'a':[,]}", "{,}",
        "{'a':1 'b':2}", "{1:2}", "{'a':Nope}", "{'a':'b}", "{'a':NaN}", '{"a":Infinity}', "[" * 100_000,
        "{'a':" * 50, "{'a':" + "9" * 5000 + "}",
    ],
)  # fmt: skip
def test_what_is_no_json_is_told(text: str) -> None:
    """It is a parsing error, however deep or long it is."""
    with pytest.raises(Fault, match=r"JSON parsing error\."):
        lenient.body(text.encode())


@pytest.mark.parametrize("data", [b"", b"  \n", b"{}", b"[]", b"5", b"null", b'"x"'])
def test_what_is_no_object_is_told(data: bytes) -> None:
    """There is nothing in it that could be asked for."""
    with pytest.raises(Fault, match=r"Request body is invalid\."):
        lenient.body(data)


def test_other_encodings_are_refused() -> None:
    """UTF-8 is what the service reads."""
    with pytest.raises(Fault, match=r"JSON parsing error\."):
        lenient.body('{"name": "ä"}'.encode("latin-1"))


@given(objects)
def test_json_is_read_as_json(value: dict[str, Any]) -> None:
    """Strict JSON gives what Python's reader gives."""
    assert lenient.body(json.dumps(value).encode()) == value


@given(objects)
def test_python_s_own_writing_is_read(value: dict[str, Any]) -> None:
    """`str` of a dict gives the dict; what Python escapes beyond 16 bits is not used by any client."""
    text = str(value)
    if "\\U" not in text:
        assert lenient.body(text.encode()) == value
