"""What tests of several packages share."""
from pathlib import Path

import pytest

BUILT = Path(__file__).resolve().parents[1] / "build" / "tests"


@pytest.fixture(scope="session")
def simulated_bit(tmp_path_factory):
    """The .bit of the verilated design; its library is built once per design and kept."""
    from gateware.simulated_bitstream import build_simulated_bitstream
    return build_simulated_bitstream(directory=tmp_path_factory.mktemp("simulated"), libraries=BUILT)
