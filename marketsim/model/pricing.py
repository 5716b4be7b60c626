"""Prices of dealers and retailers, and the product shown by a post (docs/market.md 4)."""

from marketsim.model.ledger import FEN, PRODUCTS, Account
from marketsim.numerics.distributions import exponentials, soonest
from marketsim.numerics.jit import part
from marketsim.numerics.rng import Purpose, uniforms

HIGHEST_PRICE = 1e5  # CNY a gram: keeps sums of squares within 64 bits
SMOOTHING_DAYS = 30.0  # days over which sales are smoothed


@part
def inventory_markup(stock, target, strength):
    """Return the factor on a price: above 1 if stock is below its target, below 1 if above it."""
    if stock + target <= 0.0:
        return 1.0
    return 1.0 + strength * (target - stock) / (target + stock)


@part
def stock_held(books, holder):
    """Return the mass of all products of a holder, mg."""
    total = 0
    for product in range(PRODUCTS):
        total += books.balance[holder, product]
    return total


@part
def update_average_cost(trade, holder, product, milligrams, price):
    """Update the average cost of a holder's product; call before the purchase is entered.

    The price is that at the reference price of raw ivory (market.md 4).
    """
    held = trade.books.balance[holder, product]
    if held + milligrams > 0:
        cost = trade.unit_cost[holder, product] * held + price * milligrams
        trade.unit_cost[holder, product] = cost / (held + milligrams)


@part
def expected_sales(dealers, dealer, product):
    """Return the sales that a dealer expects, mg a day."""
    return max(dealers.sold[dealer, product], dealers.least_sales[dealer, product])


@part
def expected_retail_sales(shops, i):
    """Return the sales that a retailer expects, mg a day: half habit, half experience."""
    return 0.5 * (shops.sold[i] + shops.expected[i])


@part
def dealer_price(dealer, product, margin, cover, retail, trade):
    """Return the price of a supplier or processor, CNY a gram."""
    target = cover * trade.prices.holding[0] * expected_sales(trade.dealers, dealer, product)
    factor = inventory_markup(trade.books.balance[dealer, product], target, retail.scarcity_pricing)
    risk = 1.0 + retail.risk_premium * trade.dealers.risk[dealer]
    price = trade.unit_cost[dealer, product] * (1.0 + margin) * risk * factor
    return price * trade.prices.index[product]


@part
def asking_price(i, product, risk, retail, trade):
    """Return the price that a retailer asks, CNY a gram."""
    shops = trade.shops
    holder = trade.books.start[Account.RETAILERS] + i
    target = retail.cover * trade.prices.holding[0] * expected_retail_sales(shops, i)
    factor = inventory_markup(stock_held(trade.books, holder), target, retail.scarcity_pricing)
    margin = max((1.0 + retail.margin) * shops.markup[i], 1.0)  # no lasting markup below cost
    cost = trade.unit_cost[holder, product] * shops.quality[i, product]
    return cost * margin * (1.0 + retail.risk_premium * risk) * factor * trade.prices.index[product]


@part
def displayed_product(seed, day, i, post, demand, trade):
    """Return the product that a post shows, chosen in proportion to the pieces in stock.

    A retailer without stock shows products by their shares of an order.
    """
    return shown_product(product_waits(seed, day, i, post), i, demand, trade)


@part
def product_waits(seed, day, i, post):
    """Return the waiting times of the race for the product that a post shows."""
    return exponentials(uniforms(seed, Purpose.PRODUCT, day, i, post))


@part
def shown_product(waits, i, demand, trade):
    """Return the product that a retailer's post shows (`displayed_product`), given `waits`."""
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
    return soonest(waits, (raw, semi, uncarved, carved))


@part
def looks_ahead(prices):
    """Return whether prices look ahead; else nothing of market.md 17 happens."""
    return prices.adjust + prices.speculation + prices.extrapolate > 0.0


@part
def record_price(records, row, product, stage, channel, price):
    """Record a price in whole fen a gram: sum, sum of squares and number."""
    fen = int(min(price, HIGHEST_PRICE) * FEN + 0.5)
    records.prices[row, product, stage, channel, 0] += fen
    records.prices[row, product, stage, channel, 1] += fen * fen
    records.prices[row, product, stage, channel, 2] += 1
