"""Draws: the published answers of Philox4x32-10, and the distributions they are turned into.

Seeds are fixed, so a test passes always or never; limits are 5 standard errors, or a probability of 1e-5.
"""

import numpy as np
import pytest
from scipy import stats

from abm.cells.venule import poisson
from kernels.chance import probability
from kernels.device import Machine
from kernels.launch import kernel
from kernels.random import STREAMS, draw, happens, normal, philox, uniform
from kernels.source import atomic_add

U = np.uint64
FIRST = U(0)
ONE_MORE = np.int64(1)
CPU = Machine("cpu", 1)
N = 200_000

# Random123, kat_vectors: counter, key, result
KNOWN = [
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


@kernel
def four_words(i, seed, stream, step, uid, words):
    a, b, c, d = draw(seed[i], stream[i], step[i], uid[i])
    at = U(i) * U(4)
    words[at] = a
    words[at + U(1)] = b
    words[at + U(2)] = c
    words[at + U(3)] = d


@kernel
def two_normals(i, seed, out):
    a, b, c, d = draw(seed, U(1), U(2), i)
    out[U(i) * U(2)] = normal(a, b)
    out[U(i) * U(2) + U(1)] = normal(c, d)


@kernel
def count_events(i, seed, p, events):
    a, b, _, _ = draw(seed, U(3), U(4), i)
    if happens(a, b, p):
        atomic_add(events, FIRST, ONE_MORE)


@kernel
def probabilities(i, hazard, out):
    out[i] = probability(hazard[i])


def words(seed=0, stream=1, step=0, uid=None):
    """Four words for each of N cells; each part of the key may be an array."""
    uid = np.arange(N) if uid is None else uid
    keys = [np.broadcast_to(np.asarray(part), N).astype(U) for part in (seed, stream, step, uid)]
    out = np.zeros(4 * N, U)
    four_words(CPU, N, *keys, out)
    return out.reshape(N, 4)


def as_uniform(word):
    return (word >> U(8)).astype(float) * 2.0**-24


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_philox_gives_the_published_answers(counter, key, result):
    assert [int(word) for word in philox(*map(U, counter), *map(U, key))] == result


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_compiled_draws_give_the_published_answers(counter, key, result):
    """The uid is the low half of the counter, then come step and stream; the seed is the key."""
    uid, seed = counter[0] | counter[1] << 32, key[0] | key[1] << 32
    out = np.zeros(4, U)
    four_words(CPU, 1, *(np.array([part], U) for part in (seed, counter[3], counter[2], uid)), out)
    assert out.tolist() == result


def test_streams_have_numbers_of_their_own():
    assert len(set(STREAMS.values())) == len(STREAMS)
    assert min(STREAMS.values()) > 0


@pytest.mark.parametrize("word", range(4))
@pytest.mark.parametrize("varied", ["seed", "stream", "step", "uid"])
def test_draws_are_uniform_whichever_part_of_the_key_counts_up(varied, word):
    drawn = words(**{"uid": 5, varied: np.arange(N)})[:, word]
    counts = np.bincount((drawn >> U(24)).astype(int), minlength=256)
    assert stats.chisquare(counts).pvalue > 1e-5
    ones = ((drawn[:, None] >> np.arange(32, dtype=U)) & U(1)).mean(axis=0)
    assert np.abs(ones - 0.5).max() < 5 * 0.5 / np.sqrt(N)


def test_uniform_numbers_fill_the_unit_interval():
    extremes = np.array([0, 255, 256, 0xFFFFFFFF], U)
    np.testing.assert_array_equal([uniform(word) for word in extremes], [0, 0, 2.0**-24, 1 - 2.0**-24])
    assert stats.kstest(as_uniform(words()[:, 0]), "uniform").pvalue > 1e-5


def test_neighbouring_keys_and_words_are_uncorrelated():
    base = words()
    others = [
        words(stream=2),
        words(step=1),
        words(seed=1),
        words(uid=np.arange(N) + 1),
        words(uid=np.arange(N) + 2**32),
    ]
    columns = [as_uniform(w) for w in base.T] + [as_uniform(w) for other in others for w in other.T]
    correlation = np.corrcoef(columns)
    np.fill_diagonal(correlation, 0.0)
    assert np.abs(correlation).max() < 5 / np.sqrt(N)
    # pairs fill the square evenly: what a correlation alone would not see
    for other in others:
        cells = (base[:, 0] >> U(28)) * U(16) + (other[:, 0] >> U(28))
        assert stats.chisquare(np.bincount(cells.astype(int), minlength=256)).pvalue > 1e-5


def test_normal_numbers_have_the_moments_of_four_uniform_ones():
    """Mean 0, variance 1, skewness 0, excess kurtosis -1.2 / 4, and nothing beyond sqrt(12)."""
    out = np.zeros(2 * N, np.float32)
    two_normals(CPU, N, 9, out)
    g = out.astype(float)
    n = len(g)
    assert abs(g.mean()) < 5 / np.sqrt(n)
    assert abs(g.var() - 1) < 5 * np.sqrt(1.7 / n)
    assert abs(stats.skew(g)) < 5 * np.sqrt(6 / n)
    assert abs(stats.kurtosis(g) + 0.3) < 5 * np.sqrt(24 / n)
    assert np.abs(g).max() < np.sqrt(12)
    assert abs(np.corrcoef(g[::2], g[1::2])[0, 1]) < 5 / np.sqrt(N)


def test_probability_of_a_hazard_is_one_minus_exp():
    hazard = np.geomspace(1e-30, 16, 5000).astype(np.float32)
    out = np.zeros_like(hazard)
    probabilities(CPU, len(hazard), hazard, out)
    np.testing.assert_allclose(out, -np.expm1(-hazard.astype(float)), rtol=1e-6)


def test_probability_stays_within_0_and_1():
    hazard = np.array([-1, 0, 16, 17, 1e30], np.float32)
    out = np.zeros_like(hazard)
    probabilities(CPU, len(hazard), hazard, out)
    assert out[0] == out[1] == 0
    assert (out[2:] == out[2]).all()
    assert 1 - 2e-7 < out[2] <= 1
    rising = np.linspace(0, 16, 100_001).astype(np.float32)
    out = np.zeros_like(rising)
    probabilities(CPU, len(rising), rising, out)
    assert out.max() <= 1
    assert np.diff(out).min() > -1.2e-7  # one rounding


@pytest.mark.parametrize(("p", "n"), [(0.3, 1_000_000), (1e-3, 4_000_000), (2e-6, 50_000_000)])
def test_events_happen_as_often_as_they_should(p, n):
    events = np.zeros(1, np.int64)
    count_events(CPU, n, 11, p, events)
    assert abs(events[0] - p * n) < 5 * np.sqrt(p * n)


def test_the_rarest_death_of_a_cell_is_resolved():
    """9.1e-6 per day in steps of 0.1 h: the threshold on 40 random bits is exact to 1e-4, where 24 bits would be 0 or 1."""
    p = probability(np.float32(9.1e-6 / 240))
    bits = round(float(p) * 2**40)

    def at(number):
        return happens(U(number >> 8), U((number & 0xFF) << 24), p)

    low, high = int(bits * (1 - 1e-4)), int(bits * (1 + 1e-4)) + 1
    assert at(0)
    assert at(low)
    assert not at(high)


def test_certain_and_impossible_events():
    most, least = U(0xFFFFFFFF), U(0)
    for p in (np.float32(1), np.float32(2)):
        assert happens(most, most, p)
    for p in (np.float32(0), np.float32(-1)):
        assert not happens(least, least, p)


def test_many_arrivals_are_counted():
    """Of 20 000 expected, exp(-20 000) is no number any more."""
    counts = poisson(np.full(2000, 2e4), np.int64(1), 5, 3, np.arange(2000))
    assert abs(counts.mean() / 2e4 - 1) < 1e-3 and 0.8 < counts.var() / 2e4 < 1.2
