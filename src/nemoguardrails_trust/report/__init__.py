"""One HTML page that shows how far the answers of a data set can be trusted."""

from nemoguardrails_trust.report.build import Report, build_report

__all__ = ["Report", "build_report"]
