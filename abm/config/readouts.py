"""What is refused of read-outs and regions: what is not there, lies outside, or is too thin to hold a voxel."""

from abm.config.checks import Checks
from abm.config.errors import hint
from abm.config.names import Names
from abm.config.readouts_schema import ReadOut, Region
from abm.config.tree import branch, is_null
from abm.config.vocabulary import LAYERS, REGIONS, summed_states

SOURCES = ("field", "tissue", "density")


class ReadOuts(Checks):
    """Refuses read-outs of what is not there, and regions outside the domain or too thin to hold a voxel."""

    def check(self, region: str, where: str) -> None:
        """Run every check; ``region`` is that of the fixed read-outs, written at ``where``."""
        for name, ring in self.read.regions.items():
            self._ring(f"regions.{name}", ring)
        written = branch(self.tree, "regions").items
        # also a region that is wrong: one mistake is told once
        known = [*REGIONS, *(name for name, node in written.items() if not is_null(node))]
        if region not in known:
            self.problems.add(where, f"region = '{region}' is no region; {hint(region, known)}")
        for name, read_out in self.read.readouts.items():
            wrong = finding(read_out, self.read.names)
            if wrong is not None:
                self.refuse(f"readouts.{name}.of", f"= '{read_out.of}' {wrong}")
            elif read_out.reduce in ("max", "min") and read_out.of.startswith("density."):
                advice = "a voxel is too small to hold a density; write mean (cells per mm^3) or sum (cells)"
                self.refuse(f"readouts.{name}.reduce", f"= '{read_out.reduce}': {advice}")
            if read_out.region is not None and read_out.region not in known:
                advice = hint(read_out.region, known)
                self.refuse(f"readouts.{name}.region", f"= '{read_out.region}' is no region; {advice}")

    def _ring(self, key: str, ring: Region) -> None:
        if ring.centre is not None:
            self.inside(f"{key}.centre", ring.centre, "the region")
        if self.grid is not None and ring.to is not None and ring.to - ring.from_ < self.grid.voxel:
            self.refuse(
                key, f"is {ring.to - ring.from_:g} um wide, less than a voxel ({self.grid.voxel.text}); widen it"
            )


def finding(read_out: ReadOut, names: Names) -> str | None:
    """Say what is wrong with what is read; None if it can be."""
    source, _, rest = read_out.of.partition(".")
    if source not in SOURCES or not rest:
        return "is nothing to read; write field.<name>, tissue.<layer> or density.<kind>[.<state>], such as field.tnf"
    if source == "field":
        return None if names.knows_field(rest) else f"is no field; {hint(rest, names.known_fields, 'field.')}"
    if source == "tissue":
        return None if rest in LAYERS else f"is no layer of the tissue; {hint(rest, LAYERS, 'tissue.')}"
    kind, _, state = rest.partition(".")
    if kind == "neuron":
        return "cannot be counted: a bundle of axons crosses the whole tissue; write tissue.axons"
    if not names.knows_kind(kind):
        return f"is of a kind that no config defines; {hint(kind, names.known_kinds, 'density.')}"
    if state and state not in summed_states(kind):
        return f"has no state to sum of this name; {hint(state, summed_states(kind), f'density.{kind}.')}"
    return None
