"""Functions that are wrong only for who asks or how: side effects, dtypes, layouts, batches, compilers, randomness."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd import Function

from checker_cases.by_hand import as_custom_op, by_hand
from checker_cases.case import Named, mutant


def dropped_out(x):
    return F.dropout(x, 0.5, training=True)


def subtracted_in_place(x):
    array = x.detach().numpy()
    array -= array.mean()  # the argument's own memory
    return x - x.mean()


class ScaledInPlace(Function):
    """Its backward pass works in the incoming gradient's own memory."""

    @staticmethod
    def forward(x):
        return 3 * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, g):
        return g.mul_(3)


class Sorted(nn.Module):
    """A layer that clamps its own input."""

    def forward(self, input):
        input.data.clamp_(-0.5, 0.5)
        return torch.sin(input)


class Shared(Function):
    """NumPy returns the memory that it was given."""

    @staticmethod
    def forward(ctx, x):
        return torch.from_numpy(np.ascontiguousarray(x.detach().numpy()))

    @staticmethod
    def backward(ctx, g):
        return g.clone()


class Halves(Function):
    """Two results in the same memory."""

    @staticmethod
    def forward(ctx, x):
        array = np.sin(x.detach().numpy())
        ctx.save_for_backward(x)
        return torch.from_numpy(array), torch.from_numpy(array)

    @staticmethod
    def backward(ctx, first, second):
        return (first + second) * torch.cos(ctx.saved_tensors[0])


def always_double(x):
    return torch.special.erfcx(x.to(torch.float64))


def scaled_by_numpy(x):
    return x * torch.as_tensor(np.linspace(1, 2, x.shape[-1]))


def as_if_contiguous(x):
    return torch.as_strided(x, x.shape, torch.empty(x.shape).stride(), x.storage_offset()).sin()


class FlatBackward(Function):
    """Its backward pass reads the argument as if it were contiguous."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * g * torch.as_strided(x, x.shape, torch.empty(x.shape).stride(), x.storage_offset())


class FlatIncoming(Function):
    """Its backward pass reads the incoming gradient as if it were contiguous."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.exp()

    @staticmethod
    def backward(ctx, g):
        flat = torch.as_strided(g, g.shape, torch.empty(g.shape).stride()) if g.stride()[-1] != 0 else g
        return flat * ctx.saved_tensors[0].exp()


class ViewedIncoming(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return (2 * g.view(-1) * x.reshape(-1)).view(x.shape)


class TwoResults(Function):
    """It takes both incoming gradients to be there."""

    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x)
        return x.sin(), x.cos()

    @staticmethod
    def backward(ctx, g, h):
        (x,) = ctx.saved_tensors
        return g * x.cos() - h * x.sin()


class Batched(Function):
    """Its vmap rule forgets which dimension is the batch's."""

    @staticmethod
    def forward(x):
        return x.cumsum(-1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, g):
        return g.flip(-1).cumsum(-1).flip(-1)

    @staticmethod
    def vmap(info, in_dims, x):
        return x.cumsum(in_dims[0]), in_dims[0]


class BatchedProduct(Function):
    """Its vmap rule takes the second argument of the first item for all."""

    @staticmethod
    def forward(x, y):
        return x * y

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return g * y, g * x

    @staticmethod
    def vmap(info, in_dims, x, y):
        x = x if in_dims[0] is None else x.movedim(in_dims[0], 0)
        y = y if in_dims[1] is None else y.movedim(in_dims[1], 0)[0]
        return (x * y).expand(info.batch_size, *(x * y).shape[-1:]), 0


class Selective(Function):
    """The gradient of y only if x's is asked for."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        if not ctx.needs_input_grad[0]:
            return None, None
        return g * y, g * x


class Assuming(Function):
    """It computes one gradient from the other, which may not be there."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a / b

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        by_a = g / b if ctx.needs_input_grad[0] else None
        return by_a, -by_a * a / b


def transposed(x: torch.Tensor) -> torch.Tensor:
    return x.mT.contiguous()


def copied(x: torch.Tensor) -> torch.Tensor:
    return (2 * x).mT.contiguous().mT


def fast_gelu(x):
    return F.gelu(x, approximate="tanh" if torch.compiler.is_compiling() else "none")


def total(x):
    if torch.compiler.is_compiling():
        x = x.to(torch.bfloat16).to(x.dtype)
    return x.exp().sum(-1)


def rough(x, y):
    return x @ y


def _shaken(g, x, out):
    return g * x.cos() * (1 + 1e-3 * torch.randn_like(x))


ALWAYS_DOUBLE = (Named("dtype changes", "float32", "dtypes"), Named("dtype changes", "bfloat16", "dtypes"))
VMAP = "differs under vmap"

CASES = {
    # ---------------------------------------------------------------------------------------------- non-deterministic
    "dropout in training": mutant(
        dropped_out, lambda draw: (draw.normal(20),), Named("non-deterministic", "", "deterministic")
    ),
    "sine, its gradient shaken": mutant(
        by_hand(lambda x: torch.sin(x), x=_shaken),
        lambda draw: (draw.normal(4),),
        Named("non-deterministic", "", "deterministic"),
    ),
    # --------------------------------------------------------------------------------------------------- side effects
    "mean taken off in place": mutant(
        subtracted_in_place, lambda draw: (draw.normal(4),), Named("mutates its input", "x", "side effects")
    ),
    "layer that clamps its input": mutant(
        Sorted(), lambda draw: (draw.normal(6),), Named("mutates its input", "input", "side effects")
    ),
    "backward in place": mutant(
        ScaledInPlace, lambda draw: (draw.normal(4),), Named("mutates its input", "", "side effects")
    ),
    "result in the argument's memory": mutant(
        Shared, lambda draw: (draw.normal(4),), Named("aliases its input", "x", "side effects")
    ),
    "results in one memory": mutant(
        Halves, lambda draw: (draw.normal(4),), Named("aliases its input", "", "side effects")
    ),
    # --------------------------------------------------------------------------------------------------------- dtypes
    "always float64": mutant(always_double, lambda draw: (draw.normal(4),), *ALWAYS_DOUBLE),
    "scaled by a NumPy array": mutant(scaled_by_numpy, lambda draw: (draw.normal(4),), *ALWAYS_DOUBLE),
    # -------------------------------------------------------------------------------------------------------- layouts
    "value as if contiguous": mutant(
        as_if_contiguous, lambda draw: (draw.normal(3, 4),), Named("depends on the layout", "x", "layouts")
    ),
    "gradient as if contiguous": mutant(
        FlatBackward, lambda draw: (draw.normal(3, 4),), Named("depends on the layout", "x", "layouts")
    ),
    "incoming gradient as if contiguous": mutant(
        FlatIncoming,
        lambda draw: (draw.normal(3, 4),),
        Named("incoming gradient's layout", "x", "incoming gradient"),
    ),
    "incoming gradient viewed": mutant(
        ViewedIncoming, lambda draw: (draw.normal(3, 4),), Named("incoming gradient's layout", "", "incoming gradient")
    ),
    "incoming gradient missing": mutant(
        TwoResults, lambda draw: (draw.normal(4),), Named("incoming gradient's layout", "", "incoming gradient")
    ),
    # -------------------------------------------------------------------------------------------------------- batches
    "running sum, its vmap rule": mutant(Batched, lambda draw: (draw.normal(4),), Named(VMAP, "x", "vmap")),
    "product, its vmap rule": mutant(
        BatchedProduct,
        lambda draw: (draw.normal(4), draw.normal(4)),
        Named(VMAP, "x, y", "vmap"),
        Named(VMAP, "y", "vmap"),
    ),
    # --------------------------------------------------------------------------------------------- who requires a grad
    "gradient only beside another": mutant(
        Selective,
        lambda draw: (draw.normal(4), draw.normal(4)),
        Named("depends on requires_grad", "y", "subsets of requires_grad"),
    ),
    "gradient computed from another": mutant(
        Assuming,
        lambda draw: (draw.normal(4), draw.uniform(1, 2, 4)),
        Named("depends on requires_grad", "b", "subsets of requires_grad"),
    ),
    "gradient of a matrix that isn't square": mutant(
        by_hand(rough, x=lambda g, x, y, out: g @ y, y=lambda g, x, y, out: x.mT @ g),
        lambda draw: (draw.normal(2, 3), draw.normal(3, 4)),
        Named("backward raises", "x"),
        Named("backward raises", "y"),
    ),
    # ----------------------------------------------------------------------------------------------- fake and compiled
    "transposition, its fake shape": mutant(
        as_custom_op("transposed", transposed, lambda g, x: g.mT),
        lambda draw: (draw.normal(2, 3),),
        Named("fake tensor differs", "", "fake tensors"),
        Named("forward mode is zero", "x", "forward mode"),
    ),
    "copy, its fake strides": mutant(
        as_custom_op("copied", copied, lambda g, x: 2 * g),
        lambda draw: (draw.normal(2, 3),),
        Named("fake tensor differs", "", "fake tensors"),
        Named("forward mode is zero", "x", "forward mode"),
    ),
    "gelu, faster when compiled": mutant(
        fast_gelu,
        lambda draw: (draw.normal(4),),
        Named("compiled differs", "", "compile"),
        Named("compiled differs", "x", "compile"),
        compiler="aot_eager",
    ),
    "total, in low precision when compiled": mutant(
        total,
        lambda draw: (draw.normal(4),),
        Named("compiled differs", "", "compile"),
        Named("compiled differs", "x", "compile"),
        compiler="aot_eager",
    ),
}
