"""``python -m experiments`` is the command ``remyelin``."""

from experiments.cli import main

main()
