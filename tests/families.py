"""Dirt from small template families that have no sentence in common.

Family "fit" is what classifiers learn from. No threshold, list or pattern of the book
was chosen with family "held" in sight: it is for scoring alone.
"""

import base64
import random
import string

from ch01_data.learned_filters import LearnedFilters
from ch01_data.quality_model import GOOD, QualityModel
from ch01_data.sources import read_documents
from ch01_data.storyworld import generate
from ch01_data.surprise import Surprise
from ch01_data.toxicity import ToxicityModel

SPAM = {
    "fit": [
        "Buy {thing} now at {shop}! Only {price} dollars, today only.",
        "Cheap {thing} for sale, {n}% off the best brands.",
        "Lose {n} pounds in {n} days with our amazing {thing}!",
        "Limited time offer: get your free {thing} before it is gone!!!",
        "Earn ${price} a week from home, no experience needed.",
        "Order today and save {n}% on every {thing}.",
        "Our {thing} is the number one choice of doctors. Act now!",
        "Congratulations, you have been selected to win a {thing}!",
        "Best price guaranteed. Free shipping on all {thing} orders.",
        "Hot deals on {thing}! Visit {shop} and claim your bonus.",
        "Make money fast: turn ${n} into ${price} in one day.",
        "100% satisfaction or your money back. Buy the {thing} now.",
        "Discount {thing} online, lowest prices on the net.",
        "Click the link below to receive your {thing} gift card.",
    ],
    "held": [
        "HUGE clearance on {thing}: prices slashed by {n} percent!",
        "Don't miss out! The {thing} everyone talks about costs just {price} euros.",
        "You are our lucky winner. Claim your prize of {price} dollars today.",
        "Work from your sofa and get paid {price} dollars every month!",
        "Burn fat overnight with this one weird {thing}.",
        "Shop {shop} for cheap {thing}, cheap watches and cheap bags.",
        "Special promotion: two {thing} for the price of one. Hurry, offer ends soon!",
        "Instant approval, no credit check, cash in your account within {n} minutes.",
        "Try our {thing} risk free and save big.",
        "Guaranteed results or your money back! Order your {thing} here.",
        "Exclusive bonus for new customers: {n} free spins and ${price} cash.",
        "Top rated {thing} at unbeatable prices, free delivery worldwide.",
    ],
}
BOILERPLATE = {
    "fit": [
        "We use cookies to improve your experience. Accept all or manage preferences.",
        "By continuing to use this site you agree to our terms of use.",
        "Home | About | Contact | Sign in",
        "Please enable JavaScript to view this page.",
        "Copyright {n} {shop}. All rights reserved.",
        "Privacy policy | Cookie policy | Terms of service",
        "Subscribe to our newsletter",
        "Share this on your favourite network",
        "Log in to leave a comment",
        "Related posts",
        "Skip to main content",
        "Forgot your password? Create an account",
        "Page not found. The page you requested does not exist.",
        "Follow us",
        "Previous Next",
        "Powered by {shop}",
    ],
    "held": [
        "This website stores cookies on your device. Reject all or change settings.",
        "Start Products Services Blog Careers",
        "Your browser does not support scripts; turn on JavaScript and reload.",
        "(c) {n} {shop} Ltd. No part may be reproduced without permission.",
        "Legal notice, data protection, imprint",
        "Sign up for weekly updates",
        "Back to top",
        "Add to cart",
        "Read more",
        "Register now for a free account, or log in with your e-mail address",
        "You must be logged in to post a comment",
        "Error 404: nothing was found at this address. Try a search instead.",
        "Tags: news, {thing}, uncategorized",
        "Load more",
        "Site map",
        "We value your privacy. We and our partners process data to show ads.",
    ],
}
INSULTS = {
    "fit": [
        "You are nothing but a {insult}, {name}.",
        "Shut up, you {adjective} {insult}!",
        "Only a {insult} would say that.",
        "What a {adjective} {insult} you are, go away.",
        "{name} is a stupid {insult} and everybody knows it.",
        "I hate you, you {insult}.",
        "Get lost, {insult}!",
        "Nobody likes you, {adjective} {insult}.",
    ],
    "held": [
        "Listen, {insult}, nobody asked you.",
        "{name}, you {adjective} little {insult}, I despise you.",
        "That {insult} deserves to be kicked out.",
        "How dumb can a {insult} be?",
        "You worthless {insult}, you disgust me.",
        "Crawl back under your rock, {adjective} {insult}.",
    ],
}
WORDS = {
    "fit": {
        "thing": "watches pills handbags loans sneakers vitamins ringtones".split(),
        "shop": "BestDeals MegaShop QuickBuy DiscountWorld".split(),
        "insult": "snollygob wazzlewit crumpet-face dingleblot mooncalfer".split(),
        "adjective": "filthy brainless pathetic ugly".split(),
        "name": "Tom Anna Peter Lucy".split(),
    },
    "held": {
        "thing": "sunglasses supplements phones mattresses gadgets perfume".split(),
        "shop": "PriceKing OutletHub TrendStore SuperSaver".split(),
        "insult": "grobblewonk piffleskull nurdle slimebucketeer toadwhiff".split(),
        "adjective": "miserable witless revolting clueless".split(),
        "name": "Max Clara Oskar Ruth".split(),
    },
}
FAMILIES = {"spam": SPAM, "boilerplate": BOILERPLATE}


def _filled(template, family, rng):
    words = {slot: rng.choice(options) for slot, options in WORDS[family].items()}
    numbers = {"n": rng.randrange(2, 99), "price": rng.randrange(100, 9999)}
    return template.format(**words, **numbers)


def dirty_text(kind, family, rng):
    """Return one page of spam or boilerplate, 6 to 14 templates long."""
    templates = FAMILIES[kind][family]
    chosen = rng.sample(templates, rng.randrange(6, min(14, len(templates))))
    joint = "\n" if kind == "boilerplate" else rng.choice([" ", "\n"])
    return joint.join(_filled(template, family, rng) for template in chosen)


def insulting_text(family, rng, around=""):
    """Return a text with one or two insults somewhere in it."""
    insults = [
        _filled(rng.choice(INSULTS[family]), family, rng)
        for _ in range(rng.randrange(1, 3))
    ]
    parts = around.split(". ")
    place = rng.randrange(len(parts))
    return ". ".join([*parts[:place], " ".join(insults), *parts[place:]])


def gibberish(family, rng, n_words=90):
    """Return noise: random letters or keys (fit), other random alphabets (held)."""
    make = rng.choice(_NOISE[family])
    return make(rng, n_words)


def _letters(rng, n, alphabet=string.ascii_lowercase, low=2, high=10):
    return " ".join(
        "".join(rng.choices(alphabet, k=rng.randint(low, high))) for _ in range(n)
    )


def _key_mash(rng, n):
    rows = ("asdfghjkl", "qwertyuiop", "zxcvbnm")
    return " ".join(
        "".join(rng.choices(rng.choice(rows), k=rng.randint(3, 9))) for _ in range(n)
    )


def _base64(rng, n):
    data = base64.b64encode(rng.randbytes(n * 5)).decode()
    return "\n".join(data[i : i + 76] for i in range(0, len(data), 76))


def _capital_noise(rng, n):
    words = _letters(rng, n, string.ascii_lowercase, 4, 8).split()
    text = " ".join(words).capitalize()
    return text + "." if rng.random() < 0.5 else text


def _symbols(rng, n):
    return _letters(rng, n, string.ascii_letters + string.digits + "#$%&*+/<>@", 3, 12)


_NOISE = {
    "fit": [_letters, _key_mash],
    "held": [_base64, _capital_noise, _symbols],
}


def sample(kind, family, n, seed=0):
    """Return n texts of a kind, the same for the same seed."""
    rng = random.Random(f"{kind} {family} {seed}")
    if kind == "gibberish":
        return [gibberish(family, rng, rng.randrange(40, 200)) for _ in range(n)]
    return [dirty_text(kind, family, rng) for _ in range(n)]


def few_filters() -> LearnedFilters:
    """Filters learnt from a few texts, in a second."""
    good = [story.document for story in generate(40, 4, "train")]
    good += [document.text for document in read_documents("pylib", limit_bytes=400_000)]
    good = good[:60]
    bad = sample("spam", "fit", 60)
    labels = [GOOD] * 60 + ["spam"] * 60
    return LearnedFilters(
        Surprise.fit(good, sample("gibberish", "fit", 20)),
        QualityModel.fit(good + bad, labels),
        ToxicityModel.fit(good + bad, [False] * 60 + [True] * 60),
    )
