"""The pipelines of engines with a built-in network, on small networks.

Migen's simulator and the emitted Verilog are compared with the integer reference.
"""

import ctypes
from importlib import import_module
from itertools import cycle

import numpy as np
import pytest
from migen import run_simulation

from gateware.designs import ENGINES
from gateware.verilog import emit, forget_names
from lst_overlay.network import Activation, Axis, Layer, LSTNetwork, code_range, logits, pixel_codes
from tests.gateware.verilated import verilated

SIZE, CLASSES = 6, 4
# The pipeline of every engine with a built-in network, by the name of the engine's folder.
PIPELINES = {
    package.rsplit(".", 1)[1]: import_module(f"{package}.pipeline").Pipeline
    for package in sorted(
        {
            spec.build.__module__.rsplit(".", 1)[0]
            for spec in ENGINES.values()
            if not spec.loadable and spec.family == "lst"
        }
    )
}
SETTINGS = [
    {},
    {"per_channel": False},
    {"pixel_bits": 4, "weights": 6},
    {"codes": 3},
    {"index": 3, "shift": 0},
    {"index": 10, "shift": 2},
    {"index": 1},
    {"shift": 31},
    {"silent": True},
    {"extreme": True},
    {"pixel_bits": 4, "weights": 6, "extreme": True},
]
WIDE = [
    {"pixel_bits": 8, "weights": 13, "codes": 13},
    {"pixel_bits": 8, "weights": 13, "codes": 13, "extreme": True, "shift": 17},
]
DEEP = [
    {"pairs": 2},
    {"pairs": 3, "adds": {5: 1}, "pixel_bits": 4, "weights": 6},
    {"pairs": 3, "adds": {3: 1, 5: 3}, "extreme": True},
    {"pairs": 4, "adds": {3: 1, 7: 1}, "per_channel": False},
    {"pairs": 5, "weights": 3, "shift": 0},
]

BENCH = """
#include "Vpipeline.h"
#include "verilated.h"
// An image of ``words`` words begins at each of ``starts``; returns how many answers came.
// What has no reset begins as the seed has it.
extern "C" __attribute__((visibility("default")))
int run(const uint64_t* data, int words, const int32_t* starts, int images,
                                                          int32_t* answers, int limit, int cycles, int seed) {
    VerilatedContext context;
    context.randReset(2);
    context.randSeed(seed);
    Vpipeline top(&context);
    auto clock = [&] { top.sys_clk = 1; top.eval(); top.sys_clk = 0; top.eval(); };
    top.sys_rst = 1;
    for (int i = 0; i < 4; ++i) clock();
    top.sys_rst = 0;
    top.eval();
    int image = 0, word = 0, got = 0;
    for (int cycle = 0; cycle < cycles; ++cycle) {
        bool entering = image < images && cycle >= starts[image];
        top.sink_valid = entering;
        top.sink_payload_data = entering ? data[image * words + word] : ~0ull;
        if (entering && ++word == words) word = 0, ++image;
        top.eval();
        if (top.source_valid && got < limit) answers[got++] = int32_t(top.source_payload_word);
        clock();
    }
    return got;
}
"""


def network(
    seed,
    pixel_bits=2,
    weights=4,
    codes=4,
    per_channel=True,
    extreme=False,
    index=5,
    shift=1,
    silent=False,
    pairs=1,
    adds=None,
):
    """Make a network of 6 x 6 pixels and four classes.

    extreme: every code is the smallest or the largest. silent: activations and their biases are 0.
    pairs: of layers along rows and columns. adds: {layer: the earlier one that it adds}. Layers of several
    pairs differ in their tables.
    """
    rng = np.random.default_rng(seed)

    def some(high, shape):
        return rng.choice([-high, high], shape) if extreme else rng.integers(-high, high + 1, shape)

    def layer(axis, fan_in, fan_out, activated, number=None):
        activation = None
        if activated:
            low, high = code_range(codes)
            shape = (fan_out, 1 << index) if per_channel and index <= 8 else (1 << index,)
            if number > 1 and number % 3:
                shape = shape[-1:]
            table = rng.choice([low, high], shape) if extreme else rng.integers(low, high + 1, shape)
            table = 0 * table if silent else table
            activation = Activation(shift + number // 2, index, 1.0, table, codes, 1.0)
        biases = rng.integers(-30, 31, fan_out) * (not (silent and activated))
        weights_q, add = some(code_range(weights)[1], (fan_out, fan_in)), (adds or {}).get(number)
        return Layer(axis, weights_q, biases, weights, 1.0, activation, add)

    return LSTNetwork(
        "small",
        "lst1",
        pixel_bits,
        (SIZE, SIZE),
        (
            *[
                layer(Axis.COLUMNS if number % 2 else Axis.ROWS, SIZE, SIZE, True, number)
                for number in range(2 * pairs)
            ],
            layer(Axis.DENSE, SIZE * SIZE, CLASSES, False),
        ),
    )


def random_images(count, seed=0):
    images = np.random.default_rng(seed).integers(0, 256, (count, SIZE, SIZE), dtype=np.uint8)
    images[0], images[-1] = 0, 255
    return images


def stimuli(name, net, images, pauses):
    """Return the pipeline, its words, (images, words of an image), and the clocks at which images begin."""
    forget_names()
    dut = PIPELINES[name](net)
    pixels = len(dut.sink.data) // net.pixel_bits  # The number of pixels in a word.
    codes = pixel_codes(images, net.pixel_bits).reshape(len(images), -1, pixels).astype(np.uint64)
    words = (codes << np.arange(0, net.pixel_bits * pixels, net.pixel_bits, dtype=np.uint64)).sum(
        axis=2, dtype=np.uint64
    )
    # Only in pixel_pairs an image comes back, once for each further pair of layers.
    pairs, places = (len(net.layers) // 2, dut.rounds.places) if hasattr(dut, "rounds") else (1, 1)
    slots = free_slots(pairs, places, pauses)
    starts = np.array([dut.interval * next(slots) for _ in images], np.int32)
    return dut, words, starts


def free_slots(pairs, places, pauses):
    """Yield the number of the slot of each image, after its pause, that no image which comes back takes."""
    taken, slot = set(), 0
    for pause in cycle(pauses):
        slot += 1 + pause
        while slot in taken:
            slot += 1
        yield slot
        taken |= {slot + round_ * places for round_ in range(1, pairs)}


def in_verilog(name, net, images, pauses=(0,)):
    """Return logits and class of each image, (N, classes + 1).

    pauses: unused intervals before each image, repeated.
    """
    dut, words, starts = stimuli(name, net, images, pauses)
    library = verilated(
        "pipeline", emit(dut, "pipeline", {*dut.sink.flatten(), *dut.source.flatten()}), BENCH
    )
    out = np.full((len(images), CLASSES + 1), 0x55555555, np.int32)
    pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (words, starts, out)]
    came = library.run(
        pointers[0],
        words.shape[1],
        pointers[1],
        len(images),
        pointers[2],
        out.size + 1,
        int(starts[-1]) + 800,
        1,
    )
    assert came == out.size
    return out


def in_migen(name, net, images, pauses=(0,)):
    dut, words, starts = stimuli(name, net, images, pauses)
    entering = {
        int(start) + number: int(word)
        for start, image in zip(starts, words)
        for number, word in enumerate(image)
    }
    out = []

    def process():
        # A value that is assigned now is visible in the next clock.
        for clock in range(1, int(starts[-1]) + 800):
            yield dut.sink.valid.eq(clock in entering)
            yield dut.sink.data.eq(entering.get(clock, -1))
            yield
            if (yield dut.source.valid):
                word = yield dut.source.word
                out.append(word - (word >> 31 << 32))

    run_simulation(dut, process())
    return np.reshape(out, (len(images), -1))


def expected(net, images):
    values = logits(net, images)
    return np.hstack([values, values.argmax(axis=1)[:, None]])


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("name", PIPELINES)
def test_images_right_behind_each_other_and_after_pauses(name, settings):
    net, images = network(1, **settings), random_images(6)
    # Migen cannot simulate the blocks of the FPGA that row_parallel's classifier consists of.
    simulate = in_verilog if name == "row_parallel" else in_migen
    np.testing.assert_array_equal(simulate(name, net, images, (0, 0, 1, 0, 3)), expected(net, images))


@pytest.mark.parametrize("settings", [DEEP[0], *DEEP[4:]], ids=str)
def test_a_cascade_of_several_pairs_of_layers(settings):
    net, images = network(4, **settings), random_images(8)
    np.testing.assert_array_equal(
        in_verilog("row_parallel", net, images, (0, 0, 1, 0, 3)), expected(net, images)
    )


@pytest.mark.parametrize("pauses", [(0,), (0, 0, 1, 0, 3)], ids=str)
@pytest.mark.parametrize("settings", DEEP, ids=str)
def test_images_go_round_once_for_each_pair_of_layers(settings, pauses):
    net, images = network(3, **settings), random_images(8)
    np.testing.assert_array_equal(in_migen("pixel_pairs", net, images, pauses), expected(net, images))


@pytest.mark.parametrize("settings", WIDE, ids=str)
def test_codes_of_13_bits(settings):
    net, images = network(2, **settings), random_images(6)
    np.testing.assert_array_equal(in_migen("folded", net, images), expected(net, images))


# Constructs that Migen simulates correctly and emits wrongly unless avoided: shifts of unsigned codes in
# signed sums, and empty slices.
PRINTED = [
    ("row_parallel", {"pixel_bits": 4, "weights": 6}),
    ("folded", {"index": 1}),
    ("pixel_pairs", {"shift": 31}),
    ("row_parallel", {"index": 1, "shift": 31, "silent": True}),
]


@pytest.mark.parametrize("name, settings", [*((name, SETTINGS[-1]) for name in PIPELINES), *PRINTED], ids=str)
def test_the_emitted_verilog_computes_the_same(name, settings):
    net, images = network(2, **settings), random_images(40)
    np.testing.assert_array_equal(in_verilog(name, net, images, (0, 0, 0, 1)), expected(net, images))
