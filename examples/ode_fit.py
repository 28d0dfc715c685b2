"""Fit the Lotka-Volterra equations to the pelts of hares and lynx that the Hudson's Bay Company traded.

The numbers are real: thousands of pelts a year from 1900 to 1920, as J. M. Mahaffy and P. Howard tabulate them in their
lectures ("Modeling Basics") after D. R. MacLulich, "Fluctuations in the numbers of the varying hare" (1937), and
C. Elton and M. Nicholson, "The ten-year cycle in numbers of the lynx in Canada", J. Anim. Ecol. 11 (1942). Four rates
and the state in 1900 are fitted to all years at once; every gradient is that of the steps which SciPy's solver took.

    python examples/ode_fit.py --out pictures
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from scitorch.integrate import solve_ivp

HARE = [30, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22, 25.4, 27.1, 40.3, 57, 76.6, 52.3, 19.5, 11.2, 7.6, 14.6]
LYNX = [4, 6.1, 9.8, 35.2, 59.4, 41.7, 19, 13, 8.3, 9.1, 7.4, 8, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8, 9.7]
PELTS = torch.tensor([[*HARE, 16.2, 24.7], [*LYNX, 10.1, 8.6]], dtype=torch.float64)
YEARS = torch.arange(1900.0, 1921.0, dtype=torch.float64)


def populations(logs, years):
    """Hares and lynx, of the logarithms of four rates and of the state in 1900."""
    birth, hunted, fed, death = logs[:4].exp()

    def change(_, y):
        hare, lynx = y
        return torch.stack([(birth - hunted * lynx) * hare, (fed * hare - death) * lynx])

    return solve_ivp(change, (1900, 1920), logs[4:].exp(), t_eval=years, rtol=1e-8, atol=1e-8).y


def error(logs):
    """The mean square of the error of the logarithms: trade varies by factors."""
    return (populations(logs, YEARS) / PELTS).log().square().mean()


def fit(steps):
    """L-BFGS, from rates that make a cycle of about ten years on."""
    logs = torch.tensor([0.5, 0.025, 0.025, 0.8, 30, 4], dtype=torch.float64).log().requires_grad_()
    optimizer = torch.optim.LBFGS([logs], lr=0.5, max_iter=1, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = error(logs)
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for _ in range(steps)]
    return logs.detach(), losses


def deviations(logs):
    """Standard deviations of the logarithms, from the Hessian of the mean square."""
    hessian = torch.func.hessian(error)(logs)
    count = PELTS.numel()
    variance = error(logs) * count / (count - len(logs))
    return (2 * variance / count * torch.linalg.inv(hessian)).diagonal().clamp(min=0).sqrt()


def draw(path, losses, logs):
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", width_ratios=[2, 1])
    times = torch.linspace(1900, 1920, 400, dtype=torch.float64)
    curves = populations(logs, times)
    for name, colour, pelts, curve in zip(("hare", "lynx"), ("tab:blue", "tab:red"), PELTS, curves, strict=True):
        left.plot(YEARS, pelts, "o", color=colour, label=f"{name}, traded")
        left.plot(times, curve, color=colour, label=f"{name}, fitted")
    left.set(title="Pelts of the Hudson's Bay Company", xlabel="year", ylabel="thousands", xticks=range(1900, 1921, 4))
    left.legend()
    right.semilogy(losses, color="black")
    right.set(title="Mean square error of logarithms", xlabel="step of L-BFGS")
    figure.savefig(path, dpi=100)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--out", type=Path, default=Path())
    options = parser.parse_args()

    logs, losses = fit(options.steps)
    names = ("births of hares", "hares hunted by a lynx", "births of lynx for a hare", "deaths of lynx")
    names = (*names, "hares in 1900", "lynx in 1900")
    for name, value, deviation in zip(names, logs.exp(), deviations(logs), strict=True):
        print(f"{name:26} {value:8.4f} ± {100 * deviation:.0f} %")
    print(f"Typical error: a factor of {error(logs).sqrt().exp():.2f}")
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "ode_fit.png"
    draw(path, losses, logs)
    print(f"Picture: {path}")


if __name__ == "__main__":
    main()
