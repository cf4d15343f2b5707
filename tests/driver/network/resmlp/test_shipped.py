"""The ResMLPs that come with the project."""

import numpy as np
import pytest

from lst_overlay.network import load_network, outputs, resmlp
from lst_overlay.samples import shipped_networks
from tests import ROOT
from tests.oracles import resmlp as oracle

NETWORKS = sorted(
    path
    for directory in (ROOT / "networks", shipped_networks.DIRECTORY)
    for path in directory.glob("resmlp_*.npz")
)
every_network = pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)


def test_there_are_some_with_learned_functions_and_some_without():
    kinds = {
        path.stem: any(isinstance(layer, resmlp.Table) for layer in load_network(path).layers)
        for path in NETWORKS
    }
    assert kinds == {
        "resmlp_lerp_psa_h0.5": True,
        "resmlp_lerp_psa_h1_int8": True,
        "resmlp_relu_h1": False,
        "resmlp_relu_h2_w5a6": False,
        "resmlp_lerp_psa_h1_w5a6": True,
    }


@every_network
def test_every_tensor_of_the_golden_image_comes_out(path):
    network = load_network(path)
    for layer, (kept, found) in enumerate(
        zip(network.golden.outputs, outputs(network, network.golden.image[None]))
    ):
        np.testing.assert_array_equal(kept, found[0], err_msg=f"layer {layer}")


@every_network
def test_plain_integers_give_the_golden_tensors(path):
    golden = load_network(path).golden
    for layer, (kept, found) in enumerate(
        zip(golden.outputs, oracle.outputs(oracle.read(path), golden.image))
    ):
        np.testing.assert_array_equal(kept, np.array(found), err_msg=f"layer {layer}")
