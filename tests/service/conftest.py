"""What the tests of the service share."""

from __future__ import annotations

import pytest

from tests.peers.household import Household


@pytest.fixture(scope="session")
def household(tmp_path_factory: pytest.TempPathFactory) -> Household:
    """People who are enrolled already."""
    return Household(tmp_path_factory.mktemp("household"))
