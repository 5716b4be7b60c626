"""The published survey: targets, statistics, distance and fit."""
