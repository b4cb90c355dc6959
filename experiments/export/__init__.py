"""The command ``export``: what a run left, in the files of other tools. One file per format."""

from experiments.export.command import register

__all__ = ["register"]
