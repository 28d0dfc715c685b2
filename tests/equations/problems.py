"""Problems with three answers each: ours, an unrolled torch solver's, and SciPy's own."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.optimize
import torch

from scitorch import optimize

DOUBLE = {"dtype": torch.float64}
TIGHT = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-13}


@dataclass(frozen=True)
class Problem:
    """The solution as a function of the parameters, by three ways."""

    name: str
    ours: Callable
    unrolled: Callable
    scipy: Callable
    theta: torch.Tensor
    differences: float = 1e-4  # relative tolerance of SciPy's differences: what its own accuracy allows
    second: bool = True  # whether a second derivative is compared

    def __str__(self):
        return self.name


def tensor(*values):
    return torch.tensor(values, **DOUBLE)


def as_numpy(function, theta):
    """The function for SciPy, at parameters that are numbers."""
    theta = torch.as_tensor(theta)
    return lambda x: function(torch.tensor(x), theta).numpy()


def newton(equation, near, theta, steps=7):
    """Newton's method from a point beside the solution, every step of it differentiable."""
    x = near.detach() + 1e-3
    for _ in range(steps):
        jacobian = torch.func.jacrev(equation)(x, theta)
        x = x - torch.linalg.solve(jacobian, equation(x, theta))
    return x


def root(name, equation, x0, theta, tol=1e-12, **options):
    def ours(theta):
        return optimize.root(equation, x0, (theta,), tol=tol, **options).x

    def by_scipy(theta):
        return scipy.optimize.root(as_numpy(equation, theta), x0.numpy(), tol=1e-13).x

    return Problem(name, ours, lambda t: newton(equation, ours(t.detach()), t), by_scipy, theta)


def least_squares(name, residuals, x0, theta, *, loss="linear", rho=lambda z: z, **options):
    options |= TIGHT

    def ours(theta):
        return optimize.least_squares(residuals, x0, args=(theta,), loss=loss, **options).x

    def by_scipy(theta):
        return scipy.optimize.least_squares(as_numpy(residuals, theta), x0.numpy(), "3-point", loss=loss, **options).x

    def gradient(x, theta):
        return torch.func.grad(lambda x: rho(residuals(x, theta).square()).sum() / 2)(x)

    return Problem(name, ours, lambda t: newton(gradient, ours(t.detach()), t), by_scipy, theta, 1e-3)


def minimum(name, function, x0, theta, method, **options):
    def ours(theta):
        return optimize.minimize(function, x0, (theta,), method=method, tol=1e-11, **options).x

    def by_scipy(theta):
        made, t = as_numpy(function, theta), torch.tensor(theta)
        jac = as_numpy(torch.func.grad(function), t)
        hess = as_numpy(torch.func.hessian(function), t)
        return scipy.optimize.minimize(made, x0.numpy(), method="trust-exact", jac=jac, hess=hess, tol=1e-10).x

    equation = torch.func.grad(function)
    return Problem(name, ours, lambda t: newton(equation, ours(t.detach()), t), by_scipy, theta, 1e-3)


# ------------------------------------------------------------------------------------------------------------- systems


def broyden_tridiagonal(x, theta):
    zero = x.new_zeros(1)
    return (3 - theta[0] * x) * x - torch.cat([zero, x[:-1]]) - theta[1] * torch.cat([x[1:], zero]) + 1


def boundary_value(x, theta):
    """Discrete boundary value problem of Moré, Garbow and Hillstrom."""
    n, zero = x.numel(), x.new_zeros(1)
    t = torch.arange(1, n + 1, **DOUBLE) / (n + 1)
    left, right = torch.cat([zero, x[:-1]]), torch.cat([x[1:], zero])
    return 2 * x - left - right + (theta[0] * x + t + theta[1]) ** 3 / (2 * (n + 1) ** 2)


def helical_valley(x, theta):
    angle = torch.atan2(x[1], x[0]) / (2 * torch.pi)
    return torch.stack([10 * (x[2] - 10 * angle), 10 * (x[:2].norm() - theta[0]), x[2] - theta[1]])


def chebyquad(x, theta):
    """Abscissas of Chebyshev's quadrature; the integrals are the parameters."""
    shifted, rows = 2 * x - 1, []
    before, polynomial = torch.ones_like(x), shifted
    for k in range(1, x.numel() + 1):
        rows.append(polynomial.mean() - (theta[k - 1] if k <= theta.numel() else (k % 2 - 1) / (k * k - 1)))
        before, polynomial = polynomial, 2 * shifted * polynomial - before
    return torch.stack(rows)


def pressure_network(flow, theta):
    """SciPy's test of root: flows through parallel pipes."""
    pressure = theta[1:] * flow**2
    return torch.cat([pressure[1:] - pressure[0], flow.sum()[None] - theta[:1]])


def nonlin_f6(x, theta):
    """SciPy's test of the quasi-Newton methods."""
    inverse = torch.linalg.inv(torch.tensor([[-4.256, 14.7], [0.8394989, 0.59964207]], **DOUBLE))
    v = torch.stack([(x[0] + 3) * (x[1] ** 5 - 7) + theta[0], torch.sin(x[1] * torch.exp(x[0]) - theta[1])])
    return -inverse @ v


def rosenbrock_system(x, theta):
    return torch.stack([theta[1] * (x[1] - x[0] ** 2), theta[0] - x[0]])


def trigonometric(x, theta):
    n = x.numel()
    k = torch.arange(1, n + 1, **DOUBLE)
    return theta[0] * n - torch.cos(x).sum() + k * (1 - torch.cos(x)) - theta[1] * torch.sin(x)


TIMES = torch.linspace(0, 3, 9, **DOUBLE)
NOISE = torch.tensor(np.random.default_rng(0).normal(0, 0.05, 9))


def exponential(x, theta):
    return x[0] * torch.exp(-x[1] * TIMES) + x[2] - theta[0] * torch.exp(-theta[1] * TIMES) - NOISE


def rosenbrock_residuals(x, theta):
    return torch.stack([theta[1] * (x[1] - x[0] ** 2), theta[0] - x[0], x[1] / 2])


def rosenbrock(x, theta):
    return theta[1] * (x[1] - x[0] ** 2) ** 2 + (theta[0] - x[0]) ** 2 + 0.1 * x[1] ** 2


def logistic(x, theta):
    features = torch.stack([torch.ones_like(TIMES), TIMES, TIMES.sin()], 1)
    labels = torch.tensor([0, 1, 0, 1, 0, 1, 1, 1, 0], **DOUBLE)
    score = features @ x
    return (torch.nn.functional.softplus(score) - labels * score * theta[1]).sum() + theta[0] * x.square().sum()


def powell(x, theta):
    first, second = x[0] + 10 * x[1] - theta[0], x[2] - x[3]
    return first**2 + 5 * second**2 + (x[1] - 2 * x[2]) ** 4 + 10 * (x[0] - x[3]) ** 4 + theta[1] * x.square().sum()


# ------------------------------------------------------------------------------------------------- bounds, constraints

HALF = torch.tensor([[2.0, 0.5, 0.1], [0.5, 1.0, 0.3], [0.1, 0.3, 1.5]], **DOUBLE)


def quadratic(x, theta):
    return x @ HALF @ x / 2 - theta @ x


def projected(theta):
    """Gradient steps, each of them clamped to the box."""
    x = torch.zeros(3, **DOUBLE)
    for _ in range(200):
        x = (x - 0.3 * (HALF @ x - theta)).clamp(-1, 0.5)
    return x


def box(method):
    def by_scipy(theta):
        options = {"method": "L-BFGS-B", "options": {"ftol": 0, "gtol": 1e-12}}
        slope = lambda x: HALF.numpy() @ x - theta
        made = lambda x: x @ HALF.numpy() @ x / 2 - theta @ x
        return scipy.optimize.minimize(made, np.zeros(3), jac=slope, bounds=[(-1, 0.5)] * 3, **options).x

    def ours(theta):
        bounds = optimize.Bounds(-1.0, 0.5)
        return optimize.minimize(quadratic, torch.zeros(3, **DOUBLE), (theta,), method, bounds=bounds, tol=1e-12).x

    return Problem(f"quadratic in a box, {method}", ours, projected, by_scipy, tensor(2.0, -0.3, 0.7), 1e-3)


def entropy():
    """Probabilities of given energies: the minimum is known in closed form, an exponential family."""

    def function(p, theta):
        return (p * p.log()).sum() - theta @ p

    def ours(theta):
        whole = optimize.LinearConstraint(torch.ones(1, 3, **DOUBLE), 1.0, 1.0)
        begin = torch.full((3,), 0.3, **DOUBLE)
        return optimize.minimize(function, begin, (theta,), "trust-constr", constraints=whole, tol=1e-11).x

    def by_scipy(theta):
        sums = {"type": "eq", "fun": lambda p: p.sum() - 1}
        begin, made = np.full(3, 0.3), as_numpy(function, theta)
        return scipy.optimize.minimize(made, begin, method="SLSQP", constraints=sums, tol=1e-14).x

    return Problem("entropy", ours, lambda t: t.softmax(0), by_scipy, tensor(0.3, -0.5, 0.1), 1e-3)


def disc():
    """The nearest point of a disc whose radius is a parameter."""

    def ours(theta):
        inside = optimize.NonlinearConstraint(lambda x: (x @ x)[None], -torch.inf, theta[2:] ** 2)
        begin = torch.zeros(2, **DOUBLE)
        return optimize.minimize(lambda x: (x - theta[:2]).square().sum(), begin, constraints=inside, tol=1e-11).x

    def unrolled(theta):
        x = torch.zeros(2, **DOUBLE)
        for _ in range(100):
            x = x - 0.2 * (x - theta[:2])
            x = torch.where(x.norm() > theta[2], x * theta[2] / (x.norm() + 1e-300), x) if x.any() else x
        return x

    def by_scipy(theta):
        inside = {"type": "ineq", "fun": lambda x: theta[2] ** 2 - x @ x}
        made = lambda x: ((x - theta[:2]) ** 2).sum()
        return scipy.optimize.minimize(made, np.zeros(2), method="SLSQP", constraints=inside, tol=1e-14).x

    return Problem("disc", ours, unrolled, by_scipy, tensor(3.0, 2.0, 1.5), 1e-3)


def bounded_fit():
    def residuals(x, theta):
        return exponential(torch.cat([x, x.new_zeros(1)]), theta)

    def ours(theta):
        return optimize.least_squares(residuals, tensor(1.0, 0.3), bounds=(0.0, theta[2]), args=(theta,), **TIGHT).x

    def unrolled(theta):
        x = tensor(1.0, 0.3)
        for _ in range(1500):
            x = x - 0.05 * torch.func.grad(lambda x: residuals(x, theta).square().sum())(x)
            x = torch.minimum(x, theta[2])
        return x

    def by_scipy(theta):
        options = {"bounds": (0, theta[2]), "method": "dogbox"} | TIGHT
        return scipy.optimize.least_squares(as_numpy(residuals, theta), np.array([1.0, 0.3]), **options).x

    return Problem("fit against a bound", ours, unrolled, by_scipy, tensor(2.0, 0.7, 1.8), 1e-3, second=False)


MATRIX = torch.tensor(np.random.default_rng(1).normal(size=(6, 3)))
RIGHT = torch.tensor(np.random.default_rng(2).normal(size=6))


def linear(name, solver, by_scipy, low, high):
    """Linear least squares whose matrix and right-hand side move with two parameters."""

    def made(theta):
        return MATRIX * theta[0].exp() + 0.1 * theta[1], RIGHT + theta[1] * torch.arange(6, **DOUBLE)

    def unrolled(theta):
        A, b = made(theta)
        x = torch.zeros(3, **DOUBLE)
        for _ in range(1500):
            x = (x - 0.05 * A.mT @ (A @ x - b)).clamp(low, high)
        return x

    def differences(theta):
        return by_scipy(*(t.numpy() for t in made(torch.tensor(theta))))

    return Problem(name, lambda t: solver(*made(t)), unrolled, differences, tensor(0.1, 0.2), second=False)


def curve():
    def model(t, height, place, width):
        return height * torch.exp(-(((t - place) / width) ** 2))

    def ours(theta):
        return optimize.curve_fit(model, TIMES, theta, tensor(1.0, 1.4, 1.0), **TIGHT)[0]

    def by_scipy(theta):
        made = lambda t, *p: model(TIMES, *(torch.tensor(x) for x in p)).numpy()
        return scipy.optimize.curve_fit(made, TIMES.numpy(), theta, [1.0, 1.4, 1.0], **TIGHT)[0]

    def gradient(x, theta):
        return torch.func.grad(lambda x: (model(TIMES, *x.unbind()) - theta).square().sum())(x)

    data = model(TIMES, *tensor(1.2, 1.5, 0.8)) + NOISE
    return Problem("a peak", ours, lambda t: newton(gradient, ours(t.detach()), t), by_scipy, data, 1e-3)


def program():
    """A linear program; its vertex is where the active constraints meet."""
    A = tensor(1.0, 2.0, 3.0, 1.0).view(2, 2)

    def ours(theta):
        return optimize.linprog(tensor(-1.0, -1.0), A * theta[2], theta[:2]).x

    def by_scipy(theta):
        return scipy.optimize.linprog([-1, -1], A.numpy() * theta[2], theta[:2]).x

    def unrolled(theta):
        return torch.linalg.solve(A * theta[2], theta[:2])

    return Problem("linear program", ours, unrolled, by_scipy, tensor(4.0, 6.0, 1.1))


def scalar(name, function, theta, **options):
    def ours(theta):
        return optimize.root_scalar(function, (theta,), **options).root

    def by_scipy(theta):
        made = as_numpy(function, theta)
        return scipy.optimize.root_scalar(lambda x: float(made(x)), bracket=(0.1, 4), method="brentq", xtol=1e-13).root

    def unrolled(theta):
        x = ours(theta.detach()) + 1e-3
        for _ in range(6):
            x = x - function(x, theta) / torch.func.grad(function)(x, theta)
        return x

    return Problem(name, ours, unrolled, by_scipy, theta)


def kepler(x, theta):
    return x - theta[1] * torch.sin(x) - theta[0]


def van_der_waals(v, theta):
    return (theta[0] + theta[1] / v**2) * (v - 0.1) - 2.0


def cosine():
    def ours(theta):
        return optimize.fixed_point(lambda x: theta * torch.cos(x), tensor(0.5, 0.7), xtol=1e-13)

    def unrolled(theta):
        x = tensor(0.5, 0.7)
        for _ in range(150):
            x = theta * torch.cos(x)
        return x

    def by_scipy(theta):
        return scipy.optimize.fixed_point(lambda x: theta * np.cos(x), [0.5, 0.7], xtol=1e-13)

    return Problem("cosine", ours, unrolled, by_scipy, tensor(0.9, 0.7))


def ones(n, value=1.0):
    return torch.full((n,), value, **DOUBLE)


PROBLEMS = [
    root("Broyden tridiagonal", broyden_tridiagonal, ones(8, -1.0), tensor(2.0, 2.0)),
    root(
        "Broyden tridiagonal, krylov",
        broyden_tridiagonal,
        ones(8, -0.6),
        tensor(2.0, 2.0),
        tol=None,
        method="krylov",
        options={"fatol": 1e-11},
    ),
    root("boundary value", boundary_value, ones(6, -0.1), tensor(1.0, 1.0), method="lm"),
    root("helical valley", helical_valley, tensor(0.9, 0.4, 0.1), tensor(1.0, 0.2)),
    root("Chebyquad", chebyquad, tensor(0.1, 0.3, 0.5, 0.7, 0.9), tensor(0.0, -1 / 3)),
    root("pressure network", pressure_network, tensor(2.0, 1.0, 0.5, 3.0), tensor(4.0, 1.0, 1.2, 0.7, 1.1)),
    root("nonlin F6", nonlin_f6, tensor(-0.5, 1.4), tensor(18.0, 1.0), method="lm"),
    root("Rosenbrock's system", rosenbrock_system, tensor(-1.2, 1.0), tensor(1.0, 10.0)),
    root("trigonometric", trigonometric, ones(3, 0.3), tensor(0.9, 1.1)),
    scalar("Kepler", kepler, tensor(0.8, 0.3), bracket=tensor(0.0, 4.0), xtol=1e-13),
    scalar("van der Waals", van_der_waals, tensor(1.0, 0.5), x0=tensor(1.5)[0], method="newton", xtol=1e-13),
    scalar("Kepler, Halley", kepler, tensor(0.8, 0.3), x0=tensor(1.0)[0], method="halley", xtol=1e-13),
    cosine(),
    least_squares("exponential", exponential, tensor(1.5, 0.5, 0.1), tensor(2.0, 0.7)),
    least_squares("exponential, lm", exponential, tensor(1.5, 0.5, 0.1), tensor(2.0, 0.7), method="lm"),
    least_squares("Rosenbrock's residuals", rosenbrock_residuals, tensor(-1.2, 1.0), tensor(1.0, 10.0)),
    least_squares(
        "Cauchy's loss", exponential, tensor(1.5, 0.5, 0.1), tensor(2.0, 0.7), loss="cauchy", rho=torch.log1p
    ),
    least_squares("Broyden's residuals", broyden_tridiagonal, ones(5, -1.0), tensor(2.0, 2.0), method="dogbox"),
    curve(),
    bounded_fit(),
    linear("nnls", lambda A, b: optimize.nnls(A, b)[0], lambda A, b: scipy.optimize.nnls(A, b)[0], 0, torch.inf),
    linear(
        "lsq_linear",
        lambda A, b: optimize.lsq_linear(A, b, (-0.2, 0.3), "bvls").x,
        lambda A, b: scipy.optimize.lsq_linear(A, b, (-0.2, 0.3), "bvls").x,
        -0.2,
        0.3,
    ),
    minimum("Rosenbrock, trust-exact", rosenbrock, tensor(-1.2, 1.0), tensor(1.0, 10.0), "trust-exact"),
    minimum("logistic, Newton-CG", logistic, ones(3, 0.0), tensor(0.1, 0.9), "Newton-CG"),
    minimum("Powell, trust-ncg", powell, tensor(3.0, -1.0, 0.0, 1.0), tensor(1.0, 0.1), "trust-ncg"),
    box("L-BFGS-B"),
    box("SLSQP"),
    entropy(),
    disc(),
    program(),
]
