"""Traders post: how much they mean to, how much of it they dare, and where the rest goes."""

from marketsim.compiled import kernel
from marketsim.exact import exp
from marketsim.rng import Purpose, choose, count, uniforms
from marketsim.state import Backup, State

BACKUP, GROUPS, ELSEWHERE = 0, 1, 2
MEMORY = 6.0 / 7.0


@kernel
def post(seed, day, activity, flag_levers, rules, retailers, today):
    """Let every trader post for one day, and count what became of the posts.

    Parameters
    ----------
    seed : uint64
        Seed of the run.
    day : int
        Ordinal of the day.
    activity : float
        Posting against an ordinary weekday.
    flag_levers : tuple of two float
        Multipliers of filter recall and of user reports.
    rules : Rules
        Parameters.
    retailers : Retailers
        `talking` and `recent` are written.
    today : Today
        Cleared and written.
    """
    for i in range(retailers.state.size):
        _clear(today, i)
        if retailers.state[i] == State.ABSENT or retailers.state[i] == State.LEFT:
            continue
        u_posts, u_spell, _, _ = uniforms(seed, Purpose.POSTS, day, i, 0)
        retailers.talking[i] = _talks(retailers.talking[i], u_spell, rules.posting)
        if retailers.talking[i]:
            mean = retailers.base_rate[i] * activity
            today.intended[i] = count(u_posts, mean, rules.posting.daily_shape)
        if today.intended[i] > 0:
            openness = _openness(day, i, rules, retailers)
            flag_chance = _flag_chance(retailers.audience[i], flag_levers, rules.moderation)
            _publish(seed, day, i, openness, flag_chance, rules, retailers, today)
        retailers.recent[i] = retailers.recent[i] * MEMORY + today.moments[i]


@kernel
def _clear(today, i):
    today.intended[i] = 0
    today.moments[i] = 0
    today.pictures[i] = 0
    today.videos[i] = 0
    today.latest_pictures[i] = 0
    today.latest_videos[i] = 0
    today.deleted[i] = 0
    today.removed[i] = 0
    today.backup[i] = 0
    today.groups[i] = 0
    today.elsewhere[i] = 0
    today.withheld[i] = 0
    today.flagged[i] = 0
    today.mention[i] = 0
    today.banned[i] = 0
    today.sanction[i] = 0.0


@kernel
def _talks(talking, u, posting):
    """Go on with a spell of talk or silence, or change over."""
    ends = 1.0 / posting.silent_days
    if talking:
        return u >= ends * posting.silent_share / (1.0 - posting.silent_share)
    return u < ends


@kernel
def _openness(day, i, rules, retailers):
    """Return the chance that a post a trader means to make is made in Moments."""
    if retailers.state[i] != State.ACTIVE or retailers.blocked_until[i] > day:
        return 0.0
    recovery = rules.recovery
    risk = retailers.risk[i]
    if retailers.backup[i] == Backup.ANNOUNCED:
        risk *= 1.0 - recovery.backup_confidence * rules.accounts.confidence
    dared = 1.0 - recovery.smooth * (1.0 - exp(-retailers.sensitivity[i] * risk))
    if risk > retailers.threshold[i]:
        dared *= 1.0 - recovery.thresholds
    return dared


@kernel
def _flag_chance(audience, flag_levers, moderation):
    """Return the chance that filters or users flag a visible post."""
    recall, reports = flag_levers
    missed = 1.0 - min(1.0, moderation.filter_recall * recall) * (1.0 - moderation.concealed)
    reported = moderation.report_rate * reports * moderation.outsiders * audience
    return 1.0 - missed * (1.0 - min(1.0, reported))


@kernel
def _publish(seed, day, i, openness, flag_chance, rules, retailers, today):
    """Settle the fate of each post a trader means to make; post j has draws of its own."""
    posting = rules.posting
    deletion = posting.delete_always + posting.delete_risk * retailers.risk[i]
    for j in range(today.intended[i]):
        u_place, u_pictures, u_deletion, u_flag = uniforms(seed, Purpose.PLACE, day, i, j)
        if u_place >= openness:
            _displace(seed, day, i, j, rules.displacement, retailers, today)
        elif u_deletion < deletion:
            today.deleted[i] += 1
        else:
            pictures = _pictures(u_pictures, posting)
            today.moments[i] += 1
            today.latest_pictures[i] = pictures
            today.latest_videos[i] = 1 if pictures == 0 else 0
            today.pictures[i] += pictures
            today.videos[i] += today.latest_videos[i]
            if u_flag < flag_chance:
                today.flagged[i] += 1


@kernel
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


@kernel
def _displace(seed, day, i, j, displacement, retailers, today):
    """Take a post that cannot be made in Moments elsewhere, or withhold it."""
    here = retailers.state[i] != State.BANNED
    has_backup = here and retailers.backup[i] == Backup.ANNOUNCED
    in_groups = here and not (retailers.suspended[i] and retailers.blocked_until[i] > day)
    weight = displacement.moved / (
        displacement.backup + displacement.groups + displacement.elsewhere
    )
    weights = (
        displacement.backup * weight if has_backup else 0.0,
        displacement.groups * weight if in_groups else 0.0,
        displacement.elsewhere * weight,
        1.0 - displacement.moved,
    )
    option = choose(uniforms(seed, Purpose.DISPLACEMENT, day, i, j), weights)
    if option == BACKUP:
        today.backup[i] += 1
    elif option == GROUPS:
        today.groups[i] += 1
    elif option == ELSEWHERE:
        today.elsewhere[i] += 1
    else:
        today.withheld[i] += 1
