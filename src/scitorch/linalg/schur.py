"""Schur forms, kept so that a backward pass finds those that the forward made."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import get_lapack_funcs

from scitorch.core.kept import Kept

Array = NDArray[Any]

LARGE = 64
"""Below this size, where a Schur form takes less than a millisecond, none is kept."""

KEPT_BYTES = 64 * 2**20


class SchurForm:
    """The form ``Z T Zᴴ`` of a matrix, with a unitary Z and a (quasi-)triangular T.

    Attributes
    ----------
    data : array
        The matrix.
    T, Z : array
    nbytes : int
    """

    def __init__(self, data: Array, T: Array, Z: Array) -> None:
        self.data, self.T, self.Z = data, T, Z
        self.nbytes = data.nbytes + T.nbytes + Z.nbytes


def decomposed(A: Array) -> tuple[Array, Array]:
    """T and Z of a finite matrix; `scipy.linalg.schur` has the same, and takes a twentieth more time."""
    (gees,) = get_lapack_funcs(("gees",), (A,))
    T, *_, Z, _, info = gees(lambda *_: None, A, lwork=34 * len(A))  # enough for blocks of 32 columns
    if info:
        raise np.linalg.LinAlgError("Schur form not found. Possibly ill-conditioned.")
    return T, Z


_kept: Kept[SchurForm] = Kept(KEPT_BYTES)


def keep(form: SchurForm) -> None:
    """Keep a form for whoever comes next."""
    _kept.keep(form)


def schur_form(A: Array) -> SchurForm:
    """The real form of a real matrix, or the complex one of a complex matrix; perhaps from memory."""
    if len(A) < LARGE:
        return SchurForm(A, *decomposed(np.asarray_chkfinite(A)))
    form = _kept.find(A)
    if form is None:
        form = SchurForm(np.array(A, order="C"), *decomposed(np.asarray_chkfinite(A)))
        keep(form)
    return form
