"""Keep the compilers' caches on disk apart: a cached graph is good for the definitions that it was made with, only.

PyTorch's keys hold an operator's name and nothing of its shapes, dtypes and rules. Operators of one name in two
scripts, or before and after a correction, would share compiled code: wrong bits, stale gradients.
"""

from __future__ import annotations

import hashlib
from types import CodeType, FunctionType
from typing import Any

import torch.compiler.config

from .definition import Definition
from .rules import Derivative, Rule

_SEPARATOR = "|scitorch-"
_fingerprints: dict[str, int] = {}


def tag_caches(name: str, definition: Definition) -> None:
    """Make the key of every compiler cache depend on this definition, as it is now, and on all others."""
    _fingerprints[name] = _fingerprint(definition)
    total = 0
    for fingerprint in _fingerprints.values():
        total ^= fingerprint
    config: Any = torch.compiler.config
    config.cache_key_tag = f"{config.cache_key_tag.partition(_SEPARATOR)[0]}{_SEPARATOR}{total:032x}"


def _fingerprint(definition: Definition) -> int:
    planner, rules = definition.planner, definition.rules
    declared = [
        (definition.module, definition.qualname, planner.signature.text, planner.native),
        (definition.arguments, sorted(planner.optional), sorted(planner.real)),
        [(s.schema, s.name) for s in definition.static.values()],
        (_code(planner.shape), _code(planner.dtype)),
        [[(argument, _rule(rule)) for argument, rule in table.items()] for table in (rules.vjp, rules.jvp)],
        [_rule(rule) for rule in rules.together],
    ]
    return int.from_bytes(hashlib.blake2b(repr(declared).encode(), digest_size=16).digest(), "big")


def _rule(rule: Derivative) -> Any:
    return (rule.names, rule.joint, rule.partial, _code(rule.function)) if isinstance(rule, Rule) else repr(rule)


def _code(x: Any) -> Any:
    """What a function does, as far as its own code, defaults and closure tell; anything else by its `repr`."""
    if isinstance(x, tuple):
        return [_code(item) for item in x]
    if isinstance(x, CodeType):
        return x.co_code, x.co_names, x.co_varnames, [_code(constant) for constant in x.co_consts]
    if not isinstance(x, FunctionType):
        return repr(x)
    return _code(x.__code__), repr(x.__defaults__), [repr(cell.cell_contents) for cell in x.__closure__ or ()]
