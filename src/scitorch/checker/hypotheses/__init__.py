"""What may be wrong with a gradient, by idea; `scitorch.checker.diagnosis` tries them in order."""
