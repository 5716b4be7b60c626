"""Double entry: what one holder gives another takes, prices become whole fen, nobody owes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from marketsim.model import ledger as books
from marketsim.model.ledger import Account, Item

SIZES = {Account.SUPPLIERS: 2, Account.RETAILERS: 3, Account.RESALE_AGENTS: 0}
MOST = 10**14


def ledger() -> np.ndarray:
    return np.zeros((len(Account), len(Item)), np.int64)


def test_each_kind_has_its_holders():
    """A kind without a size has one holder; rows follow each other in the order of the kinds."""
    of = books.open_books(SIZES)
    assert np.diff(of.start).tolist() == [SIZES.get(account, 1) for account in Account]
    assert of.balance.shape == (sum(np.diff(of.start)), len(Item))
    assert of.balance.dtype == np.int64 and not of.balance.any()


@hypothesis_settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(Item), st.integers(0, 16), st.integers(0, 16), st.integers(0, MOST)
        ),
        max_size=30,
    )
)
def test_entries_make_and_lose_nothing(entries):
    """Whatever is entered, each item adds up to zero, and no other item is moved."""
    of = books.open_books(SIZES)
    moved = set()
    for item, giver, taker, amount in entries:
        books.move(of, item, giver, taker, amount)
        moved.add(int(item))
    assert (of.balance.sum(axis=0) == 0).all()
    assert set(np.flatnonzero(of.balance.any(axis=0)).tolist()) <= moved


def test_an_entry_moves_its_amount():
    """The giver has so much less and the taker so much more, and nobody else is touched."""
    of = books.open_books(SIZES)
    books.move(of, Item.CARVED, 1, 4, 250)
    books.move(of, Item.CARVED, 4, 5, 100)
    assert of.balance[:, Item.CARVED].tolist()[:6] == [0, -250, 0, 0, 150, 100]
    assert np.count_nonzero(of.balance) == 3


@hypothesis_settings(deadline=None)
@given(price=st.floats(0.01, 1e5), fen=st.integers(0, 10**12))
def test_what_money_pays_for_costs_no_more_than_there_is(price, fen):
    """The mass that a purse affords costs no more than the purse, and hardly less."""
    mass = books.affordable(price, fen)
    assert books.fen_of(price, mass) <= fen
    more = int(mass * 1.001) + int(20.0 / price) + 2
    assert books.fen_of(price, more) >= fen


def test_a_price_of_nothing_is_always_affordable():
    """Where nothing is asked, money sets no limit."""
    assert books.affordable(0.0, 0) > 10**18


@pytest.mark.parametrize(
    ("price", "milligrams", "fen"),
    [(8.0, 1000, 800), (8.005, 1000, 800), (0.01, 999, 0), (0.01, 1000, 1), (30.0, 0, 0)],
)
def test_sums_are_whole_fen_rounded_down(price, milligrams, fen):
    """A mass at a price costs whole fen, what is over is not paid."""
    assert books.fen_of(price, milligrams) == fen


def test_the_ledger_is_the_sum_over_the_holders():
    """Closing writes what each kind of holder has together."""
    of, day = books.open_books(SIZES), ledger()
    retailer, courier = of.start[Account.RETAILERS], of.start[Account.COURIERS]
    for taker, amount in ((retailer, 5), (retailer + 2, 7), (courier, 1)):
        books.move(of, Item.RAW, of.start[Account.POACHED], taker, amount)
    books.close_books(of, day)
    expected = dict.fromkeys(Account, 0)
    expected |= {Account.RETAILERS: 12, Account.COURIERS: 1, Account.POACHED: -13}
    assert day[:, Item.RAW].tolist() == list(expected.values())
    assert not day[:, Item.RAW + 1 :].any()


@pytest.mark.parametrize("item", list(Item))
@pytest.mark.parametrize("off", [-1, 1])
def test_books_that_do_not_balance_are_refused(item, off):
    """Negative control: one milligram or fen too many or too few is noticed, in every item."""
    of = books.open_books(SIZES)
    books.close_books(of, ledger())
    of.balance[of.start[Account.OWNERS], item] += off
    with pytest.raises(ValueError, match="does not balance"):
        books.close_books(of, ledger())


@pytest.mark.parametrize("account", list(Account))
def test_only_the_outside_may_owe(account):
    """A debt inside the market is refused, one of the outside is how things come and go."""
    of = books.open_books({Account.RESALE_AGENTS: 1})
    other = Account.LOST if account != Account.LOST else Account.SEIZED
    books.move(of, Item.MONEY, of.start[account], of.start[other], 1)
    if account <= Account.ESCROW:
        with pytest.raises(ValueError, match="negative balance"):
            books.close_books(of, ledger())
    else:
        books.close_books(of, ledger())
