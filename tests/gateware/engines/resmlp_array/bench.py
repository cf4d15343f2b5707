"""The emitted array in Verilator, through bench.cpp: LOAD, images, results, and the output of every layer."""

import ctypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import List

import numpy as np
from migen import Module, Signal

from gateware.engines.resmlp_array.engine import SPECS, ResMLPArrayEngine
from gateware.verilog import emit, forget_names
from lst_overlay.network import classify, outputs, parameter_crc
from lst_overlay.network.resmlp.array_format import ARRAY, CLASSES, COLUMNS, MULTIPLIERS, STREAM_BITS
from lst_overlay.network.resmlp.array_parameters import array_words
from lst_overlay.network.resmlp.layers import Axis
from lst_overlay.network.resmlp.passes import passes
from tests.gateware.verilated import verilated

STEADY = (1,)
RESULT_WORDS = CLASSES + 1
ENGINE = "engine"
_STEPS = ("matrix", "affine", "stream", "code", "mean")


class ProbedEngine(Module):
    """The engine with its streams, its probes and the accesses to its code memory at pins."""

    def __init__(self, engine):
        self.submodules.engine = engine
        self.pins = set()
        pipeline, parameters = engine.core.pipeline, engine.parameters
        pixels, loads, results = engine.sinks[0], parameters.sink, engine.source
        codes, step = pipeline.codes, pipeline.sequencer.step
        missing = {f"value{a}{b}": Signal() for a in range(2) for b in range(2)}  # lanes of other formats
        self._pins(
            {
                "beats0_valid": pixels.valid,
                "beats0_data": pixels.data,
                "parameters_valid": loads.valid,
                "parameters_data": loads.data,
                "load_start": parameters.start,
                "load_abandon": parameters.abandon,
                "results_ready": results.ready,
                "start": engine.start,
                "flush": engine.flush,
                "with_logits": engine.with_logits,
            },
            is_input=True,
        )
        self._pins(
            {
                "beats0_ready": pixels.ready,
                "parameters_ready": loads.ready,
                "loaded": parameters.loaded,
                "bad": parameters.bad,
                "crc": parameters.crc,
                "results_valid": results.valid,
                "results_data": results.word,
                "results_last": results.last,
                "starved": engine.starved,
                "blocked": engine.blocked,
                "collision": codes.collision,
                "overlap": pipeline.results.overlap,
                "reads": pipeline.sequencer.probe["reads"],
                "pass_ends": pipeline.sequencer.probe["ends"],
                **{f"step_{name}": getattr(step, name) for name in ("over_tokens", "slot", "group", "low")},
                **{
                    f"pixel_{name}": getattr(codes.pixel, name)
                    for name in ("valid", "ready", "slot", "token", "channel")
                },
                **{
                    f"code_{name}": getattr(codes.write, name)
                    for name in ("valid", "over_tokens", "slot", "token", "channel")
                },
                **{
                    f"probe_{step}_{name}": value
                    for step, probe in {**pipeline.lanes.probe, "mean": pipeline.head.probe}.items()
                    for name, value in {**missing, **probe}.items()
                },
            },
            is_input=False,
        )

    def _pins(self, signals, is_input):
        for name, signal in signals.items():
            pin = Signal(len(signal), name=name)
            self.pins.add(pin)
            self.comb += signal.eq(pin) if is_input else pin.eq(signal)


@lru_cache(maxsize=None)
def probed_verilog(fmt=ARRAY):
    forget_names()
    module = ProbedEngine(ResMLPArrayEngine(SPECS[0].capabilities(None), fmt))
    return emit(module, ENGINE, module.pins)


@dataclass
class Run:
    """logits, classes, done_at: of the images. values: the rows of each step's probe.

    early, overlaps, collisions: reads of codes that were not there, and so on.
    """

    logits: np.ndarray
    classes: np.ndarray
    done_at: np.ndarray
    last: np.ndarray
    values: dict
    taken: int
    starved: int
    blocked: int
    early: int
    overlaps: int
    collisions: int


class Bench:
    def __init__(self, seed=1, fmt=ARRAY):
        self.fmt = fmt
        self.library = verilated(ENGINE, probed_verilog(fmt), Path(__file__).with_suffix(".cpp").read_text())
        self.library.bench_create.restype = ctypes.c_void_p
        self.library.bench_crc.restype = ctypes.c_uint32
        self.bench = ctypes.c_void_p(self.library.bench_create(seed, fmt.column_lanes - 1))

    def __del__(self):
        self.library.bench_destroy(self.bench)

    def load(self, network):
        words = array_words(network, self.fmt)
        assert self.load_words(words) == 1
        assert self.library.bench_crc(self.bench) == parameter_crc(words)

    def load_words(self, words):
        """Returns 1 if the words count as loaded, 2 if they are bad."""
        words = np.ascontiguousarray(words, "<u4")
        return self.library.bench_load(self.bench, _pointer(words), len(words) // 2)

    def flush(self, cycles=8):
        self.library.bench_flush(self.bench, cycles)

    def run(self, images, results=None, feed=STEADY, take=STEADY, limit=None, probes=0):
        """Send images and accept ``results`` words, by default all.

        probes: the number of results of each step to keep.
        """
        beats = np.ascontiguousarray(images).reshape(-1).view("<u8")
        results = len(images) * RESULT_WORDS if results is None else results
        room = -(-results // RESULT_WORDS) * RESULT_WORDS
        words, done_at = np.zeros(room, np.uint64), np.zeros(room, np.uint64)
        rows, counts = (
            np.zeros((len(_STEPS), max(probes, 1), 7), np.int32),
            np.zeros(len(_STEPS) + 6, np.int64),
        )
        limit = (60_000 * len(images) + 20_000) * len(feed) * len(take) if limit is None else limit
        self.library.bench_run(
            self.bench,
            _pointer(beats),
            len(beats),
            bytes(feed),
            len(feed),
            _pointer(words),
            _pointer(done_at),
            results,
            bytes(take),
            len(take),
            ctypes.c_uint64(limit),
            _pointer(rows),
            probes,
            _pointer(counts),
        )
        words = words.reshape(-1, RESULT_WORDS)
        values = (words & 0xFFFFFFFF).astype(np.uint32).view(np.int32).astype(np.int64)
        return Run(
            values[:, :CLASSES],
            values[:, CLASSES],
            done_at.reshape(-1, RESULT_WORDS)[:, -1].astype(np.int64),
            words >> 32 != 0,
            {step: rows[place, : counts[place]] for place, step in enumerate(_STEPS)},
            *map(int, counts[len(_STEPS) :]),
        )


def _pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def assert_right(run, network, images):
    """Every logit and class is the reference's, and no access to a memory was wrong."""
    expected = outputs(network, images)[-1]
    assert run.taken == len(images) * RESULT_WORDS
    assert (run.early, run.overlaps, run.collisions) == (0, 0, 0)
    np.testing.assert_array_equal(run.logits[:, : network.classes], expected)
    np.testing.assert_array_equal(run.classes, classify(expected))
    assert not run.last[:, :-1].any() and run.last[:, -1].all()


def assert_every_tensor(bench, network, images):
    """The output of every layer for every image is the reference's, the logits too."""
    found, code_bits = passes(network), bench.fmt.code_bits
    per_image = sum(_results_of(item, bench.fmt) for item in found)
    run = bench.run(images, probes=max(per_image, 128) * len(images))
    expected, wrong = outputs(network, images), []
    for image in range(len(images)):
        first = image * per_image
        for item in found:
            rows = slice(first, first + _results_of(item, bench.fmt))
            first = rows.stop
            for layer, step in _probed_layers(item):
                bits = code_bits if step == "code" else STREAM_BITS
                tensor = _tensor(run.values[step][rows], item.channels, bits, bench.fmt)
                count = int((tensor != expected[layer][image]).sum())
                wrong += [f"image {image}, layer {layer}: {count} of {tensor.size}"] if count else []
        channels = network.output_shapes[-2][0]
        mean = _signed(run.values["mean"][image * channels : (image + 1) * channels, 3], code_bits)
        wrong += [] if np.array_equal(mean, expected[-2][image]) else [f"image {image}: the mean"]
    assert wrong == [], wrong[:5]
    assert_right(run, network, images)


def _results_of(item, fmt):
    """The number of rows that a pass adds to each probe."""
    columns = item.channels if item.matrix.axis == Axis.TOKENS else fmt.tokens
    row_groups, column_groups = -(-len(item.matrix.weights_q) // 16), -(-columns // COLUMNS)
    return row_groups * 16 // fmt.rows * column_groups * MULTIPLIERS


def _probed_layers(item) -> List[tuple]:
    """(layer, probe) for each layer of a pass."""
    layers = [item.matrix, item.affine, item.add, item.function]
    probes = [
        probe for layer, probe in zip(layers, ("matrix", "affine", "stream", "code")) if layer is not None
    ]
    if probes == ["matrix"] and not item.is_last:
        probes = ["code"]  # the matrix gives codes at once
    return [(item.number + place, probe) for place, probe in enumerate(probes)]


def _tensor(rows, channels, bits, fmt):
    over_tokens, token, channel = rows[:, :3].T
    tensor = np.full((fmt.tokens, 256), 1 << bits)
    next_column = fmt.column_lanes - 1
    for a, b in fmt.lanes:
        token_step, channel_step = (
            np.where(over_tokens, *steps) for steps in ((8, next_column), (next_column, 8))
        )
        tensor[token + b * token_step, channel + a * channel_step] = _signed(rows[:, 3 + 2 * a + b], bits)
    return tensor[:, :channels]


def _signed(codes, bits):
    return ((codes & (1 << bits) - 1) ^ (1 << bits - 1)) - (1 << bits - 1)
