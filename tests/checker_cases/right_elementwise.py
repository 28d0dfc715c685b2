"""Right functions of each element by itself: PyTorch's elementary and special functions."""

import torch
from torch import special

from checker_cases.case import Right

CASES = {
    "sin": Right(torch.sin, lambda draw: (draw.normal(3),)),
    "atan2": Right(torch.atan2, lambda draw: (draw.normal(2, 3), draw.normal(3))),
    "pow": Right(torch.pow, lambda draw: (draw.uniform(0.5, 2, 4), draw.normal(4))),
    "addcdiv": Right(torch.addcdiv, lambda draw: (draw.normal(3), draw.normal(2, 3), draw.uniform(1, 2, 2, 1))),
    "lerp": Right(torch.lerp, lambda draw: (draw.normal(3), draw.normal(3), draw.uniform(0, 1, 3))),
    "erf": Right(torch.erf, lambda draw: (draw.normal(5),)),
    "erfinv": Right(torch.erfinv, lambda draw: (draw.uniform(-0.9, 0.9, 4),)),
    "erfcx": Right(special.erfcx, lambda draw: (torch.tensor([-1.0, 0.0, 1.0, 30.0], dtype=torch.double),)),
    "log_ndtr": Right(special.log_ndtr, lambda draw: (torch.tensor([-20.0, -3.0, 0.0, 2.0], dtype=torch.double),)),
    "ndtri": Right(special.ndtri, lambda draw: (draw.uniform(0.05, 0.95, 4),)),
    "entr": Right(special.entr, lambda draw: (draw.uniform(0.1, 3, 4),)),
    "xlogy": Right(special.xlogy, lambda draw: (draw.normal(4), draw.uniform(0.5, 2, 4))),
    "xlog1py": Right(special.xlog1py, lambda draw: (draw.normal(4), draw.uniform(-0.5, 2, 4))),
    "logit": Right(special.logit, lambda draw: (draw.uniform(0.1, 0.9, 4),)),
    "expit": Right(special.expit, lambda draw: (draw.normal(4),)),
    "digamma": Right(special.digamma, lambda draw: (draw.uniform(0.5, 5, 4),)),
    "polygamma": Right(lambda x: special.polygamma(2, x), lambda draw: (draw.uniform(0.5, 5, 4),)),
    "multigammaln": Right(lambda x: special.multigammaln(x, 3), lambda draw: (draw.uniform(2, 6, 4),)),
    "i0": Right(special.i0, lambda draw: (draw.uniform(0.5, 4, 3),)),
    "i0e": Right(special.i0e, lambda draw: (draw.uniform(0.5, 4, 3),)),
    "i1": Right(special.i1, lambda draw: (draw.uniform(0.5, 4, 3),)),
    "sinc": Right(torch.sinc, lambda draw: (torch.tensor([-1.5, 0.1, 0.3], dtype=torch.double),)),
    "complex exp": Right(torch.exp, lambda draw: (draw.complex(3),)),
    "complex square root": Right(torch.sqrt, lambda draw: (draw.complex(3),)),
    "complex magnitude": Right(torch.abs, lambda draw: (draw.complex(3),)),
    "complex angle": Right(torch.angle, lambda draw: (draw.complex(3),)),
    "complex product": Right(torch.mul, lambda draw: (draw.complex(2, 3), draw.complex(3))),
    "real times complex": Right(torch.mul, lambda draw: (draw.normal(3), draw.complex(3))),
    "polar": Right(torch.polar, lambda draw: (draw.uniform(0.5, 2, 3), draw.normal(3))),
    "view_as_real": Right(torch.view_as_real, lambda draw: (draw.complex(2, 2),)),
    "tanh in float32": Right(torch.tanh, lambda draw: (draw.normal(4, dtype=torch.float32),)),
    "log in float32": Right(torch.log, lambda draw: (draw.uniform(0.1, 3, 4, dtype=torch.float32),)),
}
