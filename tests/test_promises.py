"""Promises of single places in the core, on both routes; each test fails if its place is changed."""

import numpy as np
import pytest
import torch

from scitorch import operator
from scitorch.core.errors import DerivativeError, MissingDerivativeError

pytestmark = pytest.mark.usefixtures("route", "scratch_registry")


def test_forward_mode_asks_no_rule_for_an_empty_batch():
    """A rule need not hold for no items: here it would raise."""
    scaled = operator("()->()", batch="native", name="scaled")(lambda x: x * x)
    scaled.jvp(x=lambda tangent, x: tangent * x.max())
    x = torch.ones(0, 3)
    assert torch.func.jvp(scaled, (x,), (x,))[1].shape == (0, 3)


def test_a_forward_rules_tangent_is_cast_to_the_results_dtype():
    wide = operator("()->()", batch="native", dtype=torch.float64, name="wide")(lambda x: np.square(x, dtype=float))
    wide.jvp(x=lambda tangent, x: 2 * tangent * x)
    x = torch.tensor([1.5, 2.0])
    value, tangent = torch.func.jvp(wide, (x,), (torch.ones(2),))
    assert (value.dtype, tangent.dtype) == (torch.float64, torch.float64)
    assert tangent.tolist() == [3.0, 4.0]


def test_a_complex_tangent_of_a_real_result_is_refused():
    """Its imaginary part would be lost."""
    square = operator("()->()", batch="native", dtype="real", name="square")(lambda z: np.abs(z) ** 2)
    square.jvp(z=lambda tangent, z: 2 * tangent * z.conj())
    z = torch.tensor([1 + 2j])
    with pytest.raises(DerivativeError, match="Try its real part"):
        torch.func.jvp(square, (z,), (z,))


@pytest.mark.parametrize("mode", ["backward", "jvp"])
def test_a_partial_cannot_describe_a_real_function_of_complex_numbers(mode):
    square = operator("()->()", batch="native", dtype="real", name="square")(lambda z: np.abs(z) ** 2)
    square.partials(z=lambda z: 2 * z)
    x, z = torch.tensor([3.0], requires_grad=True), torch.tensor([1 + 2j], requires_grad=True)
    assert torch.autograd.grad(square(x), x)[0] == 6
    with pytest.raises(MissingDerivativeError, match="a partial derivative, of a real function of complex numbers"):
        square(z).backward() if mode == "backward" else torch.func.jvp(square, (z,), (z,))


@pytest.mark.parametrize("rule", [lambda g: 1j * g, lambda g: g > 0], ids=["complex", "bool"])
def test_a_gradient_of_another_kind_is_refused(rule):
    """Of real arguments alone, a complex gradient is a mistake and no complex number to take the real part of."""
    wrong = operator("()->()", batch="native", name="wrong")(lambda x: x * x)
    wrong.vjp(x=rule)
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(DerivativeError, match=r"^wrong, the vjp rule of 'x': expected a torch.float32 tensor, got "):
        wrong(x).sum().backward()


def test_a_forward_rule_may_leave_a_result_out():
    """None is the tangent of a result that does not depend on the argument."""
    parts = operator("(),()->(),()", batch="native", name="parts")(lambda x, y: (x * y, 2 * y))
    parts.jvp(x=lambda tangent, y: (tangent * y, None), y=lambda tangent, x: (tangent * x, 2 * tangent))
    x, y = torch.tensor([3.0]), torch.tensor([5.0])
    assert [t.item() for t in torch.func.jvp(lambda x: parts(x, y), (x,), (x,))[1]] == [15, 0]
    assert [t.item() for t in torch.func.jvp(parts, (x, y), (x, y))[1]] == [30, 10]


def test_no_gradient_comes_in_for_a_result_that_carries_none():
    seen = []
    order = operator("(n)->(n),(n),(n)", batch="native", dtype=(None, None, "integer"), name="order")(
        lambda x: (np.sort(x), -x, np.argsort(x))
    )
    order.vjp(x=lambda g, out: seen.append(g) or torch.zeros_like(g[0]).scatter(-1, out[2], g[0]) - g[1])
    x = torch.tensor([2.0, 1.0], requires_grad=True)
    order(x)[0].sum().backward()
    torch.func.grad(lambda x: order(x)[0].sum())(x.detach())
    assert [[part is None for part in g] for g in seen] == [[False, False, True]] * 2


def test_partials_replace_a_forward_rule():
    square = operator("()->()", batch="native", name="square")(lambda x: x * x)
    square.jvp(x=lambda tangent: 7 * tangent).partials(x=lambda x: 2 * x)
    x = torch.tensor([3.0])
    assert torch.func.jvp(square, (x,), (torch.ones(1),))[1].tolist() == [6.0]


def test_of_an_array_given_twice_one_is_not_copied():
    made = []

    def kernel(x):
        y = x + 1
        made.append(y.__array_interface__["data"][0])
        return y, y

    twice = operator("(n)->(n),(n)", batch="native", name="twice")(kernel)
    assert sum(part.data_ptr() in made for part in twice(torch.ones(3))) == 1


def test_joblib_is_left_alone_unless_asked_for(monkeypatch):
    import joblib

    plus = operator("(n)->(n)", name="plus")(lambda x: x + 1)
    monkeypatch.setattr(joblib, "Parallel", lambda *a, **k: pytest.fail("called"))
    plus(torch.ones(4, 3))
    with joblib.parallel_config(backend="threading", n_jobs=1):
        plus(torch.ones(4, 3))


@pytest.mark.parametrize("static", [False, True])
def test_a_kernel_may_refuse_its_input_in_our_form(static):
    from scitorch.core.errors import ShapeError

    def refuse(x, **_):
        raise ShapeError("picky", "x", "an even size", "3", "padding")

    kernel = (lambda x, *, k: refuse(x)) if static else refuse
    if static:
        kernel.__annotations__ = {"k": int}
    picky = operator("()->()", batch="native", name="picky", **({} if static else {"args": "x"}))(kernel)
    with pytest.raises(ShapeError, match=r"^picky, x: expected an even size, got 3. Try padding.$"):
        picky(torch.ones(3), **({"k": 1} if static else {}))


def test_a_list_of_results_that_the_kernel_keeps_is_not_written_to():
    kept = [np.zeros(3), np.ones(3)]
    pair = operator("(n)->(n),(n)", batch="native", name="pair")(lambda x: kept)
    for part in pair(torch.ones(3, dtype=torch.double)):
        part.fill_(-1)
    assert [part.tolist() for part in kept] == [[0, 0, 0], [1, 1, 1]]


def test_errors_under_vmap_show_the_users_shapes():
    from scitorch.core.errors import ShapeError

    times = operator("(m,n),(n)->(m)", name="times")(lambda a, x: a @ x)
    with pytest.raises(ShapeError, match=r"got 4 in shape \(4,\)\."):
        torch.func.vmap(lambda x: times(torch.ones(2, 3), x))(torch.ones(5, 4))
    with pytest.raises(ShapeError, match=r"at least 2 dimensions \(m,n\), got shape \(3,\)\."):
        torch.func.vmap(lambda a: times(a, torch.ones(3)))(torch.ones(5, 3))
