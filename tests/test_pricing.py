"""What is asked: cost, margin, fear and stock; and which product a post shows."""

import numpy as np
import pytest
from conftest import Standstill
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import stats

from marketsim.model import pricing
from marketsim.model.ledger import Account, Item
from marketsim.model.state import Channel, Stage

FALSE_ALARM = 1e-6
STRENGTHS = st.floats(0.0, 0.9)
MASSES = st.floats(0.0, 1e12, allow_subnormal=False)


@hypothesis_settings(deadline=None)
@given(stock=MASSES, target=MASSES, strength=STRENGTHS)
def test_scarcity_stays_within_its_strength(stock, target, strength):
    """The factor lies between 1 - strength and 1 + strength, and is 1 at the target."""
    factor = pricing.inventory_markup(stock, target, strength)
    assert 1.0 - strength - 1e-12 <= factor <= 1.0 + strength + 1e-12
    assert pricing.inventory_markup(target, target, strength) == 1.0


@hypothesis_settings(deadline=None)
@given(target=st.floats(1.0, 1e9), strength=STRENGTHS)
def test_more_stock_never_asks_for_more(target, strength):
    """The price falls from 1 + strength with nothing left towards 1 - strength."""
    factors = [
        pricing.inventory_markup(stock, target, strength) for stock in np.linspace(0, 9e9, 50)
    ]
    assert (np.diff(factors) <= 0).all()
    assert factors[0] == pytest.approx(1.0 + strength)


@hypothesis_settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 10**9), st.floats(0.1, 1e3)), min_size=1, max_size=8))
def test_costs_are_averages_by_mass(lots):
    """What a holder has has cost the mean of its lots, weighed by their masses."""
    of = Standstill()
    of.set(Account.RETAILERS, Item.CARVED, 0)
    holder = of.holder(Account.RETAILERS)
    for mass, price in lots:
        pricing.update_average_cost(of.trade, holder, Item.CARVED, mass, price)
        of.set(Account.RETAILERS, Item.CARVED, of.held(Account.RETAILERS, Item.CARVED) + mass)
    paid = sum(mass * price for mass, price in lots) / sum(mass for mass, _ in lots)
    assert of.trade.unit_cost[holder, Item.CARVED] == pytest.approx(paid, rel=1e-9)


def test_a_label_is_cost_margin_fear_and_stock():
    """A label is cost x (1 + margin) x markup x (1 + premium x risk) x the factor of stock."""
    of = Standstill(retail__scarcity_pricing=0.4, retail__risk_premium=0.5, retail__margin=0.3)
    holder = of.holder(Account.RETAILERS)
    of.trade.unit_cost[holder, Item.UNCARVED] = 20.0
    of.trade.shops.markup[0], of.trade.shops.expected[0] = 1.1, 1000.0
    of.trade.shops.sold[0] = 0.0
    for item in range(4):
        of.set(Account.RETAILERS, item, 30_000 if item == Item.UNCARVED else 0)
    target = 0.5 * 1000.0 * of.params.retail.cover  # half of what is expected, half of what is sold
    factor = 1.0 + 0.4 * (target - 30_000) / (target + 30_000)
    for risk in (0.0, 0.5, 1.0):
        asked = pricing.asking_price(0, Item.UNCARVED, risk, of.params.retail, of.trade)
        assert asked == pytest.approx(20.0 * 1.3 * 1.1 * (1.0 + 0.5 * risk) * factor, rel=1e-12)


@pytest.mark.parametrize("risk", [0.0, 0.7])
def test_a_dealer_asks_cost_margin_fear_and_stock(risk):
    """A dealer asks his cost with margin and premium, more where stock lacks."""
    of = Standstill(retail__scarcity_pricing=0.4, retail__risk_premium=0.5)
    of.trade.dealers.risk[0], of.trade.unit_cost[0, Item.RAW] = risk, 5.0
    of.trade.dealers.sold[0, Item.RAW] = 100.0
    of.trade.dealers.least_sales[0, Item.RAW] = 200.0  # the larger of the two counts
    for stock, factor in ((0, 1.4), (200 * 50, 1.0), (3 * 200 * 50, 0.8)):
        of.set(Account.SUPPLIERS, Item.RAW, stock)
        asked = pricing.dealer_price(0, Item.RAW, 0.2, 50.0, of.params.retail, of.trade)
        assert asked == pytest.approx(5.0 * 1.2 * (1.0 + 0.5 * risk) * factor, rel=1e-12)


def shares(of: Standstill, posts=20_000) -> np.ndarray:
    demand = of.params.demand
    shown = [
        pricing.displayed_product(of.seed, of.day, 0, k, demand, of.trade) for k in range(posts)
    ]
    return np.bincount(shown, minlength=4)


def test_posts_show_products_by_their_pieces():
    """A product is shown in proportion to its pieces in stock, not to its mass."""
    of = Standstill()
    masses = {Item.RAW: 400_000, Item.SEMI_WORKED: 0, Item.UNCARVED: 90_000, Item.CARVED: 30_000}
    for item, mass in masses.items():
        of.set(Account.RETAILERS, item, mass)
    counts = shares(of)
    pieces = np.array([2.0, 0.0, 3.0, 1.0])  # of 200, 45, 30 and 30 g
    assert counts[1] == 0
    seen = pieces > 0
    assert stats.chisquare(counts[seen], 20_000 * pieces[seen] / 6.0).pvalue > FALSE_ALARM
    by_mass = np.array([40.0, 9.0, 3.0])
    assert stats.chisquare(counts[seen], 20_000 * by_mass / 52.0).pvalue < FALSE_ALARM


def test_who_has_nothing_shows_what_workshops_make():
    """Without stock posts show the mix of the workshops, by pieces."""
    of = Standstill()
    for item in range(4):
        of.set(Account.RETAILERS, item, 0)
    demand = of.params.demand
    mean = [demand.piece_raw, demand.piece_semi, demand.piece_uncarved, demand.piece_carved]
    pieces = of.trade.product_mix / np.array(mean)
    expected = 20_000 * pieces / pieces.sum()
    assert stats.chisquare(shares(of), expected).pvalue > FALSE_ALARM
    assert of.trade.product_mix.sum() == pytest.approx(1.0)


def test_prices_are_counted_in_whole_fen():
    """Sum, sum of squares and number of prices, to the nearest fen, up to the highest."""
    records = Standstill().trade.records
    for price in (1.0, 2.004, 2.006, 1e9):
        pricing.record_price(records, 3, Item.RAW, Stage.SOLD, Channel.GROUPS, price)
    cell = records.prices[3, Item.RAW, Stage.SOLD, Channel.GROUPS].tolist()
    fen = [100, 200, 201, 10_000_000]
    assert cell == [sum(fen), sum(one * one for one in fen), 4]
    assert np.count_nonzero(records.prices) == 3
