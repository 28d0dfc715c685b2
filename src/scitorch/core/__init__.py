"""The operator core: kernel + signature + derivative rules, registered with PyTorch."""

from .operator import Operator, operator
from .parallel import parallel
from .rules import not_implemented, zero
from .samples import Sample

__all__ = ["Operator", "Sample", "not_implemented", "operator", "parallel", "zero"]
