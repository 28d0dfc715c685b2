"""The layer's derivatives in every mode of PyTorch, each against `torch.nn.functional.conv2d`.

The layer is looked at as a function of one flat point (its filter, its bias and an image): a gradient is then a vector,
a second derivative a matrix, and every mode has to give the same ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.func import functional_call, hessian, jacfwd, jacrev, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional

IMAGE = (6, 5)
TOLERANCE = 1e-10  # of a float64 result, relative to its largest element

Verdict = Literal["ok", "WRONG", "raises"]
Loss = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Outcome:
    """What the layer gave in one mode.

    Attributes
    ----------
    mode : str
        Name of the mode.
    order : int
        Of the derivative; 0 is the value.
    error : float
        Largest error, relative to the largest element of the reference; NaN where the mode raised.
    verdict : {"ok", "WRONG", "raises"}
        Whether the error is at most `TOLERANCE`.
    reason : str
        First line of what was raised.
    seconds : float
        Time taken, compiling included.
    """

    mode: str
    order: int
    error: float
    verdict: Verdict
    reason: str
    seconds: float


@dataclass(frozen=True)
class Subject:
    """A correlation, and the point at which its derivatives are taken.

    Attributes
    ----------
    correlate : torch.nn.Module
        From an image to the filtered image, with parameters ``filter`` and ``bias``.
    filter : tuple of int
        Shape of the filter.
    points : torch.Tensor
        Shape ``(3, n)``: three points, of which the modes without a batch of points take the first.
    batch : tuple of int
        Leading dimensions of the image.
    """

    correlate: nn.Module
    filter: tuple[int, int]
    points: Tensor
    batch: tuple[int, ...] = ()

    def loss(self, point: Tensor) -> Tensor:
        """The sum of the sines of the filtered image: a number with derivatives of every order."""
        filter, bias, image = self._parts(point)
        return functional_call(self.correlate, {"filter": filter, "bias": bias}, (image,)).sin().sum()

    @property
    def point(self) -> Tensor:
        """The first of the points."""
        return self.points[0]

    def exported(self) -> Subject:
        """The same with the layer as `torch.export` captures it."""
        program = torch.export.export(self.correlate, self._parts(self.point)[2:])
        return Subject(program.module(), self.filter, self.points, self.batch)

    def _parts(self, point: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        size = math.prod(self.filter)
        filter, bias, image = point.split([size, 1, len(point) - size - 1])
        return filter.view(self.filter), bias.view(1, 1), image.view(*self.batch, *IMAGE)


class Reference(nn.Module):
    """PyTorch's own correlation, under the layer's names."""

    def __init__(self, filter: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.filter = nn.Parameter(filter)
        self.bias = nn.Parameter(bias)

    def forward(self, image: Tensor) -> Tensor:
        """Filter an image, or a batch of any number of leading dimensions."""
        flat = functional.conv2d(image.reshape(-1, 1, *image.shape[-2:]), self.filter[None, None], self.bias.view(1))
        return flat.view(*image.shape[:-2], *flat.shape[-2:])


def _value(f: Loss, point: Tensor) -> Tensor:
    return f(point)


def _backward(f: Loss, point: Tensor) -> Tensor:
    point = point.detach().requires_grad_()
    return torch.autograd.grad(f(point), point)[0]


def _double_backward(f: Loss, point: Tensor) -> Tensor:
    """All second derivatives, a row at a time."""
    point = point.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(f(point), point, create_graph=True)
    return torch.stack([torch.autograd.grad(element, point, retain_graph=True)[0] for element in gradient])


def _dual(f: Loss, point: Tensor) -> Tensor:
    """The gradient by dual tensors, a direction at a time."""

    def slope(direction: Tensor) -> Tensor:
        with forward_ad.dual_level():
            tangent = forward_ad.unpack_dual(f(forward_ad.make_dual(point, direction))).tangent
        return point.new_zeros(()) if tangent is None else tangent

    return torch.stack([slope(direction) for direction in torch.eye(len(point)).to(point)])


def _compile(f: Callable[..., Any], *, dynamic: bool | None = None) -> Callable[[Tensor], Tensor]:
    """Compile to one graph, forgetting earlier ones: no check leans on another."""
    torch.compiler.reset()
    return torch.compile(f, fullgraph=True, backend="aot_eager", dynamic=dynamic)


@dataclass(frozen=True)
class Mode:
    """A row of the table: a way to take a derivative.

    Attributes
    ----------
    name : str
        As PyTorch calls it.
    order : int
        Of the derivative; 0 is the value.
    take : callable
        Takes it.
    each : bool
        Whether it is taken at each of several points.
    batch : tuple of int
        Leading dimensions of the image.
    """

    name: str
    order: int
    take: Callable[[Subject], Tensor]
    each: bool = False
    batch: tuple[int, ...] = ()

    def reference(self, subject: Subject) -> Tensor:
        """The same derivative by plain reverse mode, which needs no more than PyTorch's oldest machinery."""
        plain = (_value, _backward, _double_backward)[self.order]
        every = [plain(subject.loss, point) for point in subject.points]
        return torch.stack(every) if self.each else every[0]


MODES = (
    Mode("value", 0, lambda s: s.loss(s.point)),
    Mode("backward", 1, lambda s: _backward(s.loss, s.point)),
    Mode("backward, batch of images", 1, lambda s: _backward(s.loss, s.point), batch=(2, 3)),
    Mode("double backward", 2, lambda s: _double_backward(s.loss, s.point)),
    Mode("forward mode, dual tensors", 1, lambda s: _dual(s.loss, s.point)),
    Mode("jacrev", 1, lambda s: jacrev(s.loss)(s.point)),
    Mode("jacfwd", 1, lambda s: jacfwd(s.loss)(s.point)),
    Mode("jacrev of jacrev", 2, lambda s: jacrev(jacrev(s.loss))(s.point)),
    Mode("jacrev of jacfwd", 2, lambda s: jacrev(jacfwd(s.loss))(s.point)),
    Mode("jacfwd of jacrev", 2, lambda s: jacfwd(jacrev(s.loss))(s.point)),
    Mode("jacfwd of jacfwd", 2, lambda s: jacfwd(jacfwd(s.loss))(s.point)),
    Mode("hessian", 2, lambda s: hessian(s.loss)(s.point)),
    Mode("vmap", 0, lambda s: vmap(s.loss)(s.points), each=True),
    Mode("vmap of grad", 1, lambda s: vmap(torch.func.grad(s.loss))(s.points), each=True),
    Mode("vmap of hessian", 2, lambda s: vmap(hessian(s.loss))(s.points), each=True),
    Mode("compile: backward", 1, lambda s: _backward(_compile(s.loss), s.point)),
    Mode("compile: backward, dynamic", 1, lambda s: _backward(_compile(s.loss, dynamic=True), s.point)),
    Mode("compile: vmap of grad", 1, lambda s: _compile(vmap(torch.func.grad(s.loss)))(s.points), each=True),
    Mode("compile: jacrev of jacrev", 2, lambda s: _compile(jacrev(jacrev(s.loss)))(s.point)),
    Mode("compile: jacrev of jacfwd", 2, lambda s: _compile(jacrev(jacfwd(s.loss)))(s.point)),
    Mode("compile: jacfwd of jacfwd", 2, lambda s: _compile(jacfwd(jacfwd(s.loss)))(s.point)),
    Mode("compile: hessian", 2, lambda s: _compile(hessian(s.loss))(s.point)),
    Mode("make_fx: backward", 1, lambda s: _backward(make_fx(lambda point: s.loss(point))(s.point), s.point)),
    Mode("export: value", 0, lambda s: s.exported().loss(s.point)),
    Mode("export: backward", 1, lambda s: _backward(s.exported().loss, s.point)),
)


def check_modes(layer: nn.Module, modes: tuple[Mode, ...]) -> Iterator[Outcome]:
    """Take the layer's derivatives in every mode.

    Parameters
    ----------
    layer : torch.nn.Module
        With parameters ``filter`` (rows, columns) and ``bias`` (1, 1), in float64. It is left as it is.
    modes : tuple of Mode
        The rows of the table.

    Yields
    ------
    Outcome
        Of one mode after the other.
    """
    for mode in modes:
        started = perf_counter()
        with _one_thread():
            error, verdict, reason = _compare(mode, layer)
        yield Outcome(mode.name, mode.order, error, verdict, reason, perf_counter() - started)


@contextmanager
def _one_thread() -> Generator[None]:
    """A second thread has nothing to do on pictures this small: conv2d waits for it, and takes 200 times as long."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _compare(mode: Mode, layer: nn.Module) -> tuple[float, Verdict, str]:
    subject, reference = _subjects(layer, mode.batch)
    wanted = mode.reference(reference).detach()
    try:
        got = mode.take(subject).detach().to(wanted)
    except Exception as failure:  # noqa: BLE001  whatever a mode raises is its row in the table
        return math.nan, "raises", f"{type(failure).__name__}: {str(failure).strip().partition(chr(10))[0]}"
    error = _relative_error(got, wanted)
    return error, "ok" if error <= TOLERANCE else "WRONG", ""


def _relative_error(got: Tensor, wanted: Tensor) -> float:
    if got.shape != wanted.shape:
        return math.inf
    return ((got - wanted).abs().max() / wanted.abs().max()).item()


def _subjects(layer: nn.Module, batch: tuple[int, ...]) -> tuple[Subject, Subject]:
    """The layer where it lives, and the reference on the CPU, at the same points."""
    filter, bias = (layer.get_parameter(name).detach().cpu() for name in ("filter", "bias"))
    size = filter.numel() + 1 + math.prod(batch + IMAGE)
    points = torch.randn(3, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    height, width = filter.shape
    return (
        Subject(layer, (height, width), points.to(layer.get_parameter("filter").device), batch),
        Subject(Reference(filter, bias), (height, width), points, batch),
    )
