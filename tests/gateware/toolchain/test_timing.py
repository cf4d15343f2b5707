"""The estimate of delays, on netlists of a few cells: each delay of the model, wires, chains and names."""

import pytest

from gateware.toolchain.timing import Path, budget_of, worst_paths
from tests.gateware.toolchain.cells import cell, flip_flop, lut, read_netlist

WIRE, MANY, MOST = 0.6, 1.0, 1.6
Q, LUT, SETUP = 0.456, 0.124, 0.06


@pytest.fixture
def paths(tmp_path):
    def paths(count=1, names=None, **cells):
        return worst_paths(read_netlist(tmp_path, cells, names), count)

    return paths


@pytest.fixture
def slowest(paths):
    """(ns of logic, ns of wires) of the slowest path."""

    def slowest(**cells):
        (path,) = paths(**cells)
        return round(path.logic, 3), round(path.total - path.logic, 3)

    return slowest


def carry(ci, s, co, o, di="0", cyinit="0"):
    """co, o: the first of four nets."""
    inputs = {"CI": ci, "CYINIT": cyinit, "DI": 4 * [di], "S": s if isinstance(s, list) else 4 * [s]}
    return cell("CARRY4", inputs, {"CO": [co + i for i in range(4)], "O": [o + i for i in range(4)]})


def test_a_register_behind_a_register(slowest):
    assert slowest(a=flip_flop("0", 2), b=flip_flop(2, 3)) == (Q + SETUP, WIRE)


def test_a_lut_before_a_register_shares_its_slice(slowest):
    cells = {"a": flip_flop("0", 2), "l": lut(3, 2), "m": lut(4, 3), "b": flip_flop(4, 5)}
    assert slowest(**cells) == (Q + 2 * LUT + SETUP, 2 * WIRE)


def test_the_slower_of_two_ways_counts(slowest):
    luts = {"l1": lut(3, 2), "l2": lut(4, 3), "l3": lut(5, 2, 4)}
    assert slowest(a=flip_flop("0", 2), **luts, b=flip_flop(5, 6)) == (round(Q + 3 * LUT + SETUP, 3), 1.8)


@pytest.mark.parametrize("loads, wire", [(19, WIRE), (20, MANY), (149, MANY), (150, MOST)])
def test_wires_of_many_loads_are_slower(slowest, loads, wire):
    sinks = {f"b{i}": flip_flop(2, 10 + i) for i in range(loads)}
    assert slowest(a=flip_flop("0", 2), **sinks) == (Q + SETUP, wire)


def test_loads_are_cells_not_pins(slowest):
    """The sign extension of a DSP48E1's input is one load."""
    dsp = cell("DSP48E1", {"B": 18 * [2]}, {"P": [9]}, BREG="1")
    assert slowest(a=flip_flop("0", 2), dsp=dsp) == (Q + 0.45, WIRE)


@pytest.mark.parametrize("pin, setup", [("CE", 0.205), ("R", 0.429), ("S", 0.429)])
def test_enable_and_reset(slowest, pin, setup):
    assert slowest(a=flip_flop("0", 2), b=cell("FDRE", {pin: 2}, {"Q": 3})) == (round(Q + setup, 3), WIRE)


@pytest.mark.parametrize("pin", ["PRE", "CLR", "C"])
def test_clocks_and_asynchronous_resets_end_no_path(paths, pin):
    assert paths(a=flip_flop("0", 2), b=cell("FDPE", {pin: 2}, {"Q": 3})) == []


def test_a_carry_chain_costs_its_length(slowest):
    """Into the first CARRY4 of five, along three, out of the last. A LUT beside the first drives its S."""
    chain = {f"c{i}": carry(10 * i + 3 if i else "0", 3, 10 * (i + 1), 100 + 10 * i) for i in range(5)}
    found = slowest(a=flip_flop("0", 2), l=lut(3, 2), **chain, b=flip_flop(143, 200))
    assert found == (round(Q + LUT + 0.5 + 3 * 0.114 + 0.33 + SETUP, 3), WIRE)


def test_a_chain_that_a_register_enters_without_a_lut(slowest):
    assert slowest(a=flip_flop("0", 2), c=carry("0", 2, 10, 20), b=flip_flop(21, 30)) == (
        round(Q + 0.5 + SETUP, 3),
        WIRE,
    )


def test_a_carry_out_that_logic_reads_has_a_wire(slowest):
    cells = {"c": carry("0", 2, 10, 20), "l": lut(30, 13), "b": flip_flop(30, 31)}
    assert slowest(a=flip_flop("0", 2), **cells) == (round(Q + 0.5 + LUT + SETUP, 3), 2 * WIRE)


def test_a_sum_does_not_depend_on_higher_bits(paths):
    """Bit 1 follows S of bits 0 and 1, and DI of bit 0."""
    chain = carry("0", ["0", 2, 3, 3], 10, 20)
    assert paths(a=flip_flop("0", 3), c=chain, b=flip_flop(21, 30)) == []
    assert len(paths(a=flip_flop("0", 2), c=chain, b=flip_flop(21, 30))) == 1
    own_data = carry("0", "0", 10, 20)
    own_data["connections"]["DI"] = ["0", 2, "0", "0"]
    assert paths(a=flip_flop("0", 2), c=own_data, b=flip_flop(21, 30)) == []
    assert len(paths(a=flip_flop("0", 2), c=own_data, b=flip_flop(22, 30))) == 1


def test_wide_multiplexers_lie_in_the_slice_of_their_luts(slowest):
    muxes = {
        "m7": cell("MUXF7", {"I0": 3, "S": "0"}, {"O": 4}),
        "m8": cell("MUXF8", {"I0": 4, "S": "0"}, {"O": 5}),
    }
    found = slowest(a=flip_flop("0", 2), l=lut(3, 2), **muxes, b=flip_flop(5, 6))
    assert found == (round(Q + LUT + 0.24 + 0.1 + SETUP, 3), WIRE)


@pytest.mark.parametrize(
    "mode, register, port, delay",
    [
        ("TDP", "DOA_REG", "DOADO", 0.882),
        ("TDP", "DOB_REG", "DOADO", 2.454),
        ("TDP", "DOB_REG", "DOPBDOP", 0.882),
        ("SDP", "DOA_REG", "DOBDO", 0.882),
        ("SDP", "DOB_REG", "DOBDO", 2.454),
    ],
)
def test_block_ram_with_and_without_its_output_register(slowest, mode, register, port, delay):
    registers = {"DOA_REG": "0", "DOB_REG": "0", register: "1"}
    ram = cell("RAMB18E1", {}, {port: [2]}, RAM_MODE=mode, **registers)
    assert slowest(ram=ram, b=flip_flop(2, 3)) == (round(delay + SETUP, 3), WIRE)


@pytest.mark.parametrize(
    "pin, setup",
    [("ADDRARDADDR", 0.566), ("DIADI", 0.737), ("WEBWE", 0.532), ("ENARDEN", 0.443), ("REGCEB", 0.36)],
)
def test_inputs_of_block_ram(slowest, pin, setup):
    assert slowest(a=flip_flop("0", 2), ram=cell("RAMB36E1", {pin: [2]}, {})) == (round(Q + setup, 3), WIRE)


@pytest.mark.parametrize(
    "pin, registers, setup",
    [
        ("A", {}, 0.36),
        ("B", {}, 0.45),
        ("C", {"CREG": "0"}, 1.7),
        ("C", {"CREG": "1"}, 0.168),
        ("OPMODE", {"OPMODEREG": "0"}, 2.21),
        ("OPMODE", {"OPMODEREG": "1"}, 0.3),
        ("CEB2", {}, 0.45),
    ],
)
def test_inputs_of_a_multiplier(slowest, pin, registers, setup):
    dsp = cell("DSP48E1", {pin: [2]}, {"P": [3]}, **registers)
    assert slowest(a=flip_flop("0", 2), dsp=dsp) == (round(Q + setup, 3), WIRE)


def test_multipliers_are_cascaded_without_a_wire(slowest):
    cells = {"one": cell("DSP48E1", {}, {"PCOUT": [2]}), "two": cell("DSP48E1", {"PCIN": [2]}, {"P": [3]})}
    assert slowest(**cells) == (round(0.434 + 1.4, 3), 0)


@pytest.mark.parametrize("kind, delay", [("SRL16E", 1.6), ("SRLC32E", 1.6), ("RAM32M", 1.32)])
def test_a_lut_that_is_written_answers_late(slowest, kind, delay):
    ram = cell(kind, {}, {"Q" if kind.startswith("SRL") else "DOA": [2]})
    assert slowest(ram=ram, b=flip_flop(2, 3)) == (round(delay + SETUP, 3), 0)
    assert slowest(ram=ram, l=lut(3, 2), b=flip_flop(3, 4)) == (round(delay + LUT + SETUP, 3), WIRE)


@pytest.mark.parametrize(
    "kind, pin, output, read",
    [
        ("RAM32M", "ADDRA", "DOA", True),
        ("RAM32M", "ADDRB", "DOA", False),
        ("RAM64M", "ADDRD", "DOD", True),
        ("RAM64X1D", "DPRA0", "DPO", True),
        ("RAM64X1D", "A0", "DPO", False),
        ("RAM64X1D", "A0", "SPO", True),
        ("SRL16E", "A0", "Q", True),
    ],
)
def test_lut_ram_is_read_through_the_address_of_its_port(paths, kind, pin, output, read):
    cells = {"a": flip_flop("0", 2), "l": lut(3, 2), "m": lut(4, 3), "b": flip_flop(5, 6)}
    ram = cell(kind, {pin: [4]}, {output: [5]})
    found = paths(10, names={"start": [2], "end": [6]}, ram=ram, **cells)
    assert (("start", "end.D") in [(path.start, path.end) for path in found]) == read


@pytest.mark.parametrize("pin", ["DIA", "WE", "ADDRD"])
def test_writing_lut_ram_is_set_up(slowest, pin):
    assert slowest(a=flip_flop("0", 2), ram=cell("RAM32M", {pin: [2]}, {})) == (round(Q + 0.5, 3), WIRE)


def test_pins_of_the_processing_system(slowest):
    ps = cell("PS7", {"SAXIHP0WDATA": [4]}, {"MAXIGP0WVALID": [2], "FCLKCLK": [7]})
    assert slowest(ps=ps, b=flip_flop(2, 3)) == (round(1.3 + SETUP, 3), WIRE)
    assert slowest(a=flip_flop("0", 4), ps=ps) == (round(Q + 1.0, 3), WIRE)
    clock = cell("PS7", {"SAXIHP0ACLK": [4]}, {"FCLKCLK": [7]})
    assert slowest(ps=clock, a=flip_flop("0", 4), b=flip_flop(7, 8), c=flip_flop(4, 9))[0] == Q + SETUP


def test_paths_are_named_by_the_registers_of_the_verilog(paths):
    cells = {"a": flip_flop("0", 3), "l": lut(4, 3), "b": flip_flop(4, 5)}
    (path,) = paths(names={"count": [9, 3], "next": [4], "sum": [5, 8]}, **cells)
    assert (path.start, path.through, path.end) == ("count[1]", "1 LUT via next", "sum[0].D")
    assert str(path) == "1.24 ns (0.64 logic, 0.60 wires): count[1] > 1 LUT via next > sum[0].D"
    assert path.with_rooms({"sum": "engine.core"}).end == "engine.core/sum[0].D"
    assert path.with_rooms({"sum": "engine.core"}).start == "count[1]"


def test_what_yosys_named_is_named_by_its_type(paths):
    cells = {"$auto$1": flip_flop("0", 3), "weights.0": cell("RAMB18E1", {"ADDRARDADDR": ["0", 3]}, {})}
    (path,) = paths(**cells)
    assert (path.start, path.end) == ("FDRE $auto$1", "weights.0.ADDRARDADDR[1]")


def test_a_wire_of_many_loads_is_said(paths):
    (path,) = paths(a=flip_flop("0", 2), **{f"b{i}": flip_flop(2, 10 + i) for i in range(25)})
    assert path.through == "no logic, a wire of 25 loads"


def test_one_path_for_two_signals_whatever_their_bits(paths):
    cells = {f"a{i}": flip_flop("0", 2 + i) for i in range(3)}
    cells.update({f"b{i}": flip_flop(2 + i, 10 + i) for i in range(3)}, l=lut(30, 2), c=flip_flop(30, 20))
    found = paths(10, names={"a": [2, 3, 4], "b": [10, 11, 12], "c": [20]}, **cells)
    assert sorted((path.start[:1], path.end[0]) for path in found) == [("a", "b"), ("a", "c")]


def test_one_path_for_the_registers_that_a_wire_ends_at(paths):
    cells = {"a": flip_flop("0", 2), "l": lut(3, 2)}
    enabled = {f"b{i}": cell("FDRE", {"CE": 3}, {"Q": 10 + i}) for i in range(3)}
    found = paths(10, names={f"b{i}": [10 + i] for i in range(3)}, **cells, **enabled)
    assert [path.end for path in found] == ["b0.CE"]


def test_the_slowest_come_first_and_no_more_than_asked(paths):
    cells = {
        "a": flip_flop("0", 2),
        "b": flip_flop(2, 3),
        "l": lut(5, 3),
        "m": lut(6, 5),
        "c": flip_flop(6, 7),
    }
    found = paths(2, **cells)
    assert [round(path.total, 2) for path in found] == [1.96, 1.12]
    assert len(paths(1, **cells)) == 1


def test_a_path_deeper_than_pythons_stack(slowest):
    luts = {f"l{i}": lut(i + 1, i) for i in range(2, 5002)}
    assert slowest(a=flip_flop("0", 2), **luts, b=flip_flop(5002, 6000))[1] == pytest.approx(3000)


@pytest.mark.parametrize("period, budget", [(5, 4.6), (7, 6.4), (6, 5.5)])
def test_the_budget_of_a_clock(period, budget):
    assert budget_of(period) == budget


def test_a_path_is_a_sum():
    assert str(Path(5.0, 2.0, "a", "b", "c")).startswith("5.00 ns (2.00 logic, 3.00 wires)")
