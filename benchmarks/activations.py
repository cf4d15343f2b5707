"""Time and memory of a learned function in training, forward and backward, against ReLU in the same run.

    python -m benchmarks.activations [--device cuda] [--channels 96] [--positions 8192] [--write]

The input is (positions, channels) float32, as after a matrix of ResMLP with 128 images of 64 tokens; every
function has parameters of its own for each channel. Memory is what a step needs beyond its input: on a GPU
the peak that torch counts, on a CPU what autograd saves for the backward pass. Then a whole training step of
ResMLP with h = 1 is measured, AdamW included. --write keeps the figures in docs/activations.json, for
docs/learned_functions.md.
"""

import argparse
import platform
import time
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from model.networks.activations import PSA, BSpline, LerpPSA
from model.networks.resmlp import ResMLP
from pages.page import as_json

RESULTS = Path("docs/activations.json")
REPEATS, WARM = 20, 3
BATCH, ROUNDS = 128, 6


class Plain(nn.Module):
    """A function without parameters, wrapped as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x, channel_axis):
        return self.function(x)


def functions(channels: int) -> dict:
    learned = {"exact PSA": PSA, "LERP-PSA, 64 knots": LerpPSA, "B-spline, 65 knots": BSpline}
    return {
        "none": Plain(lambda x: x * 1.0),
        "ReLU": Plain(torch.relu),
        "GELU": Plain(nn.functional.gelu),
        **{name: kind(channels, per_channel=True) for name, kind in learned.items()},
    }


def step(function: nn.Module, x: torch.Tensor, gradient: torch.Tensor) -> None:
    function.zero_grad(set_to_none=True)
    x.grad = None
    function(x, channel_axis=-1).backward(gradient)


def saved_bytes(function: nn.Module, x: torch.Tensor) -> int:
    """Count what autograd saves for the backward pass, each storage once, without the input's own."""
    seen = {}

    def pack(tensor):
        seen[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        function(x, channel_axis=-1)
    seen.pop(x.untyped_storage().data_ptr(), None)
    return sum(seen.values())


def measured(functions_: dict, x: torch.Tensor, gradient: torch.Tensor) -> dict:
    """Return the least seconds of a step of each function; they alternate in rounds."""
    synchronize = torch.cuda.synchronize if x.is_cuda else (lambda: None)
    best = {name: float("inf") for name in functions_}
    for round_ in range(WARM + REPEATS):
        for name, function in functions_.items():
            synchronize()
            begun = time.perf_counter()
            step(function, x, gradient)
            synchronize()
            if round_ >= WARM:
                best[name] = min(best[name], time.perf_counter() - begun)
    return best


def peak_bytes(function: nn.Module, x: torch.Tensor, gradient: torch.Tensor) -> int:
    if not x.is_cuda:
        return saved_bytes(function, x)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    step(function, x, gradient)
    return torch.cuda.max_memory_allocated() - before


def training_steps(device: str) -> dict:
    """Return the least seconds of a training step of each network; they alternate as above."""
    images, labels = (
        torch.randint(256, (BATCH, 32, 32, 3), dtype=torch.uint8, device=device),
        torch.randint(10, (BATCH,), device=device),
    )
    makes = {
        "ReLU": None,
        "LERP-PSA, 64 knots": partial(LerpPSA, per_channel=True),
        "B-spline, 65 knots": partial(BSpline, per_channel=True),
    }
    networks = {name: ResMLP(1.0, make).to(device) for name, make in makes.items()}
    optimisers = {name: torch.optim.AdamW(network.parameters(), 1e-3) for name, network in networks.items()}
    best = {name: float("inf") for name in networks}
    synchronize = torch.cuda.synchronize if images.is_cuda else (lambda: None)
    for round_ in range(1 + ROUNDS):
        for name, network in networks.items():
            synchronize()
            begun = time.perf_counter()
            optimisers[name].zero_grad()
            nn.functional.cross_entropy(network(images), labels).backward()
            optimisers[name].step()
            synchronize()
            if round_:
                best[name] = min(best[name], time.perf_counter() - begun)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--channels", type=int, default=96)
    parser.add_argument("--positions", type=int, default=128 * 64)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    torch.manual_seed(0)
    make = partial(torch.randn, chosen.positions, chosen.channels, device=chosen.device)
    x, gradient = make().requires_grad_(), make()
    all_ = {name: function.to(chosen.device) for name, function in functions(chosen.channels).items()}
    seconds = measured(all_, x, gradient)
    where = (
        torch.cuda.get_device_name()
        if x.is_cuda
        else f"{platform.machine()}, {torch.get_num_threads()} threads"
    )
    size = f"{chosen.positions:,} x {chosen.channels}"
    print(f"{where}, torch {torch.__version__}; forward and backward of {size} float32, least of {REPEATS}")
    print(f"{'function':<22}{'ms':>9}{'over ReLU':>12}{'over exact PSA':>16}{'memory, MB':>13}")
    memory = {name: peak_bytes(function, x, gradient) for name, function in all_.items()}
    for name in all_:
        ratios = seconds[name] / seconds["ReLU"], seconds[name] / seconds["exact PSA"]
        line = f"{name:<22}{1e3 * seconds[name]:>9.2f}{ratios[0]:>12.1f}{ratios[1]:>16.3f}"
        print(f"{line}{memory[name] / 1e6:>13.1f}")
    steps = training_steps(chosen.device)
    print(f"whole training step of ResMLP, h = 1, {BATCH} images, least of {ROUNDS}")
    for name, best in steps.items():
        print(f"{name:<22}{1e3 * best:>9.1f}{best / steps['ReLU']:>12.2f}")
    if chosen.write:
        figures = {
            "where": f"{where}, torch {torch.__version__}",
            "channels": chosen.channels,
            "positions": chosen.positions,
            "repeats": REPEATS,
            "steps": [{"network": name, "seconds": best} for name, best in steps.items()],
            "kernels": [{"function": name, "seconds": seconds[name], "bytes": memory[name]} for name in all_],
        }
        RESULTS.write_text(as_json(figures), encoding="utf-8")


if __name__ == "__main__":
    main()
