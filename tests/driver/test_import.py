"""The requirements of the package: Python 3.8, numpy and pynq; the network contract works without pynq."""

import ast
import subprocess
import sys
from pathlib import Path

import jedi
import pytest

import lst_overlay

PACKAGE = Path(lst_overlay.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
# On PYNQ images; imported where they are used.
OPTIONAL = {"pictures.py": {"PIL"}, "canvas.py": {"ipywidgets", "IPython"}}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_syntax_is_that_of_python_3_8(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_neither_model_nor_gateware_nor_their_libraries(path):
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            imported.add(node.module.split(".")[0])
    # These are newer than Python 3.8.
    allowed = set(sys.stdlib_module_names) - {"tomllib", "zoneinfo", "graphlib"}
    assert imported <= allowed | {
        "numpy",
        "pynq",
        "pynqmetadata",
        "lst_overlay",
        *OPTIONAL.get(path.name, ()),
    }


def test_the_driver_needs_no_pillow():
    modules = "lst_overlay.overlay, lst_overlay.samples.photo, lst_overlay.__main__"
    code = f"import sys; sys.modules['PIL'] = None; import {modules}; print('ok')"
    assert (
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
        == "ok\n"
    )


def test_a_photograph_in_an_array_needs_no_pillow():
    code = "import sys; sys.modules['PIL'] = None; import numpy as np; "
    code += "from lst_overlay.samples.photo import digit_of; page = np.full((60, 60), 200, np.uint8); "
    code += "page[20:40, 28:32] = 0; print(digit_of(page).image.max())"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "255\n"


def test_network_contract_needs_no_pynq():
    code = "import sys; sys.modules['pynq'] = None; import lst_overlay.network, lst_overlay; "
    code += "print(lst_overlay.__version__)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == lst_overlay.__version__


@pytest.mark.parametrize(
    "code", ["from lst_overlay import LST1Overlay", "import lst_overlay.__main__ as m; m.main(['info'])"]
)
def test_without_pynq_one_line_says_what_to_do(code):
    code = f"import sys; sys.modules['pynq'] = None\n{code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert "no module named 'pynq'" in last and "LST_BOARD=sim" in last and "pip install pynq" in last


def test_another_module_that_is_missing_is_named_itself():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.modules['pynqmetadata'] = None\nfrom lst_overlay import LST1Overlay",
        ],
        capture_output=True,
        text=True,
    )
    assert "pynqmetadata" in done.stderr.splitlines()[-1] and "pip install pynq" not in done.stderr


def test_an_editor_completes_names_without_running_anything():
    source = "from lst_overlay import LST1Overlay\no = LST1Overlay()\no.pre"
    found = {completion.name for completion in jedi.Script(source).complete(3, len("o.pre"))}
    assert "predict" in found
    assert (PACKAGE / "py.typed").is_file()


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'LST9Overlay'"):
        _ = lst_overlay.LST9Overlay
    assert "LST1Overlay" in dir(lst_overlay)
