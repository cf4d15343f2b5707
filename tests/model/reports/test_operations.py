"""Operations of one image against the published counts."""

from functools import partial

import pytest

from model.networks.activations import LerpPSA
from model.networks.resmlp import ResMLP
from model.quantized.resmlp import QuantizedResMLP
from model.reports.operations import operations
from tests.model.small import random_pictures

PRODUCTS = {4: 20_743_104, 2: 11_305_920, 1: 6_587_328, 0.5: 4_228_032, 0.25: 3_048_384}
TABLE_BYTES = {4: 122_880, 2: 73_728, 1: 49_152, 0.5: 36_864, 0.25: 30_720}


@pytest.mark.parametrize("expansion", PRODUCTS)
def test_operations_are_as_published(expansion):
    images = random_pictures(0, 2)
    relu, lerp = (
        operations(QuantizedResMLP(ResMLP(expansion, make).eval()).calibrate(images).export("n", {}))
        for make in (None, partial(LerpPSA, per_channel=True))
    )
    assert relu.products == lerp.products == PRODUCTS[expansion]
    assert relu.affines == lerp.affines == 98_304
    assert (relu.look_ups, relu.table_bytes) == (0, 0)
    assert (lerp.look_ups, lerp.table_bytes) == (256 * (96 + round(96 * expansion)), TABLE_BYTES[expansion])
