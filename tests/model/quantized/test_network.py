"""What both quantised networks offer, tried on both by the same lines."""

import copy
from functools import partial

import numpy as np
import pytest
import torch

from lst_overlay.network import content_hash, logits, outputs
from model.networks.activations import LerpPSA
from model.networks.resmlp import ResMLP
from model.quantized.families import FAMILIES, integers_of
from model.quantized.lst import QuantizedLST
from model.quantized.network import QuantizedNetwork
from model.quantized.resmlp import QuantizedResMLP
from model.training.recipe import Widths
from tests.model.small import random_images, random_pictures, small_network


def float_resmlp(seed):
    torch.manual_seed(seed)
    return ResMLP(0.5, partial(LerpPSA, per_channel=True), channels=8, blocks=2).eval()


def quantized_lst(seed):
    return QuantizedLST.from_float(float_lst(seed), Widths(6, 4, 8)).eval()


float_lst = partial(small_network, "reslst3", "piecewise_linear per channel")
# For each family: a float network of a seed, the quantised one, and images.
EITHER = pytest.mark.parametrize(
    "real, quantize, images",
    [
        (float_lst, quantized_lst, random_images(1, 12, 5)),
        (float_resmlp, lambda seed: QuantizedResMLP(float_resmlp(seed)), random_pictures(1, 12)),
    ],
    ids=["lst", "resmlp"],
)


@EITHER
def test_every_output_equals_the_reference(real, quantize, images):
    network = quantize(1).calibrate(images)
    assert isinstance(network, QuantizedNetwork) and tuple(images.shape[1:]) == network.image_shape
    exported = network.export("n", {"seed": 1})
    assert (exported.family, exported.kind) == (network.family, network.kind)
    assert (exported.image_shape, exported.provenance) == (network.image_shape, {"seed": 1})
    expected = outputs(exported, images.numpy())
    for module in (network, integers_of(exported)):
        found = module.outputs_q(images)
        assert len(found) == len(expected)
        for number, (ours, theirs) in enumerate(zip(found, expected)):
            np.testing.assert_array_equal(ours.numpy(), theirs, err_msg=f"layer {number}")
        assert module.logits_q(images).dtype == torch.int64
        np.testing.assert_array_equal(module.logits_q(images).numpy(), logits(exported, images.numpy()))


@EITHER
def test_real_logits_are_the_integers_times_their_step(real, quantize, images):
    network = quantize(1).calibrate(images)
    step = network.export("n", {}).logit_step
    with torch.no_grad():
        found = network(images).double().numpy()
    np.testing.assert_allclose(found, network.logits_q(images).numpy() * step, rtol=1e-6)


@EITHER
def test_taking_weights_is_starting_from_that_network(real, quantize, images):
    network = quantize(1).calibrate(images)
    before = content_hash(network.export("n", {}))
    network.take_weights(real(2), images)
    anew = quantize(2).calibrate(images)
    assert content_hash(network.export("n", {})) == content_hash(anew.export("n", {})) != before


@EITHER
def test_calibrating_again_brings_the_first_steps_back(real, quantize, images):
    network = quantize(1).calibrate(images)
    first = copy.deepcopy(network.state_dict())
    for name, parameter in network.named_parameters():
        if name.endswith("step"):
            parameter.data += 1
    assert network.calibrate(images) is network
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, first[name]), name


@EITHER
def test_weights_of_another_shape_are_refused_as_torch_refuses_them(real, quantize, images):
    other = (
        small_network("reslst3", "piecewise_linear per channel", d_in=6)
        if real is float_lst
        else ResMLP(1, channels=8)
    )
    with pytest.raises(RuntimeError):
        quantize(1).take_weights(other, images)


@EITHER
def test_float_and_quantised_networks_name_the_same_family(real, quantize, images):
    assert real(1).family == quantize(1).family in FAMILIES


def test_learned_numbers_are_kept_where_tables_do_not_tell_them():
    assert [len(numbers) for numbers in quantized_lst(1).functions()] == [4 * 9] * 6
    assert QuantizedResMLP(float_resmlp(1)).functions() == []
