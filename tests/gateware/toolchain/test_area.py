"""Slices at least, and the area of rooms, on netlists of a few cells."""

import pytest

from gateware.toolchain.area import rooms_of, slices_at_least
from tests.gateware.toolchain.cells import cell, flip_flop, lut, read_netlist


@pytest.fixture
def slices(tmp_path):
    def slices(**cells):
        return slices_at_least(read_netlist(tmp_path, cells))

    return slices


def luts(count, inputs, first=100):
    """LUTs that have no input in common."""
    return {
        f"l{first + i}": lut(first + i, *range(1000 + 10 * i, 1000 + 10 * i + inputs)) for i in range(count)
    }


def carry(*selects):
    nets = [*selects, *(4 - len(selects)) * ["0"]]
    return cell("CARRY4", {"S": nets, "DI": 4 * ["0"]}, {"CO": [50, 51, 52, 53]})


@pytest.mark.parametrize("count, expected", [(1, 1), (4, 1), (5, 2), (9, 3)])
def test_four_luts_of_six_inputs_fill_a_slice(slices, count, expected):
    assert slices(**luts(count, 6)) == expected


@pytest.mark.parametrize("count, expected", [(8, 1), (9, 2)])
def test_small_luts_share(slices, count, expected):
    assert slices(**luts(count, 2)) == expected


def test_luts_of_five_inputs_share_only_with_a_part_of_those(slices):
    assert slices(**luts(5, 5)) == 2
    same = {f"s{i}": lut(300 + i, *range(1000, 1005)) for i in range(4)}
    assert slices(**same, **{name: lut(400, *range(1000, 1003)) for name in "abcd"}) == 1


def test_luts_that_have_no_partner_stand_alone(slices):
    """Of four inputs each, nothing in common; one of a single input can stand with any of them."""
    assert slices(**luts(5, 4)) == 2
    assert slices(**luts(3, 4), one=lut(400, 2), two=lut(401, 3), three=lut(402, 4)) == 1


def test_a_carry4_takes_a_slice(slices):
    assert slices(**{f"c{i}": carry() for i in range(7)}) == 7


def test_luts_stand_beside_a_chain_where_no_select_is(slices):
    """One select, driven by a LUT, leaves three LUT6; none at all leaves four."""
    chain = {"c": carry(30), "select": lut(30, *range(2000, 2006))}
    assert slices(**chain, **luts(3, 6)) == 1
    assert slices(**chain, **luts(4, 6)) == 2
    assert slices(c=carry(), **luts(4, 6)) == 1


def test_a_select_that_no_lut_drives_takes_a_lut_too(slices):
    assert slices(c=carry(30, 31, 32, 33), **luts(1, 6)) == 2


def test_a_small_lut_shares_with_one_that_drives_a_select(slices):
    chain = {"c": carry(30, 31, 32, 33)}
    chain.update({f"s{i}": lut(30 + i, 2000 + i) for i in range(4)})
    assert slices(**chain, **luts(4, 2)) == 1
    assert slices(**chain, **luts(5, 2)) == 2


@pytest.mark.parametrize(
    "kind, count, expected",
    [
        ("RAM32M", 2, 2),
        ("RAM64M", 2, 2),
        ("RAM64X1D", 3, 2),
        ("SRLC32E", 5, 2),
        ("SRL16E", 8, 1),
        ("SRL16E", 9, 2),
    ],
)
def test_lut_ram_and_shift_registers(slices, kind, count, expected):
    assert slices(**{f"r{i}": cell(kind) for i in range(count)}) == expected


def test_lut_ram_of_four_luts_does_not_stand_beside_a_chain(slices):
    assert slices(c=carry(), r=cell("RAM32M")) == 2


def control(q, **pins):
    return cell("FDRE", {"D": "0", "C": 1, **pins}, {"Q": q})


@pytest.mark.parametrize("count, expected", [(8, 1), (9, 2)])
def test_eight_flip_flops_fill_a_slice(slices, count, expected):
    assert slices(**{f"f{i}": flip_flop("0", 100 + i) for i in range(count)}) == expected


@pytest.mark.parametrize("pins", [{"CE": 3}, {"R": 3}, {"C": 9}])
def test_flip_flops_of_a_slice_have_their_controls_in_common(slices, pins):
    assert slices(a=control(10), b=control(11)) == 1
    assert slices(a=control(10), b=control(11, **pins)) == 2


def test_a_synchronous_and_an_asynchronous_reset_are_two(slices):
    assert slices(a=control(10, R=3), b=cell("FDCE", {"C": 1, "CLR": 3}, {"Q": 11})) == 2


def test_luts_and_flip_flops_share_slices(slices):
    assert slices(**luts(8, 6), **{f"f{i}": flip_flop("0", 600 + i) for i in range(8)}) == 2


def test_cells_are_in_the_rooms_of_their_names(tmp_path):
    cells = {
        "$1": flip_flop(3, 2),
        "$2": lut(3, 4),
        "$3": lut(4, 2),
        "$4": cell("DSP48E1", {}, {"P": [5]}),
        "$5": cell("CARRY4", {}, {"O": [4]}),
        "weights.0.0": cell("RAMB36E1", {}, {"DOADO": [6]}),
        "$6": flip_flop("0", 7),
    }
    netlist = read_netlist(tmp_path, cells, {"count": [2], "p": [5]})
    rooms = {"count": "slave", "p": "engine.core", "weights": "engine.tables"}
    nothing = dict.fromkeys(("lut", "ff", "ramb18", "dsp48e1", "carry4"), 0)
    assert rooms_of(netlist, rooms) == {
        "": {**nothing, "ff": 1},
        "engine.core": {**nothing, "dsp48e1": 1},
        "engine.tables": {**nothing, "ramb18": 2},
        "slave": {**nothing, "lut": 2, "ff": 1, "carry4": 1},
    }


def test_the_rooms_take_what_the_netlist_takes(tmp_path):
    cells = {**luts(3, 4), "f": flip_flop(100, 900), "r": cell("RAM64M", {}, {"DOA": [901]})}
    netlist = read_netlist(tmp_path, cells, {"f": [900]})
    rooms = rooms_of(netlist, {"f": "slave"}).values()
    resources = netlist.resources()
    assert {key: sum(room[key] for room in rooms) for key in resources} == resources
