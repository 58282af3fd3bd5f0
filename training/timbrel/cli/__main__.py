"""`python -m timbrel.cli`: the command line, for tools that start modules, as torchrun does."""

from timbrel.cli import main

main()
