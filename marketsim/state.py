"""The memory of a market: codes, named tuples of arrays, and what is counted each day.

Kernels read and write these; nothing else is remembered from one day to the next. Arrays over
traders have shape (ids,): position i is trader i for good.
"""

from collections import namedtuple
from enum import IntEnum


class State(IntEnum):
    """What a trader does."""

    ABSENT = 0
    ACTIVE = 1
    LYING_LOW = 2
    BANNED = 3
    LEFT = 4
    ARRESTED = 5  # gone for good, like those who left


class Backup(IntEnum):
    """How far a backup account has come."""

    NONE = 0
    PREPARED = 1
    ANNOUNCED = 2


class Case(IntEnum):
    """Whether an account waits in the moderators' queue; a ban voids the case."""

    NONE = 0
    OPEN = 1
    VOID = 2


class Flow(IntEnum):
    """What is counted over one day, in posts unless the name says otherwise."""

    OFFERS = 0
    VISIBLE = 1
    DELETED = 2
    REMOVED = 3
    BACKUP = 4
    GROUPS = 5
    ELSEWHERE = 6
    WITHHELD = 7
    PICTURES = 8
    VIDEOS = 9
    FLAGGED = 10
    BANS = 11
    MENTIONS = 12


class Stock(IntEnum):
    """What is counted at the end of a day, in traders unless the name says otherwise."""

    ACTIVE = 0
    LYING_LOW = 1
    BLOCKED = 2
    BANNED = 3
    LEFT = 4
    WITH_BACKUP = 5
    WITH_ANNOUNCED_BACKUP = 6
    CASES_WAITING = 7
    ARRESTED = 8


class Note(IntEnum):
    """What the observer's record holds of a contact and a day."""

    ADS = 0
    PICTURES = 1
    VIDEOS = 2
    DELETED = 3
    MENTION = 4
    BLOCKED = 5


Retailers = namedtuple(
    "Retailers",
    # drawn once: type (0 to 3), posts a day, k of exp(-k risk), risk, ordinal of the first day
    "kind base_rate sensitivity threshold arrival "
    # State, 0 or 1, perceived risk, number of the account (0 is the first), sanctions on it
    "state talking risk account offences "
    # ordinal of the first free day, 0 or 1, ordinal of the return after a ban (0: not yet drawn)
    "blocked_until suspended return_day "
    # Backup, share of the first audience kept, fading sum of visible posts, Case
    "backup audience recent case_open",
)

Today = namedtuple(
    "Today",
    # posts a trader means to make, and where they ended
    "intended moments deleted removed backup groups elsewhere withheld "
    # of the visible ones, and of the latest visible one
    "pictures videos latest_pictures latest_videos flagged "
    # 0 or 1, 0 or 1, and the weight of today's sanction against a ban (float64)
    "mention banned sanction",
)

# The ties of trader i are other[start[i]:start[i + 1]].
Ties = namedtuple("Ties", "start other")

# A ring of trader ids; `ends` holds the place of the first and how many wait.
Queue = namedtuple("Queue", "ring ends")

# Days by counts: int64, int64, and the mean perceived risk (float64).
Series = namedtuple("Series", "flows stocks risk")

World = namedtuple(
    "World",
    "seed first_day rules levers retailers today ties queue contacts notes series chain founders",
)
