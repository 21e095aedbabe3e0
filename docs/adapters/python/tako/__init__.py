"""The formats of Tako, one module for each page of the specification."""
