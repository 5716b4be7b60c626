"""Traders post: how much they mean to, how much of it they dare, and where the rest goes."""

from marketsim.model.state import Backup, State
from marketsim.numerics.distributions import chances_of_none, choose, invert
from marketsim.numerics.elementary import exp
from marketsim.numerics.jit import array_kernel, part
from marketsim.numerics.rng import Purpose, uniforms

BACKUP, GROUPS, ELSEWHERE = 0, 1, 2


@array_kernel
def publish_posts(seed, day, activity, push, flag_levers, ways, params, retailers, counters):
    """Let every trader post for one day, and count what became of the posts.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day : int
        Ordinal of the day.
    activity : float
        Posting against an ordinary weekday.
    push : ndarray of float64, shape (ids,)
        Posting against that of a trader with full stock.
    flag_levers : tuple of three float
        Multipliers of filter recall and of user reports, and the share known by pictures.
    ways : tuple of two float
        Open share of groups and of other platforms.
    params : Params
        Parameters.
    retailers : Retailers
        `talking` and `recent` are written.
    counters : DayCounters
        Cleared and written.
    """
    state, blocked_until = retailers.state, retailers.blocked_until
    shape = params.posting.daily_shape
    # all at once: alone, each would wait for the branches of the trader before
    none = chances_of_none(retailers.base_rate, push, activity, shape)
    kept = 1.0 - 1.0 / params.moderation.memory_days
    for i in range(state.size):
        intended, openness, chance = 0, 0.0, 0.0
        if state[i] != State.ABSENT and state[i] < State.LEFT:
            u_posts, u_spell, _, _ = uniforms(seed, Purpose.POSTS, day, i, 0)
            talking = _talks(retailers.talking[i], u_spell, params.posting)
            retailers.talking[i] = talking
            if talking:
                mean = retailers.base_rate[i] * push[i] * activity
                intended = invert(u_posts, mean, shape, none[i])
        risk, backup = retailers.risk[i], retailers.backup[i]
        if intended > 0:
            chance = _flag_chance(retailers.audience[i], flag_levers, params.moderation)
            if state[i] == State.ACTIVE and blocked_until[i] <= day:
                openness = _openness(
                    risk, retailers.sensitivity[i], retailers.threshold[i], backup, params
                )
        here = state[i] != State.BANNED
        in_groups = here and not (retailers.suspended[i] and blocked_until[i] > day)
        has_backup = here and backup == Backup.ANNOUNCED
        weights = _destinations(has_backup, in_groups, ways, params.displacement)
        fate = _publish(seed, day, i, intended, openness, risk, chance, weights, params.posting)
        counters.intended[i] = intended
        _write(i, fate, counters)
        retailers.recent[i] = retailers.recent[i] * kept + counters.moments[i]


@part
def _write(i, fate, counters):
    """Begin the day's counters of a trader with the fate of the posts."""
    counters.moments[i], counters.deleted[i], counters.flagged[i] = fate[0], fate[1], fate[2]
    counters.pictures[i], counters.videos[i] = fate[3], fate[4]
    counters.latest_pictures[i], counters.latest_videos[i] = fate[5], fate[6]
    counters.backup[i], counters.groups[i], counters.elsewhere[i] = fate[7], fate[8], fate[9]
    counters.withheld[i] = fate[10]
    counters.removed[i] = 0
    counters.mention[i] = 0
    counters.banned[i] = 0
    counters.sanction[i] = 0.0


@part
def _talks(talking, u, posting):
    """Go on with a spell of talk or silence, or change over."""
    ends = 1.0 / posting.silent_days
    if talking:
        return u >= ends * posting.silent_share / (1.0 - posting.silent_share)
    return u < ends


@part
def _openness(risk, sensitivity, threshold, backup, params):
    """Return the chance that a post a trader means to make is made in Moments."""
    recovery = params.recovery
    if backup == Backup.ANNOUNCED:
        risk *= 1.0 - recovery.backup_confidence * params.accounts.confidence
    dared = 1.0 - recovery.smooth * (1.0 - exp(-sensitivity * risk))
    if risk > threshold:
        dared *= 1.0 - recovery.thresholds
    return dared


@part
def _flag_chance(audience, flag_levers, moderation):
    """Return the chance that filters or users flag a visible post."""
    recall, reports, images = flag_levers
    missed = 1.0 - min(1.0, moderation.filter_recall * recall) * (1.0 - moderation.concealed)
    missed *= 1.0 - images
    reported = moderation.report_rate * reports * moderation.outsiders * audience
    return 1.0 - missed * (1.0 - min(1.0, reported))


@part
def _destinations(has_backup, in_groups, ways, displacement):
    """Return the odds of backup, groups, elsewhere and nowhere for a post kept out of Moments."""
    total = displacement.backup + displacement.groups + displacement.elsewhere
    share = displacement.moved / total if total > 0.0 else 0.0
    return (
        displacement.backup * share if has_backup else 0.0,
        displacement.groups * share * ways[0] if in_groups else 0.0,
        displacement.elsewhere * share * ways[1],
        1.0 - displacement.moved,
    )


@part
def _publish(seed, day, i, intended, openness, risk, flag_chance, weights, posting):
    """Settle the fate of each post a trader means to make; post j has draws of its own."""
    deletion = posting.delete_always + posting.delete_risk * risk
    moments, deleted, flagged, latest = 0, 0, 0, 0
    pictures, videos = 0, 0
    backup, groups, elsewhere, withheld = 0, 0, 0, 0
    for j in range(intended):
        u_place, u_pictures, u_deletion, u_flag = uniforms(seed, Purpose.PLACE, day, i, j)
        if u_place >= openness:
            option = choose(uniforms(seed, Purpose.DISPLACEMENT, day, i, j), weights)
            backup += option == BACKUP
            groups += option == GROUPS
            elsewhere += option == ELSEWHERE
            withheld += option != BACKUP and option != GROUPS and option != ELSEWHERE
        elif u_deletion < deletion:
            deleted += 1
        else:
            latest = _pictures(u_pictures, posting)
            moments += 1
            pictures += latest
            videos += latest == 0
            flagged += u_flag < flag_chance
    latest_video = 1 if moments > 0 and latest == 0 else 0
    seen = (moments, deleted, flagged, pictures, videos, latest, latest_video)
    return (*seen, backup, groups, elsewhere, withheld)


@part
def _pictures(u, posting):
    """Return the pictures of a post: none for a video, a full grid, or evenly one to the rest."""
    if u < posting.video_share:
        return 0
    v = (u - posting.video_share) / (1.0 - posting.video_share)
    if v < posting.full_grid:
        return int(posting.grid)
    rest = posting.grid - 1.0
    w = (v - posting.full_grid) / (1.0 - posting.full_grid)
    return min(int(w * rest), int(rest) - 1) + 1
