"""Tiny ONNX nets, for tests that are not about what a net finds."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import TensorProto, helper


def net(shape: Sequence[int | None], axes: Sequence[int] = (2, 3)) -> bytes:
    """A net whose output is its input's mean over `axes`."""
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["input"], ["output"], axes=list(axes), keepdims=0)],
        "mean",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, None)],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data: bytes = made.SerializeToString()
    return data
