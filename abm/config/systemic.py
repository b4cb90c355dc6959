"""What is refused of the periphery, the comparators and relapses: what they name must be there."""

from collections.abc import Iterable

from abm.config.checks import Checks
from abm.config.errors import hint


class Systemic(Checks):
    """Looks at what acts from outside the tissue."""

    def check(self) -> None:
        """Run every check."""
        self._kinds()
        self._asked()
        self._relapses()

    def _kinds(self) -> None:
        """Tables name kinds and fields that some config defines."""
        periphery, tables, names = self.periphery, self.comparators, self.read.names
        if periphery is not None:
            self._known("periphery.suppression.of", periphery.suppression.of)
            self._known("periphery.recovery", periphery.recovery)
            if periphery.expansion is not None:
                self._known("periphery.expansion.to", periphery.expansion.to)
            for name in periphery.csf_baseline:
                if not names.knows_field(name):
                    advice = hint(name, names.known_fields)
                    self.refuse(f"periphery.csf_baseline.{name}", f"names a field that no config defines; {advice}")
        if tables is not None:
            self._known("comparators.ahsct.ablates", tables.ahsct.ablates)
            self._known("comparators.ahsct.returning", tables.ahsct.returning)
            self._known("comparators.anti_cd20.left", tables.anti_cd20.left)
            self._known("comparators.natalizumab.entry", tables.natalizumab.entry)
            self._known("comparators.dimethyl_fumarate.entry", tables.dimethyl_fumarate.entry)

    def _known(self, key: str, kinds: Iterable[str]) -> None:
        names = self.read.names
        for kind in kinds:
            if not names.knows_kind(kind):
                self.refuse(f"{key}.{kind}", f"names a kind that no config defines; {hint(kind, names.known_kinds)}")

    def _asked(self) -> None:
        """A comparator that is asked for has its tables, and a time in which it is given."""
        for name in self.therapy.comparators:
            for section in ("periphery", "comparators"):
                if self.is_missing(section):
                    advice = f"extend the biology, or write the section {section}"
                    self.refuse(f"therapy.{name}", f"needs the section {section}; {advice}")
            plan = getattr(self.therapy, name)
            until = getattr(plan, "until", None)
            if until is not None and until <= plan.day:
                self.refuse(f"therapy.{name}.until", f"= {until.text} must be later than its day ({plan.day.text})")
        ahsct, tables = self.therapy.ahsct, self.comparators
        if ahsct is not None and tables is not None and ahsct.regimen not in tables.ahsct.regimens:
            advice = hint(ahsct.regimen, tables.ahsct.regimens)
            self.refuse("therapy.ahsct.regimen", f"= '{ahsct.regimen}' is not in comparators.ahsct.regimens; {advice}")

    def _relapses(self) -> None:
        tissue = self.tissue
        if tissue is None or tissue.trigger.relapses is None:
            return
        if tissue.venules is None or not tissue.venules.positions:
            advice = "give some a place under tissue.venules.positions"
            self.refuse("tissue.trigger.relapses", f"begin at venules with a position, and there is none; {advice}")
        elif not self.venules_act:
            advice = "keep laws.venule, or set tissue.trigger.relapses: null"
            self.refuse("tissue.trigger.relapses", f"begin at venules, which have no laws to act by; {advice}")
