"""dlib's face ResNet as an ONNX model: the weights are read out of dlib's own file, the net is built around them.

dlib computes this net without a fast matrix library and holds the GIL meanwhile; onnxruntime gives the same numbers in
a tenth of the time. Source of the file format and the layers: dlib's serialize.h, dnn/layers.h and
examples/dnn_face_recognition_ex.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from uSense.recognizers.embedders import graph
from uSense.recognizers.embedders.graph import Graph

Floats = NDArray[np.float32]

SIDE = 150
"""Width and height of the chips in pixels."""
_MEANS = np.array((122.782, 117.001, 104.298), np.float64)
_RANGE = 256.0
_STAGES = ((32, 3, False), (64, 3, True), (128, 2, True), (256, 2, True), (256, 0, True))
"""Channels, plain blocks, and whether a block that halves the picture comes first."""
_CONTROL_SIGN = 0x80


def model(data: bytes) -> bytes:
    """The ONNX model made of `data`, the bytes of dlib_face_recognition_resnet_model_v1.dat.

    Input `chips`: (n, 150, 150, 3) uint8, red first; output `vectors`: (n, 128), as dlib computes them.
    """
    layers, last = _weights(data)
    net = _Net("dlib-resnet")
    net.add("Cast", "chips", "floats", to=graph.FLOAT)
    net.add("Transpose", "floats", "planes", perm=[0, 3, 1, 2])
    source = net.convolved("planes", layers[0], kernel=7, stride=2, pad=0)
    source = net.add("Relu", source)
    source = net.add("MaxPool", source, kernel_shape=[3, 3], strides=[2, 2])
    rest, side, channels = iter(layers[1:]), (SIDE - 7) // 2 + 1, 32
    side = (side - 3) // 2 + 1
    for width, blocks, halves in _STAGES:
        if halves:
            source, side = net.halved(source, (next(rest), next(rest)), side, width - channels)
            channels = width
        for _ in range(blocks):
            source = net.residual(source, (next(rest), next(rest)))
    pooled = net.add("GlobalAveragePool", source)
    flat = net.add("Flatten", pooled)
    net.add("MatMul", flat, "vectors", more=[net.constant(last)])
    return net.model(
        graph.tensor("chips", graph.UINT8, ["n", SIDE, SIDE, 3]),
        graph.tensor("vectors", graph.FLOAT, ["n", last.shape[1]]),
    )


class _Net(Graph):
    """The parts that the net is made of; each returns its output's name."""

    def convolved(self, source: str, layer: tuple[Floats, Floats], *, kernel: int, stride: int, pad: int) -> str:
        inputs = [self.constant(layer[0]), self.constant(layer[1])]
        return self.add("Conv", source, more=inputs, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def residual(self, source: str, pair: tuple[tuple[Floats, Floats], tuple[Floats, Floats]]) -> str:
        """relu(x + conv(relu(conv(x))))."""
        inner = self.add("Relu", self.convolved(source, pair[0], kernel=3, stride=1, pad=1))
        inner = self.convolved(inner, pair[1], kernel=3, stride=1, pad=1)
        return self.add("Relu", self.add("Add", inner, more=[source]))

    def halved(
        self, source: str, pair: tuple[tuple[Floats, Floats], tuple[Floats, Floats]], side: int, new_channels: int
    ) -> tuple[str, int]:
        """A block of half the size: dlib adds tensors of unequal size by taking what is missing at the end as zero."""
        inner = self.add("Relu", self.convolved(source, pair[0], kernel=3, stride=2, pad=0))
        inner = self.convolved(inner, pair[1], kernel=3, stride=1, pad=1)
        shortcut = self.add("AveragePool", source, kernel_shape=[2, 2], strides=[2, 2])
        small, large = (side - 3) // 2 + 1, (side - 2) // 2 + 1
        inner = self._padded(inner, 0, large - small)
        shortcut = self._padded(shortcut, new_channels, 0)
        return self.add("Relu", self.add("Add", inner, more=[shortcut])), large

    def _padded(self, source: str, channels: int, pixels: int) -> str:
        if not channels and not pixels:
            return source
        return self.add("Pad", source, more=[self.constant(np.array([0] * 5 + [channels, pixels, pixels], np.int64))])


def _weights(data: bytes) -> tuple[list[tuple[Floats, Floats]], Floats]:
    """Filters and biases of the convolutions in their order, normalizations folded in; and the last layer's matrix."""
    convolutions: list[Floats] = []
    scales: list[Floats] = []
    last = np.empty((0, 0), np.float32)
    for tag, values in _tensors(data):
        if tag == "con_4":
            convolutions.append(values)
        elif tag == "affine_":
            scales.append(values)
        else:
            last = values.reshape(256, 128)
    channels = 3
    layers: list[tuple[Floats, Floats]] = []
    for index, (flat, scale) in enumerate(zip(convolutions, scales, strict=True)):
        gamma, beta = (half.astype(np.float64) for half in np.split(scale, 2))
        filters = flat[: -len(gamma)].reshape(len(gamma), channels, *([7 if index == 0 else 3] * 2)).astype(np.float64)
        biases = flat[-len(gamma) :].astype(np.float64)
        if index == 0:
            biases -= np.einsum("fcyx,c->f", filters, _MEANS) / _RANGE
            filters /= _RANGE
        filters *= gamma[:, None, None, None]
        layers.append((filters.astype(np.float32), (biases * gamma + beta).astype(np.float32)))
        channels = len(gamma)
    return layers, last


def _tensors(data: bytes) -> Iterator[tuple[str, Floats]]:
    """Tag and values of every tensor with weights, from the net's input to its output."""
    for match in re.finditer(rb"con_4|affine_|fc_2", data):
        tag, position = match.group().decode(), match.end()
        for _ in range(2 if tag == "fc_2" else 0):
            _, position = _integer(data, position)
        _, position = _integer(data, position)
        count = 1
        for _ in range(4):
            size, position = _integer(data, position)
            count *= size
        if count:
            yield tag, np.frombuffer(data, "<f4", count, position)


def _integer(data: bytes, position: int) -> tuple[int, int]:
    """The packed integer of dlib at `position`, and the position after it."""
    control = data[position]
    end = position + 1 + (control & 0x0F)
    value = int.from_bytes(data[position + 1 : end], "little")
    return (-value if control & _CONTROL_SIGN else value), end
