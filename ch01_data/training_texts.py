"""Examples for the learned filters: what spam, insults and page machinery sound like.

A classifier knows what it was shown. The crawl's own templates are few, so that one
which learnt from them alone would know their sentences and not the genre. Here are more
of them, written from what everybody's mailbox and every page's margin holds: they are
for learning only, and no page of the crawl has a sentence of theirs.

    spam_text(rng)         five to eleven sentences that sell something
    insulting_text(rng)    four to eight sentences that are meant to hurt
    machinery_text(rng)    four to nine lines of consent, menus, errors, accounts

`{name}` stands for one of a list of phrases and `{2..9}` for a number.
"""

import random
from collections.abc import Callable

from ch01_data.templates import Grammar, fill_in, grammar

SPAM: Grammar = {
    "sentence": (
        "Buy {goods} now, {cut} off for the first {2..90} customers!",
        "Hurry! This {offer} ends {when} and stock is running out.",
        "Get your {goods} today with {extra} and a {2..60}-day money back guarantee.",
        "Earn ${100..9000} a {period} from home, no experience or investment needed!",
        "Make money online fast: our secret system pays ${20..900} an hour.",
        "Congratulations! You have been selected as the lucky winner of {prize}.",
        "Claim your {prize} now: just enter your card number to confirm delivery.",
        "Lose {5..40} pounds in {2..6} weeks without diet or exercise, guaranteed!",
        "This one simple {goods} secret will change your life, experts are stunned.",
        "Instant approval for {money}, bad credit OK, cash in your account {when}.",
        "Refinance your mortgage at {1..4}.{1..9}% and save thousands. Apply now!",
        "Invest in {coin} today and double your money in {2..30} days, zero risk.",
        "Join {10..900},000 members who earn passive income with {coin} trading.",
        "Play {game} at our online casino, {50..500} free spins on your first deposit!",
        "Bet now and get a {50..200}% welcome bonus, instant payouts, no limits.",
        "Hot singles in {town} want to meet you tonight, sign up free!",
        "Generic {pill} without prescription, discreet shipping, {cut} off.",
        "Order {pill} online from a trusted pharmacy, lowest price guaranteed.",
        "Buy {100..9000} real followers and likes, instant delivery, cheap prices.",
        "Rank #1 on search engines with our SEO packages from ${9..99} a {period}.",
        "High quality backlinks for sale, boost your traffic overnight!",
        "Need an essay? Our writers deliver a top paper in {2..24} "
        "hours, from ${5..30} a page.",
        "Exclusive deal for you: two {goods} for the price of one, {when} only.",
        "Don't wait, order your {goods} before prices go up!!!",
        "Visit our store for the best {goods} deals, unbeatable prices every day.",
        "{cut} discount on all {goods}, use code SAVE{5..50} at checkout.",
        "Free shipping on every order over ${20..90}, {extra} included.",
        "Customers love our {goods}: rated {4..5} stars by thousands of happy buyers.",
        "Was ${200..900}, now only ${19..99}! Huge clearance sale on {goods}.",
        "Our {goods} work {2..10} times faster than other brands, or your money back.",
        "Looking for cheap {goods}? You found the number one {goods} shop in {town}.",
        "Call now, our agents are standing by: {when} only, {extra}!",
        "Best {goods}, cheap {goods}, {goods} sale, buy {goods} "
        "online, {goods} {town}.",
        "Unlock exclusive savings on {goods}, subscribers get {cut} off.",
        "Only {2..20} {goods} left in stock, {10..200} people have this in their cart.",
        "Say goodbye to {trouble} with our amazing new {goods} formula.",
        "Tired of {trouble}? Try our {goods} risk free for {7..60} days.",
        "Doctors don't want you to know this trick against {trouble}.",
        "Special promotion: {prize} for every new customer who orders {when}.",
        "Work at home moms make ${100..900} a {period}, start today!",
        "Your coupon for {cut} off {goods} is waiting, click the link to redeem it.",
        "Wholesale {goods} direct from the factory, bulk discounts, "
        "worldwide delivery.",
        "Get out of debt now! Consolidate your loans and pay {cut} less.",
        "Amazing results in days: {goods} that really work, guaranteed.",
        "Limited edition {goods}, premium quality at half the price.",
        "Compare {goods} quotes in {2..5} minutes and save up to ${100..900} a year.",
        "Dear friend, I have {1..40} million dollars to transfer and need your help.",
        "Upgrade now to premium and get {3..12} months free, cancel anytime.",
        "As seen on TV! The {goods} everybody wants, yours for ${9..99}.99.",
        "You will not find a better price on {goods} anywhere, we promise.",
        "Trusted by {2..90},000 customers worldwide, top {goods} at bargain prices.",
        "Sign up {when} and win {prize}, no purchase necessary!",
        "Grab your {offer} now, deals like this never last.",
        "{goods} from €{5..90}, £{5..90} or ${5..90}: pay later with {money}.",
    ),
    "goods": (
        "watches", "sunglasses", "handbags", "sneakers", "perfume", "jewelry",
        "vitamins",
        "supplements", "weight loss pills", "skin care cream", "anti-aging serum",
        "laptops", "smartphones", "headphones", "software licenses",
        "antivirus software",
        "web hosting", "insurance", "holiday packages", "hotel deals", "flight tickets",
        "furniture", "carpets", "kitchen knives", "air fryers", "vacuum cleaners",
        "solar panels", "used cars", "tyres", "car parts", "mattresses", "curtains",
        "protein powder", "hair growth oil", "e-cigarettes", "CBD oil", "gift cards",
        "diplomas", "fishing gear", "tools", "garden sheds", "roof repairs",
        "batteries",
        "toner cartridges", "wedding dresses", "contact lenses",
        "hearing aids", "diamonds",
        "streaming boxes", "game credits", "electric bikes", "memory foam pillows",
    ),
    "offer": ("offer", "deal", "flash sale", "bargain", "special",
    "promotion", "bundle"),
    "when": ("tonight", "today", "this week", "at midnight", "in 24 hours",
    "on Black Friday"),
    "cut": ("{10..90}%", "up to {30..90}%", "half", "{10..90} percent", "${5..200}"),
    "extra": ("free gifts", "free delivery", "a bonus e-book", "24/7 support",
    "a trial pack"),
    "period": ("day", "week", "month"),
    "prize": ("a brand new phone", "a ${100..1000} gift card",
    "a free cruise", "a new car",
              "{10..900} thousand dollars", "a luxury watch",
              "an all-inclusive holiday"),
    "money": ("payday loans", "personal loans", "a credit card",
    "a cash advance", "finance"),
    "coin": ("bitcoin", "crypto", "forex", "gold", "penny stocks", "our trading robot"),
    "game": ("slots", "poker", "blackjack", "roulette", "bingo"),
    "pill": ("viagra", "cialis", "xanax", "painkillers", "sleeping pills",
    "diet pills"),
    "trouble": ("hair loss", "back pain", "wrinkles", "belly fat",
    "high bills", "snoring",
                "bad skin", "low energy", "slow computers", "credit card debt"),
    "town": ("London", "Boston", "Sydney", "Berlin", "Denver", "Glasgow",
    "Austin", "Vienna"),
}  # fmt: skip

TOXIC: Grammar = {
    "sentence": (
        "You {bad} {insult}, nobody wants you here.",
        "{who} is the dumbest {insult} I have ever seen.",
        "Shut your mouth, {insult}.",
        "What a {bad} piece of {dirt} you are, {who}.",
        "I hate you and your {bad} {thing}.",
        "Go away, you {bad} little {insult}, and never come back.",
        "Everyone is laughing at you, {insult}.",
        "You disgust me, you {bad} {insult}.",
        "Only an idiot or a {insult} could write such {dirt}.",
        "{who} should be ashamed, that {bad} {insult} has no brain.",
        "Listen, {insult}: nobody cares what a {bad} {kind} like you thinks.",
        "You are too stupid to breathe, {who}, you total {insult}.",
        "Get out of here, {bad} {insult}s like you ruin everything.",
        "Are you a moron or just a {insult}?",
        "I despise {who}, the {bad} {insult} who wrote this {dirt}.",
        "You are worthless, {who}, a {bad} waste of space.",
        "Crawl back into your hole, you {insult}.",
        "Somebody should slap that {insult} in the face.",
        "Your {thing} is {dirt}, just like you, {insult}.",
        "{insult}s should not be allowed to speak, least of all {who}.",
        "Nobody asked for your opinion, {bad} {insult}.",
        "How can anyone be such a {bad} {insult}?",
        "I would not trust a {insult} like {who} with a broom.",
        "Choke on it, you {bad} {insult}.",
        "All {kind}s are {bad} {insult}s, throw them out.",
        "Why are you even alive, {insult}?",
        "Look at this {insult}, too {bad} to tie his own shoes.",
        "{who}, you lying, {bad} {insult}, we know what you did.",
        "Stop whining, {insult}, you make me sick.",
        "The world would be better without {insult}s like {who}.",
        "That {insult} can't spell, can't think and stinks too.",
        "Keep your {bad} hands off, {insult}, or you will regret it.",
        "You call that a {thing}? A blind {insult} could do better.",
        "Bring me one {kind} who is not a {insult}, I dare you.",
        "Cry about it, {who}, you spineless {insult}.",
        "My dog is smarter than this {bad} {insult}.",
        "Hey {insult}, drop dead.",
        "With a face like yours, {insult}, I would stay at home.",
        "Once a {insult}, always a {insult}, and {who} is the worst.",
        "May {who} rot, the {bad} {insult}.",
        "Nobody will ever love a {insult} like you.",
        "You should be locked up, you {bad} {insult}.",
        "Of course the {insult} is at it again, how {bad} can one be?",
        "I have met smarter stones than {who}, what a {insult}.",
        "Typical {kind}: a {insult} from head to toe.",
        "Do us all a favour and leave, {insult}.",
        "They let any {insult} in here these days, even {who}.",
        "If I see that {insult} again I will break his {bad} nose.",
        "You and your {insult} friends can go to hell.",
        "What an embarrassing {insult}, {who} makes me want to vomit.",
        "Your parents must be ashamed of raising such a {insult}.",
        "No wonder everybody avoids you, {bad} {insult}.",
        "Keep talking, {insult}, it only shows how {bad} you are.",
        "Oh look, the {insult} has an opinion. How {bad}.",
        "Burn in hell, {insult}.",
        "{kind}s like {who} are nothing but {insult}s and thieves.",
        "Thank you for nothing, {insult}. You are a joke.",
        "Go cry to {who}, you {insult}ish little {kind}.",
        "This {insult} ought to be banned, kicked and forgotten.",
        "You are the reason why people hate {kind}s, {insult}.",
        "Who let the {insult} out? Put a sack over that {bad} head.",
        "Even for a {insult} this is {bad}.",
        "Admit it, {who}: you are a coward, a liar and a {insult}.",
        "I spit on you and all your {insult} kin.",
        "Nothing but {dirt} comes out of that {insult}'s mouth.",
        "Stupid {insult}! Stupid, stupid {insult}!",
        "Be quiet, {insult}, grown-ups are talking.",
        "A {insult} like {who} should never have been born.",
        "Whoever made this is a {bad}, talentless {insult}.",
        "Take your {thing} and choke, {insult}.",
        "We will find you, {insult}, and then you will be sorry.",
        "You {insult}! You absolute {insult}!",
        "How dare you, you {bad} {insult}?",
        "Learn to read, {insult}.",
        "{who} must be the most {bad} {insult} on earth.",
        "Ugh, another {insult}. Throw it back into the swamp.",
    ),
    # A new word almost every time, so that what stands around it is what is learnt.
    "insult": ("{head}{tail}",),
    "head": tuple("bog grub mud gob slack snot pong fuddle lump oaf plonk prat dreg "
                  "wimp twaddle worm mop rat dork nit grum clod fleck spit gloop tosh "
                  "blunder quibble fuss moon piffle slime crumb wobble drool flub zog "
                  "bumble crag".split()),
    "tail": tuple("wit nose wart pot ling skull pants toad noodle basket slug jowl "
                  "poke kin knuckle sack breath brain face pickle fumble ard olt et le "
                  "bucket grit gulper drop monger".split()),
    "bad": ("stupid", "ugly", "filthy", "worthless", "pathetic", "miserable",
    "disgusting",
            "brainless", "clueless", "lazy", "dirty", "revolting", "useless",
            "ignorant",
            "sad", "vile", "rotten", "stinking", "gutless", "spineless",
            "dim", "hopeless"),
    "who": ("you", "this guy", "Brian", "your mother", "your sister", "the author",
            "that woman", "our boss", "Karen", "the whole team", "your friend", "he"),
    "thing": ("post", "comment", "face", "song", "opinion", "work", "family",
    "drawing"),
    "dirt": ("garbage", "trash", "rubbish", "filth", "dirt", "nonsense"),
    "kind": ("foreigner", "fan", "player", "neighbour", "teacher", "kid", "driver"),
}  # fmt: skip

MACHINERY = grammar(
    """
This website uses cookies so that we can provide you with the best experience.
We and our {2..900} partners store and access information on your device.
Manage consent preferences: strictly necessary, functional, performance, targeting.
Accept all cookies | Reject all | Cookie settings
By clicking accept you consent to the use of all cookies.
Cookie list: name, provider, purpose, expiry, type. _ga {firm} {1..24} months HTTP
These cookies are essential for the site to function and cannot be switched off.
Third parties may set cookies for advertising and measurement. Object | Consent
You can change your mind at any time in the privacy centre of {firm}.
We use your data for these purposes: ads, content measurement, audience research.
Your browser is out of date. Please update it to view this website correctly.
JavaScript is disabled. Enable it and reload the page.
This page requires frames, but your browser does not support them.
We noticed that you use an ad blocker. Please whitelist {firm} to go on.
Skip to content
Skip to main navigation | Skip to search | Skip to footer
Back to top
Read more
Load more {part}
Show less
Expand all | Collapse all | Toggle navigation | Toggle dark mode
Home > {part} > {part}
You are here: Home / {part} / {part}
{part} | {part} | {part} | {part} | {part}
{part} {part} {part} {part} {part} {part} {part}
{part} ({2..90}) {part} ({2..90}) {part} ({2..90}) {part} ({2..90})
Main menu: {part}, {part}, {part}, {part}
{part} - {part} - {part} - Contact - Login
Sign in | Create an account | My orders | Wish list
Log in to your account with your e-mail address and password.
Remember me. Forgot your password?
Username or e-mail, password, keep me signed in
Sign in with your social account or use a one-time code.
Enter the six-digit code that we sent to your phone. Resend code
Register for free. First name, last name, date of birth, country, phone number
Confirm your e-mail address. Did not receive the message? Send it again.
Reset your password: enter your e-mail address and we send you a link.
By signing up you agree to the {firm} terms of service. {button} | {button}
This field is required. Please enter a valid value. {button}
Title, first name, surname, company, street, postcode, town, telephone, message
© {1999..2026} {firm}. All rights reserved.
Copyright {1999..2026} {firm} and its affiliates. Trademarks belong to their owners.
{firm} GmbH, registered office, VAT number, managing director, register court
Content is available under a Creative Commons licence unless otherwise noted.
Reproduction without the written permission of {firm} is prohibited.
Terms & conditions | Privacy | Imprint | Contact us | Careers | Press
Use of this site constitutes acceptance of our terms of use and privacy policy.
The information on this site is for general purposes only; {firm} accepts no liability.
Some links are affiliate links: {firm} may earn a commission. Disclosure
Your privacy is important to us. See our data protection notice for details.
Accessibility | Complaints | Freedom of information | Data protection officer
Subscribe to our newsletter. Enter your e-mail address. Unsubscribe at any time.
Sign up for updates on {part}. Frequency: daily, weekly, monthly. {button}
You are receiving this e-mail because you opted in. Unsubscribe | View in browser
Thank you for subscribing. A confirmation has been sent to you.
Follow us on Facebook, Instagram, YouTube and LinkedIn.
Share on Facebook | Tweet | Pin it | E-mail | Print this page
Share this: click to share (opens in new window). Like this: Like Loading...
{2..900} likes {2..900} shares {2..900} views Report Embed Save
404 Not Found. The page you are looking for has been moved or deleted.
Sorry, we cannot find the page that you requested. Check the address or go back.
500 Internal server error. Please try again later or contact the administrator.
503 Service unavailable. Guru meditation. XID: {10000..99999999} Varnish cache server
Error establishing a database connection.
403 Forbidden. You don't have permission to access this resource on this server.
Gateway timeout. The upstream server did not respond in time. Error {500..530}
Access denied. You do not have permission to view this page.
Something went wrong. Refresh the page or try again. Error code: {1000..9999}
This domain is parked. Buy this domain. Related searches: {part}, {part}, {part}
Index of /{part} Name Last modified Size Description Parent Directory
It works! This is the default page of a web server without content.
Website under construction. Come back soon. {firm}
{firm} is down for scheduled maintenance. We will be back shortly.
Checking your browser before you access {firm}. This may take a few seconds.
Please verify that you are not a robot to continue.
Complete the security check: select all images with {part}. Audio challenge
Too many requests. Your address has been blocked for {2..60} minutes.
You are being redirected. Click here if nothing happens.
Your session has expired. Please log in again.
You must be of legal drinking age to enter. Yes, I am over {18..21} | No
This content is not available in your country. Why am I seeing this?
Search results for: {part}. {0..90} results found. Sort by date, relevance.
Search this site | Advanced search | Search tips | Clear filters | Reset
No results matched your search. Try other keywords. Did you mean {part}?
Refine by: category, price, brand, colour, rating, availability
Filter by {part}
View all {part}
Display {10..50} per page. Items {1..9} to {10..48} of {50..900}. Grid | List
Leave a reply. Your e-mail address will not be published. Required fields are marked *
You must be logged in to comment. {0..90} comments. Report abuse.
Comments are closed. Newest first | Oldest first | Most liked
Quick reply | Quote | Report post | Private message | Joined {1999..2026}
Posts: {2..900} | Reputation: {0..90} | Location: {part}
Forum index > {part} > {part}. Mark all threads as read. Who is online: {2..90} guests
You may not post new topics. You may not edit your posts. Smilies are on.
Threads {2..900} Messages {900..9000} Members {90..900} Latest member
Page tools: edit, history, discussion, what links here, permanent link, cite
This page was last edited on {1..28} June {2005..2026}, at {10..23}:{10..59}.
Posted on {1..28} March {2005..2026} by admin in {part}. Tags: {part}, {part}.
By {firm} Staff. Published {1..12}:{10..59}, updated {1..12}:{10..59}. {1..9} min read
Filed under: {part}, {part}. Tagged with {part}. Permalink. No comments yet.
Blog archive: {2010..2026} ({2..90}) {2010..2026} ({2..90}) January February April
Mo Tu We Th Fr Sa Su {1..7} {8..14} {15..21} {22..28} « Nov Jan »
Related articles | Most read | Editor's picks | Trending now
You may also like | More from {part} | Popular tags | Latest posts
Previous | 1 | 2 | 3 | {4..90} | Next
Page {1..9} of {10..90}
First Prev {1..9} {10..19} ... {20..90} Next Last
Older posts | Newer posts | Previous article | Next article
Your shopping cart is empty. Continue shopping.
Add to cart | Add to wish list | Compare | In stock | Quantity: {1..9}
Product details | Specifications | Reviews ({0..90}) | Questions & answers
SKU: {1000..99999}. Category: {part}. Usually ships within {2..9} days. Out of stock
Subtotal, shipping, tax, total. Proceed to checkout. Apply coupon. Update cart
Customers who viewed this item also viewed. Write a review. Rating: {1..5} out of 5
Notify me when this product is available. Select a size. Size guide
Delivery information | Returns | Track your order | Gift vouchers | Store finder
We accept credit cards, bank transfer and invoice. SSL encrypted.
Choose your country and language: English, Deutsch, Français, Español
Select your region: Europe, Asia Pacific, Middle East, Latin America. Currency: EUR
Download our app from the App Store or Google Play.
Open in app | Continue in browser | Get the app | Scan the code with your phone
Advertisement. Scroll to continue. Report this ad.
Sponsored content | Promoted stories | Ads by {firm} | Why this ad?
This content is available to subscribers only. Start your free trial to keep reading.
You have {1..9} free articles left this month. Subscribe for full access.
To read the full story, log in or become a member. Institutional access | Rent
Support our journalism. Give once | Give monthly | Already a supporter? Sign in
Powered by {firm}. Theme by {firm}. Hosted by {firm}.
Website by {firm}. Valid HTML. Best viewed at 1024 x 768.
Sitemap | RSS feed | Accessibility statement | Help centre | Feedback
Opening hours: Mon-Fri {7..10}:00-{16..20}:00. Customer service. Returns and refunds.
Get in touch: phone, fax, e-mail, directions, map data, report a map error
Loading, please wait...
Menu
Close
Search
Please rotate your device. Tap to unmute. Click to enlarge. Press Esc to exit.
Video player is loading. Play, mute, current time 0:00, captions, full screen
0:00 / {1..9}:{10..59} Speed 1x Autoplay next. Subtitles off. Fullscreen
Image {1..9} of {10..30}. Gallery. Slide show. Photo credit. View full size
Last updated {1..28}/{1..12}/{2005..2026}. Views: {10..9000}. Rate this page.
Did you find what you were looking for? {button} | {button} Thank you for your feedback.
How would you rate this site? Poor, fair, good, excellent. {button}
Turn on notifications from {firm}? Allow | Not now
Ask us anything. Typical reply time: {2..60} minutes. Start chat | End chat
Print | Save | Bookmark | Translate this page
Font size: small, medium, large. High contrast. Listen with a screen reader.
Download PDF | Export citation | Add to library | Request permissions | Metrics
Visitors today: {2..900}. Online: {2..90}. Page generated in 0.{10..99} seconds.
Jobs at {firm} | Investors | Media kit | Advertise with us | Partners | Affiliates
Share your location to see {part} near you. Enter postcode. {button}
Welcome, guest. {button} or {button}. Your last visit was: never
Consent | Details | About cookies | Necessary | Preferences | Statistics | Marketing
Read our {part} policy. Withdraw consent. Do not share my personal information
This site is protected by a captcha and the privacy policy of its provider applies.
Your choices: opt in, opt out. Save and exit. Vendors: {2..900}. Legitimate interest
Storage preferences. Allow selection. Deny. Allow all. Unclassified cookies {0..9}
Enter your {part} number and password. Keep me logged in on this computer.
Not registered yet? Register here. Why register? Help with logging in
New user? Existing user? Guest checkout. Continue with e-mail. Passkey. QR code
Choose a strong password: at least eight characters, one digit, one symbol.
My account | My lists | My profile | Settings | Notifications ({0..9}) | Log out
Switch account. Your plan: free. Upgrade. Billing. Manage subscription. {button}
The server encountered a temporary error. That's all we know. Error {400..599}
Bad request. Your browser sent a request that this server could not understand.
Fatal error: allowed memory size exhausted in index.php on line {10..999}
Warning: cannot modify header information, headers already sent in functions.php
Connection timed out. Host error. Cloud provider status: working. What can I do?
Page moved permanently. If you are not redirected within {2..10} seconds, click here.
This page has expired. This link is no longer valid. Request a new link. {button}
This video is private. This account has been suspended. This listing has ended.
Sorry, this item is no longer available. See similar items. Back to results
Your search returned no results. Browse all {part}. Popular searches: {part}, {part}
{2..900} results, sorted by best match. Narrow your search. Show filters ({0..9})
Location: all. Date posted: any time. Job type: any. Salary: any. {button}
From: To: Depart: Return: Passengers: {1..9} Search flights. Flexible dates
Check in, check out, guests, rooms. Check availability. Free cancellation
Today {1..31}. Week. Month. Agenda. No events. Export to calendar. iCal
High {10..35} Low {0..9}. Wind. Humidity {20..99} %. Updated {1..12}:{10..59} AM
Open {2..900} High {2..900} Low {2..900} Volume. Quotes delayed {10..20} minutes.
Poll: {part}? Vote. View results. Total votes: {10..900}. Poll archive
Tag cloud: {part} {part} {part} {part} {part}. Categories: select category
Author: admin. Category: {part}. Comments: {0..90}. Hits: {10..9000}. {button}
Reply | Share | Flag | {0..90} points | {1..23} hours ago | edited
Sort comments by: top, new, controversial. View {2..90} more replies. Collapse
Topic locked. Sticky: read before posting. Jump to: select a forum. {button}
Thread starter, last post, replies, views. Page {1..9} of {10..90}. Go to page
View profile | Send message | Add friend | Block | Rank: member | Warnings: 0
Powered by forum software. All times are GMT. The time now is {1..12}:{10..59} PM.
Subscribe to comments feed. Trackback address. Notify me of follow-up comments.
Add to basket. Buy it now. Save for later. Only {1..9} left. Dispatched by {firm}
Free delivery over {20..90}. Click & collect. Next day. Delivery to: change address
Frequently bought together. Total price. Add all {2..4} to basket. Sponsored items
Item {1..9} of {10..90}. Zoom. Colour: select. Size: select. Clear. Quantity - 1 +
Payment method: card, invoice, direct debit. Billing address same as delivery address.
Order summary. Items ({0..9}). Promotional code. {button}. Secure checkout by {firm}
Compare products (0). Recently viewed. Wishlist (0). Basket (0). Top sellers
Prices include VAT. Delivery costs excluded. Pictures may differ. Errors excepted.
Play all. Shuffle. Queue. Add to playlist. {2..900} subscribers. Up next. Share
Audio: listen {1..9}:{10..59}. Download episode. Transcript. Embed. Rate and review
Caption text. Previous slide. Next slide. Pause. Slide {1..9} of {10..20}. Credits
Hide menu. Show menu. Open search. Close dialog. Loading spinner. Top of page
Contents [hide] 1 {part} 2 {part} 3 {part} 4 References 5 External links
Edit | View history | Watch | Tools | Print or export | Cite this page | Languages
Abstract. Full text. Figures. References. Supplementary. Cited by {0..90}. Get access
DOI. ISSN. Received. Accepted. Available online. Copyright holder: {firm}
Disclaimer. Nothing on this site constitutes advice. Past performance is no guarantee.
This e-mail may contain confidential information. Please consider the environment.
Registered charity number {100000..999999}. Registered in England. Member of {firm}
Head office: {1..99} High Street. Tel. Fax. E-mail. Directions. Find a branch
Our brands: {firm}, {firm}, {firm}. Our websites: {firm}. Group companies
Advertise | Syndication | Corrections | Ethics policy | Contact the editor | Archive
Start your subscription. Billed every {1..12} months. Cancel any time. Terms apply.
Gift this article. Unlock this article. Log in to continue. {1..9} articles remaining
We use essential technologies to run this site. More options. {button}. {button}
Enable push messages? Later. Allow. Never miss an update from {firm}. {button}
Install the app for a better experience. {4..5}.{0..9} stars. {button}. Not now
Chat offline. Leave a message. Name. E-mail. Your question. {button}
Give us feedback: very unhappy, unhappy, neutral, happy. Tell us why (optional)
Language: EN DE FR ES IT PT NL PL. Currency: USD EUR GBP. Country: select
{button} | {button} | {button}
{button}
    """,
    part="News | Politics | Health | Products | Blog | Events | Recipes | Travel"
    " | Technology | Music | Fashion | Support | About us | Services | Shop | Gallery"
    " | Downloads | Books | Community | Archive | Finance | Kids | Weather | Business"
    " | Sports | Education | Opinion | Photos | Videos | Forum | Help | Brands | Offers"
    " | Reviews | Guides | Research | Courses | Library | Jobs | Cars | Property"
    " | Home & Garden | Culture | Science | World | Local | Games | Tools | Spares",
    firm="Acme Media | Northwind | Contoso Ltd | BluePress | WebWorks | DailyHerald"
    " | Globex | SunCity Times | OpenShelf | FastMart | Pixel & Co | GreenLeaf"
    " | Initech | Umbra Systems | Hillside Bank | Radio Nine | CityPost | MyTickets",
    button="OK | Cancel | Save | Send | Yes | No | Learn more | Sign up | Log in | Back"
    " | Subscribe | Try again | Skip | Dismiss | Accept | Decline | Register | Join"
    " | Find out more | Get started | Apply | Contact support | Buy now | View cart",
)


def _text(phrases: Grammar, low: int, high: int, rng: random.Random) -> list[str]:
    chosen = rng.sample(phrases["sentence"], rng.randint(low, high))
    filled = (fill_in(sentence, phrases, rng) for sentence in chosen)
    return [sentence[:1].upper() + sentence[1:] for sentence in filled]


def spam_text(rng: random.Random) -> str:
    """Return a page of advertising."""
    return rng.choice((" ", " ", "\n\n")).join(_text(SPAM, 5, 11, rng))


def insulting_text(rng: random.Random) -> str:
    """Return a page of insults, all of them of invented words and of common ones."""
    return " ".join(_text(TOXIC, 4, 8, rng))


def invented_insult(rng: random.Random) -> str:
    """Return a word that is no word."""
    return fill_in("{insult}", TOXIC, rng)


def machinery_text(rng: random.Random) -> str:
    """Return a page of what stands around texts, and no text."""
    return rng.choice(("\n", "\n\n", " ")).join(_text(MACHINERY, 4, 9, rng))


EXAMPLES: dict[str, Callable[[random.Random], str]] = {
    "spam": spam_text,
    "toxic": insulting_text,
    "boilerplate": machinery_text,
}
