"""ONNX models on the CPU: opened from checked bytes, quiet, on as many threads as told."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from uSense.core.errors import ModelError

Array = NDArray[Any]


class Session(Protocol):
    """What uSense uses of onnxruntime's InferenceSession, which has no types of its own."""

    def run(
        self, outputs: Sequence[str] | None, inputs: dict[str, Array], options: Any = None
    ) -> list[NDArray[np.float32]]:
        """Outputs in the asked order; `options` are None or `seldom()`; releases the GIL."""

    def get_inputs(self) -> list[Any]:
        """Name and shape of each input."""

    def get_outputs(self) -> list[Any]:
        """Name and shape of each output."""


def read(path: Path, sha256: str | None = None) -> bytes:
    """The bytes of a model file; raises ModelError if it is missing, unreadable or not the expected one."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read the model {path}: {error.strerror}") from error
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise ModelError(f"{path} is not the file it should be (wrong SHA-256): install it again")
    return data


def seldom() -> Any:
    """The options of a run larger than usual, after which the session gives back what it needed."""
    import onnxruntime  # noqa: PLC0415 - heavy: paid for by those who use a model

    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def session(model: bytes, name: str, *, threads: int = 1) -> Session:
    """Open an ONNX model; raises ModelError, in which `name` says which one. Takes a moment: never on the loop."""
    version = importlib.metadata.version("onnxruntime")
    if version.startswith("1.21."):
        # Its aarch64 build dies of an illegal instruction on a Pi 4, at import and without a traceback.
        raise ModelError(f"onnxruntime {version} crashes on a Raspberry Pi 4: install any other version from 1.20 on")
    # From 1.32 on importing it opens a database and asks for Microsoft's servers, unless this is set before.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # noqa: PLC0415 - heavy: paid for by those who use a model
    from onnxruntime.capi import onnxruntime_pybind11_state as failures  # noqa: PLC0415 - the same

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.enable_mem_pattern = False  # one plan a shape is kept otherwise, and batches come in all sizes
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    broken = (
        failures.Fail,
        failures.InvalidArgument,
        failures.InvalidGraph,
        failures.InvalidProtobuf,
        failures.NotImplemented,
        failures.RuntimeException,
    )
    try:
        opened = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except broken as error:
        raise ModelError(f"{name} is no ONNX model that onnxruntime {version} can run: {error}") from error
    # Kept to open the model anew elsewhere than on the CPU: as much memory as the weights take.
    opened._model_bytes = None  # noqa: SLF001 - nothing but this gives it back
    return cast("Session", opened)
