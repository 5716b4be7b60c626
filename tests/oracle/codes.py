"""Numbers of columns, items, accounts and states (docs/model.md 2, docs/market.md 1)."""

from enum import IntEnum


class Item(IntEnum):
    """What is held; the first four are products."""

    RAW = 0
    SEMI_WORKED = 1
    UNCARVED = 2
    CARVED = 3
    WASTE = 4
    MONEY = 5
    CARD = 6  # a certificate of the legal market


PRODUCTS = (Item.RAW, Item.SEMI_WORKED, Item.UNCARVED, Item.CARVED)
WORKED_PRODUCTS = (Item.SEMI_WORKED, Item.UNCARVED, Item.CARVED)


class Account(IntEnum):
    """The accounts of the books, those outside the market from POACHED on."""

    SUPPLIERS = 0
    PROCESSORS = 1
    RETAILERS = 2
    RESALE_AGENTS = 3
    LICENSED = 4
    COURIERS = 5
    ESCROW = 6
    POACHED = 7
    LEGAL_STOCK = 8
    OPENING = 9
    WORKED = 10
    CONSUMED = 11
    SEIZED = 12
    WASTED = 13
    LOST = 14
    INCOME = 15
    OWNERS = 16
    COSTS = 17


class State(IntEnum):
    """What has become of a trader."""

    ABSENT = 0
    ACTIVE = 1
    LYING_LOW = 2
    BANNED = 3
    LEFT = 4
    ARRESTED = 5


class Backup(IntEnum):
    """State of a backup account."""

    NONE = 0
    PREPARED = 1
    ANNOUNCED = 2


class Place(IntEnum):
    """State of a trader's place in the moderators' queue."""

    NONE = 0
    OPEN = 1
    VOID = 2


class Tally(IntEnum):
    """What trade counts over one day; the four blocks from AGREED on have one column a channel."""

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
    AGREED = 17  # and the five after it: milligrams of deals by channel
    REVENUE = 23  # and the five after it: fen of deals by channel
    DELIVERED = 29  # and the five after it: milligrams handed over by channel
    EARNED = 35  # and the five after it: fen that traders keep by channel
    TURNED_AWAY = 41
    LEGAL_UNMET = 42
    BOUGHT_OUT = 43
    LEAKED = 44
    LEGAL_STOCK = 45
    STALLS_STOCKED = 46
    STALL_PIECES = 47
    PASSED_ON = 48
    BOUGHT_ABROAD = 49
    SUBSTITUTED = 50
    BUYERS_12_MONTHS = 51
    DEALER_POSTS = 52
    AGENTS_ACTIVE = 53
    STRANGERS_REFUSED = 54


class Channel(IntEnum):
    """Where an offer stands and a deal begins."""

    MOMENTS = 0
    GROUPS = 1
    PUBLIC = 2
    SOCIAL = 3
    WEBSITES = 4
    PHYSICAL = 5


class Site(IntEnum):
    """A place beside Moments where a trader has an account (market.md 20)."""

    GROUPS = 0
    PUBLIC = 1
    SOCIAL = 2
    WEBSITES = 3

    @property
    def channel(self) -> Channel:
        return Channel(self + 1)


class Operator(IntEnum):
    """Whose moderators decide about accounts."""

    TENCENT = 0
    PORTALS = 1
    WEBSITES = 2


class Unit(IntEnum):
    """A unit of police (market.md 21)."""

    ONLINE = 0
    PARCELS = 1
    MARKETS = 2
    BORDER = 3


class Segment(IntEnum):
    """What a buyer buys for (market.md 18.1)."""

    GIFT = 0
    COLLECTOR = 1
    INVESTOR = 2
    TRAVELLER = 3


class Stage(IntEnum):
    """Where in the chain a price is asked or paid."""

    SUPPLIER = 0
    PROCESSOR = 1
    ADVERTISED = 2
    SOLD = 3
    LICENSED = 4


class Measure(IntEnum):
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
    PAYMENTS_STOPPED = 14
    PAYMENTS_FROZEN = 15
    PARCELS_REFUSED = 16
    ELSEWHERE_SANCTIONED = 17
    ELSEWHERE_CLOSED = 18
    CASES_SHARED = 19
    AGENTS_BANNED = 20
    DEALERS_BANNED = 21
    STINGS = 22


class Outlet(IntEnum):
    """Where a trader earns; the last three are judged by what all earn there (market.md 16)."""

    FEED = 0
    PRIVATE = 1
    STALL = 2
    PUBLIC = 3
    SOCIAL = 4
    WEBSITES = 5


OWN_OUTLETS = (Outlet.FEED, Outlet.PRIVATE, Outlet.STALL)


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
    PREBLOCKED = 13


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
