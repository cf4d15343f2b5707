"""Quantisation-aware fine-tuning in a fixed-point format, whose steps training leaves as they are."""

from __future__ import annotations

import dataclasses

from torch import nn

from lst_overlay.network import QFormat
from model.quantized.fixed_point import fixed_point
from model.quantized.lst import QuantizedLST
from model.training.data import Split
from model.training.objective import optimizer_of, schedule_of
from model.training.recipe import Recipe
from model.training.train import Training


class FixedPointTraining(Training):
    """Continues the training of a float network in the format, by its recipe but with a one-cycle rate."""

    def __init__(self, network: nn.Module, fmt: QFormat, recipe: Recipe, split: Split):
        super().__init__(
            dataclasses.replace(recipe, init_from=None, widths=None, schedule="one_cycle", average=0.0), split
        )
        self.network = self.result = fixed_point(network, fmt)
        self.optimizer = optimizer_of(self.recipe, self.network)
        self.schedule = schedule_of(self.recipe, self.optimizer, recipe.epochs * self.steps_per_epoch)


def fine_tune(network: nn.Module, fmt: QFormat, recipe: Recipe, split: Split) -> QuantizedLST:
    """Return the network of the epoch that validation selects.

    recipe: that of the float network, with the epochs and the learning rate of fine-tuning.
    """
    run = FixedPointTraining(network, fmt, recipe, split)
    while run.epoch < recipe.epochs:
        run.run_epoch()
        run.validate()
    run.network.load_state_dict(run.selected["network"])
    return run.network.eval()
