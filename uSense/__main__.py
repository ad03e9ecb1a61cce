"""`python -m uSense` is `usense`."""

from __future__ import annotations

from uSense.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
