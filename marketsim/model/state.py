"""The memory of the chain behind the posts: codes, named tuples of arrays, what is counted.

Kernels read and write these, like those of state.py. Suppliers and processors are dealers:
position d is holder d of the books. Sellers are the retailers and after them the resale agents.
Goods are in milligrams, money in fen, prices in CNY a gram.
"""

from collections import namedtuple
from enum import IntEnum

from marketsim.numerics.jit import part


class Channel(IntEnum):
    """Where an offer stands and a deal begins."""

    MOMENTS = 0
    GROUPS = 1
    PUBLIC = 2
    SOCIAL = 3
    WEBSITES = 4
    PHYSICAL = 5


class Stage(IntEnum):
    """Where in the chain a price is asked or paid."""

    SUPPLIER = 0
    PROCESSOR = 1
    ADVERTISED = 2
    SOLD = 3
    LICENSED = 4


class TradeCounter(IntEnum):
    """What trade counts over one day; the last two blocks have one column a channel."""

    INQUIRIES = 0
    DEALS = 1
    REPEAT_DEALS = 2
    RESALE_DEALS = 3
    AUCTIONS = 4
    ESCROW_DEALS = 5
    UNMET = 6
    FORWARDED = 7
    PARCELS = 8
    FRIENDS_ADDED = 9
    FRIENDS_LOST = 10
    RAW_SHIPPED = 11
    RAW_LANDED = 12
    LEGAL_DEALS = 13
    LEGAL_SOLD = 14
    LAUNDERED = 15
    STOCK = 16
    SOLD = 17  # and the five after it: milligrams by channel
    REVENUE = 23  # and the five after it: fen by channel


class Enforcement(IntEnum):
    """What enforcement does; counted with the milligrams that it takes."""

    POSTS_REMOVED = 0
    ACCOUNTS_BANNED = 1
    BORDER_SEIZURES = 2
    PARCELS_SEIZED = 3
    PARCELS_TRACED = 4
    REFERRALS = 5
    ESCROW_TRACES = 6
    COMPLAINTS = 7
    INSPECTIONS = 8
    ARRESTS = 9
    AGENTS_TAKEN = 10
    PROCESSORS_RAIDED = 11
    SUPPLIERS_RAIDED = 12
    MACHINES_SEIZED = 13


class SalesLevel(IntEnum):
    """What newcomers know of trade: milligrams sold a day, smoothed, and what they were."""

    SOLD = 0
    AT_FIRST = 1


NOBODY = -1  # in place of an id
SURE = 65535.0  # steps of trust
FILED, IN_QUEUE = 1, 2
POSTS_APART = 1 << 20  # numbers of inquiries on a channel never reach the next one's
FIRST_AGENT = 1 << 40  # by which draws for sellers tell resale agents from retailers


class Parcel(IntEnum):
    """The columns of a parcel on its way."""

    RETAILER = 0
    SELLER = 1
    BUYER = 2
    FRIEND = 3
    PRODUCT = 4
    MASS = 5
    ESCROWED = 6
    KEY = 7  # of the inquiry, by which its draws are keyed


# arrays over dealers: perceived risk, first free day, 1 or, once machines are seized, 0, fen of
# working capital; by product milligrams sold a day (smoothed), and what is always reckoned with
Dealers = namedtuple("Dealers", "risk closed_until machines working_capital sold least_sales")

Shops = namedtuple(
    "Shops",
    # of retailers, drawn once: dealer bought from, dealer of raw bought from, factor on prices,
    # 0 or 1, milligrams a day expected, fen of working capital
    "processor supplier markup stall expected working_capital "
    # milligrams sold a day (smoothed over `retail.cover`), sold today, day of the last sale,
    # posts against those of a trader with full stock
    "sold sold_today last_sale stock_effect "
    # share of the audience kept when friends were last struck off
    "audience",
)

# The resale agents: retailer whose goods they sell, agent they forward (-1: the retailer
# itself), tier from 1, 0 or 1.
Agents = namedtuple("Agents", "retailer upstream tier active")

# The friends of seller s are rows start[s] to start[s] + count[s], those who have bought first,
# as many as `customers` says; room ends at start[s + 1]. who: int32; trust: uint16 in steps of
# 1/65535.
Friends = namedtuple("Friends", "start count customers buyer trust")

# perceived risk (float32) as of the row touched (int16)
Buyers = namedtuple("Buyers", "risk touched")

# rows[day % buckets, place, len(Parcel)], count[day % buckets]
Parcels = namedtuple("Parcels", "rows count")

# A ring of retailer ids at the police, first in first out; waiting by retailer: 0, filed today,
# or in the queue.
Cases = namedtuple("Cases", "ring ends waiting")

# Days by what is counted: int64. prices holds sum, sum of squares and number, in fen a gram.
TradeRecords = namedtuple("TradeRecords", "counts prices enforcement ledger")

# What stands on contacts' accounts, int32: advertisements and items by product, fen a gram asked.
ObservedPrices = namedtuple("ObservedPrices", "ads items price")

# mix: products as they come out of the workshops, milligrams. fading: what is left of a buyer's
# perceived risk after so many days. pulse: milligrams sold a day (smoothed), now and at first.
TradeState = namedtuple(
    "TradeState",
    "books unit_cost dealers shops agents friends buyers parcels cases "
    "product_mix risk_decay sales_level records observed_prices",
)


@part
def draw_key(seller, retailers):
    """Return the number by which a seller's draws are keyed; newcomers do not move an agent's."""
    return seller if seller < retailers else FIRST_AGENT + seller - retailers


@part
def file_case(cases, retailer):
    """Open a case at the police; a retailer has at most one."""
    if cases.waiting[retailer] == 0:
        cases.waiting[retailer] = FILED


@part
def count_enforcement(records, row, measure, channel, milligrams):
    """Count one act of enforcement and what it took."""
    records.enforcement[row, measure, channel, 0] += 1
    records.enforcement[row, measure, channel, 1] += milligrams


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


class LogColumn(IntEnum):
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

DayCounters = namedtuple(
    "DayCounters",
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

MarketState = namedtuple(
    "MarketState",
    "seed first_day params levers retailers counters ties queue contacts "
    "survey_log series trade founders",
)
