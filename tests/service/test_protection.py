"""The real service on a machine that gets hot and cools down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from tests.peers.mosquitto import Mosquitto
from tests.peers.service import Service
from tests.peers.witness import Witness

FPS = 10.0


async def test_a_hot_machine_is_spared_until_it_is_cool(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The cameras are looked at less often, health says why, no supervisor restarts it, and it recovers."""
    (tmp_path / "room").mkdir()
    Image.new("RGB", (64, 48)).save(tmp_path / "room" / "empty.png")
    thermometer = tmp_path / "temp"
    thermometer.write_text("48312\n")
    rules = {"thermometer": str(thermometer), "every": 0.1, "restore_after": 0.5}
    camera = {"kind": "folder", "path": str(tmp_path / "room"), "fps": FPS, "hold": 60}
    service = Service(tmp_path / "s", mosquitto.port, {"hall": camera}, protection=rules, health_every=1)

    def reports(witness: Witness) -> list[Any]:
        return [one.json for one in witness.of("usense/health")]

    def rate(report: Any) -> float:
        found: float = report["fps"].get("hall", 0.0)
        return found

    async with Witness(mosquitto.port) as witness, service:
        await witness.until(lambda: any(rate(one) > 0.8 * FPS for one in reports(witness)))
        thermometer.write_text("79500\n")
        hot = len(reports(witness))

        def spared() -> Any:
            """The first report of a machine that has been spared for a while; nothing before."""
            fewest = (one for one in reports(witness)[hot:] if one["protection"]["share"] == 0.125)
            return next((one for one in fewest if 0 < rate(one) < 0.3 * FPS), None)

        await witness.until(lambda: spared() is not None)
        slow = spared()
        code, out, _ = await service.ask("healthcheck")
        thermometer.write_text("60000\n")
        cool = len(reports(witness))
        await witness.until(lambda: any(rate(one) > 0.8 * FPS for one in reports(witness)[cool:]))
        await witness.until(lambda: reports(witness)[-1]["state"] == "ok")
        well = reports(witness)[-1]

    assert slow["state"] == "degraded"
    assert slow["protection"] == {"share": 0.125, "causes": ["heat"], "slowdowns": 1}
    assert slow["reason"] == ("protection: hot, 80 °C: looks at the cameras an eighth as often until it is below 74 °C")
    assert slow["temperature_c"] == 79.5
    assert (code, out) == (0, "well\n")
    assert (well["reason"], well["protection"]) == ("", {"share": 1.0, "causes": [], "slowdowns": 1})
    assert sum('"slowed down"' in line for line in service.lines) == 1
    assert sum('"faster again"' in line for line in service.lines) == 3
