"""The tests are tested: wrong rules and wrong kernels must make them fail, and right ones must not.

Each specimen is wrong in one way, and names the checks that must find it as well as those that cannot.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from test_forward_mode import check_forward, check_forward_over_reverse, check_transpose
from test_gradients import check_gradient, check_incoming, check_orders_of_reference, check_second_order, check_subsets
from test_nesting import check_nesting, check_nesting_by_differences
from test_shapes import check_broadcasting, check_layouts
from test_values import check_reference, check_values
from test_vmap import check_vmap, check_vmap_of_grad
from torch.autograd.gradcheck import GradcheckError
from zoo.draw import SEED, complex_normal
from zoo.references import REFERENCES

from scitorch import Sample, errors, operator, zero
from scitorch.core.registry import key_of

pytestmark = pytest.mark.usefixtures("scratch_registry")

FAILED = (AssertionError, GradcheckError, errors.DerivativeError)
FIRST = [check_gradient, check_forward, check_orders_of_reference, check_nesting]
SECOND = [check_second_order, check_forward_over_reverse, check_nesting_by_differences, check_orders_of_reference]
FORWARD = [check_forward, check_transpose, check_nesting]
OTHER = [
    check_values,
    check_reference,
    check_subsets,
    check_incoming,
    check_broadcasting,
    check_layouts,
    check_vmap,
    check_vmap_of_grad,
]
EVERY_CHECK = dict.fromkeys([*FIRST, *SECOND, *FORWARD, *OTHER])

RNG = np.random.default_rng(SEED)


@dataclass(frozen=True)
class Family:
    """A right operator, of which the specimens are wrong variants."""

    signature: str
    kernel: Callable
    reference: Callable
    sample: Sample
    vjp: dict
    jvp: dict = field(default_factory=dict)


def _square_times(x, y):
    return x**2 * y


SQUARE_TIMES = Family(
    "(),()->()",
    _square_times,
    _square_times,
    Sample(RNG.normal(size=(2, 3)), RNG.normal(size=3)),
    vjp={"x": lambda g, x, y: 2 * g * (x * y).conj(), "y": lambda g, x: g * x.conj() ** 2},
    jvp={"x": lambda tangent, x, y: 2 * tangent * x * y},
)
COMPLEX = replace(SQUARE_TIMES, sample=Sample(complex_normal(RNG, 2), complex_normal(RNG, 2)), jvp={})
REVERSE = replace(SQUARE_TIMES, jvp={})
PAIR = Family(
    "(),()->(),()",
    lambda x, y: (x * y, x**2 + 0 * y),
    lambda x, y: (x * y, x**2 + 0 * y),
    Sample(RNG.normal(size=3), RNG.normal(size=3)),
    vjp={"x": lambda g, x, y: g[0] * y + 2 * g[1] * x, "y": lambda g, x: g[0] * x},
)
MATRIX_TIMES = Family(
    "(m,n),(n)->(m)",
    lambda A, x: (A @ x[..., None])[..., 0],
    lambda A, x: (A @ x[..., None])[..., 0],
    Sample(RNG.normal(size=(2, 2, 2)), RNG.normal(size=(2, 2))),
    vjp={
        "A": lambda g, x: g[..., :, None] * x[..., None, :],
        "x": lambda g, A: (A.mT @ g[..., None])[..., 0],
    },
)
RUNNING = Family(
    "(n)->(n)",
    lambda x: np.cumsum(x, -1),
    lambda x: x.cumsum(-1),
    Sample(RNG.normal(size=(2, 3))),
    vjp={"x": lambda g: g.flip(-1).cumsum(-1).flip(-1)},
)
FAMILIES = {
    "real": SQUARE_TIMES,
    "without forward rules": REVERSE,
    "complex": COMPLEX,
    "two results": PAIR,
    "matrix": MATRIX_TIMES,
    "running": RUNNING,
}


@dataclass(frozen=True)
class Specimen:
    """What is changed of a family, the checks that must fail for it, and checks that the mistake must get through."""

    family: Family
    found_by: list
    kernel: Callable | None = None
    vjp: dict = field(default_factory=dict)
    jvp: dict = field(default_factory=dict)
    missed_by: list = field(default_factory=list)


def _one_wrong_element(x, y):
    result = np.array(x**2 * y)
    result.flat[-1] *= 1.001
    return result


SPECIMENS = {
    "scaled by 1.001": Specimen(
        REVERSE, FIRST, vjp={"x": lambda g, x, y: 2.002 * g * x * y}, missed_by=[check_values, check_transpose]
    ),
    "wrong sign": Specimen(REVERSE, FIRST, vjp={"y": lambda g, x: -g * x**2}),
    "missing conjugate": Specimen(COMPLEX, FIRST, vjp={"x": lambda g, x, y: 2 * g * x * y}),
    "missing conjugate, once": Specimen(COMPLEX, FIRST, vjp={"y": lambda g, x: g * x.conj() * x}),
    "detached factor": Specimen(
        REVERSE, SECOND, vjp={"x": lambda g, x, y: 2 * g * x.detach() * y}, missed_by=[check_gradient, check_forward]
    ),
    "detached rule": Specimen(
        REVERSE, SECOND, vjp={"y": lambda g, x: g * (x**2).detach()}, missed_by=[check_gradient, check_forward]
    ),
    "detached incoming gradient": Specimen(
        REVERSE,
        [check_second_order, check_forward],
        vjp={"y": lambda g, x: g.detach() * x**2},
        missed_by=[check_gradient],
    ),
    "swapped arguments": Specimen(REVERSE, FIRST, vjp={"x": lambda g, x: g * x**2, "y": lambda g, x, y: 2 * g * x * y}),
    "incoming gradient ignored": Specimen(REVERSE, [check_gradient, check_forward], vjp={"x": lambda x, y: 2 * x * y}),
    "incoming gradient squared": Specimen(
        REVERSE, [check_forward, check_transpose], vjp={"y": lambda g, x: g**2 * x**2}, missed_by=[check_gradient]
    ),
    "zero that is none": Specimen(REVERSE, FIRST, vjp={"y": zero}),
    "forward rule off by a factor": Specimen(
        SQUARE_TIMES, FORWARD, jvp={"x": lambda tangent, x, y: tangent * x * y}, missed_by=[check_gradient]
    ),
    "forward rule with a detached factor": Specimen(
        SQUARE_TIMES,
        [check_nesting, check_nesting_by_differences],
        jvp={"x": lambda tangent, x, y: 2 * tangent * x.detach() * y},
        missed_by=[check_gradient, check_forward, check_transpose],
    ),
    "swapped results": Specimen(PAIR, FIRST, vjp={"x": lambda g, x, y: g[1] * y + 2 * g[0] * x}),
    "one result forgotten": Specimen(PAIR, FIRST, vjp={"x": lambda g, y: g[0] * y}),
    "transposed": Specimen(MATRIX_TIMES, FIRST, vjp={"x": lambda g, A: (A @ g[..., None])[..., 0]}),
    "outer product transposed": Specimen(
        MATRIX_TIMES, FIRST, vjp={"A": lambda g, x: g[..., None, :] * x[..., :, None]}
    ),
    "rule that mixes items": Specimen(
        RUNNING, [check_gradient, check_forward, check_nesting], vjp={"x": lambda g: g.flip(-1).cumsum(-1).flip(0)}
    ),
    "rule of the wrong shape": Specimen(
        RUNNING, [*FIRST, check_broadcasting], vjp={"x": lambda g: g.sum(-1, keepdim=True)}
    ),
    "kernel that mixes items": Specimen(
        RUNNING, [check_values, check_vmap, check_reference], kernel=lambda x: np.cumsum(x, 0)
    ),
    "wrong value in one element": Specimen(REVERSE, [check_reference, check_values], kernel=_one_wrong_element),
    "wrong values throughout": Specimen(
        REVERSE, [check_reference, check_gradient], kernel=lambda x, y: 1.001 * x**2 * y, missed_by=[check_values]
    ),
    "kernel in single precision": Specimen(
        REVERSE, [check_reference, check_gradient], kernel=lambda x, y: (x**2 * y).astype(np.float32)
    ),
}


@pytest.fixture
def make(monkeypatch):
    """Define the operator of a family, or the specimen of it."""

    def make(family, kernel=None, vjp=None, jvp=None):
        define = operator(family.signature, batch="native", name="specimen", args=tuple(family.vjp))
        made = define(kernel or family.kernel)
        monkeypatch.setitem(REFERENCES, key_of(made), family.reference)
        return made.vjp(**(family.vjp | (vjp or {}))).jvp(**(family.jvp | (jvp or {})))

    return make


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
def test_right_operators_pass_every_check(family, make):
    right = make(family)
    for check in EVERY_CHECK:
        check(right, family.sample)


@pytest.mark.parametrize("specimen", SPECIMENS.values(), ids=SPECIMENS.keys())
def test_wrong_operators_are_found(specimen, make):
    family = specimen.family
    wrong = make(family, specimen.kernel, specimen.vjp, specimen.jvp)
    for check in specimen.found_by:
        assert _fails(check, wrong, family.sample), f"{check.__name__} finds nothing"
    for check in specimen.missed_by:
        check(wrong, family.sample)


def _fails(check, wrong, sample):
    try:
        check(wrong, sample)
    except FAILED:
        return True
    return False
