"""The command ``view``: a page in the browser on run folders. Only this folder knows panel and bokeh."""

from experiments.viewer.command import register

__all__ = ["register"]
