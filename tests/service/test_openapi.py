"""Everything that the OpenAPI document describes, asked of the real service by schemathesis."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.browser.house import House
from tests.peers.household import Household

pytestmark = [pytest.mark.proof, pytest.mark.timeout(300)]

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
)
EXAMPLES = 60
"""Requests an operation, beside those that the bounds of its schema suggest."""


async def test_the_document_is_true(tmp_path: Path, household: Household) -> None:
    """Whatever is asked, good or bad, is answered as the document says, by no fault, and the service goes on."""
    async with House(tmp_path, household, "Grace", "Eileen") as house:
        house.hall.seen = "Grace"
        await house.service.until_logged('"recognized"')
        word = (await house.service.done("token", "add", "schemathesis", "--scope", "admin")).strip()
        asked = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("schemathesis"),
            *("run", f"{house.origin}/api/v1/openapi.json", "--header", f"Authorization: Bearer {word}"),
            *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--mode", "all"),
            # It never ends.
            *("--exclude-path", "/api/v1/events"),
            *("--max-examples", str(EXAMPLES), "--seed", "1", "--request-timeout", "30", "--warnings", "off"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await asked.communicate()

        assert asked.returncode == 0, told.decode()
        assert not [line for line in house.service.lines if "Traceback" in line]
        house.hall.seen = None
