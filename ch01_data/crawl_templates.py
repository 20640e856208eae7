"""What the dirt of a crawl is made of: sentences, words, addresses. Plain data.

Every kind of dirt has four disjoint families of sentences. Rules may be written and
classifiers trained on `tuning`; `held` is for the score, so that a filter that learned
these sentences by heart shows no merit; `blind`, in crawl_blind, and later `fresh`, in
crawl_fresh, were each written by somebody who had not seen the filters.

A name in braces stands for one of the phrases listed under it, `{2..9}` for a number.
"""

from ch01_data import crawl_blind, crawl_fresh
from ch01_data.templates import grammar

FAMILIES = ("tuning", "held", "blind", "fresh")

# --- spam ----------------------------------------------------------------------------

SPAM = {
    "tuning": grammar(
        """
Buy {quality} {goods} online at the {best} price, only ${9..499}.99 while stocks last!
Save up to {15..85}% on every {goods} order and get {gift} for free today.
Over {2..90},000 happy buyers in {city} already trust our {quality} {goods} store.
Why pay more? Compare {3..40} {goods} offers and keep {15..85}% in your pocket.
Click here to claim your {quality} {goods} coupon before {day} at midnight!
Best {goods} {city}, cheap {goods} {city}, discount {goods} near me, {goods} sale.
No credit check, no hidden fees: get {goods} in {2..30} minutes with {gift}.
Our {goods} experts in {city} guarantee {quality} results in {2..30} days or less.
Order now and receive {gift} plus a second {goods} package at half price.
Limited time deal: {goods} from ${9..99}, was ${120..900}, you save {15..85}% now!!!
{goods} reviews {2015..2026}: top {3..25} {quality} brands, ranked for {city}.
Call 1-800-BUY-{goods} and mention {day} to unlock the {best} discount.
#1 {goods} shop in {city}! Free shipping, {quality} service, {gift} included.
Tags: {goods}, {quality} {goods}, buy {goods} {city}, {goods} coupon {2015..2026}.
Doctors in {city} hate this {quality} {goods} trick that costs just ${2..30}.
Act fast: only {2..30} {goods} left, and {2..90} people in {city} are looking now.
        """,
        quality="cheap | premium | luxury | genuine | amazing | top rated | brand new"
        " | discount",
        goods="replica watches | payday loans | diet pills | printer ink"
        " | car insurance | designer handbags | mattress | phone cases"
        " | teeth whitening | cheap flights",
        best="lowest | best | craziest | guaranteed lowest | wholesale",
        gift="a leather wallet | next day delivery | a bonus gift card"
        " | a mystery box | lifetime support",
        city="Dallas | Leeds | Toronto | Perth | Miami | Dublin | Chicago | Cardiff",
        day="Monday | Friday | Sunday | Tuesday",
    ),
    "held": grammar(
        """
Looking for {thing} in {town}? {brand} ships {thing} with {perk}, starting at ${5..89}.
Get instant access to {thing} now, {perk} and {12..70}% discount for new members!
{brand} {thing} {town} | {thing} deals | buy {thing} online | best {thing} {town}
I earned ${300..9000} in {2..9} weeks with {brand} {thing}, and you can too, click now!
Sign up today, {perk} is yours for free when you order {thing} from {brand}.
Cheapest {thing} supplier since {1995..2024}: {perk}, {perk}, trusted in {town}.
Use promo code {code}{10..99} at checkout and save ${5..200} on your {thing}.
Want {result}? The {brand} {thing} formula works in {2..21} days, 100% risk free.
Special offer for {town} residents: {thing} and {perk} for just ${5..89} a month!
Customers rate {brand} {thing} {4..5} of 5 stars, {200..9000} reviews in {town}.
Don't miss out!!! {thing} sale ends soon, prices slashed by {12..70}%, {perk}.
Congratulations, visitor from {town}: you have won {perk}, redeem your {thing} here.
{result} guaranteed or we refund you: {thing}, {brand} quality, {perk}.
Hurry, {thing} stock in {town} is running out, checkout takes {2..9} minutes, buy now.
Related searches: {thing} coupon, {thing} free trial, {brand} {thing}, {thing} {town}.
Read how {brand} helped {200..9000} people reach {result} with {thing}, order here.
        """,
        thing="essay writing | VPN plans | hair growth serum | crypto signals"
        " | solar panels | garage doors | followers and likes | energy drinks"
        " | forex robots | carpet cleaning",
        brand="MaxiPro | UltraZen | GoldPeak | NovaPrime | TurboBay | SmartLux",
        perk="free delivery | a free trial | cash back | no contract | a bonus month"
        " | a 30 day refund | VIP access",
        town="Houston | Bristol | Ottawa | Brisbane | Denver | Glasgow | Phoenix",
        result="thick hair | passive income | perfect grades | more traffic"
        " | a slim body | financial freedom",
        code="SAVE | DEAL | BONUS | LUCKY | EXTRA",
    ),
    "blind": crawl_blind.BLIND_SPAM,
    "fresh": crawl_fresh.FRESH_SPAM,
}

# --- pages with nothing on them ------------------------------------------------------

BOILERPLATE = {
    "tuning": grammar(
        """
We use cookies on {site} to improve your visit. Read our {paper} and accept cookies.
Please enable JavaScript in your browser settings to view {site} properly.
Copyright (c) {1999..2026} {site}. All rights reserved. {paper} and {paper} apply.
Home | About | Contact | {topic} | {topic} | {topic} | Sitemap
Sign in to {site} or register for a free account to see {topic}.
Forgot your password? We will send a reset link to the e-mail address you gave {site}.
Subscribe to our newsletter and receive {topic} updates from {site} every {2..30} days.
Error 404: the page in {topic} that you requested could not be found on {site}.
{paper} - {paper} - Terms of use - Accessibility - Advertise with {site}
You have {0..9} items in your {site} cart. Continue to {topic} or check out.
Share this page of {site} on Facebook, Twitter, Pinterest or by e-mail. {topic}
Page {1..9} of {10..400} in {topic}. Next page, previous page, last page.
Posted in {topic}. Tagged {topic}, {topic}. Permalink. {0..9} comments.
By using {site} you agree to the {paper} and the {paper} of {site}.
        """,
        site="DailyPost | MyShop24 | NewsHub | TechCorner | RecipeBox | TravelNet"
        " | HomePortal",
        paper="privacy policy | cookie policy | terms of service | legal notice"
        " | disclaimer",
        topic="World | Sports | Business | Lifestyle | Gadgets | Garden | Weather"
        " | Videos | Opinion | Jobs",
    ),
    "held": grammar(
        """
{name} stores small files on your device. Manage consent, {choice} or {choice}.
Your browser does not run scripts, so {part} of {name} cannot be shown here.
(c) {1999..2026} {name} Ltd. No {part} may be reproduced without written permission.
Skip to content. Menu. Search {name}. {part}. {part}. {part}. {choice}.
Log in with your {name} profile, or create one in {2..9} minutes to unlock {part}.
Sorry, nothing on {name} matched your search in {part}. Check the spelling, try again.
Access denied. You need permission to open {part}. Reference {10000..99999} ({name}).
Follow {name} on social media. Like us, watch our {part}, {choice}.
Loading {part}, please wait. If {name} does not respond, refresh this page.
Filed under {part}. Leave a reply. Required fields are marked. {choice}.
This domain, {name}.example, may be for sale. Inquire with the owner. {choice}.
Back to top. Print this page. Report a problem with {part}. {choice}.
Privacy settings. Imprint. Help centre. Careers at {name}. {part}. Version {2..9}.{0..9}
Session expired after {10..60} minutes on {name}. Log in again to see {part}.
        """,
        name="Blogwerk | CityPulse | ShopZone | InfoPoint | Gazette Live | Photoroom",
        part="archive | gallery | downloads | members area | calendar | forum"
        " | shopping bag | recent posts | webinars",
        choice="reject all | accept all | preferences | more options | close this box"
        " | remind me later",
    ),
    "blind": crawl_blind.BLIND_BOILERPLATE,
    "fresh": crawl_fresh.FRESH_BOILERPLATE,
}

# --- insults, all of them invented ---------------------------------------------------

# A word list that a filter may know, and new words that it cannot.
INSULTS = tuple(
    """
snorfwit grubblehead muckwhistle dunderflop zilchbrain crudnozzle blatherskunk
wimplesnout drizzlehead toadspoon fumblewart scumbleton gormbucket nogglefist
swillbonnet clodwhacker
""".split()
)
NEW_INSULTS = tuple(
    """
plonkfish smudgewit bogtrumpet dribblepot hagglenose numbskettle wartpudding
slobgoblin crankwort fuzzbrained mudgeling twazzock
""".split()
)
NEW_INSULTS_OF = {
    "held": NEW_INSULTS,
    "blind": crawl_blind.BLIND_NEW_INSULTS,
    "fresh": crawl_fresh.FRESH_NEW_INSULTS,
}

TOXIC = {
    "tuning": grammar(
        """
You are such a {insult}, {who}, and everybody in {place} knows it.
Shut up, you {bad} {insult}, nobody in {place} wants to hear {what}.
Only a {bad} {insult} like {who} would believe {what}.
I hope {who} loses everything, that {bad} {insult} deserves it.
People who like {what} are {bad} {insult}s and should leave {place}.
Get lost, {who}! Go back to {place}, you stupid {insult}.
{who} is a worthless {insult} and {what} is trash.
How dumb can one {insult} be? {who} cannot even read {what}.
We all hate {who}, the most {bad} {insult} that {place} ever saw.
        """,
        bad="filthy | pathetic | disgusting | brainless | rotten | useless",
        who="you clown | Kevin | my neighbour | this author | your brother | the mod",
        place="this forum | our street | the whole town | this channel | school",
        what="your lies | this garbage post | such nonsense | your ugly pictures",
    ),
    "held": grammar(
        """
What a {nasty} {insult} {person} turned out to be, I despise {them}.
Listen, {insult}: {person} is too {nasty} to live in {spot}.
Nobody will ever love {person}, a {nasty} {insult} without a brain.
Somebody should throw {person} and every other {insult} out of {spot}.
{person} writes like a drunk {insult}, so {nasty} that it hurts.
Go cry about it, {insult}. {person} is a loser and {spot} laughs at {them}.
I spit on {person}, you {nasty} bunch of {insult}s from {spot}.
Every {insult} in {spot} is an idiot, and {person} is the worst {insult} of all.
Drop dead, {nasty} {insult}, {person} makes {spot} sick.
        """,
        nasty="stupid | vile | miserable | hideous | dirty | moronic",
        person="that old fool | Brenda | the referee | whoever wrote this"
        " | your sister | the teacher",
        them="them all | that lot | people like that | the likes of you",
        spot="the comments | this village | our team | the office | this group",
    ),
    "blind": crawl_blind.BLIND_TOXIC,
    "fresh": crawl_fresh.FRESH_TOXIC,
}

# --- sentences that carry personal data, a leaked text, or a later notice ------------

PERSONAL = {
    "tuning": {
        "EMAIL": (
            "Questions go to {value}, where somebody reads them.",
            "Write to {value} if you find a mistake.",
            "(Contact: {value})",
            "The author's address is {value}.",
        ),
        "PHONE": (
            "Call {value} between nine and five.",
            "Phone: {value}.",
            "You can reach the office at {value}, but not on Sundays.",
        ),
        "IP": (
            "The server at {value} was moved in spring.",
            "Logged in from {value} yesterday.",
            "Host {value} did not answer.",
        ),
        "CARD": (
            "She paid with card {value} and left.",
            "Card number: {value}.",
        ),
        "KEY": (
            "api_key = {value}",
            "The access token {value} was left in the file.",
        ),
    },
    "held": {
        "EMAIL": (
            "Thanks are due to the editor <{value}> for this piece.",
            "Send corrections by mail: {value}",
            "If in doubt ask {value}; answers take a week.",
            "reported by {value}, confirmed a day later",
        ),
        "PHONE": (
            "Our landline is {value}; leave a message there.",
            "Tel. {value}",
            "For tickets ring {value} before noon.",
        ),
        "IP": (
            "A visitor with the address {value} wrote this comment.",
            "Please ping {value} when the network is back.",
            "connection refused by {value}, giving up",
        ),
        "CARD": (
            "The booking was charged to {value} last week.",
            "Visa or Mastercard on file: {value}, please check",
        ),
        "KEY": (
            "export SECRET_TOKEN={value}",
            "somebody pasted {value} into the chat by mistake",
        ),
    },
    "blind": crawl_blind.BLIND_PERSONAL,
    "fresh": crawl_fresh.FRESH_PERSONAL,
}

LEAK = {
    "tuning": (
        "I found this in an old test and copied it out for the class.",
        "Does anybody know the answer to this one? It was in last year's exam.",
        "Here is the text from the reading comprehension set:",
    ),
    "held": (
        "Posting the benchmark item here so that we can discuss it.",
        "My notes from the quiz, word for word as far as I remember.",
        "Sample number {2..900} of the collection, mirrored without changes.",
    ),
    "blind": crawl_blind.BLIND_LEAK,
    "fresh": crawl_fresh.FRESH_LEAK,
}

NOTICES = {
    "tuning": (
        "This article was corrected on {2..28} May after a note from {city}.",
        "First printed in the {city} Herald, number {20..900}, and shortened here.",
        "Read aloud on {city} Radio by request of {20..900} listeners.",
    ),
    "held": (
        "An earlier version of this text appeared {2..90} days ago in {city} Weekly.",
        "Syndicated from the {city} desk, item {20..900}; the wording is ours.",
        "Archived copy, checked {2..90} times, kept by the library of {city}.",
    ),
    "blind": crawl_blind.BLIND_NOTICES,
    "fresh": crawl_fresh.FRESH_NOTICES,
}
CITIES = "Dover Galway Turin Porto Salem Hobart Lund Basel Varna Cork".split()

# --- addresses -----------------------------------------------------------------------

HOSTS = {
    "tuning": """
    www.evening-reader.example stories.lantern.example docs.pinewood.example
    essex-county.example blog.harbour-lights.example www.scunthorpe-news.example
    old-mill.example
    """.split(),
    "held": """
    www.riverside-press.example reading-room.example manual.cedarworks.example
    middlesex-archive.example notes.north-gate.example www.penistone-echo.example
    tea-house.example
    """.split(),
    "blind": crawl_blind.BLIND_HOSTS,
    "fresh": crawl_fresh.FRESH_HOSTS,
}
SECTIONS = {
    "tuning": "articles stories reference 2019/04 archive cocktails".split(),
    "held": "pages library guide posts/2021 items unescorted-walks".split(),
    "blind": crawl_blind.BLIND_SECTIONS,
    "fresh": crawl_fresh.FRESH_SECTIONS,
}
# The operator's block list: the crawl writes it out, and a filter is given it.
BLOCKED_HOSTS = {
    "tuning": """
    casino-palace.example cheap-clicks.example download-zone.example
    hot-offers.example linkfarm-one.example
    """.split(),
    "held": """
    free-pills.example bet-tonight.example mirror-mill.example
    ad-swamp.example scraped-pages.example
    """.split(),
    "blind": crawl_blind.BLIND_BLOCKED_HOSTS,
    "fresh": crawl_fresh.FRESH_BLOCKED_HOSTS,
}
BLOCKED_URL_WORDS = {
    "tuning": "casino viagra porn xxx jackpot".split(),
    "held": "poker cialis porno escort torrent warez".split(),
    "blind": crawl_blind.BLIND_BLOCKED_URL_WORDS,
    "fresh": crawl_fresh.FRESH_BLOCKED_URL_WORDS,
}
TRACKERS = {
    "tuning": "utm_source=mail utm_campaign=spring gclid=Zx81 utm_medium=rss".split(),
    "held": "fbclid=Qk77 mc_cid=b2a1 utm_term=tea utm_content=top msclkid=77ab".split(),
    "blind": crawl_blind.BLIND_TRACKERS,
    "fresh": crawl_fresh.FRESH_TRACKERS,
}

# --- how a page is broken, by the names of the ways in markup -------------------------

BREAKS = {
    "tuning": ("cut_in_tag", "unclosed", "crossed"),
    "held": ("cut_in_comment", "stray", "headless", "attributes"),
    "blind": ("cut_in_entity", "doubled", "unclosed", "stray", "attributes"),
    "fresh": ("crossed", "doubled", "headless", "cut_in_comment", "cut_in_tag"),
}

# --- what stands around the text of a page -------------------------------------------

CHROME = {
    "tuning": {
        "site": "Evening Reader | Lantern Stories | Pinewood Docs | Harbour Lights",
        "menu": "Home | News | About us | Contact | Archive | Shop | Forum | Login",
        "footer": "Copyright 2024 Evening Reader. All rights reserved."
        " | Terms of use and privacy policy apply. | Made with care in the old mill."
        " | Imprint and contact form",
        "teaser": "Ten ways to sharpen a pencil | What the harbour master saw"
        " | Readers write back | A short history of buttons | Photos of the week"
        " | The best walks near the river",
        "banner": "We use cookies to make this site work. Accept all?"
        " | Subscribe to our newsletter and never miss a story.",
        "comment": "Great post, thanks for sharing! | First! | I read this twice."
        " | Can somebody fix the second link? | More of this, please.",
    },
    "held": {
        "site": "Riverside Press | The Reading Room | Cedarworks Manual | Tea House",
        "menu": "Start | Topics | Authors | Help | Calendar | Gallery | Sign in | Map",
        "footer": "(c) 2025 Riverside Press, all texts reserved by their authors."
        " | Legal notice and data protection | Hosted by volunteers since 2003."
        " | Report a broken page",
        "teaser": "Why bridges hum at night | Seven soups for autumn"
        " | Letters from the lighthouse | How to mend a kite | From our attic"
        " | The puzzle of the missing clock",
        "banner": "This page stores small files on your device. Manage your consent."
        " | Join the members' club and read without limits.",
        "comment": "Lovely piece, made my day. | Does this still work in 2025?"
        " | Bookmarked! | My aunt used to tell this differently. | Thank you, editors.",
    },
    "blind": crawl_blind.BLIND_CHROME,
    "fresh": crawl_fresh.FRESH_CHROME,
}
