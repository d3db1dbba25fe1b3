"""Exceptions. Each has the message of the engine, and in ``hint`` what to do next, where there is something."""

from __future__ import annotations

from typing import Optional


class Error(Exception):
    """Something that semsearch could not do. ``hint`` says what to do next, or is ``None``."""

    hint: Optional[str]

    def __init__(self, message: str, hint: Optional[str] = None) -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        message = str(self.args[0])
        return message if self.hint is None else f"{message}\nhint: {self.hint}"

    def __reduce__(self) -> tuple[type[Error], tuple[str, Optional[str]]]:
        return type(self), (str(self.args[0]), self.hint)


class ModelError(Error):
    """A model cannot be found, downloaded or run."""


class StoreError(Error):
    """An index cannot be read or written."""


class RecordError(Error, ValueError):
    """A record, a run or a judgement cannot be used."""


class FilterError(Error, ValueError):
    """A filter's expression cannot be understood."""
