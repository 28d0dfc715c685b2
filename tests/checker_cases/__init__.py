"""What the checker is held against: functions with right derivatives, and mutants with one mistake each."""

from checker_cases import (
    mutants_calls,
    mutants_edges,
    mutants_geometry,
    mutants_incoming,
    mutants_orders,
    mutants_scaling,
    mutants_tutorial,
    right_arrays,
    right_edges,
    right_elementwise,
    right_matrices,
    right_networks,
)

RIGHT = right_elementwise.CASES | right_edges.CASES | right_arrays.CASES | right_matrices.CASES | right_networks.CASES

MUTANTS = (
    mutants_scaling.CASES
    | mutants_geometry.CASES
    | mutants_incoming.CASES
    | mutants_orders.CASES
    | mutants_calls.CASES
    | mutants_edges.CASES
    | mutants_tutorial.CASES
)
