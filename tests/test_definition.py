"""Defining operators: from what, under which name, with which rules, and what becomes of the one that was there."""

import functools
import inspect
import itertools
import math
import warnings

import numpy as np
import pytest
import scipy.special
import torch

import scitorch
from scitorch import operator, zero
from scitorch.core.errors import DefinitionError, MissingDerivativeError, RedefinitionWarning, SignatureError

numbers = itertools.count()
x = torch.tensor([0.5, 1.5])


def define(kernel, signature="()->()", batch="native", **options):
    return operator(signature, batch=batch, **{"name": f"defined_{next(numbers)}"} | options)(kernel)


def gradient(call, x=x):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(call(x).sum(), x)[0]


# What Python knows of an operator


@operator("(n),()->(num)")
def documented(x, y=None, *, num: int, scale: float = 1.0, mode: str | None = None, at: tuple[int, ...] = (0, 1)):
    """Say what it does."""
    return np.resize(x, num) * scale


def test_it_is_described_as_its_kernel():
    assert repr(documented) == (
        "<operator documented(x, y, *, num: int, scale: float, mode: str | None, at: tuple[int, ...]): (n),()->(num)>"
    )
    assert documented.__doc__ == "Say what it does."
    assert (documented.__name__, documented.__module__) == ("documented", __name__)
    assert inspect.getdoc(documented) == inspect.getdoc(documented.kernel)
    parameters = inspect.signature(documented).parameters
    assert list(parameters) == ["x", "y", "num", "scale", "mode", "at"]
    assert [parameters[name].kind.name for name in ("x", "num")] == ["POSITIONAL_ONLY", "KEYWORD_ONLY"]
    assert (parameters["y"].default, parameters["scale"].default) == (None, 1.0)


def test_the_kernel_is_the_plain_function():
    np.testing.assert_array_equal(documented.kernel(np.ones(2), num=3), np.ones(3))
    assert not isinstance(documented.kernel, scitorch.Operator)


def test_it_is_in_the_registry():
    assert scitorch.operators()[f"{__name__}.documented"] is documented
    scitorch.operators().clear()
    assert scitorch.operators()[f"{__name__}.documented"] is documented


# What may be a kernel


class Callable:
    def __call__(self, x):
        return 2 * x

    def method(self, x):
        return 2 * x

    @staticmethod
    def static(x):
        return 2 * x

    @classmethod
    def of_class(cls, x):
        return 2 * x


KERNELS = {
    "lambda": (lambda x: 2 * x, {}),
    "instance": (Callable(), {}),
    "method": (Callable().method, {}),
    "staticmethod": (Callable.static, {}),
    "classmethod": (Callable.of_class, {}),
    "partial": (functools.partial(lambda a, x: a * x, 2), {}),
    "wrapped": (functools.wraps(lambda x: None)(lambda *a: 2 * a[0]), {}),
    "ufunc": (np.positive, {"args": ("x",)}),
    "SciPy's ufunc": (scipy.special.gamma, {"args": ("x",)}),
    "vectorized": (np.vectorize(lambda x: 2 * x), {"args": ["x"]}),
    "builtin": (math.sqrt, {"args": "x"}),
}


@pytest.mark.parametrize("kind", KERNELS)
def test_kernels_of_every_kind(kind):
    kernel, options = KERNELS[kind]
    value = torch.tensor([4.0])
    defined = define(kernel, batch=None if kind == "builtin" else "native", **options)
    assert defined(value).item() == pytest.approx(float(kernel(np.array(4.0))))
    assert defined.arguments == ("x",)


def test_names_taken_from_the_kernel():
    gamma = operator("()->()", batch="native", args=("x",))(scipy.special.gamma)
    assert (gamma.name, gamma.__module__) == ("gamma", __name__)
    with pytest.warns(RedefinitionWarning, match=r"<lambda> is defined again") as caught:
        twice = [operator("()->()", batch="native", args="x")(lambda x, k=k: k * x) for k in (2, 3)]
    assert caught[0].filename == __file__
    assert [double(x).tolist() for double in twice] == [[1.0, 3.0], [1.5, 4.5]]


@pytest.mark.parametrize(
    "name", ["ends_", "_starts", "_", "__both__", "ends__2_", "ñandú", "a.b", "a b", "if", "2", "__init__"]
)
def test_any_name_works(name):
    """A DTensor takes an operator whose library name ends in an underscore for one that works in place."""
    named = define(lambda x: 2 * x, name=f"{name}").partials(x=lambda: 2.0)
    assert named.name == name
    assert not named.library.__name__.split(".")[0].endswith("_")
    assert named(x).tolist() == [1.0, 3.0]
    assert gradient(named).tolist() == [2.0, 2.0]
    torch.compiler.reset()
    assert torch.compile(named, fullgraph=True, backend="eager")(x).tolist() == [1.0, 3.0]


def test_annotations_as_strings():
    source = (
        "from __future__ import annotations\nfrom scitorch import operator\n"
        "@operator('(n)->(num)')\n"
        "def postponed(x: Array, *, num: int, at: tuple[int, ...] = (1,), mode: str | None = None) -> Array:\n"
        "    return x[:num]\n"
    )
    names = {"__name__": "postponed_module", "Array": np.ndarray}
    exec(source, names)  # noqa: S102  a module with postponed annotations
    assert names["postponed"](torch.ones(3), num=2).shape == (2,)


def test_annotations_that_exist_for_type_checkers_only_concern_tensors():
    source = (
        "from __future__ import annotations\nfrom scitorch import operator\n"
        "@operator('(n)->(num)')\n"
        "def checked(x: NDArray[float64], *, num: int) -> NDArray[float64]:\n"
        "    return x[:num]\n"
    )
    names = {"__name__": "checked_module"}
    exec(source, names)  # noqa: S102  NDArray would be imported under TYPE_CHECKING
    assert names["checked"](torch.ones(3), num=2).shape == (2,)


# Defining again


def test_redefinition():
    name = f"again_{next(numbers)}"
    first = define(lambda x: x + 1, name=name).partials(x=lambda: 1.0)
    with pytest.warns(RedefinitionWarning, match=rf"operator {__name__}\.{name} is defined again"):
        second = define(lambda x: x + 2, name=name).partials(x=lambda: 5.0)
    assert scitorch.operators()[f"{__name__}.{name}"] is second
    assert first.library is not second.library
    torch.compiler.reset()
    compiled = [torch.compile(lambda x, f=f: f(x), fullgraph=True, backend="aot_eager") for f in (first, second)]
    for first_call, second_call in [(first, second), compiled]:
        assert (first_call(x) - x).tolist() == [1.0, 1.0]
        assert (second_call(x) - x).tolist() == [2.0, 2.0]
        assert gradient(first_call).tolist() == [1.0, 1.0]
        assert gradient(second_call).tolist() == [5.0, 5.0]


def test_the_same_name_in_other_modules():
    modules = ["one", "one.two", "one_two", "one__two", "scitorch.one"]
    source = "from scitorch import operator\n@operator('()->()')\ndef same(x): return x + k"
    added = []
    with warnings.catch_warnings(action="error"):
        for k, module in enumerate(modules):
            exec(source, names := {"__name__": module, "k": k})  # noqa: S102  a module
            added.append(names["same"])
    assert [add(torch.zeros(())).item() for add in added] == [0, 1, 2, 3, 4]
    assert all(scitorch.operators()[f"{m}.same"] is add for m, add in zip(modules, added, strict=True))
    assert len({add.library for add in added}) == len(modules)


# Rules


def test_a_rule_named_again_replaces_the_first():
    square = define(lambda x: x * x).vjp(x=lambda g, x: g)
    assert gradient(square).tolist() == [1.0, 1.0]
    square.vjp(x=lambda g, x: 2 * g * x)
    assert gradient(square).tolist() == [1.0, 3.0]
    square.vjp(x=zero)
    assert gradient(square).tolist() == [0.0, 0.0]
    square.partials(x=lambda x: 2 * x)
    assert gradient(square).tolist() == [1.0, 3.0]
    square.vjp(lambda g, x: {"x": 3 * g})
    assert gradient(square).tolist() == [3.0, 3.0]


@pytest.mark.parametrize("kind", ["by argument", "joint", "zero"])
def test_a_new_vjp_replaces_the_forward_rule_of_a_partial(kind):
    square = define(lambda x: x * x).partials(x=lambda x: 7 * x)
    rules = {"by argument": {"x": lambda g, x: 2 * g * x}, "zero": {"x": zero}}
    square.vjp(lambda g, x: {"x": 2 * g * x}) if kind == "joint" else square.vjp(**rules[kind])
    forward = torch.func.jvp(square, (x,), (torch.ones(2),))[1]
    assert forward.tolist() == gradient(square).tolist()


def test_rules_added_later_and_one_by_one():
    product = define(lambda a, b: a * b, "(),()->()")
    with pytest.raises(MissingDerivativeError):
        gradient(lambda x: product(x, 2.0))
    product.vjp(a=lambda g, b: g * b)
    assert gradient(lambda x: product(x, 2.0)).tolist() == [2.0, 2.0]
    with pytest.raises(MissingDerivativeError):
        gradient(lambda x: product(2.0, x))
    product.vjp(b=lambda g, a: g * a)
    assert gradient(lambda x: product(x, x)).tolist() == [1.0, 3.0]


def test_rules_may_have_parameters_of_their_own():
    square = define(lambda x: x * x).vjp(x=lambda g, x, factor=2: factor * g * x)
    assert gradient(square).tolist() == [1.0, 3.0]


def test_decorators_give_back_the_rule():
    product = define(lambda a, b: a * b, "(),()->()")

    @product.vjp("a", "b")
    def rule(g, a, b):
        return {"a": g * b, "b": g * a}

    assert rule(1, 2, 3) == {"a": 3, "b": 2}
    assert product.derivatives == {"a": "rule", "b": "rule"}


def test_only_so_many_shapes_are_remembered():
    double = define(lambda x: 2 * x)
    for n in range(600):
        double(torch.ones(n))
    info = double.planner.remembered.cache_info()
    assert info.currsize <= info.maxsize == 256
    double(torch.ones(599))
    assert double.planner.remembered.cache_info().hits > info.hits


# What is refused

REFUSED = {
    "number of arguments": lambda: define(lambda x, y: x, name="refused"),
    "no signature": lambda: define(np.random.default_rng().normal, name="refused"),
    "variable arguments": lambda: define(lambda *x: x, name="refused"),
    "variable keywords": lambda: define(lambda x, **k: x, name="refused"),
    "reserved name": lambda: define(lambda g: g, name="refused"),
    "no annotation": lambda: define(lambda x, *, k: x, name="refused"),
    "default": lambda: define(lambda x="a": x, name="refused"),
    "batch": lambda: define(lambda x: x, batch="looped", name="refused"),
    "dtype": lambda: define(lambda x: x, dtype="float", name="refused"),
    "number of dtypes": lambda: define(lambda x: x, dtype=("real", "real"), name="refused"),
    "shape not asked for": lambda: define(lambda x: x, shape=lambda x: x, name="refused"),
    "shape asked for": lambda: define(lambda x: x, "()->(...)", name="refused"),
    "name in shape": lambda: define(lambda x: x, "()->(...)", shape=lambda y: y, name="refused"),
    "unknown dimension": lambda: define(lambda x: x, "(n)->(m)", name="refused"),
    "rule of an unknown argument": lambda: define(lambda x: x, name="refused").vjp(y=zero),
    "unknown name in a rule": lambda: define(lambda x: x, name="refused").vjp(x=lambda g, y: g),
    "unknown name in a joint rule": lambda: define(lambda x: x, name="refused").vjp(lambda g, y: g),
    "gradient in a partial": lambda: define(lambda x: x, name="refused").partials(x=lambda g: g),
    "tangent in a vjp": lambda: define(lambda x: x, name="refused").vjp(x=lambda tangent: tangent),
    "partial of a matrix": lambda: define(lambda x: x, "(n)->(n)", name="refused").partials(x=lambda x: x),
    "number as a rule": lambda: define(lambda x: x, name="refused").vjp(x=2.0),
    "built-in rule": lambda: define(lambda x: x, name="refused").vjp(x=torch.mul),
    "two joint rules": lambda: define(lambda x: x, name="refused").vjp(lambda g: {}, lambda g: {}),
    "joint and other rules": lambda: define(lambda x: x, name="refused").vjp(lambda g: {}, x=zero),
}


@pytest.mark.filterwarnings("ignore::scitorch.core.errors.RedefinitionWarning")
@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED.keys())
def test_refused(refused):
    with pytest.raises(DefinitionError) as caught:
        refused()
    error = caught.value
    sentence = f"refused, {error.argument}: expected {error.expected}, got {error.got}."
    assert str(error).startswith(sentence)
    assert isinstance(error, SignatureError) == ("column" in str(error))


def test_a_refused_definition_leaves_nothing_behind():
    before = scitorch.operators()
    with pytest.raises(DefinitionError):
        define(lambda x: x, dtype=("real", "real"), name="left_behind")
    assert scitorch.operators() == before


def slope(function, x):
    x = torch.tensor(x, requires_grad=True)
    return torch.autograd.grad(function(x), x)[0].item()


def test_compiled_functions_follow_a_replaced_rule():
    parabola = operator("()->()", batch="native", name="parabola")(lambda x: x * x)
    parabola.vjp(x=lambda g, x: 100 * x * g)
    compiled = torch.compile(lambda x: parabola(x), fullgraph=True, backend="aot_eager")
    assert slope(compiled, 3.0) == 300
    parabola.vjp(x=lambda g, x: 2 * x * g)
    assert slope(compiled, 3.0) == 6


def test_a_call_keeps_the_rules_that_it_was_made_with():
    parabola = operator("()->()", batch="native", name="parabola_again")(lambda x: x * x)
    parabola.vjp(x=lambda g: g)
    x = torch.tensor(3.0, requires_grad=True)
    y = parabola(x)
    parabola.vjp(x=lambda g, x: 2 * x * g)
    assert torch.autograd.grad(y, x)[0] == 1
    assert slope(parabola, 3.0) == 6


def test_plans_depend_on_the_static_arguments_that_shapes_name():
    @operator("(n)->(m)", name="scaled")
    def scaled(x, *, m: int, c: float):
        return np.resize(c * x, m)

    for m, c in itertools.product((2, 3), (0.5, 1.5, 2.5)):
        assert scaled(torch.ones(2), m=m, c=c).tolist() == [c] * m
    assert scaled.planner.remembered.cache_info().misses == 2


def test_a_refused_rule_changes_nothing():
    product = operator("(),()->()", batch="native", name="product")(lambda x, y: x * y)
    product.vjp(x=lambda g, y: g * y, y=lambda g, x: g * x)
    with pytest.raises(DefinitionError):
        product.vjp(x=lambda g, y: 100 * g * y, y=3)
    assert slope(lambda x: product(x, 5.0), 2.0) == 5
