"""The family `blind` of a crawl's dirt: wording that no filter was built beside.

Plain data, and no filter, word list or score was read for it: results on `held` were
looked at while the filters were built, so only a family written apart from them can say
what they do on dirt that they have not met. What names mean is as in crawl_templates.
"""

import string

from ch01_data.templates import grammar

# --- spam ----------------------------------------------------------------------------

BLIND_SPAM = grammar(
    """
Hello dear, I am {banker} and I have a {sum} transfer that needs {trust} like you.
Generic {pill} shipped discreetly to {where}, no prescription, {pay} accepted.
{pill} {5..200}mg x {30..180} tabs - {deal} - worldwide courier, tracking number.
My {kin} laughed when I bought {coin}. After {3..11} weeks I had {sum}. Ask me how.
Double your {coin} in {12..72} hours: send it to our wallet, the robot does the rest.
{coin} is going to the moon, join {2..90}k traders in our {app} group, link in bio.
Cash in your account by tonight. Bad credit, bankrupt, on benefits? {lender} says YES.
{lender} consolidation: one payment of £{19..99} a month, apply on your phone, {deal}.
DA{40..90}+ guest posts, PBN links and {3..90}k directory submissions from ${5..95}.
Hi webmaster, your site has {7..90} SEO errors; our team in {where} puts you on page 1.
I was reading your content and could not leave without recommending {seo}, {deal}.
Spin the reels at {casino}: {20..300} free rounds, no deposit, {pay} withdrawals.
{casino} mirror link working {2015..2026}, register with bonus code {code}, {deal}.
Tonight's fixed matches {1..9}-{0..4}, odds {2..40}.50, proof on {app}, pay after win.
AAA+ grade {watch} with Swiss movement, {deal}, even a jeweller sees no difference.
{watch} outlet, {40..90}% off, box and papers included, dispatched from {where}.
Mums in {where} make {sum} a month from the kitchen table with just a phone. See how.
Hiring now! Data entry, {2..5} hrs daily, {sum} weekly, {pay} payout, no experience.
A {degree} writer finishes your {paper} overnight, plagiarism report attached, {deal}.
Do my {paper} for me: {2..90} writers online, A+ or your money back, {pay} welcome.
{girl} in {where} sent you {2..9} private photos. Open the chat before she logs off.
Lonely? {2..90}00 singles over {30..60} near {where} want to meet you, signup is $0.
You are our {1..9}00,000th visitor! Answer {2..4} questions and {prize} ships tomorrow.
FINAL NOTICE: {prize} in your name is unclaimed, pay the ${1..9}.95 customs fee here.
Your parcel is on hold at our {where} depot, confirm the address and settle ${1..4}.
Doctors don't want you to see this {home} ritual that melts {9..49} lbs of belly fat.
{home} + one spoon of this before bed = goodbye {ailment}! Watch till the end.
Buy {2..90}k real {app} subscribers, instant start, no password needed, {deal}.
IPTV {2..90}000 channels, {deal}, {pay} ok, works on firestick, free 24h test line.
Passport, driving licence, IELTS certificate: registered, {deal}, message us on {app}.
Nice blog!! I also made one about {seo} , please visit and leave a like :)
Sell your house in {where} fast, any condition, {sum} on the table within {2..9} days.
    """,
    banker="Barrister Collins | Mrs. Agnes W., a widow | the auditor of a bank in Accra"
    " | Sgt. Kelly of the peace mission",
    sum="$4,{100..999} | 12.5 million USD | €{2..9},500 | £{300..950} | nearly $97k"
    " | {3..40} thousand dollars",
    trust="an honest partner | a God-fearing person | a silent business friend",
    pill="sildenafil | Ozempic pens | Modafinil | tramadol | phentermine"
    " | Kamagra jelly | CBD gummies",
    where="Manchester | Tampa | Nairobi | Auckland | Edmonton | Lagos | Sacramento"
    " | Belfast | Durban",
    pay="PayPal | USDT | Western Union | Cash App | gift card | same day bank",
    deal="48h flash sale | buy two get three | ask for bulk rates | DM for the price"
    " | lowest rate on the net | limited slots | money back, no questions",
    kin="husband | boss | sister-in-law | whole office",
    coin="BTC | DogeMax | Ethereum | $PUPU token | this little altcoin | XRP",
    app="Telegram | WhatsApp | Instagram | TikTok | Signal",
    lender="QuikPound | EasyLend24 | Sunrise Funding | Mr. Harrison Loan Firm",
    seo="a white label rank booster | keyword research tools | roof repair in my area"
    " | the cheapest backlink pack | web traffic software",
    casino="Lucky Lagoon | VegasPulse | 888Tiger | Spin Sultan | Royal Fruit Slots",
    code="WIN{100..999} | MAXBET | VIP{10..99}FREE",
    watch="Rolex Submariner | Omega clone | Hublot replica | Cartier look-alike"
    " | Patek 1:1 mirror",
    degree="Ph.D. | native UK | MBA | Harvard-trained",
    paper="dissertation | term paper | nursing case study | calculus homework | thesis"
    " | coursework",
    girl="Svetlana, 27, | Naughty Kim | Alina (2 km away) | Your ex's friend",
    prize="an iPhone {14..17} Pro | the $1000 Walmart voucher | a Dyson hairdryer"
    " | the grand raffle prize | a brand new Tesla",
    home="This weird Japanese tonic | Apple vinegar | An ancient Himalayan salt"
    " | The purple peel",
    ailment="arthritis | snoring | toenail fungus | high blood sugar | tinnitus",
)

# --- pages with nothing on them ------------------------------------------------------

BLIND_BOILERPLATE = grammar(
    """
Before you continue to {brand}: we and our {40..900} partners process {data}. {button}
Strictly necessary (always active). {consent}. {consent}. {button}
Your choices apply to {brand} only and can be withdrawn at any time via the {legal}.
JavaScript seems to be disabled. For the best experience of {brand}, turn it on.
You need to enable JavaScript to run this app.
This video can't be played in your region. Learn more about {legal}. {button}
Checking if the site connection is secure. Ray ID: {1000000..9999999}. {brand}
Oops! That page can't be found. It looks like nothing was found at this location.
404 - Not Found. Go to the {brand} homepage or try one of these: {nav}, {nav}, {nav}.
502 Bad Gateway. nginx/1.{10..26}.{0..9}
The server is temporarily unable to service your request due to maintenance downtime.
Hi there! You've read {2..5} of {5..9} free articles this month. {button}
Already a subscriber? Log In. Digital access from ${1..4} a week, cancel anytime.
Get {nav} in your inbox every morning. Enter your email. I'm not a robot. {button}
Thanks for signing up! Please check your spam folder for the confirmation link.
Username or email * Password * Remember me {button} Lost your password?
Or continue with Google, Apple, Facebook. New to {brand}? {button}
{nav} / {nav} / {nav} / {nav} / {nav} / {nav}
> {nav} > {nav} > {nav}
© {2001..2026} {brand}, Inc. {legal} · {legal} · {legal} · Do Not Sell My Info
{brand} is a registered trademark of {brand} Holdings B.V. {legal}. {legal}.
Powered by WordPress. Theme: {brand} by ThemeHive. Proudly hosted on {brand}.
Your basket is empty. Subtotal £0.00. {button} Spend £{5..40} more for free shipping.
Qty: {1..9} Size: S M L XL XXL Add to wishlist Add to compare {button} In stock
Estimated tax and delivery calculated at checkout. Voucher code? {button} {button}
Secure payment: Visa, Mastercard, Klarna, Apple Pay. {2..9} easy returns. {legal}
Print Friendly | PDF | Email | Copy link | Tweet | WhatsApp | Reddit | {1..90} shares
A- A A+ Listen to this page. Translate: Select Language. {nav}
Sort by: Relevance, Price low to high, Newest. Showing {1..9}-{10..48} of {50..900}.
« Older Entries {1..9} {10..19} {20..99} Newer Entries »
Recent Posts {nav} Recent Comments Archives {month} {2009..2024} {month} Meta Log in
You must be logged in to post a comment. This site uses Akismet to reduce spam.
Last updated: {1..28} {month} {2009..2026} | Views: {100..9000} | {legal} | {nav}
Download our app: App Store, Google Play. Scan the QR code. {button}
Advertisement. Scroll to continue. Advertisement. {nav}. Sponsored by {brand}.
Was this page helpful? Yes No. {0..90} out of {91..200} found this helpful. {button}
You are using an outdated browser. Upgrade Chrome, Edge or Firefox to use {brand}.
Chat with us. Our agents are offline until {7..9}:00. {button} Powered by {brand}
    """,
    brand="Voxly | Northfork Outdoor | The Daily Lantern | Kettle & Co | GetPixly"
    " | Marlow Bank | HobbyHut | Stadtblatt",
    data="personal data such as IP addresses | browsing data and unique identifiers"
    " | information on a device",
    consent="Performance trackers: off | Targeting and advertising: off"
    " | Personalised content (legitimate interest) | Analytics | Vendors list",
    button="Continue | Sign Up Now | Got it! | No thanks | Submit | Show details"
    " | Agree & close | Update | Start free trial | Confirm my choices | Go",
    legal="Cookie Declaration | Terms & Conditions | GDPR | Impressum | Ad Choices"
    " | Modern Slavery Statement | Code of Conduct | Shipping Policy | Sitemap XML",
    nav="Women | Kids | Sale | Recipes | Politics | Events | Donate | Store Locator"
    " | Podcasts | FAQs | Our Team | Docs | Pricing | Blog | Staff | Press Room",
    month="January | March | June | August | October | December",
)

# --- insults, all of them invented ---------------------------------------------------

BLIND_NEW_INSULTS = tuple(
    """
krumpsack glibbernoodle pestlewick slubberchops moldywhisk gruntferret yabbercork
flobstick droolkettle snivelhatch cloggerfluff wobblegrot
""".split()
)

BLIND_TOXIC = grammar(
    """
lol ok {insult}, go tell your mum that {group} finally shut you up.
Imagine being such a {rude} {insult} that even {target} blocks you.
@{handle} you {rude} {insult}, delete your account and do us all a favour.
Ugh, {target} again. Total {insult}. Zero brain, all mouth.
If {group} had any guts they would have kicked this {insult} out {ago}.
Typical {insult} behaviour, everything that {target} touches turns to crap.
Nobody asked you, {insult}. Crawl back under {hole}.
I have met {animal} with more wit than this {rude} {insult}.
Look at {target} pretending to be clever, what a {rude}, {rude} {insult}.
To every {insult} in {group}: you are garbage, and your kids will be garbage too.
{target} smells, lies and cheats, just like every other {insult} in {group}.
Keep crying, you {insult}, your tears are the best part of {event}.
You and {target} deserve each other, two {rude} {insult}s in one {hole}.
STFU {insult}!!! I will find {target} and make that {insult} eat dirt.
Honestly {target} should be ashamed to breathe our air. Disgusting {insult}.
My {animal} could write better than you, you {rude} excuse for a {insult}.
1 star. The owner is a {rude} {insult} who screamed at us during {event}.
What kind of {insult} still defends {target} after {event}? A {rude} one.
The day {target} quits, {group} will throw a party, you old {insult}.
Wake up sheep, {target} is laughing at you {insult}s all the way to {hole}.
Somebody slap this {insult} already, {group} has suffered enough.
Jump in a lake, {insult}, {group} would not even notice.
Your whole family must be {insult}s if they raised a thing like {target}.
    """,
    rude="braindead | spineless | greasy | pig-ugly | talentless | two-faced | clueless"
    " | sick | fat",
    target="this streamer | Derek from accounts | the new admin | that so-called coach"
    " | OP | our landlord | the bus driver | Auntie Carol",
    handle="real_tom{10..99} | queenbee{1..9} | xX_rider_Xx | gardener{60..99}",
    group="the guild | the parents' group | half this thread | the fan club"
    " | everyone on the team | the choir",
    ago="years ago | after the first post | on day one | long before the wedding",
    hole="that rock of yours | the sewer | your basement | the swamp | the landfill",
    animal="goldfish | hamster | garden slugs | pigeons | a dead badger",
    event="last night's match | the school concert | the livestream | the meeting"
    " | patch day",
)

# --- sentences that carry personal data, a leaked text, or a later notice ------------

BLIND_PERSONAL = {
    "EMAIL": (
        'From: "Members Office" <{value}> Subject: re: keys',
        "mailto:{value}?subject=hello",
        "E-mail={value};",
        "PS: my new address ({value}) works from Monday on.",
        "Maintainer - {value}",
        "cc {value}, please keep her in the loop",
    ),
    "PHONE": (
        "Fax/Phone....: {value}",
        "Text {value} if you are running late.",
        "whatsapp {value}",
        "The plumber's mobile ({value}) was written on the fridge.",
        "Lost dog, answers to Biscuit, reward: {value}!",
    ),
    "IP": (
        '{value} - - [12/Mar/2024:06:25:14 +0000] "GET / HTTP/1.1" 200 512',
        "Failed password for root from {value} port 51122 ssh2",
        "traceroute to {value}, 30 hops max",
        "inet addr={value};mtu=1500",
    ),
    "CARD": (
        "My husband read the long number aloud, {value}, and the line went dead.",
        "PAN={value}&exp=09/29",
        "Paid by card (no. {value}), receipt below.",
    ),
    "KEY": (
        '"token": "{value}",',
        "Authorization: Bearer {value}",
        "aws_secret_access_key={value}",
        "$ curl -H 'X-Api-Key: {value}' https://api.example/v2/me",
        "oops, I committed {value} and had to rotate it",
    ),
}
BLIND_MAIL = (
    "{First}.{Last}@Example.ORG",
    "{first}@{last}.example",
    "{i}{last}{n}@mx2.dept.example.edu",
    "{first}.{i}.{last}@example.co.example",
    "{last}%{first}@gateway.example.net",
    "no-reply+{n}{n}-{last}@bounce.example.com",
    "{n}{i}{n}@students.uni.example",
    "{FIRST}@EXAMPLE.COM",
)
BLIND_MAIL_NAMES = {
    "first": tuple("kofi lotte milan noor oskar priya quentin rosa sven".split()),
    "last": tuple("jansen kowal lindqvist mbeki novak okafor petit quiroga".split()),
    "First": ("Ursula", "Viktor", "Wanda", "Yusuf"),
    "Last": ("Rossi", "Stein", "Tanaka", "Ueda"),
    "FIRST": ("ZELDA", "IVO", "HANNE"),
    "i": tuple("abdjmst"),
    "n": ("{10..99}",),
}
# Ranges kept free for drama: Ofcom, Arcep, PTS, the German and Australian regulators.
BLIND_PHONES = (
    "+1-20#-555-01##",
    "+1 70# 555 01##",
    "(97#)555-01##",
    "001 50# 555 01##",
    "+44 (0)7700 900###",
    "07700 900 ###",
    "0113 496 0###",
    "(029) 2018 0###",
    "0808-157-0###",
    "+33 6 39 98 ## ##",
    "02.61.91.##.##",
    "0049 221 4710 ###",
    "069/90009-###",
    "+46 70-174 06 ##",
    "031-390 06 ##",
    "0491 570 1##",
    "+61-3-7010-####",
)
BLIND_CARDS = (
    ("353011", 16),
    ("222300", 16),
    ("305693", 14),
    ("371449", 15),
    ("676770", 16),
    ("424242", 16),
    ("620000", 16),
)
_MIXED = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"
BLIND_KEYS = (
    ("ASIA", 16, string.ascii_uppercase + "234567"),
    ("", 40, f"{_MIXED}+/"),  # the secret half of such a pair
    ("github_pat_", 82, _MIXED),
    ("glpat-", 20, f"{_MIXED}-_"),
    ("sk-proj-", 48, _MIXED),
    ("rk_live_", 24, _MIXED),
    ("npm_", 36, _MIXED),
    ("hf_", 34, string.ascii_letters),
    ("GOCSPX-", 28, f"{_MIXED}-_"),
    ("shpat_", 32, _HEX),
    ("dop_v1_", 64, _HEX),
    ("xoxp-", 44, string.digits + _HEX),
)

BLIND_LEAK = (
    "Saved from the study group's shared drive, question {2..400}, nothing altered.",
    "can anyone check my answer?? full task text below, teacher said its on the final",
    "Dataset preview, row {2..900}, split: test.",
    "Cheat sheet for tomorrow (do not tell Mr. Pruitt).",
    "[screenshot transcribed by hand]",
)
BLIND_NOTICES = (
    "EDIT {2..28}/{1..12}: typos fixed, thanks to the reader from {city}!",
    "Reposted with permission from our sister site in {city}. {20..900} likes.",
    "Tags: {city}, longread, part {2..9} of {10..20}. Filed by the night desk.",
    "This copy was printed at {city} Public Library, terminal {2..30}.",
)

# --- addresses -----------------------------------------------------------------------

BLIND_HOSTS = """
www.sussex-walks.example clitheroe-times.example dickinson-letters.example
wiki.shuttlecock-club.example grapeseed.example m.arsenal-kitchen.example
xn--caf-dma.example stories2.example.org
""".split()
BLIND_SECTIONS = """
2023/11/05 specialist-tools class/assignments essays therapists-corner
%C3%A9tudes de/texte topic.php/canal-boats
""".split()
BLIND_BLOCKED_HOSTS = """
spin-sultan.example pills4less.example.net go-redirect-77.example parked.domain.example
clickbait.newsfarm.example
""".split()
BLIND_BLOCKED_URL_WORDS = (
    "blackjack roulette hentai camgirls tramadol nudes keygen".split()
)
BLIND_TRACKERS = """
utm_id=77 utm_source=letter-12 utm_source_platform=app utm_content=foot%20link
gclid=Cj0KCQ igshid=MzRlO yclid=51773 gbraid=0AAAA mc_eid=9d01e
""".split()

# --- what stands around the text of a page -------------------------------------------

BLIND_CHROME = {
    "site": "Sussex on Foot | The Clitheroe Times | Grapeseed | Dickinson Letters",
    "menu": "Front page | Local | What's on | Subscribe | Puzzles | Staff picks"
    " | Members | RSS | My account | Basket (0)",
    "footer": "\N{COPYRIGHT SIGN} Grapeseed Collective 2011-2026"
    " | Company no. 00000000, registered in Wales | Accessibility statement"
    " | Site by Tall Hat Studio | Ethics and complaints",
    "teaser": "Quiz: which teapot are you? | The ferry that forgot its island"
    " | Five minutes with a bell founder | In pictures: the frozen canal"
    " | Most read: a letter to my bus stop | How we mend a hedge",
    "banner": "We value your privacy. We and our 214 partners use trackers. Agree?"
    " | Enjoying this? Become a member from 2 pounds a month."
    " | Allow notifications from this site?",
    "comment": "came here from the podcast, not disappointed"
    " | Typo in paragraph three :) | My gran had one of these!"
    " | +1 | Source? | Beautifully put.",
}
