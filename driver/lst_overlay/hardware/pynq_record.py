"""What pynq recorded as loaded last, by whatever process: its own `is_loaded` knows of this process alone."""

from __future__ import annotations

import json
import os
from typing import Optional

from pynq.pl_server import global_state

_FILES = ("global_pl_state_.json", "global_pl_state.json")  # of pynq 3.1, of 3.0 and 4.0


class PynqRecord:
    """Read anew only when it has changed, since it is asked before every use of the hardware."""

    def __init__(self, bitfile: str):
        self._bitfile = os.path.realpath(bitfile)
        self._stamps = {}

    def other_bitfile(self) -> Optional[str]:
        """The bitstream that took the place of ours; None if none did, as far as pynq knows."""
        for name in _FILES:
            path = os.path.join(global_state.STATE_DIR, name)
            try:
                stamp = os.stat(path).st_mtime_ns
                if self._stamps.get(path, (None, None))[0] != stamp:
                    with open(path, encoding="utf-8") as file:
                        self._stamps[path] = stamp, os.path.realpath(json.load(file)["bitfile_name"])
            except (OSError, ValueError, KeyError, TypeError):  # none, or in the middle of being written
                continue
            if self._stamps[path][1] != self._bitfile:
                return self._stamps[path][1]
        return None
