"""What is read from a mapped netlist, on netlists of a few cells."""

import pytest

from tests.gateware.toolchain.cells import cell, flip_flop, lut, read_netlist


@pytest.fixture
def netlist(tmp_path):
    def read(**cells):
        return read_netlist(tmp_path, cells)

    return read


def carry(ci, s, co):
    return cell("CARRY4", {"CI": ci, "S": [s, s, s, s]}, {"CO": [co, co + 1, co + 2, co + 3]})


def test_registers_alone_have_no_level(netlist):
    assert netlist(a=flip_flop("0", 2), b=flip_flop(2, 3)).deepest_path() == (0, [])


def test_every_lut_in_a_chain_is_a_level(netlist):
    levels, path = netlist(
        a=flip_flop("0", 2), l1=lut(3, 2), l2=lut(4, 3, 2), l3=lut(5, 4), b=flip_flop(5, 6)
    ).deepest_path()
    assert (levels, path) == (3, ["LUT1 l1", "LUT2 l2", "LUT1 l3", "FDRE b.D"])


def test_the_longer_of_two_ways_counts(netlist):
    luts = {"l1": lut(3, 2), "l2": lut(4, 3), "l3": lut(5, 2, 4)}
    levels, path = netlist(a=flip_flop("0", 2), **luts, b=flip_flop(5, 6), c=flip_flop(3, 7)).deepest_path()
    assert (levels, path[0]) == (3, "LUT1 l1")


def test_a_register_ends_a_path(netlist):
    assert (
        netlist(
            a=flip_flop("0", 2), l1=lut(3, 2), b=flip_flop(3, 4), l2=lut(5, 4), c=flip_flop(5, 6)
        ).deepest_path()[0]
        == 1
    )


def test_wide_multiplexers_are_levels(netlist):
    muxes = {
        "m7": cell("MUXF7", {"I0": 3, "S": 2}, {"O": 4}),
        "m8": cell("MUXF8", {"I0": 4, "S": 2}, {"O": 5}),
    }
    assert netlist(a=flip_flop("0", 2), l1=lut(3, 2), **muxes, b=flip_flop(5, 6)).deepest_path()[0] == 3


def test_a_carry_chain_counts_one(netlist):
    chain = {f"c{i}": carry(10 + 4 * i - 1 if i else "0", 3, 10 + 4 * i) for i in range(5)}
    assert netlist(a=flip_flop("0", 2), l=lut(3, 2), **chain, b=flip_flop(29, 40)).deepest_path()[0] == 2


def test_a_second_carry_chain_counts_again(netlist):
    assert (
        netlist(
            a=flip_flop("0", 2), c1=carry("0", 2, 10), c2=carry("0", 12, 20), b=flip_flop(22, 40)
        ).deepest_path()[0]
        == 2
    )


def test_reading_lut_ram_is_a_level_but_writing_it_is_not(netlist):
    ram = cell("RAM32M", {"ADDRA": [3, 3], "DIA": [9, 9], "WE": 9}, {"DOA": [4, 5]})
    slow_data = {"d1": lut(7, 2), "d2": lut(8, 7), "d3": lut(9, 8)}
    read = netlist(a=flip_flop("0", 2), l=lut(3, 2), ram=ram, b=flip_flop(4, 6))
    assert read.deepest_path() == (2, ["LUT1 l", "RAM32M ram", "FDRE b.D"])
    written = netlist(a=flip_flop("0", 2), l=lut(3, 2), **slow_data, ram=ram, b=flip_flop(4, 6))
    assert written.deepest_path()[0] == 2


def test_block_ram_and_multipliers_end_paths(netlist):
    cells = {
        "ram": cell("RAMB18E1", {"ADDRARDADDR": [3]}, {"DOADO": [4]}),
        "dsp": cell("DSP48E1", {"A": [5]}, {"P": [6]}),
    }
    assert (
        netlist(a=flip_flop("0", 2), l1=lut(3, 2), l2=lut(5, 4), b=flip_flop(6, 7), **cells).deepest_path()[0]
        == 1
    )


def test_a_path_deeper_than_pythons_stack(netlist):
    luts = {f"l{i}": lut(i + 1, i) for i in range(2, 5002)}
    assert netlist(a=flip_flop("0", 2), **luts, b=flip_flop(5002, 6000)).deepest_path()[0] == 5000


def test_cells_cost_what_they_take_on_the_device(netlist):
    counts = {
        "LUT1": 1,
        "LUT6": 2,
        "INV": 1,
        "RAM32M": 3,
        "RAM64M": 1,
        "SRL16E": 2,
        "SRLC32E": 1,
        "MUXF7": 5,
        "CARRY4": 2,
        "FDRE": 4,
        "FDSE": 1,
        "FDCE": 1,
        "FDPE": 1,
        "RAMB18E1": 3,
        "RAMB36E1": 2,
        "DSP48E1": 6,
        "BUFG": 1,
    }
    cells = {f"{name}_{i}": cell(name) for name, count in counts.items() for i in range(count)}
    assert netlist(**cells).resources() == {
        "lut": 1 + 2 + 1 + 4 * 3 + 4 + 2 + 1,
        "ff": 7,
        "ramb18": 3 + 2 * 2,
        "dsp48e1": 6,
    }


@pytest.mark.parametrize("ram, luts", [("RAM32X1D", 2), ("RAM64X1D", 2), ("RAM128X1D", 4)])
def test_dual_port_lut_ram_takes_its_luts_for_each_port(netlist, ram, luts):
    """UG474: a LUT holds 64 bits, and the second port reads a copy of its own."""
    assert netlist(first=cell(ram), second=cell(ram)).resources()["lut"] == 2 * luts


def test_undriven_inputs_are_found(netlist):
    ps7 = cell("PS7", {"WDATA": ["0", 2, "x", 99, "z", "1"], "RID": [2], "DDRARB": ["x"]})
    read = netlist(a=flip_flop("0", 2), ps=ps7, other=cell("BUFG", {"WDATA": "x"}))
    assert read.undriven_inputs("PS7", {"WDATA": 7, "RID": 1, "BID": 2}) == [
        "ps.WDATA[2]",
        "ps.WDATA[3]",
        "ps.WDATA[4]",
        "ps.WDATA[6]",
        "ps.BID[0]",
        "ps.BID[1]",
    ]


@pytest.mark.parametrize("register", ["AREG", "BREG", "MREG", "PREG"])
def test_multipliers_without_a_register_are_found(netlist, register):
    full = {name: f"{1:032b}" for name in ("AREG", "BREG", "MREG", "PREG")}
    cells = {"good": cell("DSP48E1", **full), "bad": cell("DSP48E1", **{**full, register: f"{0:032b}"})}
    assert netlist(**cells).unregistered_multipliers() == [f"bad: {register} = 0"]


def test_adders_in_dsp_blocks_need_no_register_of_products(netlist):
    registers = {"AREG": f"{1:032b}", "BREG": f"{1:032b}", "MREG": f"{0:032b}", "PREG": f"{1:032b}"}
    adder = cell("DSP48E1", USE_MULT="NONE", **registers)
    assert netlist(adder=adder).unregistered_multipliers() == []
