"""Same config, same seed, same digest: at any number of threads, with any output options, alone or as one slab of many."""

import numpy as np
import pytest

from abm.model import ModelError

MSC = ("therapy.msc.dose=3000 cells/mm^3", "therapy.msc.route=local", "therapy.msc.day=0")


def after(model, steps):
    for _ in range(steps):
        model.step()
    return model


@pytest.fixture(scope="module")
def reference(small_model):
    """Digest after half a day with MSCs, one thread."""
    return after(small_model(*MSC), 120).digest()


def test_threads(small_model, reference, monkeypatch):
    """Two threads give the bits of one, also where every launch is shared out."""
    from kernels import launch

    monkeypatch.setattr(launch, "FEWEST_PER_THREAD", 16)
    assert after(small_model(*MSC, threads=2), 120).digest() == reference


def test_output_options(small_model, reference):
    """What is written, and looking at the run, changes nothing."""
    model = small_model(*MSC, "output.measures_every=0.1 h", "output.frames_every=1 h")
    for _ in range(120):
        model.step()
        model.measure()
        model.cell_table()
        model.digest()
    assert model.digest() == reference


def test_a_slab_among_others(small_model, reference):
    """A replicate has the digest of the run alone, whatever stands beside it."""
    model = after(small_model(*MSC, seeds=[5, 1, 9]), 120)
    assert model.digest(1) == reference
    assert after(small_model(*MSC, seeds=[9]), 120).digest() == model.digest(2)
    assert len({model.digest(slab) for slab in range(3)}) == 3


def test_restore_in_the_middle(small_model, reference):
    """A state taken at step 50 goes on to the digest of the run that never stopped."""
    state = after(small_model(*MSC), 50).state()
    other = small_model(*MSC)
    other.restore(state)
    assert after(other, 70).digest() == reference


def test_restored_it_has_the_digest_of_what_was_stored(small_model):
    """Also where the next step will note what this one did: voxels that have just lost their myelin, axons just cut."""
    model, other = small_model(*MSC), small_model(*MSC)
    model.tissue.units[:] = 0
    model.tissue.axons_lost[:] = 0.3
    other.restore(model.state())
    assert other.digest() == model.digest()
    assert after(other, 1).digest() == after(model, 1).digest()


def test_a_state_of_another_version_is_refused(small_model):
    model = small_model()
    state = {name: array for name, array in model.state().items() if name != "tissue/axons_lost"}
    with pytest.raises(ModelError, match="lacks tissue/axons_lost: another version kept it; begin the run anew"):
        model.restore(state)


def test_seed(small_model, reference):
    """Another seed is another run."""
    assert after(small_model(*MSC, "seed=2"), 120).digest() != reference


def test_one_flipped_bit_changes_the_digest(small_model):
    """Every array of the state counts: one bit in any of them, and the digest is another."""
    model = after(small_model(*MSC), 60)
    state, digest = model.state(), model.digest()
    outside = ("seeds", "fields/")  # the seed stands beside the state; budgets are no state of the tissue
    tried = 0
    for name, array in state.items():
        if name.startswith(outside) and name != "fields/concentration":
            continue
        if array.size == 0 or name.startswith("cells/neuron/"):
            continue
        bits = array.copy()
        flat = bits.reshape(-1).view(np.uint8)
        flat[flat.size // 2 // bits.itemsize * bits.itemsize] ^= 1
        model.restore({**state, name: bits})
        assert model.digest() != digest, name
        tried += 1
    model.restore(state)
    assert model.digest() == digest and tried > 40


def test_plain_python_is_the_same_run(small_model):
    """The uncompiled loops give the digest of the compiled ones."""
    tiny = ("grid.size=[100, 100]", "tissue.venules.positions.central={x: 50, y: 50}", "time.days=1")
    digests = {after(small_model(*tiny, *MSC, target=target), 3).digest() for target in ("cpu", "python")}
    assert len(digests) == 1
