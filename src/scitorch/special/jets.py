"""Hypergeometric series with their derivatives in the parameters, and a bound of the error.

A term of the series is a product of factors that are linear in the parameters, (a+n) or 1/(b+n), so that the truncated
Taylor polynomials ("jets") of all terms in the parameters follow by a recurrence, each from the one before. Beside the
jets run those of the terms' moduli, which bound the rounding errors: where terms cancel it is seen, and what is left is
known. In doubles first, then in pairs of doubles (`scitorch.special.pairs`).

References: DLMF 16.2; J. W. Pearson, S. Olver and M. A. Porter, "Numerical methods for the computation of the confluent
and Gauss hypergeometric functions", Numer. Algor. 74 (2017), for the regions where the series serve.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import factorial, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import pairs
from .pairs import Pair

Array = NDArray[Any]
Order = tuple[int, ...]
Jet = dict[Order, Any]  # Taylor coefficients by order; of arrays or of pairs

Method = tuple[Callable[..., Array], Callable[..., tuple[Array, Array]]]  # where it serves; the value and a bound

DOUBLE = 2.0**-53  # relative error of one operation
EXACT = 1e-12  # a bound of the relative error with which no other method is tried; errors are about 1e-2 of it
USELESS = 1e-9  # a bound above which there is no result
ZERO = 1e-25  # a bound with which a result is zero for sure, of series that begin with one


@dataclass(frozen=True)
class Linear:
    """A number that depends on the parameters linearly, by whole slopes."""

    value: Any
    slopes: Order

    def raised(self, by: int) -> "Linear":
        """The number plus a whole one."""
        return Linear(self.value + float(by), self.slopes)

    def rising(self, length: int) -> "list[Linear]":
        """The factors of its rising factorial."""
        return [self.raised(k) for k in range(length)]

    def __getitem__(self, index: Any) -> "Linear":
        return Linear(self.value[index], self.slopes)


def orders_to(most: Order) -> list[Order]:
    """All orders up to the given one, the lower before the higher."""
    return [*product(*[range(order + 1) for order in most])]


def multiplied(jet: Jet, factor: Any, slopes: Order) -> Jet:
    """A jet times factor + Σ slope·δ."""
    return {order: _sloped(jet, order, slopes, value * factor) for order, value in jet.items()}


def _over(jet: Jet, factor: Any, slopes: Order) -> Jet:
    """A jet over factor + Σ slope·δ: each coefficient from the lower ones."""
    negative, quotient = tuple(-slope for slope in slopes), dict[Order, Any]()
    for order, value in jet.items():
        quotient[order] = _sloped(quotient, order, negative, value) / factor
    return quotient


def _sloped(jet: Jet, order: Order, slopes: Order, total: Any) -> Any:
    for k, slope in enumerate(slopes):
        if slope and order[k]:
            below = jet[(*order[:k], order[k] - 1, *order[k + 1 :])]
            total = total + below * float(slope)
    return total


def _rounded(x: Any) -> Array:
    return x.high if isinstance(x, Pair) else x


def _modulus(x: Any) -> Array:
    return np.abs(_rounded(x))


@dataclass
class Jets:
    """Derivatives of a function by order, real and imaginary parts, with a bound of the error of each."""

    parts: list[Jet]
    bound: Jet


def series(
    upper: Sequence[Linear],
    lower: Sequence[Linear],
    z: Sequence[Any],
    most: Order,
    limit: float,
    ahead: tuple[Sequence[Linear], Sequence[Linear]] = ((), ()),
    terms: int = 5000,
) -> Jets:
    """Sum Π (upper)ₙ / Π (lower)ₙ · zⁿ/n!, with its Taylor coefficients in the parameters up to an order.

    Parameters
    ----------
    upper, lower : sequence of Linear
        The parameters of the series: pairs, or doubles.
    z : sequence
        Real part, and imaginary part if it isn't zero; of the same kind.
    most : tuple of int
        Highest order in each parameter.
    limit : float
        What the ratio of terms over the modulus of z tends to.
    ahead : tuple
        Factors and divisors of the whole sum.
    terms : int
        How many terms at most; a sum that needs more has an infinite bound.
    """
    run = _Run.start(upper, lower, z, most)
    run.multiply(*ahead, 0)
    size = run.size.size
    result = Jets(
        [{order: np.full(size, np.nan) for order in run.orders} for _ in z],
        {order: np.full(size, np.inf) for order in run.orders},
    )
    items = np.arange(size)
    # From here on no factor comes near zero again, and the ratio of terms is at most what it is and its limit.
    turn = np.max([-_rounded(x.value) for x in (*upper, *lower)], axis=0) + 1
    for n in range(terms):
        run.add()
        if n % 8 == 7:
            ratio = np.maximum(run.ratio(n), limit * run.modulus)
            # The rest is about a geometric series; twice that, as derivatives bring logarithms.
            rest = np.where((ratio < 1) & (n > turn), 2 * ratio / (1 - ratio), np.inf)
            done = run.settled(rest)
            for order in run.orders:
                for part, total in zip(result.parts, run.totals, strict=True):
                    part[order][items[done]] = _rounded(total[order])[done]
                result.bound[order][items[done]] = (run.error[order] + run.term(order) * rest)[done]
            run, items, turn = run[~done], items[~done], turn[~done]
            if not items.size:
                break
        run.step(n)
    return result


@dataclass
class _Run:
    """Where a summation stands: the jets of the n-th term without its power of z, that power, and the sums."""

    upper: Sequence[Linear]
    lower: Sequence[Linear]
    z: Sequence[Any]
    modulus: Array  # of z
    unit: float  # relative error of an operation
    jet: Jet
    moduli: Jet  # of the coefficients, were all of one sign
    power: list[Any]  # zⁿ, or zⁿ/n!
    size: Array  # its modulus
    totals: list[Jet]
    error: Jet
    largest: Jet  # sum of the moduli
    operations: int = 0  # how often the term was rounded

    @classmethod
    def start(cls, upper: Sequence[Linear], lower: Sequence[Linear], z: Sequence[Any], most: Order) -> "_Run":
        orders, modulus = orders_to(most), np.hypot(*map(_modulus, z)) if len(z) == 2 else _modulus(z[0])
        zero, one = np.zeros_like(modulus), np.ones_like(modulus)
        precise = isinstance(z[0], Pair)
        wrap = Pair if precise else np.asarray

        def jet(first: Array) -> Jet:
            return {order: zero if any(order) else first for order in orders}

        def number(first: Array) -> Jet:
            return {order: wrap(value) for order, value in jet(first).items()}

        return cls(
            upper,
            lower,
            z,
            modulus,
            pairs.UNIT if precise else DOUBLE,
            number(one),
            jet(one),
            [wrap(zero if k else one) for k in range(len(z))],
            one,
            [number(zero) for _ in z],
            jet(zero),
            jet(zero),
        )

    @property
    def orders(self) -> Sequence[Order]:
        return [*self.jet]

    def __getitem__(self, chosen: Array) -> "_Run":
        def cut(jet: Jet) -> Jet:
            return {order: value[chosen] for order, value in jet.items()}

        return _Run(
            [x[chosen] for x in self.upper],
            [x[chosen] for x in self.lower],
            [x[chosen] for x in self.z],
            self.modulus[chosen],
            self.unit,
            cut(self.jet),
            cut(self.moduli),
            [x[chosen] for x in self.power],
            self.size[chosen],
            [cut(total) for total in self.totals],
            cut(self.error),
            cut(self.largest),
            self.operations,
        )

    def term(self, order: Order) -> Array:
        """Bound of the term's coefficient."""
        return self.moduli[order] * self.size

    def add(self) -> None:
        """Add the term, and its error."""
        for order in self.orders:
            for total, power in zip(self.totals, self.power, strict=True):
                total[order] = total[order] + self.jet[order] * power
            term = self.term(order)
            self.error[order] = self.error[order] + self.unit * self.operations * term
            self.largest[order] = self.largest[order] + term

    def ratio(self, n: int) -> Array:
        """Of the next term to this one."""
        above = prod(_modulus(x.value + float(n)) for x in self.upper)
        below = prod(_modulus(x.value + float(n)) for x in self.lower)
        return above / below * self.modulus / (n + 1)

    def settled(self, rest: Array) -> Array:
        """Whether the rest of every coefficient is lost in rounding; or nothing will come of it."""
        small = [self.term(order) * rest <= self.unit * self.largest[order] for order in self.orders]
        return np.all(small, axis=0) | ~np.isfinite(self.term(self.orders[-1]))

    def multiply(self, upper: Sequence[Linear], lower: Sequence[Linear], n: int) -> None:
        """Multiply and divide the term by these, raised by n."""
        for x in upper:
            factor = x.value + float(n)
            self.jet = multiplied(self.jet, factor, x.slopes)
            self.moduli = multiplied(self.moduli, _modulus(factor), tuple(map(abs, x.slopes)))
        for x in lower:
            factor = x.value + float(n)
            self.jet = _over(self.jet, factor, x.slopes)
            self.moduli = _over(self.moduli, _modulus(factor), tuple(-abs(slope) for slope in x.slopes))
        self.operations += 2 * (len(upper) + len(lower) + 2)

    def step(self, n: int) -> None:
        """Go on to the next term."""
        self.multiply(self.upper, self.lower, n)
        # n! goes where it balances what grows: with the coefficients, of as many factors above as below, or the power.
        if len(self.upper) > len(self.lower):
            self.jet = {order: value / float(n + 1) for order, value in self.jet.items()}
            self.moduli = {order: value / (n + 1) for order, value in self.moduli.items()}
        re, *im = self.power
        if im:
            (x, y), (p, q) = self.z, self.power
            re, im = p * x - q * y, [p * y + q * x]
        else:
            re = re * self.z[0]
        self.power, self.size = [re, *im], self.size * self.modulus
        if len(self.upper) <= len(self.lower):
            self.power, self.size = [part / float(n + 1) for part in self.power], self.size / (n + 1)


def best(methods: Sequence[Method], *arguments: Any) -> Array:
    """The value of the first method that is exact enough, or of the one that is most exact."""
    arrays = np.broadcast_arrays(*[np.asarray(x, np.result_type(x, np.float64)) for x in arguments])
    flat = [x.ravel() for x in arrays]
    result, bound = np.full(flat[0].size, np.nan, flat[-1].dtype), np.full(flat[0].size, np.inf)
    with np.errstate(all="ignore"):  # NaN and infinities say what there is to say
        for serves, method in methods:
            rest = np.flatnonzero(~(bound <= EXACT * np.abs(result)) & serves(*flat))
            if rest.size:
                value, error = method(*[x[rest] for x in flat])
                better = (error < bound[rest]) & np.isfinite(value)  # a series may overflow where its sum doesn't
                result[rest[better]], bound[rest[better]] = value[better], error[better]
        result[~(bound <= np.maximum(USELESS * np.abs(result), ZERO))] = np.nan
    return result.reshape(arrays[0].shape)


def linear(value: Any, slopes: Order, precise: bool) -> Linear:
    """A parameter, as pairs or doubles."""
    pair = value if isinstance(value, Pair) else Pair(value, np.zeros_like(value))
    return Linear(pair if precise else pair.high, slopes)


def parts_of(z: Array, precise: bool) -> list[Any]:
    """Real part, and imaginary part of complex numbers, as pairs or doubles."""
    parts = [np.real(z), np.imag(z)] if np.iscomplexobj(z) else [z]
    return [Pair(x, np.zeros_like(x)) for x in parts] if precise else parts


def values(jets: Jets) -> Jet:
    """Real or complex arrays by order."""
    re, *im = jets.parts
    return {order: value + 1j * im[0][order] if im else value for order, value in re.items()}


def highest(jets: Jets, most: Order) -> tuple[Array, Array]:
    """The derivative of the highest order, and its bound."""
    scale = float(prod(map(factorial, most)))
    return scale * values(jets)[most], scale * jets.bound[most]


def highest_of_product(jet: Jet, bound: Jet, factor: Jet, most: Order, extra: Any) -> tuple[Array, Array]:
    """The highest derivative of the product of two jets, the first with its bound, the second with a relative error."""
    scale = float(prod(map(factorial, most)))
    value: Any = 0.0
    error: Any = 0.0
    for order, x in factor.items():
        rest = tuple(m - k for m, k in zip(most, order, strict=True))
        value = value + x * jet[rest]
        error = error + np.abs(x) * (bound[rest] + (extra + 4 * DOUBLE) * np.abs(jet[rest]))
    return scale * value, scale * error
