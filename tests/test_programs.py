"""The programs at a terminal: help that fits 80 columns, progress on stderr, figures on stdout."""

import ast

import pytest
import typer
from typer.testing import CliRunner

import datasets.__main__
import gateware.__main__
import lst_overlay.__main__
import model.__main__
from gateware.device import BOARDS
from lst_overlay.hardware.bitstream_files import DEFAULT_BOARD
from tests import ROOT

TYPER = {"gateware": gateware.__main__.app, "model": model.__main__.app}
COMMANDS = [
    (program, command)
    for program, app in TYPER.items()
    for command in ("", *typer.main.get_command(app).commands)
]


def box_text(help_text):
    """The words of a help without the boxes and line breaks around them."""
    return " ".join(help_text.replace("│", " ").split())


def of_typer(program, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = CliRunner().invoke(TYPER[program], [*command.split(), "--help"], prog_name=program)
    assert done.exit_code == 0
    return done.stdout


@pytest.mark.parametrize("program, command", COMMANDS, ids=lambda word: word)
def test_no_word_of_a_help_is_cut(program, command, monkeypatch):
    text = of_typer(program, command, monkeypatch)
    assert "…" not in text and max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("program, command", COMMANDS, ids=lambda word: word)
def test_every_option_says_what_it_does(program, command, monkeypatch):
    text = box_text(of_typer(program, command, monkeypatch))
    group = typer.main.get_command(TYPER[program])
    for parameter in (group.commands[command] if command else group).params:
        assert parameter.help is None or parameter.help in text


@pytest.mark.parametrize(
    "main, arguments",
    [
        (datasets.__main__.main, ["--help"]),
        (datasets.__main__.main, ["pack", "--help"]),
        *[(lst_overlay.__main__.main, [*name, "--help"]) for name in ([], ["info"], ["benchmark"])],
    ],
)
def test_help_of_the_other_programs_fits_as_well(main, arguments, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_bitstreams_are_built_for_the_board_that_the_driver_takes_by_default():
    command = typer.main.get_command(TYPER["gateware"]).commands["bitstream"]
    (board,) = [option for option in command.params if option.name == "board"]
    assert board.default == DEFAULT_BOARD and all(name in board.help for name in BOARDS)


def progress_on_stdout(source):
    """The lines of calls that show progress, since they flush or return the carriage, but not on stderr."""
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("print", "tqdm"):
            options = {option.arg: ast.unparse(option.value) for option in call.keywords}
            progress = "flush" in options or "\\r" in options.get("end", "") or call.func.id == "tqdm"
            place = options.get("file", "sys.stderr" if call.func.id == "tqdm" else "sys.stdout")
            if progress and place != "sys.stderr":
                yield call.lineno


@pytest.mark.parametrize("package", ["driver", "gateware", "model", "datasets", "tools"])
def test_progress_goes_to_stderr(package):
    found = {path.name: [*progress_on_stdout(path.read_text())] for path in (ROOT / package).rglob("*.py")}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source", ["print(1, flush=True)", "print(1, end='\\r')", "tqdm(x, file=sys.stdout)"]
)
def test_progress_on_stdout_is_found(source):
    assert [*progress_on_stdout(source)] == [1]
