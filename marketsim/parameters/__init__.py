"""Evidence, parameters, presets, priors and posterior."""
