"""`python -m collect`: the command line where the installed command is not on the path."""

from collect.cli import main

main()
