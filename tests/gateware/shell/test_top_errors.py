"""Every ErrorCode of the whole design: the report, the stop, and the recovery without a LOAD."""

import numpy as np
import pytest

from lst_overlay.network import PARAMETER_BYTES, parameter_crc, parameter_words
from lst_overlay.registers import ALIGNMENT as BURST_BYTES
from lst_overlay.registers import ErrorCode, ResultMode
from lst_overlay.simulator.library import DDR_BYTES
from tests.gateware.shell.top_bench import (
    LOAD,
    OTHER_PARAMETERS,
    PARAMETERS,
    PIXELS,
    PROMPT,
    RESULTS,
    START,
    expected_results,
    random_images,
    random_network,
)

NETWORK, OTHER_NETWORK = random_network(1), random_network(2)
OUTSIDE = DDR_BYTES + 0x1000  # Memory answers DECERR there.


def traffic(board):
    statistics = board.statistics()
    return statistics.read_bursts, statistics.write_bursts


def assert_recovers(board, network=NETWORK):
    """Assert that SOFT_RESET clears the error and that the network is still loaded."""
    board.clear_errors()
    board.soft_reset()
    assert (board.read("ERROR_CODE"), board.read("ERROR_ADDRESS")) == (0, 0)
    assert board.read("NETWORK_HASH") == parameter_crc(parameter_words(network))
    board.assert_works(network)


@pytest.mark.parametrize(
    "arguments, code, address",
    [
        (dict(source=PIXELS + 1), ErrorCode.SOURCE_ALIGNMENT, PIXELS + 1),
        (dict(source=PIXELS + 8), ErrorCode.SOURCE_ALIGNMENT, PIXELS + 8),
        (dict(source=PIXELS + 64), ErrorCode.SOURCE_ALIGNMENT, PIXELS + 64),
        (dict(destination=RESULTS + 1), ErrorCode.DESTINATION_ALIGNMENT, RESULTS + 1),
        (dict(destination=RESULTS + 64), ErrorCode.DESTINATION_ALIGNMENT, RESULTS + 64),
        (dict(images=0), ErrorCode.NO_IMAGES, 0),
    ],
)
def test_bad_arguments_are_refused_before_any_burst(top, arguments, code, address):
    board = top(network=NETWORK)
    before, done = traffic(board), board.read("COMPLETED")
    board.start(**{"images": 2, **arguments})
    assert board.error() == code and board.read("ERROR_ADDRESS") == address
    board.run(1000)
    assert traffic(board) == before and board.status("DONE") == 0 and board.read("COMPLETED") == done
    assert_recovers(board)


def test_misaligned_parameters_are_refused_and_the_network_stays(top):
    board = top(network=NETWORK)
    before = traffic(board)
    board.write("SOURCE", PARAMETERS + 32)
    board.write("CONTROL", LOAD)
    assert board.error() == ErrorCode.SOURCE_ALIGNMENT and board.read("ERROR_ADDRESS") == PARAMETERS + 32
    assert traffic(board) == before
    assert_recovers(board)


def test_start_without_a_network_is_refused(top):
    board = top()
    board.start(1)
    assert board.error() == ErrorCode.NO_NETWORK and traffic(board) == (0, 0)
    board.soft_reset()
    board.load(NETWORK)
    board.assert_works(NETWORK)


def test_load_ignores_what_is_start_s(top):
    board = top()
    board.write("DESTINATION", 1)
    board.write("IMAGES", 0)
    board.load(NETWORK)
    board.assert_works(NETWORK)


def test_foreign_parameters_are_refused(top):
    board = top(network=NETWORK)
    image = parameter_words(OTHER_NETWORK).copy()
    image[0] ^= 1 << 31
    board.write_memory(OTHER_PARAMETERS, image)
    board.write("SOURCE", OTHER_PARAMETERS)
    board.write("CONTROL", LOAD)
    assert board.error() == ErrorCode.BAD_PARAMETERS and board.read("ERROR_ADDRESS") == OTHER_PARAMETERS
    assert (board.status("LOADED"), board.read("NETWORK_HASH")) == (0, 0)
    board.soft_reset()
    board.start(1)
    assert board.error() == ErrorCode.NO_NETWORK
    board.soft_reset()
    board.load(NETWORK)
    board.assert_works(NETWORK)


@pytest.mark.parametrize("seed", range(12))
def test_read_error_names_its_burst(top, seed):
    board = top(("default", "swift", "hesitant")[seed % 3], seed + 1, network=NETWORK)
    random = np.random.default_rng(seed)
    images = 6
    for _ in range(3):
        beat = 8 * int(random.integers(0, images * 98))
        board.inject_error(PIXELS + beat, 8, writes=False, decode=bool(random.integers(2)))
        done = board.read("COMPLETED")
        board.start(images)
        assert board.error() == ErrorCode.READ_RESPONSE
        assert board.read("ERROR_ADDRESS") == (PIXELS + beat) // BURST_BYTES * BURST_BYTES
        assert board.status("DONE", "LOADED") == (0, 1) and board.read("COMPLETED") == done
        assert_recovers(board)


@pytest.mark.parametrize("beat", range(0, 98, 7))
def test_read_error_in_any_burst_of_one_image_leaves_nothing_behind(top, beat):
    board = top(network=NETWORK)
    for _ in range(5):
        board.inject_error(PIXELS + 8 * beat, 8)
        board.start(1)
        assert board.error() == ErrorCode.READ_RESPONSE
        assert_recovers(board)


@pytest.mark.parametrize("seed", range(12))
def test_write_error_names_its_burst(top, seed):
    board = top(("default", "swift", "hesitant")[seed % 3], seed + 1, network=NETWORK)
    random = np.random.default_rng(seed)
    images = 6
    for _ in range(3):
        beat = 8 * int(random.integers(0, images * 6))
        board.inject_error(RESULTS + beat, 8, reads=False, decode=bool(random.integers(2)))
        done = board.read("COMPLETED")
        board.start(images)
        assert board.error() == ErrorCode.WRITE_RESPONSE
        assert board.read("ERROR_ADDRESS") == (RESULTS + beat) // BURST_BYTES * BURST_BYTES
        assert board.status("DONE", "LOADED") == (0, 1) and board.read("COMPLETED") == done
        assert_recovers(board)


@pytest.mark.parametrize("mode", ResultMode, ids=lambda mode: mode.name.lower())
def test_error_of_the_very_last_write_is_not_success(top, mode):
    board = top(network=NETWORK)
    board.inject_error(RESULTS, 4096, reads=False)
    done = board.read("COMPLETED")
    board.start(1, mode)
    assert board.error() == ErrorCode.WRITE_RESPONSE
    assert (board.read("COMPLETED"), board.status("DONE")) == (done, 0)
    assert_recovers(board)


def test_first_of_several_errors_is_reported(top):
    board = top(network=NETWORK)
    board.inject_error(PIXELS + 1024, 0x8000)
    board.start(6)
    assert board.error() == ErrorCode.READ_RESPONSE and board.read("ERROR_ADDRESS") == PIXELS + 1024
    assert_recovers(board)


def test_addresses_outside_memory(top):
    board = top(network=NETWORK)
    board.start(2, source=OUTSIDE)
    assert board.error() == ErrorCode.READ_RESPONSE and board.read("ERROR_ADDRESS") == OUTSIDE
    assert_recovers(board)
    board.start(2, destination=OUTSIDE)
    assert board.error() == ErrorCode.WRITE_RESPONSE and board.read("ERROR_ADDRESS") == OUTSIDE
    assert_recovers(board)


@pytest.mark.parametrize("offset", [0, 8, 4096, PARAMETER_BYTES // 2 // 8 * 8, PARAMETER_BYTES - 8])
def test_read_error_during_load_leaves_no_network(top, offset):
    board = top(network=NETWORK)
    board.write_memory(OTHER_PARAMETERS, parameter_words(OTHER_NETWORK))
    board.inject_error(OTHER_PARAMETERS + offset, 8)
    board.write("SOURCE", OTHER_PARAMETERS)
    board.write("CONTROL", LOAD)
    assert board.error() == ErrorCode.READ_RESPONSE
    assert board.read("ERROR_ADDRESS") == OTHER_PARAMETERS + offset // BURST_BYTES * BURST_BYTES
    assert (board.status("LOADED"), board.read("NETWORK_HASH")) == (0, 0)
    board.clear_errors()
    board.soft_reset()
    board.load(OTHER_NETWORK, OTHER_PARAMETERS)
    board.assert_works(OTHER_NETWORK)


def test_load_works_after_a_write_error(top):
    board = top(network=NETWORK)
    board.inject_error(RESULTS, 128, reads=False)
    board.start(3)
    assert board.error() == ErrorCode.WRITE_RESPONSE
    board.clear_errors()
    board.soft_reset()
    board.load(OTHER_NETWORK)
    board.assert_works(OTHER_NETWORK)


def test_load_works_after_a_write_error_that_came_while_draining(top):
    board = top(network=NETWORK)
    board.inject_error(RESULTS, 128, reads=False)
    board.inject(hold_write_responses=True)
    board.start(3)
    board.run(10_000)
    board.write("CONTROL", 4)
    board.inject(hold_write_responses=False)
    board.wait_status(IDLE=1, ERROR=0)
    assert board.statistics().error_responses == 1
    board.clear_errors()
    board.load(OTHER_NETWORK)
    board.assert_works(OTHER_NETWORK)


def test_error_stays_and_commands_are_ignored_until_reset(top):
    board = top(network=NETWORK)
    board.start(0)
    assert board.error() == ErrorCode.NO_IMAGES
    accepted, before = board.read("ACCEPTED"), traffic(board)
    for command in (START, LOAD, START):
        board.write("IMAGES", 1)
        board.write("CONTROL", command)
        board.run(3000)
        assert (
            board.status("ERROR", "QUEUE_READY", "IDLE") == (1, 0, 1)
            and board.read("ERROR_CODE") == ErrorCode.NO_IMAGES
        )
    assert board.read("ACCEPTED") == accepted and traffic(board) == before
    assert_recovers(board)


def test_error_drops_the_queued_command(top):
    board = top(network=NETWORK)
    board.inject_error(PIXELS + 2048, 8)
    done = board.read("COMPLETED")
    board.start(6)
    board.start(1)
    assert board.error() == ErrorCode.READ_RESPONSE
    board.run(10_000)
    board.clear_errors()
    board.soft_reset()
    board.run(10_000)
    assert board.read("COMPLETED") == done and board.status("IDLE") == 1
    board.assert_works(NETWORK)


def test_error_in_a_queued_command_comes_after_the_first_has_ended(top):
    board = top(network=NETWORK)
    images = random_images(3)
    board.write_memory(PIXELS, images)
    done = board.read("COMPLETED")
    board.start(3)
    board.start(0)
    assert board.error() == ErrorCode.NO_IMAGES
    assert (board.read("COMPLETED"), board.status("DONE")) == (done + 1, 0)
    np.testing.assert_array_equal(board.read_memory(RESULTS, 3 * 48), expected_results(NETWORK, images))
    assert_recovers(board)


def test_reset_at_any_clock_around_an_error(top):
    board = top("ideal", network=NETWORK, **PROMPT)
    for moment in range(0, 60):
        board.inject_error(PIXELS, 8)
        board.start(1)
        board.run(moment)
        assert_recovers(board)


def test_most_images_need_no_wider_counters(top):
    """A START of 1,048,575 images fails where the buffer in memory ends, not earlier."""
    board = top(network=NETWORK)
    board.replace_buffer(PIXELS, 784 * 64)
    board.inject_error(PIXELS + 784 * 64, 0x10_0000, writes=False)
    board.replace_buffer(RESULTS, 48 * 1024)
    board.start(0xF_FFFF)
    assert board.error() == ErrorCode.READ_RESPONSE
    assert board.read("ERROR_ADDRESS") == PIXELS + 784 * 64
    # The bursts that were requested beyond the buffer before the answer arrived.
    assert all("'range'" in text for text in board.violations())
    board.clear_violations()
