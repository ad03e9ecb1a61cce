"""The latest report of health in the words of Prometheus; nothing is counted here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from prometheus_client import Metric

TYPE = "text/plain; version=0.0.4; charset=utf-8"
_Row: TypeAlias = tuple[list[str], float]
"""Values of the labels, and a number."""
_GAUGES = {
    "memory_mb": ("memory_bytes", "Resident memory of the service.", 1e6),
    "temperature_c": ("temperature_celsius", "Temperature of the processor.", 1),
    "uptime_s": ("uptime_seconds", "Time since the service started.", 1),
}
"""Name and meaning of a report's numbers, and what they are multiplied by."""
_COUNTS = {
    "frames_skipped": ("camera_frames_skipped", "Pictures that were not looked at: nothing moved."),
    "frames_dropped": ("camera_frames_dropped", "Pictures that left unseen: newer ones were there."),
}
_QUANTILES = {"p50_ms": "0.5", "p95_ms": "0.95"}


def exposed(report: Mapping[str, Any], cameras: Collection[str], about: Mapping[str, str]) -> bytes:
    """The page for a scraper. Labels have cameras of the settings, stages and counters: no people."""
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - loads a library for scrapers

    registry = CollectorRegistry()
    registry.register(_Told(report, cameras, about))
    return generate_latest(registry)


class _Told:
    """Makes metrics of one report."""

    def __init__(self, report: Mapping[str, Any], cameras: Collection[str], about: Mapping[str, str]) -> None:
        self._report = report
        self._cameras = cameras
        self._about = about

    def collect(self) -> Iterator[Metric]:
        """All of them; what the report does not know is left out."""
        yield _gauge("build_info", "Version, recognizer and model.", self._about, [([*self._about.values()], 1)])
        if not self._report:
            return
        yield from self._of_all()
        yield from self._of_cameras()
        stages = self._report.get("stages", {})
        durations = [
            ([stage, quantile], found[name] / 1000)
            for stage, found in stages.items()
            for name, quantile in _QUANTILES.items()
        ]
        yield _gauge(
            "stage_duration_seconds", "Time that runs of a stage took lately.", ("stage", "quantile"), durations
        )
        counts = [([name], count) for name, count in self._report.get("counts", {}).items()]
        yield _counter("events", "What happened since the start.", "event", counts)
        quota = [([name], number) for name, number in (self._report.get("quota") or {}).items() if _is_number(number)]
        if quota:
            yield _gauge("quota", "What a service in the cloud still allows, and what was used.", ("kind",), quota)

    def _of_all(self) -> Iterator[Metric]:
        report, problems = self._report, self._report.get("problems", {})
        yield _gauge("healthy", "1 if nothing is wrong.", (), [([], int(report.get("state") == "ok"))])
        yield _gauge("problems", "How many things are wrong.", (), [([], len(problems))])
        for field, (name, meaning, times) in _GAUGES.items():
            if _is_number(report.get(field)):
                yield _gauge(name, meaning, (), [([], report[field] * times)])
        if _is_number(report.get("cpu_s")):
            yield _counter("cpu_seconds", "Processor time of the service.", "", [([], report["cpu_s"])])
        protection = report.get("protection")
        if protection:
            rows: list[_Row] = [([], protection["share"])]
            yield _gauge("protection_share", "How often cameras are looked at, 1 as usual.", (), rows)

    def _of_cameras(self) -> Iterator[Metric]:
        fps = [([name], rate) for name, rate in self._report.get("fps", {}).items() if name in self._cameras]
        yield _gauge("camera_frames_per_second", "Pictures looked at lately.", ("camera",), fps)
        for field, (name, meaning) in _COUNTS.items():
            rows = [([name], count) for name, count in self._report.get(field, {}).items() if name in self._cameras]
            yield _counter(name, meaning, "camera", rows)


def _gauge(name: str, meaning: str, labels: Iterable[str], rows: Iterable[_Row]) -> Metric:
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - as above

    found = GaugeMetricFamily(f"usense_{name}", meaning, labels=[*labels])
    for values, number in rows:
        found.add_metric(values, number)
    return found


def _counter(name: str, meaning: str, label: str, rows: Iterable[_Row]) -> Metric:
    from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415 - as above

    found = CounterMetricFamily(f"usense_{name}", meaning, labels=[label] if label else [])
    for values, number in rows:
        found.add_metric(values, number)
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
