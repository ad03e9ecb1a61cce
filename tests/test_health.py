"""Vital signs."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path

from uSense.core.stats import Stats
from uSense.health import Health


def test_a_healthy_service_says_ok_with_its_numbers(tmp_path: Path) -> None:
    """Frame rates, drops, stage times, memory and temperature are reported as JSON."""
    thermal = tmp_path / "temp"
    thermal.write_text("48312\n")
    stats = Stats()
    stats.frames["hall"] = 100
    stats.dropped["hall"] = 3
    stats.add("detect", 0.010)

    report = Health(stats, dict, lambda: {"published": 7}, lambda: {"left": 5}, thermal).report()

    assert json.loads(json.dumps(report)) == report
    assert (report["state"], report["reason"]) == ("ok", "")
    assert report["fps"]["hall"] > 0
    assert report["frames_dropped"] == {"hall": 3}
    assert report["counts"]["published"] == 7
    assert report["quota"] == {"left": 5}
    assert report["stages"]["detect"] == {"p50_ms": 10.0, "p95_ms": 10.0}
    assert report["memory_mb"] > 10
    assert report["temperature_c"] == 48.3


def test_problems_are_named_in_plain_words(tmp_path: Path) -> None:
    """A degraded service says which part is ill and why; a missing thermometer is no problem."""
    problems = {"camera hall": "the stream ended", "broker": "connection refused"}

    report = Health(Stats(), lambda: problems, dict, thermal=tmp_path / "none").report()

    assert report["state"] == "degraded"
    assert report["reason"] == "broker: connection refused; camera hall: the stream ended"
    assert report["temperature_c"] is None


def test_rates_are_between_two_reports() -> None:
    """A camera that delivers nothing since the last report has a rate of zero."""
    stats = Stats()
    stats.frames["hall"] = 50
    health = Health(stats, dict, dict)
    health.report()

    assert health.report()["fps"] == {"hall": 0.0}


def test_a_process_out_of_files_says_so() -> None:
    """When nothing may be opened any more, health cannot read its own numbers, and tells why."""
    health = Health(Stats(), dict, dict)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open(os.devnull, os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
    try:
        report = health.report()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    assert (report["state"], report["memory_mb"], report["cpu_s"]) == ("degraded", None, None)
    assert report["reason"].startswith("process: Too many open files: ")
