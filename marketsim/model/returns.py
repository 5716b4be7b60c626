"""Settled margins: what a deal has brought once its fate is known (docs/market.md 16)."""

from marketsim.model.state import OWN_OUTLETS, Learned, Outlet
from marketsim.numerics.jit import part

# outlet of each channel, in the order of `Channel`
OUTLETS = (
    int(Outlet.FEED),
    int(Outlet.PRIVATE),
    int(Outlet.PUBLIC),
    int(Outlet.SOCIAL),
    int(Outlet.WEBSITES),
    int(Outlet.STALL),
)
REFERENCE_ROWS = 56  # rows before the first decision: what the trade pays is compared with them


@part
def settle_margin(row, retailer, channel, margin, motives):
    """Add the margin of a deal, fen, to what the trader and the market remember (16.1)."""
    outlet = OUTLETS[channel]
    if outlet < OWN_OUTLETS:
        motives.gain[retailer, outlet] += margin
    motives.today[outlet] += margin
    if row < REFERENCE_ROWS:
        motives.market[Learned.DEALS] += 1.0
