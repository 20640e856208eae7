"""The family `fresh` of a crawl's dirt: wording from after the filters were built.

Plain data, and no filter, word list or score was read for it. Results on `blind` have
been looked at since, and what was looked at is no longer blind. What names mean is as
in crawl_templates.
"""

import string

from ch01_data.templates import grammar

# --- spam ----------------------------------------------------------------------------

FRESH_SPAM = grammar(
    """
Dear client, {bank} has limited your card: confirm {detail} inside {12..72} hours.
Your mailbox is {90..99}% full, {3..19} e-mails are pending, press here for more quota.
Invoice {10000..99999}: {domain} expires soon, failure to pay ends your search listing.
WARNING {3..40} viruses detected! Do not shut down, ring our certified technician.
I filmed you through your webcam. Pay ${400..1900} in {token} or your contacts see it.
We are a leading manufacturer of {product} in {origin}, kindly send us your inquiry.
Good day sir, Lily here from {origin} factory, {product} MOQ {50..900} pcs, {term}.
Wholesale {apparel} from {origin}, {apparel} outlet, mixed order accepted, {term}.
{trade} {area} - 24 hour {trade} - emergency {trade} {area} - no call out charge.
Trusted {trade} covering {area} and {area}, {term}, ring now for the keenest quote.
My wife had gone until {healer} cast a spell, she came back crying in {2..9} days.
All thanks to {healer} whose herbs cured my {illness}, he can end {trouble} too.
Tired of {trouble}? {healer} reads your palm by video, first {2..5} questions free.
Fake brokers took {10..90}k from me and {rescuer} recovered all of it, {contact}.
Need to see a cheating partner's chats? {rescuer} do it unnoticed, {contact}.
{trader} manages my {market} account, {200..900} dollars grew to {3..30}k, {contact}.
Free {market} signal room, {70..99}% winning calls, {2..9} a day, seats nearly gone.
{token} airdrop is live: connect a wallet, grab {100..900} tokens before the snapshot.
Whitelist open! {2..9},{100..999} unique {animal} NFTs, floor up {2..20}x, LFG!!!
Blank ATM cards loaded with {2..9}0,000 dollars, no police trouble, {contact}.
[PDF] {book} free download, read {book} online, {book} epub mobi, no registration
{software} {2017..2026} crack full version serial license key patch torrent working
Watch {film} ({2019..2026}) full movie HD 123movies putlocker english subtitles
{woman} in {area} tonight, incall and outcall, genuine pictures, hotel visits ok.
Live cams 18+: {woman} waiting for you, tokens from {10..99} cents, no sign up.
Fresh {people} database, {20..900}k checked e-mails in CSV, sorted by title, {term}.
{20..90} developers at our {origin} office cut your app budget by {20..70}%, {contact}.
Would you publish a sponsored article about {topic} with a dofollow link? Your fee?
Hi there, I came across your weblog via Bing while I was looking for {topic}, cheers.
Magnificent goods from you, man. You make it enjoyable! Here is my page :: {topic}
I am no longer certain where you get your info, but good topic. My homepage: {topic}
{herb} for sale, lab tested, {term}, order a sample pack from {area} for ${4..19}.
{gummy} reviews {2021..2026}: scam or slimming miracle? Official website below!!
I dropped {11..60} pounds chewing {gummy}, the judges on TV were speechless.
Stuck with a timeshare? We cancel any contract in {30..180} days, legally, forever.
{area} homeowners born before {1955..1985}: the state may pay for {upgrade}, check it.
Over {60..79} and in need of {upgrade}? A new plan pays, tap your age to qualify.
Hurt in a crash near {area}? You may be owed {20..90} grand, no win, no lawyer bill.
{lottery} board picked your e-mail, ticket {1000..9999}, reply with names and age.
Invite {3..9} friends, watch clips, the app pays {5..60} dollars daily, {contact}.
    """,
    bank="Granite Trust | First Harbour Bank | CreditLine Online | SwiftVault Security",
    detail="your online banking PIN | the code on the back | your mother's maiden name"
    " | billing details",
    domain="your domain name | yourshop.example | this web address",
    token="Solana | USDC | Litecoin | $MOOCAT | Monero",
    product="LED flood lights | rubber gaskets | stainless steel valves | PVC banners"
    " | lithium batteries | wood pellet mills | disposable gloves",
    origin="Shenzhen | Ningbo | Karachi | Guangzhou | Hyderabad | Kyiv | Dhaka",
    term="competitive price | free samples | door to door delivery | pay on arrival"
    " | big stock | OEM welcome | no minimum",
    apparel="football jerseys | Jordans | sheepskin boots | designer sunglasses"
    " | snapback caps | down jackets",
    trade="locksmith | drain unblocking | tree surgeon | boiler repair | man and van"
    " | pest control | skip hire | junk car removal",
    area="Croydon | Tulsa | Wolverhampton | Mesa | Geelong | Plymouth | Mississauga"
    " | Swansea | Fresno | Hamilton",
    healer="Dr. Okosun | Priest Babaka | Mama Zulu | Prophet Elijah W."
    " | Madame Celestine",
    illness="herpes | fibroids | hepatitis B | low sperm count | diabetes type 2",
    trouble="bad luck | a court case | barren marriage | evil eyes | unpaid salary",
    rescuer="CyberGhost Retrievers | the guys at Wizard Recovery | HackPro Services"
    " | Lost Coin Agents",
    contact="inbox me | add me on Line | text the number on my wall"
    " | mail her today | reach him on Viber | apply via the form",
    trader="Mrs. Gloria Bennett | Coach Dave | Expert Fernando | Miss Jennifer FX",
    market="binary options | gold CFD | forex | Nasdaq futures | mining pool",
    animal="lizard | pixel duck | zombie panda | space otter",
    book="Organic Chemistry 9th Edition | the Nurse's Handbook | Twilight Duke"
    " | Calculus Made Plain | Solution Manual Fluid Mechanics",
    software="PhotoStudio Pro | AutoDraft | DriverMender | Windows 11 activator"
    " | VideoCutter Ultimate | FL Beats",
    film="Iron Harbor 3 | The Last Bride | Speed Kings | Penguin Island",
    woman="Busty Lola | Bored housewife | Sensual masseuse | College blonde"
    " | Miss Bianca",
    people="dentists | real estate agents | CEOs in Canada | crypto investors"
    " | hospital staff",
    topic="gutter cleaning | online slots | keto drops | personal injury lawyers"
    " | web hosting deals | wedding limo | vape juice",
    herb="Kratom powder | Delta-8 vapes | magic truffles | poppers | shilajit resin",
    gummy="KetoBurn gummies | SlimJelly | Glacier drops | TrimPea capsules",
    upgrade="new windows | roof insulation | a walk-in shower | auto cover"
    " | hearing aids",
    lottery="Euro Million | UN Compensation | Spanish Sweepstake | FIFA Online",
)

# --- pages with nothing on them ------------------------------------------------------

FRESH_BOILERPLATE = grammar(
    """
Privacy Preference Center. Manage Consent Preferences. {50..900} vendors. {act} {act}
_ga, lifetime {2..24} months, set by {site}, purpose: statistics. Marketing ({2..60})
{site} is using a security service to protect itself from online attacks. {act}
Enable cookies and reload. Incident {100000..999999}. Your IP has been logged.
403 Forbidden. Access to /images/ on this server is not allowed. Apache Port {80..443}
Internal Server Error 500. If this keeps happening, contact the webmaster of {site}.
Fatal error: Allowed memory exhausted in /wp-content/index.php on line {10..900}
Warning: mysql_connect(): Too many connections in /www/db.php on line {2..90}
Whoops, something broke on our side. Error code {10000..99999}. {act} {act}
The requested URL does not exist. Try the search box or the {item} section. {act}
Index of /{item} Name Last modified Size Description Parent Directory {2..90}K
Account suspended. Contact your hosting provider for more information.
Coming soon! {site} is under construction. {2..90} days {1..23} hours {10..59} mins
This story is for members only. {act} Plans from {1..9}.99 a month. {act}
Read it in full: sign in through your institution or library card. {act}
First name* Last name* Country* Postcode* Date of birth* {act} Fields with * needed
Use a passkey. Keep me signed in. Trouble getting in? {act} {act}
Enter the six digit code we texted you. Resend in {10..59} s. {act}
Type the characters shown in the picture. Try another. Audio challenge. {act}
Toggle navigation {item} {item} {item} {item} Toggle search {act}
You are here: {item} >> {item} >> {item} >> View all
Main menu. Expand submenu {item}. Expand submenu {item}. Collapse {item}. Close menu
A B C D E F G H I J K L M N O P Q R S T U V W X Y Z 0-9 Browse {item}
{month} {2008..2026} M T W T F S S {1..7} {8..14} {15..21} {22..28} iCal feed
No events scheduled. Previous Day Next Day Month Week Agenda. {act}
{0..9} results for your query. Did you mean {item}? Advanced search. Save this search
Filter by price, colour, brand, rating. Clear all. Apply. Items per page {12..96}
Out of stock. Notify me when available. MRP incl. of all taxes. {act} {act}
Customers also viewed. Frequently bought together. SKU {10000..99999}. {act}
0 item(s) - $0.00. Wish List ({0..9}). Track my parcel. Gift cards. {act}
Be the first to review this product. 5 star {0..90}% 4 star {0..9}% Report abuse
Board index < {item} < {item}. Mark topics read. Users online: {2..90} guests
You cannot post new topics. BB code is On. Smilies are On. All times are UTC+{1..9}
Joined {month} {2003..2023} Messages {10..900} Reaction score {2..90} #{1..9}
Quote | Multi-quote | Report | Go to page 1 ... {10..90} {100..300} Jump to: {item}
Powered by phpBB Forum Software. Style by {site}. Delete cookies. The team
All trademarks belong to their owners. {site} GmbH. {doc} | {doc} | {doc}
{site} {2003..2026}. ABN 00 000 000 000. {doc} - {doc} - {doc} - {doc}
ISSN 0000-00{10..99}. Cite this. Export RIS BibTeX EndNote. Request permissions
Text size: small, medium, large. High contrast. Read aloud. {doc}. {item}
Follow @{site} Like {2..90}K Subscribe {2..90}K Pin it Flip Buffer RSS
Exchange rates delayed {10..30} minutes. Widget could not be loaded. {act}
00:00 / {2..59}:{10..59} Play Mute Captions Fullscreen Playback speed 1x Autoplay on
Poll: loading options... Vote. View results. Total votes: {20..900}
You are visitor number {1000..9999}. Sign my guestbook. Webring: Prev Next Random
Join our mailing list! We never share your address. Unsubscribe at any time. {act}
You got this e-mail because you signed up at {site}. View in browser. {act}
It looks like you are blocking ads. Put {site} on the allow list to go on. {act}
Choose your country: {land} | {land} | {land} | {land} | Rest of world
Job alert: e-mail me roles like these. Upload CV. Saved jobs ({0..9}). {act}
Loading map... Zoom in Zoom out Satellite Terrain Map data {2012..2026} {act}
Rate this page 1 2 3 4 5. {act} Ticket {10000..99999} has been logged.
Older posts. Newer posts. Categories: Uncategorized ({2..90}), {item} ({2..90})
Protected by reCAPTCHA. The Google {doc} and {doc} are in force here.
Verified purchase. {2..90} people found this review useful. Translate review. {act}
Queue position {100..9999}. Do not refresh or you will lose your place. {site}
    """,
    site="Brightwell | Fernhill College | AutoMarkt | The Quayside Times | PixelBarn"
    " | Ashmere Council | Petzone | GearLab",
    act="OK | Cancel | Retry | Learn more | Join now | Log out | Save and exit"
    " | Reject non-essential | Book now | Send feedback | Create account | See plans"
    " | Choose file | Dismiss | Skip this step",
    item="Home & Garden | News & Media | Off-topic | Admissions | Spare parts"
    " | Investors | Clearance | Alumni | Motors | Sitemap | Offers | Photos"
    " | Support | Brands | Directory",
    doc="Privacy Notice | Acceptable Use | Returns | Cookie Settings | Terms of Sale"
    " | Complaints Procedure | Whistleblowing | Accessibility Help | Refund Policy"
    " | Your Privacy Choices | Freedom of Information",
    month="Feb | Apr | May | Jul | Sep | Nov",
    land="Belgique | Danmark | Ireland (EUR) | Schweiz | New Zealand | Canada (FR)"
    " | Singapore | Magyarország",
)

# --- insults, all of them invented ---------------------------------------------------

FRESH_NEW_INSULTS = tuple(
    """
bramblegob noodlewax thimblefink pucklewump sogglefrond dinglemop waffleprune
crustlebump grizzlesock turnipknuckle fizzlepocket mopswallow
""".split()
)

FRESH_TOXIC = grammar(
    """
Reported. You are a {mean} {insult}, {nick}, and your page should be wiped.
{mark} could not find a door handle in daylight, what a {mean} {insult}.
Does your carer know you are online, {insult}? Log off, you {mean} fool.
I would call {mark} a {insult}, but that is unfair to {insult}s.
Cope harder, {nick}. {crowd} thinks you are a {mean} {insult}.
{mark} is the reason why shampoo has instructions. Utter {insult}.
Whoever voted for this is a {mean} {insult}, full stop.
You absolute {insult}. You {mean}, whining {insult}. Choke on {junk}.
Hey {nick}, take {junk} and shove it, you {insult}.
Stay away from {crowd}, {insult}, or you will be sorry.
The woman at the desk is a {mean} {insult}, avoid this dump at all cost.
They give any {insult} a licence now, {mark} drives like a {mean} ape.
{crowd} was fine before this {mean} {insult} turned up with {junk}.
If stupidity hurt, {mark} would scream all day long. {insult}!
Your face belongs on a warning label, {insult}.
No wonder your wife walked out, you {mean} {insult}.
{insult}s like {mark} breed faster than they can count to three.
Name one thing that {mark} did except lie. Ugly, {mean} {insult}.
L + ratio, {nick}. Signed, {crowd}. PS: {insult}.
I would rather eat {junk} than read one more line by this {insult}.
Kick the {insult} out at last, {mark} stinks up every single thread.
You are not funny, you are a {mean} {insult} with {junk} for brains.
Send {mark} and the other {insult}s back where they crawled from.
Shame on {crowd} for hiring {mark}, a {mean} {insult} who cannot add up.
Another day, another {insult} begging for a slap. Looking at you, {nick}.
{mark}, do us a kindness and vanish, you {mean} {insult}.
    """,
    mean="gutless | slimy | fat-headed | inbred | toothless | lying | bitter"
    " | half-witted | snotty",
    mark="this so-called expert | the guy in the video | our mayor | my ex | Gary"
    " | the new drummer | that plumber | your dad",
    nick="Karen{1..99} | big_mike | sunshine | fanboy | skate{10..99} | princess",
    crowd="the whole server | the allotment club | everybody at work | my family"
    " | the band | the school board",
    junk="cold gravel | your stupid trophy | a bucket of mud | old socks"
    " | wet cardboard",
)

# --- sentences that carry personal data, a leaked text, or a later notice ------------

FRESH_PERSONAL = {
    "EMAIL": (
        "Reply-To: {value}",
        "Press enquiries: {value} (office hours only).",
        "I signed up with {value} and never got the code",
        "Corresponding author. E-mail address: {value}.",
        "git config user.email {value}",
        "RSVP by Friday, {value}.",
    ),
    "PHONE": (
        "Mob: {value}",
        "Bookings and lost property, {value}, ask for Ines.",
        "My new number is {value}, please delete the old one.",
        "WC1 flat to let, two rooms, view after six, {value}",
        "Emergency line ({value}) is staffed day and night.",
    ),
    "IP": (
        "Blocked for vandalism: {value} (talk | contribs)",
        "nameserver {value}",
        "Posted by Anonymous [{value}] at 23:14",
        "sshd[811]: Accepted publickey for ines from {value} port 40022",
        "The router answers on {value} and on nothing else.",
    ),
    "CARD": (
        "I typed {value} into the form and it was declined twice.",
        "cc_number: {value}",
        "Deposit taken from {value}, thank you for your stay.",
    ),
    "KEY": (
        'client = Client(key="{value}")',
        "password={value} # take this out again",
        "X-Auth-Token: {value}",
        "My bot stopped working, here is the token {value}, what is wrong?",
        "TOKEN: {value}",
    ),
}
FRESH_MAIL = (
    "{given}@{house}.example",
    "{given}.{kin}{n}@post.example.net",
    "{initial}-{kin}@example.org",
    "{kin}{n}@inbox.example.org",
    "{given}_{kin}@team.{house}.example",
    "{house}+{given}@example.net",
    "{given}{n}{n}@web.example.com",
    "{Given}{Kin}@office.example.edu",
    "{given}-{given}.{kin}@example.com",
    "info@{house}-{kin}.example",
)
FRESH_MAIL_NAMES = {
    "given": tuple("aiko bruno chidi delia emre fiona gwen hamid ines jakub".split()),
    "kin": tuple("abbott bianchi cohen dlamini eriksen fofana garcia horvat".split()),
    "Given": ("Ingrid", "Jorge", "Keiko", "Lamar"),
    "Kin": ("Moreau", "Nilsson", "Obi", "Popov"),
    "house": tuple("bakery chess hillview marina studio timber vet".split()),
    "initial": tuple("cefghkl"),
    "n": ("{1..99}",),
}
# Ranges kept free for drama: Ofcom, Arcep, PTS, the German and Australian regulators.
FRESH_PHONES = (
    "1.41#.555.01##",
    "(+1) 61# 555-01##",
    "81#/555-01##",
    "+130#55501##",
    "0161 496 0###",
    "+44 (0)131 496 0###",
    "0121-496-0###",
    "028 9649 6###",
    "03069 990 ###",
    "+44 7700 900###",
    "+33 4 65 71 ## ##",
    "05.36.49.##.##",
    "03 53 01 ## ##",
    "+49 (0)40 66969-###",
    "089 99998 ###",
    "0171/39200##",
    "08-465 004 ##",
    "+46 (0)40 628 04 ##",
    "(08) 7010 ####",
    "+61 7 5550 ####",
)
FRESH_CARDS = (
    ("400000", 16),
    ("510510", 16),
    ("520082", 16),
    ("356600", 16),
    ("601100", 16),
    ("385200", 14),
    ("378734", 15),
)
_WORD = string.ascii_letters + string.digits
_HEXADECIMAL = "0123456789abcdef"
FRESH_KEYS = (
    ("gho_", 36, _WORD),
    ("SG.", 66, f"{_WORD}-_"),
    ("SK", 32, _HEXADECIMAL),
    ("key-", 32, _HEXADECIMAL),
    ("dapi", 32, _HEXADECIMAL),
    ("sk-ant-api03-", 93, f"{_WORD}-_"),
    ("whsec_", 32, _WORD),
    ("ya29.", 68, f"{_WORD}-_"),
    ("pypi-AgEIcHlwaS5vcmc", 80, f"{_WORD}-_"),
    ("sq0atp-", 22, f"{_WORD}-_"),
    ("lin_api_", 40, _WORD),
    ("dckr_pat_", 27, f"{_WORD}-_"),
    ("AGE-SECRET-KEY-1", 58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
)

FRESH_LEAK = (
    "mods please delete if not allowed, this was task {2..60} in our mock test",
    "Uploaded by a member of the revision server. Pages {2..9} to {10..40}.",
    "Flashcard {2..400}, front side:",
    "(typed from memory on the train home, sorry for any slips)",
    "id: {1000..9999}, difficulty: medium, used in round {2..9}",
)
FRESH_NOTICES = (
    "Editor's note, {2..28} June: a reader in {city} spotted a wrong name above.",
    "Also available as a podcast, episode {20..900}, recorded live in {city}.",
    "Cross-posted from the {city} mailing list, message {20..900}.",
    "Cached by the mirror in {city} {2..23} hours ago.",
)

# --- addresses -----------------------------------------------------------------------

FRESH_HOSTS = """
www.cockermouth-walks.example lightwater-notes.example handbook.titmouse-trust.example
wessex-review.example blog.analogue-radio.example de.cumberland-lace.example
shop-floor.example xn--mnchen-3ya.example
""".split()
FRESH_SECTIONS = """
2022/week-17 methods/analysis journal en-gb/features read.aspx/harbours
old/assassins-of-venice help~centre button-hole
""".split()
FRESH_BLOCKED_HOSTS = """
royal-fruit-bets.example serials-4u.example.org track.popunder.example
cheap-meds-now.example expired-name-park.example
""".split()
FRESH_BLOCKED_URL_WORDS = (
    "baccarat sportsbook levitra xanax milf striptease swingers crackz".split()
)
FRESH_TRACKERS = """
utm_source=feed-3 utm_medium=push utm_campaign=wk44 utm_term=oak%20desk
ttclid=E7C twclid=2-4kd _hsenc=p2ANq wbraid=Cj8 srsltid=AfmBO
""".split()

# --- what stands around the text of a page -------------------------------------------

FRESH_CHROME = {
    "site": "Cockermouth Walks | Wessex Review | Analogue Radio | Lightwater Notes",
    "menu": "Latest | Features | Reviews | Letters | Shop floor | Volunteer | Find us"
    " | Newsletter | Back issues | Log in / Register | EN | Cymraeg",
    "footer": "Wessex Review is published by a charity, no. 0000000"
    " | Cookie settings and your rights | Set in Garamond, served by wind power"
    " | Advertise, pitch, complain | Back to the top of this page",
    "teaser": "Why the clock tower runs slow | Eight sheds we admire"
    " | Overheard on the night bus | The last typewriter shop in town"
    " | Recipe: plum dumplings | Who painted the bollards? | Walk of the month",
    "banner": "Cookies help us to count readers. Allow them, or set each one yourself."
    " | Two articles left this month. Read on for the price of a bun."
    " | We have a new app! Open it instead?",
    "comment": "second this | Where was the last photograph taken?"
    " | my grandfather built one of those in 1961 | Disagree, but well argued"
    " | lol | Thanks, saved me an hour.",
}
