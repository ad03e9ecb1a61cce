"""A stand-in for picamera2 and the hardware below it, after the source of 0.3.38: its threads, jobs, locks and errors.

Its signatures are compared with the real package's by tests/cameras/test_pidevice.py, and the same contract suite runs
on the real package in tests/pi/lab.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tests.support.films import bars
from tests.support.packing import packed
from uSense.cameras.pidevice import Device
from uSense.core.models import Rgb, Size

Array: TypeAlias = NDArray[np.uint8]
ID = "/base/soc/i2c0mux/i2c@1/imx708@1a"
OTHER = "/base/soc/i2c0mux/i2c@0/imx219@10"
USB = "/base/scb/pcie@7d500000/pci@0,0/usb@0,0-1:1.0-046d:0825"
CONTROLS = {
    "FrameDurationLimits": (8333, 1000000000, 33333),
    "NoiseReductionMode": (0, 4, 0),
    "AfMode": (0, 2, 0),
    "Brightness": (-1.0, 1.0, 0.0),
    "ExposureTime": (0, 66666, 20000),
}


@dataclass
class Transform:
    """libcamera's."""

    hflip: bool = False
    vflip: bool = False


@dataclass
class Machine:
    """A Pi with cameras, and what is wrong with it."""

    cameras: list[str] = field(default_factory=lambda: [ID])
    controls: Mapping[str, Any] = field(default_factory=lambda: CONTROLS)
    formats: Mapping[str, str] = field(default_factory=dict)
    """What the camera makes of a format that is asked for."""
    sizes: Mapping[Size, Size] = field(default_factory=dict)
    """What it makes of a size."""
    padding: int = 32
    """Bytes by which the rows of YUV pictures are longer."""
    rec709: bool = True
    mirrors: bool = True
    """Whether the sensor mirrors when asked; if not, the configuration says so."""
    streams: int = 2
    heap: bool = True
    """Whether there is /dev/dma_heap."""
    alive: bool = True
    """Whether pictures come; they do not when the cable is loose."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """In place of what the pictures come with."""
    hanging: threading.Event = field(default_factory=threading.Event)
    """The driver returns from `stop` when this is set."""
    stops: bool = True
    """Whether the camera can be stopped."""
    late: bool = False
    """A job finishes at the moment in which all are canceled."""
    taken: set[str] = field(default_factory=set)
    """The cameras that somebody has."""
    out: int = 0
    """Pictures that are not given back."""
    most_out: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    """The configurations that were asked for."""
    opened: list[FakePicamera2] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hanging.set()

    def load(self) -> type[Device]:
        """The class, as an import of picamera2 gives it."""
        machine = self

        class Picamera2(FakePicamera2):
            @staticmethod
            def global_camera_info() -> list[dict[str, Any]]:
                return machine.listed()

        Picamera2.machine = self
        return Picamera2

    def listed(self) -> list[dict[str, Any]]:
        """The cameras, sorted as the real one does: by Id from the last on, those on USB at the end."""
        infos = [
            {
                "Model": name.rpartition("/")[2].partition("@")[0],
                "Location": 2,
                "Rotation": 180,
                "Id": name,
                "Num": number,
            }
            for number, name in enumerate(self.cameras)
        ]
        return sorted(infos, key=lambda info: ("/usb" not in str(info["Id"]), info["Id"]), reverse=True)

    def array(self, rgb: Rgb, kind: str) -> Array:
        """A picture as `make_array` gives it."""
        return packed(rgb, kind, self.padding, rec709=self.rec709)


class FakeRequest:
    """CompletedRequest: counts its users, and the memory that is out."""

    def __init__(self, device: FakePicamera2, number: int) -> None:
        self.device = device
        self.number = number
        self.ref_count = 1
        self.config = dict(device.camera_config)
        self.exposed = time.monotonic_ns()
        device.buffers_out += 1

    def make_array(self, name: str) -> Array:
        config = self.config.get(name)
        if config is None:
            raise RuntimeError(f"Stream {name!r} is not defined")
        return self.device.machine.array(bars(self.number, config["size"]), config["format"])

    def get_metadata(self) -> dict[str, Any]:
        return {"SensorTimestamp": self.exposed, "FrameDuration": 33333, **self.device.machine.metadata}

    def acquire(self) -> None:
        self.ref_count += 1

    def release(self) -> None:
        self.ref_count -= 1
        if self.ref_count < 0:
            raise RuntimeError("CompletedRequest: lock now has negative ref_count")
        if self.ref_count == 0:
            self.device.buffers_out -= 1


class FakeJob:
    """Job: an exception or a result is set by the camera's thread, and signaled afterwards."""

    def __init__(self, functions: list[Callable[[], tuple[bool, Any]]], signal_function: Any = None) -> None:
        self._functions = functions
        self._signal_function = signal_function
        self._future: Future[Any] = Future()
        self._result: Any = None

    def execute(self) -> bool:
        try:
            while self._functions:
                done, self._result = self._functions[0]()
                if not done:
                    return False
                self._functions.pop(0)
        except Exception as error:  # noqa: BLE001 - as the real one does
            self._future.set_exception(error)
            self._functions = []
        return True

    def signal(self) -> None:
        if not self._future.done():
            self._future.set_result(self._result)
        if self._signal_function:
            self._signal_function(self)

    def get_result(self, timeout: float | None = None) -> Any:
        return self._future.result(timeout)

    def cancel(self) -> None:
        self._future.set_exception(CancelledError())


class FakePreview:
    """NullPreview: the thread that does everything."""

    def __init__(self, device: FakePicamera2) -> None:
        self.device = device
        self._abort = threading.Event()
        self.thread = threading.Thread(target=self._run, name="picamera2", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self._abort.wait(self.device.frame_duration):
            self.device.process_requests(self)

    def stop(self) -> None:
        self._abort.set()
        self.thread.join()
        self.device.detach_preview()


class FakePicamera2:
    """Picamera2: what uSense uses of it, and what that needs."""

    machine: ClassVar[Machine]

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        raise NotImplementedError

    def __init__(
        self, camera_num: int = 0, verbose_console: Any = None, tuning: Any = None, allocator: Any = None
    ) -> None:
        reading, self.notifyme_w = os.pipe2(os.O_NONBLOCK)
        self.notifymeread = os.fdopen(reading, "rb")
        self._preview: FakePreview | None = None
        self.is_open = False
        infos = self.global_camera_info()
        if camera_num >= len(infos):
            raise RuntimeError(f"No camera number {camera_num} found")
        self.camera: str | None = infos[camera_num]["Id"]
        self.lock = threading.Lock()
        self.camera_config: dict[str, Any] = {}
        self.completed_requests: list[FakeRequest] = []
        self.started = False
        self.pre_callback: Callable[[FakeRequest], None] | None = None
        self.frames = self.buffers_out = 0
        self.frame_duration = 1 / 30
        self._job_list: list[FakeJob] = []
        self._preview_stopped = threading.Event()
        if self.camera in self.machine.taken:
            busy = RuntimeError("Failed to acquire camera: Device or resource busy")
            raise RuntimeError("Camera __init__ sequence did not complete.") from busy
        self.machine.taken.add(str(self.camera))
        self.is_open = True
        atexit.register(self.close)
        self.machine.opened.append(self)
        if not self.machine.heap:
            raise RuntimeError("Could not open any dmaHeap device")
        self.allocator = allocator or object()

    def __del__(self) -> None:
        self.close()

    @property
    def camera_controls(self) -> Mapping[str, Any]:
        return {} if self.camera is None else self.machine.controls

    def create_video_configuration(  # noqa: PLR0913, PLR0917 - as the real one
        self,
        main: Mapping[str, Any] = {},
        lores: Mapping[str, Any] | None = None,
        raw: Mapping[str, Any] | None = {},
        transform: Any = Transform(),  # noqa: B008 - as the real one
        colour_space: Any = None,
        buffer_count: int = 6,
        controls: Mapping[str, Any] = {},
        display: str | None = "main",
        encode: str | None = "main",
        queue: bool = True,  # noqa: FBT001, FBT002 - as the real one
        sensor: Mapping[str, Any] = {},
        use_case: str = "video",
    ) -> dict[str, Any]:
        for updates in filter(None, (main, lores, raw)):
            if bad := set(updates) - {"format", "size", "stride", "preserve_ar"}:
                raise ValueError(f"Bad key {bad!r}")
        if {"NoiseReductionMode", "FrameDurationLimits"} <= set(self.camera_controls):
            controls = {"NoiseReductionMode": 1, "FrameDurationLimits": (33333, 33333), **controls}
        return {
            "use_case": use_case,
            "transform": transform,
            "buffer_count": buffer_count,
            "queue": queue,
            "main": {"format": "XBGR8888", "size": (1280, 720), "preserve_ar": True, **main},
            "lores": None if lores is None else {"format": "YUV420", "preserve_ar": False, **lores},
            "raw": raw,
            "controls": controls,
        }

    def configure(self, camera_config: Any = None) -> None:
        machine, config = self.machine, dict(camera_config)
        machine.asked.append(dict(camera_config))
        if config["lores"] is not None and machine.streams == 1:
            raise AttributeError("'NoneType' object has no attribute 'orientation'")
        for name in ("main", "lores"):
            if config[name] is not None:
                if type(config[name]["size"]) is not tuple or any(side % 2 for side in config[name]["size"]):
                    raise RuntimeError("width and height should be even")
                kind = config[name]["format"]
                size = machine.sizes.get(config[name]["size"], config[name]["size"])
                config[name] = {**config[name], "format": machine.formats.get(kind, kind), "size": size}
        matrix = "Rec709" if machine.rec709 else "Rec601"
        config["colour_space"] = SimpleNamespace(
            ycbcrEncoding=SimpleNamespace(name=matrix), range=SimpleNamespace(name="Limited")
        )
        if not machine.mirrors:
            config["transform"] = Transform()
        for name, value in config["controls"].items():
            if name == "FrameRate":
                self.frame_duration = 1 / value
            elif name not in machine.controls:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
        self.camera_config = config

    def camera_configuration(self) -> dict[str, Any]:
        return self.camera_config

    def start(self, config: Any = None, show_preview: Any = False) -> None:  # noqa: FBT002 - as the real one
        if not self.camera_config:
            raise RuntimeError("Camera has not been configured")
        self._preview = FakePreview(self)
        self.started = True

    def process_requests(self, display: FakePreview) -> None:
        """A turn of the camera's thread; an exception here is that thread's end."""
        config, machine = self.camera_config, self.machine
        with self.lock:
            if machine.alive and self.started and self.buffers_out < config["buffer_count"]:
                self.completed_requests.append(FakeRequest(self, self.frames))
                self.frames += 1
                machine.most_out = max(machine.most_out, self.buffers_out)
                if self.pre_callback:
                    self.pre_callback(self.completed_requests[-1])
            finished = []
            while self._job_list and self._job_list[0].execute():
                finished.append(self._job_list.pop(0))
            kept = 1 if config["queue"] and config["buffer_count"] > 1 else 0
            while len(self.completed_requests) > kept:
                self.completed_requests.pop(0).release()
        for job in finished:
            job.signal()

    def capture_request(self, wait: Any = None, signal_function: Any = None, flush: Any = None) -> Any:
        if wait is None:
            wait = signal_function is None
        with self.lock:
            job = FakeJob([self._capture_request], signal_function)
            self._job_list.append(job)
        return job.get_result(None if wait is True else wait) if wait else job

    def _capture_request(self) -> tuple[bool, Any]:
        return (True, self.completed_requests.pop(0)) if self.completed_requests else (False, None)

    def cancel_all_and_flush(self) -> None:
        if self.machine.late and self._preview:
            self.machine.alive = True
            self.process_requests(self._preview)
        with self.lock:
            for job in self._job_list:
                job.cancel()
            self._job_list = []

    def detach_preview(self) -> None:
        self._preview = None
        self._preview_stopped.set()

    def stop(self) -> None:
        if not self.started:
            return
        self.machine.hanging.wait()
        if not self.machine.stops:
            raise RuntimeError("Failed to stop camera: Connection timed out")
        self.started = False
        while self.completed_requests:
            self.completed_requests.pop(0).release()

    def close(self) -> None:
        atexit.unregister(self.close)
        if self._preview:
            self._preview.stop()
            self._preview_stopped.wait()
        if not self.is_open:
            return
        self.stop()
        self.machine.taken.discard(str(self.camera))
        self.is_open = False
        self.camera = None
        self.notifymeread.close()
        os.close(self.notifyme_w)
        del self.allocator
