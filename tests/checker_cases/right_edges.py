"""Right functions where differences are hard: ill-scaled, near a pole, or near (but not at) a kink."""

import torch
import torch.nn.functional as F
from torch import special

from checker_cases.case import Right


def _double(*numbers):
    return torch.tensor(numbers, dtype=torch.double)


def _nearly_singular(draw, smallest=1e-8):
    """A matrix of that smallest singular value, of which the largest is 1."""
    u, _, v = torch.linalg.svd(draw.normal(3, 3))
    return u @ torch.diag(_double(1.0, smallest**0.4, smallest)) @ v


CASES = {
    "product of tiny and huge": Right(torch.mul, lambda draw: (1e-8 * draw.normal(4), 1e8 * draw.normal(4))),
    "sum of tiny and huge": Right(torch.add, lambda draw: (1e-8 * draw.normal(4), 1e8 * draw.normal(4))),
    "square of tiny": Right(torch.square, lambda draw: (1e-8 * draw.normal(4),)),
    "square of huge": Right(torch.square, lambda draw: (1e8 * draw.normal(4),)),
    "hypot of tiny and huge": Right(torch.hypot, lambda draw: (_double(1e-8, 1e8, 1.0), _double(2e-8, -1e8, 1e3))),
    "elements of all sizes": Right(torch.exp2, lambda draw: (_double(1e-8, 1e-4, 1.0, 30.0),)),
    "expm1 near zero": Right(torch.expm1, lambda draw: (_double(1e-12, -1e-8, 1e-3),)),
    "log1p near zero": Right(torch.log1p, lambda draw: (_double(1e-12, -1e-8, 1e-3),)),
    "log1p near its pole": Right(torch.log1p, lambda draw: (_double(-1 + 1e-6, -0.9),)),
    "log of tiny and huge": Right(torch.log, lambda draw: (_double(1e-8, 1.0, 1e8),)),
    "rsqrt of tiny": Right(torch.rsqrt, lambda draw: (_double(1e-8, 2e-8),)),
    "reciprocal of tiny and huge": Right(torch.reciprocal, lambda draw: (_double(1e-8, -1e8),)),
    "lgamma near its poles": Right(torch.lgamma, lambda draw: (_double(1e-4, -1 + 1e-3, -2.001, 2.5),)),
    "digamma of huge": Right(torch.digamma, lambda draw: (_double(1e6, 2e8),)),
    "sigmoid, saturated": Right(torch.sigmoid, lambda draw: (_double(-40.0, -3.0, 3.0, 30.0),)),
    "tanh, saturated": Right(torch.tanh, lambda draw: (_double(-15.0, 0.1, 12.0),)),
    "softplus, saturated": Right(F.softplus, lambda draw: (_double(-50.0, -1.0, 1.0, 19.0),)),
    "logsumexp of large": Right(lambda x: torch.logsumexp(x, -1), lambda draw: (1000 + draw.normal(2, 4),)),
    "logaddexp of large": Right(torch.logaddexp, lambda draw: (_double(1e4, -1e4), _double(1e4 + 1, -1e4 + 2))),
    "log_softmax of large": Right(lambda x: torch.log_softmax(x, -1), lambda draw: (500 * draw.normal(5),)),
    "product with a zero": Right(torch.prod, lambda draw: (_double(2.0, 0.0, -3.0),)),
    "cumprod with a zero": Right(lambda x: x.cumprod(-1), lambda draw: (_double(2.0, 0.0, -3.0),), {"order": 1}),
    "inverse of badly conditioned": Right(torch.linalg.inv, lambda draw: (_nearly_singular(draw, 1e-5),)),
    "inverse of nearly singular": Right(torch.linalg.inv, lambda draw: (_nearly_singular(draw),), {"order": 1}),
    "determinant of nearly singular": Right(torch.linalg.det, lambda draw: (_nearly_singular(draw),), {"order": 1}),
    "zeros": Right(lambda x: torch.sin(x) * x, lambda draw: (torch.zeros(3, dtype=torch.double),)),
    "integers": Right(torch.square, lambda draw: (torch.arange(4.0, dtype=torch.double),)),
    "power with a negative base": Right(lambda x: x**3, lambda draw: (-draw.uniform(1, 2, 3),)),
    "zeta by its second": Right(lambda q: special.zeta(2.0, q), lambda draw: (draw.uniform(1, 4, 3),)),
    "softmax, saturated": Right(lambda x: x.softmax(-1), lambda draw: (1e3 * draw.normal(2, 4),)),
    "rapid oscillation": Right(lambda x: torch.sin(200 * x), lambda draw: (draw.normal(4),)),
    "constant": Right(lambda x: 0 * x + 3, lambda draw: (draw.normal(3),)),
    "relu": Right(torch.relu, lambda draw: (draw.apart(3, 4),)),
    "relu near its kink": Right(torch.relu, lambda draw: (_double(-1e-3, 1e-3, 0.5),)),
    "leaky_relu": Right(F.leaky_relu, lambda draw: (draw.apart(6),)),
    "abs": Right(torch.abs, lambda draw: (draw.apart(6),)),
    "abs of tiny and huge": Right(torch.abs, lambda draw: (_double(1e-8, -1e8, 1.0),)),
    "clamp": Right(lambda x: x.clamp(-0.5, 0.5), lambda draw: (draw.apart(8),)),
    "hardtanh": Right(F.hardtanh, lambda draw: (draw.apart(8, distance=0.37),)),
    "softshrink": Right(F.softshrink, lambda draw: (draw.apart(8, distance=0.37),)),
    "huber": Right(F.huber_loss, lambda draw: (draw.apart(6, distance=0.6), torch.zeros(6, dtype=torch.double))),
    "smooth l1": Right(F.smooth_l1_loss, lambda draw: (draw.apart(6, distance=0.6), draw.normal(6) / 10)),
    "hinge": Right(lambda x, y: (1 - x * y).clamp(min=0).mean(), lambda draw: (draw.apart(6), draw.apart(6))),
    "maximum": Right(torch.maximum, lambda draw: (draw.apart(4), draw.apart(4) + 0.1)),
    "where": Right(lambda x: torch.where(x > 0, x.exp(), x.sin() + 1), lambda draw: (draw.apart(6),)),
    "floor beside": Right(lambda x: x - x.floor(), lambda draw: (draw.apart(5, distance=0.37),)),
    "remainder": Right(lambda x: torch.remainder(x, 1.0), lambda draw: (draw.apart(5, distance=0.37),)),
}
