"""Promises of single places that calls pass without any transform: who is watching, and what is refused."""

import pytest
import torch
from torch.autograd import forward_ad
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from scitorch import operator
from scitorch.core.errors import ArgumentError, DefinitionError, LostGradientError, ShapeError
from scitorch.tutorial import fft_magnitude

pytestmark = pytest.mark.usefixtures("scratch_registry")


def double(name="doubled"):
    return operator("()->()", batch="native", name=name)(lambda x: 2 * x)


class Dispatches(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.seen.append(func)
        return func(*args, **(kwargs or {}))


def test_a_dispatch_mode_sees_the_operator():
    doubled, x = double(), torch.ones(2)
    with Dispatches() as watching:
        doubled(x)
    assert doubled.library in watching.seen


def test_a_function_mode_sees_the_call_and_may_change_it():
    class Negated(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            if getattr(func, "__name__", "") == name:
                (tensors, values), args = args, ([-args[0][0]], args[1])
                assert tensors[0] is x
                assert values == ()
            return func(*args, **(kwargs or {}))

    doubled, x = double(), torch.ones(2)
    name = doubled.library.name().partition("::")[2]
    with Negated():
        assert torch.equal(doubled(x), -2 * x)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_jit_trace_does_not_bake_in_a_constant():
    doubled = double()
    traced = torch.jit.trace(lambda x: doubled(x) + 1, torch.ones(2), check_trace=False)
    assert traced(torch.full((2,), 5.0)).tolist() == [11.0, 11.0]


def test_a_tensor_subclass_is_asked():
    class Sub(torch.Tensor):
        pass

    assert type(double()(torch.ones(2).as_subclass(Sub))) is Sub


def test_a_tangent_in_a_static_arguments_place():
    scale = operator("()->()", batch="native", name="scale")(_scale)
    with forward_ad.dual_level(), pytest.raises(LostGradientError):
        scale(torch.ones(2), c=forward_ad.make_dual(torch.tensor(1.0), torch.tensor(1.0)))


def _scale(x, *, c: float):
    return c * x


def test_the_library_operator_refuses_mixed_dtypes():
    plus = operator("(),()->()", batch="native", name="plus")(lambda x, y: x + y)
    with pytest.raises(ArgumentError, match=r"expected tensors of one dtype, .* got torch\.float32, torch\.float64"):
        plus.library(torch.ones(2), torch.ones(2, dtype=torch.double))


def _sized(x, *, k: int):
    return x.sum(-1)


def test_a_static_argument_that_names_an_inputs_dimension():
    total = operator("(k)->()", batch="native", name="total")(_sized)
    assert total(torch.ones(3), k=3) == 3
    with pytest.raises(ShapeError, match="expected dimension k of size 2, got 3"):
        total(torch.ones(3), k=2)


def test_a_dtype_function_that_gives_no_dtype():
    wrong = operator("()->()", batch="native", name="wrong", dtype=lambda x: "float")(lambda x: x + 1)
    with pytest.raises(DefinitionError, match=r"^wrong, dtype: expected .*, got 'float'\."):
        wrong(torch.ones(2))


def _counted(x, *, n: int):
    return x + 1


@pytest.mark.parametrize("n", [2**63, -(2**63)])
def test_integers_have_64_bits(n):
    counted = operator("()->()", batch="native", name="counted")(_counted)
    with pytest.raises(ArgumentError, match=r"^counted, n: expected int, got "):
        counted(torch.ones(2), n=n)


def test_an_uninitialized_parameter_is_refused():
    with pytest.raises(ArgumentError, match="expected a tensor with a shape, got an uninitialized parameter"):
        double()(torch.nn.UninitializedParameter())


def test_whole_numbers_of_any_size_within_the_floats():
    plus = operator("(),()->()", batch="native", name="plus")(lambda x, y: x + y)
    assert plus(torch.zeros(2, dtype=torch.double), 10**30).tolist() == [1e30, 1e30]


def test_an_items_gradient_does_not_depend_on_the_others():
    x = torch.randn(4, 5, dtype=torch.double)
    batch = torch.stack([x * 1e-20, x]).requires_grad_()
    fft_magnitude(batch).sum().backward()
    alone = (x * 1e-20).requires_grad_()
    fft_magnitude(alone).sum().backward()
    torch.testing.assert_close(batch.grad[0], alone.grad)


def test_parameters_with_names_that_are_not_ascii():
    shifted = operator("(),()->()", batch="native", name="shifted")(lambda x, σ: x + σ)  # noqa: PLC2401  what this test is about
    assert shifted(torch.ones(2), 1.0).tolist() == [2.0, 2.0]


def _typed(x, *, taps: tuple[int, ...]):
    assert type(taps) is tuple
    return x + sum(taps)


def test_tuples_stay_tuples():
    typed = operator("()->()", batch="native", name="typed")(_typed)
    typed.vjp(x=lambda g, taps: g if type(taps) is tuple else None)
    x = torch.ones(2)
    assert torch.func.vmap(lambda x: typed(x, taps=[1, 2]))(x).tolist() == [4.0, 4.0]
    assert torch.func.grad(lambda x: typed(x, taps=[1, 2]).sum())(x).tolist() == [1.0, 1.0]
