"""Files that torch wrote, read without running any code in them."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from typing import Any

import torch

# What torch.load raises for a file that is damaged or something else.
_UNREADABLE = (
    RuntimeError,
    EOFError,
    KeyError,
    TypeError,
    ValueError,
    OSError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
)


class CheckpointError(ValueError):
    """The file is not the checkpoint that was asked for."""


def load_tensors(path, complaint: str, kind: type = CheckpointError) -> Any:
    """The tensors and plain values of a file, on the CPU.

    complaint: what to say of a file that cannot be read, with {} for the kind of failure; kind: the error to
    raise.
    """
    try:
        with warnings.catch_warnings():  # torch warns of pickles that it then refuses
            warnings.simplefilter("ignore")
            loaded = torch.load(path, map_location="cpu", weights_only=True)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                altered = archive.testzip()  # torch reads without looking at the checksums
            if altered is not None:
                raise zipfile.BadZipFile(altered)
        return loaded
    except _UNREADABLE as error:
        raise kind(f"{path}: {complaint.format(type(error).__name__)}") from None
