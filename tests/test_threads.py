"""Calls and backward passes from several threads at once are right."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from zoo import every_operator, matrices
from zoo.draw import Case, samples, square

from scitorch import operator
from scitorch.tutorial import correlate_valid

pytestmark = pytest.mark.usefixtures("route")
THREADS = 8


def at_once(function):
    """What a function of the thread's number gives in each of several threads that start together."""
    barrier = threading.Barrier(THREADS)

    def run(number):
        barrier.wait()
        return function(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def assert_same_at_once(function):
    torch.testing.assert_close(at_once(function), [function(number) for number in range(THREADS)])


@every_operator
def test_calls_and_backward_passes(operator):
    case = Case(operator, samples(operator)[0])
    function = case.function(case.reverse)

    def values_and_gradients(number):
        inputs = tuple(((1 + number / 100) * x).detach().requires_grad_() for x in case.inputs(case.reverse))
        results = function(*inputs)
        return results, torch.autograd.grad(square(results), inputs) if inputs else ()

    assert_same_at_once(values_and_gradients)


def test_backward_passes_of_one_graph():
    image, filter = torch.randn(6, 6).double().requires_grad_(), torch.randn(3, 3).double().requires_grad_()
    result = correlate_valid(image, filter)
    (expected,) = torch.autograd.grad(result.sum(), image, retain_graph=True)
    at_once(lambda number: result.sum().backward(retain_graph=True))
    torch.testing.assert_close(image.grad, THREADS * expected)


def test_shapes_that_are_all_new():
    def correlate(number):
        shapes = [(number + 3 + k, 4 + k) for k in range(20)]
        return [correlate_valid(torch.ones(s), torch.ones(2, 2)) for s in shapes]

    for number, results in enumerate(at_once(correlate)):
        assert [r.shape for r in results] == [(number + 2 + k, 3 + k) for k in range(20)]
        assert all((r == 4).all() for r in results)


def test_transforms():
    x = 2 * torch.eye(2).double() + 0.1
    energy = lambda x: (matrices.sqrtm(x) @ x).sum()
    by_reverse = torch.func.jacrev(torch.func.jacrev(energy))
    torch.testing.assert_close(
        at_once(lambda number: by_reverse((1 + number) * x)), [by_reverse((1 + n) * x) for n in range(THREADS)]
    )


def test_vmap_of_grad():
    x = torch.rand(3, 4, 4).double()
    derivative = torch.func.vmap(torch.func.grad(lambda x: correlate_valid(x, x[:2, :2]).square().sum()))
    torch.testing.assert_close(
        at_once(lambda number: derivative(x + number)), [derivative(x + n) for n in range(THREADS)]
    )


def test_a_kernels_buffer_of_its_own_thread():
    """Results stay apart even where every thread's kernel fills the same memory."""
    local = threading.local()

    @operator("(n)->(n)", name=f"fill_{next(numbers)}")
    def fill(x):
        if not hasattr(local, "buffer"):
            local.buffer = np.empty(3)
        local.buffer[...] = x
        return local.buffer

    results = at_once(lambda number: [fill(torch.full((3,), float(k + number)).double()) for k in range(50)])
    for number, given in enumerate(results):
        assert [r.tolist() for r in given] == [[float(k + number)] * 3 for k in range(50)]


numbers = itertools.count()


def test_definitions():
    """Operators defined at once get different names and their own kernels."""

    def define(number):
        add = operator("()->()", batch="native", args="x", name=f"at_once_{number}_{next(numbers)}")(
            lambda x: x + number
        )
        add.partials(x=lambda: float(number))
        return add

    defined = at_once(define)
    assert len({add.library for add in defined}) == THREADS
    for number, add in enumerate(defined):
        x = torch.zeros(2, requires_grad=True)
        assert add(x).tolist() == [number] * 2
        assert torch.autograd.grad(add(x).sum(), x)[0].tolist() == [number] * 2


def test_definitions_of_one_name_at_once():
    name = f"contested_{next(numbers)}"

    def define(number):
        return operator("()->()", batch="native", args="x", name=name)(lambda x: x + number)

    with pytest.warns(UserWarning, match="is defined again"):
        defined = at_once(define)
    assert [add(torch.zeros(())).item() for add in defined] == list(range(THREADS))


def test_errors_stay_in_their_thread():
    def call(number):
        try:
            return correlate_valid(
                torch.ones(2, 2), torch.ones(2, 2, 2) if number % 2 else torch.ones(number, 1, 1)
            ).shape
        except ValueError as error:
            return str(error)

    assert at_once(call) == [call(n) for n in range(THREADS)]
