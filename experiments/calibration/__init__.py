"""The command ``calibrate``: values with which a lesion comes near to what was measured.

``goals.py`` says what it is to come near to, ``search.py`` looks for the values, ``result.py`` writes what was found.
"""

from experiments.calibration.command import register

__all__ = ["register"]
