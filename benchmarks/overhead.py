"""What a call on ten numbers costs, forward and backward, beside its limits (all modes: `scitorch bench overhead`)."""

from rich.console import Console

from scitorch.bench import Request, run
from scitorch.bench.case import OURS

LIMITS = {"Function, first order": 0.75, "custom_op": 0.6}

(measured,) = run(Request(["sine of ten values: forward + backward"]), Console()).measurements
for peer, limit in LIMITS.items():
    print(f"scitorch ÷ {peer}: {measured.ratio(OURS, peer, 'call'):.2f}, at most {limit}")
