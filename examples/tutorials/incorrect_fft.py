"""A Fourier transform by NumPy: with a gradient that is wrong on purpose, then with the right one."""

import torch
from torch.autograd import gradcheck

from scitorch.tutorial import fft_magnitude, incorrect_fft

torch.manual_seed(0)
input = torch.randn(8, 8, requires_grad=True)
result = incorrect_fft(input)
print(result)
result.backward(torch.randn(result.size()))
print(input.grad)

exact = torch.randn(8, 8, dtype=torch.double, requires_grad=True)
print("incorrect_fft is differentiated rightly:", gradcheck(incorrect_fft, [exact], raise_exception=False))
print("fft_magnitude is differentiated rightly:", gradcheck(fft_magnitude, [exact], check_forward_ad=True))

odd = torch.randn(5, 7, dtype=torch.double, requires_grad=True)
print("fft_magnitude is differentiated rightly at odd sizes:", gradcheck(fft_magnitude, [odd]))
