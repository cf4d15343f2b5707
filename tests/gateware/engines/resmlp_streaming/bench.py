"""The emitted streaming engine in Verilator, through bench.cpp: images, results, every layer's output."""

import ctypes
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from migen import Cat, Constant, Module, Signal

from gateware.cores.delay import delayed
from gateware.engines.engine import uint8_layout
from gateware.engines.resmlp_streaming.cost import patches_of
from gateware.engines.resmlp_streaming.engine import ResMLPStreamingEngine
from gateware.engines.resmlp_streaming.folding import fold
from gateware.engines.resmlp_streaming.stages import branches
from gateware.verilog import emit, forget_names
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.memory.results import ResultRecord
from lst_overlay.network import classify, outputs
from tests.gateware.verilated import verilated

STEADY = (1,)
ENGINE = "engine"


def folded(network, interval):
    """The engine, folded so that an image takes at most ``interval`` clocks."""
    record = ResultRecord(network.classes, network.classes)
    capabilities = Capabilities(7, False, uint8_layout()(network), record, False)
    folds = fold(branches(network), interval, patches_of(network))
    return ResMLPStreamingEngine(network, capabilities, folds)


class TappedEngine(Module):
    """The engine with its streams at pins, and a word for each layer: value, token, channel, valid."""

    def __init__(self, engine):
        self.submodules.engine = engine
        self.pins = set()
        pipeline = engine.core.pipeline
        pixels, results = engine.sinks[0], engine.source
        self._pins({"beats0_valid": pixels.valid, "beats0_data": pixels.data}, True)
        self._pins({"results_ready": results.ready, "start": engine.start}, True)
        self._pins({"flush": engine.flush, "with_logits": engine.with_logits}, True)
        self._pins({"beats0_ready": pixels.ready, "results_valid": results.valid}, False)
        self._pins({"results_data": results.word, "results_last": results.last}, False)
        self._pins({"starved": engine.starved, "blocked": engine.blocked}, False)
        self.layers, self.inner = sorted(pipeline.taps), []
        words = []
        for layer in self.layers:
            (valid, (token, tokens), (channel, channels)), value, latency = pipeline.taps[layer]
            self.inner.append((tokens, channels))
            fields = [Signal((8, True)), Signal(10), Signal(10), Constant(0, 3), Signal()]
            self.comb += [
                fields[0].eq(value),
                fields[1].eq(delayed(self, token, latency)),
                fields[2].eq(delayed(self, channel, latency)),
                fields[4].eq(delayed(self, valid, latency, reset_less=False)),
            ]
            words.append(Cat(*fields))
        flag, mean = pipeline.head.mean
        self.layers.append(None)
        words.append(Cat(_signed(self, mean), Constant(0, 23), flag))
        words += [Constant(0, 32)] * (3 - len(words))  # a wide port, also of the smallest network
        self._pins({"taps": Cat(*words)}, False)

    def _pins(self, signals, is_input):
        for name, signal in signals.items():
            pin = Signal(len(signal), name=name)
            self.pins.add(pin)
            self.comb += signal.eq(pin) if is_input else pin.eq(signal)


def _signed(module, value):
    byte = Signal((8, True))
    module.comb += byte.eq(value)
    return byte


@dataclass
class Run:
    """logits, classes, done_at: of the images. taps: rows of (place of the layer, token, channel, value)."""

    logits: np.ndarray
    classes: np.ndarray
    done_at: np.ndarray
    last: np.ndarray
    taps: np.ndarray
    taken: int
    starved: int
    blocked: int


class Bench:
    def __init__(self, network, interval, seed=1):
        forget_names()
        self.network = network
        module = TappedEngine(folded(network, interval))
        self.layers, self.inner = module.layers, module.inner
        verilog = emit(module, ENGINE, module.pins)
        self.library = verilated(ENGINE, verilog, Path(__file__).with_suffix(".cpp").read_text())
        self.library.bench_create.restype = ctypes.c_void_p
        self.bench = ctypes.c_void_p(self.library.bench_create(seed))

    def __del__(self):
        if hasattr(self, "bench"):
            self.library.bench_destroy(self.bench)

    def flush(self, cycles=8):
        self.library.bench_flush(self.bench, cycles)

    def run(self, images, results=None, feed=STEADY, take=STEADY, limit=None, rows=0):
        """Send images and accept ``results`` words, by default all. rows: of taps to keep."""
        words = self.network.classes + 1
        beats = np.ascontiguousarray(images).reshape(-1).view("<u8")
        results = len(images) * words if results is None else results
        room = -(-results // words) * words
        answers, done_at = np.zeros(room, np.uint64), np.zeros(room, np.uint64)
        taps, counts = np.zeros((max(rows, 1), 4), np.int32), np.zeros(4, np.int64)
        limit = (100_000 * len(images) + 500_000) * len(feed) * len(take) if limit is None else limit
        self.library.bench_run(
            self.bench,
            _pointer(beats),
            ctypes.c_int64(len(beats)),
            bytes(feed),
            len(feed),
            _pointer(answers),
            _pointer(done_at),
            ctypes.c_int64(results),
            bytes(take),
            len(take),
            ctypes.c_uint64(limit),
            _pointer(taps),
            ctypes.c_int64(rows),
            len(self.layers),
            _pointer(counts),
        )
        answers = answers.reshape(-1, words)
        values = (answers & 0xFFFFFFFF).astype(np.uint32).view(np.int32).astype(np.int64)
        return Run(
            values[:, :-1],
            values[:, -1],
            done_at.reshape(-1, words)[:, -1].astype(np.int64),
            answers >> 32 != 0,
            taps[: counts[3]],
            *map(int, counts[:3]),
        )


def _number(index, inner):
    """The number that an index of an inner and an outer counter stands for."""
    bits = (inner - 1).bit_length()
    return (index >> bits) * inner + (index & (1 << bits) - 1)


def _pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def assert_right(run, network, images):
    """Every logit and class is the reference's."""
    expected = outputs(network, images)[-1]
    assert run.taken == len(images) * (network.classes + 1)
    np.testing.assert_array_equal(run.logits, expected)
    np.testing.assert_array_equal(run.classes, classify(expected))
    assert not run.last[:, :-1].any() and run.last[:, -1].all()


def assert_every_tensor(bench, images):
    """The output of every layer for every image is the reference's, the logits too."""
    network = bench.network
    expected = outputs(network, images)
    rows = sum(output.size for output in expected)
    run, wrong = bench.run(images, rows=rows), []
    for place, layer in enumerate(bench.layers):
        found = run.taps[run.taps[:, 0] == place]
        if layer is None:
            tensor = found[:, 3].reshape(len(images), -1)
            layer = len(network.layers) - 2
        else:
            tensor = np.full(expected[layer].shape, 1 << 10)
            image = np.arange(len(found)) // expected[layer][0].size
            token, channel = (_number(found[:, 1 + n], inner) for n, inner in enumerate(bench.inner[place]))
            tensor[image, token, channel] = found[:, 3]
        if tensor.shape != expected[layer].shape or (tensor != expected[layer]).any():
            count = (
                int((tensor != expected[layer]).sum())
                if tensor.shape == expected[layer].shape
                else tensor.shape
            )
            wrong.append(f"layer {layer}: {count} of {expected[layer].size}")
    assert wrong == [], wrong
    assert len(bench.layers) == len(network.layers) - 1
    assert_right(run, network, images)
