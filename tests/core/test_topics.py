"""Prefixes, and which topic belongs to what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uSense.core.topics import LONGEST, Topics, check_prefix, check_topic


@pytest.mark.parametrize("prefix", ["usense", "home/usense", "wohnung-süd", "a"])
def test_good_prefixes_are_taken(prefix: str) -> None:
    """Any text that topics can be made from may be the prefix."""
    assert check_prefix(prefix) == prefix


@pytest.mark.parametrize("prefix", ["", "a/#", "+", "$SYS", "/a", "a/", "a\0b", "x" * (LONGEST + 1)])
def test_bad_prefixes_are_refused(prefix: str) -> None:
    """Wildcards, the broker's own topics, slashes at the ends and endless texts are no prefix."""
    with pytest.raises(ValueError, match=r"prefix|topic"):
        check_prefix(prefix)


def test_topics_follow_the_contract() -> None:
    """The topics are those that consumers subscribe to."""
    topics = Topics("home/usense")

    assert topics.status == "home/usense/status"
    assert topics.identity == "home/usense/identity"
    assert topics.live == "home/usense/identity/live"
    assert topics.name == "home/usense/identity/name"
    assert topics.event == "home/usense/event"
    assert topics.commands == "home/usense/command/#"
    assert topics.of("camera/hall/status") == "home/usense/camera/hall/status"


@pytest.mark.parametrize(
    ("topic", "command"),
    [
        ("usense/command/train", "train"),
        ("usense/command/face/add/4b33", "face/add/4b33"),
        ("usense/command/", ""),
        ("usense/command", ""),
        ("usense/commander/train", None),
        ("usense/event", None),
        ("other/command/train", None),
    ],
)
def test_commands_are_told_by_their_topic(topic: str, command: str | None) -> None:
    """The part below `command/` names the command; other topics are none."""
    assert Topics().command(topic) == command


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="+#\0"), max_size=1500))
def test_every_command_has_a_topic_for_its_reply(command: str) -> None:
    """Whatever somebody asks for, there is a topic to publish the reply to."""
    topic = Topics().response(command)

    assert check_topic(topic).startswith("usense/response")


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        ("usense/response/mine", True),
        ("usense/response/", True),
        ("usense/response/+", False),
        ("usense/response/#", False),
        ("usense/response", False),
        ("usense/status", False),
        ("usense/response/" + "x" * LONGEST, False),
        ("", False),
    ],
)
def test_replies_go_only_below_response(topic: str, allowed: bool) -> None:  # noqa: FBT001 - a table
    """An asker may choose any topic below `response/`, and no other."""
    assert Topics().is_response(topic) is allowed
