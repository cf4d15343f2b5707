"""Stages, foldings and their cost: what is chosen, what it needs, what is refused."""

from dataclasses import replace

import pytest

from gateware.device import CAPACITY
from gateware.engines.resmlp_streaming.cost import cost, fold_for, patches_of
from gateware.engines.resmlp_streaming.folding import by_index, fold, interval_of, multipliers_of
from gateware.engines.resmlp_streaming.stages import branches
from gateware.reports import ladder
from lst_overlay.network import NetworkError, load_network
from lst_overlay.network.resmlp import Add
from lst_overlay.samples.shipped_networks import find
from tests.driver.network.resmlp.array_networks import random_array_network

W5A6, INT8, RELU = (f"resmlp_{name}" for name in ("lerp_psa_h1_w5a6", "lerp_psa_h1_int8", "relu_h2_w5a6"))


def folded(name, limit):
    network = load_network(find(name))
    found = branches(network)
    folds = fold(found, limit, patches_of(network))
    pairs = [pair for branch, own in zip(found, folds) for pair in zip(branch.stages, own)]
    return network, pairs, cost(network, found, folds)


def test_a_network_is_an_embedding_and_two_branches_a_block():
    found = branches(load_network(find(W5A6)))
    assert [len(branch.stages) for branch in found] == [1, *[1, 2] * 4]
    assert [branch.adds for branch in found] == [False, *[True] * 8]
    assert [branch.stages[0].over_tokens for branch in found] == [False, *[True, False] * 4]


@pytest.mark.parametrize(
    "name, limit, interval, multipliers",
    [
        (W5A6, 25_000, 24_576, 67),
        (W5A6, 8_300, 8_192, 201),
        (INT8, 16_500, 16_384, 201),
        (RELU, 12_352, 12_288, 230),
    ],
)
def test_the_fewest_multipliers_for_an_interval(name, limit, interval, multipliers):
    _, pairs, needed = folded(name, limit)
    assert needed.interval == max(interval_of(*pair) for pair in pairs) == interval
    assert sum(multipliers_of(*pair) for pair in pairs) == multipliers
    for stage, item in pairs:
        assert stage.outputs % item.outputs == stage.vectors % item.vectors == 0
        assert stage.fan_in == item.parts * item.clocks and item.results <= item.clocks
        # No stage could have fewer: each of its multipliers is busy in every clock.
        assert multipliers_of(stage, item) >= stage.products / stage.packing.products / limit


def test_stages_of_a_branch_take_as_many_vectors_at_a_time():
    for name in (W5A6, INT8, RELU):
        network = load_network(find(name))
        for own in fold_for(network, "xc7z020"):
            assert len({item.vectors for item in own}) == 1


@pytest.mark.parametrize(
    "rung", [r for r in ladder.PAGE.figures()["rungs"] if "streaming" in r["ideal"]["engine"]]
)
def test_the_cost_is_that_of_the_synthesised_design(rung):
    network = load_network(find(rung["ideal"]["network"]))
    needed = cost(network, branches(network), fold_for(network, ladder.part_of(rung)))
    assert (needed.dsp48e1, needed.ramb18) == (rung["top"]["dsp48e1"], rung["top"]["ramb18"])
    assert needed.lut == pytest.approx(rung["top"]["lut"], rel=0.05)


def test_a_part_gets_the_shortest_interval_that_it_holds():
    network = load_network(find(W5A6))
    found = branches(network)
    for part, interval in (("xc7z010", 24_576), ("xc7z020", 8_192)):
        assert cost(network, found, fold_for(network, part)).interval == interval


def test_a_network_that_a_part_cannot_hold_is_refused_with_resource_need_and_limit():
    with pytest.raises(
        NetworkError, match=r"does not fit the XC7Z010: .* RAMB18, .* of RAMB18 118 can be used; choose"
    ):
        fold_for(load_network(find(INT8)), "xc7z010")


def test_multipliers_and_luts_are_limited_too(monkeypatch):
    network = load_network(find(W5A6))
    monkeypatch.setitem(CAPACITY, "small", {**CAPACITY["xc7z010"], "dsp48e1": 20})
    with pytest.raises(NetworkError, match="of DSP48E1 20 can be used"):
        fold_for(network, "small")
    monkeypatch.setitem(CAPACITY, "shallow", {**CAPACITY["xc7z010"], "lut": 5_000})
    with pytest.raises(NetworkError, match="of LUT 4,500 can be used"):
        fold_for(network, "shallow")


def test_an_interval_that_no_folding_reaches_is_refused():
    with pytest.raises(NetworkError, match="no folding computes layer 2 in 6,240 clocks"):
        folded(RELU, 6_240)


def test_an_add_of_another_branch_is_refused():
    network = random_array_network(1, blocks=2)
    layers = list(network.layers)
    adds = [number for number, layer in enumerate(layers) if isinstance(layer, Add)]
    layers[adds[1]] = replace(layers[adds[1]], source=layers[adds[0]].source)
    with pytest.raises(NetworkError, match="the output of layer 4, not that of layer 0"):
        branches(replace(network, layers=tuple(layers)))


def test_words_lie_where_the_counters_point():
    words = by_index(range(12), 6)
    assert words == [0, 1, 2, 3, 4, 5, 0, 0, 6, 7, 8, 9, 10, 11]
    assert by_index(range(8), 4) == list(range(8)) and by_index([7], 1) == [7]
