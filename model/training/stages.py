"""Stages of a run: epochs that train some of the parameters, with an optimiser and a schedule of their own, towards one aim."""

from __future__ import annotations

from typing import List, Optional, Sequence

import torch
import torch.nn.functional as F
from torch import nn

from model.networks.activations import BSpline, total_variation
from model.training.recipe import Recipe

SPLINE_LEARNING_RATE = 1e-3  # of a B-spline's coefficients, whatever that of the weights, and without decay


class Stage:
    """Learning the labels and, where there is a teacher, its logits; all parameters, on the recipe's schedule."""

    selects = True  # whether its epochs count for the selection by validation

    def __init__(self, recipe: Recipe, network: nn.Module, epochs: int, steps_per_epoch: int):
        self.recipe, self.network, self.epochs = recipe, network, epochs
        self.optimizer = torch.optim.Adam(
            self._groups(self.trained()),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        self.schedule = self._schedule(epochs * steps_per_epoch)

    def trained(self) -> Sequence[nn.Module]:
        return [self.network]

    def loss(self, images: torch.Tensor, labels: torch.Tensor, soft: Optional[torch.Tensor]) -> torch.Tensor:
        """soft: the teacher's logits for these images."""
        logits = self.network(images)
        loss = F.cross_entropy(logits, labels)
        if soft is not None:
            weight, temperature = self.recipe.distillation.weight, self.recipe.distillation.temperature
            taught = F.cross_entropy(logits / temperature, torch.softmax(soft / temperature, 1))
            loss = (1 - weight) * loss + weight * temperature**2 * taught
        return self._regularised(loss)

    def _regularised(self, loss: torch.Tensor) -> torch.Tensor:
        return (
            loss + self.recipe.total_variation * total_variation(self.network)
            if self.recipe.total_variation
            else loss
        )

    def _schedule(self, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
        if self.recipe.schedule == "one_cycle":
            return torch.optim.lr_scheduler.OneCycleLR(
                self.optimizer, [group["lr"] for group in self.optimizer.param_groups], total_steps=steps
            )
        if self.recipe.schedule == "cosine":
            return torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, steps)
        return torch.optim.lr_scheduler.ConstantLR(self.optimizer, factor=1.0)

    @staticmethod
    def _groups(modules: Sequence[nn.Module]) -> List[dict]:
        splines = [
            module.values for root in modules for module in root.modules() if isinstance(module, BSpline)
        ]
        known = {id(values) for values in splines}
        others = [
            parameter for root in modules for parameter in root.parameters() if id(parameter) not in known
        ]
        return [{"params": others}] + [
            {"params": splines, "lr": SPLINE_LEARNING_RATE, "weight_decay": 0.0}
        ] * bool(splines)


class BlockStage(Stage):
    """One block of ResMLP alone, learning what the teacher's gives behind the same block. The parameters before it stay as they are; their
    normalisation goes on measuring, as published."""

    selects = False

    def __init__(
        self,
        recipe: Recipe,
        network: nn.Module,
        teacher: nn.Module,
        block: int,
        epochs: int,
        steps_per_epoch: int,
    ):
        self.teacher, self.block = teacher, block
        super().__init__(recipe, network, epochs, steps_per_epoch)

    def trained(self) -> Sequence[nn.Module]:
        return [self.network.blocks[self.block]]

    def loss(self, images: torch.Tensor, labels: torch.Tensor, soft: Optional[torch.Tensor]) -> torch.Tensor:
        depth = self.block + 1
        with torch.no_grad():
            wanted = self.teacher.after_blocks(images, depth)[-1]
            begin = self.network.after_blocks(images, depth - 1)[-1]
        return self._regularised(F.mse_loss(self.network.blocks[self.block](begin), wanted))

    def _schedule(self, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
        return torch.optim.lr_scheduler.ConstantLR(self.optimizer, factor=1.0)


def stages(
    recipe: Recipe, network: nn.Module, teacher: Optional[nn.Module], steps_per_epoch: int
) -> List[Stage]:
    """The recipe's, in order. Where blocks are taught one by one, the network first takes over the teacher's embedding."""
    transfer = recipe.distillation.transfer_epochs if recipe.distillation else 0
    blocks: List[Stage] = []
    if transfer:
        network.embed.load_state_dict(teacher.embed.state_dict())
        blocks = [
            BlockStage(recipe, network, teacher, block, transfer, steps_per_epoch)
            for block in range(len(network.blocks))
        ]
    return blocks + [Stage(recipe, network, recipe.epochs, steps_per_epoch)]
