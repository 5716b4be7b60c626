"""Calibration to the survey, and checks of it."""
