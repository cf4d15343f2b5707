"""Fixtures for the tests of model."""

import pytest

import model.kernels.interpolation
import model.kernels.lookup
import model.kernels.saturation


@pytest.fixture(params=["numba", "torch"])
def path(request, monkeypatch):
    """The compiled kernels, or torch's own operations, which do the work on a GPU; here both on the CPU."""
    if request.param == "torch":
        for module in (model.kernels.interpolation, model.kernels.lookup, model.kernels.saturation):
            monkeypatch.setattr(module, "compiled", lambda x: False)
    return request.param
