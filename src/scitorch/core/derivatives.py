"""Apply derivative rules: pull gradients back, push tangents forward, forward mode from reverse mode.

Only this file sums a gradient over broadcast dimensions, casts it, and skips what nobody asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import torch

from .dtypes import PRECISION
from .errors import DerivativeError, MissingDerivativeError, ScitorchError
from .plan import Plan
from .rules import Rule, Rules, Zero, not_implemented, zero

Gradient = Any  # a tensor; with several outputs a tuple of tensors, with None for those that carry no gradient
Known = Mapping[str, Any]  # what a rule may ask for, by name


def pull(rules: Rules, plan: Plan, known: Known, needed: Sequence[bool]) -> list[torch.Tensor | None]:
    """Gradients of the needed arguments, each in its argument's shape and dtype, given ``known["g"]``."""
    shared: dict[int, Any] = {}
    gradients: list[torch.Tensor | None] = [None] * len(needed)
    for index in rules.order():
        if needed[index]:
            try:
                gradient = _gradient(rules, rules.arguments[index], plan, known, shared)
            except RuntimeError as error:
                if isinstance(error, ScitorchError) or not plan.empty:
                    raise
                gradient = zero  # a sum over nothing; PyTorch's FFT, for one, refuses empty batches
            gradients[index] = _fitted(rules, plan, index, gradient, known["g"])
    return gradients


def push(rules: Rules, plan: Plan, known: Known, tangents: Sequence[torch.Tensor | None]) -> list[torch.Tensor | None]:
    """Tangents of the outputs: from explicit rules and partials where there are any, else from the vjp rules."""
    terms: list[Sequence[Any]] = []
    derived: list[int] = []
    for index, tangent in enumerate(tangents):
        if tangent is None:
            continue
        argument = rules.arguments[index]
        table = rules.jvp if argument in rules.jvp else rules.vjp
        rule = _rule(rules, table, argument, "forward derivative", plan)
        if isinstance(rule, Zero) or plan.empty:
            continue
        if rule.partial:
            terms.append([0 if f is None else tangent * f for f in _factors(rules, plan, argument, rule, known)])
        elif table is rules.jvp:
            terms.append(_pushed(rules, plan, argument, rule, {**known, "tangent": tangent}))
        else:
            derived.append(index)
    if derived:
        terms.append(_transposed(rules, plan, known, derived, tangents))
    device = next(tangent.device for tangent in tangents if tangent is not None)
    return [
        _total(rules, plan, k, [term[k] for term in terms], device) if carries else None
        for k, carries in enumerate(plan.differentiable)
    ]


def _rule(rules: Rules, table: Mapping[str, Any], argument: str, kind: str, plan: Plan) -> Rule | Zero:
    """The rule, or the reason why there is none."""
    rule = table.get(argument)
    advice = f"{argument}.detach() if its gradient is not needed"
    if rule is None:
        got, advice = "none", f"{rules.operator}.vjp({argument}=…), or zero if it is zero almost everywhere"
    elif isinstance(rule, not_implemented):
        got = f"not implemented: {rule.reason}"
    elif isinstance(rule, Rule) and rule.partial and _folds(rules, plan, argument):
        got, advice = "a partial derivative, of a real function of complex numbers", f".vjp({argument}=…)"
    else:
        return rule
    expected = f"a rule for the {kind} with respect to {argument!r}"
    raise MissingDerivativeError(rules.operator, argument, expected, got, advice)


def _folds(rules: Rules, plan: Plan, argument: str) -> bool:
    """Whether this argument is complex and the result real, so that there is no complex derivative."""
    dtype = plan.dtypes[rules.arguments.index(argument)]
    return plan.folds_complex and dtype is not None and dtype.is_complex


def _gradient(rules: Rules, argument: str, plan: Plan, known: Known, shared: dict[int, Any]) -> Any:
    """What the argument's rule gives, `zero` included; a joint rule runs once, and may have given it along."""
    rule = rules.vjp.get(argument)
    if type(rule) is not Rule or plan.folds_complex:
        rule = _rule(rules, rules.vjp, argument, "derivative", plan)
    if isinstance(rule, Zero):
        return zero
    if rule.partial:
        return _by_partial(rules, plan, argument, rule, known)
    for joint, given in shared.values():
        if argument in given and argument not in joint:
            return given[argument]
    if not rule.joint:
        return rule.ask(known)
    if id(rule) not in shared:
        shared[id(rule)] = rule.joint, rule.ask(known)
    gradients = shared[id(rule)][1]
    known_keys = isinstance(gradients, dict) and set(gradients) <= set(rules.arguments)
    if not known_keys or argument not in gradients:
        got = f"keys {list(gradients)}" if isinstance(gradients, dict) else type(gradients).__name__
        expected = f"a dict with {argument!r}, and no key but arguments"
        raise DerivativeError(rules.operator, f"the joint vjp rule, {argument}", expected, got, "the arguments' names")
    return gradients[argument]


def _fitted(rules: Rules, plan: Plan, index: int, gradient: Any, g: Gradient) -> torch.Tensor:
    """Sum over broadcast batch dimensions and cast, or say what is no gradient of this argument."""
    shape, dtype = plan.shapes[index], plan.dtypes[index]
    if type(gradient) is torch.Tensor and gradient.dtype == dtype and gradient.shape == shape:
        return gradient
    assert shape is not None
    assert dtype is not None
    if gradient is zero:
        like = next(part for part in g if part is not None) if isinstance(g, tuple) else g
        return torch.zeros(shape, dtype=dtype, device=like.device)
    what = f"the vjp rule of {rules.arguments[index]!r}"
    if not isinstance(gradient, torch.Tensor):
        expected = f"a tensor of shape {tuple(shape)}"
        advice = "torch operations or an operator of its own"
        raise DerivativeError(rules.operator, what, expected, _described(gradient), advice)
    if gradient.shape != shape:
        if not _sums_to(gradient.shape, shape, plan.core_ranks[index], plan.batch):
            got = f"shape {tuple(gradient.shape)}"
            raise DerivativeError(rules.operator, what, f"shape {tuple(shape)}", got, "checking the rule's formula")
        gradient = gradient.sum_to_size(shape)
    return _cast(rules, plan, what, gradient, dtype)


def _cast(rules: Rules, plan: Plan, what: str, gradient: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    if gradient.is_complex() and not dtype.is_complex and any(d.is_complex for d in plan.output_dtypes):
        return gradient.real.to(dtype)  # the gradient of a real argument is the real part (PyTorch's convention)
    if gradient.dtype in PRECISION and gradient.is_complex() <= dtype.is_complex:
        return gradient.to(dtype)
    raise DerivativeError(rules.operator, what, f"a {dtype} tensor", f"{gradient.dtype}", "checking the rule's formula")


def _sums_to(given: Sequence[int], shape: Sequence[int], core: int, batch: Sequence[int]) -> bool:
    """Whether only batch dimensions, broadcast ones, set `given` apart from `shape`."""
    extra = len(given) - len(shape)
    lead = len(shape) - core
    if extra < 0 or len(given) - core > len(batch) or tuple(given[extra + lead :]) != tuple(shape[lead:]):
        return False
    return all(s in (1, n) for n, s in zip(given[extra : extra + lead], shape[:lead], strict=True))


def _by_partial(rules: Rules, plan: Plan, argument: str, rule: Rule, known: Known) -> Any:
    """The gradient of an elementwise function: each incoming gradient times the conjugate partial."""
    if rules.output_count == 1:
        factor = rule.ask(known)
        if type(factor) is not torch.Tensor or factor.shape != plan.outputs[0]:
            _check_factor(rules, plan, argument, factor, plan.outputs[0])
        return known["g"] * _conjugate(factor)
    terms = [
        part * _conjugate(factor)
        for part, factor in zip(known["g"], _factors(rules, plan, argument, rule, known), strict=True)
        if part is not None and factor is not None
    ]
    return _sum(terms) if terms else zero


def _factors(rules: Rules, plan: Plan, argument: str, rule: Rule, known: Known) -> Sequence[Any]:
    """The partial derivative of each output: a tensor, a number, or None for an output that has none."""
    factors = _one_an_output(rules, f"the partial of {argument!r}", rule.ask(known))
    for factor, shape in zip(factors, plan.outputs, strict=True):
        _check_factor(rules, plan, argument, factor, shape)
    return factors


def _check_factor(rules: Rules, plan: Plan, argument: str, factor: Any, shape: Sequence[int]) -> None:
    if not isinstance(factor, (int, float, complex)):
        _check_spreads(rules, plan, f"the partial of {argument!r}", factor, shape)


def _pushed(rules: Rules, plan: Plan, argument: str, rule: Rule, known: Known) -> Sequence[Any]:
    """What an explicit forward rule gives for each output."""
    what = f"the jvp rule of {argument!r}"
    pushed = _one_an_output(rules, what, rule.ask(known))
    for part, shape in zip(pushed, plan.outputs, strict=True):
        _check_spreads(rules, plan, what, part, shape)
    return pushed


def _one_an_output(rules: Rules, what: str, parts: Any) -> Sequence[Any]:
    count = rules.output_count
    if count == 1:
        return (parts,)
    if not isinstance(parts, (tuple, list)) or len(parts) != count:
        got = f"{len(parts)}" if isinstance(parts, (tuple, list)) else _described(parts)
        raise DerivativeError(rules.operator, what, f"a tuple of {count}, one an output", got, "one an output")
    return parts


def _check_spreads(rules: Rules, plan: Plan, what: str, part: Any, shape: Sequence[int]) -> None:
    """Raise unless `part` is a tensor that batch dimensions alone, broadcast ones, set apart from `shape`."""
    if part is None and rules.output_count > 1:
        return
    if not isinstance(part, torch.Tensor):
        expected = f"a tensor of shape {tuple(shape)}"
        raise DerivativeError(rules.operator, what, expected, _described(part), "torch operations")
    given, lead = part.shape, len(plan.batch)
    own = len(given) - (len(shape) - lead)
    spreads = (
        0 <= own <= lead
        and tuple(given[own:]) == tuple(shape[lead:])
        and all(n in (1, s) for n, s in zip(given[:own][::-1], shape[:lead][::-1], strict=False))
    )
    if not spreads:
        got = f"shape {tuple(given)}"
        raise DerivativeError(rules.operator, what, f"shape {tuple(shape)}", got, "checking the rule's formula")


def _transposed(
    rules: Rules, plan: Plan, known: Known, derived: Sequence[int], tangents: Sequence[torch.Tensor | None]
) -> list[Any]:
    """Forward mode from reverse mode: the vjp is linear in ``g``, and its own transpose is the jvp."""
    needed = [k in derived for k in range(len(rules.arguments))]
    carriers = [k for k, carries in enumerate(plan.differentiable) if carries]
    several = rules.output_count > 1

    def pull_all(*parts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        g: list[Any] = [None] * rules.output_count
        for k, part in zip(carriers, parts, strict=True):
            g[k] = part
        gradients = pull(rules, plan, {**known, "g": tuple(g) if several else g[0]}, needed)
        return tuple(gradient for gradient in gradients if gradient is not None)

    moving = [tangents[k] for k in derived]
    device = next(tangent.device for tangent in moving if tangent is not None)
    zeros = [torch.zeros(plan.outputs[k], dtype=plan.output_dtypes[k], device=device) for k in carriers]
    transpose: Any = torch.func.vjp(pull_all, *zeros)[1]
    pushed: list[Any] = [None] * rules.output_count
    for k, part in zip(carriers, transpose(tuple(moving)), strict=True):
        pushed[k] = part
    return pushed


def _total(rules: Rules, plan: Plan, index: int, terms: Sequence[Any], device: torch.device) -> torch.Tensor:
    """The sum of the terms in the output's shape and dtype."""
    shape, dtype = plan.outputs[index], plan.output_dtypes[index]
    total = _sum([term for term in terms if term is not None])
    if not isinstance(total, torch.Tensor):
        return torch.zeros(shape, dtype=dtype, device=device)
    if total.shape == shape and total.dtype == dtype:
        return total
    if total.is_complex() and not dtype.is_complex:
        raise DerivativeError(rules.operator, "the jvp rule", f"a {dtype} tangent", f"{total.dtype}", "its real part")
    return total.expand(shape).to(dtype)


def _sum(terms: Sequence[Any]) -> Any:
    """`sum` without its 0, the addition of which would be one more call of torch."""
    return reduce(add, terms) if terms else 0


def _described(x: Any) -> str:
    return f"{type(x).__module__}.{type(x).__name__}"


def _conjugate(factor: Any) -> Any:
    if isinstance(factor, torch.Tensor):
        return factor.conj() if factor.is_complex() else factor
    return factor.conjugate()
