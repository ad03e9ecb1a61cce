"""A progress bar for long work, on terminals only; elsewhere one line an item."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def progress(title: str, total: int, line: Callable[[T], str], *, hidden: bool) -> Iterator[Callable[[T], None]]:
    """Gives a function that takes each finished item; its line is printed above the bar, an empty one is not.

    `hidden` prints nothing.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(quiet=hidden, soft_wrap=True, highlight=False, markup=False)

    def say(item: T) -> None:
        if told := line(item):
            console.print(told)

    if hidden or not console.is_terminal:
        yield say
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(title, total=total)

        def tell(item: T) -> None:
            say(item)
            bar.advance(task)

        yield tell
