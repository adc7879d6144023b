"""Language models as tensors. This package imports torch in its modules (not here): see `refs` for what needs none."""
