"""Complex initial value problems, against their solutions in closed form."""

import numpy as np
import pytest
import scipy.integrate
import torch
from torch.func import grad, jacfwd, jacrev, vmap

from scitorch.core.errors import ArgumentError
from scitorch.integrate import solve_ivp

TIGHT = {"rtol": 1e-9, "atol": 1e-11}
RATE, START = torch.tensor(-0.4 + 2j, dtype=torch.complex128), torch.tensor([1 + 1j, 2 - 0.5j], dtype=torch.complex128)
METHODS = ("RK45", "RK23", "DOP853", "Radau", "BDF", "LSODA")


def same(got, expected, tolerance=1e-6):
    torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance)


def spiral(rate, y0, method="DOP853", **options):
    """``y' = rate y`` over a unit of time, at its end."""
    return solve_ivp(lambda t, y: rate * y, (0, 1), y0, method, **(TIGHT | options)).y[:, -1]


def loss(y):
    return (y.real**2 * y.imag + y.real).sum()


def closed(rate, y0):
    return y0 * torch.exp(rate)


@pytest.mark.parametrize("method", METHODS)
def test_values_and_gradients(method):
    options = {"rtol": 1e-7, "atol": 1e-9} if method in ("RK23", "BDF") else {}
    tolerance = 1e-5 if method == "BDF" else 1e-6
    found = []
    for solution in (lambda *given: spiral(*given, method, **options), closed):
        given = [t.clone().requires_grad_() for t in (RATE, START)]
        y = solution(*given)
        found.append((y.detach(), *torch.autograd.grad(loss(y), given)))
    for got, expected in zip(*found, strict=True):
        same(got, expected, 10 * tolerance)


def test_modes():
    """PyTorch's transforms of real functions of the complex solution, to second order."""

    def real(solution):
        def of_parts(parts):
            return torch.view_as_real(solution(torch.view_as_complex(parts[0]), torch.view_as_complex(parts[1:])))

        return of_parts

    parts = torch.view_as_real(torch.cat([RATE[None], START]))
    for derivative in (jacrev, jacfwd, lambda f: jacfwd(jacrev(f)), lambda f: jacrev(jacrev(f))):
        same(derivative(real(spiral))(parts), derivative(real(closed))(parts))
    starts = torch.stack([START, 2 * START, 1j * START])
    end = {"t_eval": torch.ones(1, dtype=torch.float64)}
    over = vmap(grad(lambda y0: loss(spiral(RATE, y0, **end))))(starts)
    same(over, vmap(grad(lambda y0: loss(closed(RATE, y0))))(starts))


def test_a_function_that_is_not_holomorphic():
    """``y' = -i conj(y) c`` with real c: real part and imaginary part grow together."""
    c = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    y0 = START.clone().requires_grad_()
    y = solve_ivp(lambda t, y: -1j * c * y.conj(), (0, 1), y0, "DOP853", **TIGHT).y[:, -1]
    a, b = y0.real, y0.imag
    expected = torch.complex(a * c.cosh() - b * c.sinh(), b * c.cosh() - a * c.sinh())
    same(y, expected)
    for got, other in zip(*(torch.autograd.grad(loss(z), (y0, c)) for z in (y, expected)), strict=True):
        same(got, other)


def test_scipys_values_times_events_and_dense_output():
    def event(t, y):
        return y[0].real

    event.terminal = True
    found = solve_ivp(lambda t, y: 2j * y, (0, 3), START, "DOP853", events=event, dense_output=True, **TIGHT)
    theirs = scipy.integrate.solve_ivp(
        lambda t, y: 2j * y, (0, 3), START.numpy(), "DOP853", events=lambda t, y: y[0].real, **TIGHT
    )
    assert found.t.dtype is torch.float64
    assert found.status == 1
    same(found.t_events[0], torch.tensor(theirs.t_events[0][:1]))
    same(found.y_events[0], torch.tensor(theirs.y_events[0][:1]))
    times = torch.tensor([0.1, 0.3], dtype=torch.float64)
    same(found.sol(times), START[:, None] * torch.exp(2j * times))
    same(found.sol(0.3), START * np.exp(0.6j))


def test_batches_and_functions_of_numpy():
    starts, rates = torch.stack([START, 1j * START]), torch.stack([RATE, -RATE])
    end = torch.ones(1, dtype=torch.float64)
    found = solve_ivp(lambda t, y, r: r * y, (0, 1), starts, "DOP853", end, args=(rates,), **TIGHT)
    same(found.y[..., 0], starts * torch.exp(rates)[:, None])
    by_numpy = solve_ivp(lambda t, y: 1j * y.numpy(), (0, 1), START, **TIGHT)
    same(by_numpy.y[:, -1], START * np.exp(1j))


def test_what_is_refused():
    for options in ({"jac": torch.eye(2)}, {"lband": 1}):
        with pytest.raises(ArgumentError, match=f"solve_ivp, {next(iter(options))}: expected None for complex states"):
            solve_ivp(lambda t, y: y, (0, 1), START, "Radau", **options)
    with pytest.raises(ArgumentError, match="solve_ivp, y0: expected a tensor, of complex128 if complex"):
        solve_ivp(lambda t, y: y, (0, 1), START.to(torch.complex64))
