"""Names for the runs of a picture that say what differs between them."""

from typing import Any

from experiments.info import Difference, differing
from experiments.words import plain

SAID_OR_NOT_SEEN = (  # by the treatment, and what is kept, which changes no run
    "therapy.msc.dose",
    "therapy.msc.day",
    "therapy.msc.route",
    "output.",
)
MOST_VALUES = 2


def arm_names(runs: list[Any]) -> list[str]:
    """Name each run by its treatment and by what else sets it apart from the others; by its folder if nothing does."""
    names = [treatment(run) for run in runs]
    apart = [differing(runs[0].config, run.config) for run in runs]
    keys = {each.key: each for found in apart for each in found if not each.key.startswith(SAID_OR_NOT_SEEN)}
    if keys and len({run.config.title for run in runs}) == len(runs):
        return [f"{run.config.title}, {name}" for run, name in zip(runs, names)]
    for i, found in enumerate(apart):
        second = {each.key: each.second for each in found}
        values = [setting(each, second.get(key, each.first)) for key, each in list(keys.items())[:MOST_VALUES]]
        more = [f"{len(keys) - MOST_VALUES} more differ"] if len(keys) > MOST_VALUES else []
        names[i] = ", ".join([names[i], *values, *more])
    return [f"{name} ({run.folder.name})" if names.count(name) > 1 else name for name, run in zip(names, runs)]


def setting(difference: Difference, value: str) -> str:
    """Write one value with the end of its key: ``seed 2``, ``tnf half life 30 min``."""
    words = " ".join(difference.key.split(".")[-2:]).replace("_", " ")
    return f"{words} {plain(value) or 'none'}"


def treatment(run: Any) -> str:
    """Name a treatment as a person would: ``1000 MSC/mm³ local, day 7``."""
    parts = [name.replace("_", " ") for name in run.config.therapy.comparators]
    doses = run.config.doses
    if doses:
        first = doses[0]
        amount = plain(first.dose.text).replace("cells", "MSC")
        parts.append(f"{amount} {first.route}, day {float(first.day) / 24:g}")
    if len(doses) > 1:
        parts.append(f"{len(doses) - 1} more")
    return " and ".join(parts) or "untreated"
