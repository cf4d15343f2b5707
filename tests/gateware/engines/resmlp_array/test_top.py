"""The array behind shell and DMA, on the simulated PS and memory: batches, cycles, errors, resets."""

import numpy as np
import pytest

from gateware.designs import make_design
from lst_overlay.network import parameter_crc
from lst_overlay.network.resmlp.array_format import ARRAY
from lst_overlay.network.resmlp.array_parameters import array_words
from lst_overlay.registers import ErrorCode, ResultMode
from tests.driver.network.resmlp.array_networks import random_array_network, random_pictures
from tests.gateware.shell.top_bench import LOAD, PARAMETERS, PIXELS, RESULTS, Top, build_top, expected_results

NETWORK, OTHER = random_array_network(1), random_array_network(2, channels=24, hidden=40, relu=True)


class ArrayTop(Top):
    """A board with the array."""

    def load(self, network, address=PARAMETERS):
        words = array_words(network, ARRAY)
        self.replace_buffer(address, words.nbytes)
        self.write_memory(address, words)
        self.write("SOURCE", address)
        done = self.read("COMPLETED")
        self.write("CONTROL", LOAD)
        self.wait_completed(done + 1, 500_000)
        assert self.read("NETWORK_HASH") == parameter_crc(words)

    def assert_right(self, network, images, mode=ResultMode.LOGITS):
        self.put(images)
        done = self.read("COMPLETED")
        self.start(len(images), mode)
        self.wait_completed(done + 1, 100_000 + 60_000 * len(images))
        results = self.read_memory(RESULTS, self.record.bytes(mode, len(images)))
        np.testing.assert_array_equal(results, expected_results(network, images, mode))


@pytest.fixture(scope="module")
def design():
    return make_design("resmlp_array")


@pytest.fixture(scope="module")
def library(design):
    return build_top(design)


@pytest.fixture
def board(library, design):
    boards = []

    def make(network=NETWORK, memory="default", **changes):
        boards.append(ArrayTop(library, design.capabilities, memory, **changes))
        boards[-1].load(network)
        return boards[-1]

    yield make
    violations = [text for made in boards for text in made.violations()]
    for made in boards:
        made.close()
    assert violations == []


@pytest.mark.parametrize("memory", ["ideal", "default", "swift", "one burst", "hesitant"])
def test_batches_are_right_with_any_memory(board, memory):
    made = board(memory=memory)
    for count, mode in ((1, ResultMode.LOGITS), (7, ResultMode.CLASSES), (9, ResultMode.LOGITS)):
        made.assert_right(NETWORK, random_pictures(count, count), mode)


def test_networks_are_exchanged_between_batches(board):
    made, images = board(), random_pictures(3)
    for network in (OTHER, NETWORK):
        made.load(network)
        made.assert_right(network, images)


def test_a_soft_reset_in_a_batch_keeps_the_network(board):
    made, images = board(), random_pictures(8)
    for cycles in (500, 5_000, 12_345):
        made.put(images)
        made.start(len(images))
        made.run(cycles)
        made.soft_reset()
        made.assert_right(NETWORK, images[:3])


def test_a_load_of_other_parameters_is_an_error_and_clears_the_network(board):
    made = board()
    words = array_words(NETWORK, ARRAY)
    words[0] ^= 1
    made.write_memory(PARAMETERS, words)
    made.write("SOURCE", PARAMETERS)
    made.write("CONTROL", LOAD)
    assert made.error() == ErrorCode.BAD_PARAMETERS and made.read("NETWORK_HASH") == 0
    made.soft_reset()
    made.start(1, source=PIXELS)
    assert made.error() == ErrorCode.NO_NETWORK
    made.soft_reset()
    made.load(NETWORK)
    made.assert_right(NETWORK, random_pictures(2))


def test_cycles_of_an_image_with_dma(board):
    network = random_array_network(8, channels=96, hidden=96, blocks=4)
    made = board(network)
    made.assert_right(network, random_pictures(10))
    # Ten images, and once the 9,216 clocks of the first one's pixels and what follows the last passes.
    assert made.counter("CYCLES") < 10 * 26_180 + 11_000
