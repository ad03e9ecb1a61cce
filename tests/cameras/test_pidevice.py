"""What uSense takes for granted of picamera2, compared with the real package's source; and its errors."""

from __future__ import annotations

import ast
import inspect
import io
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.peers import picamera as peer
from tests.peers.picamera import Machine
from tests.support import needs
from tests.support.films import bars
from uSense.cameras import pidevice
from uSense.cameras.pidevice import Device, Job, NoCamera, Request
from uSense.cameras.pipicture import PIXELS
from uSense.core.errors import CameraAbsentError, CameraError

LAB = Path(os.environ.get("USENSE_LAB") or Path.home() / ".cache" / "usense-lab")
PARTS: dict[type, tuple[str, str]] = {
    Device: ("picamera2.py", "Picamera2"),
    peer.FakePicamera2: ("picamera2.py", "Picamera2"),
    Request: ("request.py", "CompletedRequest"),
    peer.FakeRequest: ("request.py", "CompletedRequest"),
    Job: ("job.py", "Job"),
    peer.FakeJob: ("job.py", "Job"),
}
OWN = {"_run", "_capture_request"}
"""Methods of the stand-ins that are theirs alone."""


def source(file: str) -> str:
    """A file of the real package."""
    path = LAB / "package" / "picamera2" / file
    if not path.is_file():
        needs.missing("the source of picamera2 is not here: tests/pi/lab package")
    return path.read_text("utf-8")


def real(file: str, name: str) -> ast.ClassDef:
    """A class of the real package."""
    (found,) = (node for node in ast.parse(source(file)).body if isinstance(node, ast.ClassDef) and node.name == name)
    return found


def methods(node: ast.ClassDef) -> dict[str, ast.FunctionDef]:
    """Its methods; of an overloaded one the implementation, which is the last."""
    return {function.name: function for function in node.body if isinstance(function, ast.FunctionDef)}


def attributes(node: ast.ClassDef) -> set[str]:
    """What its methods set on `self`."""
    return {
        target.attr
        for target in ast.walk(node)
        if isinstance(target, ast.Attribute)
        and isinstance(target.ctx, ast.Store)
        and ast.unparse(target.value) == "self"
    }


def parameters(function: ast.FunctionDef) -> dict[str, bool]:
    """Names in order without `self`, and whether they may be left out."""
    arguments = function.args
    assert not arguments.posonlyargs
    assert not arguments.kwonlyargs
    names = [argument.arg for argument in arguments.args]
    optional = len(names) - len(arguments.defaults)
    return {name: place >= optional for place, name in enumerate(names) if name != "self"}


def own_functions(kind: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The methods and properties that a class of ours has itself, and the constructor."""
    for name, value in vars(kind).items():
        inner = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
        if inspect.isfunction(inner) and (name == "__init__" or not name.startswith("__")) and name not in OWN:
            yield name, inner


@pytest.mark.parametrize("kind", PARTS, ids=lambda kind: kind.__name__)
def test_calls_fit_the_real_package(kind: type) -> None:
    """Each method that uSense calls, or that the stand-in has, is there and takes the same arguments."""
    node = real(*PARTS[kind])
    there, stored = methods(node), attributes(node)
    for name, function in own_functions(kind):
        if name == "__init__" and kind in {Request, Job, peer.FakeRequest}:
            continue
        if name not in there:
            assert name in stored, name
            continue
        wanted = [one for one in inspect.signature(function).parameters.values() if one.name != "self"]
        given = parameters(there[name])
        assert [one.name for one in wanted if one.name not in given] == [], name
        assert [one for one, optional in given.items() if not optional] == [
            one.name for one in wanted if not given[one.name]
        ], name
        by_place = [one.name for one in wanted if one.kind is not one.KEYWORD_ONLY]
        assert by_place == list(given)[: len(by_place)], name


@pytest.mark.parametrize("kind", [Device, peer.FakePicamera2])
def test_attributes_are_those_of_the_real_package(kind: type) -> None:
    """What is read of a device besides its methods is set by the real one, under the same name."""
    node = real("picamera2.py", "Picamera2")
    there = attributes(node) | set(methods(node)) | {"machine"}
    stated = set(kind.__annotations__)
    fake = ast.parse(inspect.getsource(peer))
    (stand_in,) = (one for one in fake.body if isinstance(one, ast.ClassDef) and one.name == "FakePicamera2")
    own = {"buffers_out", "frame_duration"}
    assert (stated | (attributes(stand_in) - own if kind is not Device else set())) - there == set()


def test_keys_are_those_of_the_real_package() -> None:
    """The names in configurations, lists of cameras and metadata that uSense reads."""
    text = source("picamera2.py")
    node = real("picamera2.py", "Picamera2")
    created = ast.unparse(methods(node)["create_video_configuration"])
    for key in ("transform", "colour_space", "main", "lores", "raw", "controls", "buffer_count", "queue"):
        assert f"'{key}':" in created
    updated = ast.unparse(methods(node)["_update_stream_config"])
    assert "stream_config['format'] = str(" in updated
    assert "stream_config['size'] = (" in updated
    assert "camera_config['transform'] = " in ast.unparse(methods(node)["_update_camera_config"])
    assert {"Id: str", "Model: str"} <= {line.strip() for line in text.splitlines()}
    assert "['SensorTimestamp']" in ast.unparse(methods(node)["wait_for_timestamp_"])
    assert '"FrameRate": ("FrameDurationLimits",' in source("controls.py")


def test_closing_does_what_the_recovery_needs() -> None:
    """`close` ends the preview's thread before it stops the camera, so that it works with that thread dead, too."""
    closing = ast.unparse(methods(real("picamera2.py", "Picamera2"))["close"])
    order = ["atexit.unregister(self.close)", "self.stop_preview()", "self.stop()", "self.camera.release()"]
    assert sorted(order, key=closing.index) == order


def test_every_format_is_known() -> None:
    """All formats of pictures in the real package are converted, but those that no camera of people's sends."""
    module = ast.parse(source("formats.py"))
    sets: dict[str, set[str]] = {}
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Set) and isinstance(node.targets[0], ast.Name):
            sets[node.targets[0].id] = ast.literal_eval(node.value)
    strange = {"VYUY", "RGB161616", "BGR161616"}
    assert (sets["YUV_FORMATS"] | sets["RGB_FORMATS"]) - strange == set(PIXELS) - {"MJPEG"}


@pytest.mark.parametrize("padding", [0, 32])
@pytest.mark.parametrize("kind", sorted(set(PIXELS) - {"MJPEG"}))
def test_arrays_have_the_real_shapes(kind: str, padding: int) -> None:
    """The real package makes arrays of the stand-in's shapes from the camera's memory."""
    width, height = 320, 240
    bytes_a_pixel = {"RGB888": 3, "BGR888": 3, "XRGB8888": 4, "XBGR8888": 4, "YUYV": 2, "YVYU": 2, "UYVY": 2}
    stride = width * bytes_a_pixel.get(kind, 1) + padding
    rows = height if kind in bytes_a_pixel else height * 3 // 2
    function = methods(real("request.py", "Helpers"))["_make_array_shared"]
    scope: dict[str, Any] = {"np": np, "io": io, "Dict": dict, "Any": Any, "formats": SimpleNamespace(is_raw=bool)}
    exec(compile(ast.Module([function], []), "request.py", "exec"), scope)  # noqa: S102 - it needs libcamera otherwise
    memory = np.zeros(rows * stride, np.uint8)
    config = {"format": kind, "size": (width, height), "stride": stride}
    expected = scope["_make_array_shared"](None, memory, config)
    machine = Machine(padding=padding)
    assert machine.array(bars(0), kind).shape == expected.shape


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("", (0, "b")), (0, (0, "b")), ("1", (1, "a")), (1, (1, "a")), ("a", (1, "a")), ("b", (0, "b"))],
)
def test_cameras_are_found(wanted: str | int, expected: tuple[int, str]) -> None:
    """By Id, by number, or the first."""
    assert pidevice.find([{"Id": "b"}, {"Id": "a"}], wanted) == expected


@pytest.mark.parametrize("wanted", [2, "2", "c", -1, "-1"])
def test_absent_cameras_are_told_with_those_there_are(wanted: str | int) -> None:
    """Who names a camera that is not there reads the names of those that are."""
    with pytest.raises(LookupError, match=r"there is no camera .*; there are 0: b \(imx708\), 1: a \(\?\)"):
        pidevice.find([{"Id": "b", "Model": "imx708"}, {"Id": "a"}], wanted)


def wrapped(error: Exception) -> CameraError:
    """What becomes of an error of picamera2's."""
    with pytest.raises(CameraError) as caught, pidevice.in_plain_words("hall"):
        raise RuntimeError("Camera __init__ sequence did not complete.") from error
    return caught.value


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("Failed to acquire camera: Device or resource busy"), "another program uses the camera"),
        (RuntimeError("Pipeline handler in use by another process"), "another program uses the camera"),
        (RuntimeError("Could not open any dmaHeap device"), "/dev/dma_heap is missing"),
        (PermissionError(13, "Permission denied", "/dev/dma_heap/linux,cma"), "add the user to the group video"),
        (OSError(12, "Cannot allocate memory"), "choose a smaller `size`"),
        (RuntimeError("Unable to cast Python instance"), "a value under `controls` is of the wrong kind"),
        (RuntimeError("something else"), "picamera2 says: Camera __init__ sequence did not complete.: something else"),
    ],
)
def test_errors_say_what_to_do(error: Exception, words: str) -> None:
    """Whatever link of the chain of errors tells the reason."""
    assert words in wrapped(error).reason


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ModuleNotFoundError("No module named 'picamera2'"), "install it with `sudo apt install python3-picamera2`"),
        (ModuleNotFoundError("No module named 'libcamera'"), f"--system-site-packages {sys.prefix}`"),
        (NoCamera("no video devices"), "there are no video devices"),
        (NoCamera("no cameras"), "is its cable in"),
    ],
)
def test_what_is_not_there_is_told_apart(error: Exception, words: str) -> None:
    """No software and no camera: the automatic camera then looks for another kind."""
    with pytest.raises(CameraAbsentError) as caught, pidevice.in_plain_words("hall"):
        raise error
    assert words in caught.value.reason


def test_numpy_of_another_age_is_told() -> None:
    """Debian 12's simplejpeg was built for numpy 1."""
    message = "numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88"
    with pytest.raises(CameraError, match="pip install --ignore-installed simplejpeg"), pidevice.in_plain_words("hall"):
        raise ValueError(message)


def test_bugs_are_not_hidden() -> None:
    """Errors that no library raises on purpose stay what they are."""
    with pytest.raises(ZeroDivisionError), pidevice.in_plain_words("hall"):
        raise ZeroDivisionError


def test_import_waits_for_the_devices(tmp_path: Path) -> None:
    """picamera2 looks at the machine when it is imported, so it is not imported before the devices are there."""
    with pytest.raises(NoCamera):
        pidevice.load(tmp_path)
    assert "picamera2" not in sys.modules


def test_display_stands_in() -> None:
    """The module that picamera2 wants for its preview has every name it asks for."""
    names: Any = pidevice._no_display()
    assert names.PixelFormat.RGB888 == "RGB888"


HANGING = """
import threading
from tests.peers.picamera import Machine
from uSense.cameras import pidevice

opened = threading.Event()

def camera():
    machine = Machine()
    machine.hanging.clear()
    device = pidevice.created(machine.load(), 0)
    device.started = True
    opened.set()
    threading.Event().wait()  # as a driver that hangs while the camera starts

threading.Thread(target=camera, daemon=True).start()
opened.wait()
"""


def test_python_can_end_with_a_hanging_driver() -> None:
    """picamera2 would close its cameras when Python ends, and with a driver that hangs it would never end."""
    subprocess.run([sys.executable, "-c", HANGING], cwd=needs.ROOT, timeout=60, check=True)


def test_half_made_devices_are_given_back(caplog: pytest.LogCaptureFixture) -> None:
    """A device whose constructor failed after it took the camera lets it go, and its files."""
    machine = Machine(heap=False)
    caplog.set_level(logging.CRITICAL)
    with pytest.raises(RuntimeError, match="dmaHeap"):
        pidevice.created(machine.load(), 0)
    assert machine.taken == set()
    assert machine.opened[-1].notifymeread.closed
