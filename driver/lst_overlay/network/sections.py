"""The layout of what LOAD sends: sections of 32-bit words, which the gateware walks too."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """``lanes`` memories of ``depth`` words each, lane by lane."""

    name: str
    lanes: int
    depth: int

    @property
    def words(self) -> int:
        return self.lanes * self.depth
