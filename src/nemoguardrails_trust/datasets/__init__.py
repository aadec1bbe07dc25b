"""Scoring whole data sets: files, frames and iterators, at any size."""

from nemoguardrails_trust.datasets.score import score_dataset, score_rows

__all__ = ["score_dataset", "score_rows"]
