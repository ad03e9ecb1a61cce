"""Writes ONNX models, as much of the format as a net of convolutions needs: the library for it would stay in memory.

Pieces are joined only once, because every copy costs as much memory as the weights. Source: onnx.proto (IR version 8)
and protobuf's encoding, in which a field is its number and kind, then an integer, or a length and so many bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = NDArray[np.float32] | NDArray[np.int64]
Pieces: TypeAlias = list[bytes]
"""The encoding of one or more fields, in order."""

FLOAT, UINT8, INT64 = 1, 2, 7
"""Kinds of elements."""
_IR_VERSION, _OPSET = 8, 17
_INT, _INTS = 2, 7
"""Kinds of attributes."""


class Graph:
    """Grows by nodes and constants, each of which is known by its output's name, and ends as a model."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._nodes: list[Pieces] = []
        self._constants: list[Pieces] = []

    def constant(self, values: Values) -> str:
        """Numbers that are part of the net."""
        name = f"c{len(self._constants)}"
        kind = INT64 if values.dtype == np.int64 else FLOAT
        shape = [piece for size in values.shape for piece in _integer(1, size)]
        self._constants.append([*shape, *_integer(2, kind), *_text(8, name), *_field(9, [values.tobytes()])])
        return name

    def add(
        self, kind: str, source: str, output: str = "", *, more: Sequence[str] = (), **options: int | Sequence[int]
    ) -> str:
        """A node of this kind behind `source` and `more`."""
        output = output or f"n{len(self._nodes)}"
        inputs = [piece for name in (source, *more) for piece in _text(1, name)]
        attributes = [piece for name in sorted(options) for piece in _field(5, _attribute(name, options[name]))]
        self._nodes.append([*inputs, *_text(2, output), *_text(4, kind), *attributes])
        return output

    def model(self, entry: Pieces, result: Pieces) -> bytes:
        """The whole model, from what `tensor` says of its input to what it says of its output."""
        graph = [
            *(piece for node in self._nodes for piece in _field(1, node)),
            *_text(2, self.name),
            *(piece for constant in self._constants for piece in _field(5, constant)),
            *_field(11, entry),
            *_field(12, result),
        ]
        operators = [*_text(1, ""), *_integer(2, _OPSET)]
        return b"".join([*_integer(1, _IR_VERSION), *_field(7, graph), *_field(8, operators)])


def tensor(name: str, kind: int, shape: Sequence[int | str]) -> Pieces:
    """Name, kind of elements and shape of an input or output; sizes that may vary have a name."""
    sizes = [_integer(1, size) if isinstance(size, int) else _text(2, size) for size in shape]
    dims = [piece for size in sizes for piece in _field(1, size)]
    return [*_text(1, name), *_field(2, _field(1, [*_integer(1, kind), *_field(2, dims)]))]


def _attribute(name: str, value: int | Sequence[int]) -> Pieces:
    if isinstance(value, int):
        return [*_text(1, name), *_integer(3, value), *_integer(20, _INT)]
    return [*_text(1, name), *(piece for one in value for piece in _integer(8, one)), *_integer(20, _INTS)]


def _integer(number: int, value: int) -> Pieces:
    return [_varint(number << 3), _varint(value)]


def _text(number: int, text: str) -> Pieces:
    return _field(number, [text.encode()])


def _field(number: int, content: Pieces) -> Pieces:
    return [_varint(number << 3 | 2), _varint(sum(map(len, content))), *content]


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the highest bit says that more follow."""
    groups = []
    while value > 0x7F:  # noqa: PLR2004 - what fits into seven bits
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])
