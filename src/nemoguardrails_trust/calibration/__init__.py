"""What labelled answers teach: calibration, thresholds, figures and their intervals."""
