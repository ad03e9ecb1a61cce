"""Everything that was found as files: one page that needs nothing else, and pictures."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import typer

from uSense.cli.evaluation import plots
from uSense.core.errors import RequestError

_CAPTIONS = {
    "scores": (
        "How alike faces are",
        "Every look against its own person, and against all others. The less the two hills overlap, the better.",
    ),
    "det": (
        "Both errors at once",
        "Each point is a threshold. Nearer to the corner is better; what never happened is drawn on the edge.",
    ),
    "thresholds": (
        "What another threshold would do",
        "One look under the whole rule: score, margin and quality. Several agreeing looks decide in the service.",
    ),
}


def check_targets(html: Path | None, folder: Path | None) -> None:
    """Raises typer.BadParameter, before any work, if these cannot be written."""
    if (html or folder) and not plots.available():
        raise typer.BadParameter(plots.MISSING)
    if html is not None and (html.is_dir() or not html.absolute().parent.is_dir()):
        raise typer.BadParameter(f"{html} is not a file in an existing folder", param_hint="--html")
    if folder is not None and folder.exists() and not folder.is_dir():
        raise typer.BadParameter(f"{folder} is not a folder", param_hint="--plots")


def write(found: Mapping[str, Any], html: Path | None, folder: Path | None) -> list[Path]:
    """Write what was asked for; returns the files; RequestError if one cannot be written."""
    written: list[Path] = []
    try:
        if html is not None:
            html.write_text(page(found), "utf-8")
            written.append(html)
        if folder is not None and found["curve"]:
            folder.mkdir(parents=True, exist_ok=True)
            for name, data in plots.pictures(found, plots.LIGHT).items():
                written.append(folder / f"{name}.png")
                written[-1].write_bytes(data)
    except OSError as error:
        raise RequestError(f"{error.filename}: cannot be written: {error.strerror}", code="not_written") from error
    return written


def page(found: Mapping[str, Any]) -> str:
    """The page, with its pictures and style inside."""
    template = Template((resources.files("uSense.cli.evaluation") / "page.html").read_text("utf-8"))
    protocol = found["protocol"]
    strangers = f" and {found['strangers']} strangers" if found["strangers"] else ""
    return template.substitute(
        folder=escape(found["folder"]),
        subtitle=escape(
            f"{found['people']} people{strangers}, {found['photos']['usable']} usable photos · "
            f"{protocol['splits']} random splits, {protocol['enrolled']} photos of each person enrolled · "
            f"{found['detector']}, {found['model']}"
        ),
        tiles="".join(_tiles(found)),
        advice_kind=escape("no advice" if found["advice"]["kind"] == "none" else found["advice"]["kind"]),
        advice=escape(_sentence(found["advice"]["text"])),
        charts="".join(_charts(found)),
        people="".join(_people(found["per_person"])),
        pairs="".join(_pairs(found)),
        photos="".join(_photos(found)),
        problems="".join(_problems(found)),
        rules=escape(json.dumps({"rules": found["rules"], "protocol": protocol})),
    )


def _tiles(found: Mapping[str, Any]) -> Iterator[str]:
    identified, unknown, verified = found["identification"], found["unknown"], found["verification"]
    misses = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in identified["misses"].items())
    for title, rate, note in (
        ("right name", identified["right"], f"of {identified['looks']:,} looks at enrolled people"),
        ("wrong name", identified["wrong"], f"of {identified['looks']:,} looks at enrolled people"),
        ("stranger named", unknown["named"], f"of {unknown['looks']:,} looks at people not enrolled"),
        ("missed", identified["missed"], misses or "nobody"),
    ):
        harmful = title in {"wrong name", "stranger named"} and rate is not None and rate["value"] > 0
        kind = "bad" if harmful else "" if title == "missed" else "good"
        yield (
            f'<div class="tile {kind}"><h3>{title}</h3><p class="figure">{_percent(rate)}</p>'
            f'<p class="range">{_range(rate)}</p><p class="note">{escape(note)}</p></div>'
        )
    if equal := verified["equal_error"]:
        yield (
            f'<div class="tile"><h3>equal error</h3><p class="figure">{equal["rate"]:.2%}</p>'
            f'<p class="range">at a threshold of {equal["threshold"]:.2f}</p>'
            f'<p class="note">at {verified["threshold"]:.2f}: false non-match {verified["fnmr"]:.2%}, '
            f"false match {verified['fmr']:.3%}</p></div>"
        )


def _charts(found: Mapping[str, Any]) -> Iterator[str]:
    if not found["curve"]:
        yield "<p>No look was good enough to be compared.</p>"
        return
    light, dark = (plots.pictures(found, look) for look in (plots.LIGHT, plots.DARK))
    for name in plots.NAMES:
        title, caption = _CAPTIONS[name]
        yield (
            f"<figure><h3>{title}</h3><picture>"
            f'<source media="(prefers-color-scheme: dark)" srcset="{_inline(dark[name])}">'
            f'<img src="{_inline(light[name])}" alt="{title}"></picture>'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )


def _people(people: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for person in people:
        looks = max(1, person["looks"])
        shares = {what: 100 * person[what] / looks for what in ("right", "wrong", "missed")}
        bar = "".join(f'<i class="{what}" style="width:{share:.2f}%"></i>' for what, share in shares.items())
        named = 100 * person["named"] / max(1, person["unknown_looks"])
        yield (
            f"<tr><th>{escape(person['name'])}</th><td>{person['photos']}</td>"
            f'<td class="wide"><span class="bar">{bar}</span></td>'
            + "".join(_cell(share, bad=what == "wrong") for what, share in shares.items())
            + _cell(named, bad=True)
            + "</tr>"
        )


def _cell(share: float, *, bad: bool) -> str:
    return f'<td class="alarm">{share:.1f} %</td>' if bad and share else f"<td>{share:.1f} %</td>"


def _pairs(found: Mapping[str, Any]) -> Iterator[str]:
    threshold = found["rules"]["threshold"]
    for pair in found["confusable"]:
        alarm = ' class="alarm"' if pair["score"] >= threshold else ""
        people = f"{escape(pair['a'])} and {escape(pair['b'])}"
        yield f"<tr><th>{people}</th><td{alarm}>{pair['score']:.2f}</td><td>{pair['named'] or '-'}</td></tr>"


def _photos(found: Mapping[str, Any]) -> Iterator[str]:
    if not found["weak_photos"]:
        yield '<tr><td colspan="3" class="empty">none: every photo resembles the others of its person</td></tr>'
    for photo in found["weak_photos"]:
        place = f'<td class="path">{escape(photo["photo"])}</td>'
        yield f"<tr><th>{escape(photo['person'])}</th>{place}<td>{photo['score']:.2f}</td></tr>"


def _problems(found: Mapping[str, Any]) -> Iterator[str]:
    if not found["problems"] and not found["left_out"]:
        yield '<tr><td colspan="3" class="empty">none: every photo was used</td></tr>'
    for problem in found["problems"]:
        words = (problem[name] for name in ("person", "photo", "message"))
        person, photo, message = map(escape, words)
        yield f'<tr><th>{person}</th><td class="path">{photo}</td><td class="words">{message}</td></tr>'
    for reason in found["left_out"]:
        yield f'<tr><td colspan="3" class="words">{escape(reason)}</td></tr>'


def _percent(rate: Mapping[str, float] | None) -> str:
    return "-" if rate is None else f"{rate['value']:.1%}" if rate["value"] in {0.0, 1.0} else f"{rate['value']:.2%}"


def _range(rate: Mapping[str, float] | None) -> str:
    if rate is None:
        return ""
    return f"{100 * rate['low']:.1f} to {100 * rate['high']:.1f} %" if rate["value"] else "none seen"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _inline(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
