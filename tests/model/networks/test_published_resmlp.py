"""Checkpoints in the layout of PSA-Compress: synthetic ones, for the archive is not available."""

import re

import numpy as np
import pytest
import torch

from model.networks.published_lst import PublishedCheckpointError
from model.networks.published_resmlp import load_published_resmlp
from tests.model.test_commands import command

CHANNELS = 96
MEAN, DEVIATION = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2470, 0.2435, 0.2616])


def published_state(kind, hidden, blocks=4, seed=0):
    """Tensors under the published names."""
    generator = torch.Generator().manual_seed(seed)
    state = {}

    def draw(name, *shape, scale=1.0, offset=0.0):
        state[name] = offset + scale * torch.randn(*shape, generator=generator)

    def linear(name, fan_out, fan_in):
        draw(f"{name}.weight", fan_out, fan_in, scale=fan_in**-0.5), draw(f"{name}.bias", fan_out, scale=0.1)

    def norm(name):
        (
            draw(f"{name}.bn.weight", CHANNELS, scale=0.1, offset=1.0),
            draw(f"{name}.bn.bias", CHANNELS, scale=0.1),
        )
        draw(f"{name}.bn.running_mean", CHANNELS, scale=0.1)
        state[f"{name}.bn.running_var"] = 1 + torch.rand(CHANNELS, generator=generator)
        state[f"{name}.bn.num_batches_tracked"] = torch.tensor(7)

    def function(name, channels):
        if kind == "psa":
            for part in ("v_weight", "q_weight", "q_bias"):
                draw(f"{name}.psa.{part}", channels, 8)
            draw(f"{name}.psa.o_weight", channels), draw(f"{name}.psa.o_bias", channels)
            state.update(
                {
                    f"{name}.psa.epsilon": torch.ones(1),
                    f"{name}.psa.grid": torch.linspace(-4, 4, 64)[:, None].repeat(1, channels),
                    f"{name}.psa.grid_ifeat_offset": 64 * torch.arange(channels)[None],
                }
            )
        else:
            draw(f"{name}.coefficients_vect", channels * 65)

    linear("embed_linear", CHANNELS, 48)
    for number in range(blocks):
        mixer, mlp = f"layers.{number}.layers.0", f"layers.{number}.layers.1"
        norm(f"{mixer}.affine_1"), norm(f"{mlp}.affine_1")
        for part in (mixer, mlp):
            draw(f"{part}.affine_2.weight", CHANNELS), draw(f"{part}.affine_2.bias", CHANNELS)
        linear(f"{mixer}.layers", 64, 64)
        if kind == "relu":
            linear(f"{mlp}.layers.0", hidden, CHANNELS), linear(f"{mlp}.layers.2", CHANNELS, hidden)
        else:
            function(f"{mlp}.layers.0", CHANNELS), function(f"{mlp}.layers.2", hidden)
            linear(f"{mlp}.layers.1", hidden, CHANNELS), linear(f"{mlp}.layers.3", CHANNELS, hidden)
    norm("affine")
    linear("classifier", 10, CHANNELS)
    return state


def published_logits(state, kind, images, blocks=4):
    """The published computation in float64, written from its description."""
    state = {key: value.double() for key, value in state.items()}

    def linear(name, x):
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def norm(name, x):
        y = (x - state[f"{name}.bn.running_mean"]) / torch.sqrt(state[f"{name}.bn.running_var"] + 1e-5)
        return y * state[f"{name}.bn.weight"] + state[f"{name}.bn.bias"]

    def function(name, x):
        """From the knots: values on the grid, straight lines between and beyond them."""
        if kind == "psa":
            knots = torch.linspace(-4, 4, 64, dtype=torch.float64)
            numbers = {
                part: state[f"{name}.psa.{part}"]
                for part in ("v_weight", "q_weight", "q_bias", "o_weight", "o_bias")
            }
            distance = (knots[:, None, None] - numbers["q_bias"]) ** 2 / (numbers["q_weight"] ** 2 + 1)
            inner = (torch.softmax(-distance, -1) * numbers["v_weight"] * knots[:, None, None]).sum(-1)
            values = inner * numbers["o_weight"] + numbers["o_bias"]
        else:
            knots = torch.linspace(-4, 4, 65, dtype=torch.float64)
            values = state[f"{name}.coefficients_vect"].view(-1, 65).T
        u = (x + 4) / (knots[1] - knots[0])
        i = u.floor().clamp(0, len(knots) - 2)
        low, high = (values.gather(0, (i.long() + step).flatten(0, 1)).view(x.shape) for step in (0, 1))
        y = low + (u - i) * (high - low)
        return x + y if kind == "psa" else y

    x = (images.double() / 255 - MEAN.double()) / DEVIATION.double()
    x = x.unfold(1, 4, 4).unfold(2, 4, 4).permute(0, 1, 2, 4, 5, 3).reshape(len(images), 64, 48)
    x = linear("embed_linear", x)
    for number in range(blocks):
        mixer, mlp = f"layers.{number}.layers.0", f"layers.{number}.layers.1"
        y = linear(f"{mixer}.layers", norm(f"{mixer}.affine_1", x).transpose(1, 2)).transpose(1, 2)
        x = x + y * state[f"{mixer}.affine_2.weight"] + state[f"{mixer}.affine_2.bias"]
        y = norm(f"{mlp}.affine_1", x)
        if kind == "relu":
            y = linear(f"{mlp}.layers.2", torch.relu(linear(f"{mlp}.layers.0", y)))
        else:
            y = linear(
                f"{mlp}.layers.3",
                function(f"{mlp}.layers.2", linear(f"{mlp}.layers.1", function(f"{mlp}.layers.0", y))),
            )
        x = x + y * state[f"{mlp}.affine_2.weight"] + state[f"{mlp}.affine_2.bias"]
    return linear("classifier", norm("affine", x).mean(1))


@pytest.fixture
def saved(tmp_path):
    def save(state):
        torch.save(state, tmp_path / "h_mul_1_model.bin")
        return tmp_path / "h_mul_1_model.bin"

    return save


@pytest.mark.parametrize(
    "kind, hidden, blocks", [("relu", 192, 4), ("psa", 96, 4), ("spline", 48, 4), ("relu", 24, 2)]
)
def test_each_layout_is_recognised_and_computes_what_was_published(saved, kind, hidden, blocks):
    state = published_state(kind, hidden, blocks)
    images = torch.randint(256, (5, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    network = load_published_resmlp(saved(state)).double()
    assert not network.training and network.blocks[0][1].expand.out_features == hidden
    with torch.no_grad():
        np.testing.assert_allclose(
            network(images).numpy(),
            published_logits(state, kind, images, blocks).numpy(),
            rtol=1e-4,
            atol=1e-4,
        )


def psa_state(**changes):
    return {**published_state("psa", 24), **changes}


@pytest.mark.parametrize(
    "state, message",
    [
        ({"fc.weight": torch.ones(2, 2)}, "the layout of no published ResMLP; .* this file has fc.weight"),
        (
            {key: value for key, value in psa_state().items() if key != "classifier.bias"},
            "lacks classifier.bias",
        ),
        (psa_state(**{"conv.weight": torch.ones(1)}), "has an unknown conv.weight"),
        (
            psa_state(**{"embed_linear.weight": torch.ones(96, 47)}),
            re.escape("embed_linear.weight must have shape (96, 48), not (96, 47)"),
        ),
        (
            psa_state(**{"affine.bn.running_var": torch.full((96,), float("nan"))}),
            "affine.bn.running_var must hold finite real numbers",
        ),
        (
            psa_state(**{"layers.2.layers.1.layers.0.psa.epsilon": torch.zeros(1)}),
            "psa.epsilon must lie in 1..1, as published",
        ),
        (
            psa_state(**{"layers.2.layers.1.layers.0.psa.grid": torch.zeros(64, 96)}),
            "psa.grid must lie in -4..4, as published",
        ),
        (
            psa_state(**{"layers.2.layers.1.layers.0.psa.grid": torch.zeros(33, 96)}),
            r"psa.grid must have shape \(64, 96\), not \(33, 96\)",
        ),
        (
            {
                key: value
                for key, value in psa_state().items()
                if key != "layers.1.layers.1.layers.2.psa.grid"
            },
            "lacks layers.1.layers.1.layers.2.psa.grid",
        ),
        (
            psa_state(**{"affine.bn.running_var": torch.full((96,), -1.0)}),
            "affine.bn.running_var must not be negative",
        ),
        ({"layers.0.layers.1.layers.2.weight": torch.ones(96, 0)}, "the layout of no published ResMLP"),
    ],
)
def test_what_is_no_such_checkpoint_is_refused_by_what_is_wrong(saved, state, message):
    with pytest.raises(PublishedCheckpointError, match=message):
        load_published_resmlp(saved(state))


def test_evaluate_refuses_a_damaged_file_in_one_line(tmp_path):
    path = tmp_path / "h_mul_1_model.bin"
    path.write_bytes(b"not a checkpoint")
    done = command("evaluate", path)
    assert (
        done.returncode == 1
        and done.stderr.count("\n") == 1
        and "h_mul_1_model.bin: not a dictionary of tensors" in done.stderr
    )
