"""The results that the accelerator writes. docs/programmers_guide.md shows the layouts byte by byte."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import HardwareError
from ..registers import BEAT_BYTES, ResultMode


def record_beats(values):
    """The number of beats of a record of ``values`` values, which may be a signal, with class and number."""
    return (values + 3) >> 1


@dataclass(frozen=True)
class ResultRecord:
    """The layout of a batch's results, which depends on RESULT_MODE.

    CLASSES: one uint8 per image. The batch is padded with zeros to whole beats.
    LOGITS:  a record per image: ``values`` int32 words (the logits), the class, the image number. Each record
             is padded with zeros to whole beats.
    """

    classes: int
    values: int

    @property
    def dtype(self) -> np.dtype:
        """The dtype of one image's record in mode LOGITS."""
        fields = [("values", "<i4", (self.values,)), ("class", "<i4"), ("number", "<u4")]
        return np.dtype(fields + [("padding", "<u4")] * (self.values % 2))

    @property
    def beats(self) -> int:
        """The number of beats of one image's record."""
        return record_beats(self.values)

    def bytes(self, mode: int, images: int) -> int:
        """The number of bytes that the accelerator writes for ``images`` images."""
        if mode == ResultMode.LOGITS:
            return images * self.dtype.itemsize
        return -(-images // BEAT_BYTES) * BEAT_BYTES

    def unpack(self, mode: int, raw: np.ndarray, images: int) -> np.ndarray:
        """Take results apart: (bytes,) uint8 -> (images,) int64 classes or (images, values) int32 logits.

        Raises HardwareError if a class is too large or an image number is not the record's index.
        """
        if mode == ResultMode.LOGITS:
            return self._values(raw, images)
        codes = raw[:images]
        if codes.max() >= self.classes:
            number = int(np.argmax(codes >= self.classes))
            raise HardwareError(
                f"class of image {number} must be 0..{self.classes - 1}, "
                f"the accelerator wrote {codes[number]}"
            )
        return codes.astype(np.int64)

    def _values(self, raw: np.ndarray, images: int) -> np.ndarray:
        records = raw.view(self.dtype)
        wrong = np.flatnonzero(records["number"] != np.arange(images, dtype=np.uint32))
        if len(wrong):
            place = int(wrong[0])
            raise HardwareError(
                f"result {place} of {images} must carry image number {place}, it carries "
                f"{int(records['number'][place])} ({len(wrong)} results are misplaced)"
            )
        return np.ascontiguousarray(records["values"])
