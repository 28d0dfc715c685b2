"""One comparison of a catalogue function with SciPy's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True)
class Case:
    """The same call of both: arrays among the arguments go to ours as tensors."""

    ours: Callable
    scipy: Callable
    arguments: tuple[Any, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    rtol: float | None = None  # by default that of the dtype

    def __str__(self):
        name = getattr(self.scipy, "__name__", str(self.scipy))
        shapes = [
            f"{x.dtype.kind}{x.dtype.itemsize * 8}{list(x.shape)}" if isinstance(x, np.ndarray) else repr(x)
            for x in self.arguments
        ]
        return f"{name}({', '.join([*shapes, *(f'{k}={v!r}' for k, v in self.options.items())])})"


def as_tensors(value: Any) -> Any:
    return torch.as_tensor(value.copy()) if isinstance(value, np.ndarray) else value


def check_case(case: Case) -> None:
    """Ours gives SciPy's values, shapes and dtypes, or both raise."""
    try:
        expected = case.scipy(*case.arguments, **case.options)
    except Exception:  # noqa: BLE001  whatever SciPy raises
        try:
            case.ours(*map(as_tensors, case.arguments), **case.options)
        except Exception:  # noqa: BLE001  test_checked and the files beside it look at how
            return
        raise AssertionError(f"{case}: SciPy raises, ours doesn't") from None
    got = case.ours(*map(as_tensors, case.arguments), **case.options)
    parts = expected if isinstance(expected, (tuple, list)) else (expected,)
    gots = got if isinstance(got, tuple) else (got,)
    assert len(parts) == len(gots)
    for e, g in zip(parts, gots, strict=True):
        _compare(case, np.asarray(e), g)


def _compare(case: Case, expected: np.ndarray, got: torch.Tensor) -> None:
    assert tuple(got.shape) == expected.shape, f"{case}: shape {tuple(got.shape)}, SciPy's {expected.shape}"
    assert str(got.dtype) == f"torch.{expected.dtype}", f"{case}: {got.dtype}, SciPy's {expected.dtype}"
    rtol = case.rtol or (1e-4 if expected.dtype in (np.float32, np.complex64) else 1e-9)
    scale = np.max(np.abs(expected[np.isfinite(expected)]), initial=0)
    np.testing.assert_allclose(
        got.detach().resolve_conj().numpy(), expected, rtol=rtol, atol=rtol * scale, err_msg=str(case)
    )
