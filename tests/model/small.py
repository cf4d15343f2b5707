"""Small training runs and networks for the tests of model."""

from functools import partial

import numpy as np
import torch

from datasets import load_digits
from model.networks.activations import ACTIVATIONS, PSA, BSpline, LerpPSA, PiecewiseLinear, ReLU, Tanh
from model.networks.lst import LST1, LST2, MLP, NETWORKS, ResLST3
from model.training.augment import Augmentation
from model.training.data import Part, Split
from model.training.picture_augment import PictureAugmentation
from model.training.recipe import Recipe, Widths

torch.set_num_threads(1)


def small_split(images=60):
    """A few digits as training and validation images."""
    pictures, labels = load_digits("train")
    part = Part(torch.from_numpy(pictures[: 2 * images]), torch.from_numpy(labels[: 2 * images]))
    return Split(
        Part(part.images[:images], part.labels[:images]), Part(part.images[images:], part.labels[images:])
    )


def small_test(dataset):
    """Other digits than those of the split."""
    pictures, labels = load_digits("test")
    return Part(torch.from_numpy(pictures[:60]), torch.from_numpy(labels[:60]))


def random_pictures(seed, count):
    """Noise in the shape of CIFAR-10's images."""
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8))


def picture_split(images=24):
    """Pictures whose brightness grows with their label."""
    labels = torch.arange(2 * images) % 10
    pictures = (random_pictures(1, 2 * images).float() * (0.1 + 0.09 * labels[:, None, None, None])).to(
        torch.uint8
    )
    return Split(Part(pictures[:images], labels[:images]), Part(pictures[images:], labels[images:]))


def picture_test(dataset):
    return picture_split()[1]


def recipe(name="small", **settings):
    """The recipe of the family that the settings name."""
    return Recipe.from_settings(name, settings)


def picture_recipe(**changes):
    """A recipe of the narrowest ResMLP, which has all blocks."""
    return recipe(
        **{
            "network": "resmlp",
            "expansion": 0.03,
            "activation": "relu",
            "epochs": 2,
            "batch": 8,
            "learning_rate": 4e-3,
            "picture_augmentation": PictureAugmentation(operations=1),
            **changes,
        }
    )


def small_recipe(**changes):
    """A recipe for the digits inside scikit-learn, of LST-1 unless the changes name another network."""
    return recipe(
        **{
            "dataset": "digits",
            "epochs": 3,
            "batch": 20,
            "learning_rate": 4e-3,
            "augmentation": Augmentation(),
            **changes,
        }
    )


def random_network(seed, d_in=28, d_out=28, classes=10, gain=1.0):
    """An untrained LST1; a gain above 1 drives the activations into saturation."""
    torch.manual_seed(seed)
    return randomized(LST1((d_in, d_in), (d_out, d_out), classes), gain)


def randomized(network, gain=1.0):
    """Biases and learned functions that are nothing like those at the start, from torch's global seed."""
    for parameter in network.parameters():
        parameter.data.mul_(gain).add_(0.05 * gain * torch.randn(parameter.shape))
    return network


def normalized_network(kind="lst1", seed=0):
    """An untrained network of NETWORKS whose normalisation, in evaluation, is nothing like the identity."""
    torch.manual_seed(seed)
    network = NETWORKS[kind](normalize=True)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            for tensor in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                tensor.copy_(0.5 + torch.rand(tensor.shape))
    return network.eval()


def least_divisor(number):
    """The least divisor above 1."""
    return next(divisor for divisor in range(2, number + 1) if number % divisor == 0)


# The shapes of the networks at any size: from (d_in, d_out, classes, activation).
KINDS = {
    "lst1": lambda d_in, d_out, *rest: LST1((d_in, d_in), (d_out, d_out), *rest),
    "lst2": lambda d_in, d_out, *rest: LST2((d_in, d_in), (d_out, d_out), *rest),
    "reslst3": lambda d_in, d_out, *rest: ResLST3((d_in, d_in), (d_out, d_out), *rest),
    "lst1_rows": lambda d_in, d_out, *rest: LST1(
        (d_in, d_in), (d_out, d_out + 1), *rest, rows_per_vector=least_divisor(d_in)
    ),
    "mlp": lambda d_in, d_out, *rest: MLP((), (d_in, d_in), *rest),
    "mlp_hidden": lambda d_in, d_out, *rest: MLP((d_out, d_out + 1), (d_in, d_in), *rest),
}
FUNCTIONS = {
    "tanh": Tanh,
    "relu": ReLU,
    "piecewise_linear": PiecewiseLinear,
    "lerp_psa": LerpPSA,
    "piecewise_linear per channel": partial(PiecewiseLinear, knots=9, per_channel=True),
    "lerp_psa per channel": partial(LerpPSA, knots=7, per_channel=True),
    "psa": PSA,
    "b_spline per channel": partial(BSpline, knots=9, per_channel=True),
}


def small_network(kind, function="tanh", seed=0, d_in=5, d_out=4, classes=3, gain=1.0):
    """An untrained network of a kind in KINDS with a function in FUNCTIONS."""
    torch.manual_seed(seed)
    return randomized(KINDS[kind](d_in, d_out, classes, FUNCTIONS[function]), gain)


def random_images(seed, count, size=28):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (count, size, size), dtype=np.uint8))


WIDTHS = (
    Widths(6, 4, 8),
    Widths(6, 4, 4),
    Widths(4, 3, 2),
    Widths(2, 2, 1),
    Widths(13, 13, 8),
    Widths(8, 8, 8),
)


def shipped_functions(network):
    """The activations of a network file, from the kinds in its layers and the numbers in its provenance."""
    settings, learned, functions = (
        network.provenance["recipe_settings"],
        iter(network.provenance.get("functions", [])),
        [],
    )
    for layer in network.layers[:-1]:
        numbers, kind = next(learned, []), ACTIVATIONS[layer.activation.function]
        tables = layer.fan_out if layer.activation.per_channel else 1
        options = {"knots": settings["knots"], "per_channel": tables > 1} if kind is PiecewiseLinear else {}
        functions.append(kind(tables, **options).double())
        functions[-1].take(numbers)
    return [*functions, None]
