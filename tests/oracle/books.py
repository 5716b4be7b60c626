"""Double-entry books of goods and money, and what is counted a day (docs/market.md 1, 4)."""

from .codes import PRODUCTS, Account, Channel, Item, Measure, Stage, Tally

FIRST_OUTSIDE = Account.POACHED


def fen(price: float, mass: int) -> int:
    """Return what a mass costs, in fen, at a price in CNY a gram."""
    return int(price * mass * 0.1)


def affordable(price: float, money: int) -> int:
    """Return how many milligrams a sum of fen pays at most."""
    if price <= 0.0:
        return 2**62
    return int(money / (price * 0.1) * (1.0 - 1e-12))


class Holder:
    """Who has a balance of each item in the books."""

    def __init__(self, *args):
        super().__init__(*args)
        self.held = [0] * len(Item)

    @property
    def money(self) -> int:
        return self.held[Item.MONEY]

    @property
    def stock(self) -> int:
        """All products together, in mg."""
        return sum(self.held[product] for product in PRODUCTS)


class Stockist(Holder):
    """A holder who knows the average cost of goods."""

    def __init__(self, *args):
        super().__init__(*args)
        self.cost = [0.0] * len(PRODUCTS)

    def reckon_cost(self, product: Item, mass: int, price: float) -> None:
        """Move the average cost of a product of which some is about to come in.

        The price is that at the reference price of raw ivory, at which costs are kept.
        """
        held = self.held[product]
        if held + mass > 0:
            self.cost[product] = (self.cost[product] * held + price * mass) / (held + mass)


class Books:
    """All holders in their order, and the entries between them."""

    def __init__(self):
        self.holders: dict[Account, list[Holder]] = {
            account: [Holder()] if account > Account.RESALE_AGENTS else [] for account in Account
        }

    def open(self, account: Account, holders: list) -> None:
        """Give holders an account."""
        self.holders[account] = holders

    def move(self, item: Item, amount: int, giver, taker) -> None:
        """Make an entry; an account stands for its only holder."""
        if isinstance(giver, Account):
            (giver,) = self.holders[giver]
        if isinstance(taker, Account):
            (taker,) = self.holders[taker]
        giver.held[item] -= amount
        taker.held[item] += amount

    def move_all(self, item: Item, giver, taker) -> int:
        """Move all that there is of an item, and return how much that was."""
        if isinstance(giver, Account):
            (giver,) = self.holders[giver]
        amount = giver.held[item]
        self.move(item, amount, giver, taker)
        return amount

    def balances(self) -> list[list[int]]:
        """Return what each holder has of each item."""
        return [list(one.held) for holders in self.holders.values() for one in holders]

    def ledger(self) -> list[list[int]]:
        """Return the balance of each account and item."""
        return [
            [sum(one.held[item] for one in holders) for item in Item]
            for holders in self.holders.values()
        ]

    def check(self) -> None:
        """Stop where books do not balance, or somebody inside the market owes anything."""
        for item, column in zip(Item, zip(*self.ledger(), strict=True), strict=True):
            assert sum(column) == 0, f"{item.name} does not balance"
        for account, holders in self.holders.items():
            if account < FIRST_OUTSIDE:
                for one in holders:
                    assert min(one.held) >= 0, f"{account.name} owe something"


class DayCounts:
    """What trade, prices and enforcement are counted over one day (docs/market.md 4, 13)."""

    def __init__(self):
        self.trade = [0] * (max(Tally) + 1)
        self.prices = [[[[0, 0, 0] for _ in Channel] for _ in Stage] for _ in PRODUCTS]
        self.measures = [[[0, 0] for _ in Channel] for _ in Measure]

    def count(self, what: int, amount: int = 1) -> None:
        self.trade[what] += amount

    def count_price(self, product: Item, stage: Stage, channel: Channel, price: float) -> None:
        asked = in_fen(price)
        sums = self.prices[product][stage][channel]
        sums[0] += asked
        sums[1] += asked * asked
        sums[2] += 1

    def count_measure(
        self, measure: Measure, channel: Channel, mass: int = 0, number: int = 1
    ) -> None:
        sums = self.measures[measure][channel]
        sums[0] += number
        sums[1] += mass


def in_fen(price: float) -> int:
    """Return a price in whole fen a gram, as it is counted and put on labels."""
    return int(min(price, 100000.0) * 100.0 + 0.5)


def scarcity(stock: float, target: float, strength: float) -> float:
    """Return the factor on a price for goods that are scarce or pile up (docs/market.md 4)."""
    if target + stock <= 0.0:
        return 1.0
    return 1.0 + strength * (target - stock) / (target + stock)
