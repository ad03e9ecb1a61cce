"""ONNX models as they are written, read by the library of the format and run."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from uSense import inference
from uSense.recognizers.embedders import chips, graph, resnet
from uSense.recognizers.embedders.graph import Graph


def test_what_is_written_is_read_by_the_library() -> None:
    """Nodes with their attributes, constants, shapes with free and long sizes: all arrives, and the model is valid."""
    made = Graph("small")
    many = made.constant(np.arange(300, dtype=np.float32).reshape(1, 300))
    axes = made.constant(np.array([1], np.int64))
    joined = made.add("Concat", "in", more=[many], axis=0)
    spread = made.add("Unsqueeze", joined, more=[axes])
    made.add("Transpose", spread, "out", perm=[1, 0, 2])
    data = made.model(
        graph.tensor("in", graph.FLOAT, ["n", 300]),
        graph.tensor("out", graph.FLOAT, [1, "m", 300]),
    )

    read = onnx.load_from_string(data)
    onnx.checker.check_model(read, full_check=True)
    assert (read.ir_version, [(one.domain, one.version) for one in read.opset_import]) == (8, [("", 17)])
    assert [node.op_type for node in read.graph.node] == ["Concat", "Unsqueeze", "Transpose"]
    options = [{one.name: helper.get_attribute_value(one) for one in node.attribute} for node in read.graph.node]
    assert options == [{"axis": 0}, {}, {"perm": [1, 0, 2]}]
    constants = {one.name: numpy_helper.to_array(one) for one in read.graph.initializer}
    assert np.array_equal(constants[many], np.arange(300, dtype=np.float32).reshape(1, 300))
    assert np.array_equal(constants[axes], np.array([1], np.int64))
    (entry,), (result,) = read.graph.input, read.graph.output
    assert [one.dim_param or one.dim_value for one in entry.type.tensor_type.shape.dim] == ["n", 300]
    assert [one.dim_param or one.dim_value for one in result.type.tensor_type.shape.dim] == [1, "m", 300]


def test_what_is_written_runs() -> None:
    """The nodes compute what they say."""
    made = Graph("sum")
    made.add("Add", "in", "out", more=[made.constant(np.array([1, 2], np.float32))])
    session = inference.session(
        made.model(graph.tensor("in", graph.FLOAT, ["n", 2]), graph.tensor("out", graph.FLOAT, ["n", 2])), "a sum"
    )

    (found,) = session.run(["out"], {"in": np.array([[3, 4]], np.float32)})
    assert found.tolist() == [[4, 6]]


def test_the_face_net_is_a_valid_model() -> None:
    """Also by the library's own check of every shape."""
    path = chips.weights("dlib_face_recognition_resnet_model_v1.dat")
    read = onnx.load_from_string(resnet.model(path.read_bytes()))

    onnx.checker.check_model(read, full_check=True)
    assert read.graph.name == "dlib-resnet"
