"""Every parameter once: default, unit, range, source and meaning.

The Hydra schema, the range checks, the named tuples that the kernels read and the page
docs/parameters.md are all made from the dataclasses below (see settings.py). A source of
"assumed" means that no figure is known; one that starts with "evidence" names rows of
evidence.csv.
"""

from dataclasses import dataclass

from marketsim.parameters.declaration import TUNED, Prior, from_fact, from_prior, parameter

TRADER_TYPES = ("a", "b", "c", "d")


@dataclass
class Population:
    """Who there is, and how traders differ."""

    retailers: int = parameter(10_000, "traders", 1, 2_000_000, "retailers at the start of a run")
    platform_traders: float = from_prior(
        "prior_number_of_traders", 10_000.0, "traders",
        "ivory traders on the whole platform; dated sweeps are doses relative to it",
        form="loguniform",
    )  # fmt: skip
    type_a: float = from_fact("trader_types_a", "weight of traders of ivory only", 0.0, 1e6)
    type_b: float = from_fact("trader_types_b", "weight of ivory and other species", 0.0, 1e6)
    type_c: float = from_fact("trader_types_c", "weight of collectables with ivory", 0.0, 1e6)
    type_d: float = from_fact("trader_types_d", "weight of ivory as an occasion", 0.0, 1e6)
    gamma_shape: float = parameter(
        0.35,
        "1",
        0.1,
        3.0,
        "shape of the gamma distribution of base rates over traders",
        TUNED,
        Prior("loguniform", 0.15, 1.2),
    )
    ties: float = parameter(8.0, "ties a trader", 0.0, 50.0, "mean number of strong ties")
    sensitivity_spread: float = parameter(
        0.5,
        "1",
        0.0,
        1.5,
        "standard deviation over traders of the logarithm of sensitivity",
        prior=Prior("uniform", 0.0, 1.0),
    )


@dataclass
class Posting:
    """What a trader posts on an ordinary day."""

    base_posts: float = parameter(
        3.24,
        "posts a day",
        0.01,
        20.0,
        "posts meant on a talkative day: mean over traders where rates are 1",
        TUNED,
        Prior("loguniform", 0.8, 8.0),
    )
    rate_a: float = parameter(1.0, "1", 0.1, 3.0, "base rate of type A against the mean")
    rate_b: float = parameter(1.0, "1", 0.1, 3.0, "base rate of type B against the mean")
    rate_c: float = parameter(1.0, "1", 0.1, 3.0, "base rate of type C against the mean")
    rate_d: float = parameter(1.0, "1", 0.1, 3.0, "base rate of type D against the mean")
    daily_shape: float = parameter(
        2.0,
        "1",
        0.2,
        100.0,
        "gamma shape of a trader's day-to-day variation; small is bursty",
        prior=Prior("loguniform", 0.5, 50.0),
    )
    weekend: float = parameter(1.0, "ratio", 0.5, 2.0, "posting on Saturday and Sunday to weekday")
    silent_share: float = parameter(
        0.15,
        "share",
        0.0,
        0.9,
        "share of time a trader is silent with no enforcement at all",
        prior=Prior("uniform", 0.0, 0.5),
    )
    silent_days: float = parameter(
        6.0,
        "days",
        1.0,
        120.0,
        "mean length of a spell of silence",
        prior=Prior("loguniform", 2.0, 60.0),
    )
    video_share: float = parameter(
        0.054,
        "share",
        0.0,
        1.0,
        "posts that show a video, no picture",
        TUNED,
        Prior("uniform", 0.01, 0.15),
    )
    full_grid: float = parameter(
        0.27,
        "share",
        0.0,
        1.0,
        "picture posts with nine pictures; the rest have one to eight",
        TUNED,
        Prior("uniform", 0.0, 0.7),
    )
    grid: int = from_fact("pictures_a_post_limit", "pictures in a full grid", 2, 9, int)
    delete_always: float = parameter(
        0.02, "share", 0.0, 0.5, "Moments posts their author deletes before a survey reads them"
    )
    delete_risk: float = parameter(
        0.1, "share", 0.0, 0.5, "further share deleted at a perceived risk of one"
    )
    growth: float = parameter(
        0.01,
        "1/week",
        -0.05,
        0.05,
        "growth of posting under every structure, whatever enforcement does",
        TUNED,
        Prior("uniform", -0.01, 0.03),
    )
    trend: float = parameter(
        0.01,
        "1/week",
        -0.1,
        0.15,
        "further growth of posting, where the structure has a trend",
        TUNED,
        Prior("uniform", 0.0, 0.1),
    )


@dataclass
class Perception:
    """How enforcement becomes perceived risk, and how perceived risk becomes fewer posts."""

    half_life: float = from_prior(
        "prior_half_life", 16.0, "days", "time in which fear halves by forgetting", 7.0
    )
    residual: float = from_prior(
        "prior_residual", 0.03, "risk", "floor of perceived risk: what never fades"
    )  # fmt: skip
    own_sanction: float = from_prior(
        "prior_own_sanction", 0.35, "risk", "step of fear at a ban of one's own account"
    )
    deletion: float = parameter(
        0.5, "ratio", 0.0, 1.0, "weight of a deleted post against a ban, for all who hear of it"
    )
    warning: float = from_prior(
        "prior_contact_warning", 0.4, "risk", "step of fear at a ban of a strong tie"
    )
    news: float = from_prior(
        "prior_news", 0.2, "ratio", "step at an event known to everybody, against a warning"
    )
    habituation: float = from_prior(
        "prior_habituation", 0.5, "ratio", "effect of a wave of enforcement against the one before"
    )
    wave_gap: float = parameter(
        28.0, "days", 7.0, 180.0, "quiet days after which enforcement counts as a new wave"
    )
    sensitivity: float = parameter(
        1.5,
        "1",
        0.0,
        12.0,
        "k in exp(-k risk), the share of posts still made in Moments",
        TUNED,
        Prior("loguniform", 0.3, 10.0),
    )
    sensitivity_a: float = parameter(0.8, "1", 0.1, 3.0, "sensitivity of type A, all ivory")
    sensitivity_b: float = parameter(1.0, "1", 0.1, 3.0, "sensitivity of type B")
    sensitivity_c: float = parameter(1.1, "1", 0.1, 3.0, "sensitivity of type C, can drop ivory")
    sensitivity_d: float = parameter(1.2, "1", 0.1, 3.0, "sensitivity of type D, can drop ivory")
    threshold_low: float = parameter(
        0.05, "risk", 0.0, 0.05, "lower end of personal thresholds of fear"
    )
    threshold: float = parameter(
        0.8,
        "risk",
        0.05,
        2.0,
        "upper end: thresholds are even between the two",
        prior=Prior("loguniform", 0.06, 2.0),
    )
    lie_low: float = parameter(
        0.6,
        "1",
        0.0,
        10.0,
        "chance of lying low for each unit of risk by which fear rises",
        TUNED,
        Prior("loguniform", 0.2, 10.0),
    )
    low_days: float = parameter(
        20.0, "days", 2.0, 90.0, "mean time of lying low", TUNED, Prior("loguniform", 4.0, 90.0)
    )
    learning: float = parameter(
        0.002,
        "1/post",
        0.0,
        0.05,
        "share of fear lost for each unpunished post of a tie seen",
        prior=Prior("loguniform", 0.0001, 0.02),
    )


@dataclass
class Recovery:
    """What brings posts back: the weight of each mechanism, from 0 (absent) to 1 (in full)."""

    name: str = "unnamed"
    about: str = ""
    smooth: float = parameter(0.0, "weight", 0.0, 1.0, "fear thins posts out, trader by trader")
    thresholds: float = parameter(0.0, "weight", 0.0, 1.0, "no Moments posts above a threshold")
    lying_low: float = parameter(0.0, "weight", 0.0, 1.0, "a rise of fear starts a spell away")
    forgetting: float = parameter(0.0, "weight", 0.0, 1.0, "fear fades with time")
    social_learning: float = parameter(0.0, "weight", 0.0, 1.0, "fear fades with posts seen")
    backup_confidence: float = parameter(0.0, "weight", 0.0, 1.0, "a backup lowers the stake")
    trend: float = parameter(0.0, "weight", 0.0, 1.0, "posting grows whatever happens")


@dataclass
class Accounts:
    """Backup accounts and what follows a ban."""

    prepare_always: float = parameter(
        0.0002, "1/day", 0.0, 0.05, "hazard of preparing a backup at no perceived risk"
    )
    prepare_risk: float = parameter(
        0.01,
        "1/day",
        0.0,
        0.5,
        "further hazard of preparing a backup at a risk of one",
        prior=Prior("loguniform", 0.0005, 0.1),
    )
    mention: float = parameter(
        0.15, "share", 0.0, 1.0, "days with a visible post on which a backup is advertised"
    )
    confidence: float = parameter(
        0.6,
        "share",
        0.0,
        1.0,
        "fear taken away by an advertised backup, where the structure has it",
        prior=Prior("uniform", 0.0, 1.0),
    )
    return_days: float = from_prior(
        "prior_return_days",
        14.0,
        "days",
        "longest time from a ban to the evening on which the next account opens",
    )
    backup_wait: float = parameter(
        0.5, "ratio", 0.0, 1.0, "that time where a backup is prepared, against where there is none"
    )
    kept_cold: float = from_prior(
        "prior_audience_cold", 0.15, "share", "audience kept on an account nobody was told of"
    )
    kept_announced: float = from_prior(
        "prior_audience_announced", 0.7, "share", "audience kept on an advertised backup"
    )
    quit: float = parameter(0.2, "share", 0.0, 1.0, "banned traders without a backup who give up")


@dataclass
class Displacement:
    """Where a post goes that fear or a sanction keeps out of Moments."""

    moved: float = from_prior(
        "prior_displacement",
        0.5,
        "share",
        "posts kept out of Moments that are made elsewhere, where every way is open",
    )
    backup: float = parameter(0.3, "weight", 0.0, 1.0, "of these, on an advertised backup account")
    groups: float = parameter(0.5, "weight", 0.0, 1.0, "of these, in groups and private messages")
    elsewhere: float = parameter(0.2, "weight", 0.0, 1.0, "of these, on other platforms")


@dataclass
class Turnover:
    """New dealers come, some leave."""

    entry: float = parameter(
        0.0005, "1/day", 0.0, 0.02, "new traders a day for each trader at the start"
    )
    leave: float = parameter(0.0005, "1/day", 0.0, 0.02, "hazard of leaving the trade")


@dataclass
class Observer:
    """How the survey's contacts came to be; the rest of the survey is evidence."""

    lean: float = parameter(
        0.25,
        "1",
        0.0,
        2.0,
        "power of a trader's base rate in the chance of becoming a contact",
        TUNED,
        Prior("uniform", 0.0, 0.5),
    )
    contact_age: float = parameter(
        365.0, "days", 0.0, 1500.0, "mean age of a contact at the start of a run; some have left"
    )
