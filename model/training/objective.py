"""What a run minimises and how: the loss, the optimiser and the schedule of a recipe."""

from __future__ import annotations

from typing import List, Optional

import torch
import torch.nn.functional as F
from torch import nn

from model.networks.activations import splines_of, total_variation
from model.training.recipe import Recipe

OPTIMIZERS = {
    "adam": (torch.optim.Adam, {}),
    "sgd": (torch.optim.SGD, {"momentum": 0.85, "nesterov": True}),
}
SPLINE_LEARNING_RATE = 1e-3  # of a B-spline's coefficients, whatever that of the weights, and without decay


def loss_of(
    recipe: Recipe,
    network: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    soft: Optional[torch.Tensor],
) -> torch.Tensor:
    """The mean loss over the images. soft: the teacher's logits for them, None without a teacher."""
    logits = network(images)
    loss = F.cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
    if soft is not None:
        weight, temperature = recipe.distillation.weight, recipe.distillation.temperature
        taught = F.cross_entropy(logits / temperature, torch.softmax(soft / temperature, 1))
        loss = (1 - weight) * loss + weight * temperature**2 * taught
    if recipe.total_variation:
        loss = loss + recipe.total_variation * total_variation(network)
    return loss


def optimizer_of(recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    """The recipe's optimiser of all parameters that are trained."""
    kind, options = OPTIMIZERS[recipe.optimizer]
    return kind(
        _groups(network),
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        fused=True,
        **options,
    )


def schedule_of(
    recipe: Recipe, optimizer: torch.optim.Optimizer, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """The recipe's schedule of the learning rate over that many steps."""
    if recipe.schedule == "one_cycle":
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, [group["lr"] for group in optimizer.param_groups], total_steps=steps
        )
    if recipe.schedule == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)


def _groups(network: nn.Module) -> List[dict]:
    """The optimiser's groups of parameters: B-splines have a learning rate of their own."""
    splines = [spline.values for spline in splines_of(network)]
    coefficients = {id(values) for values in splines}
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups: List[dict] = [{"params": [values for values in trained if id(values) not in coefficients]}]
    if splines:
        groups.append({"params": splines, "lr": SPLINE_LEARNING_RATE, "weight_decay": 0.0})
    return groups
