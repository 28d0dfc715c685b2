"""The catalogue beside SciPy: one file of cases for each module, and the tests that run them."""
