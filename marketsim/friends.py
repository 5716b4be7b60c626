"""The friends of a seller: a row of buyers, in which those who have bought come first."""

from marketsim.compiled import part
from marketsim.trade_state import NOBODY


@part
def one_of(friends, seller, number, u):
    """Return the place of one of a seller's first friends; -1 where there is none."""
    if number == 0:
        return NOBODY
    return friends.start[seller] + min(int(u * number), number - 1)


@part
def swapped(friends, one, other):
    """Let two friends of a seller change places."""
    friends.who[one], friends.who[other] = friends.who[other], friends.who[one]
    friends.trust[one], friends.trust[other] = friends.trust[other], friends.trust[one]


@part
def struck_off(friends, seller, friend):
    """Take a friend out of a seller's row, so that those who have bought still come first."""
    start = friends.start[seller]
    if friend < start + friends.customers[seller]:
        friends.customers[seller] -= 1
        swapped(friends, friend, start + friends.customers[seller])
        friend = start + friends.customers[seller]
    friends.count[seller] -= 1
    swapped(friends, friend, start + friends.count[seller])
