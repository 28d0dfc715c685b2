"""A report in types that JSON knows."""

from __future__ import annotations

from dataclasses import fields
from math import isfinite
from typing import Any

from torch import Tensor

from .report import Finding, Report, Row

LARGEST = 4096  # elements of an array that are written out


def record(report: Report) -> dict[str, Any]:
    """The report as dictionaries, lists, strings and numbers.

    Parameters
    ----------
    report : Report
        To be recorded.

    Returns
    -------
    dict
        As `Report.to_dict` documents it.
    """
    return {"ok": report.ok} | _fields(report)


def _fields(part: Report | Row | Finding) -> dict[str, Any]:
    return {field.name: _plain(getattr(part, field.name)) for field in fields(part)}


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return float(value) if isfinite(value) else str(float(value))
        case complex():
            return {"re": _plain(value.real), "im": _plain(value.imag)}
        case Row() | Finding():
            return _fields(value)
        case Tensor():
            return _array(value)
        case _:
            return [_plain(item) for item in value]


def _array(values: Tensor) -> dict[str, Any]:
    written = _plain(values.tolist()) if values.numel() <= LARGEST else None
    return {"shape": list(values.shape), "dtype": str(values.dtype).removeprefix("torch."), "values": written}
