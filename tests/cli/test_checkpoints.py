"""Checkpoints are whole or refused: every byte is under the checksum, and nothing but numbers goes in."""

import numpy as np
import pytest

from experiments import checkpoints

STATE = {
    "cells/th1/uid": np.array([3, 1, 2**62], np.int64),
    "fields/tnf": np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4),
    "therapy/given": np.array([True, False]),
    "empty": np.zeros((0, 5), np.float32),
    "steps": np.array(7, np.uint64),
}


@pytest.fixture
def path(tmp_path):
    path = checkpoints.file_of(tmp_path, 7)
    checkpoints.write(path, {"step": 7}, STATE)
    return path


def test_what_was_written_is_read(path):
    counters, state = checkpoints.read(path)
    assert counters == {"step": 7}
    assert list(state) == list(STATE)
    for name, array in STATE.items():
        assert state[name].dtype == array.dtype and state[name].shape == array.shape
        np.testing.assert_array_equal(state[name], array)
        assert state[name].flags.writeable


def test_columns_that_are_not_contiguous_are_kept(tmp_path):
    strided = np.arange(20.0).reshape(4, 5).T[::2]
    checkpoints.write(tmp_path / "a", {}, {"strided": strided})
    np.testing.assert_array_equal(checkpoints.read(tmp_path / "a")[1]["strided"], strided)


def test_one_flipped_bit_anywhere_is_found(path):
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(checkpoints.Damaged):
            checkpoints.read(path)


@pytest.mark.parametrize("length", [0, 10, 60, -1])
def test_a_cut_file_is_found(path, length):
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(checkpoints.Damaged):
        checkpoints.read(path)


def test_objects_are_refused_and_leave_nothing(tmp_path):
    with pytest.raises(TypeError, match="numbers only"):
        checkpoints.write(tmp_path / "a", {}, {"objects": np.array([{}], object)})
    assert list(tmp_path.iterdir()) == []


def test_the_newest_two_are_kept_and_a_damaged_one_is_passed_over(tmp_path):
    for step in (5, 90, 1000):
        checkpoints.write(checkpoints.file_of(tmp_path, step), {"step": step}, {})
        checkpoints.keep_newest(tmp_path)
    newest, older = checkpoints.newest_first(tmp_path)
    newest.write_bytes(newest.read_bytes()[:-3])
    warnings: list[str] = []
    counters, _ = checkpoints.read_newest(tmp_path, warnings.append)
    assert counters == {"step": 90}
    assert len(warnings) == 1 and newest.name in warnings[0] and "damaged" in warnings[0]
    assert not newest.exists() and older.exists()
