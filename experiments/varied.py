"""What a study file varies in place of a grid: its section ``sensitivity`` or ``calibrate``, read and checked."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from abm.config import Quantity
from abm.config.errors import Problems, hint
from abm.config.sections import Reader
from abm.config.tree import Branch, branch, find, is_null
from experiments.calibration import goals
from experiments.calibration.goals import Calibration
from experiments.parameters import Parameter, parameter
from experiments.sensitivity import sampling
from experiments.sensitivity.sampling import Sample

SENSITIVITY, CALIBRATE = "sensitivity", "calibrate"
SECTIONS = {SENSITIVITY: sampling.Section, CALIBRATE: goals.Section}


class Varied:
    """The section of a file that varies values; every mistake goes to ``problems``.

    name      of the section, None where the file has none
    section   what it says, None where it is wrong
    """

    def __init__(self, tree: Branch, problems: Problems):
        self.tree, self.problems = tree, problems
        named = [name for name in SECTIONS if name in tree.items and not is_null(tree.items[name])]
        self.name = named[0] if named else None
        self.section: Any = None if self.name is None else self._read(self.name)
        if len(named) > 1:
            self._refuse((named[1],), f"a study has a section {named[0]} or {named[1]}, not both")

    def _refuse(self, path: tuple[str, ...], sentence: str) -> None:
        self.problems.add(find(self.tree, path)[1], sentence)

    def _read(self, name: str) -> Any:
        below = branch(branch(self.tree, name), "parameters")
        for key, entry in list(below.items.items()):
            if is_null(entry):  # the range that the value states
                below.put(key, Branch({}, below.keys[key]))
        return Reader(self.tree, self.problems).read(SECTIONS[name], self.tree.items[name], (name,))

    def sample(self, known: Mapping[str, Quantity], grid: Collection[str]) -> Sample | None:
        """Choose the points to try, none yet for a calibration; None where something is wrong.

        known   the values of the scenario by their keys;  grid  that of the study, which has no place beside this
        """
        assert self.name is not None
        if grid:
            self._refuse(("study", "grid"), f"study.grid has no place beside {self.name}, which says what is varied")
        parameters = list[Parameter]()
        for key, given in self.section.parameters.items():
            try:
                parameters.append(parameter(key, given, known))
            except ValueError as error:
                self._refuse((self.name, "parameters", key), f"{self.name}.parameters: {error}")
        if not self.section.parameters:
            self._refuse((self.name, "parameters"), f"{self.name}.parameters names no value to vary")
        if len(self.problems):
            return None
        if self.name == CALIBRATE:
            return sampling.untried(parameters)
        try:
            return sampling.sample(self.section.method, self.section.size, parameters)
        except ValueError as error:
            self._refuse((SENSITIVITY, "size"), f"sensitivity.size = {self.section.size} {error}")
        except ImportError:
            self._refuse((SENSITIVITY,), 'sensitivity needs the package SALib: pip install "remyelin[study]"')
        return None

    def calibration(self) -> Calibration | None:
        """Return how a calibration searches, without its goals; None where the section is none."""
        return Calibration(self.section.trials, self.section.batch, ()) if self.name == CALIBRATE else None

    def goals(
        self, calibration: Calibration, control: str, arms: Collection[str], units: Mapping[str, str]
    ) -> Calibration:
        """Give a calibration its goals, in the units of the read-outs. control  the arm of a goal that names none"""
        found = []
        for name, given in self.section.goals.items():
            arm, place = given.arm or control, (CALIBRATE, "goals", name)
            if arm not in arms:
                self._refuse(place, f"calibrate.goals.{name}: '{arm}' is no arm; {hint(arm, arms)}")
            elif given.measure not in units:
                advice = hint(given.measure, units)
                self._refuse(place, f"calibrate.goals.{name}: '{given.measure}' is no read-out; {advice}")
            else:
                try:
                    found.append(goals.goal(name, given, arm, units))
                except ValueError as error:
                    self._refuse(place, f"calibrate.goals.{error}")
        if not self.section.goals:
            self._refuse((CALIBRATE, "goals"), "calibrate.goals has no goal; write for example peak: {measure: ...}")
        return replace(calibration, goals=tuple(found))
