"""Tiny ONNX nets, for tests that are not about what a net finds."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import TensorProto, helper


def looks() -> bytes:
    """An embedder of 49 coarse gray values, its mean taken off: enough to tell two portraits apart."""
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["input"], ["gray"], axes=[1], keepdims=1),
            helper.make_node("AveragePool", ["gray"], ["coarse"], kernel_shape=[16, 16], strides=[16, 16]),
            helper.make_node("ReduceMean", ["coarse"], ["mean"], axes=[2, 3], keepdims=1),
            helper.make_node("Sub", ["coarse", "mean"], ["centered"]),
            helper.make_node("Flatten", ["centered"], ["output"], axis=1),
        ],
        "looks",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, 3, 112, 112])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, None)],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data: bytes = made.SerializeToString()
    return data


def net(shape: Sequence[int | None], axes: Sequence[int] = (2, 3), *, sines: bool = False) -> bytes:
    """A net whose output is its input's mean over `axes`; with `sines` that of its sines, which are held meanwhile."""
    graph = helper.make_graph(
        [
            *([helper.make_node("Sin", ["input"], ["waves"])] if sines else []),
            helper.make_node("ReduceMean", ["waves" if sines else "input"], ["output"], axes=list(axes), keepdims=0),
        ],
        "mean",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, None)],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data: bytes = made.SerializeToString()
    return data
