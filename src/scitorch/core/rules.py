"""Derivative rules: who needs what, forward mode from reverse mode, and fitting gradients to their inputs.

A rule is mathematics in torch operations and other operators. Only this file sums a gradient over broadcast
dimensions, casts it, and skips what nobody asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch

from .errors import DefinitionError, DerivativeError, MissingDerivativeError
from .plan import Plan

Tensors = tuple[torch.Tensor | None, ...]
Gradient = Any  # a tensor; with several outputs a tuple of tensors and None

RESERVED = ("g", "out", "tangent")


class _Zero:
    """Declares that a derivative is zero almost everywhere: ``op.vjp(x=zero)``."""

    def __repr__(self) -> str:
        return "zero"


zero: Final = _Zero()


@dataclass(frozen=True, slots=True)
class not_implemented:  # noqa: N801  reads as the declaration it is: op.vjp(x=not_implemented("…"))
    """Declares that a derivative exists but is not known here; asking for it raises with the reason."""

    reason: str

    def __repr__(self) -> str:
        return f'not_implemented("{self.reason}")'


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule's function and the names it asks for.

    A joint rule gives the gradients of several arguments; one made of a partial derivative holds for holomorphic
    functions and for real ones.
    """

    function: Callable[..., Any]
    names: tuple[str, ...]
    joint: bool = False
    partial: bool = False

    def ask(self, known: Mapping[str, Any]) -> Any:
        """What the rule gives for what is known by name."""
        return self.function(*[known[name] for name in self.names])

    @property
    def saved(self) -> frozenset[str]:
        """What it needs besides the gradient or tangent that comes in."""
        return frozenset(self.names).difference(("g", "tangent"))


Derivative = Rule | _Zero | not_implemented


@dataclass(frozen=True, slots=True)
class Saved:
    """Which tensors a call saves: their names, ``out`` last, and their places among its inputs and outputs."""

    names: tuple[str, ...]
    slots: tuple[int, ...]

    def pick(self, inputs: Sequence[Any], outputs: Any) -> list[Any]:
        """The tensors to save."""
        tensors = (*inputs, *outputs) if isinstance(outputs, tuple) else (*inputs, outputs)
        return [tensors[slot] for slot in self.slots]

    def named(self, tensors: Sequence[Any]) -> dict[str, Any]:
        """The saved tensors by name."""
        known: dict[str, Any] = {name: tensors[k] for k, name in enumerate(self.names)}
        if len(tensors) > len(self.names):
            known["out"] = tuple(tensors[len(self.names) - 1 :])
        return known


class Rules:
    """The derivative rules of one operator, by argument.

    Parameters
    ----------
    operator : str
        Name used in errors.
    arguments, static : sequence of str
        Names of the tensor and static arguments.
    output_count : int
        How many results there are.
    """

    def __init__(self, operator: str, arguments: Sequence[str], static: Sequence[str], output_count: int) -> None:
        self.operator = operator
        self.output_count = output_count
        self.arguments = tuple(arguments)
        self.static = tuple(static)
        self.vjp: dict[str, Derivative] = {}
        self.jvp: dict[str, Derivative] = {}
        self._saved: dict[Sequence[bool] | None, Saved] = {}

    def add_vjp(self, rules: Mapping[str, Any]) -> None:
        """Add reverse-mode rules; one that is there is replaced, and with it a forward rule made from it."""
        self._add(self.vjp, "vjp", rules, ("g", "out"))

    def add_jvp(self, rules: Mapping[str, Any]) -> None:
        """Add forward-mode rules."""
        self._add(self.jvp, "jvp", rules, ("tangent", "out"))

    def add_joint(self, function: Callable[..., Any], arguments: Sequence[str]) -> None:
        """Add one reverse-mode rule that gives the gradients of several arguments."""
        self._check_arguments("vjp", arguments)
        rule = Rule(function, self.names_of("the joint vjp rule", function, ("g", "out")), joint=True)
        self.vjp.update(dict.fromkeys(arguments, rule))
        self._saved.clear()

    def add_partials(self, rules: Mapping[str, Any]) -> None:
        """Add partial derivatives of an elementwise operator; both modes follow."""
        self._check_arguments("partials", rules)
        for argument, partial in rules.items():
            if isinstance(partial, (_Zero, not_implemented)):
                self.vjp[argument] = self.jvp[argument] = partial
                continue
            names = self.names_of(f"the partial of {argument!r}", partial, ("out",))
            self.vjp[argument] = self.jvp[argument] = Rule(partial, names, partial=True)
        self._saved.clear()

    def _add(self, table: dict[str, Derivative], kind: str, rules: Mapping[str, Any], extra: Sequence[str]) -> None:
        self._check_arguments(kind, rules)
        for argument, rule in rules.items():
            if isinstance(rule, (_Zero, not_implemented)):
                table[argument] = rule
            else:
                table[argument] = Rule(rule, self.names_of(f"the {kind} rule of {argument!r}", rule, extra))
        self._saved.clear()

    def _check_arguments(self, kind: str, arguments: Collection[str]) -> None:
        for argument in arguments:
            if argument not in self.arguments:
                raise DefinitionError(
                    self.operator,
                    kind,
                    f"rules for tensor arguments among {', '.join(self.arguments)}",
                    repr(argument),
                    "the argument's own name",
                )

    def names_of(self, what: str, rule: Any, extra: Sequence[str]) -> tuple[str, ...]:
        """What a rule asks for, by its parameters' names; parameters with a default are its own."""
        if not callable(rule):
            raise DefinitionError(self.operator, what, "a function", repr(rule), "zero, or not_implemented(reason)")
        allowed = (*extra, *self.arguments, *self.static)
        names: list[str] = []
        for parameter in inspect.signature(rule).parameters.values():
            if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                raise DefinitionError(self.operator, what, "named parameters only", str(parameter), ", ".join(allowed))
            if parameter.name in allowed:
                names.append(parameter.name)
            elif parameter.default is parameter.empty:
                expected = f"parameters among {', '.join(allowed)}"
                raise DefinitionError(self.operator, what, expected, repr(parameter.name), "one of these names")
        return tuple(names)

    def describe(self, argument: str) -> str:
        """What there is for an argument: "rule", "zero", "not implemented: reason" or "none"."""
        rule = self.vjp.get(argument, self.jvp.get(argument))
        if isinstance(rule, not_implemented):
            return f"not implemented: {rule.reason}"
        return "none" if rule is None else "zero" if rule is zero else "rule"

    def saved(self, needed: tuple[bool, ...] | None) -> Saved:
        """What the rules of the needed arguments ask to be saved; for None, what any rule in either mode does."""
        found = self._saved.get(needed)
        if found is None:
            if needed is None:
                rules = [*self.vjp.values(), *self.jvp.values()]
            else:
                rules = [self.vjp.get(a) for a, need in zip(self.arguments, needed, strict=True) if need]
            asked = frozenset[str]().union(*(rule.saved for rule in rules if isinstance(rule, Rule)))
            found = self._saved[needed] = self._slots(asked)
        return found

    def _slots(self, asked: Collection[str]) -> Saved:
        count = len(self.arguments)
        names = [name for name in self.arguments if name in asked]
        slots = [self.arguments.index(name) for name in names]
        if "out" in asked:
            names.append("out")
            slots.extend(range(count, count + self.output_count))
        return Saved(tuple(names), tuple(slots))

    def pull(self, plan: Plan, known: dict[str, Any], needed: Sequence[bool]) -> list[torch.Tensor | None]:
        """Gradients of the needed arguments, each in its argument's shape and dtype, given ``known["g"]``."""
        shared: dict[int, Any] = {}
        gradients: list[torch.Tensor | None] = [None] * len(needed)
        for index, need in enumerate(needed):
            if need:
                gradient = self._gradient(self.arguments[index], plan, known, shared)
                gradients[index] = self._fitted(plan, index, gradient, known["g"])
        return gradients

    def _gradient(self, argument: str, plan: Plan, known: Mapping[str, Any], shared: dict[int, Any]) -> Any:
        """What the argument's rule gives, `zero` included; a joint rule runs once."""
        rule = self.vjp.get(argument)
        if type(rule) is not Rule or plan.folds_complex:
            rule = self._rule(self.vjp, argument, "derivative", plan)
        if isinstance(rule, _Zero):
            return zero
        if rule.partial:
            return self._weighted(known["g"], self._factors(plan, argument, rule.ask(known)))
        if not rule.joint:
            return rule.ask(known)
        if id(rule) not in shared:
            shared[id(rule)] = rule.ask(known)
        gradients = shared[id(rule)]
        if not isinstance(gradients, dict) or argument not in gradients:
            got = f"keys {list(gradients)}" if isinstance(gradients, dict) else type(gradients).__name__
            raise DerivativeError(self.operator, f"the joint vjp rule, {argument}", f"a dict with {argument!r}", got)
        return gradients[argument]

    def _factors(self, plan: Plan, argument: str, factors: Any) -> Sequence[Any]:
        """The partial derivative of each output."""
        return self._parts(plan, f"the partial of {argument!r}", factors if self.output_count > 1 else (factors,))

    def _parts(self, plan: Plan, what: str, parts: Any) -> Sequence[Any]:
        """One tensor or number an output, each of a shape that spreads to the output's."""
        count = self.output_count
        if not isinstance(parts, (tuple, list)) or len(parts) != count:
            got = f"{len(parts)}" if isinstance(parts, (tuple, list)) else _described(parts)
            raise DerivativeError(self.operator, what, f"a tuple of {count}, one an output", got, "one an output")
        for part, shape in zip(parts, plan.outputs, strict=True):
            if isinstance(part, torch.Tensor):
                if not _spreads(part.shape, shape):
                    got = f"shape {tuple(part.shape)}"
                    raise DerivativeError(self.operator, what, f"shape {tuple(shape)}", got, "checking its formula")
            elif not isinstance(part, (int, float, complex)) and not (part is None and count > 1):
                expected = f"a tensor of shape {tuple(shape)}"
                raise DerivativeError(self.operator, what, expected, _described(part), "torch operations")
        return parts

    @staticmethod
    def _weighted(g: Gradient, factors: Sequence[Any]) -> Any:
        """The gradient of an elementwise function: each incoming gradient times the conjugate partial."""
        parts = g if isinstance(g, tuple) else (g,)
        total: Any = sum(
            part * _conjugate(factor)
            for part, factor in zip(parts, factors, strict=True)
            if part is not None and factor is not None
        )
        return total if isinstance(total, torch.Tensor) else zero

    def _rule(self, table: Mapping[str, Derivative], argument: str, kind: str, plan: Plan) -> Rule | _Zero:
        """The rule, or the reason why there is none."""
        rule = table.get(argument)
        advice = f"{argument}.detach() if its gradient is not needed"
        if rule is None:
            got, advice = "none", f"{self.operator}.vjp({argument}=…), or zero if it is zero almost everywhere"
        elif isinstance(rule, not_implemented):
            got = f"not implemented: {rule.reason}"
        elif isinstance(rule, Rule) and rule.partial and plan.folds_complex:
            got, advice = "a partial derivative, of a real function of complex numbers", f".vjp({argument}=…)"
        else:
            return rule
        expected = f"a rule for the {kind} with respect to {argument!r}"
        raise MissingDerivativeError(self.operator, argument, expected, got, advice)

    def _fitted(self, plan: Plan, index: int, gradient: Any, g: Gradient) -> torch.Tensor:
        """Sum over broadcast batch dimensions and cast, or say what is no gradient of this argument."""
        shape, dtype = plan.shapes[index], plan.dtypes[index]
        if type(gradient) is torch.Tensor and gradient.dtype == dtype and gradient.shape == shape:
            return gradient
        assert shape is not None
        assert dtype is not None
        if gradient is zero:
            like = next(part for part in g if part is not None) if isinstance(g, tuple) else g
            return torch.zeros(shape, dtype=dtype, device=like.device)
        if not isinstance(gradient, torch.Tensor):
            advice = "torch operations or an operator of its own"
            raise self._wrong(index, f"a tensor of shape {tuple(shape)}", _described(gradient), advice)
        if gradient.shape != shape:
            if not self._sums_to(gradient.shape, shape, plan.core_ranks[index], plan.batch):
                raise self._wrong(index, f"shape {tuple(shape)}", f"shape {tuple(gradient.shape)}")
            gradient = gradient.sum_to_size(shape)
        if gradient.dtype == dtype:
            return gradient
        if gradient.is_complex() and not dtype.is_complex:
            gradient = gradient.real  # the gradient of a real argument is the real part (PyTorch's convention)
        return gradient.to(dtype)

    @staticmethod
    def _sums_to(given: Sequence[int], shape: Sequence[int], core: int, batch: Sequence[int]) -> bool:
        """Whether only batch dimensions, broadcast ones, set `given` apart from `shape`."""
        extra = len(given) - len(shape)
        lead = len(shape) - core
        if extra < 0 or len(given) - core > len(batch) or tuple(given[extra + lead :]) != tuple(shape[lead:]):
            return False
        return all(s in (1, n) for n, s in zip(given[extra : extra + lead], shape[:lead], strict=True))

    def _wrong(self, index: int, expected: str, got: str, advice: str = "") -> DerivativeError:
        argument = self.arguments[index]
        return DerivativeError(
            self.operator, f"the vjp rule of {argument!r}", expected, got, advice or "checking the rule's formula"
        )

    def push(self, plan: Plan, known: dict[str, Any], tangents: Sequence[torch.Tensor | None]) -> list[Any]:
        """The outputs' tangents: explicit rules where there are any, the others from the vjp rules."""
        moving = [k for k, tangent in enumerate(tangents) if tangent is not None]
        explicit = [k for k in moving if self.arguments[k] in self.jvp]
        terms = [self._pushed(plan, known, k, tangents[k]) for k in explicit]
        derived = [
            k
            for k in moving
            if k not in explicit and self._rule(self.vjp, self.arguments[k], "forward derivative", plan) is not zero
        ]
        if derived:
            terms.append(self._transposed(plan, known, derived, [tangents[k] for k in derived]))
        device = next(tangent.device for tangent in tangents if tangent is not None)
        return [
            self._total(plan, k, [term[k] for term in terms], device) if plan.differentiable[k] else None
            for k in range(len(plan.outputs))
        ]

    def _pushed(self, plan: Plan, known: dict[str, Any], index: int, tangent: torch.Tensor | None) -> Sequence[Any]:
        rule = self._rule(self.jvp, self.arguments[index], "forward derivative", plan)
        if isinstance(rule, _Zero):
            return [0] * self.output_count
        if rule.partial:
            factors = self._factors(plan, self.arguments[index], rule.ask(known))
            return [0 if factor is None else tangent * factor for factor in factors]
        pushed = rule.ask({**known, "tangent": tangent})
        what = f"the jvp rule of {self.arguments[index]!r}"
        return self._parts(plan, what, pushed if self.output_count > 1 else (pushed,))

    def _transposed(self, plan: Plan, known: dict[str, Any], derived: Sequence[int], tangents: Any) -> list[Any]:
        """Forward mode from reverse mode: the vjp is linear in ``g``, and its own transpose is the jvp."""
        needed = [k in derived for k in range(len(self.arguments))]
        carriers = [k for k, carries in enumerate(plan.differentiable) if carries]
        several = len(plan.outputs) > 1

        def pull(*parts: torch.Tensor) -> tuple[torch.Tensor, ...]:
            g: list[Any] = [None] * len(plan.outputs)
            for k, part in zip(carriers, parts, strict=True):
                g[k] = part
            gradients = self.pull(plan, {**known, "g": tuple(g) if several else g[0]}, needed)
            return tuple(gradient for gradient in gradients if gradient is not None)

        device = tangents[0].device
        zeros = [torch.zeros(plan.outputs[k], dtype=plan.output_dtypes[k], device=device) for k in carriers]
        transpose: Any = torch.func.vjp(pull, *zeros)[1]
        pushed: list[Any] = [None] * len(plan.outputs)
        for k, part in zip(carriers, transpose(tuple(tangents)), strict=True):
            pushed[k] = part
        return pushed

    def _total(self, plan: Plan, index: int, terms: Sequence[Any], device: torch.device) -> torch.Tensor:
        """The sum of the terms in the output's shape and dtype."""
        shape, dtype = plan.outputs[index], plan.output_dtypes[index]
        total: Any = sum(term for term in terms if term is not None)
        if not isinstance(total, torch.Tensor):
            return torch.full(shape, total, dtype=dtype, device=device)
        if total.is_complex() and not dtype.is_complex:
            total = total.real
        return total.expand(shape).to(dtype)


def _spreads(given: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether a tensor of shape `given` broadcasts to `shape`."""
    if len(given) > len(shape):
        return False
    return all(n in (1, size) for n, size in zip(given[::-1], shape[::-1], strict=False))


def _described(x: Any) -> str:
    return f"{type(x).__module__}.{type(x).__name__}"


def _conjugate(factor: Any) -> Any:
    if isinstance(factor, torch.Tensor):
        return factor.conj() if factor.is_complex() else factor
    return factor.conjugate()
