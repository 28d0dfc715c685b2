"""Bad input gets one sentence, `operator, argument: expected …, got …. Try ….`, and leaves nothing changed."""

import copy
import pickle
import re

import numpy as np
import pytest
import torch
from torch import ones

from scitorch import errors, not_implemented, operator
from scitorch.nn import ScipyConv2d

pytestmark = pytest.mark.usefixtures("route")
redefining = pytest.mark.filterwarnings("ignore::scitorch.core.errors.RedefinitionWarning")


@operator("(m,n),(n)->(m)")
def times(a, x):
    return a @ x


@operator("(n)->(num)")
def repeat(x, *, num: int):
    return np.resize(x, num)


@operator("()->()", batch="native")
def scale(x, *, c: float = 1.0, mode: str = "a", size: tuple[int, int] = (1, 1)):
    return c * x


@operator("(),()->()", batch="native")
def shift(x, y=None):
    return x.copy() if y is None else x + y


@operator("()->()", batch="native")
def failing(x):
    raise ValueError("no such thing")


@operator("()->()", batch="native")
def writing(x):
    x += 1
    return x


def gives(name, result, signature="()->()", batch="native"):
    return operator(signature, batch=batch, name=name)(lambda x: result)


real_cbrt = operator("()->()", batch="native", name="real_cbrt")(lambda x: np.cbrt(x))
scalar = gives("scalar", 1.0)
one_item = gives("one_item", np.ones(1), "(n)->(n)", batch=None)
text = gives("text", np.full(2, "a"))
ragged = gives("ragged", [[1.0], [2.0, 3.0]])
tensor = gives("tensor", ones(2))
complex = gives("complex", np.full(2, 1j))
one = gives("one", np.ones(2), "()->(),()")
three = gives("three", (np.ones(2),) * 3, "()->(),()")
short = gives("short", (np.ones(2), np.ones(1)), "()->(),()")
nothing = gives("nothing", None)
unshaped = operator("(n)->(...)", shape=lambda x: 3, name="unshaped")(lambda x: x)

LOST = (
    "scale, c: expected a static float, got a tensor that requires grad or is being transformed, whose derivative "
    "or batch would be lost. Try a number for c, or an operator that takes it as a tensor argument."
)
KEYWORDS = "Try tensor arguments by position, static ones by name."
DTYPES = 'Try dtype="real", "complex", "integer" or "bool" in the definition.'
RESHAPE = "Try correcting the signature or the kernel."

CALLS = {
    errors.ShapeError: {
        "times, a: expected at least 2 dimensions (m,n), got shape (3,). "
        "Try adding dimensions, e.g. with tensor[None].": lambda: times(ones(3), ones(3)),
        "times, x: expected dimension n of size 3, got 4 in shape (4,). Try shapes that fit (m,n),(n)->(m).": lambda: (
            times(ones(2, 3), ones(4))
        ),
        "times, batch dimensions: expected leading dimensions that broadcast, before the core dimensions of "
        "(m,n),(n)->(m), got a (5, 2, 3), x (4, 3). "
        "Try equal leading dimensions, or size 1.": lambda: times(ones(5, 2, 3), ones(4, 3)),
        "repeat, x: expected an output dimension num of at least 0, got -1 from x (2,). Try other sizes.": lambda: (
            repeat(ones(2), num=-1)
        ),
        "ScipyConv2d, filter_width: expected a positive integer, got 0. Try filter_width=1 or more.": lambda: (
            ScipyConv2d(0, 1)
        ),
    },
    errors.ArgumentError: {
        "times, a: expected a tensor or a number, got list [[1.0]]. Try torch.as_tensor(a).": lambda: times(
            [[1.0]], ones(1)
        ),
        "times, x: expected a tensor or a number, got a NumPy array of shape (2,). Try torch.as_tensor(x).": lambda: (
            times(ones(2, 2), np.ones(2))
        ),
        "shift, y: expected a tensor or a number or None, got str 'y'. Try torch.as_tensor(y).": lambda: shift(
            ones(2), "y"
        ),
        "scale, x: expected a tensor or a number, got None. Try a tensor.": lambda: scale(None),
        "times, x: expected a tensor or a number, got None. Try a tensor.": lambda: times(ones(2, 2), None),
        "shift, x: expected a tensor or a number, got None. Try a tensor.": lambda: shift(None, ones(2)),
        "scale, x: expected a tensor or a number, got Proxy Proxy(x). Try make_fx or torch.export, since "
        "torch.fx.symbolic_trace cannot see through an operator.": lambda: torch.fx.symbolic_trace(lambda x: scale(x)),
        "times, x: expected a tensor or a number, got nothing. Try passing it by position.": lambda: times(ones(2, 2)),
        "times, arguments: expected 2 by position (a, x), got 3.": lambda: times(ones(2, 2), ones(2), ones(2)),
        "times, x: expected no keyword arguments, got the keyword 'x'. " + KEYWORDS: lambda: times(
            ones(2, 2), x=ones(2)
        ),
        "repeat, number: expected num, got the keyword 'number'. " + KEYWORDS: lambda: repeat(ones(2), number=2),
        "scale, x: expected a dense tensor, got layout torch.sparse_coo. Try x.to_dense().": lambda: scale(
            ones(2, 2).to_sparse()
        ),
        "scale, x: expected a dense tensor, got layout torch.sparse_csr. Try x.to_dense().": lambda: scale(
            ones(2, 2).to_sparse_csr()
        ),
        "scale, x: expected a dense tensor, got a nested tensor. Try its items one by one, or padding.": lambda: scale(
            torch.nested.nested_tensor([ones(2), ones(3)])
        ),
        "scale, x: expected a floating, complex, integer or bool tensor, got torch.float8_e4m3fn. "
        "Try x.to(torch.float32).": lambda: scale(ones(2).to(torch.float8_e4m3fn)),
        "scale, c: expected float, got a tensor of shape (2,). Try a value of type float.": lambda: scale(
            ones(2), c=ones(2)
        ),
        "scale, mode: expected str, got 1 (int). Try a value of type str.": lambda: scale(ones(2), mode=1),
        "repeat, num: expected int, got True (bool). Try a value of type int.": lambda: repeat(ones(2), num=True),
        "scale, size: expected tuple[int, int], got (1, 2, 3) (tuple). Try a value of type tuple[int, int].": lambda: (
            scale(ones(2), size=(1, 2, 3))
        ),
        f"scale, c: expected float, got {10**310} (int). Try a value of type float.": lambda: scale(ones(2), c=10**310),
        "repeat, num: expected int, got nothing. Try num=….": lambda: repeat(ones(2)),
    },
    errors.DeviceError: {
        "times, a, x: expected all tensors on one device, got a on cpu, x on meta. Try .to(device).": lambda: times(
            ones(2, 2), ones(2, device="meta")
        ),
    },
    errors.LostGradientError: {
        LOST: lambda: scale(ones(2), c=ones((), requires_grad=True)),
    },
    errors.KernelError: {
        "failing, kernel: expected a result, got ValueError: no such thing (with x float32 (2,)).": lambda: failing(
            ones(2)
        ),
        "real_cbrt, kernel: expected a result, got TypeError: ufunc 'cbrt' not supported for the input types, and the "
        "inputs could not be safely coerced to any supported types according to the casting rule ''safe'' "
        "(with x complex64 (2,)).": lambda: real_cbrt(ones(2, dtype=torch.cfloat)),
        "writing, kernel: expected a result, got ValueError: output array is read-only (with x float32 (2,)). "
        "Try copying the input, which is read-only.": lambda: writing(ones(2)),
        "scalar, result of the kernel: expected shape (2,), got (). " + RESHAPE: lambda: scalar(ones(2)),
        "one_item, result of the kernel, item (0,): expected shape (2,), got (1,). " + RESHAPE: lambda: one_item(
            ones(3, 2)
        ),
        "short, result 1 of the kernel: expected shape (2,), got (1,). " + RESHAPE: lambda: short(ones(2).double()),
        "nothing, result of the kernel: expected a torch.float32 array, got object. " + DTYPES: lambda: nothing(
            torch.tensor(1.0)
        ),
        "text, result of the kernel: expected a torch.float32 array, got <U1. " + DTYPES: lambda: text(ones(2)),
        "tensor, kernel: expected a NumPy array, got a torch.Tensor. Try computing in NumPy.": lambda: tensor(ones(2)),
        "complex, result of the kernel: expected a torch.float32 array, got complex128. "
        'Try passing a complex tensor, or dtype="complex" in the definition.': lambda: complex(ones(2)),
        "three, kernel: expected 2 results in a tuple, got 3.": lambda: three(ones(2)),
        "one, kernel: expected 2 results in a tuple, got ndarray.": lambda: one(ones(2)),
    },
    errors.DefinitionError: {
        "unshaped, shape: expected a tuple of integers, got 3. Try shape=lambda x: (x[0],).": lambda: unshaped(ones(2)),
    },
}
every_call = pytest.mark.parametrize(
    ("error", "message", "call"),
    [(error, message, call) for error, calls in CALLS.items() for message, call in calls.items()],
    ids=[message.split(". ")[0][:80] for calls in CALLS.values() for message in calls],
)


@every_call
def test_message_and_values(error, message, call):
    with pytest.raises(errors.ScitorchError) as caught:
        call()
    assert type(caught.value) is error
    assert str(caught.value) == message
    raised = caught.value
    where = "" if raised.item is None else f", item {raised.item}"
    assert message.startswith(
        f"{raised.operator}, {raised.argument}{where}: expected {raised.expected}, got {raised.got}."
    )
    assert message.endswith(f" Try {raised.advice}." if raised.advice else raised.got + ".")
    again = pickle.loads(pickle.dumps(raised))
    assert (type(again), str(again), vars(again)) == (error, message, vars(raised))


COMPILED = [
    (times, (ones(2, 3), ones(4)), {}),
    (times, (ones(2, 3), None), {}),
    (repeat, (ones(2),), {"number": 2}),
    (scale, (ones(2),), {"c": ones((), requires_grad=True)}),
]


@pytest.mark.parametrize(("called", "arguments", "static"), COMPILED, ids=["shape", "None", "keyword", "gradient"])
def test_compiled_code_says_the_same(called, arguments, static):
    """Dynamo words its own error around the values of ours."""
    with pytest.raises(errors.InputError) as eager:
        called(*arguments, **static)
    torch.compiler.reset()
    with pytest.raises(RuntimeError, match=eager.value.operator) as compiled:
        torch.compile(called, backend="eager", fullgraph=True)(*arguments, **static)
    assert all(part in str(compiled.value) for part in eager.value.args)


def test_a_ragged_list_is_an_error_of_the_kernel():
    with pytest.raises(errors.KernelError, match=r"^ragged, .*: expected .*, got .*\."):
        ragged(ones(2))


def test_the_kernels_own_error_is_chained():
    with pytest.raises(errors.KernelError) as caught:
        failing(ones(2))
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize("transform", [torch.func.vmap, torch.func.grad], ids=["vmap", "grad"])
def test_a_transformed_tensor_in_a_static_arguments_place(transform):
    call = transform(lambda c: scale(ones(()), c=c))
    with pytest.raises(errors.LostGradientError, match="^" + re.escape(LOST)):
        call(ones(2) if transform is torch.func.vmap else torch.tensor(1.0))


def test_a_failed_call_leaves_its_input_as_it_was():
    x = ones(2, requires_grad=True)
    before = copy.deepcopy((x.detach(), x._version))
    for call in (writing, failing, scalar):
        with pytest.raises(errors.KernelError):
            call(x)
    torch.testing.assert_close((x.detach(), x._version), before)
    assert x.grad is None


# Derivatives

RULES = {
    "np": (lambda g, x: np.ones(2), "expected a tensor of shape (2,), got numpy.ndarray. "),
    "number": (lambda g, x: 2.0, "expected a tensor of shape (2,), got builtins.float. "),
    "pair": (lambda g, x: (g, g), "expected a tensor of shape (2,), got builtins.tuple. "),
    "rank": (lambda g, x: (g * x).sum(), "expected shape (2,), got shape (). "),
    "row": (lambda g, x: (g * x)[None], "expected shape (2,), got shape (1, 2). "),
    "part": (lambda g, x: (g * x)[:1], "expected shape (2,), got shape (1,). "),
}
MODES = {
    "backward": lambda f, x: f(x.requires_grad_()).sum().backward(),
    "grad": lambda f, x: torch.func.grad(lambda x: f(x).sum())(x),
    "jvp": lambda f, x: torch.func.jvp(f, (x,), (x,)),
    "hessian": lambda f, x: torch.func.hessian(lambda x: f(x).sum())(x),
}
every_mode = pytest.mark.parametrize("mode", MODES.values(), ids=MODES.keys())


@every_mode
@pytest.mark.parametrize(("rule", "message"), RULES.values(), ids=RULES.keys())
@redefining
def test_wrong_rules(mode, rule, message):
    wrong = operator("()->()", batch="native", name="wrong")(lambda x: x * x)
    wrong.vjp(x=rule)
    with pytest.raises(errors.DerivativeError, match=f"^wrong, the vjp rule of 'x': {re.escape(message)}Try "):
        mode(wrong, ones(2))


@pytest.mark.parametrize("result", [None, (ones(2), ones(2)), ones(3), "a"], ids=["none", "pair", "shape", "text"])
@pytest.mark.parametrize("kind", ["partials", "jvp"])
@redefining
def test_wrong_partials_and_forward_rules(kind, result):
    wrong = operator("()->()", batch="native", name="wrong")(lambda x: x * x)
    getattr(wrong, kind)(x=lambda out: result)
    with pytest.raises(errors.DerivativeError, match=r"^wrong, .*: expected .*, got "):
        torch.func.jvp(wrong, (ones(2),), (ones(2),))


@every_mode
@pytest.mark.parametrize("reason", [None, "too hard"])
@redefining
def test_missing_rules(mode, reason):
    missing = operator("()->()", batch="native", name="missing")(lambda x: x * x)
    said = "none. Try missing.vjp(x=…), or zero if it is zero almost everywhere"
    if reason:
        missing.vjp(x=not_implemented(reason))
        said = f"not implemented: {reason}. Try x.detach() if its gradient is not needed"
    pattern = (
        rf"^missing, x: expected a rule for the (forward )?derivative with respect to 'x', got {re.escape(said)}\.$"
    )
    with pytest.raises(errors.MissingDerivativeError, match=pattern):
        mode(missing, ones(2))


USUAL = {"Shape": ValueError, "Argument": TypeError, "Device": ValueError, "LostGradient": ValueError}
USUAL |= {"Kernel": RuntimeError, "Derivative": RuntimeError, "MissingDerivative": NotImplementedError}
USUAL |= {"Definition": TypeError, "Signature": ValueError}


@pytest.mark.parametrize(("name", "usual"), USUAL.items(), ids=USUAL)
def test_every_error_is_ours_and_of_pythons_usual_type(name, usual):
    assert issubclass(getattr(errors, f"{name}Error"), errors.ScitorchError)
    assert issubclass(getattr(errors, f"{name}Error"), usual)
