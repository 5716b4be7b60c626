"""Police: cases, arrests, what is seized, and one step up and down the chain."""

import numpy as np
import pytest
from conftest import Standstill, levers
from scipy import stats

from marketsim.model.kernels.policing import investigate_cases
from marketsim.model.ledger import PRODUCTS, Account, Item
from marketsim.model.state import Enforcement, State, Unit, file_case

FALSE_ALARM = 1e-6


class Station(Standstill):
    """Retailers with goods and money, and police with a test's cases."""

    def __init__(self, retailers=300, **changes):
        super().__init__(retailers, days=60, **changes)
        self.row = 0

    def file(self, *ids):
        for i in ids:
            file_case(self.trade.cases, i, Unit.ONLINE)
        return self

    def police(self, capacity=10**6, effort=(1.0, 1.0, 0.0), listed=0):
        day = (self.seed, self.day + self.row, self.row)
        doses = dict(zip(("police", "sharing", "raids"), effort, strict=True))
        of_day = levers(**doses, cases=capacity, listed_police=listed)
        investigate_cases(*day, of_day, self.params, self.retailers, self.counters, self.trade)
        self.row += 1
        return self

    def arrested(self) -> set[int]:
        return set(np.flatnonzero(self.retailers.state == State.ARRESTED).tolist())

    def done(self, measure) -> np.ndarray:
        """Return how often something was done, and the milligrams it took."""
        return self.trade.records.enforcement[:, measure].sum(axis=(0, 1))

    def goods(self, account, number=0) -> int:
        return sum(self.held(account, item, number) for item in range(PRODUCTS))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_cases_end_in_arrests(share):
    """A share of the cases ends in an arrest; every case that is decided is closed."""
    of = Station(police__arrest=share).file(*range(300)).police()
    assert stats.binomtest(len(of.arrested()), 300, share).pvalue > FALSE_ALARM
    assert of.trade.cases.ends[1] == 0 == of.trade.cases.waiting.sum()
    assert of.done(Enforcement.ARRESTS)[0] == len(of.arrested())


def test_an_arrest_takes_all_he_has():
    """Goods and money of who is arrested go to the state; others keep theirs."""
    of = Station(police__arrest=1.0, police__upstream=0.0)
    shops = [(of.goods(Account.RETAILERS, i), of.held(Account.RETAILERS, Item.MONEY, i))
             for i in range(300)]  # fmt: skip
    assert all(money > 0 for _, money in shops[:50])
    of.file(4, 9).police()
    assert of.arrested() == {4, 9}
    for i, (mass, money) in enumerate(shops):
        kept = i not in (4, 9)
        assert of.goods(Account.RETAILERS, i) == mass * kept
        assert of.held(Account.RETAILERS, Item.MONEY, i) == money * kept
    assert of.goods(Account.SEIZED) == shops[4][0] + shops[9][0] == of.done(Enforcement.ARRESTS)[1]
    assert of.held(Account.SEIZED, Item.MONEY) == shops[4][1] + shops[9][1]
    for felt in (of.counters.sanction, of.counters.arrested):
        assert felt[[4, 9]].tolist() == [1, 1] and felt.sum() == 2


def test_cases_are_worked_off_in_turn():
    """Of the cases of one day some are decided first, by luck; a case of a later day is later."""
    of = Station(police__arrest=1.0).file(7, 3, 200, 11)
    first = of.police(2).arrested()
    assert len(first) == 2 and first < {7, 3, 200, 11}
    assert of.police(0).arrested() == first
    assert of.file(5).police(2).arrested() == {7, 3, 200, 11}
    assert of.police(2).arrested() == {7, 3, 200, 11, 5}


def test_who_is_first_of_a_day_is_drawn():
    """The lowest id is not favoured: of two cases of one day either may come first."""
    firsts = set()
    for row in range(20):
        of = Station(police__arrest=1.0)
        of.row = row
        firsts |= of.file(3, 7).police(1).arrested()
    assert firsts == {3, 7}


def test_a_retailer_has_one_case_at_most():
    """Filed again before it is decided, a case is the same; after that it is a new one."""
    of = Station(police__arrest=0.0).file(4, 4, 4).police(0).file(4).police(0)
    assert of.trade.cases.ends[1] == 1
    assert of.police(1).trade.cases.ends[1] == 0
    assert of.file(4).police(0).trade.cases.ends[1] == 1


@pytest.mark.parametrize("state", [State.LEFT, State.ARRESTED])
def test_who_is_gone_is_not_arrested(state):
    """A case of one who left, or is arrested, ends without effect."""
    of = Station(police__arrest=1.0)
    of.retailers.state[4] = state
    mass = of.goods(Account.RETAILERS, 4)
    of.file(4).police()
    assert of.retailers.state[4] == state
    assert of.goods(Account.RETAILERS, 4) == mass and of.done(Enforcement.ARRESTS)[0] == 0


@pytest.mark.parametrize(("referred", "sharing"), [(0.2, 1.0), (0.2, 3.0), (0.5, 100.0)])
def test_platforms_refer_their_share(referred, sharing):
    """Share x multiplier of the sanctioned accounts is referred, and nobody else."""
    of = Station(police__referred=referred)
    of.counters.sanction[:200] = 0.5
    of.police(0, (1.0, sharing, 0.0))
    count = int(of.done(Enforcement.REFERRALS)[0])
    assert stats.binomtest(count, 200, min(1.0, referred * sharing)).pvalue > FALSE_ALARM
    assert of.trade.cases.waiting[200:].sum() == 0 and of.trade.cases.ends[1] == count


def test_a_list_files_cases_of_those_who_post():
    """So many traders in the trade, who post and have no case, get one; none has two."""
    of = Station(12, police__arrest=1.0)
    of.retailers.recent[:] = [1, 2, 3, 4, 5, 6, 0, 0, 1, 1, 1, 1]
    of.retailers.state[8:] = State.ABSENT, State.LEFT, State.ARRESTED, State.BANNED
    of.file(0).police(0, listed=4)
    filed = set(np.flatnonzero(of.trade.cases.waiting).tolist())
    assert len(filed) == 5 and 0 in filed and filed <= {0, 1, 2, 3, 4, 5, 11}
    of.police(0, listed=100)
    assert set(np.flatnonzero(of.trade.cases.waiting).tolist()) == {0, 1, 2, 3, 4, 5, 11}
    assert of.trade.cases.ends[1] == 7


@pytest.mark.parametrize(("inspected", "effort"), [(0.1, 1.0), (0.1, 5.0), (0.5, 100.0)])
def test_stalls_are_inspected(inspected, effort):
    """Each stall is inspected with its hazard x multiplier, and only stalls are."""
    of = Station(police__inspected=inspected)
    of.trade.shops.stall[:150] = 1
    of.police(0, (effort, 1.0, 0.0))
    count = int(of.done(Enforcement.INSPECTIONS)[0])
    assert stats.binomtest(count, 150, min(1.0, inspected * effort)).pvalue > FALSE_ALARM
    assert of.trade.cases.waiting[150:].sum() == 0 and of.trade.cases.ends[1] == count


def test_a_raid_goes_one_step_up():
    """After an arrest the processor bought from is raided, loses all, and is closed for a time."""
    of = Station(police__arrest=1.0, police__upstream=1.0, police__supplier=0.0)
    processor, supplier = of.trade.shops.processor[4], of.trade.shops.supplier[4]
    had = of.books.balance[processor, :PRODUCTS].sum()
    assert had > 0
    of.file(4).police()
    assert not of.books.balance[processor].any()
    assert of.done(Enforcement.PROCESSORS_RAIDED).tolist() == [1, had]
    closed = of.trade.dealers.closed_until
    assert closed[processor] == of.day + 1 + of.params.police.closed_days
    assert np.count_nonzero(closed) == 1 and closed[supplier] == 0
    assert of.trade.dealers.machines[processor] == 1.0  # they are hidden elsewhere


def test_a_raid_may_go_on_to_a_supplier():
    """After a raid the supplier of the trade may be raided too."""
    of = Station(police__arrest=1.0, police__upstream=1.0, police__supplier=1.0)
    supplier = of.trade.shops.supplier[4]
    had = of.books.balance[supplier, Item.RAW]
    of.file(4).police()
    assert of.done(Enforcement.SUPPLIERS_RAIDED).tolist() == [1, had]
    assert not of.books.balance[supplier].any()


def test_every_dealer_hears_of_a_raid():
    """Fear steps up with every supplier and processor."""
    of = Station(police__arrest=1.0, police__upstream=1.0, police__supplier=0.0,
                 police__raid_risk=0.4)  # fmt: skip
    of.file(4).police()
    assert of.trade.dealers.risk == pytest.approx(0.4, rel=1e-12)


def test_who_is_closed_is_not_raided_again():
    """Two arrests that lead to one processor are one raid."""
    of = Station(police__arrest=1.0, police__upstream=1.0, police__supplier=0.0)
    of.trade.shops.processor[[4, 5]] = of.trade.shops.processor[4]
    of.file(4, 5).police()
    assert of.done(Enforcement.ARRESTS)[0] == 2
    assert of.done(Enforcement.PROCESSORS_RAIDED)[0] == 1


def test_an_agent_is_taken_with_his_retailer():
    """One agent who forwarded the retailer stops, and his money is seized; others go on."""
    of = Station(police__arrest=1.0, police__downstream=1.0, police__upstream=0.0)
    agents = of.trade.agents
    agents.retailer[:] = 5
    agents.retailer[[2, 6]] = 4
    for k in range(agents.retailer.size):
        of.set(Account.RESALE_AGENTS, Item.MONEY, 100, k)
    of.file(4).police()
    taken = np.flatnonzero(agents.active == 0).tolist()
    assert len(taken) == 1 and taken[0] in (2, 6)
    assert of.held(Account.RESALE_AGENTS, Item.MONEY, taken[0]) == 0
    assert of.done(Enforcement.AGENTS_TAKEN)[0] == 1
    alone = Station(police__arrest=1.0, police__downstream=1.0)
    alone.trade.agents.retailer[:] = 5
    alone.file(4).police()
    assert alone.trade.agents.active.all() and alone.done(Enforcement.AGENTS_TAKEN)[0] == 0


@pytest.mark.parametrize(
    ("share", "measure"),
    [("upstream", Enforcement.PROCESSORS_RAIDED), ("downstream", Enforcement.AGENTS_TAKEN)],
)
def test_steps_along_the_chain_have_their_chance(share, measure):
    """A share of the arrests leads up, another down; without it none does."""
    counts = {}
    for chance in (0.0, 0.4, 1.0):
        of = Station(police__arrest=1.0, **{f"police__{share}": chance})
        of.trade.agents.retailer[:] = np.arange(of.trade.agents.retailer.size)
        of.trade.shops.processor[:150] = np.arange(150) % of.trade.dealers.risk.size
        open_again = of.params.police._replace(closed_days=-1.0)  # none is closed, none spared
        of.params = of.params._replace(police=open_again)
        of.file(*range(150)).police()
        counts[chance] = int(of.done(measure)[0])
    assert counts[0.0] == 0 and counts[1.0] == 150
    assert stats.binomtest(counts[0.4], 150, 0.4).pvalue > FALSE_ALARM


def test_without_cases_or_capacity_nothing_happens():
    """Police who have nothing to do, or nobody to do it, change nothing."""
    of = Station(police__arrest=1.0)
    before = of.books.balance.copy()
    of.police().file(1, 2).police(0)
    assert (of.books.balance == before).all() and not of.arrested()


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_suppliers_are_raided_on_their_own(share):
    """A share of the suppliers lose all and are closed, without any case; processors do not."""
    of = Station(1000, supply__suppliers=500.0, workshop__processors=5.0)
    of.police(effort=(1.0, 1.0, share))
    number = int(of.done(Enforcement.SUPPLIERS_RAIDED)[0])
    assert stats.binomtest(number, 500, share).pvalue > FALSE_ALARM
    closed = of.trade.dealers.closed_until > of.day
    assert closed[:500].sum() == number and not closed[500:].any()
    assert not of.books.balance[:500][closed[:500], Item.RAW].any()
    again = int(of.police(effort=(1.0, 1.0, 1.0)).done(Enforcement.SUPPLIERS_RAIDED)[0])
    assert number + again <= 1000 and (share < 1.0 or again == number)
