"""The platform's moderators and its dated sweeps (docs/model.md 7.4, 7.6)."""

from collections import deque

from marketsim.numerics.elementary import log
from marketsim.numerics.rng import Purpose

from .codes import Place


def listed(model, traders: list, number: int) -> list:
    """Return those traders who are on a list of so many, in its order (section 7.4)."""
    times = []
    for trader in traders if number > 0 else ():
        if trader.recent > 0.0:
            time = -log(model.draw(Purpose.LISTED, trader.number)) / trader.recent
            times.append((time, trader.number, trader))
    times.sort(key=lambda one: one[:2])
    return [trader for _, _, trader in times[:number]]


class Moderators:
    """A first-in-first-out queue of flagged traders."""

    def __init__(self, model):
        self.model = model
        self.queue: deque = deque()

    def remove_known_posts(self) -> None:
        """Remove posts that the platform knows, without a moderator."""
        for trader in self.model.traders:
            trader.lose_known_posts()

    def open_cases(self) -> None:
        """Let flagged traders without a place join the queue, those on a list at its head."""
        model = self.model
        flagged = [
            trader
            for trader in model.traders
            if trader.flagged > 0 and trader.case_open == Place.NONE
        ]
        for trader in model.in_turn(Purpose.QUEUE_ORDER, flagged):
            trader.case_open = Place.OPEN
            self.queue.append(trader)
        without = [one for one in model.traders if one.has_account and one.case_open == Place.NONE]
        for trader in listed(model, without, model.levers.listed_cases):
            trader.case_open = Place.OPEN
            self.queue.appendleft(trader)

    def review(self) -> None:
        """Decide cases from the head of the queue, up to the day's capacity."""
        model = self.model
        for _ in range(min(model.levers.reviews, len(self.queue))):
            trader = self.queue.popleft()
            was_open, trader.case_open = trader.case_open == Place.OPEN, Place.NONE
            if was_open and trader.has_account:
                upheld = model.rules.moderation.upheld
                if model.draw(Purpose.REVIEW, trader.number) < upheld:
                    trader.commit_offence()

    def sweep(self) -> None:
        """Take accounts and posts on the day of a sweep."""
        model, levers = self.model, self.model.levers
        accounts, posts = levers.swept_accounts, levers.swept_posts
        if accounts + posts == 0:
            return
        people = [
            trader
            for trader in model.traders
            if trader.has_account and trader.type_letter in levers.types
        ]
        total = 0.0
        for trader in people:
            total += trader.recent
        times = []
        for trader in people:
            odds = 1.0 - levers.lean
            if total > 0.0:
                odds += levers.lean * trader.recent * float(len(people)) / total
            if odds > 0.0:
                u = model.draw(Purpose.SWEEP, trader.number)
                times.append((-log(u) / odds, trader.number, trader))
        times.sort(key=lambda one: one[:2])
        struck = [trader for _, _, trader in times]
        for trader in struck[:accounts]:
            trader.be_banned()
        for trader in struck[accounts : accounts + posts]:
            trader.lose_post_and_mute(int(model.rules.moderation.mute_days))
