"""Language models, as far as a score needs them."""
