"""The properties that a right derivative has, each a function of the run that yields its outcomes."""

from __future__ import annotations

from scitorch.checker.run import Property

from . import compiled, orders, reverse, special, transforms, values

# In this order: what says that nothing else can be trusted comes first.
FULL: dict[str, Property] = {
    "precision": values.precision,
    "side effects": values.side_effects,
    "deterministic": values.deterministic,
    "gradient": reverse.gradient,
    "incoming gradient": reverse.incoming,
    "subsets of requires_grad": reverse.subsets,
    "forward mode": orders.forward,
    "double backward": orders.double_backward,
    "forward over reverse": orders.forward_over_reverse,
    "reverse over forward": orders.reverse_over_forward,
    "forward over forward": orders.forward_over_forward,
    "vmap": transforms.vmapped,
    "batched gradients": transforms.batched_gradients,
    "leading dimensions": transforms.leading_dimensions,
    "layouts": values.layouts,
    "dtypes": values.dtypes,
    "fake tensors": compiled.fake,
    "compile": compiled.compiled,
    "special points": special.special_points,
}
NEEDS_ORDER_2 = {"double backward", "forward over reverse", "reverse over forward", "forward over forward"}
NOT_QUICK = {"compile", "layouts", "subsets of requires_grad", "batched gradients", "fake tensors", "vmap"}
QUICK: dict[str, Property] = {name: check for name, check in FULL.items() if name not in NOT_QUICK}
