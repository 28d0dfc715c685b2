"""Right functions of matrices, real and complex."""

import torch
from torch import linalg

from checker_cases.case import Right

FIRST_ORDER = {"order": 1}  # where PyTorch's own higher derivatives are wrong, which `UPSTREAM` is about


def _symmetric(draw):
    a = draw.normal(3, 3)
    return (a + a.mT) / 2


CASES = {
    "matmul": Right(torch.matmul, lambda draw: (draw.normal(2, 3), draw.normal(3, 2))),
    "batched matmul": Right(torch.matmul, lambda draw: (draw.normal(2, 2, 3), draw.normal(3))),
    "complex matmul": Right(torch.matmul, lambda draw: (draw.complex(2, 3), draw.complex(3, 2))),
    "vdot": Right(torch.vdot, lambda draw: (draw.complex(3), draw.complex(3))),
    "inverse": Right(linalg.inv, lambda draw: (draw.positive_definite(3),)),
    "solve": Right(linalg.solve, lambda draw: (draw.positive_definite(3), draw.normal(3, 2)), FIRST_ORDER),
    "complex solve": Right(linalg.solve, lambda draw: (draw.complex(3, 3), draw.complex(3)), FIRST_ORDER),
    "triangular solve": Right(
        lambda a, b: linalg.solve_triangular(a, b, upper=False),
        lambda draw: (draw.normal(3, 3).tril() + 3 * torch.eye(3, dtype=torch.double), draw.normal(3, 2)),
    ),
    "cholesky": Right(lambda a: linalg.cholesky((a + a.mT) / 2), lambda draw: (draw.positive_definite(3),)),
    "cholesky_solve": Right(
        lambda b, a: torch.cholesky_solve(b, linalg.cholesky(a @ a.mT + torch.eye(3, dtype=a.dtype))),
        lambda draw: (draw.normal(3, 1), draw.normal(3, 3)),
    ),
    "eigvalsh": Right(lambda a: linalg.eigvalsh(a + a.mT), lambda draw: (_symmetric(draw),), FIRST_ORDER),
    "eigh": Right(lambda a: linalg.eigh(a + a.mT), lambda draw: (_symmetric(draw),), FIRST_ORDER),
    "eigvals": Right(linalg.eigvals, lambda draw: (draw.normal(3, 3),), FIRST_ORDER),
    "svdvals": Right(linalg.svdvals, lambda draw: (draw.normal(3, 2),)),
    "qr": Right(linalg.qr, lambda draw: (draw.normal(3, 2),)),
    "slogdet": Right(linalg.slogdet, lambda draw: (draw.normal(3, 3),), FIRST_ORDER),
    "determinant": Right(linalg.det, lambda draw: (draw.normal(3, 3),), FIRST_ORDER),
    "pinv": Right(linalg.pinv, lambda draw: (draw.normal(3, 2),)),
    "lstsq": Right(lambda a, b: linalg.lstsq(a, b).solution, lambda draw: (draw.normal(4, 2), draw.normal(4, 1))),
    "matrix_exp": Right(linalg.matrix_exp, lambda draw: (draw.normal(3, 3),)),
    "matrix_power": Right(lambda a: linalg.matrix_power(a, 3), lambda draw: (draw.normal(2, 2),)),
    "nuclear norm": Right(lambda a: linalg.matrix_norm(a, "nuc"), lambda draw: (draw.normal(3, 2),)),
    "vector norm": Right(lambda x: linalg.vector_norm(x, 3), lambda draw: (draw.apart(5),)),
    "multi_dot": Right(
        lambda a, b, c: linalg.multi_dot([a, b, c]),
        lambda draw: (draw.normal(2, 3), draw.normal(3, 2), draw.normal(2)),
    ),
    "kron": Right(torch.kron, lambda draw: (draw.normal(2, 2), draw.normal(2, 3))),
    "quadratic form": Right(lambda x, a: x @ a @ x, lambda draw: (draw.normal(3), draw.normal(3, 3))),
}
