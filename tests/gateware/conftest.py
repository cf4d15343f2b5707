"""Fixture ``top`` makes boards with the whole design. No test may end with a bus rule broken."""

import pytest

from gateware.designs import make_design
from tests.gateware.shell.top_bench import Top, build_top


@pytest.fixture(scope="session")
def top_design():
    return make_design("pixel_serial")


@pytest.fixture(scope="session")
def top_library(top_design):
    return build_top(top_design)


@pytest.fixture
def top(top_library, top_design):
    """top(memory, seed, network=..., **changes of the memory model) -> Top, with the network loaded."""
    boards = []

    def make(memory="default", seed=1, network=None, **changes):
        board = Top(top_library, top_design.capabilities, memory, seed, **changes)
        boards.append(board)
        if network is not None:
            board.load(network)
        return board

    yield make
    violations = [text for board in boards for text in board.violations()]
    for board in boards:
        board.close()
    assert violations == []
