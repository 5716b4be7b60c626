"""Units of police: effort, finds, hours that move, hubs, undercover purchases, vetting."""

import numpy as np
import pytest
from conftest import Standstill, levers, settings
from scipy import stats

from marketsim.model.kernels.policing import LEAST_SHARE, MONTH, investigate_cases
from marketsim.model.ledger import PRODUCTS, Account, Item
from marketsim.model.market import advance, initialize
from marketsim.model.state import (
    Enforcement,
    State,
    TradeCounter,
    Unit,
    file_case,
    strengthened,
)

FALSE_ALARM = 1e-6


class Station(Standstill):
    """Police with the cases that a test files."""

    def __init__(self, retailers=300, **changes):
        super().__init__(retailers, days=200, **changes)
        self.units, self.cases, self.row = self.trade.units, self.trade.cases, 0

    def file(self, *ids, unit=Unit.ONLINE):
        for i in ids:
            file_case(self.cases, i, unit)
        return self

    def police(self, capacity=10**6, **of_day):
        day = (self.seed, self.day + self.row, self.row)
        of_day = levers(cases=capacity, **of_day)
        investigate_cases(*day, of_day, self.params, self.retailers, self.counters, self.trade)
        self.row += 1
        return self

    def done(self, measure) -> np.ndarray:
        return self.trade.records.enforcement[:, measure].sum(axis=(0, 1))

    def arrested(self) -> set[int]:
        return set(np.flatnonzero(self.retailers.state == State.ARRESTED).tolist())

    def stock(self, holder) -> int:
        return int(self.books.balance[holder, :PRODUCTS].sum())


# ---------------------------------------------------------------- effort and hours


@pytest.mark.parametrize("effort", [0.0, 0.5, 1.0, 3.0])
def test_effort_strengthens_a_chance(effort):
    """Twice the effort looks twice, independently; none finds nothing; all remains all."""
    assert strengthened(0.2, effort) == pytest.approx(1.0 - 0.8**effort, rel=1e-12)
    assert strengthened(1.0, effort) == 1.0 and strengthened(0.0, effort) == 0.0
    assert strengthened(0.2, 1.0) == 0.2  # to the bit


def test_units_find_what_they_filed():
    """An arrest and the kilograms seized at it count for the unit that filed the case."""
    of = Station(police__arrest=1.0, police__upstream=1.0, police__supplier=1.0)
    stock = of.stock(of.holder(Account.RETAILERS, 4))
    raided = of.stock(of.trade.shops.processor[4]) + of.stock(of.trade.shops.supplier[4])
    of.file(4, unit=Unit.MARKETS).police()
    assert of.units.found[Unit.MARKETS] == pytest.approx(1.0 + (stock + raided) / 1e6, rel=1e-9)
    assert of.units.found.sum() == of.units.found[Unit.MARKETS]


def test_the_first_unit_has_the_case():
    """Who files it again finds it taken."""
    of = Station(police__arrest=1.0, police__upstream=0.0)
    of.file(4, unit=Unit.PARCELS).file(4, unit=Unit.ONLINE).police()
    assert of.units.found[Unit.PARCELS] >= 1.0 and of.units.found[Unit.ONLINE] == 0.0


def test_hours_move_to_the_unit_that_finds_more():
    """Every fourth week, with the lever; hours are conserved, and no unit falls below its least."""
    of = Station()
    for shift in (0.0, 1.0, 10.0):
        of.units.effort[:] = 1.0
        of.row = MONTH - 1
        of.units.found[:] = 0.0, 5.0, 0.0, 0.0
        of.police(0, shift=shift)
        hours = of.units.share * of.units.effort
        assert hours.sum() == pytest.approx(1.0, rel=1e-12)
        assert not of.units.found.any()
        if shift == 0.0:
            assert (of.units.effort == 1.0).all()
        else:
            assert of.units.effort[Unit.PARCELS] > 1.0
            assert (np.delete(of.units.effort, Unit.PARCELS) < 1.0).all()
            assert hours.min() >= LEAST_SHARE / (1.0 + 3 * LEAST_SHARE) - 1e-12


@pytest.mark.parametrize(
    ("row", "found"), [(MONTH - 2, 5.0), (MONTH - 1, 0.0)], ids=["not yet", "nothing found"]
)
def test_hours_stay_where_there_is_no_reason(row, found):
    """Before the month is over, and where nobody found anything, hours stay."""
    of = Station()
    of.row, of.units.found[:] = row, found * np.array([1.0, 0.0, 0.0, 0.0])
    of.police(0, shift=2.0)
    assert (of.units.effort == 1.0).all()


def test_effort_moves_what_units_look_at():
    """Referrals, inspections, parcels and the border follow the effort of their units."""
    counts = {}
    measures = (Enforcement.REFERRALS, Enforcement.PARCELS_SEIZED, Enforcement.INSPECTIONS,
                Enforcement.BORDER_SEIZURES)  # fmt: skip
    for effort in (0.0, 1.0, 5.0):
        of = settings(1000, "baseline_2015", police__referred=0.1, police__inspected=0.001,
                      delivery__intercepted=0.02, supply__seized=0.1)  # fmt: skip
        state = initialize(of, 3)
        state.trade.units.effort[:] = effort
        advance(state, 0, 100)
        counts[effort] = state.trade.records.enforcement[..., 0].sum(axis=(0, 2))[list(measures)]
    assert (counts[0.0] == 0).all()
    assert (counts[1.0] > 0).all() and (counts[5.0] > 2 * counts[1.0]).all()


# ---------------------------------------------------------------- what police know, and hubs


def test_police_know_whose_goods_they_seize():
    """Raw ivory leads to the supplier, worked pieces to the processor, stock at a stall to him."""
    of = Station(police__arrest=1.0, police__upstream=0.0, police__inspected=1.0)
    of.trade.shops.stall[7] = 1
    raw = int(of.books.balance[of.holder(Account.RETAILERS, 4), Item.RAW])
    worked = of.stock(of.holder(Account.RETAILERS, 4)) - raw
    stall = of.stock(of.holder(Account.RETAILERS, 7))
    of.file(4).police(1)
    known = of.units.known
    if 4 in of.arrested():
        assert known[of.trade.shops.supplier[4]] == raw
        assert known[of.trade.shops.processor[4]] == worked
    assert known[of.holder(Account.RETAILERS, 7)] == stall


def test_the_case_of_a_hub_is_next():
    """With hub 1 he of whom police know the most is likeliest; without, the first who waits."""
    firsts = {0.0: [], 1.0: []}
    for hub, found in firsts.items():
        for seed in range(40):
            of = Station(60, seed=seed, police__arrest=1.0, police__upstream=0.0)
            of.units.known[of.holder(Account.RETAILERS) :] = 1.0
            of.units.known[of.holder(Account.RETAILERS, 9)] = 1e6
            of.file(*range(20)).police(1, hub=hub)
            found.append(of.arrested() == {9})
    assert np.mean(firsts[1.0]) > 0.9 and np.mean(firsts[0.0]) < 0.5


def test_targeting_decides_as_many_cases():
    """Hours are the same: so many cases leave the queue, and the others keep their order."""
    of = Station(60, police__arrest=1.0, police__upstream=0.0)
    of.file(*range(20)).police(0)
    before = of.cases.ring[:20].tolist()
    of.police(3, hub=1.0)
    assert of.cases.ends[1] == 17 and len(of.arrested()) == 3
    first = of.cases.ends[0]
    left = of.cases.ring[first : first + 17].tolist()
    assert left == [i for i in before if i not in of.arrested()]


def test_raids_go_to_those_police_know():
    """With hub 1 the processor of whom police know all is raided, else the usual one."""
    for hub in (0.0, 1.0):
        of = Station(police__arrest=1.0, police__upstream=1.0, police__supplier=0.0)
        usual = int(of.trade.shops.processor[4])
        other = next(p for p in range(*of.books.start[[1, 2]]) if p != usual)
        of.units.known[other] = 1e12
        of.file(4).police(1, hub=hub)
        closed = np.flatnonzero(of.trade.dealers.closed_until)
        assert closed.tolist() == [other if hub else usual]


def test_a_raid_uses_up_what_police_know():
    """A dealer who was raided has no stock: the next raid goes to another who is known."""
    of = Station(police__arrest=1.0, police__upstream=1.0, police__supplier=0.0)
    first, second = range(*of.books.start[[1, 2]])[:2]
    of.trade.shops.processor[:] = second + 1  # what is seized at arrests is of another
    of.units.known[first], of.units.known[second] = 1e12, 1e6
    of.file(4).police(1, hub=1.0)
    assert of.units.known[first] == 0.0 and of.units.known[second] == 1e6
    of.trade.dealers.closed_until[:] = 0
    of.units.known[second + 1] = 0.0
    of.books.balance[of.holder(Account.RETAILERS) :][:300, :PRODUCTS] = 0
    of.file(5).police(1, hub=1.0)
    assert np.flatnonzero(of.trade.dealers.closed_until).tolist() == [second]


def test_police_who_target_hubs_seize_at_least_as_much():
    """Where as many cases are decided, more goods are seized in all: raids are more."""
    masses, cases = {}, {}
    for hub in (0.0, 1.0):
        seized = arrests = 0
        for seed in range(12):
            of = settings(600, "baseline_2015", workshop__processors=50.0, upstream__spread=1.5,
                          police__capacity=1.0, police__inspected=0.005, police__arrest=1.0,
                          police__upstream=0.5, police__supplier=0.5)  # fmt: skip
            of.scenario.interventions["hubs"] = {
                "kind": "targeting",
                "start": "2015-03-20",
                "hub": hub,
            }
            state = initialize(of, seed)
            advance(state, 0, 120)
            enforcement = state.trade.records.enforcement
            actions = [Enforcement.ARRESTS, Enforcement.PROCESSORS_RAIDED,
                       Enforcement.SUPPLIERS_RAIDED]  # fmt: skip
            seized += int(enforcement[:, actions, :, 1].sum())
            arrests += int(enforcement[:, Enforcement.ARRESTS, :, 0].sum())
        masses[hub], cases[hub] = seized, arrests
    assert cases[1.0] == pytest.approx(cases[0.0], rel=0.02) and cases[0.0] > 500
    assert masses[1.0] > masses[0.0]


# ---------------------------------------------------------------- undercover purchases


def test_undercover_purchases_are_evidence():
    """What is bought goes to the state, is paid, and leads to an arrest; nobody else is touched."""
    of = Station(institutions__evidence=1.0, police__arrest=0.0, police__upstream=0.0)
    of.counters.moments[:50] = 1
    before = of.held(Account.INCOME, Item.MONEY)
    of.police(stings=30)
    number, mass = of.done(Enforcement.STINGS)
    assert number == 30 and mass > 0
    assert of.held(Account.INCOME, Item.MONEY) < before
    assert of.arrested() and max(of.arrested()) < 50
    assert not of.cases.evidence.any()


@pytest.mark.parametrize("evidence", [0.0, 0.4, 1.0])
def test_evidence_decides_the_case(evidence):
    """A share of the cases with evidence ends in an arrest, whatever other cases do."""
    of = Station(1000, institutions__evidence=evidence, police__arrest=0.0, police__upstream=0.0)
    of.cases.evidence[:] = 1
    of.file(*range(1000)).police()
    assert stats.binomtest(len(of.arrested()), 1000, evidence).pvalue > FALSE_ALARM


def test_nobody_is_bought_from_who_does_not_post_or_has_nothing():
    """Without posts or stock an undercover purchase finds nobody."""
    silent = Station(institutions__evidence=1.0).police(stings=30)
    assert silent.done(Enforcement.STINGS)[0] == 0
    sold_out = Station(60, institutions__evidence=1.0)
    sold_out.counters.moments[:] = 1
    for i in range(60):
        for item in range(PRODUCTS):
            sold_out.set(Account.RETAILERS, item, 0, i)
    assert sold_out.police(stings=30).done(Enforcement.STINGS)[0] == 0


@pytest.mark.parametrize("vetting", [0.0, 0.5, 1.0])
def test_frightened_traders_refuse_strangers(vetting):
    """A stranger is refused with vetting x risk above the floor; police are strangers too."""
    of = Station(1000, institutions__vetting=vetting, police__arrest=0.0)
    of.counters.moments[:] = 1
    of.books.balance[of.holder(Account.RETAILERS) :][:1000, :PRODUCTS] = 10**9
    of.retailers.risk[:] = of.params.perception.residual + 0.4
    of.police(stings=2000)
    assert stats.binomtest(
        int(of.done(Enforcement.STINGS)[0]), 2000, 1.0 - 0.4 * vetting
    ).pvalue > (FALSE_ALARM)


def test_vetting_costs_sales_to_strangers():
    """In a whole market after the sweep strangers are refused; without vetting none is."""
    refused = {}
    for vetting in (0.0, 1.0):
        state = initialize(settings(500, institutions__vetting=vetting), 3)
        advance(state, 0, state.series.risk.size)
        refused[vetting] = state.trade.records.counts[:, TradeCounter.STRANGERS_REFUSED].sum()
    assert refused[0.0] == 0 < refused[1.0]


def test_publicity_of_arrests_reaches_all():
    """With publicity 1 everybody fears an arrest more, with 0 only ties do."""
    jail = {}
    for publicity in (0.0, 1.0):
        of = settings(500, institutions__publicity=publicity, motive__jail_step=0.1,
                      police__capacity=2.0, police__inspected=0.002,
                      police__arrest=1.0)  # fmt: skip
        state = initialize(of, 3)
        advance(state, 0, 100)
        jail[publicity] = state.motives.jail[state.retailers.state == State.ACTIVE]
    assert (jail[1.0] > 0.0).all() and (jail[0.0] == 0.0).any()
    assert jail[1.0].mean() > jail[0.0].mean()
