"""Training: Adam on a one-cycle schedule, monitored and selected on the validation split; the test set is read once, at the end."""
from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Callable, Dict, Optional

import torch
import torch.nn.functional as F
from torch import nn
from tqdm import tqdm

from .checkpoint import (
    CheckpointError,
    load_checkpoint,
    new_network,
    save_checkpoint,
    selected_network,
)
from .data import Part, Split, load_split, load_test
from .fake_quantization import FakeQuantizedNetwork
from .recipe import Recipe

_EVALUATION_BATCH = 1000


class TrainingError(RuntimeError):
    """Training cannot go on."""


def accuracy(network: nn.Module, part: Part, device: str = "cpu") -> float:
    """Fraction of images whose largest logit (the lowest class of equals) is their label."""
    training = network.training
    network.eval()
    with torch.no_grad():
        correct = sum(int((network(images.to(device)).argmax(1).cpu() == labels).sum())
                      for images, labels in zip(part.images.split(_EVALUATION_BATCH), part.labels.split(_EVALUATION_BATCH)))
    network.train(training)
    return correct / len(part.labels)


class Training:
    """One run of a recipe. Its whole state goes into a checkpoint after every epoch, so a resumed run equals an unbroken one."""

    def __init__(self, recipe: Recipe, split: Split, device: str = "cpu"):
        self.recipe, self.split, self.device = recipe, split, device
        torch.manual_seed(recipe.seed)
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.network = new_network(recipe)
        self.parent: Optional[Dict[str, Any]] = None
        if recipe.init_from is not None:
            self.parent = _parent(recipe, self.network)
        self.network.to(device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=recipe.learning_rate)
        self.steps_per_epoch = -(-len(split.train.labels) // recipe.batch)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, recipe.learning_rate,
                                                            total_steps=recipe.epochs * self.steps_per_epoch)
        self.epoch = 0
        self.selected: Optional[Dict[str, Any]] = None

    def run_epoch(self) -> float:
        """One pass over the training images. Returns the mean loss."""
        self.network.train()
        order = torch.randperm(len(self.split.train.labels), generator=self.generator)
        total = 0.0
        for number, chosen in enumerate(order.split(self.recipe.batch)):
            images, labels = self.split.train.images[chosen], self.split.train.labels[chosen]
            if self.recipe.augmentation is not None:
                images = self.recipe.augmentation(images, self.generator)
            loss = F.cross_entropy(self.network(images.to(self.device)), labels.to(self.device))
            if not torch.isfinite(loss):
                raise TrainingError(f"loss is {loss.item()} at step {self.epoch * self.steps_per_epoch + number} (epoch {self.epoch + 1})")
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
            total += loss.item() * len(labels)
        self.epoch += 1
        return total / len(self.split.train.labels)

    def validate(self) -> float:
        """Accuracy on the validation images; the weights of the best epoch, the later of equals, are kept."""
        found = accuracy(self.network, self.split.validation, self.device)
        if self.selected is None or found >= self.selected["validation_accuracy"]:
            self.selected = {"epoch": self.epoch, "validation_accuracy": found,
                             "network": copy.deepcopy(self.network.state_dict())}
        return found

    def state(self) -> Dict[str, Any]:
        return {"recipe_name": self.recipe.name, "recipe": self.recipe.settings(), "epoch": self.epoch,
                "network": self.network.state_dict(), "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(), "generator": self.generator.get_state(),
                "selected": self.selected, "parent": self.parent, "device": self.device, "torch": str(torch.__version__)}

    def restore(self, state: Dict[str, Any]) -> None:
        if state["recipe"] != self.recipe.settings():
            raise CheckpointError(f"the checkpoint of recipe {self.recipe.name} was made with other settings; "
                                  "pass --restart to begin anew, or give the changed recipe another name")
        self.epoch, self.selected, self.parent = state["epoch"], state["selected"], state["parent"]
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.generator.set_state(state["generator"])


def train(recipe: Recipe, directory: Path, *, device: str = "cpu", restart: bool = False, split: Optional[Split] = None,
          stop_after: Optional[int] = None, load_test: Callable[[str], Part] = load_test) -> Dict[str, Any]:
    """Run the recipe to its end, resuming directory/checkpoint.pt if it is there. Returns the checkpoint's contents.

    stop_after: stop after that epoch, as an interruption would.
    """
    path = Path(directory) / "checkpoint.pt"
    run = Training(recipe, split or load_split(recipe.dataset, recipe.seed), device)
    if path.is_file() and not restart:
        run.restore(load_checkpoint(path))
    saved = f"{path} (epoch {run.epoch})" if run.epoch else "none yet"
    with tqdm(total=recipe.epochs, initial=run.epoch, desc=recipe.name, unit="epoch") as progress:
        while run.epoch < min(recipe.epochs, stop_after or recipe.epochs):
            try:
                loss = run.run_epoch()
            except TrainingError as error:
                raise TrainingError(f"{error}; last good checkpoint: {saved}") from None
            validation = run.validate()
            save_checkpoint(path, run.state())
            saved = f"{path} (epoch {run.epoch})"
            progress.set_postfix(loss=f"{loss:.4f}", validation=f"{100 * validation:.2f} %")
            progress.update()
    state = load_checkpoint(path)
    if run.epoch == recipe.epochs and "test_accuracy" not in state:
        state["test_accuracy"] = accuracy(selected_network(state), load_test(recipe.dataset))
        save_checkpoint(path, state)
    return state


def _parent(recipe: Recipe, network: nn.Module) -> Dict[str, Any]:
    """Give the network the trained weights of init_from. Returns what the network file will say of them."""
    state = load_checkpoint(recipe.init_from)
    trained = selected_network(state)
    if isinstance(network, FakeQuantizedNetwork):
        network.take_weights(trained)
    else:
        network.load_state_dict(trained.state_dict())
    return {"recipe_name": state["recipe_name"], "recipe": state["recipe"], "test_accuracy": state.get("test_accuracy")}
