"""`python -m cytolapse`: the command line from a clone that is not installed."""

from cytolapse.cli import main

main()
