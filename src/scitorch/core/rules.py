"""Derivative rules: what an operator declares for each argument, and which tensors that asks to be saved.

A rule is mathematics in torch operations and other operators; `derivatives` applies it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .errors import DefinitionError

RESERVED = ("g", "out", "tangent")


class Zero:
    """Declares that a derivative is zero almost everywhere: ``op.vjp(x=zero)``."""

    def __repr__(self) -> str:
        return "zero"


zero: Final = Zero()


@dataclass(frozen=True, slots=True)
class not_implemented:  # noqa: N801  reads as the declaration it is: op.vjp(x=not_implemented("…"))
    """Declares that a derivative exists but is not known here; asking for it raises with the reason."""

    reason: str

    def __repr__(self) -> str:
        return f'not_implemented("{self.reason}")'


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule's function and the names it asks for.

    A joint rule gives the gradients of several arguments, those in `joint`; one made of a partial derivative holds for
    holomorphic functions and for real ones.
    """

    function: Callable[..., Any]
    names: tuple[str, ...]
    joint: tuple[str, ...] = ()
    partial: bool = False

    def ask(self, known: Mapping[str, Any]) -> Any:
        """What the rule gives for what is known by name."""
        return self.function(*[known[name] for name in self.names])

    @property
    def saved(self) -> frozenset[str]:
        """What it needs besides the gradient or tangent that comes in."""
        return frozenset(self.names).difference(("g", "tangent"))


Derivative = Rule | Zero | not_implemented


@dataclass(frozen=True, slots=True)
class Saved:
    """Which tensors a call saves: their names, ``out`` last, and the places of the others among its inputs.

    It goes with the rules as they were at the call: those added later say nothing about what was saved.

    Attributes
    ----------
    partial : tuple, optional
        Where the partial derivative of the only result in the only argument is all that is asked for, and of saved
        tensors alone: its function, and the places of what it takes among them. `eager.cpp` then needs nothing else.
    """

    names: tuple[str, ...]
    places: tuple[int, ...]
    out: bool
    rules: Rules
    partial: tuple[Callable[..., Any], tuple[int, ...]] | None = None

    def pick(self, inputs: Sequence[Any], outputs: Any) -> list[Any]:
        """The tensors to save."""
        tensors = [inputs[place] for place in self.places]
        if self.out:
            tensors.extend(outputs if isinstance(outputs, tuple) else (outputs,))
        return tensors

    def named(self, tensors: Sequence[Any]) -> dict[str, Any]:
        """The saved tensors by name."""
        known: dict[str, Any] = dict(zip(self.names, tensors, strict=False))
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
        self.together: tuple[Rule, ...] = ()
        self._saved: dict[Sequence[bool] | None, Saved] = {}
        self._order: tuple[int, ...] | None = None

    def add_vjp(self, rules: Mapping[str, Any]) -> None:
        """Add reverse-mode rules. One that is there is replaced."""
        self._add(self.vjp, "vjp", rules, ("g", "out"))

    def add_jvp(self, rules: Mapping[str, Any]) -> None:
        """Add forward-mode rules, which go before what follows from the vjp rules."""
        self._add(self.jvp, "jvp", rules, ("tangent", "out"))

    def add_joint(self, function: Callable[..., Any], arguments: Sequence[str]) -> None:
        """Add one reverse-mode rule that gives the gradients of several arguments."""
        rule = self._joint_rule(function, arguments)
        self.vjp.update(dict.fromkeys(arguments, rule))
        self._replace(arguments)

    def add_together(self, function: Callable[..., Any], arguments: Sequence[str]) -> None:
        """Add such a rule that goes before the arguments' own ones where all of them need a gradient."""
        rule = self._joint_rule(function, arguments)
        self._replace(arguments, rule)

    def _joint_rule(self, function: Callable[..., Any], arguments: Sequence[str]) -> Rule:
        self._check_arguments("vjp", arguments)
        names = self.names_of("the joint vjp rule", function, ("g", "out"))
        return Rule(function, names, joint=tuple(arguments))

    def _replace(self, arguments: Collection[str], *together: Rule) -> None:
        """Whoever gives one of these a rule means that one, and no joint rule that would go before it."""
        kept = [rule for rule in self.together if not set(rule.joint).intersection(arguments)]
        self.together = (*kept, *together)
        self._saved.clear()
        self._order = None

    def add_partials(self, rules: Mapping[str, Any]) -> None:
        """Add partial derivatives of an elementwise operator, from which both modes follow."""
        self._add(self.vjp, "partial", rules, ("out",))
        for argument in rules:
            self.jvp.pop(argument, None)

    def _add(self, table: dict[str, Derivative], kind: str, rules: Mapping[str, Any], extra: Sequence[str]) -> None:
        self._check_arguments(kind, rules)
        added: dict[str, Derivative] = {}
        for argument, rule in rules.items():
            if isinstance(rule, (Zero, not_implemented)):
                added[argument] = rule
            else:
                names = self.names_of(f"the {kind} rule of {argument!r}", rule, extra)
                added[argument] = Rule(rule, names, partial=kind == "partial")
        table.update(added)  # all of them, or none where one is refused
        self._replace(added if table is self.vjp else ())

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
        own = False
        for parameter in self._parameters(what, rule, allowed):
            positional = parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
            if positional and parameter.name in allowed and not own:
                names.append(parameter.name)
            elif parameter.name not in allowed and parameter.default is not parameter.empty:
                own = True
            else:
                expected = f"parameters among {', '.join(allowed)}, before any of its own with a default"
                raise DefinitionError(self.operator, what, expected, f"{str(parameter)!r}", "one of these names")
        return tuple(names)

    def _parameters(self, what: str, rule: Any, allowed: Sequence[str]) -> list[inspect.Parameter]:
        try:
            return list(inspect.signature(rule).parameters.values())
        except (TypeError, ValueError) as error:
            advice = f"lambda {', '.join(allowed)}: …"
            raise DefinitionError(self.operator, what, "a function with a signature", str(error), advice) from error

    def describe(self, argument: str) -> str:
        """What there is for an argument: "rule", "zero", "not implemented: reason" or "none"."""
        rule = self.vjp.get(argument, self.jvp.get(argument))
        if isinstance(rule, not_implemented):
            return f"not implemented: {rule.reason}"
        return "none" if rule is None else "zero" if rule is zero else "rule"

    def order(self) -> tuple[int, ...]:
        """The places of the arguments, those of the largest joint rules first: what these give along runs only once."""
        if self._order is None:
            rules = [self.vjp.get(argument) for argument in self.arguments]
            sizes = [len(rule.joint) if isinstance(rule, Rule) else 0 for rule in rules]
            self._order = tuple(sorted(range(len(rules)), key=lambda place: -sizes[place]))
        return self._order

    def saved(self, needed: tuple[bool, ...] | None) -> Saved:
        """What the rules of the needed arguments ask to be saved; for None, what any rule in either mode does."""
        found = self._saved.get(needed)
        if found is None:
            frozen = self._as_they_are()
            if needed is None:
                rules = [*self.vjp.values(), *self.jvp.values()]
            else:
                arguments = [a for a, need in zip(self.arguments, needed, strict=True) if need]
                for rule in self.together:
                    if set(rule.joint).issubset(arguments):
                        frozen.vjp.update(dict.fromkeys(rule.joint, rule))
                rules = [frozen.vjp.get(a) for a in arguments]
            found = self._saved[needed] = self._asked_by(rules, frozen)
        return found

    def _asked_by(self, rules: Sequence[Derivative | None], frozen: Rules) -> Saved:
        asked = frozenset[str]().union(*(rule.saved for rule in rules if isinstance(rule, Rule)))
        places = tuple(k for k, name in enumerate(self.arguments) if name in asked)
        names = (*(self.arguments[k] for k in places), *(["out"] if "out" in asked else []))
        partial, sole = None, rules[0] if len(rules) == 1 and self.output_count == 1 else None
        if isinstance(sole, Rule) and sole.partial and set(names).issuperset(sole.names):
            partial = sole.function, tuple(map(names.index, sole.names))
        return Saved(names, places, "out" in asked, frozen, partial)

    def _as_they_are(self) -> Rules:
        rules = Rules(self.operator, self.arguments, self.static, self.output_count)
        rules.vjp, rules.jvp = dict(self.vjp), dict(self.jvp)
        return rules
