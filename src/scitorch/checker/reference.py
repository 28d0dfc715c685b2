"""The numerical reference: derivatives of a subject from its values alone, in double precision."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from .numerical import Curve, Line, derivative, noise_of, one_sided
from .subject import Subject, Values

FIRST_STEP = 0.05  # of an element's scale: within the domain of most functions, far from rounding
SMALLEST_SCALE = 1e-3  # of the argument's typical element
JACOBIAN_ELEMENTS = 2**21  # 16 MiB in float64: up to here a Jacobian is kept
COMPLEX_STEP = 1e-150  # nothing is subtracted, so it may be as small as products of two of them stay above underflow
COMPLEX_STEP_AGREES = 1e-6

Pair = tuple[Tensor, Tensor]  # a derivative and its estimated error, in the same shape


def real_vector(tensors: Sequence[Tensor]) -> Tensor:
    """All elements in one float64 vector, complex ones as two."""
    return torch.cat([_real(t).reshape(-1) for t in tensors]) if tensors else torch.zeros(0, dtype=torch.float64)


def _real(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().resolve_conj().resolve_neg()
    return (torch.view_as_real(tensor) if tensor.is_complex() else tensor).to(torch.float64)


def from_real_vector(vector: Tensor, like: Sequence[Tensor]) -> Values:
    """The inverse of `real_vector`, in float64 or complex128."""
    sizes = [t.numel() * (2 if t.is_complex() else 1) for t in like]
    parts = vector.split(sizes) if like else ()
    return tuple(
        # A clone, since a part that begins at an odd place can't be viewed as complex numbers.
        torch.view_as_complex(part.reshape(*t.shape, 2).clone()) if t.is_complex() else part.reshape(t.shape)
        for part, t in zip(parts, like, strict=True)
    )


class Reference:
    """Numerical derivatives of a subject at its point.

    With numbers taken as pairs of reals, PyTorch's gradients are the transposed real Jacobian times the incoming
    gradient, for complex tensors as for real ones; so no rule of conjugation is needed here.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._outputs = subject.outputs()
        self._value = real_vector(self._outputs)
        self._eps = max(torch.finfo(t.dtype).eps for t in (*subject.values, *self._outputs))
        self._noise = self._noise_along([_direction(v) for v in subject.values])
        self._jacobians: dict[int, Pair] = {}
        self._analytic: dict[tuple[bool, ...], bool] = {}

    def push(self, tangents: Sequence[Tensor]) -> tuple[Values, Values]:
        """The outputs' derivative along a direction, and its error."""
        value, error = self._along(tangents)
        if self._is_analytic(tangents, value, error):
            value = self._complex_step(tangents)
            error = self._rounding(value, _reach(self._subject.values, tangents))
        return from_real_vector(value, self._outputs), from_real_vector(error, self._outputs)

    def pull(self, index: int, cotangents: Sequence[Tensor]) -> Pair:
        """The gradient of argument `index` for these incoming gradients, and its error; many calls."""
        x, g = self._subject.values[index], real_vector(cotangents)
        if self._value.numel() * x.numel() <= JACOBIAN_ELEMENTS:
            matrix, error = self._jacobian(index)
            gradient, spread = matrix.mT @ g, error.mT @ g.abs()
        else:
            gradient, spread = self._columns(index, torch.arange(_reals(x)), g)
        return from_real_vector(gradient, [x])[0], from_real_vector(spread, [x])[0].abs()

    def elements(self, index: int, which: Tensor, cotangents: Sequence[Tensor]) -> Pair:
        """Some elements, by their index in the real vector, of what `pull` gives."""
        return self._columns(index, which, real_vector(cotangents))

    def one_sided(self, index: int, cotangents: Sequence[Tensor]) -> Pair:
        """The derivatives of <cotangents, outputs> by each element from the right and from the left."""
        x, g = self._subject.values[index], real_vector(cotangents)
        value = (g @ self._value).reshape(1)
        pairs = []
        for i, scale in enumerate(_scales(x)):
            curve = self._along_element(index, i)
            pairs.append(one_sided(lambda t, c=curve: (g @ c(t)).reshape(1), float(scale), value))
        right, left = (torch.cat([p[side] for p in pairs]) for side in (0, 1))
        return from_real_vector(right, [x])[0], from_real_vector(left, [x])[0]

    def _jacobian(self, index: int) -> Pair:
        if index not in self._jacobians:
            self._jacobians[index] = self._columns(index, torch.arange(_reals(self._subject.values[index])), None)
        return self._jacobians[index]

    def _columns(self, index: int, which: Tensor, g: Tensor | None) -> Pair:
        """The real Jacobian's columns (outputs x elements), or their products with `g` (elements)."""
        x = self._subject.values[index]
        analytic = self._is_analytic_in(index)
        scales = _scales(x)
        found: list[Pair] = []
        for i in which.tolist():
            curve = self._along_element(index, i)
            if analytic:
                column = self._complex_step(self._unit(index, i))
                pair = (column, self._rounding(column, float(scales[i])))
                found.append(pair if g is None else ((g @ pair[0]).reshape(1), (g.abs() @ pair[1]).reshape(1)))
            elif g is None:
                found.append(derivative(self._exact_line(curve, index, i, self._noise)))
            else:
                off = (g.abs() @ self._noise).reshape(1)
                projected: Curve = lambda t, c=curve: (g @ c(t)).reshape(1)  # noqa: E731  a curve, like the others
                found.append(derivative(self._exact_line(projected, index, i, off)))
        join = torch.cat if g is not None else lambda columns: torch.stack(columns, -1)
        if not found:
            empty = torch.zeros(0) if g is not None else torch.zeros(self._value.numel(), 0)
            return empty.to(torch.float64), empty.to(torch.float64)
        return join([p[0] for p in found]), join([p[1] for p in found])

    def _exact_line(self, curve: Curve, index: int, i: int, noise: Tensor) -> Line:
        """The line along one element, on which steps can be chosen so that nothing is lost in rounding."""
        x = self._subject.values[index]
        element = real_vector([x])[i]
        scale = float(_scales(x)[i])

        def taken(h: float) -> float:
            exact = float((element + h).to(x.real.dtype) - element)
            return exact if exact > 0 else h

        return Line(curve, FIRST_STEP * scale, noise, self._eps * float(element.abs()), taken)

    def _is_analytic_in(self, index: int) -> bool:
        values = self._subject.values
        tangents = [_direction(v) if i == index else torch.zeros_like(v) for i, v in enumerate(values)]
        return self._is_analytic(tangents, *self._along(tangents))

    def _rounding(self, derivative: Tensor, scale: float) -> Tensor:
        """The rounding error of a derivative without differences: its own, and that of the terms that cancelled."""
        return 1e-15 * derivative.abs() + self._noise / scale

    def _unit(self, index: int, i: int) -> list[Tensor]:
        tangents = [torch.zeros_like(v) for v in self._subject.values]
        unit = torch.zeros(_reals(tangents[index]), dtype=torch.float64)
        unit[i] = 1
        tangents[index] = from_real_vector(unit, [tangents[index]])[0]
        return tangents

    def _along_element(self, index: int, i: int) -> Curve:
        values = list(self._subject.values)
        x = values[index]
        flat = real_vector([x])

        def curve(t: float) -> Tensor:
            moved = flat.clone()
            moved[i] += t
            values[index] = from_real_vector(moved, [x])[0].to(x.dtype)
            return self._evaluate(values)

        return curve

    def _along(self, tangents: Sequence[Tensor]) -> Pair:
        reach = _reach(self._subject.values, tangents)
        return derivative(Line(self._line(tangents), FIRST_STEP * reach, self._noise, self._eps * reach))

    def _noise_along(self, tangents: Sequence[Tensor]) -> Tensor:
        measured = noise_of(self._line(tangents), FIRST_STEP * _reach(self._subject.values, tangents), self._value)
        return torch.maximum(measured, self._eps * self._value.abs().nan_to_num(nan=0.0, posinf=0.0))

    def _line(self, tangents: Sequence[Tensor]) -> Curve:
        values = self._subject.values
        return lambda t: self._evaluate([v + t * d.to(v.dtype) for v, d in zip(values, tangents, strict=True)])

    def _evaluate(self, values: Sequence[Tensor]) -> Tensor:
        try:
            with torch.no_grad():
                found = real_vector(self._subject.function(*values))
        except Exception:  # noqa: BLE001  beyond the edge of its domain a function may raise whatever it likes
            return torch.full_like(self._value, torch.nan)
        return found if found.shape == self._value.shape else torch.full_like(self._value, torch.nan)

    def _is_analytic(self, tangents: Sequence[Tensor], value: Tensor, error: Tensor) -> bool:
        """Whether the function takes complex numbers and is analytic there; found out once, against differences.

        Once for each choice of arguments that move: a correlation is analytic in the signal, not in the filter.
        """
        moving = tuple(bool(t.any()) for t in tangents)
        if moving not in self._analytic:
            self._analytic[moving] = self._complex_step_agrees(tangents, value, error)
        return self._analytic[moving]

    def _complex_step_agrees(self, tangents: Sequence[Tensor], value: Tensor, error: Tensor) -> bool:
        if any(t.is_complex() for t in (*self._subject.values, *self._outputs)) or not value.numel():
            return False
        try:
            stepped = self._complex_step(tangents)
        except Exception:  # noqa: BLE001  whatever a function of reals may do with complex numbers
            return False
        size = value.abs().amax()
        far = (stepped - value).abs() > COMPLEX_STEP_AGREES * size + 10 * error
        return bool(torch.isfinite(stepped).all() and error.amax() <= COMPLEX_STEP_AGREES * size and not far.any())

    def _complex_step(self, tangents: Sequence[Tensor]) -> Tensor:
        """Im f(x + ihv) / h: exact to rounding for an analytic f (Squire & Trapp 1998)."""
        moved = [torch.complex(v, COMPLEX_STEP * t) for v, t in zip(self._subject.values, tangents, strict=True)]
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("error")  # a warning here is of a lost imaginary part
            outputs = self._subject.function(*moved)
        if not all(out.is_complex() for out in outputs):
            raise TypeError("a real output has lost the imaginary part")
        return torch.cat([out.resolve_conj().imag.reshape(-1) for out in outputs]).to(torch.float64) / COMPLEX_STEP


def _reals(x: Tensor) -> int:
    return x.numel() * (2 if x.is_complex() else 1)


def _scales(x: Tensor) -> Tensor:
    """For each real number of `x` the length over which a function may be expected to change."""
    magnitude = _real(x.abs() if not x.is_complex() else torch.complex(x.abs(), x.abs())).reshape(-1)
    typical = _typical(x)
    return torch.clamp(magnitude.nan_to_num(nan=typical, posinf=typical), min=SMALLEST_SCALE * typical)


def _typical(x: Tensor) -> float:
    nonzero = x.detach().abs().to(torch.float64)
    nonzero = nonzero[(nonzero > 0) & torch.isfinite(nonzero)]
    return float(nonzero.median()) if nonzero.numel() else 1.0


def _direction(x: Tensor) -> Tensor:
    """A fixed direction in proportion to the elements' sizes."""
    signs = torch.cos(torch.arange(x.numel(), dtype=torch.float64) * 2.4 + 0.3).reshape(x.shape)
    size = torch.where(x == 0, _typical(x), x.abs()).to(torch.float64)
    return (signs * size).to(x.dtype)


def _reach(values: Sequence[Tensor], tangents: Sequence[Tensor]) -> float:
    """How far along the tangents no element moves by more than its scale: the least of the ratios' typical ones."""
    ratios = [
        (torch.where(v == 0, _typical(v), v.abs()).to(torch.float64) / t.abs().to(torch.float64)).reshape(-1)
        for v, t in zip(values, tangents, strict=True)
    ]
    ratio = torch.cat(ratios)
    ratio = ratio[torch.isfinite(ratio)]
    return float(ratio.median()) if ratio.numel() else 1.0
