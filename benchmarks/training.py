"""Training speed on one thread: images per second of ours, against the two loops that are usually written.

    python -m benchmarks.training [RECIPE.toml]

All three train the same network from the same start, with the same optimiser and batch size, on augmented
images and their labels (the recipe's distillation is left out of all three):
- per sample: a Dataset of Pillow images. Pillow rotates, scales, shifts and shears each one, which then
  becomes a tensor and, where the recipe says so, is deformed elastically, as torchvision does;
- tensors: a DataLoader over a TensorDataset; each batch goes through our own augmentation;
- ours: model.training.train with copies augmented beforehand, as in the recipes (each epoch is charged its
  share).
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.data import DataLoader, Dataset, TensorDataset
from tqdm import tqdm

import model.training.batches
from model.training.augment import Augmentation
from model.training.copies import augmented_copies
from model.training.data import Part, Split, load_split
from model.training.recipe import Recipe
from model.training.train import Training

IMAGES = 5000
ROUNDS = 3


class PerSample(Dataset):
    """Augments one image at a time with Pillow."""

    def __init__(self, part: Part, augmentation):
        self.part, self.augmentation = part, augmentation
        self.bend = Augmentation(0.0, 0.0, 0.0, 0.0, augmentation.elastic) if augmentation.elastic else None
        self.rng, self.generator = np.random.default_rng(0), torch.Generator().manual_seed(0)

    def __len__(self) -> int:
        return len(self.part.labels)

    def __getitem__(self, number: int):
        a, draw = self.augmentation, self.rng.uniform(-1, 1, 6)
        angle, center = math.radians(draw[0] * a.rotate_degrees), 13.5
        cos, sin = math.cos(angle), math.sin(angle)
        scale_x, scale_y, shear = 1 + draw[1] * a.scale, 1 + draw[2] * a.scale, draw[3] * a.shear
        xx, xy, yx, yy = (
            scale_x * cos,
            shear * cos - scale_y * sin,
            scale_x * sin,
            shear * sin + scale_y * cos,
        )
        shift_x, shift_y = draw[4] * a.shift * 14, draw[5] * a.shift * 14
        matrix = (
            xx,
            xy,
            center + shift_x - xx * center - xy * center,
            yx,
            yy,
            center + shift_y - yx * center - yy * center,
        )
        image = Image.fromarray(self.part.images[number].numpy())
        moved = image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
        tensor = torch.from_numpy(np.array(moved))
        return tensor if self.bend is None else self.bend(tensor[None], self.generator)[0], self.part.labels[
            number
        ]


def seconds(batches, network, optimizer, augment=None) -> float:
    """Return the time of one epoch, written the usual way."""
    begin = time.perf_counter()
    for images, labels in batches:
        loss = F.cross_entropy(network(images if augment is None else augment(images)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return time.perf_counter() - begin


def main() -> None:
    torch.set_num_threads(1)
    recipe = replace(
        Recipe.read(sys.argv[1] if len(sys.argv) > 1 else "recipes/lst1.toml"), distillation=None
    )
    split = load_split(recipe.dataset)
    part = Part(split.train.images[:IMAGES], split.train.labels[:IMAGES])
    generator = torch.Generator().manual_seed(0)
    with tempfile.TemporaryDirectory() as directory:
        model.training.batches.augmented_copies = lambda part, augmentation: augmented_copies(
            part, augmentation, Path(directory)
        )
        begin = time.perf_counter()
        run = Training(recipe, Split(part, split.validation))
        preparation = time.perf_counter() - begin

        def usual(batches, augment=None):
            network = recipe.new_network()
            optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
            return lambda: seconds(batches, network, optimizer, augment)

        def ours() -> float:
            begin = time.perf_counter()
            run.run_epoch()
            return time.perf_counter() - begin

        tensors = DataLoader(TensorDataset(*part), recipe.batch, shuffle=True)
        epochs = {
            "per sample": usual(DataLoader(PerSample(part, recipe.augmentation), recipe.batch, shuffle=True)),
            "tensors": usual(tensors, lambda images: recipe.augmentation(images, generator)),
            "ours": ours,
        }
        best = {name: math.inf for name in epochs}
        for _ in tqdm(range(1 + ROUNDS), desc="rounds"):  # the first compiles and warms up
            for name, epoch in epochs.items():
                best[name] = min(best[name], epoch())
    best["ours"] += preparation / recipe.epochs  # the copies are made once for all epochs
    print(f"{recipe.name}, batch {recipe.batch}, {IMAGES} images per epoch, one thread, best of {1 + ROUNDS}")
    for name, taken in best.items():
        print(
            f"{name:>12}: {IMAGES / taken:9,.0f} images/s, ours is {taken / best['ours']:.1f} times as fast"
        )


if __name__ == "__main__":
    main()
