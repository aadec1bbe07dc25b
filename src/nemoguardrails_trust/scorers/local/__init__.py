"""The scorer that asks the user's own model."""
