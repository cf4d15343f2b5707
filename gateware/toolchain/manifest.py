"""bitstreams/<board>/manifest.json: an entry for each bitstream of a board, under its stem."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Dict

NAME = "manifest.json"


class ManifestError(RuntimeError):
    """A manifest.json to which nothing can be added."""


def read_manifest(directory: Path) -> Dict[str, Dict]:
    """{stem: entry}; empty if there is none yet. ManifestError if the file is damaged or is none of ours."""
    path = directory / NAME
    try:
        entries = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:  # not JSON, or not UTF-8
        raise ManifestError(f"{path} is damaged ({error}): move it away") from None
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise ManifestError(
            f"{path} must hold one object per bitstream, as `make bitstream` writes it, and does not: "
            "move it away"
        )
    return entries


def add_entry(directory: Path, stem: str, entry: Dict) -> None:
    """Replaces the entry of this stem and keeps the others. The file changes as a whole or not at all."""
    entries = {**read_manifest(directory), stem: entry}
    written = directory / f"{NAME}.new"
    written.write_text(json.dumps(dict(sorted(entries.items())), indent=2) + "\n")
    os.replace(written, directory / NAME)
