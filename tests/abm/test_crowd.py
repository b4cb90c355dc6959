"""The columns of all kinds: rows are room, and how much room there is changes nothing."""

from collections import Counter

import numpy as np
import pytest

from abm.crowd import Crowd

MANY = (
    "cells.macrophage.initial_density=20000",
    "cells.th1.initial_density=8000",
    "cells.neutrophil.initial_density=9000",
)


def test_how_much_room_kinds_have_changes_no_bit(small_model, monkeypatch):
    """From rows for sixteen cells of a kind, so that all is laid out anew over and over again, to more than are ever needed."""
    digests, laid_out, lay_out = set(), Counter(), Crowd._lay_out
    monkeypatch.setattr(Crowd, "_lay_out", lambda crowd, room: (laid_out.update([fewest]), lay_out(crowd, room)))
    for fewest in (16, 256, 20_000):
        monkeypatch.setattr("abm.crowd.FEWEST_ROWS", fewest)
        model = small_model(*MANY)
        for _ in range(25):
            model.step()
        digests.add(model.digest())
        for kind in model.crowd.kinds:
            assert kind.n <= kind.room and kind.begin % 16 == 0
    assert len(digests) == 1
    assert laid_out[16] > 5 and laid_out[20_000] == 1


def test_more_room_for_one_kind_keeps_what_all_have(small_model):
    model = small_model(*MANY)
    for _ in range(3):
        model.step()
    model._sense()
    before = {
        kind.kind: (kind.columns(), {law: kind.law(law).copy() for law in kind.of_laws.laws})
        for kind in model.crowd.kinds
    }
    stood = {
        kind.kind: model.crowd.columns.stood[kind.begin : kind.begin + kind.n].copy() for kind in model.crowd.kinds
    }
    room = model.population["th1"].room
    model.crowd.make_room(model.population["th1"], room)
    assert model.population["th1"].room == room  # there is room
    model.crowd.make_room(model.population["th1"], room + 1)
    assert model.population["th1"].room >= 1.5 * room
    ends = 0
    for kind in model.crowd.kinds:
        assert kind.begin >= ends
        ends = kind.begin + kind.room
        columns, laws = before[kind.kind]
        for name, column in kind.columns().items():
            np.testing.assert_array_equal(column, columns[name], err_msg=f"{kind.kind} {name}")
        for law, values in laws.items():
            np.testing.assert_array_equal(kind.law(law), values, err_msg=f"{kind.kind} {law}")
        np.testing.assert_array_equal(model.crowd.columns.stood[kind.begin : kind.begin + kind.n], stood[kind.kind])
    assert ends == model.crowd.columns.capacity


@pytest.mark.parametrize("threads", [1, 2])
def test_some_cells_of_some_kinds_leave_and_the_others_keep_their_order(small_model, monkeypatch, threads):
    """Every column goes with its cell, sheaths too; other kinds stay as they are. Of one kind all leave, of one none."""
    monkeypatch.setattr("kernels.launch.FEWEST_PER_THREAD", 8)
    model = small_model(*MANY, threads=threads)
    for _ in range(3):
        model.step()
    rng = np.random.default_rng(4)
    kinds = {kind.kind: kind for kind in model.crowd.kinds}
    before = {name: kind.columns() for name, kind in kinds.items()}
    shares = {"oligodendrocyte": 0.5, "macrophage": 0.3, "th1": 1.0, "opc": 0.0}
    leaving = {name: np.flatnonzero(rng.random(kinds[name].n) < share) for name, share in shares.items()}
    model.crowd.remove({kinds[name]: rows for name, rows in leaving.items()})
    assert kinds["th1"].n == 0 < len(before["th1"]["uid"])
    for name, kind in kinds.items():
        rows = np.delete(np.arange(len(before[name]["uid"])), leaving.get(name, []))
        assert kind.n == len(rows)
        for column, values in kind.columns().items():
            np.testing.assert_array_equal(values, before[name][column][rows], err_msg=f"{name} {column}")


def test_a_model_of_fields_has_no_crowd_and_runs():
    from abm.config import load
    from abm.model import LesionModel

    model = LesionModel(load("diffusion"))
    assert model.crowd.kinds == [] and model.crowd.columns.capacity == 0
    model.step()
    assert model.counts() == {}
