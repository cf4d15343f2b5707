"""Bitwuzla's Python wheel as the solver for smtbmc: SMT-LIB commands on standard input, one per line."""

import sys

from bitwuzla import Option, Options, Parser, TermManager


def main() -> None:
    if "--help" in sys.argv:
        print("--lang")  # smtbmc asks for the spelling of options.
        return
    options = Options()
    options.set(Option.PRODUCE_MODELS, True)
    parser = Parser(TermManager(), options)
    for line in sys.stdin:
        command = line.partition(";")[0].strip()
        if command == "(exit)":
            return
        # A parser forgets the number of open levels between two texts, but the solver does not.
        if command.startswith("(push"):
            parser.bitwuzla().push(int(command[5:-1]))
        elif command.startswith("(pop"):
            parser.bitwuzla().pop(int(command[4:-1]))
        elif command:
            parser.parse(command, parse_file=False)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
