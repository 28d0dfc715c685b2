"""Right functions that rearrange, reduce, pick or transform arrays; integer results beside differentiable ones."""

import torch
import torch.nn.functional as F

from checker_cases.case import Right

CASES = {
    "sort": Right(torch.sort, lambda draw: (draw.apart(2, 5),)),
    "max along an axis": Right(lambda x: torch.max(x, 1), lambda draw: (draw.apart(3, 4),)),
    "median along an axis": Right(lambda x: torch.median(x, 1), lambda draw: (draw.apart(2, 5),)),
    "topk": Right(lambda x: torch.topk(x, 2), lambda draw: (draw.apart(2, 5),)),
    "kthvalue": Right(lambda x: torch.kthvalue(x, 2), lambda draw: (draw.apart(2, 4),)),
    "cummax": Right(lambda x: torch.cummax(x, -1), lambda draw: (draw.apart(6),)),
    "quantile": Right(lambda x: torch.quantile(x, 0.3), lambda draw: (draw.apart(6),)),
    "amax": Right(lambda x: torch.amax(x, (0, 1)), lambda draw: (draw.apart(2, 3, 2),)),
    "aminmax": Right(torch.aminmax, lambda draw: (draw.apart(5),)),
    "unbind": Right(torch.unbind, lambda draw: (draw.normal(3, 2),)),
    "var_mean": Right(torch.var_mean, lambda draw: (draw.normal(5),)),
    "frexp": Right(torch.frexp, lambda draw: (draw.apart(4, distance=0.37),)),
    "cumsum": Right(lambda x: x.cumsum(-1), lambda draw: (draw.normal(2, 4),)),
    "logcumsumexp": Right(lambda x: torch.logcumsumexp(x, -1), lambda draw: (draw.normal(2, 4),)),
    "gather": Right(torch.gather, lambda draw: (draw.normal(3, 4), 1, torch.tensor([[0, 0, 3], [1, 2, 2], [3, 3, 3]]))),
    "index_add": Right(
        lambda x, y: x.index_add(0, torch.tensor([0, 2, 0]), y), lambda draw: (draw.normal(4, 2), draw.normal(3, 2))
    ),
    "expand and sum": Right(lambda x: x.expand(3, 4).sum(0), lambda draw: (draw.normal(4),)),
    "roll": Right(lambda x: x.roll(1, -1), lambda draw: (draw.normal(2, 3),)),
    "view": Right(lambda x: x.T, lambda draw: (draw.normal(2, 3),)),
    "identity": Right(lambda x: x, lambda draw: (draw.normal(2, 3),)),
    "meshgrid": Right(lambda x, y: torch.meshgrid(x, y, indexing="ij"), lambda draw: (draw.normal(2), draw.normal(3))),
    "list of tensors": Right(lambda parts: torch.cat(parts), lambda draw: ([draw.normal(2), draw.normal(3)],)),
    "einsum": Right(
        lambda a, b: torch.einsum("bij,jk->bki", a, b), lambda draw: (draw.normal(2, 3, 2), draw.normal(2, 3))
    ),
    "fft": Right(torch.fft.fft, lambda draw: (draw.complex(5),)),
    "rfft": Right(torch.fft.rfft, lambda draw: (draw.normal(2, 5),)),
    "irfft": Right(lambda x: torch.fft.irfft(x, n=5), lambda draw: (draw.complex(3),)),
    "rfft2 magnitude": Right(lambda x: torch.fft.rfft2(x).abs(), lambda draw: (draw.normal(3, 4),)),
    "stft": Right(
        lambda x, w: torch.stft(x, 4, 2, window=w, return_complex=True),
        lambda draw: (draw.normal(10), draw.uniform(0.5, 1, 4)),
    ),
    "cdist": Right(torch.cdist, lambda draw: (draw.normal(2, 3), draw.normal(4, 3))),
    "pdist": Right(F.pdist, lambda draw: (draw.normal(4, 3),)),
    "cross": Right(torch.linalg.cross, lambda draw: (draw.normal(2, 3), draw.normal(1, 3))),
    "trapezoid": Right(torch.trapezoid, lambda draw: (draw.normal(5), draw.normal(5).cumsum(0))),
    "integer result beside": Right(lambda x: (x.exp(), x.argmax(), x > 0), lambda draw: (draw.apart(5),)),
    "no argument but the first": Right(lambda x, y: x.exp() + 0 * y, lambda draw: (draw.normal(3), draw.normal(3))),
    "unused argument": Right(lambda x, y: x.exp(), lambda draw: (draw.normal(3), draw.normal(3))),
}
