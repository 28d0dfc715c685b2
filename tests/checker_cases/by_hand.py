"""Ways to write a function with a derivative of its own, each as people write them."""

import functools

import torch
from torch.autograd import Function

from scitorch import operator


def by_hand(forward, **rules):
    """A `torch.autograd.Function` with setup_context; a rule takes the incoming gradient, the inputs and the result.

    An argument without a rule gets None.
    """
    names = forward.__code__.co_varnames[: forward.__code__.co_argcount]

    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs, output)

    def backward(ctx, g):
        return tuple(rules[name](g, *ctx.saved_tensors) if name in rules else None for name in names)

    body = {"forward": forward, "setup_context": setup_context, "backward": backward}
    return type(forward.__name__, (Function,), {name: staticmethod(method) for name, method in body.items()})


def in_numpy(forward, **rules):
    """A `torch.autograd.Function` in the old style, of NumPy functions; a rule takes the incoming gradient and inputs.

    What NumPy computes is a constant to autograd, so the backward pass says that it can be taken once only.
    """
    names = forward.__code__.co_varnames[: forward.__code__.co_argcount]

    def call(ctx, *inputs):
        ctx.save_for_backward(*inputs)
        return _as(forward(*(x.detach().numpy() for x in inputs)), inputs[0])

    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        arrays = [x.detach().numpy() for x in ctx.saved_tensors]
        return tuple(
            _as(rules[name](g.numpy(), *arrays), x) if name in rules else None
            for name, x in zip(names, ctx.saved_tensors, strict=True)
        )

    # `check` reads the arguments' names from the signature.
    call.__signature__ = _with_context(forward)
    return type(forward.__name__, (Function,), {"forward": staticmethod(call), "backward": staticmethod(backward)})


def _with_context(forward):
    import inspect

    signature = inspect.signature(forward)
    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return signature.replace(parameters=[context, *signature.parameters.values()])


def _as(array, like):
    return torch.as_tensor(array).to(like.dtype)


def as_operator(signature, kernel, vjp, jvp=None, **options):
    """A factory of an operator, so that it is registered only while a test runs."""

    @functools.cache
    def make():
        made = operator(signature, batch="native", **options)(kernel)
        return made.vjp(**vjp).jvp(**(jvp or {}))

    return make


def as_custom_op(name, function, backward, fake=None, **options):
    """A factory of a `torch.library.custom_op`; `backward` takes the incoming gradient and the inputs."""

    @functools.cache
    def make():
        custom = torch.library.custom_op(f"checker_cases::{name}", function, mutates_args=(), **options)
        custom.register_fake(fake or (lambda *inputs: torch.empty_like(inputs[0])))
        if backward is not None:
            custom.register_autograd(
                lambda ctx, g: backward(g, *ctx.saved_tensors),
                setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
            )
        return custom

    return make
