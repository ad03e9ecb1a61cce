"""Whether anything moves: still scenes cost next to nothing.

The small gray picture is averaged in square patches and compared with a background that adapts slowly. The change that
all patches share (clouds, automatic exposure) is taken out first, and averaging takes out the sensor's noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from uSense.core.bounds import Minutes, Pause
from uSense.core.models import Gray

PATCH = 8
"""Side of a patch in pixels of the small picture: about the smallest face that is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionRules:
    """Which pictures of a camera are looked at."""

    enabled: bool = True
    """Leave out pictures in which nothing moves."""
    keep_alive: Pause = 5.0
    """Seconds after which a still scene is looked at nevertheless."""
    linger: Minutes = 1.0
    """Seconds to go on looking after the last motion."""
    change: Annotated[float, Interval(gt=0, le=255)] = 8.0
    """Change of a patch's brightness that counts as motion, 0 to 255; lower is more sensitive."""
    adapt: Pause = 3.0
    """Seconds in which the background takes over most of what has come to rest."""

    def __post_init__(self) -> None:
        if self.keep_alive <= 0 or self.change <= 0 or self.adapt <= 0 or self.linger < 0:
            message = "keep_alive, change and adapt must be above 0, linger not below 0"
            raise ValueError(message)


@dataclass(slots=True)
class MotionGate:
    """Says of each picture of one camera whether it is worth a look."""

    rules: MotionRules
    _background: NDArray[np.float32] | None = field(default=None, init=False)
    _shape: tuple[int, ...] = field(default=(), init=False)
    _seen_at: float = field(default=0.0, init=False)
    _moved_at: float = field(default=-math.inf, init=False)
    _looked_at: float = field(default=-math.inf, init=False)

    def see(self, luma: Gray, now: float) -> bool:
        """True if something moves or moved just now, or the last look is too long ago; the first picture always is."""
        if not self.rules.enabled:
            return True
        # In the first half of `linger` the answer is known without a comparison.
        if now - self._moved_at >= self.rules.linger / 2 and self._moves(luma, now):
            self._moved_at = now
        lingers = now - self._moved_at < self.rules.linger
        looks = self._moved_at == now or lingers or now - self._looked_at >= self.rules.keep_alive
        if looks:
            self._looked_at = now
        return looks

    def _moves(self, luma: Gray, now: float) -> bool:
        """Compare with the background and let it adapt. Another picture size begins a new background."""
        patches = _patches(luma)
        elapsed, self._seen_at = now - self._seen_at, now
        if self._background is None or self._shape != luma.shape:
            self._background, self._shape, self._looked_at = patches, luma.shape, -math.inf
            return False
        change = patches - self._background
        self._background += (1.0 - math.exp(-max(0.0, elapsed) / self.rules.adapt)) * change
        change.sort()
        common = change[change.size // 2]
        return bool(max(common - change[0], change[-1] - common) >= self.rules.change)


def _patches(luma: Gray) -> NDArray[np.float32]:
    """Mean of every patch, (n,); what is left over at the right and lower edge is not looked at."""
    side = min(PATCH, *luma.shape)
    rows, columns = luma.shape[0] // side, luma.shape[1] // side
    whole = luma[: rows * side, : columns * side]
    bands = whole.reshape(rows, side, columns * side).sum(axis=1, dtype=np.float32)
    return np.asarray(bands.reshape(rows * columns, side).sum(axis=1) / (side * side), np.float32)
