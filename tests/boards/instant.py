"""A board whose commands end at once, for the cost of the driver and its bookkeeping.

The results of an image contain the number that the image carries.
"""

import weakref

import numpy as np
from pynq.buffer import PynqBuffer

from tests.boards.fake import FakeBoard


def numbered_images(first, count):
    """Return (count, 784) uint8 images; each carries its own number, from 1, in its first pixels."""
    images = np.zeros((count, 784), np.uint8)
    images[:, :4] = np.arange(first, first + count, dtype="<u4").view(np.uint8).reshape(count, 4)
    return images


def numbers_of(logits):
    """Recover the numbers of images from their logits, (N, 10). The class of a number is its last digit."""
    return logits.max(axis=1)


class InstantBoard(FakeBoard):
    """A pynq device without delays.

    Its memory is coherent, so flushing costs nothing, and a command has ended when its state is read. A
    buffer is freed with its owner.
    """

    polls_per_command = 1

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._memory = weakref.WeakValueDictionary()

    def answers(self, network, images):
        numbers = np.ascontiguousarray(images[:, :4]).view("<u4").ravel()
        logits = np.zeros((len(images), 10), np.int64)
        logits[np.arange(len(images)), numbers % 10] = numbers
        return logits

    def allocate(self, shape, dtype, **_):
        bytes_ = int(np.prod(shape)) * np.dtype(dtype).itemsize
        address = self._next_address
        self._next_address = 0x1000_0000 + (address - 0x1000_0000 + -(-bytes_ // 4096) * 4096) % (1 << 29)
        self._memory[address] = memory = np.zeros(bytes_, np.uint8)
        return PynqBuffer(
            shape, dtype, buffer=memory, device=self, device_address=address, bo=address, coherent=True
        )

    def flush(self, bo, offset, _pointer, size):
        pass

    invalidate = flush


class SmallBoard(InstantBoard):
    """A board whose contiguous memory holds ``room`` bytes."""

    room = 16_000_000

    @property
    def used(self):
        return sum(memory.size for memory in self._memory.values())

    def allocate(self, shape, dtype, **options):
        if self.used + np.prod(shape) * np.dtype(dtype).itemsize > self.room:
            raise RuntimeError("BO allocation failed")
        return super().allocate(shape, dtype, **options)
