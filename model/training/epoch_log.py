"""epochs.csv beside a run's checkpoint: what each epoch gave, and the time of the cores that it took."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Optional

NAME = "epochs.csv"
_COLUMNS = ("epoch", "loss", "validation_accuracy", "core_seconds")


def begin(directory: Path) -> None:
    """Start the log of a run that starts from nothing."""
    (directory / NAME).write_text(",".join(_COLUMNS) + "\n", encoding="utf-8")


def append(directory: Path, epoch: int, loss: float, validation: float, core_seconds: float) -> None:
    """Add an epoch whose checkpoint is written."""
    if not (directory / NAME).is_file():
        begin(directory)
    with open(directory / NAME, "a", encoding="utf-8") as file:
        file.write(f"{epoch},{loss:.6f},{validation:.4f},{core_seconds:.2f}\n")


def core_hours(directory: Path) -> Optional[float]:
    """The hours that one core would have taken for the run; None if its log does not hold every epoch."""
    path = directory / NAME
    if not path.is_file():
        return None
    with open(path, newline="", encoding="utf-8") as file:
        try:
            seconds = {int(row["epoch"]): float(row["core_seconds"]) for row in csv.DictReader(file)}
        except (KeyError, TypeError, ValueError):  # a line that a full disk cut off
            return None
    if set(seconds) != set(range(1, len(seconds) + 1)):
        return None
    return round(sum(seconds.values()) / 3600, 2)
