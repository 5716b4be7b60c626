"""The market written a second time, as a Mesa model, from docs/model.md and docs/market.md."""
