"""Learn a recursive filter that undoes what a faulty amplifier did to an electroencephalogram.

The recordings are real: four channels of 800 samples, ten seconds, in matplotlib's sample data (eeg.dat, distributed
under matplotlib's licence, which is based on the PSF's). The amplifier is ours: a recursive filter that lifts 5 Hz,
swallows 12 Hz and dulls what lies above 25 Hz, plus noise. The equalizer learns from three channels and is judged by
the fourth.

    python examples/equalizer.py --out pictures
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import scipy.signal
import torch
from matplotlib.cbook import get_sample_data

from scitorch.nn import IIRFilter

RATE = 80  # samples a second


def recordings():
    with get_sample_data("eeg.dat") as file:
        return torch.tensor(np.frombuffer(file.read(), dtype=float).reshape(800, 4).T.copy())


def amplifier():
    """Zeros and poles, as pairs of a radius and a frequency in Hz."""
    radii, frequencies = np.array([[0.93, 0.7], [0.85, 0.6]]), np.array([[12, 33], [5, 20]])
    zeros, poles = radii * np.exp(2j * np.pi * frequencies / RATE)
    return scipy.signal.zpk2sos(np.r_[zeros, np.conj(zeros)], np.r_[poles, np.conj(poles)], 0.15)


def learn(equalizer, amplified, original, steps):
    """Least squares by quasi-Newton steps, which find their way where the gradient alone gets lost between poles."""
    optimizer = torch.optim.LBFGS(equalizer.parameters(), max_iter=5, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = (equalizer(amplified) - original).square().mean()
        loss.backward()
        return loss

    return [optimizer.step(closure).item() for _ in range(steps)]


def draw(path, signals, responses, losses):
    figure, axes = plt.subplot_mosaic("ss;rl", figsize=(10, 6.5), layout="constrained")
    seconds = np.arange(240) / RATE
    styles = [("original", "black", 2.5), ("amplified", "tab:red", 1), ("equalized", "tab:cyan", 1.2)]
    for name, colour, width in styles:
        axes["s"].plot(seconds, signals[name][:240], color=colour, linewidth=width, label=name)
    axes["s"].set(title="The channel that was held out", xlabel="time / s", ylabel="standard deviations")
    for name, colour in (("amplifier", "tab:red"), ("equalizer", "tab:cyan"), ("both", "black")):
        frequency, response = responses[name]
        axes["r"].plot(frequency, 20 * np.log10(abs(response)), color=colour, label=name)
    axes["r"].set(title="Frequency responses", xlabel="frequency / Hz", ylabel="gain / dB")
    axes["l"].semilogy(losses, color="tab:blue")
    axes["l"].set(title="Mean squared error while learning", xlabel="step")
    axes["s"].legend(loc="lower right")
    axes["r"].legend(loc="lower left")
    figure.savefig(path, dpi=100)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path())
    options = parser.parse_args()

    torch.manual_seed(0)
    original, sections = recordings(), amplifier()
    amplified = torch.tensor(scipy.signal.sosfilt(sections, original.numpy()))
    amplified += 0.002 * torch.randn_like(amplified)

    equalizer = IIRFilter(2, dtype=torch.double)
    losses = learn(equalizer, amplified[:3], original[:3], options.steps)
    with torch.no_grad():
        equalized, learned = equalizer(amplified), equalizer.sos.numpy()
    inverse = np.concatenate([sections[:, 3:], sections[:, :3]], 1) / sections[:, :1]
    exact = torch.tensor(scipy.signal.sosfilt(inverse, amplified.numpy()))
    error = [(x[3] - original[3]).square().mean() for x in (amplified, equalized, exact)]
    poles = np.concatenate([np.roots(row[3:]) for row in learned])
    print("Mean squared error of the channel that was held out:")
    print("  amplified {:.4f}, equalized {:.6f}, by the amplifier's exact inverse {:.6f}".format(*error))
    print(f"Poles of the equalizer, largest radius: {abs(poles).max():.3f} (stable below 1)")

    signals = {"original": original[3], "amplified": amplified[3], "equalized": equalized[3]}
    responses = {
        name: scipy.signal.freqz_sos(sos, fs=RATE)
        for name, sos in (("amplifier", sections), ("equalizer", learned), ("both", np.r_[sections, learned]))
    }
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "equalizer.png"
    draw(path, signals, responses, losses)
    print(f"Picture: {path}")


if __name__ == "__main__":
    main()
