"""What supervisors and scrapers ask."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.site import Site
from uSense.core.access import Scope

REPORT = {
    "state": "degraded",
    "problems": {"camera door": "no route to host"},
    "uptime_s": 60,
    "fps": {"hall": 7.5, "gone": 1.0},
    "frames_skipped": {"hall": 3},
    "frames_dropped": {"hall": 1},
    "counts": {"faces": 12},
    "stages": {"detect": {"p50_ms": 80.0, "p95_ms": 120.0}},
    "quota": {"left_month": 7, "circuit": "closed"},
    "memory_mb": 120.5,
    "cpu_s": 9.5,
    "temperature_c": None,
    "protection": {"share": 0.5, "causes": [], "slowdowns": 0},
}


async def test_metrics_are_those_of_the_report(tmp_path: Path) -> None:
    """With units in their names; cameras that are no more and what is not known are left out."""
    async with Site(tmp_path, metrics_from=["127.0.0.0/8"]) as site, site.browser() as browser:
        site.report = REPORT
        answer = await browser.send("GET", "/metrics")

    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert {name: value for name, value in found.items() if name[0] != "usense_build_info"} == {
        ("usense_healthy",): 0,
        ("usense_problems",): 1,
        ("usense_memory_bytes",): 120_500_000,
        ("usense_uptime_seconds",): 60,
        ("usense_cpu_seconds_total",): 9.5,
        ("usense_protection_share",): 0.5,
        ("usense_camera_frames_per_second", "hall"): 7.5,
        ("usense_camera_frames_skipped_total", "hall"): 3,
        ("usense_camera_frames_dropped_total", "hall"): 1,
        ("usense_stage_duration_seconds", "0.5", "detect"): 0.08,
        ("usense_stage_duration_seconds", "0.95", "detect"): 0.12,
        ("usense_events_total", "faces"): 12,
        ("usense_quota", "left_month"): 7,
    }


@pytest.mark.parametrize(("scope", "status"), [(None, 401), (Scope.KIOSK, 401), (Scope.READ, 200)])
async def test_metrics_need_a_token(tmp_path: Path, scope: Scope | None, status: int) -> None:
    """Of scope `read`, from everywhere that the settings do not name; before the first report there is little."""
    async with Site(tmp_path, metrics_from=["10.0.0.0/8"]) as site, site.browser() as browser:
        site.report = {}
        heads = {}
        if scope:
            _, word = await site.access.tokens.make("scraper", scope)
            heads = {"Authorization": f"Bearer {word}"}
        answer = await browser.send("GET", "/metrics", headers=heads)

    assert answer.status == status
    assert ("usense_build_info" in answer.text) is (status == 200)
    assert "usense_healthy" not in answer.text


async def test_the_supervisor_is_told(tmp_path: Path) -> None:
    """That the process answers, and that it works once it has looked at itself."""
    async with Site(tmp_path) as site, site.browser() as browser:
        site.report = {}
        assert (await browser.send("GET", "/healthz")).status == 200
        assert (await browser.send("GET", "/readyz")).status == 503
        site.report = REPORT
        assert (await browser.send("GET", "/readyz")).text == "ready\n"
