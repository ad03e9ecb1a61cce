"""Sorting faces into persons."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def clusters(alike: NDArray[np.float32], least: float) -> tuple[list[list[int]], list[int]]:
    """Groups of faces that are alike, biggest first, and the faces that resemble no other one.

    `alike` is (n, n), the score of each pair. Two groups become one as long as the mean score between them is at least
    `least`, the nearest first: one face that resembles two people does not join them.
    """
    means = alike.astype(np.float64)
    np.fill_diagonal(means, -np.inf)
    members = {index: [index] for index in range(len(alike))}
    while len(members) > 1:
        a, b = (int(index) for index in np.unravel_index(means.argmax(), means.shape))
        if means[a, b] < least:
            break
        ours, theirs = len(members[a]), len(members[b])
        merged = (ours * means[a] + theirs * means[b]) / (ours + theirs)
        merged[a] = -np.inf
        means[a], means[:, a] = merged, merged
        means[b], means[:, b] = -np.inf, -np.inf
        members[a] += members.pop(b)
    found = sorted((sorted(one) for one in members.values()), key=lambda one: (-len(one), one))
    return [one for one in found if len(one) > 1], [one[0] for one in found if len(one) == 1]
