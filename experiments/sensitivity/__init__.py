"""The command ``sensitivity``: which values decide what a lesion comes to.

``sampling.py`` says which values are tried, ``indices.py`` what they turn out to decide, ``figure.py`` draws it.
"""

from experiments.sensitivity.command import register

__all__ = ["register"]
