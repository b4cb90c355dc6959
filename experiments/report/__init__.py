"""The command ``report``: one HTML page about a run, or about several side by side, that needs nothing but itself.

``readings.py`` says which read-outs a page has, ``charts.py`` draws them, ``stills.py`` makes pictures and the film,
``facts.py`` finds what else there is to say, ``page.py`` puts it into ``page.html``.
"""

from experiments.report.command import register

__all__ = ["register"]
