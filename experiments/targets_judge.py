"""Estimates over seeds with 95 % confidence intervals, and the verdict on each row of the face-validity table.

Arms are paired by seed. A ratio is that of the means; its interval is the t interval of its paired linearisation.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
ROUNDING = 1e-9  # of the ends of an interval
IN, OUT, UNCERTAIN, PROXY, NOT_ASSESSABLE, NOT_RUN = "in", "out", "uncertain", "proxy", "not assessable", "not run"


@dataclass(frozen=True)
class Estimate:
    """A value over n runs or pairs of runs, with its interval; ``missing`` runs did not give it."""

    mean: float
    low: float
    high: float
    n: int
    missing: int = 0

    @property
    def width(self) -> float:
        return self.high - self.low


def _interval(mean: float, deviations: np.ndarray, missing: int) -> Estimate:
    """Return a t interval around a value from the deviations of n independent runs; below two there is none."""
    from scipy.stats import t

    n = len(deviations)
    if n < 2:
        return Estimate(mean, math.nan, math.nan, n, missing)
    error = float(np.std(deviations, ddof=1)) / math.sqrt(n)
    reach = float(t.ppf((1 + CONFIDENCE) / 2, n - 1)) * error
    return Estimate(mean, mean - reach, mean + reach, n, missing)


def mean(values: Sequence[float]) -> Estimate:
    """Return the mean of runs."""
    known = np.array([value for value in values if math.isfinite(value)])
    return _interval(float(known.mean()) if len(known) else math.nan, known, len(values) - len(known))


def share(values: Sequence[float], low: float, high: float) -> Estimate:
    """Return the share of runs whose value lies within limits; the interval is Wilson's."""
    from scipy.stats import norm

    known = [value for value in values if math.isfinite(value)]
    n = len(known)
    if not n:
        return Estimate(math.nan, math.nan, math.nan, 0, len(values))
    p, z = sum(low <= value <= high for value in known) / n, float(norm.ppf((1 + CONFIDENCE) / 2))
    middle, reach = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return Estimate(p, (middle - reach) / scale, (middle + reach) / scale, n, len(values) - n)


def _pairs(a: Sequence[float], b: Sequence[float]) -> tuple[np.ndarray, np.ndarray, int]:
    both = [(x, y) for x, y in zip(a, b, strict=True) if math.isfinite(x) and math.isfinite(y)]
    known = np.array(both, dtype=float).reshape(-1, 2)
    return known[:, 0], known[:, 1], len(a) - len(both)


def ratio(a: Sequence[float], b: Sequence[float]) -> Estimate:
    """Return the mean of a over that of b, runs of equal seeds paired; NaN over nothing."""
    x, y, missing = _pairs(a, b)
    if not len(x) or not y.mean():
        return Estimate(math.nan, math.nan, math.nan, len(x), missing)
    value = float(x.mean() / y.mean())
    return _interval(value, (x - value * y) / y.mean(), missing)


def difference(a: Sequence[float], b: Sequence[float]) -> Estimate:
    """Return the mean of a - b, paired."""
    x, y, missing = _pairs(a, b)
    return _interval(float((x - y).mean()) if len(x) else math.nan, x - y, missing)


def standardised(a: Sequence[float], b: Sequence[float]) -> Estimate:
    """Return the mean of a - b, paired, in standard deviations of the runs of an arm (pooled)."""
    x, y, missing = _pairs(a, b)
    spread = math.sqrt((x.var(ddof=1) + y.var(ddof=1)) / 2) if len(x) > 1 else 0.0
    if not spread:
        return Estimate(math.nan, math.nan, math.nan, len(x), missing)
    return _interval(float((x - y).mean()) / spread, (x - y) / spread, missing)


COMPARISONS: dict[str, Callable[..., Estimate]] = {
    "ratio": ratio,
    "difference": difference,
    "standardised": standardised,
}

# --- verdicts -------------------------------------------------------------------------------------------------------------


def verdict(found: Estimate, expected: Mapping[str, float], is_proxy: bool = False, is_event: bool = False) -> str:
    """Judge an estimate against a range, ends included.

    expected   ``from`` and ``to``, or one of them; ``no_effect``: the value of none, which the interval should hold
    is_proxy   a trial or clinical measure: only sign and order count, see ``sign_of``
    is_event   a day; where it never came the row is ``out``

    ``uncertain``: the interval is wider than the range, or holds the end of a range that has but one. A value that some
    runs did not give is ``out``.
    """
    if math.isnan(found.mean):
        return OUT if is_event and found.missing else NOT_ASSESSABLE
    if is_proxy:
        return PROXY
    if found.missing:
        return OUT
    if not is_resolved(found, expected):
        return UNCERTAIN
    return IN if is_inside(found, expected) else OUT


def is_inside(found: Estimate, expected: Mapping[str, float]) -> bool:
    """Whether the mean is where it is expected; of no effect: whether the interval holds it."""
    if "no_effect" in expected:
        return found.low <= expected["no_effect"] <= found.high
    return expected.get("from", -math.inf) <= found.mean <= expected.get("to", math.inf)


def falls_short(found: Estimate, expected: Mapping[str, float]) -> bool:
    """Whether the mean is not where it is expected; of an effect with a sign also no difference at all."""
    is_sign = len(expected) == 1 and "no_effect" not in expected
    return not is_inside(found, expected) or (is_sign and found.mean in expected.values())


def is_resolved(found: Estimate, expected: Mapping[str, float]) -> bool:
    """Whether there is an interval, and it is narrow enough to tell."""
    if math.isnan(found.width):
        return False
    if "no_effect" in expected:
        return True
    if {"from", "to"} <= set(expected):
        return found.width <= expected["to"] - expected["from"] + ROUNDING
    (end,) = expected.values()
    return not found.low <= end <= found.high


def sign_of(found: Estimate, expected: Mapping[str, float]) -> str:
    """Say of an effect of which only sign and order are expected whether they came out."""
    if math.isnan(found.width):
        return "too few runs for a sign"
    if "no_effect" in expected:
        return "no effect resolved, as expected" if is_inside(found, expected) else "an effect, where none is expected"
    if falls_short(found, expected) and is_inside(found, expected):
        return "no difference, where one is expected"
    came = "as expected" if is_inside(found, expected) else "opposite"
    return f"sign {came}" if is_resolved(found, expected) else f"sign {came} in the mean, not resolved"
