"""Operators and layers pickle, copy and go to worker processes."""

import copy
import io
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import torch
from torch.utils.data import DataLoader, Dataset
from zoo import every_operator

from scitorch import nn, operator
from scitorch.core.errors import KernelError, RedefinitionWarning
from scitorch.tutorial import correlate_valid


@operator("()->()", batch="native")
def treble(x):
    if (x < 0).any():
        raise ValueError("negative")
    return 3 * x


treble.partials(x=lambda: 3.0)


def outer():
    @operator("()->()", batch="native")
    def local(x):
        return x + 1

    return local


class Holder(torch.nn.Module):
    """A module that holds an operator and uses it."""

    def __init__(self):
        super().__init__()
        self.operator = treble
        self.weight = torch.nn.Parameter(torch.ones(2))

    def forward(self, x):
        return self.operator(self.weight * x)


@every_operator
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_operator_is_pickled_by_name(operator, protocol):
    pickled = pickle.dumps(operator, protocol)
    assert pickle.loads(pickled) is operator
    assert len(pickled) < 200


@every_operator
def test_an_operator_is_its_own_copy(operator):
    assert copy.copy(operator) is operator
    assert copy.deepcopy([operator])[0] is operator


MODULES = {"holder": Holder, "ScipyConv2d": lambda: nn.ScipyConv2d(2, 2), "Linear": lambda: nn.Linear(3, 2)}


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("make", MODULES.values(), ids=MODULES.keys())
def test_modules(make, again):
    module = make()
    x = torch.rand(3, 3) if not isinstance(module, Holder) else torch.rand(2)
    twin = again(module)
    torch.testing.assert_close(twin(x), module(x))
    twin(x).sum().backward()
    assert all(p.grad is None for p in module.parameters())
    assert all(p.grad is not None for p in twin.parameters())


def test_torch_save():
    file = io.BytesIO()
    torch.save(Holder(), file)
    file.seek(0)
    assert torch.load(file, weights_only=False).operator is treble


def test_an_operator_of_an_unknown_name():
    pickled = pickle.dumps(treble).replace(b"treble", b"tremor")
    with pytest.raises(pickle.UnpicklingError, match=r"test_pickling\.tremor: no operator of this name is defined"):
        pickle.loads(pickled)


def test_an_operator_defined_in_a_function_pickles_while_it_lives():
    local = outer()
    assert pickle.loads(pickle.dumps(local)) is local


def test_a_superseded_operator_does_not_pickle_as_its_successor():
    first = operator("()->()", name="superseded")(lambda x: x + 1)
    with pytest.warns(RedefinitionWarning):
        second = operator("()->()", name="superseded")(lambda x: x + 2)
    assert pickle.loads(pickle.dumps(second)) is second
    assert copy.deepcopy(first) is first
    with pytest.raises(pickle.PicklingError, match="cannot pickle an operator whose name belongs to a newer one"):
        pickle.dumps(first)
    assert first(torch.zeros(())).item() == 1


# Worker processes


class Trebled(Dataset):
    """Items that an operator makes, with their derivatives."""

    def __init__(self):
        self.operator = treble

    def __len__(self):
        return 4

    def __getitem__(self, k):
        x = torch.full((2,), float(k), requires_grad=True)
        y = self.operator(x).square()
        (gradient,) = torch.autograd.grad(y.sum(), x)
        image = correlate_valid(torch.full((3, 3), float(k)), torch.ones(2, 2))
        return y.detach(), gradient, image


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_data_workers(start):
    treble(torch.ones(1))  # so that the parent has called it before it forks
    loader = DataLoader(Trebled(), batch_size=2, num_workers=1, multiprocessing_context=start)
    values, gradients, images = (torch.cat(parts) for parts in zip(*loader, strict=True))
    k = torch.arange(4.0)[:, None].expand(4, 2)
    torch.testing.assert_close(values, 9 * k**2)
    torch.testing.assert_close(gradients, 18 * k)
    torch.testing.assert_close(images, 4 * torch.arange(4.0)[:, None, None].expand(4, 2, 2))


def test_errors_come_back_from_other_processes():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(treble, torch.ones(2)).result().tolist() == [3.0, 3.0]
        with pytest.raises(KernelError) as caught:
            pool.submit(treble, -torch.ones(2)).result()
    assert (caught.value.operator, caught.value.got[:20]) == ("treble", "ValueError: negative")
