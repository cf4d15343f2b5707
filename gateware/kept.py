"""Files that take long to make and depend on their inputs alone: each is made once.

Its name holds a hash of the inputs, so what is kept can never be stale.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Callable, Union


def content_hash(*parts: Union[str, bytes]) -> str:
    """16 hexadecimal digits that change with any part, and with where one part ends and the next begins."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:16]


def make_once(file: Path, make: Callable[[Path], None]) -> Path:
    """Return ``file``. If it is missing, ``make`` leaves a file of that name in the empty directory it gets.

    Of several processes that need the file, one makes it while the others wait.
    If ``make`` raises, nothing is kept.
    """
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(file.with_name(f".{file.name}.lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                with tempfile.TemporaryDirectory(prefix="making-", dir=file.parent) as work:
                    make(Path(work))
                    os.replace(Path(work) / file.name, file)
    return file
