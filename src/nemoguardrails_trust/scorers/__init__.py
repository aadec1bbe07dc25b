"""Scorers turn an exchange into a trustworthiness score."""
