"""An accelerator whose memory is the host's, a device of its own to PyTorch; what operators do there."""

import threading
import warnings
from functools import partial

import torch
from torch.utils._pytree import tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from scitorch import operator
from scitorch.core import accelerator

accelerator.PART = 1
_setup_privateuseone_for_python_backend("far")


class Far(torch.Tensor):
    """A tensor there, whose values are in `host`."""

    @staticmethod
    def __new__(cls, host):
        made = torch._C._acc.create_empty_tensor(host.shape, host.dtype)
        made.__class__ = Far
        return made

    def __init__(self, host):
        self.host = host


def here(x):
    return x.host if isinstance(x, Far) else torch.device("cpu") if isinstance(x, torch.device) else x


def anything(op, *args, **kwargs):
    """Run whatever it is on the host."""
    kwargs = {k: torch.device("cpu") if k == "device" else v for k, v in kwargs.items()}
    result = op(*tree_map(here, args), **tree_map(here, kwargs))
    return tree_map(lambda x: Far(x.contiguous()) if isinstance(x, torch.Tensor) else x, result)


def copy_from(source, to, non_blocking=False):
    """What `Tensor.copy_` calls where one of the two is there."""
    here(to).copy_(here(source))
    return to


everything = torch.library.Library("_", "IMPL")
everything.fallback(anything, "PrivateUse1")
aten = torch.library.Library("aten", "IMPL")
aten.impl("_copy_from", copy_from, "PrivateUse1")
for name in ("empty.memory_format", "empty_strided", "detach", "alias", "slice.Tensor", "expand", "as_strided", "view"):
    packet, _, overload = name.partition(".")
    aten.impl(name, partial(anything, getattr(getattr(torch.ops.aten, packet), overload or "default")), "PrivateUse1")


@operator("(n),(n)->(n)")
def product(x, y):
    threads.add(threading.current_thread().name)
    return x * y


@operator("(n)->()")
def total(x):
    return x.sum()


product.vjp(x=lambda g, y: product(g, y), y=lambda g, x: product(g, x))
total.vjp(x=lambda g, x: g[..., None].expand(x.shape))
threads = set()

x, y = torch.rand(6, 3).double(), torch.rand(3).double()
far = [Far(x.clone()), Far(y.clone())]
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    results = [product(*far), product(*far)]
assert [str(w.message) for w in said] == [
    "product: the kernel runs on the CPU; far tensors are copied there and back on every call"
], [str(w.message) for w in said]
for result in results:
    assert result.device.type == "far", result.device
    assert torch.equal(result.cpu(), x * y)

far = [Far(x.clone()).requires_grad_(), Far(y.clone()).requires_grad_()]
near = [x.requires_grad_(), y.requires_grad_()]
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    total(product(*far)).sum().backward()
total(product(*near)).sum().backward()
for mine, theirs in zip(near, far, strict=True):
    assert theirs.grad.device.type == "far", theirs.grad.device
    assert torch.allclose(theirs.grad.cpu(), mine.grad, rtol=1e-14)
# Autograd goes back in a thread of the device's own.
assert len(threads) == 2, threads
