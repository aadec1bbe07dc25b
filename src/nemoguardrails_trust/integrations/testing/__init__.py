"""Answers that tests hold to a threshold, under pytest."""
