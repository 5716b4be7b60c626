"""Run the command with ``python -m marketsim``."""

from marketsim.cli import main

main()
