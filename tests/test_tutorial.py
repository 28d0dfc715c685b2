"""The tutorials' systems: by hand, as operators, and as PyTorch has them itself, compared with each other."""

import doctest
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck
from torch.autograd.gradcheck import GradcheckError

import scitorch.nn
import scitorch.tutorial
from scitorch.tutorial import (
    BadFFTFunction,
    LinearFunction,
    MulConstant,
    ScipyConv2dFunction,
    WrongScipyConv2d,
    WrongScipyConv2dFunction,
    convolve_full,
    correlate_bias,
    correlate_valid,
    fft_magnitude,
    incorrect_fft,
    linear,
    linear_op,
    mul_constant,
)


def conv2d(image, filter, bias=None):
    """What `correlate_bias` should give for one image and one filter, by PyTorch."""
    return F.conv2d(image[None, None], filter[None, None], None if bias is None else bias[0])[0, 0]


def full_convolution(image, filter):
    k, l = filter.shape
    return conv2d(F.pad(image, (l - 1, l - 1, k - 1, k - 1)), filter.flip(0, 1))


@dataclass(frozen=True)
class System:
    """An operator, the same in PyTorch's own operations, and by hand where that is right."""

    operator: Callable
    reference: Callable
    shapes: list[tuple[int, ...]]
    by_hand: Callable | None = None
    by_hand_to_any_order: bool = False

    def inputs(self, dtype=torch.double):
        generator = torch.Generator().manual_seed(0)
        return tuple(torch.randn(s, dtype=dtype, generator=generator).requires_grad_() for s in self.shapes)


SYSTEMS = {
    "correlate_bias": System(correlate_bias, conv2d, [(6, 5), (3, 2), (1, 1)], by_hand=ScipyConv2dFunction.apply),
    "correlate_valid": System(correlate_valid, conv2d, [(5, 6), (2, 3)]),
    "convolve_full": System(convolve_full, full_convolution, [(4, 5), (3, 2)]),
    "fft_magnitude": System(fft_magnitude, lambda x: torch.fft.rfft2(x).abs(), [(4, 6)]),
    "fft_magnitude, odd": System(fft_magnitude, lambda x: torch.fft.rfft2(x).abs(), [(3, 5)]),
    "linear_op": System(linear_op, F.linear, [(4, 3), (2, 3), (2,)], by_hand=linear, by_hand_to_any_order=True),
    "linear_op, no bias": System(linear_op, F.linear, [(4, 3), (2, 3)], by_hand=linear, by_hand_to_any_order=True),
    "mul_constant": System(
        lambda x: mul_constant(x, constant=5.0),
        lambda x: 5 * x,
        [(3, 4)],
        by_hand=lambda x: MulConstant.apply(x, 5.0),
        by_hand_to_any_order=True,
    ),
}
every_system = pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS.keys())
by_hand = {name: system for name, system in SYSTEMS.items() if system.by_hand}
every_by_hand = pytest.mark.parametrize("system", by_hand.values(), ids=by_hand.keys())


def total(function):
    """A scalar that has every derivative up to the third."""
    return lambda *inputs: function(*inputs).pow(3).sum()


# Values


@every_system
def test_values_are_pytorchs(system):
    inputs = system.inputs()
    torch.testing.assert_close(system.operator(*inputs), system.reference(*inputs))


@every_by_hand
def test_by_hand_and_operator_agree(system):
    inputs = system.inputs()
    torch.testing.assert_close(system.by_hand(*inputs), system.operator(*inputs))
    ours = torch.autograd.grad(total(system.operator)(*inputs), inputs)
    theirs = torch.autograd.grad(total(system.by_hand)(*inputs), inputs)
    torch.testing.assert_close(ours, theirs)


def test_fourier_transforms_agree_in_value():
    x = torch.randn(3, 4, 6, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(incorrect_fft(x), fft_magnitude(x))


def test_wrong_convolution_is_right_in_value():
    image, filter = SYSTEMS["correlate_valid"].inputs()
    torch.testing.assert_close(WrongScipyConv2dFunction.apply(image, filter), correlate_valid(image, filter))


# Derivatives


@every_system
def test_first_derivative(system):
    assert gradcheck(
        system.operator,
        system.inputs(),
        check_forward_ad=True,
        check_batched_grad=True,
        check_batched_forward_grad=True,
    )


@every_system
def test_second_derivative(system):
    assert gradgradcheck(system.operator, system.inputs(), check_fwd_over_rev=True, check_batched_grad=True)


@every_system
def test_hessian_is_pytorchs(system):
    inputs = tuple(x.detach() for x in system.inputs())
    argnums = tuple(range(len(inputs)))
    ours = torch.func.hessian(total(system.operator), argnums)(*inputs)
    theirs = torch.autograd.functional.hessian(total(system.reference), inputs)
    theirs = theirs if isinstance(theirs, tuple) else ((theirs,),)
    torch.testing.assert_close(ours, theirs)


@every_system
def test_third_derivative_is_pytorchs(system):
    inputs = tuple(x.detach() for x in system.inputs())

    def third(function):
        first = torch.func.grad(total(function))
        return torch.func.jacfwd(torch.func.grad(lambda x: first(x, *inputs[1:]).sin().sum()))

    torch.testing.assert_close(third(system.operator)(inputs[0]), third(system.reference)(inputs[0]))


@every_system
def test_compiled_training_gradient(system):
    inputs = system.inputs()
    torch.compiler.reset()
    compiled = torch.compile(total(system.operator), fullgraph=True, backend="aot_eager")
    ours = torch.autograd.grad(compiled(*inputs), inputs)
    torch.testing.assert_close(ours, torch.autograd.grad(total(system.reference)(*inputs), inputs))


@every_by_hand
def test_first_derivative_by_hand(system):
    assert gradcheck(system.by_hand, system.inputs())


@every_by_hand
def test_second_derivative_by_hand(system):
    if system.by_hand_to_any_order:
        assert gradgradcheck(system.by_hand, system.inputs())
    else:
        with pytest.raises((GradcheckError, RuntimeError)):
            gradgradcheck(system.by_hand, system.inputs())


def test_hessian_of_a_quadratic_energy_in_closed_form():
    """For |correlate(x, ones)|² of one window, every entry of the Hessian is 2."""
    filter, bias = torch.ones(2, 2, dtype=torch.double), torch.zeros(1, 1, dtype=torch.double)
    x = torch.tensor([[1.0, 2.0], [3.0, -4.0]], dtype=torch.double)
    hessian = torch.func.hessian(lambda x: correlate_bias(x, filter, bias).square().sum())(x)
    torch.testing.assert_close(hessian.reshape(4, 4), torch.full((4, 4), 2.0, dtype=torch.double))


def test_double_backward_of_mul_constant_in_closed_form():
    x = torch.tensor([1.0, -2.0], dtype=torch.double, requires_grad=True)
    for multiply in (lambda x: MulConstant.apply(x, 5.0), lambda x: mul_constant(x, constant=5.0)):
        (first,) = torch.autograd.grad(multiply(x).pow(3).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(first.sum(), x)
        torch.testing.assert_close(first, 375 * x**2)
        torch.testing.assert_close(second, 750 * x)


# Batches, precision, complex numbers


@pytest.mark.parametrize("function", [correlate_bias, ScipyConv2dFunction.apply], ids=["operator", "by hand"])
def test_convolution_takes_batches_of_images(function):
    generator = torch.Generator().manual_seed(0)
    images, filter, bias = (
        torch.randn(s, dtype=torch.double, generator=generator).requires_grad_() for s in [(2, 3, 5, 4), (2, 3), (1, 1)]
    )
    expected = torch.stack([conv2d(image, filter, bias) for image in images.flatten(0, 1)]).reshape(2, 3, 4, 2)
    torch.testing.assert_close(function(images, filter, bias), expected)
    assert gradcheck(function, (images, filter, bias))


def test_fft_magnitude_takes_batches():
    x = torch.randn(2, 3, 5, 4, dtype=torch.double, generator=torch.Generator().manual_seed(0)).requires_grad_()
    torch.testing.assert_close(fft_magnitude(x), torch.fft.rfft2(x).abs())
    assert gradcheck(fft_magnitude, (x,), check_forward_ad=True)


@pytest.mark.parametrize(
    "system", [SYSTEMS["correlate_bias"], SYSTEMS["linear_op"]], ids=["correlate_bias", "linear_op"]
)
def test_float32_parameters_with_a_float64_input(system):
    input, *parameters = system.inputs()
    parameters = [p.detach().float().requires_grad_() for p in parameters]
    output = system.operator(input, *parameters)
    assert output.dtype == torch.double
    gradients = torch.autograd.grad(output.sum(), (input, *parameters))
    assert [g.dtype for g in gradients] == [torch.double] + [torch.float] * len(parameters)
    exact = system.reference(input, *(p.double() for p in parameters))
    torch.testing.assert_close(output, exact)


@every_system
def test_float32_stays_float32(system):
    inputs = system.inputs(torch.float)
    output = system.operator(*inputs)
    assert output.dtype == torch.float
    torch.testing.assert_close(output, system.reference(*inputs))


@pytest.mark.parametrize("function", [correlate_valid, convolve_full, linear_op])
def test_complex_derivatives(function):
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(s, dtype=torch.cdouble, generator=generator).requires_grad_() for s in [(4, 3), (2, 3)]]
    assert gradcheck(function, inputs, check_forward_ad=True)
    assert gradgradcheck(function, inputs)


# Zero magnitude


@pytest.mark.parametrize("shape", [(4, 6), (5, 7), (1, 1)])
def test_fft_magnitude_of_zero_has_zero_subgradient(shape):
    x = torch.zeros(shape, dtype=torch.double)
    assert not torch.func.grad(lambda x: fft_magnitude(x).sum())(x).any()
    assert not torch.func.jacfwd(fft_magnitude)(x).any()
    assert not torch.func.hessian(lambda x: fft_magnitude(x).sum())(x).any()


@pytest.mark.parametrize("dtype", [torch.float, torch.double])
@pytest.mark.parametrize("shape", [(4, 6), (5, 7), (30, 50)])
def test_fft_magnitude_takes_rounding_errors_for_zero(shape, dtype):
    """Of a constant image, only the mean is left: d|X|/dx is 1 for that frequency, 0 for the others."""
    x = torch.full(shape, 0.3, dtype=dtype)
    gradient = torch.func.grad(lambda x: fft_magnitude(x).sum())(x)
    torch.testing.assert_close(gradient, torch.ones(shape, dtype=dtype))
    tangent = torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))
    _, forward = torch.func.jvp(lambda x: fft_magnitude(x).sum(), (x,), (tangent,))
    torch.testing.assert_close(forward, tangent.sum(), rtol=1e-4, atol=1e-4)
    second = torch.func.jvp(torch.func.grad(lambda x: fft_magnitude(x).sum()), (x,), (tangent,))[1]
    assert second.abs().max() < 1e-4


# What is wrong by hand is found to be wrong


def test_gradcheck_finds_incorrect_fft():
    x = torch.randn(4, 6, dtype=torch.double, generator=torch.Generator().manual_seed(0)).requires_grad_()
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        gradcheck(incorrect_fft, (x,))


@pytest.mark.parametrize("width", [3, 7])
def test_incorrect_fft_raises_for_odd_widths(width):
    x = torch.randn(4, width, requires_grad=True)
    with pytest.raises(RuntimeError, match="invalid gradient"):
        incorrect_fft(x).sum().backward()


@pytest.mark.parametrize("argument", [0, 1])
def test_gradcheck_finds_each_gradient_of_wrong_convolution(argument):
    inputs = [x.detach() for x in System(correlate_valid, conv2d, [(6, 5), (3, 3)]).inputs()]
    assert gradcheck(correlate_valid, [x.requires_grad_(i == argument) for i, x in enumerate(inputs)])
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        gradcheck(WrongScipyConv2dFunction.apply, inputs)


def test_wrong_convolution_errs_as_described():
    image, filter = System(correlate_valid, conv2d, [(6, 5), (3, 3)]).inputs()
    g = torch.randn(4, 3, dtype=torch.double, generator=torch.Generator().manual_seed(1))
    wrong = torch.autograd.grad(WrongScipyConv2dFunction.apply(image, filter), (image, filter), g)
    (as_if_transposed,) = torch.autograd.grad(correlate_valid(image, filter.t()), image, g)
    (as_if_rotated,) = torch.autograd.grad(correlate_valid(image, filter), filter, g.flip(0, 1))
    torch.testing.assert_close(wrong, (as_if_transposed, as_if_rotated))


def test_wrong_convolution_raises_for_filters_that_are_not_square():
    image, filter = SYSTEMS["correlate_valid"].inputs()
    with pytest.raises(RuntimeError, match="invalid gradient"):
        WrongScipyConv2dFunction.apply(image, filter).sum().backward()


def test_gradcheck_finds_the_wrong_layer():
    torch.manual_seed(0)
    x = torch.randn(6, 6, dtype=torch.double, requires_grad=True)
    assert not gradcheck(WrongScipyConv2d(3, 3).double(), (x,), raise_exception=False)


# What the docstrings say goes wrong by hand


def test_numpy_in_backward_makes_a_wrong_hessian_without_an_error():
    system = SYSTEMS["correlate_bias"]
    image, filter, bias = (x.detach() for x in system.inputs())

    def hessian(convolve):
        energy = lambda x: x.pow(3).sum() + convolve(x, filter, bias).square().sum()
        return torch.autograd.functional.hessian(energy, image)

    torch.testing.assert_close(hessian(correlate_bias), hessian(conv2d))
    assert (hessian(system.by_hand) - hessian(conv2d)).abs().max() > 1


FUNCTIONS = [
    (BadFFTFunction, [(4, 4)], ()),
    (ScipyConv2dFunction, [(4, 4), (3, 3), (1, 1)], ()),
    (LinearFunction, [(4, 4), (3, 4), (3,)], ()),
    (MulConstant, [(4, 4)], (5.0,)),
]


@pytest.mark.parametrize(("function", "shapes", "constants"), FUNCTIONS)
def test_by_hand_there_is_no_forward_mode_and_no_vmap(function, shapes, constants):
    x, *others = [torch.ones(s) for s in shapes]
    with torch.autograd.forward_ad.dual_level(), pytest.raises(NotImplementedError, match="jvp"):
        function.apply(torch.autograd.forward_ad.make_dual(x, x), *others, *constants)
    with pytest.raises(RuntimeError, match="vmap"):
        torch.func.vmap(lambda x: function.apply(x, *others, *constants))(x.expand(2, 4, 4))


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # Dynamo does, by itself
def test_by_hand_compile_refuses_scipy():
    torch.compiler.reset()
    compiled = torch.compile(lambda *inputs: ScipyConv2dFunction.apply(*inputs), fullgraph=True, backend="aot_eager")
    with pytest.raises(torch._dynamo.exc.Unsupported):
        compiled(torch.ones(4, 4), torch.ones(3, 3), torch.ones(1, 1))


def test_a_tensor_as_the_constant_loses_its_gradient_by_hand_and_is_refused_by_the_operator():
    x, constant = torch.ones(2), torch.tensor(5.0, requires_grad=True)
    MulConstant.apply(x, constant).sum().backward()
    assert constant.grad is None
    with pytest.raises(ValueError, match="constant: expected"):
        mul_constant(x, constant=constant)


def test_only_the_gradients_that_are_needed_are_computed():
    input, weight, bias = SYSTEMS["linear_op"].inputs()
    for function in (linear, linear_op):
        (gradient,) = torch.autograd.grad(function(input.detach(), weight, bias).sum(), weight)
        torch.testing.assert_close(gradient, input.detach().sum(0).expand(2, 3))


# Documentation

PUBLIC = {name: getattr(module, name) for module in (scitorch.tutorial, scitorch.nn) for name in module.__all__}


@pytest.mark.parametrize(("name", "public"), PUBLIC.items(), ids=PUBLIC.keys())
def test_docstring_has_an_example_that_runs(name, public):
    torch.manual_seed(0)
    documented = getattr(public, "kernel", public)
    names = vars(sys.modules[documented.__module__]).copy()
    (examples,) = doctest.DocTestFinder(recurse=False).find(documented, name, globs=names)
    assert examples.examples
    assert doctest.DocTestRunner().run(examples).failed == 0
