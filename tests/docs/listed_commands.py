"""Commands of the pages that no test runs as they stand: why not, and what is checked instead."""

from typing import Dict, NamedTuple

# Why not.
INSTALLS = "fetches from the network"
MNIST = "needs MNIST"
CIFAR = "needs CIFAR-10"
LONG = "takes minutes or hours"
VIVADO = "needs Vivado; its sources and its script are tested in tests/gateware"
BOARD = "needs a board"
WHEEL = "the wheel's own tests install it"
TESTS = "tests do not run tests"
# What is checked instead.
OPTIONS = "the program has this command and takes these options"
DRY_RUN = "make knows what it would do"
PATHS = "what it names is there"
NOTHING = "nothing"


class Listed(NamedTuple):
    reason: str
    checked: str


LISTED: Dict[str, Listed] = {
    "git clone <this repository> lst-overlay": Listed(INSTALLS, NOTHING),
    "cd lst-overlay": Listed(INSTALLS, NOTHING),
    "make workstation": Listed(INSTALLS, DRY_RUN),
    "make notebook": Listed(
        "serves until it is stopped; the notebooks run in tests/driver/test_board_notebooks.py", DRY_RUN
    ),
    "make lint": Listed(TESTS, DRY_RUN),
    "make test": Listed(TESTS, DRY_RUN),
    "make bitstream": Listed(VIVADO, DRY_RUN),
    "make bitstream ENGINE=pixel_pairs NETWORK=my_digits_w6.npz": Listed(VIVADO, DRY_RUN),
    "make wheel": Listed(WHEEL, DRY_RUN),
    "scp dist/lst_overlay-*.whl xilinx@pynq:jupyter_notebooks/": Listed(BOARD, NOTHING),
    "python3 -m lst_overlay benchmark": Listed(
        "10,000 images: a second on a board, minutes on the simulated one", OPTIONS
    ),
    "pip install lst_overlay-*.whl": Listed(WHEEL, NOTHING),
    "pynq get-notebooks lst_overlay": Listed(WHEEL, NOTHING),
    "python -m datasets pack kmnist --out kmnist.npz --names o,ki,su,tsu,na,ha,ma,ya,re,wo": Listed(
        "needs KMNIST; tests/datasets/test_pack.py packs such files", OPTIONS
    ),
    "python -m gateware resources --engine pixel_pairs --network my_digits_w6.npz": Listed(LONG, OPTIONS),
    "python -m model train recipes/teacher.toml --seed 1": Listed(f"{MNIST}, {LONG}", OPTIONS),
    "python -m model train recipes/lst1.toml --seed 0": Listed(f"{MNIST}, {LONG}", OPTIONS),
    "python -m model train recipes/lst1_w6a4p4.toml --seed 0": Listed(f"{MNIST}, {LONG}", OPTIONS),
    "python -m model quantize build/train/lst1_w6a4p4/seed0/checkpoint.pt --out lst1.npz": Listed(
        "follows a training", OPTIONS
    ),
    "python -m model evaluate lst1.npz": Listed("follows a training", OPTIONS),
    "python -m model describe lst1.npz --out .": Listed("follows a training", OPTIONS),
    **{
        f"python -m model train recipes/{recipe}.toml --activation {activation} "
        f"--expansion {expansion} --seed 1": Listed(f"{CIFAR}, {LONG}", OPTIONS)
        for recipe, activation, expansion in (
            ("resmlp", "lerp_psa", 0.5),
            ("resmlp_w5a6", "lerp_psa", 0.5),
            ("resmlp", "lerp_psa", 1),
            ("resmlp_int8", "lerp_psa", 1),
            ("resmlp_w5a6", "lerp_psa", 1),
        )
    },
    "python -m model quantize build/train/resmlp_w5a6-lerp_psa-0.5/seed1/checkpoint.pt "
    "--out resmlp.npz": Listed("follows a training", OPTIONS),
    "python -m model evaluate resmlp.npz": Listed("follows a training", OPTIONS),
    '.venv/bin/python -m pytest -m "not slow" -n 2': Listed(TESTS, PATHS),
    '.venv/bin/python -m pytest -m "not slow" tests/gateware/shell/formal': Listed(TESTS, PATHS),
    '.venv/bin/python -m pytest -m "not slow" tests/driver': Listed(TESTS, PATHS),
    ".venv/bin/python -m pytest tests/gateware/shell/formal": Listed(TESTS, PATHS),
    ".venv/bin/python -m pytest tests/gateware/shell/test_top_*.py": Listed(TESTS, PATHS),
    ".venv/bin/python -m pytest tests/gateware/engines/pixel_serial": Listed(TESTS, PATHS),
    ".venv/bin/python -m pytest tests/driver": Listed(TESTS, PATHS),
    ".venv/bin/python -m pytest -m slow tests/test_end_to_end.py": Listed(TESTS, PATHS),
}
# How each network file was made: docs/networks, written by `python -m model describe`.
GENERATED = Listed(f"{MNIST} or {LONG}", OPTIONS)
