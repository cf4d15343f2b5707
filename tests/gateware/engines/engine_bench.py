"""The emitted pixel-serial engine in Verilator under any pattern of stalls, through engine_bench.cpp.

The unpackers are left out, so that each pixel and each word of parameters can have a pause of its own.
"""

import ctypes
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Signal

from gateware.engines import admission, parameter_loader
from gateware.toolchain.standalone import ENGINE, standalone_engine_verilog
from lst_overlay.network import classify, logits, parameter_words
from tests.driver.network.lst.networks import random_network
from tests.gateware.verilated import verilated

STEADY = (1,)
RESULT_WORDS = 11
CREDITS = 5


def lst1_random(seed, **sizes):
    return random_network(
        seed, 28, 28, 28, 10, **{"weights_width": 8, "width": 8, "index_width": 10, "shift": 6, **sizes}
    )


def random_images(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)


NETWORK = lst1_random(1)


class WordByWord(LiteXModule):
    """A stand-in for an Unpacker: a beat is one word."""

    def __init__(self, beat_width, word_width):
        self.sink = stream.Endpoint([("data", word_width)])
        self.source = stream.Endpoint([("word", word_width)])

        # # #

        self.comb += [
            self.source.valid.eq(self.sink.valid),
            self.sink.ready.eq(self.source.ready),
            self.source.word.eq(self.sink.data),
        ]
        self.sync += Signal().eq(0)  # ResetInserter needs a synchronous statement.


def engine_verilog():
    """Emit the engine with pixels (8 bits) and words of parameters (32 bits) at its pins."""
    with patch.object(admission, "Unpacker", WordByWord), patch.object(
        parameter_loader, "Unpacker", WordByWord
    ):
        return standalone_engine_verilog()


@dataclass
class Run:
    logits: np.ndarray  # (images, classes) int64
    classes: np.ndarray  # (images,) int64
    done_at: np.ndarray  # (images, classes + 1): the cycle in which each word was accepted
    fed: int
    taken: int
    starved: int
    blocked: int
    changed: int  # words that changed or disappeared before they were accepted
    last: np.ndarray  # (images, classes + 1) bool


class EngineBench:
    library = None

    def __init__(self, seed=1):
        if EngineBench.library is None:
            EngineBench.library = verilated(
                ENGINE, engine_verilog(), Path(__file__).with_suffix(".cpp").read_text()
            )
            EngineBench.library.bench_create.restype = ctypes.c_void_p
            EngineBench.library.bench_crc.restype = ctypes.c_uint32
        self.bench = ctypes.c_void_p(self.library.bench_create(seed))
        self.result_words = RESULT_WORDS

    def __del__(self):
        self.library.bench_destroy(self.bench)

    def clock(self, cycles):
        self.library.bench_clock(self.bench, cycles)

    def load_start(self):
        self.library.bench_load_start(self.bench)

    def load_abandon(self):
        self.library.bench_load_abandon(self.bench)

    def load_words(self, words, pattern=STEADY):
        """Send words of parameters and return the clock cycles that this took."""
        words = np.ascontiguousarray(words, dtype=np.uint32)
        return self.library.bench_load_words(
            self.bench, _pointer(words), len(words), bytes(pattern), len(pattern)
        )

    def load(self, network, pattern=STEADY):
        self.load_start()
        self.load_words(parameter_words(network), pattern)
        self.clock(8)
        self.result_words = network.classes + 1

    @property
    def status(self):
        """Return (loaded, bad, crc) of the parameter loader."""
        return (
            self.library.bench_loaded(self.bench),
            self.library.bench_bad(self.bench),
            self.library.bench_crc(self.bench),
        )

    def flush(self, cycles=8):
        self.library.bench_flush(self.bench, cycles)

    def run(self, images, results=None, feed=STEADY, take=STEADY, limit=None):
        """Send the pixels of ``images`` and accept ``results`` words, by default all of the complete images.

        images: (N, rows, columns), or the pixels alone.

        feed, take: stall patterns of the two streams, repeated. limit: the largest number of clock cycles.
        """
        images, words = np.asarray(images, dtype=np.uint8), self.result_words
        pixels = images.reshape(-1)
        if images.ndim == 3:  # images fill whole beats
            flat = images.reshape(len(images), -1)
            pixels = np.pad(flat, ((0, 0), (0, -flat.shape[1] % 8)), constant_values=0xA5).reshape(-1)
        pixels = np.ascontiguousarray(pixels)
        if results is None:
            results = (len(images) if images.ndim == 3 else len(pixels) // 784) * words
        room = -(-results // words) * words
        answers, done_at, counts = np.zeros(room, np.uint64), np.zeros(room, np.uint64), np.zeros(5, np.int64)
        if limit is None:
            limit = (20 * len(pixels) + 20_000 + 30 * results) * len(feed) * len(take)
        self.library.bench_run(
            self.bench,
            _pointer(pixels),
            len(pixels),
            bytes(feed),
            len(feed),
            _pointer(answers),
            _pointer(done_at),
            results,
            bytes(take),
            len(take),
            ctypes.c_uint64(limit),
            _pointer(counts),
        )
        answers = answers.reshape(-1, words)
        values = (answers & 0xFFFFFFFF).astype(np.uint32).view(np.int32).astype(np.int64)
        return Run(
            values[:, :-1],
            values[:, -1],
            done_at.reshape(-1, words).astype(np.int64),
            *map(int, counts),
            answers >> 32 != 0,
        )


def _pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def assert_right(run, network, images):
    expected = logits(network, images)
    assert run.taken == len(images) * (network.classes + 1)
    wrong = np.flatnonzero((run.logits != expected).any(axis=1) | (run.classes != classify(expected)))
    assert len(wrong) == 0, (
        f"{len(wrong)} of {len(images)} images differ: {[(i, run.logits[i], expected[i]) for i in wrong[:5]]}"
    )
    assert not run.last[:, :-1].any() and run.last[:, -1].all()
