"""Writes nn~-help.pd and the folders abstractions/ and examples/.

    make_help.py FOLDER MESSAGES

MESSAGES is what the program timbrel_messages prints: a message per line, its arguments and what
it does, between tabs.
"""

import sys
from pathlib import Path

import abstractions
from first_window import first_window
from windows_to_read import EXAMPLES

import examples


def main() -> None:
    """Refuses to write help that lacks a message."""
    folder, listed = Path(sys.argv[1]), Path(sys.argv[2])
    table = [tuple(line.split("\t")) for line in listed.read_text("utf-8").splitlines()]
    if missing := {name for name, _, _ in table} ^ set(EXAMPLES):
        sys.exit(
            f"help/pd/windows_to_read.py: EXAMPLES and the table of messages differ in {missing}"
        )
    first_window(table).write(folder / "nn~-help.pd")
    for pages in (abstractions, examples):
        for name, make in pages.ALL.items():
            make().write(folder / pages.__name__ / f"{name}.pd")


if __name__ == "__main__":
    main()
