"""The Mesa twin of the acute lesion gives the same cells, voxels and sheaths as the lesion, step by step."""

import pytest

from tests.twin.compare import differences, whole_numbers
from tests.twin.model import CLASSES, TwinModel
from tests.twin.scene import infiltrated_lesion

STEPS = 50


@pytest.fixture(scope="module")
def lesion():
    """Return a lesion full of leukocytes; tests step it on."""
    return infiltrated_lesion()


def test_whole_numbers_agree_at_every_step(lesion):
    """Cells, voxels, uids, 0/1 states and sheaths are the same in the lesion and its twin, while much happens."""
    assert {kind for kind, count in lesion.counts().items() if count} == {*CLASSES, "neuron"}
    twin, begin = TwinModel(lesion), whole_numbers(lesion)
    for _ in range(STEPS):
        lesion.step()
        twin.step()
        wrong = list(differences(lesion, twin))
        assert not wrong, f"{len(wrong)} numbers differ, first: {'; '.join(wrong[:3])}"
    _assert_that_much_happened(begin, whole_numbers(lesion))
    for kind in twin.behaviour:
        columns = lesion.population[kind].columns()
        at = dict(zip(columns["uid"].tolist(), zip(columns["x"].tolist(), columns["y"].tolist())))
        for cell in twin.cells(kind):
            assert (cell.x, cell.y) == pytest.approx(at[cell.uid], abs=0.01)  # um
    for name, row in twin.fields.index.items():
        assert twin.fields.concentration[row] == pytest.approx(lesion.fields.concentration[row], rel=1e-3, abs=1e-6), (
            name
        )


def _assert_that_much_happened(begin, end):
    """Check that cells died, divided, entered, changed, moved and switched, and that sheaths were lost and made."""

    def gone(what):
        return begin[what].keys() - end[what].keys()

    def come(what):
        return end[what].keys() - begin[what].keys()

    def changed(what):
        return [key for key in begin[what].keys() & end[what].keys() if begin[what][key] != end[what][key]]

    for kind in ("oligodendrocyte", "neutrophil", "cd8", "macrophage", "b_cell"):  # died, cast traps or changed
        assert gone(f"{kind}: voxel"), f"no {kind} left"
    for kind in ("macrophage", "cd8", "opc", "plasma_cell", "oligodendrocyte"):  # entered, born or changed into
        assert come(f"{kind}: voxel"), f"no {kind} came"
    assert any(end["cd8: divided"][uid] for uid in come("cd8: voxel")), "no T cell divided"
    for kind in ("macrophage", "neutrophil", "cd8"):
        assert changed(f"{kind}: voxel"), f"no {kind} moved to another voxel"
    assert any(changed(f"{kind}: active") for kind in ("cd8", "b_cell", "microglia")), "no cell was switched"
    slots = "oligodendrocyte: slots"
    pairs = [pair for uid in changed(slots) for pair in zip(begin[slots][uid], end[slots][uid])]
    assert any(before >= 0 > after for before, after in pairs), "no sheath was stripped"
    assert any(before < 0 <= after for before, after in pairs), "no axon was wrapped"
    orphans = [sum(sum(units[2:]) for units in state["sheaths by voxel"].values()) for state in (begin, end)]
    assert orphans[0] != orphans[1], "no sheath was orphaned or shed"


def test_a_difference_is_told(lesion):
    """A cell elsewhere, a cell too many and a lost sheath are found and named."""
    twin = TwinModel(lesion)
    assert not list(differences(lesion, twin))
    macrophage = next(iter(twin.cells("macrophage")))
    macrophage.voxel += 1
    twin.welcome("treg", 10.0, 10.0)
    glia = next(cell for cell in twin.cells("oligodendrocyte") if cell.held)
    glia.slots[next(k for k, slot in enumerate(glia.slots) if slot)] = None
    told = "\n".join(differences(lesion, twin))
    for words in (
        f"macrophage: voxel {macrophage.uid}: {macrophage.voxel - 1} in the lesion",
        "treg: next uid",
        "treg: voxel",
    ):
        assert words in told
    assert f"oligodendrocyte: slots {glia.uid}" in told


def test_what_the_twin_leaves_out_is_refused(small_model):
    """A lesion with stem cells is refused in one sentence."""
    dosed = small_model("therapy.msc.doses={first: {day: 0.1, dose: 100, route: local}}")
    with pytest.raises(ValueError, match="the twin leaves out stem cells"):
        TwinModel(dosed)
