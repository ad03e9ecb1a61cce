"""What runs in the lab, and what runs the lab."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = ["test_lab.py"] if find_spec("libcamera") else ["test_virtual.py"]
