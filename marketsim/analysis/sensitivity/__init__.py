"""Sensitivity analysis: which uncertain parameters matter."""
