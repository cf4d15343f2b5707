"""Whole designs with a built-in network, verilated: batches with every memory model, resets, errors."""

import numpy as np
import pytest

from gateware.designs import ENGINES, make_design
from lst_overlay.memory.images import GROUP
from lst_overlay.network import content_hash, load_network
from lst_overlay.registers import ErrorCode, ResultMode
from lst_overlay.samples.shipped_networks import find
from tests.gateware.shell.top_bench import (
    LOAD,
    MEMORIES,
    OTHER_RESULTS,
    PARAMETERS,
    PIXELS,
    PIXELS_1,
    PROMPT,
    RESULTS,
    SOFT_RESET,
    Top,
    build_top,
    expected_results,
    random_images,
)

# Every engine with a built-in LST network, two deeper ones, and one further packed layout. Each takes up to a
# minute to compile.
BUILT_IN = [spec for spec in ENGINES.values() if not spec.loadable and spec.family == "lst"]
QUICK = ("folded", "pixel_pairs", "pixel_pairs ResLST-3", "row_parallel")  # always run; the others are slow
# Not the default: wider, narrower.
NETWORKS = {"folded": "lst1_q6.7", "row_parallel_uint8": "lst1_w4a4p2", "row_parallel_uint8x4": "lst1_w4a4p2"}


def case(spec, network, name):
    """A design's tests stay together on one worker; the designs are shared among the workers."""
    marks = [pytest.mark.xdist_group(name), *[pytest.mark.slow] * (name not in QUICK)]
    return pytest.param((spec, network), id=name, marks=marks)


CASES = [
    *(case(spec, NETWORKS.get(spec.name, spec.network), spec.name) for spec in BUILT_IN),
    case(ENGINES["pixel_pairs"], "lst2_w6a4p4", "pixel_pairs LST-2"),
    case(ENGINES["pixel_pairs"], "reslst3_w6a4p4", "pixel_pairs ResLST-3"),
    case(ENGINES["row_parallel"], "lst1_w5c4a4p4", "row_parallel 4 bits"),
    case(ENGINES["row_parallel"], "lst1_row_pairs_w4a4p2", "row_parallel pairs"),
]


@pytest.fixture(scope="module", params=CASES)
def design(request):
    """(declaration of the engine, design, library of the verilated design)."""
    spec, name = request.param
    made = make_design(spec.name, load_network(find(name)))
    return spec, made, build_top(made)


@pytest.fixture
def top(design):
    """A function (memory, seed, **changes) -> Top.

    At the end of a test no bus rule may have been violated.
    """
    _, made, library = design
    boards = []

    def make(memory="default", seed=1, **changes):
        boards.append(Top(library, made.capabilities, memory, seed, **changes))
        boards[-1].network = made.network
        return boards[-1]

    yield make
    violations = [text for board in boards for text in board.violations()]
    for board in boards:
        board.close()
    assert violations == []


def assert_right(board, images, mode, **where):
    np.testing.assert_array_equal(
        board.run_batch(images, mode, **where), expected_results(board.network, images, mode)
    )


def test_what_it_says_of_itself(top, design):
    spec, made, _ = design
    board, layout = top(), made.capabilities.layout
    assert board.read("CAPABILITIES") == spec.number | layout.ports << 8 | layout.packed_bits << 12
    assert board.read("IMAGE_SHAPE") == 28 | 28 << 12 and board.read("RESULTS") == 10 | 10 << 16
    assert board.read("NETWORK_HASH") == int(content_hash(made.network)[:8], 16)
    assert board.read("PARAMETER_BYTES") == 0 and board.status("LOADED", "IDLE") == (1, 1)


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("mode", ResultMode)
@pytest.mark.parametrize("images", [1, 2, 7, 8, 9, 16, 17, 33, 70])
def test_batches_of_any_size_under_any_memory(top, memory, mode, images):
    board = top(memory, seed=images)
    for seed in range(2):
        assert_right(board, random_images(images, seed), mode)


def test_extreme_images(top):
    images = random_images(6)
    images[0], images[1], images[2, ::2], images[3, :, 1::2] = 0, 255, 0, 255
    assert_right(top(), images, ResultMode.LOGITS)


@pytest.mark.parametrize("mode", ResultMode)
def test_clocks_of_an_image_in_a_long_batch(top, design, mode):
    """The clocks include DMA: they count from START to the answer to the last write."""
    cycles = design[0].cycles_of(design[1].network)
    if mode is ResultMode.LOGITS:  # a word of a record leaves in every other clock
        cycles = max(cycles, 2 * (design[1].network.classes + 2))
    board, images = top("ideal"), 80
    board.run_batch(random_images(images), mode)
    layout, waiting = board.layout, 0
    if layout.ports > 1 and not layout.packed_bits:
        # The groups of all ports arrive together, so a whole one leaves when the last has arrived.
        rounds = -(-images // (GROUP * layout.ports))
        waiting = 28 * GROUP + max(0, rounds * GROUP * layout.beats_per_image - cycles * images)
    latency = 2 * cycles + 400
    assert cycles * images < board.counter("CYCLES") < (cycles + 1) * images + waiting + latency


def test_logits_after_classes_and_classes_after_logits(top):
    board, images = top(), random_images(9)
    for mode in (ResultMode.CLASSES, ResultMode.LOGITS, ResultMode.CLASSES):
        assert_right(board, images, mode)


def test_a_queued_batch_runs_after_the_first(top):
    board, images = top(), random_images(12)
    board.put(images)
    board.start(12, ResultMode.CLASSES)
    board.start(12, ResultMode.LOGITS, destination=OTHER_RESULTS)
    board.wait_completed(2)
    for mode, address in ((ResultMode.CLASSES, RESULTS), (ResultMode.LOGITS, OTHER_RESULTS)):
        np.testing.assert_array_equal(
            board.read_memory(address, board.record.bytes(mode, 12)),
            expected_results(board.network, images, mode),
        )


@pytest.mark.parametrize("memory", ["default", "swift", "hesitant", "one burst"])
def test_reset_at_random_moments_of_a_batch(top, memory):
    board = top(memory, **PROMPT)
    board.run_batch(random_images(20), ResultMode.LOGITS)
    length = board.counter("CYCLES")
    for moment in np.random.default_rng(0).integers(0, length + 50, 20).tolist():
        board.start(20)
        board.run(moment)
        board.soft_reset()
        assert_right(board, random_images(3, moment), ResultMode.LOGITS)
        assert board.violations() == [], f"SOFT_RESET after {moment} clocks"


def test_reset_at_every_clock_around_the_admission_of_the_first_image(top, design):
    board = top("ideal", **PROMPT)
    # The clocks until the first image has arrived.
    arrival = {"folded": 784, "pixel_pairs": 392}.get(design[0].name, 0)
    for moment in range(arrival + 20, arrival + 160):
        board.start(2)
        board.run(moment)
        board.write("CONTROL", SOFT_RESET)
        board.wait_status(IDLE=1, ERROR=0)
        assert_right(board, random_images(2, moment), ResultMode.LOGITS)


def test_results_that_nobody_takes_hold_the_engine_and_nothing_is_lost(top, design):
    """While memory answers no write, credits run out; afterwards the batch continues."""
    board, images = top(), random_images(80)
    board.put(images)
    board.inject(hold_write_responses=True)
    board.start(80)
    board.run(20_000 + 50 * design[0].cycles_of(design[1].network))
    assert board.status("DONE") == 0
    board.inject(hold_write_responses=False)
    board.wait_completed(1)
    np.testing.assert_array_equal(
        board.read_memory(RESULTS, board.record.bytes(ResultMode.LOGITS, 80)),
        expected_results(board.network, images),
    )
    assert board.counter("STALL_OUTPUT") > 10_000


def test_load_is_refused(top):
    board = top()
    board.write("SOURCE", PARAMETERS)
    board.write("CONTROL", LOAD)
    assert board.error() == ErrorCode.NOT_LOADABLE
    board.soft_reset()
    assert_right(board, random_images(2), ResultMode.LOGITS)


@pytest.mark.parametrize("register", ["SOURCE", "SOURCE_1"])
def test_a_misaligned_source_is_refused_by_its_port(top, register):
    board = top()
    if register == "SOURCE_1" and board.layout.ports == 1:
        pytest.skip("one port")
    board.put(random_images(2))
    board.start(0)  # START sets the registers and is refused.
    assert board.error() == ErrorCode.NO_IMAGES
    board.soft_reset()
    board.write("IMAGES", 2)
    board.write(register, PIXELS + 64)
    board.write("CONTROL", 1)
    assert board.error() == ErrorCode.SOURCE_ALIGNMENT and board.read("ERROR_ADDRESS") == PIXELS + 64
    board.soft_reset()
    assert_right(board, random_images(2), ResultMode.LOGITS)


@pytest.mark.parametrize("port", range(4))
def test_a_read_error_on_any_port_names_its_burst_and_the_next_batch_is_right(top, port):
    board = top()
    if port >= board.layout.ports:
        pytest.skip(f"{board.layout.ports} ports")
    buffer = (PIXELS, PIXELS_1)[port % board.layout.buffers]
    faulty = buffer + board.layout.offset_bytes(port) + 2 * board.layout.ports_per_buffer * 128
    board.put(random_images(40))
    board.inject_error(faulty, 128, writes=False)
    board.start(40)
    assert board.error() == ErrorCode.READ_RESPONSE and board.read("ERROR_ADDRESS") == faulty
    board.clear_errors()
    board.soft_reset()
    assert_right(board, random_images(40), ResultMode.LOGITS)
