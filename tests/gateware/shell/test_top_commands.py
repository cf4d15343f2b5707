"""START and LOAD on the whole design: results, queue, order, clock cycles."""

import numpy as np
import pytest

from lst_overlay.network import parameter_crc, parameter_words
from lst_overlay.registers import ResultMode
from tests.driver.random_network import with_channel_tables
from tests.gateware.shell.top_bench import (
    BUFFER_BYTES,
    LOAD,
    MEMORIES,
    OTHER_PARAMETERS,
    OTHER_RESULTS,
    PARAMETERS,
    PIXELS,
    PROMPT,
    RESULTS,
    START,
    expected_results,
    random_images,
    random_network,
)

NETWORK, OTHER_NETWORK = random_network(1), random_network(2, pixel_bits=5)
CHANNEL_NETWORKS = [with_channel_tables(NETWORK, *numbers) for numbers in ((0,), (1,), (0, 1))]
MODES = pytest.mark.parametrize("mode", ResultMode, ids=lambda mode: mode.name.lower())


def many_images(board, count):
    """Enlarge the buffers to hold ``count`` images and their logits."""
    for address, size in ((PIXELS, 784 * count), (RESULTS, 48 * count)):
        board.replace_buffer(address, size)
    return random_images(count)


@MODES
@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 15, 16, 17])
def test_batch_gives_results_and_touches_nothing_else(top, mode, count):
    board = top(network=NETWORK)
    images = random_images(count, seed=count)
    before = board.read_memory(RESULTS, BUFFER_BYTES)
    results = board.run_batch(images, mode)
    np.testing.assert_array_equal(results, expected_results(NETWORK, images, mode))
    np.testing.assert_array_equal(
        board.read_memory(RESULTS, BUFFER_BYTES)[results.size :], before[results.size :]
    )


@MODES
def test_1000_images(top, mode):
    board = top(network=NETWORK)
    images = many_images(board, 1000)
    np.testing.assert_array_equal(board.run_batch(images, mode), expected_results(NETWORK, images, mode))


@pytest.mark.parametrize("memory", sorted(MEMORIES))
def test_any_memory_gives_the_same_results(top, memory):
    board = top(memory, network=NETWORK)
    images = random_images(13)
    for mode in ResultMode:
        np.testing.assert_array_equal(board.run_batch(images, mode), expected_results(NETWORK, images, mode))


@pytest.mark.parametrize("outstanding", [1, 2, 8])
@pytest.mark.parametrize("latency", [1, 2, 3, 400])
@pytest.mark.parametrize("withheld", [0, 128, 230])
def test_any_latency_gives_the_same_results(top, outstanding, latency, withheld):
    board = top(
        dict(
            latency_cycles=latency,
            outstanding=outstanding,
            withheld_per_256=withheld,
            cpu_timeout_cycles=1000,
        ),
        network=NETWORK,
    )
    images = random_images(2)
    for mode in ResultMode:
        np.testing.assert_array_equal(board.run_batch(images, mode), expected_results(NETWORK, images, mode))


@pytest.mark.parametrize("seed", range(2, 8))
def test_results_do_not_depend_on_the_power_up_state(top, seed):
    top(seed=seed, network=NETWORK).assert_works(NETWORK, images=4)


def test_nothing_is_loaded_at_power_up(top):
    for seed in range(1, 6):
        board = top(seed=seed)
        assert board.status("IDLE", "DONE", "QUEUE_READY", "LOADED", "ERROR", "DRAINING", "DRAIN_STUCK") == (
            1,
            0,
            1,
            0,
            0,
            0,
            0,
        )
        assert [board.read(name) for name in ("NETWORK_HASH", "ACCEPTED", "COMPLETED", "ERROR_CODE")] == [
            0
        ] * 4


@MODES
@pytest.mark.parametrize("count", [1, 8, 9, 20])
def test_buffers_may_end_with_the_batch(top, mode, count):
    board = top(network=NETWORK)
    images = random_images(count)
    source, destination = (
        PIXELS + BUFFER_BYTES - -(-count * 784 // 128) * 128,
        RESULTS + BUFFER_BYTES - 1024,
    )
    for address, end in (
        (PIXELS, source + count * 784),
        (RESULTS, destination + board.record.bytes(mode, count)),
    ):
        board.replace_buffer(address, end - address)
    np.testing.assert_array_equal(
        board.run_batch(images, mode, source, destination), expected_results(NETWORK, images, mode)
    )


def test_results_follow_each_other_when_destinations_do(top):
    board = top(network=NETWORK)
    images = random_images(3)
    expected = expected_results(NETWORK, images, ResultMode.CLASSES)
    for number in range(3):
        board.run_batch(images, ResultMode.CLASSES, destination=RESULTS + 128 * number)
    for number in range(3):
        np.testing.assert_array_equal(board.read_memory(RESULTS + 128 * number, expected.size), expected)


@pytest.mark.parametrize("other", [OTHER_NETWORK, *CHANNEL_NETWORKS], ids=lambda network: network.name)
def test_networks_replace_each_other(top, other):
    board = top(network=NETWORK)
    board.assert_works(NETWORK)
    board.load(other)
    board.assert_works(other)
    board.load(NETWORK)
    board.assert_works(NETWORK)


# The queue.


def test_registers_may_be_written_at_once_after_start(top):
    board = top(network=NETWORK)
    first, second = random_images(3, seed=1), random_images(5, seed=2)
    board.write_memory(PIXELS, first)
    board.write_memory(PIXELS + 0x8000, second)
    done = board.read("COMPLETED")
    board.start(3, ResultMode.LOGITS, PIXELS, RESULTS)
    board.start(5, ResultMode.CLASSES, PIXELS + 0x8000, OTHER_RESULTS)
    for name in ("IMAGES", "SOURCE", "DESTINATION", "RESULT_MODE"):
        board.write(name, 0xFFFF_FFFF)
    board.wait_completed(done + 2)
    np.testing.assert_array_equal(board.read_memory(RESULTS, 3 * 48), expected_results(NETWORK, first))
    np.testing.assert_array_equal(
        board.read_memory(OTHER_RESULTS, 8), expected_results(NETWORK, second, ResultMode.CLASSES)
    )


def test_queued_batches_end_in_order(top):
    board = top(network=NETWORK)
    board.write_memory(PIXELS, random_images(4))
    done = board.read("COMPLETED")
    board.start(4)
    board.start(1, destination=OTHER_RESULTS)
    board.wait_completed(done + 1)
    assert board.status("IDLE", "DONE") == (0, 0)
    board.wait_completed(done + 2)
    assert board.status("IDLE", "DONE") == (1, 1)


def test_start_is_ignored_while_the_queue_is_full(top):
    board = top(network=NETWORK)
    images = random_images(4)
    board.write_memory(PIXELS, images)
    accepted = board.read("ACCEPTED")
    board.start(4)
    assert board.status("QUEUE_READY") == 1
    board.start(2, destination=OTHER_RESULTS)
    assert board.status("QUEUE_READY") == 0
    untouched = board.read_memory(OTHER_RESULTS + 96, 1000)
    board.start(4, destination=OTHER_RESULTS)
    board.write("CONTROL", LOAD)
    assert board.read("ACCEPTED") == accepted + 2
    board.wait_status(IDLE=1)
    board.run(10_000)
    assert (board.read("ACCEPTED"), board.read("COMPLETED"), board.status("IDLE")) == (
        accepted + 2,
        accepted + 2,
        1,
    )
    np.testing.assert_array_equal(board.read_memory(RESULTS, 4 * 48), expected_results(NETWORK, images))
    np.testing.assert_array_equal(board.read_memory(OTHER_RESULTS, 96), expected_results(NETWORK, images[:2]))
    np.testing.assert_array_equal(board.read_memory(OTHER_RESULTS + 96, 1000), untouched)


def test_start_queued_behind_the_first_load_finds_its_network(top):
    board = top()
    images = random_images(2)
    board.write_memory(PARAMETERS, parameter_words(NETWORK))
    board.write_memory(PIXELS, images)
    board.write("SOURCE", PARAMETERS)
    board.write("CONTROL", LOAD)
    board.start(2)
    board.wait_completed(2)
    np.testing.assert_array_equal(board.read_memory(RESULTS, 96), expected_results(NETWORK, images))


@pytest.mark.parametrize("memory", ["default", "swift"])
def test_load_queued_behind_a_batch_leaves_its_results_alone(top, memory):
    board = top(memory, network=NETWORK)
    images = random_images(6)
    board.write_memory(PIXELS, images)
    board.write_memory(OTHER_PARAMETERS, parameter_words(OTHER_NETWORK))
    for network, other, address in (
        (NETWORK, OTHER_NETWORK, OTHER_PARAMETERS),
        (OTHER_NETWORK, NETWORK, PARAMETERS),
    ):
        done = board.read("COMPLETED")
        board.start(6)
        board.write("SOURCE", address)
        board.write("CONTROL", LOAD)
        board.wait_completed(done + 2)
        assert board.read("NETWORK_HASH") == parameter_crc(parameter_words(other))
        np.testing.assert_array_equal(board.read_memory(RESULTS, 6 * 48), expected_results(network, images))


def test_start_at_any_clock_around_the_end_of_the_former(top):
    board = top("ideal", network=NETWORK, **PROMPT)
    images = random_images(1)
    expected = expected_results(NETWORK, images)
    board.run_batch(images)
    length = board.counter("CYCLES")
    for moment in range(length - 60, length + 15):
        board.write_memory(RESULTS, np.zeros(48, np.uint8))
        board.write_memory(OTHER_RESULTS, np.zeros(48, np.uint8))
        done = board.read("COMPLETED")
        board.start(1)
        board.write("DESTINATION", OTHER_RESULTS)
        board.run(moment)
        board.write("CONTROL", START)
        board.wait_completed(done + 2, 20_000)
        assert board.status("DONE", "IDLE", "ERROR") == (1, 1, 0), moment
        for address in (RESULTS, OTHER_RESULTS):
            np.testing.assert_array_equal(
                board.read_memory(address, 48), expected, err_msg=f"START {moment} clocks later"
            )


def test_done_is_cleared_by_the_next_start(top):
    board = top(network=NETWORK)
    board.assert_works(NETWORK)
    assert board.status("DONE") == 1
    board.start(2)
    assert board.status("DONE", "IDLE") == (0, 0)


# The end of a command.


def test_completed_waits_for_the_last_write_response(top):
    board = top(network=NETWORK)
    images = random_images(3)
    board.write_memory(PIXELS, images)
    done = board.read("COMPLETED")
    board.inject(hold_write_responses=True)
    board.start(3)
    board.run(20_000)
    assert board.statistics().write_beats == 18
    assert (board.read("COMPLETED"), *board.status("DONE", "IDLE")) == (done, 0, 0)
    board.inject(hold_write_responses=False)
    board.wait_completed(done + 1)
    np.testing.assert_array_equal(board.read_memory(RESULTS, 3 * 48), expected_results(NETWORK, images))


def test_results_survive_when_nobody_takes_them(top):
    """All stages between engine and memory fill up; no pixel enters that has no room for its result."""
    board = top("ideal", network=NETWORK)
    images = random_images(60)
    board.write_memory(PIXELS, images)
    done = board.read("COMPLETED")
    board.inject(hold_write_responses=True)
    board.start(60)
    board.run(60_000)
    assert board.statistics().most_writes_outstanding == 8
    board.inject(hold_write_responses=False)
    board.wait_completed(done + 1)
    np.testing.assert_array_equal(board.read_memory(RESULTS, 60 * 48), expected_results(NETWORK, images))


@pytest.mark.parametrize("seed", range(6))
def test_results_are_in_memory_when_completed_moves(top, seed):
    board = top(seed=seed, network=NETWORK, **PROMPT)
    images = random_images(1 + seed, seed)
    board.write_memory(PIXELS, images)
    done = board.read("COMPLETED")
    board.start(len(images))
    while board.read("COMPLETED") == done:
        pass
    np.testing.assert_array_equal(
        board.read_memory(RESULTS, 48 * len(images)), expected_results(NETWORK, images)
    )


# Cycles, as the documents promise them.


@pytest.mark.parametrize("memory", ["default", "ideal"])
def test_at_most_790_cycles_per_image(top, memory):
    board = top(memory, network=NETWORK)
    board.run_batch(many_images(board, 1000))
    assert 784 * 1000 < board.counter("CYCLES") <= 790 * 1000


@pytest.mark.parametrize("memory, limit", [("ideal", 2700), ("default", 3000)])
def test_latency_of_one_image(top, memory, limit):
    board = top(memory, network=NETWORK)
    board.run_batch(random_images(1))
    assert 2 * 784 < board.counter("CYCLES") <= limit
