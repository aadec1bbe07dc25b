"""Scoring whole data sets: files, frames and iterators, at any size."""

from nemoguardrails_trust.datasets.labelled import calibrate_dataset, evaluate_dataset
from nemoguardrails_trust.datasets.score import score_dataset, score_rows

__all__ = ["calibrate_dataset", "evaluate_dataset", "score_dataset", "score_rows"]
