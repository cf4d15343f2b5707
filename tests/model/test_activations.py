import numpy as np
import torch

from model.activations import ACTIVATIONS


def test_on_grid_is_forward_in_float64():
    grid = np.linspace(-5, 5, 101)
    for activation in ACTIVATIONS.values():
        found = activation().on_grid(grid)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, activation().forward(torch.from_numpy(grid)).numpy(), rtol=1e-14, atol=1e-15)


def test_names_find_their_activation():
    for name, activation in ACTIVATIONS.items():
        assert activation.name == name
