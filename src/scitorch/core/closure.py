"""Functions that use tensors they were not given: such tensors are found, and put in the place of one another.

A solver takes a Python function of the unknowns, and that function uses whatever it likes: the parameters of a module,
tensors of the scope around it. A derivative with respect to these needs them as arguments. Running the function once
under a mode that sees every torch operation shows which ones it uses; running it under a mode that hands each operation
others in their place makes it a function of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields, is_dataclass
from functools import partial
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.utils.stateless import _reparametrize_module  # has no public name
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from . import modes
from .errors import ArgumentError
from .snapshot import names_in

Constants = dict[int, tuple[Tensor, int]]

SINGLE = torch.float32, torch.bfloat16, torch.float16
PLAIN = frozenset({int, float, complex, bool, str, type(None), slice, torch.dtype, torch.device})  # hold no tensors
REACH = 1000  # objects that are looked through for modules, the nearest first: a millisecond


class FreeTensors(TorchFunctionMode):
    """Notes the tensors with a derivative that operations take and that none of them has made.

    Attributes
    ----------
    found : dict
        The tensors by their id.
    parameters : dict
        All parameters of modules that were met, those without a derivative too.
    constants : dict
        The tensors without a derivative that none of them has made, each with its version when it was met.
    hidden : bool
        Whether such a tensor was given to a transform inside the function that maps it or differentiates it. No other
        can take its place there.
    """

    def __init__(self, given: Any) -> None:
        super().__init__()
        self._level = modes.level()
        self._known = {id(t): t for t in tensors_in(given)}  # kept alive, so that no id comes twice
        self.found: dict[int, Tensor] = {}
        self.parameters: dict[int, Parameter] = {}
        self.constants: Constants = {}
        self.hidden = False

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        for t in _taken(args, kwargs):
            if type(t) is Parameter:
                self.parameters[id(t)] = t
            self._note(t)
        result = func(*args, **(kwargs or {}))
        self._known.update((id(t), t) for t in _taken(result) if id(t) not in self.found)
        return result

    def _note(self, t: Tensor) -> None:
        if id(t) not in self._known and modes.level_of(t) > modes.level():
            self.found[id(t)] = t  # of a transform that is put aside while the forward of a Function runs
            return
        hidden = False
        while id(t) not in self._known and modes.level_of(t) > self._level:
            # Under transforms, PyTorch runs a Function's forward without them: theirs can't be given to others there.
            hidden = hidden or self._level > 0 or not modes.stands_for_itself(t)
            t = modes.unwrapped(t)
        if id(t) not in self._known and modes.carries_derivative(t):
            self.hidden = self.hidden or hidden
            self.found[id(t)] = t
        elif id(t) not in self._known and modes.is_plain(t):
            self.constants.setdefault(id(t), (t, modes.version(t)))

    def refuse_hidden(self, name: str) -> None:
        """Raise if there is such a tensor."""
        if self.hidden:
            got = "one of the surrounding scope that an autograd.Function or a transform of torch.func is given"
            expected = "tensors with a derivative only where torch operations take them"
            raise ArgumentError(name, "function", expected, got, "operations without them, or passing it in args")


class Replaced(TorchFunctionMode):
    """Hands every operation the given tensors in the place of others, and lower precision as double if asked to."""

    def __init__(self, tensors: Sequence[Tensor], others: Sequence[Tensor], *, double: bool = False) -> None:
        super().__init__()
        self._level = modes.level()
        self._kept = tensors
        self._other = {id(t): other for t, other in zip(tensors, others, strict=True) if t is not other}
        self._double = double

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        if func is not Tensor.requires_grad_:  # by which a transform marks what it differentiates: that is its own
            args, kwargs = _mapped(self._in_place_of, args), _mapped(self._in_place_of, kwargs)
        return func(*args, **(kwargs or {}))

    def _in_place_of(self, t: Tensor) -> Tensor:
        t = self._other.get(id(self._outermost(t)), t)
        return t.double() if self._double and t.dtype in SINGLE else t

    def _outermost(self, t: Tensor) -> Tensor:
        """The tensor that a transform inside the function was given as it is."""
        while id(t) not in self._other and modes.level_of(t) > self._level and modes.stands_for_itself(t):
            t = modes.unwrapped(t)
        return t


@contextmanager
def as_solved(name: str, parameters: Mapping[int, Parameter], constants: Constants) -> Generator[None]:
    """Refuse what isn't as it was when an equation was solved: for derivatives, which evaluate its function again."""
    refuse_changed(name, constants)
    met = _Met(name, parameters)
    with met:
        yield
    if not met.tensors.issuperset(constants):
        _refuse(name, "tensors", "others: an object of which an attribute has been set since", "passing them in args")


def refuse_changed(name: str, constants: Constants) -> None:
    """Raise if a tensor isn't as it was when an equation was solved."""
    if any(modes.version(t) != version for t, version in constants.values()):
        _refuse(name, "tensors", "one that has been changed in place since", "changing a copy of it")


class _Met(TorchFunctionMode):
    """Notes tensors, and refuses parameters that weren't met before."""

    def __init__(self, name: str, parameters: Mapping[int, Parameter]) -> None:
        super().__init__()
        self._name = name
        self._parameters = parameters
        self.tensors: set[int] = set()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        for t in _taken(args, kwargs):
            self.tensors.add(id(t))
            if type(t) is Parameter and id(t) not in self._parameters:
                advice = "passing the module in args, or closing over it, where functional_call gives it parameters"
                _refuse(self._name, "parameters", "a module that has others since", advice)
        return func(*args, **(kwargs or {}))


def _refuse(name: str, what: str, got: str, advice: str) -> NoReturn:
    expected = f"the {what} that it had when the equation was solved"
    raise ArgumentError(name, "function", expected, got, advice)


class Modules:
    """The modules that functions can reach, with the parameters that they have now.

    `torch.func.functional_call` gives a module other parameters, but only for the time of a call: a derivative that is
    computed afterwards would be that at the module's own ones.
    """

    def __init__(self, *functions: Any) -> None:
        self._states = [(module, _state(module)) for module in _modules_of(functions)]

    @contextmanager
    def as_then(self) -> Generator[None]:
        """Give them those parameters again, where they have others."""
        with ExitStack() as stack:
            for module, then in self._states:
                if any(t is not then.get(name) for name, t in _state(module).items()):
                    stack.enter_context(_reparametrize_module(module, then, tie_weights=True))
            yield


def _state(module: torch.nn.Module) -> dict[str, Tensor]:
    return dict(module.named_parameters()) | dict(module.named_buffers())


def _modules_of(functions: Sequence[Any]) -> list[torch.nn.Module]:
    """Modules among functions, their arguments, what they close over, are bound to, or use of their globals."""
    found: list[torch.nn.Module] = []
    met: dict[int, Any] = {}
    left = deque(functions)
    while left and len(met) < REACH:
        x = left.popleft()
        if id(x) in met or isinstance(x, (Tensor, ModuleType, type)):
            continue
        met[id(x)] = x
        if isinstance(x, torch.nn.Module):
            found.append(x)
        else:
            left += _parts_of(x)
    return found


def _parts_of(x: Any) -> list[Any]:
    if isinstance(x, FunctionType):
        cells = [cell.cell_contents for cell in x.__closure__ or () if cell != _EMPTY]
        used = [x.__globals__.get(name) for name in names_in(x.__code__)]
        return [*cells, *(x.__defaults__ or ()), *(u for u in used if isinstance(u, (FunctionType, torch.nn.Module)))]
    if isinstance(x, MethodType):
        return [x.__self__, x.__func__]
    if isinstance(x, partial):
        return [x.func, *x.args, *x.keywords.values()]
    if isinstance(x, (list, tuple, dict)):
        return list(x.values() if isinstance(x, dict) else x)
    if is_dataclass(x):
        return [getattr(x, field.name, None) for field in fields(x)]
    return list(vars(x).values()) if hasattr(x, "__dict__") else []


_EMPTY = CellType()


# Nearly all that operations take is made of what these two know: `pytree` itself takes as long as an operation.
def _taken(*parts: Any) -> list[Tensor]:
    """The tensors among these, and within them."""
    found: list[Tensor] = []
    for x in parts:
        if isinstance(x, Tensor):
            found.append(x)
        elif type(x) is tuple or type(x) is list:
            found += _taken(*x)
        elif type(x) not in PLAIN:
            found += tensors_in(x)
    return found


def _mapped(function: Callable[[Tensor], Tensor], x: Any) -> Any:
    """The same with a function of its tensors in their place."""
    if isinstance(x, Tensor):
        return function(x)
    if type(x) is tuple or type(x) is list:
        return type(x)([_mapped(function, part) for part in x])
    return x if type(x) in PLAIN else pytree.tree_map_only(Tensor, function, x)


def tensors_in(tree: Any) -> list[Tensor]:
    """The tensors of nested tuples, lists and dicts, and of modules among them."""
    leaves = [x for x in pytree.tree_leaves(tree) if isinstance(x, (Tensor, torch.nn.Module))]
    return [t for x in leaves for t in ([x] if isinstance(x, Tensor) else x.parameters())]


def replace_in(tree: Any, tensors: Sequence[Tensor], others: Sequence[Tensor]) -> Any:
    """The same nested arguments with other tensors."""
    other = {id(t): o for t, o in zip(tensors, others, strict=True)}
    if not other:
        return tree
    return _mapped(lambda t: other.get(id(t), t), tree)
