"""The curves as PNG pictures, by matplotlib from the extra `evaluate`."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MISSING = "pictures need matplotlib: pip install 'uSense[evaluate]'; text and --json work without"
_SIZES = {"scores": (13.6, 4.0)}
_SIZE = (6.6, 4.0)
"""Inches; the first is drawn over the whole width of the page."""
_DPI = 144


@dataclass(frozen=True, slots=True)
class Look:
    """Colors of a picture."""

    ink: str
    faint: str
    paper: str
    same: str
    other: str
    mark: str


LIGHT = Look(ink="#1f2933", faint="#d9dee4", paper="#ffffff", same="#0f7b6c", other="#c2571a", mark="#5b4bb5")
DARK = Look(ink="#e6e9ed", faint="#3a424c", paper="#1b2027", same="#3fc1ac", other="#f0955a", mark="#a99bf5")


def available() -> bool:
    """Whether pictures can be made here."""
    return find_spec("matplotlib") is not None


def pictures(found: Mapping[str, Any], look: Look) -> dict[str, bytes]:
    """All pictures as PNG, by name."""
    return {name: _picture(name, found, look) for name in _DRAWN}


def _picture(name: str, found: Mapping[str, Any], look: Look) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZES.get(name, _SIZE), dpi=_DPI, facecolor=look.paper, layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor(look.paper)
    axes.grid(visible=True, color=look.faint, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=look.ink, labelcolor=look.ink, length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    _DRAWN[name](axes, found, look)
    axes.xaxis.label.set_color(look.ink)
    axes.yaxis.label.set_color(look.ink)
    legend = axes.get_legend()
    if legend is not None:
        for text in legend.get_texts():
            text.set_color(look.ink)
    data = io.BytesIO()
    figure.savefig(data, format="png", metadata={"Software": None})
    return data.getvalue()


def _scores(axes: Axes, found: Mapping[str, Any], look: Look) -> None:
    """How alike looks are to their own person and to others."""
    histogram = found["histogram"]
    step, count = histogram["step"], len(histogram["same"])
    edges = [histogram["from"] + step * number for number in range(count + 1)]
    for title, name, color in (("same person", "same", look.same), ("another person", "other", look.other)):
        total = sum(histogram[name])
        shares = [100.0 * value / total if total else 0.0 for value in histogram[name]]
        label = f"{title} ({total:,} comparisons)"
        axes.stairs(shares, edges, fill=True, color=color, alpha=0.35)
        axes.stairs(shares, edges, color=color, linewidth=1.6, label=label)
    _threshold(axes, found, look)
    axes.set_xlabel("score")
    axes.set_ylabel(f"% of comparisons, per {step:.2f}")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, loc="upper left")


def _det(axes: Axes, found: Mapping[str, Any], look: Look) -> None:
    """False matches against false non-matches, both by their logarithm; rates of zero are drawn at the lower edge."""
    verified, curve = found["verification"], found["curve"]
    lowest_x, lowest_y = (0.5 / max(1, verified[name]) for name in ("other", "same"))
    x = [100 * max(point["fmr"], lowest_x) for point in curve]
    y = [100 * max(point["fnmr"], lowest_y) for point in curve]
    axes.loglog(x, y, color=look.same, linewidth=2.0, marker="o", markersize=2.6, label="thresholds, 0.01 apart")
    ends = [min(x[-1], y[-1]), 100.0]
    axes.loglog(ends, ends, color=look.faint, linewidth=1.0, linestyle="--", zorder=1)
    at = 100 * max(verified["fmr"], lowest_x), 100 * max(verified["fnmr"], lowest_y)
    axes.loglog(
        *at, color=look.mark, marker="D", markersize=8, linestyle="", label=f"{verified['threshold']:.2f}, in use"
    )
    axes.set_xlim(100 * lowest_x, 100)
    axes.set_ylim(100 * lowest_y, 100)
    axes.minorticks_off()
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.set_xlabel("false match rate: another person scores above the threshold")
    axes.set_ylabel("false non-match rate")
    axes.legend(frameon=False, loc="upper right")


def _thresholds(axes: Axes, found: Mapping[str, Any], look: Look) -> None:
    """What the whole rule does to one look under other thresholds."""
    curve = found["curve"]
    x = [point["threshold"] for point in curve]
    for title, name, color in (
        ("enrolled people, right name", "right", look.same),
        ("strangers, named", "strangers_named", look.other),
    ):
        axes.plot(x, [100 * point[name] for point in curve], color=color, linewidth=2.0, label=title)
    _threshold(axes, found, look)
    axes.set_xlabel("threshold")
    axes.set_ylabel("% of looks")
    axes.set_ylim(-2, 102)
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0)


def _threshold(axes: Axes, found: Mapping[str, Any], look: Look) -> None:
    """Lines at the threshold in use, and at the advised one if that is another."""
    now, advised = found["rules"]["threshold"], found["advice"]["threshold"]
    axes.axvline(now, color=look.mark, linewidth=1.6, label=f"threshold {now:.2f}")
    if abs(advised - now) > 1e-6:  # noqa: PLR2004 - not the same number
        axes.axvline(advised, color=look.mark, linewidth=1.6, linestyle=":", label=f"advised {advised:.2f}")


_DRAWN: Mapping[str, Callable[[Axes, Mapping[str, Any], Look], None]] = {
    "scores": _scores,
    "det": _det,
    "thresholds": _thresholds,
}
NAMES = tuple(_DRAWN)
"""Names of the pictures."""
