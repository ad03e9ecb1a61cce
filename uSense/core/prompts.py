"""What a guided enrollment says: codes that stay as they are, and an English text for each."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Cue(StrEnum):
    """A prompt while it lasts."""

    LOOK_STRAIGHT = "look_straight"
    LOOK_LEFT = "look_left"
    LOOK_RIGHT = "look_right"
    TURN_BACK = "turn_back"
    MOVE_A_LITTLE = "move_a_little"
    COME_CLOSER = "come_closer"
    STEP_BACK = "step_back"
    TO_THE_MIDDLE = "to_the_middle"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    HOLD_STILL = "hold_still"
    ONE_PERSON = "one_person"
    NOBODY = "nobody"
    TAKEN = "taken"


class Ending(StrEnum):
    """How it ended."""

    DONE = "done"
    ADDED = "added"
    TWO_PEOPLE = "two_people"
    ANOTHER_PERSON = "another_person"
    LOOKS_LIKE = "looks_like"
    UNLIKE = "unlike"
    CANCELED = "canceled"
    NOBODY = "nobody"
    NO_PROGRESS = "no_progress"
    CAMERA = "camera_offline"
    ERASED = "erased"
    STOPPING = "stopping"
    UNAVAILABLE = "unavailable"

    @property
    def state(self) -> str:
        """`succeeded`, `refused`, `canceled` or `failed`."""
        return _STATES.get(self, "failed")


_STATES: Mapping[Ending, str] = {
    Ending.DONE: "succeeded",
    Ending.ADDED: "succeeded",
    Ending.TWO_PEOPLE: "refused",
    Ending.ANOTHER_PERSON: "refused",
    Ending.LOOKS_LIKE: "refused",
    Ending.UNLIKE: "refused",
    Ending.CANCELED: "canceled",
}

TEXTS: Mapping[Cue, str] = {
    Cue.LOOK_STRAIGHT: "Please look straight at the camera.",
    Cue.LOOK_LEFT: "Now turn your head a little to your left.",
    Cue.LOOK_RIGHT: "Now turn your head a little to your right.",
    Cue.TURN_BACK: "That is too far. Please turn back a little towards the camera.",
    Cue.MOVE_A_LITTLE: "Please move your head a little.",
    Cue.COME_CLOSER: "Please come closer.",
    Cue.STEP_BACK: "Please step back a little.",
    Cue.TO_THE_MIDDLE: "Please move to the middle of the picture.",
    Cue.TOO_DARK: "It is too dark. Please turn on a light.",
    Cue.TOO_BRIGHT: "It is too bright. Please turn away from the light.",
    Cue.HOLD_STILL: "Please hold still.",
    Cue.ONE_PERSON: "Only one person, please.",
    Cue.NOBODY: "I cannot see anybody. Please stand in front of the camera.",
    Cue.TAKEN: "Good.",
}
"""Prompts. Whoever speaks another language goes by the code, and by `step` and `steps`."""
PROGRESS = "{step} of {steps}."
"""Said with the next prompt after a face was taken."""

STOPPING = "The service is stopping."
ENDINGS: Mapping[Ending, str] = {
    Ending.DONE: "{name} is enrolled with {faces} pictures.",
    Ending.ADDED: "{faces} more pictures of {name} were added.",
    Ending.TWO_PEOPLE: "There was more than one person in view for {seconds:.0f} seconds. Nothing was saved.",
    Ending.ANOTHER_PERSON: "The pictures show two different people. Nothing was saved.",
    Ending.LOOKS_LIKE: "This looks like {other}, who is enrolled already. Nothing was saved.",
    Ending.UNLIKE: "This does not look like the {name} who is enrolled. Nothing was saved.",
    Ending.CANCELED: "The enrollment was canceled. Nothing was saved.",
    Ending.NOBODY: "Nobody was to be seen for {seconds:.0f} seconds. Nothing was saved.",
    Ending.NO_PROGRESS: "No picture could be used for {seconds:.0f} seconds. Nothing was saved.",
    Ending.CAMERA: "{reason}. Nothing was saved.",
    Ending.ERASED: "{name} was erased meanwhile. Nothing was saved.",
    Ending.STOPPING: f"{STOPPING} Nothing was saved.",
    Ending.UNAVAILABLE: "{reason}. Nothing was saved.",
}
"""Summaries."""
HINT = "The last hint was: {text}"
"""Said after an ending that the last prompt may explain."""
ALIKE = "{name} and {others} look alike: more pictures of both keep them apart."
"""Said after a success, if there is somebody to be confused with."""
LEFT = "What had been saved could not be removed: delete {name}."
"""Said after an ending that should have saved nothing, of a new person."""
LEFT_FACES = "Some of the new pictures of {name} could not be removed."
"""The same of somebody who was known before."""


def sentence(error: BaseException) -> str:
    """What an error says, as the beginning of a sentence without its end."""
    text = str(error).rstrip(".")
    return text[:1].upper() + text[1:]
