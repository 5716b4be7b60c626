"""What the report calls its rows, and says of its figures."""

# evidence id: words of the table
LABELS = {
    "ads_total": "Advertisements in all surveys",
    "pictures_total": "Pictures in these advertisements",
    "videos_total": "Videos in these advertisements",
    "ads_week_1_3": "Advertisements a week, mean of weeks 1 to 3",
    "ads_week_4": "Advertisements in week 4",
    "spread_week_1_4": "Largest less smallest of weeks 1 to 4, over their mean",
    "fall_week_5": "Week 5 over week 4",
    "ratio_week_6_12": "Mean of weeks 6 to 12 over mean of weeks 1 to 4",
    "return_week_13": "Week 13 over mean of weeks 1 to 4",
    "heavy_posters_count": "Traders who post heavily",
    "heavy_posters_share": "Share of the advertisements made by them",
    "heavy_posters_share_items": "Share of pictures and videos shown by them",
    "panel_unblocked": "No trader of the panel loses the watched account",
    "backup_accounts": "Traders who advertise a backup account",
    "backup_accounts_early": "Share of these who did so before week 5",
    "contacts_active": "Share of the contacts that were active before the survey",
    "price_raw": "Advertised price of raw ivory",
    "price_semi_worked": "Advertised price of semi-worked ivory",
    "price_uncarved": "Advertised price of ivory worked without carving",
    "price_carved": "Advertised price of carved ivory",
    "physical_prices_ratio_uncarved": "Online price over physical markets', without carving",
    "physical_prices_ratio_carved": "Online price over physical markets', carved",
    "product_mix_raw": "Share of the pictures and videos: raw",
    "product_mix_semi_worked": "Share of the pictures and videos: semi-worked",
    "product_mix_uncarved": "Share of the pictures and videos: worked without carving",
    "product_mix_carved": "Share of the pictures and videos: carved",
    "product_mix_raw_ads": "Share of the advertisements: raw",
    "product_mix_semi_worked_ads": "Share of the advertisements: semi-worked",
    "product_mix_uncarved_ads": "Share of the advertisements: worked without carving",
    "product_mix_carved_ads": "Share of the advertisements: carved",
    "raw_price_range": "Price of raw ivory on the black market",
}
# file, heading, alternative text, caption
FIGURES = (
    (
        "weekly.png",
        "Advertisements seen in each week",
        "Line chart of the advertisements seen in each of the survey's weeks: the simulated median "
        "with bands for half and for 90 % of the runs, and TRAFFIC's published counts as diamonds. "
        "The figures for weeks 1 to 5 and 13 are in the table.",
        "The line is the middle run of each week. Half of the runs lie in the dark band and 90 % "
        "in the light one. Diamonds are TRAFFIC's counts, their bars the interval of the evidence; "
        "counts without bars have no interval there. Weeks 6 to 12 were not published week by "
        "week.",
    ),
    (
        "ratios.png",
        "Each week against the panel's own first weeks",
        "Line chart of each week's advertisements over the mean of weeks 1 to 4: the simulated "
        "median with bands, TRAFFIC's week 5 and week 13 as diamonds with bars, and its mean of "
        "weeks 6 to 12 as a box. The figures are in the table.",
        "A panel's level is a matter of luck: how much the chosen traders post. So each run is "
        "held against its own first four weeks. TRAFFIC's fall is published as week 5 over week 4 "
        "and is turned here into week 5 over the mean of weeks 1 to 4. The box is TRAFFIC's mean "
        "of weeks 6 to 12 with its interval, to be compared with the line's mean there.",
    ),
    (
        "concentration.png",
        "How much the heaviest posters make up",
        "Curve of the share of the advertisements made by the heaviest traders, counted from the "
        "heaviest: the simulated median with bands, the straight line of equal posting, and "
        "TRAFFIC's heavy posters as a diamond with bars both ways.",
        "Traders are lined up from the heaviest poster down. The curve says what share of the "
        "advertisements the first few make. TRAFFIC's heavy posters are those above a daily number "
        "of pictures and videos, which need not be exactly the first in line.",
    ),
    (
        "accounts_and_channels.png",
        "What the survey could not see",
        "Two line charts by day, per 1,000 traders. Above: posts visible in Moments, withheld, in "
        "groups and private messages, on other platforms, on backup accounts. Below: traders with "
        "a backup account, with an advertised one, lying low, muted or suspended, banned.",
        "Only posts in Moments are seen by a survey. On the upper scale each step is ten times the "
        "one below, since the channels differ so much; a mean over several days blurs the day of "
        "an event. Nothing here was observed in 2015: it is what the model says under its "
        "assumptions.",
    ),
)
# the same, of a study whose market trades
TRADE_FIGURES = (
    (
        "flow.png",
        "Where the ivory goes",
        "Flow chart in kilograms per 1,000 traders: from poachers to suppliers, workshops, traders "
        "and buyers, with what is seized, wasted, lost or kept in stock, and the legal market with "
        "the illegal ivory sold through it. Sums are in the table.",
        "Each band is as wide as the kilograms that went that way, from the evening of the first "
        "day to that of the last. Small changes of stock are left out.",
    ),
    (
        "prices.png",
        "What a gram costs along the chain",
        "Four panels of prices in CNY a gram, one a product: what is paid to importers, suppliers "
        "and workshops, asked and paid online, at physical markets and in licensed shops. Diamonds "
        "are TRAFFIC's advertised prices and those of physical markets.",
        "A point is the middle run's mean price, its bar holds 90 % of the runs. TRAFFIC's "
        "advertised prices are to be compared with the labels surveyed, which are means over "
        "traders. Its prices in physical markets are of the years before.",
    ),
    (
        "displacement.png",
        "Where posts and sales moved",
        "Ten line charts by week of the survey. Left: the share of the posts meant that stood in "
        "Moments, in groups, on other platforms, on backup accounts, or were withheld. Right: "
        "grams sold at each place over the mean of weeks 1 to 4.",
        "Posts deleted or removed on their day are in none of the shares. Of sales the survey saw "
        "nothing. Runs that sold nothing at a place in weeks 1 to 4 have no ratio there; where "
        "they are few, one large sale moves it far.",
    ),
)
