"""The stages of a run. Each trains some parameters towards one aim, with its own optimiser and schedule."""

from __future__ import annotations

from typing import List, Optional

import torch
import torch.nn.functional as F
from torch import nn

from model.networks.activations import splines_of, total_variation
from model.training.recipe import Recipe

SPLINE_LEARNING_RATE = 1e-3  # of a B-spline's coefficients, whatever that of the weights, and without decay


class Stage:
    """All parameters learn the labels and, if there is a teacher, its logits, on the recipe's schedule."""

    selects = True  # whether validation may select one of its epochs

    def __init__(self, recipe: Recipe, network: nn.Module, epochs: int, steps_per_epoch: int):
        self.recipe, self.network, self.epochs = recipe, network, epochs
        self.optimizer = torch.optim.Adam(
            self._groups(self.trained()),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        self.schedule = self._schedule(epochs * steps_per_epoch)

    def trained(self) -> nn.Module:
        """The part of the network whose parameters the stage trains."""
        return self.network

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
        if not self.recipe.total_variation:
            return loss
        return loss + self.recipe.total_variation * total_variation(self.network)

    def _schedule(self, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
        if self.recipe.schedule == "one_cycle":
            return torch.optim.lr_scheduler.OneCycleLR(
                self.optimizer, [group["lr"] for group in self.optimizer.param_groups], total_steps=steps
            )
        if self.recipe.schedule == "cosine":
            return torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, steps)
        return torch.optim.lr_scheduler.ConstantLR(self.optimizer, factor=1.0)

    @staticmethod
    def _groups(trained: nn.Module) -> List[dict]:
        """The optimiser's groups of parameters: B-splines have a learning rate of their own."""
        splines = [spline.values for spline in splines_of(trained)]
        coefficients = {id(values) for values in splines}
        others = [parameter for parameter in trained.parameters() if id(parameter) not in coefficients]
        groups: List[dict] = [{"params": others}]
        if splines:
            groups.append({"params": splines, "lr": SPLINE_LEARNING_RATE, "weight_decay": 0.0})
        return groups


class BlockStage(Stage):
    """One block of the student learns to reproduce the output of the teacher's block at the same depth.

    The parameters of earlier blocks are not trained; their normalisation goes on measuring, as published.
    """

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

    def trained(self) -> nn.Module:
        return self.network.blocks[self.block]

    def loss(self, images: torch.Tensor, labels: torch.Tensor, soft: Optional[torch.Tensor]) -> torch.Tensor:
        depth = self.block + 1
        with torch.no_grad():
            target = self.teacher.after_blocks(images, depth)[-1]
            block_input = self.network.after_blocks(images, depth - 1)[-1]
        return self._regularised(F.mse_loss(self.network.blocks[self.block](block_input), target))

    def _schedule(self, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
        return torch.optim.lr_scheduler.ConstantLR(self.optimizer, factor=1.0)


def stages(
    recipe: Recipe, network: nn.Module, teacher: Optional[nn.Module], steps_per_epoch: int
) -> List[Stage]:
    """The stages of the recipe, in order.

    A network whose blocks are taught first takes over the teacher's embedding.
    """
    blocks: List[Stage] = []
    if recipe.transfer_epochs:
        network.embed.load_state_dict(teacher.embed.state_dict())
        blocks = [
            BlockStage(recipe, network, teacher, block, recipe.transfer_epochs, steps_per_epoch)
            for block in range(len(network.blocks))
        ]
    return [*blocks, Stage(recipe, network, recipe.epochs, steps_per_epoch)]
