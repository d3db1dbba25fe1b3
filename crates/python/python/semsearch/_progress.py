"""The progress of long work, on one line of standard error."""

from __future__ import annotations

import sys
import time
from typing import Callable, Optional, Union

#: Called with the texts and the tokens that are done.
Callback = Callable[[int, int], None]


class Line:
    """Writes how many texts are done, and how fast. Without a terminal it writes nothing."""

    def __init__(self, total: Optional[int]) -> None:
        self.total = total
        self.begun = time.monotonic()
        self.shown = False

    def __call__(self, texts: int, tokens: int) -> None:
        if not sys.stderr.isatty():
            return
        seconds = max(time.monotonic() - self.begun, 1e-9)
        of = f" of {self.total:,}" if self.total is not None else ""
        sys.stderr.write(f"\rencoded {texts:,}{of} texts, {tokens / seconds:,.0f} tokens/s ")
        sys.stderr.flush()
        self.shown = True

    def end(self) -> None:
        """Ends the line."""
        if self.shown:
            sys.stderr.write("\n")


def callback(progress: Union[bool, Callback, None], total: Optional[int]) -> tuple[Optional[Callback], Callable[[], None]]:
    """What is called with the progress, and what is called at the end."""
    if callable(progress):
        return progress, lambda: None
    if progress:
        line = Line(total)
        return line, line.end
    return None, lambda: None
