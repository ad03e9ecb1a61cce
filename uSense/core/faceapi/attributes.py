"""The attributes of a face that uSense measures, and how the others are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from uSense.core.faceapi import faults
from uSense.core.models import Quality

ARRANGED = ("age", "smile", "facialHair", "hair", "makeup", "emotion", "gender")
"""What the service gives by arrangement or not any more."""
UNMEASURED = ("headPose", "glasses", "occlusion", "accessories", "mask")
"""What the service measures and uSense does not."""

_GRADES = (0.25, 0.75)
_NOISE_GRADES = (0.3, 0.7)
_SHARP, _NOISY = 0.10, 20.0
"""The sharpness of a face that is not blurred at all, and the noise (gray values) of one that is all noise."""
_MEDIUM, _HIGH = 0.3, 0.6

Maker: TypeAlias = Callable[[Quality], object]


def _blur(quality: Quality) -> object:
    value = 1 - min(1.0, quality.sharpness / _SHARP)
    return {"blurLevel": _level(value, _GRADES, ("low", "medium", "high")), "value": round(value, 2)}


def _exposure(quality: Quality) -> object:
    levels = ("underExposure", "goodExposure", "overExposure")
    return {"exposureLevel": _level(quality.brightness, _GRADES, levels), "value": round(quality.brightness, 2)}


def _noise(quality: Quality) -> object:
    value = min(1.0, quality.noise / _NOISY)
    return {"noiseLevel": _level(value, _NOISE_GRADES, ("low", "medium", "high")), "value": round(value, 2)}


def _usable(quality: Quality) -> object:
    return _level(quality.value, (_MEDIUM, _HIGH), ("low", "medium", "high"))


def _level(value: float, grades: tuple[float, float], words: tuple[str, str, str]) -> str:
    return words[sum(value >= grade for grade in grades)]


_MEASURED: Mapping[str, tuple[Maker, frozenset[str]]] = {
    "blur": (_blur, frozenset({"detection_01", "detection_03"})),
    "exposure": (_exposure, frozenset({"detection_01", "detection_03"})),
    "noise": (_noise, frozenset({"detection_01"})),
    "qualityForRecognition": (_usable, frozenset({"detection_01", "detection_03"})),
}
_NAMES = {name.lower(): name for name in (*_MEASURED, *ARRANGED, *UNMEASURED)}
_GOOD_MODELS = frozenset({"recognition_03", "recognition_04"})


def asked(value: str, detection: str, recognition: str) -> tuple[str, ...]:
    """The attributes in a comma list; raises Fault for those that are not given, those by arrangement first."""
    names = [part.strip().lower() for part in value.split(",") if part.strip()]
    if not all(name in _NAMES for name in names):
        raise faults.invalid_argument("returnFaceAttributes")
    wanted = tuple(dict.fromkeys(_NAMES[name] for name in names))
    if closed := [name for name in wanted if name in ARRANGED]:
        raise faults.unsupported(",".join(closed))
    for name in wanted:
        if name in UNMEASURED or detection not in _MEASURED[name][1]:
            raise faults.not_by(name, detection)
        if name == "qualityForRecognition" and recognition not in _GOOD_MODELS:
            raise faults.not_by(name, recognition)
    return wanted


def measured(quality: Quality, names: tuple[str, ...]) -> dict[str, object]:
    """These attributes of a face."""
    return {name: _MEASURED[name][0](quality) for name in names}
