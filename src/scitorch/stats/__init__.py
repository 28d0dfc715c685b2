"""Distributions of torch.distributions with the cumulative functions they lack."""

__all__: list[str] = []
