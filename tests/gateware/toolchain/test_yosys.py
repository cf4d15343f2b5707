"""Yosys takes exactly the files that vivado.tcl lists, and warns of nothing outside a list."""

import re
from functools import lru_cache

import pytest

from gateware.designs import TOP, make_design
from gateware.toolchain.bitstream import SCRIPT, write_sources
from gateware.toolchain.netlist import Netlist
from gateware.toolchain.resources import DEVICE, measure
from gateware.toolchain.yosys import SynthesisError, run_yosys
from lst_overlay.network import load_network
from lst_overlay.samples.shipped_networks import find
from tests.gateware.toolchain.vivado_stub import listed_sources

# Pattern: why what it matches is harmless; one per line. Empty: today's designs draw no warning at all.
TOLERATED = {}
PIXEL_SERIAL = ("pixel_serial", None)
ELABORATED = [
    PIXEL_SERIAL,
    ("folded", "lst1_w6a4p4"),
    pytest.param("pixel_pairs", "lst1_w6a4p4", marks=pytest.mark.slow),
    pytest.param("row_parallel_uint8x2", "lst1_w5c4a4p4", marks=pytest.mark.slow),
]
MAPPED = [PIXEL_SERIAL, ("row_parallel", "lst1_w4a4p2")]
pytestmark = pytest.mark.xdist_group("yosys")  # one process: no design is mapped twice


@pytest.fixture(scope="module")
def yosys(tmp_path_factory):
    """A function (engine, network, elaborate_only) -> (warnings, directory)."""

    @lru_cache(maxsize=None)
    def run(engine, network, elaborate_only=False):
        directory = tmp_path_factory.mktemp(engine)
        write_sources(make_design(engine, network and load_network(find(network))), directory)
        return run_yosys(directory, listed_sources(directory / SCRIPT), TOP, elaborate_only), directory

    return run


def unlisted(warnings, tolerated):
    return [warning for warning in warnings if not any(re.search(pattern, warning) for pattern in tolerated)]


@pytest.mark.parametrize("engine, network", ELABORATED)
def test_elaboration_draws_no_warning_outside_the_list(yosys, engine, network):
    assert unlisted(yosys(engine, network, elaborate_only=True)[0], TOLERATED) == []


@pytest.mark.slow
@pytest.mark.parametrize("engine, network", MAPPED)
def test_mapping_draws_no_warning_outside_the_list(yosys, engine, network):
    assert unlisted(yosys(engine, network)[0], TOLERATED) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "pattern", TOLERATED or [pytest.param("", marks=pytest.mark.skip("the list is empty"))]
)
def test_every_warning_on_the_list_still_occurs(yosys, pattern):
    assert TOLERATED[pattern], "a reason"
    assert any(re.search(pattern, warning) for design in MAPPED for warning in yosys(*design)[0])


@pytest.mark.slow
def test_the_pixel_serial_top_keeps_its_limits(yosys):
    top = measure("pixel_serial", "top", Netlist.read(yosys(*PIXEL_SERIAL)[1] / f"{TOP}.json", TOP))
    assert top.findings == [], top.deepest_path
    assert top.dsp48e1 == 66 and top.ramb18 <= 30 and top.logic_levels <= 4
    assert top.lut < DEVICE["lut"] // 4 and top.ff < DEVICE["ff"] // 4


def test_a_warning_is_returned_and_judged_by_the_list(tmp_path):
    (tmp_path / "a.v").write_text(
        "module a(input x, output y); b inner(.x(x), .y(y)); endmodule\n"
        "module b(input [1:0] x, output y); assign y = ^x; endmodule"
    )
    warnings = run_yosys(tmp_path, ["a.v"], "a", elaborate_only=True)
    assert len(warnings) == 1 and "Resizing cell port a.inner.x from 1 bits to 2 bits" in warnings[0]
    assert unlisted(warnings, {}) == warnings and unlisted(warnings, {"Resizing cell port": "a test"}) == []


def test_two_sources_are_one_design_and_a_third_beside_them_is_not_read(tmp_path):
    (tmp_path / "a.v").write_text("module a(input x, output y); b inner(.x(x), .y(y)); endmodule")
    (tmp_path / "b.v").write_text("module b(input x, output y); assign y = ~x; endmodule")
    (tmp_path / "c.v").write_text("nonsense")
    assert run_yosys(tmp_path, ["a.v", "b.v"], "a", elaborate_only=True) == []
    with pytest.raises(SynthesisError, match="Yosys refused a .*\n.*Module `.b' referenced"):
        run_yosys(tmp_path, ["a.v"], "a", elaborate_only=True)
