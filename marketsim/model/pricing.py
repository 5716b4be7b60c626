"""What is asked for ivory, and which product a post shows."""

from marketsim.model.ledger import FEN, PRODUCTS, Account
from marketsim.numerics.distributions import choose
from marketsim.numerics.jit import part
from marketsim.numerics.rng import Purpose, uniforms

HIGHEST_PRICE = 1e5  # CNY a gram, beyond any sense: sums of squares stay whole numbers of 64 bits
SMOOTHING_DAYS = 30.0  # days over which sales are smoothed


@part
def inventory_markup(stock, target, strength):
    """Return the factor on a price: above 1 where nothing is left, below where stock piles up."""
    if stock + target <= 0.0:
        return 1.0
    return 1.0 + strength * (target - stock) / (target + stock)


@part
def stock_held(books, holder):
    """Return the milligrams of all products that a holder has."""
    total = 0
    for product in range(PRODUCTS):
        total += books.balance[holder, product]
    return total


@part
def update_average_cost(trade, holder, product, milligrams, price):
    """Let a purchase move the average cost of what a holder has; before it enters the books."""
    had = trade.books.balance[holder, product]
    if had + milligrams > 0:
        cost = trade.unit_cost[holder, product] * had + price * milligrams
        trade.unit_cost[holder, product] = cost / (had + milligrams)


@part
def expected_sales(dealers, dealer, product):
    """Return what a dealer reckons to sell, milligrams a day."""
    return max(dealers.sold[dealer, product], dealers.least_sales[dealer, product])


@part
def expected_retail_sales(shops, i):
    """Return what a retailer reckons to sell, milligrams a day: half habit, half experience."""
    return 0.5 * (shops.sold[i] + shops.expected[i])


@part
def dealer_price(dealer, product, margin, cover, retail, trade):
    """Return what a supplier or processor asks of retailers and each other, in CNY a gram."""
    target = cover * expected_sales(trade.dealers, dealer, product)
    factor = inventory_markup(trade.books.balance[dealer, product], target, retail.turnover)
    risk = 1.0 + retail.risk_premium * trade.dealers.risk[dealer]
    return trade.unit_cost[dealer, product] * (1.0 + margin) * risk * factor


@part
def asking_price(i, product, risk, retail, trade):
    """Return what a retailer's label says, in CNY a gram."""
    shops = trade.shops
    holder = trade.books.start[Account.RETAILERS] + i
    target = retail.cover * expected_retail_sales(shops, i)
    factor = inventory_markup(stock_held(trade.books, holder), target, retail.turnover)
    margin = max((1.0 + retail.margin) * shops.markup[i], 1.0)  # nobody sells below cost for good
    return trade.unit_cost[holder, product] * margin * (1.0 + retail.risk_premium * risk) * factor


@part
def displayed_product(seed, day, i, post, demand, trade):
    """Return the product that a post shows: the more pieces of it there are, the likelier.

    Who has nothing left shows pieces sold before, as they come out of the workshops.
    """
    balance = trade.books.balance
    holder = trade.books.start[Account.RETAILERS] + i
    raw = balance[holder, 0] / demand.piece_raw
    semi = balance[holder, 1] / demand.piece_semi
    uncarved = balance[holder, 2] / demand.piece_uncarved
    carved = balance[holder, 3] / demand.piece_carved
    if raw + semi + uncarved + carved <= 0.0:
        raw, semi = (
            trade.product_mix[0] / demand.piece_raw,
            trade.product_mix[1] / demand.piece_semi,
        )
        uncarved = trade.product_mix[2] / demand.piece_uncarved
        carved = trade.product_mix[3] / demand.piece_carved
    draws = uniforms(seed, Purpose.PRODUCT, day, i, post)
    return choose(draws, (raw, semi, uncarved, carved))


@part
def record_price(records, row, product, stage, channel, price):
    """Count a price, in whole fen a gram."""
    fen = int(min(price, HIGHEST_PRICE) * FEN + 0.5)
    records.prices[row, product, stage, channel, 0] += fen
    records.prices[row, product, stage, channel, 1] += fen * fen
    records.prices[row, product, stage, channel, 2] += 1
