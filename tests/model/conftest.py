"""Fixtures for the tests of model."""
import pytest

import model.interpolation
import model.lookup
import model.saturation


@pytest.fixture(params=["numba", "torch"])
def path(request, monkeypatch):
    """The compiled kernels, or torch's own operations, which do the work on a GPU; here both on the CPU."""
    if request.param == "torch":
        for module in (model.interpolation, model.lookup, model.saturation):
            monkeypatch.setattr(module, "compiled", lambda x: False)
    return request.param
