"""Parameters of traders: posting, perceived risk, recovery, accounts, displacement, observer.

The Hydra schema, the range checks, the named tuples that the kernels read and the page
docs/parameters.md are generated from these dataclasses (see settings.py). A source of "assumed"
means that no published figure exists; one that starts with "evidence" names rows of evidence.csv.
"""

from dataclasses import dataclass

from marketsim.parameters.declaration import TUNED, Prior, from_fact, from_prior, parameter

TRADER_TYPES = ("a", "b", "c", "d")


@dataclass
class Population:
    """Number of traders and differences between them."""

    retailers: int = parameter(
        10_000, "traders", 1, 2_000_000, "retailers simulated at the start of a run"
    )
    platform_traders: float = from_prior(
        "prior_number_of_traders", 10_000.0, "traders",
        "ivory traders on the whole platform; doses of sweeps are scaled by it",
        form="loguniform",
    )  # fmt: skip
    type_a: float = from_fact("trader_types_a", "weight of type A: traders of ivory only", 0.0, 1e6)
    type_b: float = from_fact(
        "trader_types_b", "weight of type B: ivory and other species", 0.0, 1e6
    )
    type_c: float = from_fact(
        "trader_types_c", "weight of type C: collectables and ivory", 0.0, 1e6
    )
    type_d: float = from_fact("trader_types_d", "weight of type D: occasional ivory", 0.0, 1e6)
    gamma_shape: float = parameter(
        0.35,
        "1",
        0.1,
        3.0,
        "shape of the gamma distribution of posting rates over traders",
        TUNED,
        Prior("loguniform", 0.15, 1.2),
    )
    ties: float = parameter(
        8.0, "ties a trader", 0.0, 50.0, "mean number of strong ties of a trader"
    )
    sensitivity_spread: float = parameter(
        0.5,
        "1",
        0.0,
        1.5,
        "standard deviation of log sensitivity over traders",
        prior=Prior("uniform", 0.0, 1.0),
    )


@dataclass
class Posting:
    """Posting without enforcement."""

    base_posts: float = parameter(
        3.24,
        "posts a day",
        0.01,
        20.0,
        "mean posts a trader plans on an active day, where rates are 1",
        TUNED,
        Prior("loguniform", 0.8, 8.0),
    )
    rate_a: float = parameter(1.0, "1", 0.1, 3.0, "posting rate of type A relative to the mean")
    rate_b: float = parameter(1.0, "1", 0.1, 3.0, "posting rate of type B relative to the mean")
    rate_c: float = parameter(1.0, "1", 0.1, 3.0, "posting rate of type C relative to the mean")
    rate_d: float = parameter(1.0, "1", 0.1, 3.0, "posting rate of type D relative to the mean")
    daily_shape: float = parameter(
        2.0,
        "1",
        0.2,
        100.0,
        "gamma shape of a trader's daily variation; smaller is burstier",
        prior=Prior("loguniform", 0.5, 50.0),
    )
    weekend: float = parameter(1.0, "ratio", 0.5, 2.0, "posting at weekends relative to weekdays")
    silent_share: float = parameter(
        0.15,
        "share",
        0.0,
        0.9,
        "share of time that a trader posts nothing, without enforcement",
        prior=Prior("uniform", 0.0, 0.5),
    )
    silent_days: float = parameter(
        6.0,
        "days",
        1.0,
        120.0,
        "mean length of a silent period",
        prior=Prior("loguniform", 2.0, 60.0),
    )
    video_share: float = parameter(
        0.054,
        "share",
        0.0,
        1.0,
        "posts with a video and no picture",
        TUNED,
        Prior("uniform", 0.01, 0.15),
    )
    full_grid: float = parameter(
        0.27,
        "share",
        0.0,
        1.0,
        "picture posts with nine pictures; the others have one to eight",
        TUNED,
        Prior("uniform", 0.0, 0.7),
    )
    grid: int = from_fact(
        "pictures_a_post_limit", "largest number of pictures in a post", 2, 9, int
    )
    delete_always: float = parameter(
        0.02, "share", 0.0, 0.5, "Moments posts deleted by their author before a survey reads them"
    )
    delete_risk: float = parameter(
        0.1, "share", 0.0, 0.5, "additional share deleted at a perceived risk of one"
    )
    growth: float = parameter(
        0.01,
        "1/week",
        -0.05,
        0.05,
        "growth rate of posting in every structure, independent of enforcement",
        TUNED,
        Prior("uniform", -0.01, 0.03),
    )
    trend: float = parameter(
        0.01,
        "1/week",
        -0.1,
        0.15,
        "additional growth rate in structures with a trend",
        TUNED,
        Prior("uniform", 0.0, 0.1),
    )


@dataclass
class Style:
    """How traders present ivory in posts."""

    video_spread: float = parameter(
        1.0, "1", 0.0, 2.0, "standard deviation of the log share of videos over traders", TUNED
    )
    video_days: float = parameter(
        0.3, "share", 0.01, 1.0, "days on which a trader makes videos, if any", TUNED
    )
    grid_spread: float = parameter(
        0.8,
        "1",
        0.0,
        3.0,
        "standard deviation of the logit share of posts with nine pictures over traders",
        TUNED,
    )
    batch: float = parameter(
        0.5,
        "1",
        0.0,
        1.0,
        "rise, by perceived risk above its floor, of the share of posts with nine pictures",
        TUNED,
    )


@dataclass
class Perception:
    """Perceived risk: its rise after enforcement, its decay, and its effect on posting."""

    half_life: float = from_prior(
        "prior_half_life", 16.0, "days", "half-life of perceived risk under forgetting", 7.0
    )
    residual: float = from_prior(
        "prior_residual", 0.03, "risk", "floor of perceived risk, which never decays"
    )  # fmt: skip
    own_sanction: float = from_prior(
        "prior_own_sanction", 0.35, "risk", "rise of perceived risk when the own account is banned"
    )
    deletion: float = parameter(
        0.5, "ratio", 0.0, 1.0, "effect of a removed post relative to a ban, on all who learn of it"
    )
    warning: float = from_prior(
        "prior_contact_warning", 0.4, "risk", "rise of perceived risk when a strong tie is banned"
    )
    news: float = from_prior(
        "prior_news", 0.2, "ratio", "rise at a fully public event relative to a strong tie's ban"
    )
    habituation: float = from_prior(
        "prior_habituation",
        0.5,
        "ratio",
        "effect of an enforcement wave relative to the previous one",
    )
    wave_gap: float = parameter(
        28.0, "days", 7.0, 180.0, "days without enforcement after which a new wave begins"
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
    sensitivity_a: float = parameter(
        0.8, "1", 0.1, 3.0, "relative sensitivity of type A, only ivory"
    )
    sensitivity_b: float = parameter(1.0, "1", 0.1, 3.0, "relative sensitivity of type B")
    sensitivity_c: float = parameter(1.1, "1", 0.1, 3.0, "relative sensitivity of type C")
    sensitivity_d: float = parameter(1.2, "1", 0.1, 3.0, "relative sensitivity of type D")
    threshold_low: float = parameter(
        0.05, "risk", 0.0, 0.05, "lower end of individual thresholds of perceived risk"
    )
    threshold: float = parameter(
        0.8,
        "risk",
        0.05,
        2.0,
        "upper end; thresholds are uniform between the two",
        prior=Prior("loguniform", 0.06, 2.0),
    )
    lie_low: float = parameter(
        0.6,
        "1",
        0.0,
        10.0,
        "probability of going inactive per unit of rise in perceived risk",
        TUNED,
        Prior("loguniform", 0.2, 10.0),
    )
    low_days: float = parameter(
        20.0, "days", 2.0, 90.0, "mean time of inactivity", TUNED, Prior("loguniform", 4.0, 90.0)
    )
    learning: float = parameter(
        0.002,
        "1/post",
        0.0,
        0.05,
        "share of perceived risk lost per unsanctioned post seen from a tie",
        prior=Prior("loguniform", 0.0001, 0.02),
    )


@dataclass
class Recovery:
    """Recovery mechanisms: the weight of each, from 0 (absent) to 1 (full)."""

    name: str = "unnamed"
    about: str = ""
    smooth: float = parameter(0.0, "weight", 0.0, 1.0, "perceived risk reduces posting gradually")
    thresholds: float = parameter(
        0.0, "weight", 0.0, 1.0, "no Moments posts above a risk threshold"
    )
    lying_low: float = parameter(
        0.0, "weight", 0.0, 1.0, "a rise in risk starts a period of inactivity"
    )
    forgetting: float = parameter(0.0, "weight", 0.0, 1.0, "perceived risk decays with time")
    social_learning: float = parameter(
        0.0, "weight", 0.0, 1.0, "perceived risk decays with posts seen"
    )
    backup_confidence: float = parameter(
        0.0, "weight", 0.0, 1.0, "a backup account lowers perceived risk"
    )
    trend: float = parameter(0.0, "weight", 0.0, 1.0, "posting grows independently of risk")
    log_thresholds: float = parameter(
        0.0, "weight", 0.0, 1.0, "thresholds are loguniform over traders, not uniform"
    )


@dataclass
class Accounts:
    """Backup accounts and the return of traders after a ban."""

    prepare_always: float = parameter(
        0.0002, "1/day", 0.0, 0.05, "hazard of preparing a backup account at no perceived risk"
    )
    prepare_risk: float = parameter(
        0.01,
        "1/day",
        0.0,
        0.5,
        "additional hazard of preparing a backup account at a risk of one",
        prior=Prior("loguniform", 0.0005, 0.1),
    )
    mention: float = parameter(
        0.15, "share", 0.0, 1.0, "days with a visible post on which the backup is advertised"
    )
    confidence: float = parameter(
        0.6,
        "share",
        0.0,
        1.0,
        "reduction of perceived risk by an advertised backup account, in structures with it",
        prior=Prior("uniform", 0.0, 1.0),
    )
    return_days: float = from_prior(
        "prior_return_days",
        14.0,
        "days",
        "longest time from a ban to the opening of the next account",
    )
    backup_wait: float = parameter(
        0.5, "ratio", 0.0, 1.0, "waiting time with a prepared backup account relative to without"
    )
    kept_cold: float = from_prior(
        "prior_audience_cold", 0.15, "share", "audience kept on an account that was not advertised"
    )
    kept_announced: float = from_prior(
        "prior_audience_announced", 0.7, "share", "audience kept on an advertised backup account"
    )
    quit: float = parameter(
        0.2, "share", 0.0, 1.0, "banned traders without a backup account who leave the trade"
    )


@dataclass
class Motive:
    """How traders respond to what the trade pays, to losses and to lost audiences."""

    name: str = "unnamed"
    about: str = ""
    memory: float = parameter(
        8.0,
        "weeks",
        1.0,
        104.0,
        "half-life of the memory of sales, losses, arrests and recruits",
        prior=Prior("loguniform", 3.0, 26.0),
    )
    prior: float = parameter(
        1.0,
        "deals",
        0.0,
        20.0,
        "weight of the return expected before experience; 0: traders never learn",
        prior=Prior("loguniform", 0.5, 10.0),
    )
    heed: float = parameter(
        0.25,
        "1",
        0.0,
        1.0,
        "weight of the experience of one tie relative to a trader's own",
        prior=Prior("uniform", 0.0, 0.5),
    )
    effort: float = parameter(
        0.7,
        "1",
        0.0,
        4.0,
        "exponent of the return in the number of posts",
        prior=Prior("uniform", 0.0, 2.0),
    )
    place: float = parameter(
        0.5,
        "1",
        0.0,
        4.0,
        "exponent of the return in the odds of a place for a post",
        prior=Prior("uniform", 0.0, 2.0),
    )
    turnover: float = parameter(
        2.0,
        "1",
        0.0,
        10.0,
        "rise of the log hazard of leaving, and fall of log entry, as the value falls to zero",
        prior=Prior("uniform", 0.0, 5.0),
    )
    severity: float = parameter(
        10.0,
        "years of income",
        0.0,
        100.0,
        "loss expected from an arrest",
        prior=Prior("loguniform", 1.0, 50.0),
    )
    jail_step: float = parameter(
        0.05,
        "1/year",
        0.0,
        1.0,
        "rise of the perceived chance of arrest when a strong tie is arrested",
        prior=Prior("loguniform", 0.01, 0.15),
    )
    seizure: float = parameter(
        0.3,
        "ratio",
        0.0,
        1.0,
        "effect of a seized parcel on perceived risk relative to a ban",
        prior=Prior("uniform", 0.0, 1.0),
    )
    refund: float = parameter(
        0.7,
        "share",
        0.0,
        1.0,
        "payments returned to the buyer of a parcel that does not arrive",
        prior=Prior("uniform", 0.0, 1.0),
    )
    recruiting: float = parameter(
        0.0424,
        "1/week",
        0.0,
        1.0,
        "share of missing friends that a trader recruits",
        prior=Prior("loguniform", 0.00664, 0.159),
    )
    seek: float = parameter(
        0.5,
        "share",
        0.0,
        1.0,
        "buyers who look for another seller when they lose one",
        prior=Prior("uniform", 0.0, 1.0),
    )
    start: float = parameter(
        0.2,
        "share",
        0.0,
        1.0,
        "friends of a newcomer on the day of entry relative to those wanted",
        prior=Prior("uniform", 0.0, 1.0),
    )
    follow: float = parameter(
        0.25,
        "share",
        0.0,
        1.0,
        "friends not yet on a backup account who follow it on a day on which it is advertised",
        prior=Prior("loguniform", 0.05, 1.0),
    )
    exposure: float = parameter(
        0.02,
        "outsiders a recruit",
        0.0,
        1.0,
        "people who are not complicit, among whom a post is seen, for each recent recruit",
        prior=Prior("uniform", 0.0, 0.2),
    )
    crowding: float = parameter(
        0.033,
        "1/post",
        0.0,
        1.0,
        "fall of the inquiries per post for each further post of the day",
        prior=Prior("uniform", 0.0, 0.2),
    )
    evade: float = parameter(
        0.5,
        "share",
        0.0,
        1.0,
        "posts hidden from filters and image recognition by a guarded style",
        prior=Prior("uniform", 0.0, 1.0),
    )
    obscure: float = parameter(
        0.2,
        "share",
        0.0,
        1.0,
        "inquiries lost by a guarded style",
        prior=Prior("uniform", 0.0, 0.5),
    )


@dataclass
class Displacement:
    """Displacement of posts that perceived risk or a sanction keeps out of Moments."""

    moved: float = from_prior(
        "prior_displacement",
        0.5,
        "share",
        "posts kept out of Moments that are made elsewhere, if every channel is open",
    )
    backup: float = parameter(
        0.3, "weight", 0.0, 1.0, "displaced posts on an advertised backup account"
    )
    groups: float = parameter(
        0.5, "weight", 0.0, 1.0, "displaced posts in groups and private messages"
    )
    elsewhere: float = parameter(0.2, "weight", 0.0, 1.0, "displaced posts on other platforms")


@dataclass
class Turnover:
    """Entry and exit of traders."""

    entry: float = parameter(
        0.0005, "1/day", 0.0, 0.02, "new traders per day and trader at the start"
    )
    leave: float = parameter(0.0005, "1/day", 0.0, 0.02, "hazard of leaving the trade")


@dataclass
class Observer:
    """Selection of the survey's contacts; the rest of the survey design is evidence."""

    lean: float = parameter(
        0.25,
        "1",
        0.0,
        2.0,
        "exponent of the posting rate in the probability of becoming a contact",
        TUNED,
        Prior("uniform", 0.0, 0.5),
    )
    contact_age: float = parameter(
        365.0, "days", 0.0, 1500.0, "mean age of contacts at the start; some have left the trade"
    )
