"""SOFT_RESET at any moment, and the reset of the PL.

The bus drains by its rules, the next batch is right, and the network stays loaded.
"""

import re
from collections import Counter

import numpy as np
import pytest

from gateware.designs import make_design
from lst_overlay.network import parameter_crc, parameter_words
from lst_overlay.registers import ErrorCode
from tests.driver.random_network import with_channel_tables
from tests.gateware.shell.top_bench import (
    DRAIN_STUCK_CYCLES,
    LOAD,
    PARAMETERS,
    PIXELS,
    PROMPT,
    RESULTS,
    SOFT_RESET,
    START,
    expected_results,
    random_images,
    random_network,
)

NETWORK, OTHER_NETWORK = random_network(1), random_network(2)
CHANNEL_NETWORK = with_channel_tables(NETWORK, 0, 1)
HASH = parameter_crc(parameter_words(NETWORK))


def interrupt_batch(board, images, moment):
    """START ``images`` images at PIXELS, then SOFT_RESET ``moment`` clocks later."""
    board.start(images)
    board.run(moment)
    board.soft_reset()


@pytest.mark.parametrize("clocks", range(40))
def test_a_second_reset_drains_as_long_as_the_first(top, clocks):
    """A reset lasts at least eight clocks, so that the next access still sees it."""
    board = top("ideal", network=NETWORK, **PROMPT)
    board.write("CONTROL", SOFT_RESET)
    board.run(clocks)
    board.write("CONTROL", SOFT_RESET)
    assert board.status("DRAINING") == 1
    board.wait_status(IDLE=1, DRAINING=0)


@pytest.mark.parametrize(
    "memory, network",
    [
        *((memory, NETWORK) for memory in ("default", "swift", "hesitant", "one burst")),
        ("default", CHANNEL_NETWORK),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_reset_at_random_moments_of_a_batch(top, memory, network):
    board = top(memory, network=network, **PROMPT)
    board.run_batch(random_images(3))
    length = board.counter("CYCLES")
    for moment in np.random.default_rng(0).integers(0, length + 50, 12):
        interrupt_batch(board, 3, moment)
        assert board.status("LOADED", "DRAINING") == (1, 0) and board.read("NETWORK_HASH") == parameter_crc(
            parameter_words(network)
        )
        board.assert_works(network, seed=moment)
        assert board.violations() == [], f"SOFT_RESET after {moment} clocks"


@pytest.mark.parametrize("moments", [range(420, 500), range(800, 830)], ids=str)
def test_reset_at_every_clock_while_the_last_pixels_are_asked_for(top, moments):
    """Requests that the reader is about to make must not affect the next command."""
    board = top(network=NETWORK, **PROMPT)
    for moment in moments:
        interrupt_batch(board, 1, moment)
        board.assert_works(NETWORK, images=1)


def test_reset_at_every_clock_of_the_last_write_burst(top):
    board = top("ideal", network=NETWORK, **PROMPT)
    board.run_batch(random_images(1))
    length = board.counter("CYCLES")
    for moment in range(length - 70, length + 10):
        interrupt_batch(board, 1, moment)
        board.assert_works(NETWORK, images=1)
        assert board.violations() == [], f"SOFT_RESET after {moment} clocks"


def test_reset_while_write_responses_are_held(top):
    board = top(network=NETWORK)
    board.inject(hold_write_responses=True)
    board.start(8)
    board.run(20_000)
    assert board.statistics().write_bursts == 3
    board.write("CONTROL", SOFT_RESET)
    board.run(1000)
    assert board.status("DRAINING", "IDLE", "QUEUE_READY") == (1, 0, 0)
    board.inject(hold_write_responses=False)
    board.wait_status(IDLE=1)
    assert board.status("DRAINING") == 0
    board.assert_works(NETWORK)


def test_owed_beats_go_out_without_strobes(top):
    """If SOFT_RESET comes within a stalled write burst, the rest of the burst is sent with strobes 0."""
    board = top("ideal", network=NETWORK, **PROMPT)
    board.write_memory(PIXELS, random_images(3))
    for _ in range(20):
        board.write_memory(RESULTS, np.full(144, 0xA5, np.uint8))
        bursts, beats = board.statistics().write_bursts, board.statistics().write_beats
        board.start(3)
        while board.statistics().write_bursts == bursts:
            board.run(1)
        board.inject(withheld=0.99)
        board.run(5)
        taken = board.statistics().write_beats - beats
        board.write("CONTROL", SOFT_RESET)
        board.run(20)
        board.inject(withheld=0)
        board.wait_status(IDLE=1)
        assert board.statistics().write_beats - beats == 16
        if taken < 8:
            break
    assert taken < 8
    # Two beats wait in registers behind the one at the port: they are written in any case.
    assert (board.read_memory(RESULTS, 128)[8 * (taken + 4) :] == 0xA5).all()
    board.assert_works(NETWORK)


def test_reset_drops_both_queue_places(top):
    board = top(network=NETWORK)
    board.write_memory(PIXELS, random_images(4))
    done = board.read("COMPLETED")
    board.start(4)
    board.start(4)
    board.soft_reset()
    board.run(20_000)
    assert board.read("COMPLETED") == done and board.status("IDLE", "QUEUE_READY", "LOADED") == (1, 1, 1)
    board.assert_works(NETWORK)


def test_reset_when_idle_keeps_the_network(top):
    board = top(network=NETWORK)
    for _ in range(3):
        board.soft_reset()
    assert board.read("NETWORK_HASH") == HASH
    board.assert_works(NETWORK)


def test_second_reset_while_the_first_drains(top):
    board = top(network=NETWORK, **PROMPT)
    for gap in range(0, 60, 3):
        board.start(2)
        board.run(700 + gap)
        board.write("CONTROL", SOFT_RESET)
        board.run(gap)
        board.soft_reset()
        board.assert_works(NETWORK)


def test_start_in_one_write_with_reset_is_ignored(top):
    board = top(network=NETWORK)
    accepted = board.read("ACCEPTED")
    board.write("CONTROL", START | LOAD | SOFT_RESET)
    board.wait_status(IDLE=1)
    assert board.read("ACCEPTED") == accepted and board.read("NETWORK_HASH") == HASH


@pytest.mark.parametrize("moment", [0, 3, 10, 100, 1000, 34_000, 34_600])
def test_reset_during_load_leaves_no_network(top, moment):
    board = top("ideal", network=NETWORK, **PROMPT)
    board.write_memory(PARAMETERS, parameter_words(OTHER_NETWORK))
    board.write("SOURCE", PARAMETERS)
    board.write("CONTROL", LOAD)
    board.run(moment)
    board.soft_reset()
    assert board.status("LOADED") == 0 and board.read("NETWORK_HASH") == 0
    board.start(1)
    assert board.error() == ErrorCode.NO_NETWORK
    board.soft_reset()
    board.load(OTHER_NETWORK)
    board.assert_works(OTHER_NETWORK)


def test_reset_at_every_clock_around_the_end_of_load(top):
    """The network is loaded completely or not at all."""
    board = top("ideal", **PROMPT)
    board.write_memory(PIXELS, random_images(1))
    board.load(OTHER_NETWORK)
    length = board.counter("CYCLES")
    seen = set()
    for moment in range(length - 16, length + 4):
        board.write_memory(PARAMETERS, parameter_words(NETWORK))
        board.write("SOURCE", PARAMETERS)
        board.write("CONTROL", LOAD)
        board.run(moment)
        board.soft_reset()
        loaded = board.status("LOADED")
        seen.add(loaded)
        assert board.read("NETWORK_HASH") == (HASH if loaded else 0)
        if loaded:
            board.assert_works(NETWORK, images=1)
            board.write_memory(PARAMETERS, np.zeros(100, np.uint8))
    assert seen == {0, 1}


def test_dead_memory_is_reported_as_stuck(top):
    board = top(network=NETWORK)
    board.start(20)
    board.run(5000)
    board.inject(memory_dead=True)
    board.run(2000)
    assert board.status("IDLE", "DRAINING") == (0, 0)
    before = board.cycles
    board.write("CONTROL", SOFT_RESET)
    assert board.status("DRAINING", "DRAIN_STUCK", "IDLE") == (1, 0, 0)
    board.wait_status(DRAIN_STUCK=1)
    assert 0 <= board.cycles - before - DRAIN_STUCK_CYCLES < 100
    assert board.status("DRAINING", "IDLE", "QUEUE_READY", "LOADED") == (1, 0, 0, 1)


def test_memory_that_revives_ends_the_drain(top):
    board = top(network=NETWORK)
    board.start(20)
    board.run(5000)
    board.inject(memory_dead=True)
    board.run(2000)
    board.write("CONTROL", SOFT_RESET)
    board.wait_status(DRAIN_STUCK=1)
    board.write("CONTROL", SOFT_RESET)
    board.inject(memory_dead=False)
    board.wait_status(IDLE=1, DRAINING=0, DRAIN_STUCK=0)
    board.assert_works(NETWORK)


def test_reset_of_the_pl_forgets_the_network(top):
    board = top(network=NETWORK)
    board.set_reset(True)
    board.run(20)
    board.set_reset(False)
    board.run(20)
    assert board.status("IDLE", "LOADED") == (1, 0)
    assert [board.read(name) for name in ("NETWORK_HASH", "ACCEPTED", "COMPLETED", "SOURCE")] == [0] * 4
    board.load(OTHER_NETWORK)
    np.testing.assert_array_equal(
        board.run_batch(random_images(2)), expected_results(OTHER_NETWORK, random_images(2))
    )


def test_no_reset_reaches_more_than_250_flip_flops():
    verilog = make_design("pixel_serial").verilog
    registers = re.findall(r"^reg (?:signed )?(?:\[(\d+):0\] )?(\w+)", verilog, re.MULTILINE)
    widths = {name: int(highest or 0) + 1 for highest, name in registers}
    loads = Counter()
    for reset, body in re.findall(
        r"^\tif \((\w*(?:reset|rst)\d*)\) begin\n(.*?)^\tend$", verilog, re.M | re.S
    ):
        loads[reset] += sum(widths[name] for name in re.findall(r"^\t\t(\w+) <=", body, re.M))
    assert len(loads) >= 8 and max(loads.values()) <= 250, loads
