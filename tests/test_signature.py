"""The shape language: what parses, what shapes follow, and where it points when something does not parse."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch._subclasses import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv, StatelessSymbolicContext

from scitorch.core.errors import ShapeError, SignatureError
from scitorch.core.signature import Signature


def output_shapes(text, *shapes, **static):
    """Batch shape and output shapes for inputs named a, b, c."""
    return Signature(text, "f").bind("abc"[: len(shapes)], shapes, static, None)


SHAPES = {
    "()->()": ([(2,)], {}, ((2,),)),
    "(m,n),(n)->(m)": ([(5, 1, 2, 3), (4, 3)], {}, ((5, 4, 2),)),
    "(m,n),(k,l)->(m-k+1,n-l+1)": ([(5, 7), (2, 3)], {}, ((4, 5),)),
    "(n)->(n//2+1),(n%3)": ([(2, 7)], {}, ((2, 4), (2, 1))),
    "(n),(m)->(min(n,m),max(n,m,1))": ([(2,), (0,)], {}, ((0, 2),)),
    "(n)->(2*(n-1)+num)": ([(4,)], {"num": 3}, ((9,),)),
    "(3),(3)->(3)": ([(2, 3), (3,)], {}, ((2, 3),)),
    "(n,n)->(),(n)": ([(0, 2, 2)], {}, ((0,), (0, 2))),
    "( n , m )\t-> ( m ,n ) , ()": ([(2, 3)], {}, ((3, 2), ())),
    "(n)->(-n+5)": ([(2,)], {}, ((3,),)),
    "(ñ)->(ñ)": ([(2,)], {}, ((2,),)),
    "(n_1)->(10)": ([(2,)], {}, ((10,),)),
}


@pytest.mark.parametrize("text", SHAPES)
def test_shapes(text):
    shapes, static, expected = SHAPES[text]
    assert output_shapes(text, *shapes, **static)[1] == expected


REFUSED_SHAPES = {
    "rank": ("(n,m)->()", [(2,)], "f, a: expected at least 2 dimensions (n,m), got shape (2,)."),
    "square": ("(n,n)->(n)", [(2, 3)], "f, a: expected dimension n of size 2, got 3 in shape (2, 3)."),
    "fixed size": ("(3)->()", [(2, 4)], "f, a: expected dimension 3 of size 3, got 4 in shape (2, 4)."),
    "negative": ("(n),(m)->(n-m)", [(2,), (3,)], "f, a, b: expected an output dimension n-m of at least 0, got -1"),
    "division by zero": ("(n),(m)->(n//m)", [(2,), (0,)], "f, a, b: expected an output dimension n//m of at least 0"),
    "remainder of zero": ("(n),(m)->(n%m)", [(2,), (0,)], "f, a, b: expected an output dimension n%m of at least 0"),
    "batch": ("(n),(n)->()", [(2, 3), (4, 3)], "f, batch dimensions: expected leading dimensions that broadcast"),
}


@pytest.mark.parametrize(("text", "shapes", "message"), REFUSED_SHAPES.values(), ids=REFUSED_SHAPES)
def test_refused_shapes(text, shapes, message):
    with pytest.raises(ShapeError) as caught:
        output_shapes(text, *shapes)
    assert str(caught.value).startswith(message)


UNPARSED = {
    "": "^",
    "()": "  ^",
    "->()": "^",
    "()->": "    ^",
    "(->()": "^",
    "()->(": "    ^",
    "(n)->(n": "     ^",
    "(n)(m)->()": "   ^",
    "(n),->()": "    ^",
    "(n)->()->()": "       ^",
    "(n)->(n) x": "         ^",
    "(n)->(n/2)": "      ^",
    "(m)->(1+m**2)": "      ^",
    "(m)->(m,f(m))": "        ^",
    "(m)->(min(*[m]))": "      ^",
    "(m)->(m.size)": "      ^",
    "(m)->(1.5)": "      ^",
    "(m)->(True)": "      ^",
    "(m)->(m if m else 1)": "      ^",
    "(m)->(__import__('os'))": "      ^",
    "(,n)->()": " ^",
    "(n)->(n,)": "        ^",
    "(n+1)->()": " ^",
    "(n,-1)->()": "   ^",
    "(if)->()": " ^",
    "(...)->()": " ^",
    "(m)->(min)": "      ^",
    "(m)->(m+max)": "        ^",
    "(min)->(min)": " ^",
    "(m)->(max())": "      ^",
    "(m)->(min(m))": "      ^",
    "(m)->(m(m))": "      ^",
}


@pytest.mark.parametrize(("text", "caret"), UNPARSED.items(), ids=UNPARSED)
def test_error_points_at_the_column(text, caret):
    with pytest.raises(SignatureError) as caught:
        Signature(text, "f")
    error = caught.value
    assert error.column == caret.index("^")
    assert (error.operator, error.argument, error.text) == ("f", "signature", text)
    assert str(error).startswith(f"f, signature: expected {error.expected}, got ")
    assert str(error).endswith(f"\n    {text}\n    {caret} column {error.column}")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), vars(again)) == (str(error), vars(error))


PIECES = st.sampled_from([*"()(),-><+*/%.mnk01 ", "->", "//", "min(", "max(", "...", "**", "é", "\n", "\0", "'", "if"])


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.one_of(st.text(max_size=20), st.lists(PIECES, max_size=24).map("".join)))
@example("(n)->(n\0)")
@example("(n)->(" + "-" * 5000 + "n)")
@example("(n)->(" + "(" * 5000 + "n" + ")" * 5000 + ")")
@example("(n)->(" + "9" * 5000 + ")")
@example("(9" * 3000)
@example("(0x10)->()")
@example("(min)->(min)")
@example("(ﬁ)->(ﬁ)")
@example("(n)->(n)\ud800")
@example("(\ud800)->()")
@example("(1_0)->()")
@example("(٣)->()")
@example("(²)->()")
def test_any_text_parses_or_is_a_signature_error(text):
    try:
        signature = Signature(text, "f")
    except SignatureError as caught:
        column = caught.column
    else:
        column = 0
        assert str(signature) == text
        _binds_or_refuses(signature)
    assert 0 <= column <= len(text)


def _binds_or_refuses(signature):
    """What parsed gives shapes of integers, or a ShapeError, for inputs of any size."""
    names = [f"x{k}" for k in range(len(signature.inputs))]
    sizes = dict.fromkeys(signature.input_names | signature.output_names, 3)
    shapes = [tuple(sizes.get(d.text) or int(d.text, 0) for d in core) for core in signature.inputs]
    if None in signature.outputs:
        return
    try:
        _, outputs = signature.bind(names, shapes, sizes, None)
    except ShapeError:
        return
    assert all(type(size) is int for shape in outputs for size in shape)


sizes = st.integers(0, 4)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(sizes, max_size=3), st.lists(sizes, max_size=3), sizes, sizes)
def test_batches_broadcast_as_numpys_do(left, right, m, n):
    shapes = (*left, m, n), (*right, n)
    try:
        expected = np.broadcast_shapes(left, right)
    except ValueError:
        with pytest.raises(ShapeError):
            output_shapes("(m,n),(n)->(m)", *shapes)
    else:
        assert output_shapes("(m,n),(n)->(m)", *shapes) == (expected, ((*expected, m),))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(-9, 9), st.integers(-9, 9), st.sampled_from(["+", "-", "*", "//", "%"]), st.booleans())
def test_arithmetic_is_pythons(p, q, operation, negated):
    expression = f"{'-' * negated}(p{operation}q)"
    try:
        expected = eval(expression, {"p": p, "q": q})  # noqa: S307  the expression is made here
    except ZeroDivisionError:
        expected = -1
    if expected < 0:
        with pytest.raises(ShapeError):
            output_shapes(f"()->({expression})", (), p=p, q=q)
    else:
        assert output_shapes(f"()->({expression})", (), p=p, q=q) == ((), ((expected,),))


def test_symbolic_sizes_stay_symbolic():
    env = ShapeEnv()
    dynamic = StatelessSymbolicContext(dynamic_sizes=[DimDynamic.DYNAMIC] * 2)
    n, m = FakeTensorMode(shape_env=env).from_tensor(torch.empty(5, 7), symbolic_context=dynamic).shape
    _, (output,) = output_shapes("(n),(m)->(n//2+m,min(n,m))", (n,), (m,))
    assert all(isinstance(size, torch.SymInt) for size in output)
    assert not any("Min" in str(guard.expr) for guard in env.guards)
