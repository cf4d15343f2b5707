import pytest

from gateware.toolchain.resources import measure, synthesize
from gateware.toolchain.standalone import ENGINE, standalone_engine_verilog
from gateware.toolchain.yosys import SynthesisError


@pytest.mark.slow
def test_the_engine_keeps_its_limits(tmp_path):
    engine = measure("pixel_serial", "engine", synthesize(standalone_engine_verilog(), ENGINE, tmp_path))
    assert engine.findings == [], engine.deepest_path
    assert engine.dsp48e1 == 66 and engine.ramb18 == 26 and engine.logic_levels <= 4


def test_an_open_input_of_the_ps_and_a_bare_multiplier_are_found(tmp_path):
    verilog = """module lst1_top;
        wire [3:0] clk; wire [31:0] y, a, b;
        PS7 ps7(.FCLKCLK(clk), .MAXIGP0ACLK(clk[0]), .MAXIGP0RDATA(y), .MAXIGP0ARADDR(a), .MAXIGP0AWADDR(b));
        assign y = $signed(a[12:0]) * $signed(b[12:0]);
    endmodule"""
    found = measure("test", "top", synthesize(verilog, "lst1_top", tmp_path)).findings
    assert any(finding == "undriven: ps7.SAXIHP0WDATA[63]" for finding in found)
    assert not any("MAXIGP0RDATA" in finding or "MAXIGP0ACLK" in finding for finding in found)
    assert any(finding.endswith("MREG = 0") for finding in found)


def test_verilog_that_yosys_refuses_is_one_error(tmp_path):
    with pytest.raises(SynthesisError, match="Yosys refused lst1_top"):
        synthesize("module lst1_top; nonsense", "lst1_top", tmp_path)
