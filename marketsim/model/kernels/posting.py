"""Posting of traders: intended posts, their places, and flags (docs/model.md 7.3)."""

from collections import namedtuple

from marketsim.model.state import Backup, Learned, Place, State
from marketsim.numerics.distributions import chances_of_none, choose, invert
from marketsim.numerics.elementary import exp
from marketsim.numerics.jit import array_kernel, part
from marketsim.numerics.rng import (
    DELETION,
    FIRST_POST_WORD,
    FLAG,
    HAZARDS_WORD,
    LOOK,
    PICTURES,
    PLACE,
    POSTS_WORD,
    SECOND_POST_WORD,
    SPELL,
    VIDEO_DAY,
    Purpose,
    day_uniform,
    happens,
    happens_to_post,
    one_of,
    post_words,
    uniforms,
)

BACKUP, GROUPS, ELSEWHERE = 0, 1, 2  # lanes of DISPLACEMENT

# What decides the fate of a trader's posts: probabilities of being made in Moments, of deletion by
# the author, of a flag, of being known to the platform, of a known post being blocked before it
# appears or removed in the evening, of a video and of nine pictures without one; weights of backup,
# groups, elsewhere and withheld outside Moments
PostChances = namedtuple(
    "PostChances",
    "openness deletion flag known blocked removed video full_grid displacement",
)

# Posts of a trader on a day by their fate; pictures and videos of visible ones and the latest one
PostFates = namedtuple(
    "PostFates",
    "moments deleted blocked flagged pictures videos latest_pictures latest_videos "
    "known known_pictures known_videos backup groups elsewhere withheld",
)


@array_kernel
def publish_posts(
    seed, day, levers, params, retailers, counters, stock_effect, motives, places, start, stop
):
    """Let traders post for one day, and count the fates of the posts.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day : int
        Date (ordinal).
    levers : Levers
        Levers of the day: `activity`, `recall`, `images`, `reports`, `preblock`, `auto`, `groups`
        and `elsewhere` are read.
    params : Params
        Parameters.
    retailers : Retailers
        `talking` and `recent` are written.
    counters : DayCounters
        `words` is read; all others are cleared and written.
    stock_effect : ndarray of float64, shape (ids,)
        Factor on intended posts, 1 with a full stock.
    motives : Motives
        Drive and places are read.
    places : Places
        Bars are read.
    start, stop : int
        Ids of the traders: the first, and the end (exclusive).
    """
    state, blocked_until, posting = retailers.state, retailers.blocked_until, params.posting
    activity, shape = levers.activity, posting.daily_shape
    # computed for all traders first: avoids a loop-carried dependency
    effort = stock_effect[start:stop] * motives.drive[start:stop]
    none = chances_of_none(retailers.base_rate[start:stop], effort, activity, shape)
    elsewhere = motives.market[Learned.ELSEWHERE]
    remembered = 1.0 - 1.0 / params.moderation.memory_days
    _clear(counters, start, stop)
    for i in range(start, stop):
        retailers.recent[i] *= remembered
        if state[i] == State.ABSENT or state[i] >= State.LEFT:
            continue
        # model.md 7.3.1: spells of posting and silence, whatever enforcement does
        talking = continue_spell(seed, day, i, retailers, counters, posting)
        retailers.talking[i] = talking
        if not talking:
            continue
        # model.md 7.3.2: intended posts
        mean = retailers.base_rate[i] * effort[i - start] * activity
        u_posts = day_uniform(counters.words[i, POSTS_WORD])
        intended = invert(u_posts, mean, shape, none[i - start])
        if intended == 0:
            continue
        # model.md 7.3.3: the probability of posting in Moments
        openness = 0.0
        if state[i] == State.ACTIVE and blocked_until[i] <= day:
            openness = openness_of(i, params, retailers)
        # model.md 7.3.7: where other posts go
        has_account = state[i] != State.BANNED
        has_groups = has_account and not (retailers.suspended[i] and blocked_until[i] > day)
        has_backup = has_account and retailers.backup[i] == Backup.ANNOUNCED
        has_groups = has_groups and places.barred_until[Place.GROUPS, i] <= day
        open_elsewhere = _open_share(i, day, places, params.demand)
        weights = _displacement_weights(
            has_backup, has_groups, open_elsewhere, levers, params.displacement
        )
        # model.md 7.3.8: places that pay more attract posts
        feed, private = motives.place[i, 0], motives.place[i, 1]
        paying = (weights[0] * feed, weights[1] * private, weights[2] * elsewhere, weights[3])
        openness = _shift_openness(openness, feed, weights, paying)
        make_posts(seed, day, i, intended, openness, paying, levers, params, retailers, counters)


@part
def make_posts(seed, day, i, intended, openness, displacement, levers, params, retailers, counters):
    """Make the posts that a trader intends, and count their fates (model.md 7.3.4 to 7.3.6).

    `openness` is the probability of Moments; `displacement` the weights of backup, groups,
    elsewhere and withheld outside them.
    """
    risk, hazards = retailers.risk[i], counters.words[i, HAZARDS_WORD]
    # model.md 7.3.4: probabilities of being known to the platform, and of a flag
    hidden = params.motive.evade if retailers.guarded_until[i] > day else 0.0
    known = known_chance(hidden, levers, params.moderation)
    # model.md 7.3.6: videos in bursts, and fuller posts of frightened traders
    days = params.style.video_days
    video = _video_chance(seed, day, i, retailers.video_share[i], days, hazards)
    full_grid = retailers.full_grid[i]
    frightened = max(risk - params.perception.residual, 0.0)
    full_grid += (1.0 - full_grid) * params.style.batch * frightened
    chances = PostChances(
        openness,
        deletion_chance(risk, params.posting),
        _flag_chance(known, i, levers, params, retailers),
        known,
        levers.preblock,
        levers.auto,
        video,
        full_grid,
        displacement,
    )
    fates = _settle_posts(seed, day, i, intended, counters.words, chances, params.posting)
    counters.intended[i] = intended
    write_fates(i, fates, counters)
    retailers.recent[i] += fates.moments


@part
def _clear(counters, start, stop):
    """Clear all counters of yesterday (model.md 2)."""
    for counts in (
        *(counters.intended, counters.moments, counters.deleted, counters.removed),
        *(counters.blocked, counters.backup, counters.groups, counters.elsewhere),
        *(counters.withheld, counters.pictures, counters.videos, counters.flagged),
        *(counters.latest_pictures, counters.latest_videos, counters.known),
        *(counters.known_pictures, counters.known_videos, counters.mention),
        *(counters.banned, counters.arrested),
    ):
        counts[start:stop] = 0
    counters.sanction[start:stop] = counters.loss[start:stop] = 0.0


@part
def write_fates(i, fates, counters):
    """Write the fates of a trader's posts (model.md 7.3.5)."""
    counters.moments[i], counters.deleted[i] = fates.moments, fates.deleted
    counters.blocked[i], counters.flagged[i] = fates.blocked, fates.flagged
    counters.pictures[i], counters.videos[i] = fates.pictures, fates.videos
    counters.latest_pictures[i] = fates.latest_pictures
    counters.latest_videos[i] = fates.latest_videos
    counters.known[i], counters.known_pictures[i] = fates.known, fates.known_pictures
    counters.known_videos[i] = fates.known_videos
    counters.backup[i], counters.groups[i] = fates.backup, fates.groups
    counters.elsewhere[i], counters.withheld[i] = fates.elsewhere, fates.withheld


@part
def continue_spell(seed, day, i, retailers, counters, posting):
    """Return whether a trader is in a spell of posting today (model.md 7.3.1)."""
    talking, hazards = retailers.talking[i], counters.words[i, HAZARDS_WORD]
    change = 1.0 / posting.silent_days
    if talking:
        change = change * posting.silent_share / (1.0 - posting.silent_share)
    return happens(change, hazards, SPELL, seed, day, i) != talking


@part
def openness_of(i, params, retailers):
    """Return the probability that a trader makes an intended post in Moments (model.md 7.3.3)."""
    recovery, risk = params.recovery, retailers.risk[i]
    if retailers.backup[i] == Backup.ANNOUNCED:
        risk *= 1.0 - recovery.backup_confidence * params.accounts.confidence
    openness = 1.0 - recovery.smooth * (1.0 - exp(-retailers.sensitivity[i] * risk))
    if risk > retailers.threshold[i]:
        openness *= 1.0 - recovery.thresholds
    return openness


@part
def deletion_chance(risk, posting):
    """Return the probability that a trader deletes a post made in Moments (model.md 7.3.5)."""
    return posting.delete_always + posting.delete_risk * risk


@part
def _video_chance(seed, day, i, share, video_days, hazards):
    """Return the probability that a post of the day is a video (model.md 7.3.6).

    A trader makes videos on some days only: the same share in all, but in bursts.
    """
    if video_days == 1.0:
        return share
    if not happens(video_days, hazards, VIDEO_DAY, seed, day, i):
        return 0.0
    return min(share / video_days, 1.0)


@part
def _shift_openness(openness, feed, weights, paying):
    """Return the probability of Moments, shifted to the places that pay more (model.md 7.3.8)."""
    all_weights = weights[0] + weights[1] + weights[2] + weights[3]
    all_paying = paying[0] + paying[1] + paying[2] + paying[3]
    if all_weights <= 0.0 or all_paying <= 0.0:
        return openness
    ratio = feed / (all_paying / all_weights)
    if ratio < 1.0:
        return openness * ratio
    if ratio > 1.0:
        return openness * ratio / (openness * ratio + 1.0 - openness)
    return openness


@part
def known_chance(hidden, levers, moderation):
    """Return the probability that filters or image recognition find a post (model.md 7.3.4)."""
    recall = min(1.0, moderation.filter_recall * levers.recall)
    missed = 1.0 - recall * (1.0 - moderation.concealed) * (1.0 - hidden)
    missed *= 1.0 - levers.images * (1.0 - hidden)
    return 1.0 - missed


@part
def _flag_chance(known, i, levers, params, retailers):
    """Return the probability that a visible post is found or reported (model.md 7.3.4).

    The draw of a flag is a lane of the block that also decides the place of the post: drawing it
    in moderation would take a second block for each post.
    """
    moderation = params.moderation
    outsiders = moderation.outsiders + params.motive.exposure * retailers.recruits[i]
    reported = moderation.report_rate * levers.reports * outsiders * retailers.audience[i]
    return 1.0 - (1.0 - known) * (1.0 - min(1.0, reported))


@part
def _open_share(i, day, places, demand):
    """Return the share of places elsewhere from which a trader is not barred (market.md 20)."""
    is_open = (
        places.barred_until[Place.PUBLIC, i] <= day,
        places.barred_until[Place.SOCIAL, i] <= day,
        places.barred_until[Place.WEBSITES, i] <= day,
    )
    total = demand.to_public + demand.to_social + demand.to_websites
    if (is_open[0] and is_open[1] and is_open[2]) or total <= 0.0:
        return 1.0
    left = demand.to_public if is_open[0] else 0.0
    left += demand.to_social if is_open[1] else 0.0
    left += demand.to_websites if is_open[2] else 0.0
    return left / total


@part
def _displacement_weights(has_backup, has_groups, open_elsewhere, levers, displacement):
    """Return the weights of backup, groups, elsewhere and withheld (model.md 7.3.7)."""
    total = displacement.backup + displacement.groups + displacement.elsewhere
    share = displacement.moved / total if total > 0.0 else 0.0
    return (
        displacement.backup * share if has_backup else 0.0,
        displacement.groups * share * levers.groups if has_groups else 0.0,
        displacement.elsewhere * share * levers.elsewhere * open_elsewhere,
        1.0 - displacement.moved,
    )


@part
def _settle_posts(seed, day, i, intended, words, chances, posting):
    """Return the fates of a trader's posts; post j has its own draws (model.md 7.3.5)."""
    grid = int(posting.grid)
    video_or_full = chances.video + (1.0 - chances.video) * chances.full_grid
    # model.md 7.1: the words of the first two posts come with the day, those of four more at once
    word, next_1 = words[i, FIRST_POST_WORD], words[i, SECOND_POST_WORD]
    next_2, next_3 = next_1, next_1  # replaced before they are read
    moments, deleted, blocked, flagged, latest = 0, 0, 0, 0, 0
    pictures, videos = 0, 0
    known, known_pictures, known_videos = 0, 0, 0
    is_automatic = chances.blocked > 0.0 or chances.removed > 0.0
    backup, groups, elsewhere, withheld = 0, 0, 0, 0
    for j in range(intended):
        if j > 0:
            word, next_1, next_2 = next_1, next_2, next_3
        if j >= 2 and j % 4 == 2:
            word, next_1, next_2, next_3 = post_words(seed, day, i, j // 4)
        if not happens_to_post(chances.openness, word, PLACE, seed, day, i, j):
            draws = uniforms(seed, Purpose.DISPLACEMENT, day, i, j)
            option = choose(draws, chances.displacement)
            backup += option == BACKUP
            groups += option == GROUPS
            elsewhere += option == ELSEWHERE
            withheld += option != BACKUP and option != GROUPS and option != ELSEWHERE
        elif happens_to_post(chances.deletion, word, DELETION, seed, day, i, j):
            deleted += 1
        else:
            removed = False
            if is_automatic:
                # model.md 7.3.9: known posts are blocked at once or removed in the evening
                u_known, u_blocked, u_removed, _ = uniforms(seed, Purpose.KNOWN, day, i, j)
                if u_known < chances.known and u_blocked < chances.blocked:
                    blocked += 1
                    continue
                removed = u_known < chances.known and u_removed < chances.removed
            latest = 0
            if not happens_to_post(chances.video, word, LOOK, seed, day, i, j):
                latest = grid
                if not happens_to_post(video_or_full, word, LOOK, seed, day, i, j):
                    latest = 1 + one_of(grid - 1, word, PICTURES, seed, day, i, j)
            moments += 1
            pictures += latest
            videos += latest == 0
            if removed:
                known += 1
                known_pictures += latest
                known_videos += latest == 0
            else:
                flagged += happens_to_post(chances.flag, word, FLAG, seed, day, i, j)
    latest_video = 1 if moments > 0 and latest == 0 else 0
    return PostFates(
        moments, deleted, blocked, flagged, pictures, videos, latest, latest_video,
        known, known_pictures, known_videos,
        backup, groups, elsewhere, withheld,
    )  # fmt: skip
