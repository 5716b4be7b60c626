"""The workshop: raw ivory used is what is made of it and waste, and costs go where it goes."""

import numpy as np
import pytest
from conftest import Standstill, levers
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from marketsim.model.kernels.processing import process_ivory
from marketsim.model.ledger import Account, Item
from marketsim.model.state import Enforcement, Stage

MADE = (Item.SEMI_WORKED, Item.UNCARVED, Item.CARVED)


class Bench(Standstill):
    """One processor with raw ivory and money, no finished goods, and nobody to buy of."""

    def __init__(self, raw=900_000, money=10**12, cost=10.0, **changes):
        alone = {"supply__suppliers": 0.0, "workshop__processors": 1000.0}
        plain = {"workshop__hand": 1e6, "workshop__machine": 1e6}
        super().__init__(days=20, **alone | plain | changes)
        for item in MADE:
            self.set(Account.PROCESSORS, item, 0)
        self.set(Account.PROCESSORS, Item.RAW, raw)
        self.set(Account.PROCESSORS, Item.MONEY, money)
        self.trade.unit_cost[0] = 0.0
        self.trade.unit_cost[0, Item.RAW] = cost
        self.trade.dealers.least_sales[0, 1:] = 1e9

    def work(self, row=0, seized=0.0):
        of_day = levers(machines=seized)
        process_ivory(self.seed, self.day + row, row, of_day, self.params, self.trade)
        return self

    def made(self) -> np.ndarray:
        """Return milligrams of semi-worked, uncarved and carved pieces."""
        return np.array([self.held(Account.PROCESSORS, item) for item in MADE])

    def used(self, raw=900_000) -> int:
        return raw - self.held(Account.PROCESSORS, Item.RAW)


recipes = st.fixed_dictionaries(
    {
        "workshop__top_grade_share": st.floats(0.01, 0.99),
        "workshop__grade_value": st.floats(1.0, 10.0),
        "workshop__semi_share": st.floats(0.0, 1.0),
        "workshop__waste_hand": st.floats(0.25, 0.35),
        "workshop__waste_machine": st.floats(0.25, 0.5),
        "workshop__waste_cutting": st.floats(0.0, 0.5),
        "workshop__machine": st.sampled_from([0.0, 0.1, 1e6]),
    }
)


@hypothesis_settings(deadline=None, max_examples=50)
@given(recipe=recipes, raw=st.integers(0, 10**9))
def test_what_is_cut_is_what_is_made_and_waste(recipe, raw):
    """Raw ivory used = semi-worked + uncarved + carved + waste, to the milligram."""
    of = Bench(raw, **recipe).work()
    wasted = of.held(Account.WASTED, Item.WASTE)
    assert of.used(raw) == of.made().sum() + wasted
    assert (of.made() >= 0).all() and wasted >= 0
    assert of.used(raw) == of.held(Account.WORKED, Item.RAW)


@hypothesis_settings(deadline=None, max_examples=50)
@given(recipe=recipes)
def test_the_cost_of_the_grades_adds_up_to_the_raw_cost(recipe):
    """Costs less wages, times what was made, are the cost of the raw ivory used."""
    of = Bench(900_000_000, **recipe).work()
    shop = of.params.workshop
    wages = np.array([shop.wage_semi, shop.wage_uncarved, shop.wage_carved])
    costs = of.trade.unit_cost[0, list(MADE)]
    allocated = ((costs - wages) * of.made()).sum()
    assert allocated == pytest.approx(10.0 * of.used(900_000_000), rel=1e-6)


def test_the_best_grade_is_dearer_by_its_value():
    """Before wages and waste, uncarved pieces cost `grade_value` times carved ones."""
    of = Bench(workshop__grade_value=3.0).work()
    shop = of.params.workshop
    _, uncarved, carved = of.trade.unit_cost[0, list(MADE)]
    best = (uncarved - shop.wage_uncarved) * (1.0 - shop.waste_hand)
    rest = (carved - shop.wage_carved) * (1.0 - shop.waste_machine)
    assert best / rest == pytest.approx(3.0, rel=1e-12)
    assert best * shop.top_grade_share + rest * (1.0 - shop.top_grade_share) == pytest.approx(
        10.0, rel=1e-12
    )


def test_the_yields_are_those_of_the_recipe():
    """Each grade loses its own waste: hand, machine and cutting."""
    of = Bench(10_000_000, workshop__top_grade_share=0.5, workshop__semi_share=0.2).work()
    shop = of.params.workshop
    used = of.used(10_000_000)
    assert used > 0
    kept = [0.5 * 0.2 * (1 - shop.waste_cutting), 0.5 * (1 - shop.waste_hand)]
    kept.append(0.5 * 0.8 * (1 - shop.waste_machine))
    assert of.made() / used == pytest.approx(kept, abs=1e-5)


def test_wages_are_paid():
    """Wages a gram of what is made leave the market; a poor workshop makes what it can pay for."""
    of = Bench().work()
    shop = of.params.workshop
    wages = np.array([shop.wage_semi, shop.wage_uncarved, shop.wage_carved])
    paid = of.held(Account.COSTS, Item.MONEY)
    assert paid == pytest.approx((wages * of.made()).sum() / 10.0, abs=3)
    poor = Bench(money=paid // 2).work()
    assert poor.used() == pytest.approx(of.used() / 2, rel=0.01)
    assert poor.held(Account.PROCESSORS, Item.MONEY) >= 0
    assert Bench(money=0, workshop__wage_semi=1.0).work().made().sum() <= 10


def test_hands_set_the_pace():
    """One processor works so much of the best grade by hand a day."""
    of = Bench(10**9, workshop__hand=100.0, workshop__top_grade_share=0.4).work()
    assert of.used(10**9) == pytest.approx(100_000 / 0.4, abs=2)


def test_what_machines_cannot_engrave_is_sold_semi_worked():
    """Beyond the machines' pace the lower grade is only cut."""
    many = Bench(10**8, workshop__hand=1000.0).work()
    few = Bench(10**8, workshop__hand=1000.0, workshop__machine=50.0).work()
    assert many.used(10**8) == few.used(10**8)
    shop = few.params.workshop
    assert few.made()[2] == int(50_000 * (1.0 - shop.waste_machine))
    assert few.made()[0] > many.made()[0]
    assert few.made()[1] == many.made()[1]


def test_seized_machines_engrave_nothing_any_more():
    """After a seizure of all machines nothing is carved; it is counted once, and lasts."""
    of = Bench(10**9, workshop__hand=100.0).work(0, 1.0).work(1, 1.0).work(2)
    assert of.made()[2] == 0 < of.made()[0]
    measures = of.trade.records.enforcement[:, Enforcement.MACHINES_SEIZED].sum(axis=(0, 1))
    assert measures.tolist() == [1, 0]
    assert Bench(10**9).work().made()[2] > 0  # negative control


def test_who_is_closed_does_not_work():
    """A raided workshop rests until its day."""
    of = Bench()
    of.trade.dealers.closed_until[0] = of.day + 1
    assert of.work(0).used() == 0 < of.work(1).used()


def test_full_stocks_are_not_added_to():
    """Where there is enough of everything nothing is cut."""
    of = Bench()
    for item in MADE:
        of.set(Account.PROCESSORS, item, 10**12)
    assert of.work().used() == 0


def test_processors_buy_raw_ivory_of_suppliers():
    """A workshop without raw ivory buys it at the supplier's price, and the books agree."""
    of = Bench(0, supply__suppliers=1000.0, retail__scarcity_pricing=0.0)
    processor = of.holder(Account.PROCESSORS)
    of.set(Account.SUPPLIERS, Item.RAW, 50_000)
    of.set(Account.PROCESSORS, Item.RAW, 0)
    of.set(Account.PROCESSORS, Item.MONEY, 10**9)
    of.set(Account.SUPPLIERS, Item.MONEY, 0)
    of.trade.dealers.least_sales[processor, 1:] = 1e9
    of.trade.unit_cost[0, Item.RAW] = 5.0
    of.work()
    price = 5.0 * (1.0 + of.params.supply.margin)
    assert of.held(Account.SUPPLIERS, Item.RAW) == 0
    assert of.held(Account.SUPPLIERS, Item.MONEY) == int(50_000 * price / 10)
    noted = of.trade.records.prices[0, Item.RAW, Stage.SUPPLIER].sum(axis=0)
    assert noted.tolist() == [round(price * 100), round(price * 100) ** 2, 1]
