"""Agents who leave, choose and are recruited; sweeps of them and dealers (market.md 19, 20.4)."""

from marketsim.numerics.elementary import log
from marketsim.numerics.rng import Purpose

from .codes import Channel, Measure, State

MOST_DAYS_IDLE = 91
EVERY_DAYS = 28  # an agent thinks of leaving, and of whose posts to forward
CANDIDATES = 8  # the present one included


def update_upstream(model) -> None:
    """Let dealers post; let agents leave, choose whose posts to forward, and be recruited."""
    for dealer in model.dealers:
        dealer.post()
    if model.rules.upstream.recruit <= 0.0:
        return
    for agent in model.resale_agents:
        if agent.active and (model.row + agent.number) % EVERY_DAYS == 0:
            _think(model, agent)
    for trader in model.traders:
        if trader.state == State.ACTIVE and (model.row + trader.number) % 7 == 0:
            _may_recruit(model, trader)


# agents


def _think(model, agent) -> None:
    """Let an agent leave who sells nothing; let one without an agent upstream choose."""
    if model.row - agent.last_deal > MOST_DAYS_IDLE:
        agent.active = False
        return
    if agent.upstream is not None and not agent.upstream.active:
        agent.upstream = None
        agent.tier = 1
    if agent.upstream is None:
        _choose(model, agent)


def _choose(model, agent) -> None:
    """Let an agent choose a trader, or leave if there is none."""
    winner, shortest = None, 0.0
    for k in range(CANDIDATES):
        race, which = model.draws(Purpose.AGENT_CHOICE, agent.number, k)[:2]
        trader = agent.retailer if k == 0 else model.traders[int(which * len(model.traders))]
        weight = _weight(model, agent, trader)
        if weight > 0.0:
            time = -log(race) / weight
            if winner is None or time < shortest:
                winner, shortest = trader, time
    if winner is None:
        agent.active = False
        return
    for one in model.resale_agents:
        if agent in one.chain():
            one.retailer = winner


def _weight(model, agent, trader) -> float:
    if not trader.has_account:
        return 0.0
    others = sum(
        one.active and one.retailer is trader and one is not agent for one in model.resale_agents
    )
    return trader.recent * trader.drive / (1.0 + others)


def _may_recruit(model, trader) -> None:
    """Let a trader whose posts pay find somebody who forwards them."""
    if trader.drive <= 1.0:
        return
    if model.draw(Purpose.AGENT_RECRUITED, trader.number) >= model.rules.upstream.recruit:
        return
    named = [one.upstream for one in model.resale_agents]
    free = [
        one
        for one in model.resale_agents
        if not one.active and not one.friends and one not in named
    ]
    if free:
        _begin(model, free[0], trader)


def _begin(model, agent, trader) -> None:
    """Let somebody become an agent of a trader, with new friends."""
    agent.active, agent.tier = True, 1
    agent.upstream, agent.retailer = None, trader
    agent.last_deal = model.row
    agent.banned_until = 0
    agent.customers = 0
    for n in range(agent.wanted):
        u = model.draw(Purpose.AGENT_FRIEND, agent.key, n)
        agent.befriend(model.buyers[int(u * len(model.buyers))])


# sweeps of agents and dealers (section 20.4)


def sweep_agents_and_dealers(model) -> None:
    """Ban the accounts of some agents and of some dealers."""
    levers, accounts = model.levers, model.rules.accounts
    agents = [one for one in model.resale_agents if one.active and not one.banned]
    for agent in _struck(model, Purpose.SWEPT_AGENTS, agents, levers.banned_agents):
        _ban(model, agent, 0)
        model.counts.count_measure(Measure.AGENTS_BANNED, Channel.MOMENTS)
        agent.lose_friends(accounts.kept_cold)
    dealers = [one for one in model.dealers if not one.banned]
    for dealer in _struck(model, Purpose.SWEPT_DEALERS, dealers, levers.banned_dealers):
        _ban(model, dealer, 1)
        model.counts.count_measure(Measure.DEALERS_BANNED, Channel.MOMENTS)


def _struck(model, purpose: Purpose, all_of_them: list, number: int) -> list:
    """Return the first so many of a race among equals."""
    times = [(-log(model.draw(purpose, one.number)), one.number, one) for one in all_of_them]
    times.sort(key=lambda one: one[:2])
    return [one for _, _, one in times[:number]]


def _ban(model, one, lane: int) -> None:
    u = model.draws(Purpose.SWEPT_BACK, one.number)[lane]
    one.banned_until = model.today + 1 + int(u * model.rules.accounts.return_days)
