"""The shape language: NumPy's gufunc notation with integer arithmetic in the output dimensions."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from types import CodeType
from typing import Any

import torch

from .errors import ShapeError, SignatureError

Shape = tuple[int, ...]

_ALLOWED = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.Name, ast.Constant, ast.Call, ast.Load)
_OPERATIONS = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod, ast.USub)


def _smallest(*sizes: Any) -> Any:
    return reduce(torch.sym_min, sizes)  # sizes are symbolic while a graph is captured


def _largest(*sizes: Any) -> Any:
    return reduce(torch.sym_max, sizes)


_FUNCTIONS = {"min": _smallest, "max": _largest}
_LANGUAGE = "names, integers, + - * // %, min and max"
_EXAMPLE = '"(m,n),(k,l)->(m-k+1,n-l+1)"'


@dataclass(frozen=True, slots=True)
class Dimension:
    """One dimension: a name, an integer, or (in an output) an integer expression over names."""

    text: str
    code: CodeType
    names: frozenset[str]

    def size(self, sizes: Mapping[str, Any]) -> int:
        """Its size, given those of the names."""
        return eval(self.code, {"__builtins__": {}, **_FUNCTIONS}, dict(sizes))  # noqa: S307  only _ALLOWED nodes


class Signature:
    """A parsed signature such as ``"(m,n),(k,l)->(m-k+1,n-l+1)"``.

    Parameters
    ----------
    text : str
        Input groups, an arrow, output groups. An output group ``(...)`` leaves its shape to the operator's ``shape=``.
    operator : str
        Name used in error messages.

    Attributes
    ----------
    inputs : tuple of tuple of Dimension
        Core dimensions of each tensor argument.
    outputs : tuple of (tuple of Dimension or None)
        Core dimensions of each output; None where the signature says ``(...)``.
    """

    def __init__(self, text: str, operator: str) -> None:
        self.text = text
        self._operator = operator
        self._check_characters()
        arrow = text.find("->")
        if arrow < 0:
            raise self._error('inputs "->" outputs', repr(text), len(text))
        self.inputs = tuple(self._dimensions(*group) for group in self._groups(0, arrow))
        self.outputs = tuple(
            None if text[start:end].strip() == "..." else self._dimensions(start, end)
            for start, end in self._groups(arrow + 2, len(text))
        )
        for position, dimensions in zip(self._groups(0, arrow), self.inputs, strict=True):
            for dimension in dimensions:
                if not re.fullmatch(r"\w+", dimension.text):
                    column = text.index(dimension.text, position[0])
                    raise self._error("a name or an integer in an input", repr(dimension.text), column)

    def __str__(self) -> str:
        return self.text

    @property
    def square(self) -> bool:
        """Whether an input has two core dimensions of one name: a square matrix."""
        return any(len({d.text for d in core}) < len(core) for core in self.inputs)

    @property
    def elementwise(self) -> bool:
        """Whether no argument and no output has a core dimension."""
        return not any((*self.inputs, *self.outputs)) and None not in self.outputs

    @property
    def output_names(self) -> frozenset[str]:
        """Every name that some output dimension uses."""
        return frozenset[str]().union(*(d.names for output in self.outputs for d in output or ()))

    @property
    def input_names(self) -> frozenset[str]:
        """Every name that some input dimension binds."""
        return frozenset[str]().union(*(d.names for dims in self.inputs for d in dims))

    def column_of(self, name: str) -> int:
        """Where the outputs first use `name`."""
        found = re.compile(rf"\b{name}\b").search(self.text, self.text.index("->"))
        return found.start() if found else 0

    def _check_characters(self) -> None:
        """Refuse what Python's parser would read otherwise than a person does, or not at all."""
        for column, character in enumerate(self.text):
            odd = unicodedata.normalize("NFKC", character) != character
            if odd or not (character.isprintable() or character.isspace()):
                raise self._error("printable characters in their plain form", repr(character), column)
        if number := re.search(r"\b[0-9]+[^\W0-9]", self.text):
            raise self._error("decimal integers", repr(number.group()), number.start())

    def _error(self, expected: str, got: str, column: int) -> SignatureError:
        return SignatureError(
            self._operator, "signature", expected, f"{got} at column {column}", _EXAMPLE, self.text, column
        )

    def _groups(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Spans between the outermost parentheses of a comma-separated list of groups."""
        position, text = start, self.text
        while True:
            position = self._skip_blanks(position, end)
            if position >= end or text[position] != "(":
                raise self._error("'('", repr(text[position:end][:1] or "the end"), position)
            close = self._closing(position, end)
            yield position + 1, close
            position = self._skip_blanks(close + 1, end)
            if position >= end:
                return
            if text[position] != ",":
                raise self._error("',' between groups", repr(text[position]), position)
            position += 1

    def _skip_blanks(self, position: int, end: int) -> int:
        while position < end and self.text[position].isspace():
            position += 1
        return position

    def _closing(self, opening: int, end: int) -> int:
        depth = 0
        for position in range(opening, end):
            depth += {"(": 1, ")": -1}.get(self.text[position], 0)
            if depth == 0:
                return position
        raise self._error("')' for this '('", "the end", opening)

    def _dimensions(self, start: int, end: int) -> tuple[Dimension, ...]:
        if not self.text[start:end].strip():
            return ()
        cuts, depth = [start - 1], 0
        for position in range(start, end):
            depth += {"(": 1, ")": -1}.get(self.text[position], 0)
            if self.text[position] == "," and depth == 0:
                cuts.append(position)
        cuts.append(end)
        return tuple(self._dimension(a + 1, b) for a, b in pairwise(cuts))

    def _dimension(self, start: int, end: int) -> Dimension:
        raw = self.text[start:end]
        start += len(raw) - len(raw.lstrip())
        text = raw.strip()
        try:
            tree = ast.parse(text, mode="eval")
        except (SyntaxError, RecursionError, MemoryError) as error:
            column = start + max(getattr(error, "offset", None) or 1, 1) - 1
            raise self._error("a dimension made of " + _LANGUAGE, repr(text), column) from None
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for node in ast.walk(tree):
            if not self._allowed(node) or (_names_function(node) and id(node) not in called):
                column = start + getattr(node, "col_offset", 0)
                raise self._error("a dimension made of " + _LANGUAGE, repr(text), column)
        names = frozenset(n.id for n in ast.walk(tree) if isinstance(n, ast.Name)) - _FUNCTIONS.keys()
        try:
            return Dimension(text, compile(tree, "<signature>", "eval"), names)
        except (RecursionError, MemoryError):
            raise self._error("a dimension made of " + _LANGUAGE, f"one nested too deeply: {text:.40}", start) from None

    @staticmethod
    def _allowed(node: ast.AST) -> bool:
        if isinstance(node, ast.Constant):
            return type(node.value) is int
        if isinstance(node, ast.Call):
            return _names_function(node.func) and len(node.args) > 1 and not node.keywords
        return isinstance(node, (*_ALLOWED, *_OPERATIONS))

    def bind(
        self,
        arguments: Sequence[str],
        shapes: Sequence[Sequence[int] | None],
        static: Mapping[str, Any],
        shape: Callable[[Mapping[str, Any]], Sequence[Shape]] | None,
    ) -> tuple[Shape, tuple[Shape, ...]]:
        """Check the inputs' shapes; give the batch shape and every output's whole shape.

        Parameters
        ----------
        arguments : sequence of str
            Names of the tensor arguments.
        shapes : sequence of shapes
            Their shapes; None for an argument that is None.
        static : mapping
            The static arguments, whose integers may name dimensions.
        shape : callable or None
            Gives the core shapes of all outputs from the inputs' core shapes and the static arguments, by name.
        """
        batch = self._batch(arguments, shapes)
        sizes = self._sizes(arguments, shapes, static)
        if shape is None:
            cores = tuple(self._core(output or (), sizes, arguments, shapes) for output in self.outputs)
        else:
            cores = tuple(shape(self._core_shapes(arguments, shapes) | dict(static)))
        return batch, tuple((*batch, *core) for core in cores)

    def _core_shapes(self, arguments: Sequence[str], shapes: Sequence[Sequence[int] | None]) -> dict[str, Any]:
        return {
            name: None if shape is None else tuple(shape[len(shape) - len(core) :])
            for name, shape, core in zip(arguments, shapes, self.inputs, strict=True)
        }

    def _sizes(
        self, arguments: Sequence[str], shapes: Sequence[Sequence[int] | None], static: Mapping[str, Any]
    ) -> dict[str, Any]:
        sizes: dict[str, Any] = {
            name: value for name, value in static.items() if type(value) is int or isinstance(value, torch.SymInt)
        }
        for argument, shape, dimensions in zip(arguments, shapes, self.inputs, strict=True):
            if shape is None:
                continue
            if len(shape) < len(dimensions):
                wanted = ",".join(d.text for d in dimensions)
                raise ShapeError(
                    self._operator,
                    argument,
                    f"at least {len(dimensions)} dimension{'s' * (len(dimensions) > 1)} ({wanted})",
                    f"shape {tuple(shape)}",
                    "adding dimensions, e.g. with tensor[None]",
                )
            for dimension, size in zip(dimensions, shape[len(shape) - len(dimensions) :], strict=True):
                known = sizes.setdefault(dimension.text, size) if dimension.names else int(dimension.text)
                if known != size:
                    raise ShapeError(
                        self._operator,
                        argument,
                        f"dimension {dimension.text} of size {known}",
                        f"{size} in shape {tuple(shape)}",
                        f"shapes that fit {self.text}",
                    )
        return sizes

    def _batch(self, arguments: Sequence[str], shapes: Sequence[Sequence[int] | None]) -> Shape:
        leading = [
            shape[: max(len(shape) - len(core), 0)]
            for shape, core in zip(shapes, self.inputs, strict=True)
            if shape is not None
        ]
        if all(part == leading[0] for part in leading[1:]):
            return tuple(leading[0])
        try:
            return tuple(torch.broadcast_shapes(*leading))
        except RuntimeError:
            got = ", ".join(
                f"{name} {tuple(shape)}" for name, shape in zip(arguments, shapes, strict=True) if shape is not None
            )
            raise ShapeError(
                self._operator,
                "batch dimensions",
                f"leading dimensions that broadcast, before the core dimensions of {self.text}",
                got,
                "equal leading dimensions, or size 1",
            ) from None

    def _core(
        self,
        dimensions: Sequence[Dimension],
        sizes: Mapping[str, int],
        arguments: Sequence[str],
        shapes: Sequence[Sequence[int] | None],
    ) -> Shape:
        core: list[int] = []
        for dimension in dimensions:
            try:
                size = dimension.size(sizes)
            except NameError:
                missing = ", ".join(sorted(dimension.names - sizes.keys()))
                raise self._no_size(dimension, f"None for {missing}", arguments, shapes) from None
            except ZeroDivisionError as error:
                raise self._no_size(dimension, str(error), arguments, shapes) from None
            if size < 0:
                raise self._no_size(dimension, str(size), arguments, shapes)
            core.append(size)
        return tuple(core)

    def _no_size(
        self, dimension: Dimension, got: str, arguments: Sequence[str], shapes: Sequence[Sequence[int] | None]
    ) -> ShapeError:
        inputs = ", ".join(
            f"{name} {None if shape is None else tuple(shape)}" for name, shape in zip(arguments, shapes, strict=True)
        )
        return ShapeError(
            self._operator,
            ", ".join(arguments),
            f"an output dimension {dimension.text} of at least 0",
            f"{got} from {inputs}",
            "other sizes",
        )


def _names_function(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in _FUNCTIONS
