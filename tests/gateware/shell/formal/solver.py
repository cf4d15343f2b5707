"""Bitwuzla's Python wheel as the program that smtbmc talks to: SMT-LIB commands on standard input."""

import sys

from bitwuzla import Option, Options, Parser, TermManager


def main() -> None:
    if "--help" in sys.argv:
        print("--lang")  # smtbmc asks how options are spelled
        return
    options = Options()
    options.set(Option.PRODUCE_MODELS, True)
    parser = Parser(TermManager(), options)
    for line in sys.stdin:
        command = line.partition(";")[0].strip()
        if command == "(exit)":
            return
        # A parser forgets between two texts how many levels are open; the solver does not.
        if command.startswith("(push"):
            parser.bitwuzla().push(int(command[5:-1]))
        elif command.startswith("(pop"):
            parser.bitwuzla().pop(int(command[4:-1]))
        elif command:
            parser.parse(command, parse_file=False)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
