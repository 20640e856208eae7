"""The words, sentences and questions of the storyworld: plain data, no logic.

Every list is drawn uniformly. A sentence names its open places in braces: `{thing}` is
a word, `{a:colour}` the same with its article; `sentences.SHAPES` lists all
such forms.
The alternatives of one beat differ before the first word that is still to be drawn, so
that a reader who goes from left to right always knows which alternative was chosen.
"""

SHE = """
Mia Anna Ella Lucy Emma Nora Ruby Alice Clara Maya Zoe Lily Eva Ida Rosa Sara Nina Tina
Lena Julia Sofia Laura Maria Helen Jane Kate Amy Beth Carol Diana Elsa Fiona Greta Hanna
Irene Jenny Katie Linda Molly Nelly Olga Paula Rita Sally Tara Ursula Vera Wendy Yara
Zelda Abby Bella Cora Dora Edith Flora Gina Heidi Joan Kim Lola Mary Polly Susan Martha
""".split()

HE = """
Tom Ben Sam Max Leo Finn Jack Luke Adam Noah Paul Peter Simon David Daniel Henry Oscar
Felix Hugo Ivan Jacob Liam Martin Nick Oliver Owen Philip Ralph Roy Scott Theo Victor
Walter Alan Albert Andrew Anton Arthur Boris Bruno Carl Dean Derek Edgar Edward Eric
Ernest Fred George Harry Hector Ian Jim Joe John Kevin Leon Marco Mark Nathan Patrick
Ray Robert Steven Tim
""".split()

THINGS = """
kite drum lamp bell ring clock ball hat scarf coat shawl cup bowl vase plate spoon
teapot kettle jug mug chair stool table desk shelf mirror candle lantern torch flag
banner book diary letter card stamp pen pencil brush easel flute fiddle harp horn
whistle trumpet guitar banjo doll puppet mask crown cape belt purse wallet necklace
bracelet brooch medal coin pearl shell feather marble puzzle robot train sled saddle
rope chain hook net oar anchor compass telescope umbrella fan comb ribbon button thimble
quilt pillow rug cushion tent hammock broom rake shovel axe wheel bicycle scooter canoe
globe camera radio watch album bottle statue vest jacket sweater dress skirt shirt sock
shoe slipper helmet shield sword bow arrow suitcase notebook key
""".split()

COLOURS = (
    "red blue green yellow purple orange white black brown grey pink silver".split()
)

COUNTS = "two three four five six seven eight nine".split()

FOODS = """
pears apples plums peaches cherries berries lemons melons figs olives nuts carrots
potatoes onions beans tomatoes turnips beets radishes pumpkins mushrooms eggs cakes pies
tarts buns rolls muffins cookies biscuits pancakes waffles crackers pretzels donuts
dumplings sausages sandwiches pickles cheeses candies caramels lollipops cupcakes scones
bagels loaves apricots bananas mangoes coconuts limes sardines omelettes toffees peppers
cucumbers grapes almonds puddings
""".split()

JOBS = """
baker farmer teacher doctor nurse sailor miller tailor potter painter singer dancer
writer poet cook gardener hunter shepherd weaver carpenter mason plumber blacksmith
cobbler barber butcher grocer pilot driver porter clerk lawyer judge guard soldier clown
juggler acrobat magician actor piper printer jeweller dentist vet chemist engineer
astronomer librarian courier beekeeper waiter diver miner logger roofer sculptor banker
mayor reporter brewer builder ranger merchant
""".split()

_PLACES = {
    "in the": """
        old mill, dark forest, village square, town hall, rose garden, empty barn,
        school yard, ruined castle, wide meadow, silent abbey, city park, hay loft, wine
        cellar, sunny orchard, deep cave, bamboo grove, royal palace, little chapel,
        grand library, puppet theatre, boat shed, clock tower, corn field, narrow alley,
        snowy pass, desert camp, marble hall, secret tunnel, concert hall, tall grass,
        mossy canyon, vegetable patch, jungle, attic, kitchen, vineyard, maze,
        greenhouse, courtyard
    """,
    "at the": """
        harbour, fair, market, crossroads, lighthouse, inn, zoo, museum, circus, bakery,
        smithy, stadium, ferry dock, palace gate, railway station, bus stop, bank,
        hotel, pharmacy, observatory, sawmill, racetrack, monastery, customs office
    """,
    "on the": """
        beach, pier, cliff, island, roof, mountain, sand dune, ice rink, balcony,
        playground, terrace, riverboat, plateau, drawbridge, village green
    """,
    "by the": """
        river, pond, fountain, canal, wishing well, waterfall, campfire, lagoon,
        glacier, brook, dam
    """,
    "under the": """
        stone bridge, great oak, big tent, arches
    """,
    "behind the": """
        church, stable, school, windmill, hospital, factory, post office, fire station
    """,
}
PLACES = [
    f"{where} {' '.join(place.split())}"
    for where, places in _PLACES.items()
    for place in places.split(",")
]

_HOMES = {
    "Street": """
        Maple Elm Cedar Birch Willow Chestnut Hazel King Queen Bishop Abbey High Main
        Forge Temple Union Victory Liberty
    """,
    "Lane": """
        Holly Ivy Linden Laurel Poplar Juniper Lavender Daisy Tulip Poppy Lilac Clover
        Heather Primrose Honey Badger Swallow
    """,
    "Road": """
        London Paris Rome Vienna Dublin Lisbon Madrid Athens Berlin Oslo Prague Cairo
        Delhi Lima Boston
    """,
}
HOMES = [f"on {name} {way}" for way, names in _HOMES.items() for name in names.split()]

_HIDEOUTS = {
    "in": """
        barrel basket box chest jar sack drawer cupboard boot pot trunk crate bag bin
        tin nest haystack tub pocket bathtub wardrobe flowerpot cradle pipe teacup
    """,
    "under": """
        bucket blanket bench rock log mat plank tray bush sheet mattress staircase
        cabbage tarp hedge sofa doormat mound wheelbarrow
    """,
    "behind": """
        fence wall door stove sign pillar gate bookcase screen chimney painting boulder
        curtain waterwheel dresser piano
    """,
}
HIDEOUTS = [
    f"{where} a {thing}"
    for where, things in _HIDEOUTS.items()
    for thing in things.split()
]

WEATHERS = """
sunny windy foggy rainy cloudy stormy misty frosty chilly warm cold hot mild bright
gloomy breezy dusty humid crisp icy damp clear calm dull muggy balmy cool fresh lovely
drizzly
""".split()

TIMES = """
morning afternoon evening day Monday Tuesday Wednesday Thursday Friday Saturday Sunday
weekend
""".split()

TRAITS = """
kind brave clever gentle honest cheerful patient curious shy bold proud lazy busy happy
jolly merry loyal polite wise witty funny quick careful modest friendly generous noble
humble stubborn sleepy hungry dreamy lively nimble sturdy tidy careless restless
thoughtful eager fearless grumpy playful lucky graceful serious charming quiet young
""".split()

SAD_MOODS = """
sad upset worried unhappy lonely nervous puzzled miserable anxious troubled gloomy
heartbroken desperate tearful helpless downcast
""".split()

GLAD_MOODS = """
glad thankful grateful excited delighted pleased overjoyed thrilled proud happy content
amazed lucky honoured relieved surprised
""".split()

ADVERBS = """
softly loudly gladly kindly quietly slowly quickly gently warmly calmly bravely politely
eagerly firmly sweetly proudly shyly wisely boldly merrily happily cheerfully honestly
thoughtfully sleepily solemnly dreamily
""".split()

ANIMALS = """
fox hare owl crow magpie squirrel hedgehog badger mouse rabbit frog toad otter beaver
deer goat sheep cow pig hen duck goose swan donkey pony horse cat dog puppy kitten lamb
calf parrot pigeon sparrow raven heron stork eagle hawk turtle lizard weasel mole
raccoon monkey camel wolf bear lynx
""".split()

TOOLS = """
hammer wrench chisel needle screwdriver drill saw clamp mallet nail screw rivet bolt
hinge spring patch wire string thread knife staple
""".split()

CONTESTS = """
singing dancing baking spelling swimming running jumping rowing riding climbing skating
juggling chess cooking drawing fishing knitting sewing whistling reading guessing
wrestling archery poetry laughing snoring throwing gardening
""".split()

VEHICLES = """
boat cart bus coach ferry raft tram taxi truck balloon mule ship tractor carriage wagon
lorry camel donkey rowboat gondola
""".split()

SAYINGS = [
    "many hands make light work",
    "honesty is the best policy",
    "better late than never",
    "practice makes perfect",
    "a friend in need is a friend indeed",
    "all is well that ends well",
    "every cloud has a silver lining",
    "look before you leap",
    "slow and steady wins the race",
    "where there is a will, there is a way",
    "actions speak louder than words",
    "the early bird catches the worm",
    "kindness costs nothing",
    "patience is a virtue",
    "two heads are better than one",
    "there is no place like home",
    "laughter is the best medicine",
    "good things come to those who wait",
    "strike while the iron is hot",
    "a stitch in time saves nine",
    "great oaks grow from little acorns",
    "time flies like an arrow",
    "still waters run deep",
    "birds of a feather flock together",
    "no rose is without thorns",
    "curiosity is never a crime",
    "fortune favours the bold",
    "you reap what you sow",
    "never judge a book by its cover",
    "rome was not built in a single day",
    "sharing doubles every joy",
    "a promise must be kept",
    "old friends and old shoes fit best",
    "even the longest winter ends",
    "small streams become mighty rivers",
    "whoever asks learns something new",
    "a smile opens every lock",
    "empty vessels make the most noise",
    "necessity is the mother of invention",
    "the grass is always greener elsewhere",
    "haste makes waste",
    "knowledge is power",
    "beauty lies in simple things",
    "tomorrow brings another chance",
    "a clear conscience is a soft bed",
    "nobody becomes a master overnight",
    "after rain comes sunshine",
    "trust grows one step at a time",
    "courage begins with a deep breath",
    "gold is tested by fire",
    "music makes strangers into friends",
    "one candle can light a thousand others",
    "luck visits those who try",
    "truth needs few words",
    "a burden shared weighs half as much",
    "give and you shall receive",
    "when the cat is away, the mice play",
    "too many cooks spoil the broth",
    "do not count your chickens before they hatch",
    "mistakes are our finest teachers",
    "pride comes before a fall",
    "a rolling stone gathers no moss",
    "absence makes the heart grow fonder",
    "barking dogs seldom bite",
    "easy come, easy go",
    "every journey starts with a single step",
    "forgive and forget",
    "hunger is the best sauce",
    "ignorance is bliss",
    "less is more",
    "opposites attract",
    "silence is golden",
    "variety is the spice of life",
    "walls have ears",
    "wisdom grows with age",
    "no pain, no gain",
    "what goes up must come down",
    "an apple each day keeps the doctor away",
    "the pen is mightier than the sword",
    "cheaters never prosper",
]

# Slot -> (list it is drawn from, slots whose words it must not repeat).
DRAWS = {
    "hero": ("names", ()),
    "friend": ("names", ("hero",)),
    "thing": ("things", ()),
    "thing2": ("things", ("thing",)),
    "mapped": ("things", ("thing",)),
    "colour": ("colours", ()),
    "colour2": ("colours", ("colour",)),
    "count": ("counts", ()),
    "count2": ("counts", ("count",)),
    "food": ("foods", ()),
    "food2": ("foods", ("food",)),
    "hero_job": ("jobs", ()),
    "friend_job": ("jobs", ("hero_job",)),
    "hero_home": ("homes", ()),
    "friend_home": ("homes", ("hero_home",)),
    "place": ("places", ()),
    "hideout": ("hideouts", ()),
    "weather": ("weathers", ()),
    "time": ("times", ()),
    "trait": ("traits", ()),
    "trait2": ("traits", ("trait",)),
    "sad": ("sad_moods", ()),
    "glad": ("glad_moods", ()),
    "adverb": ("adverbs", ()),
    "animal": ("animals", ()),
    "tool": ("tools", ()),
    "contest": ("contests", ()),
    "vehicle": ("vehicles", ()),
    "saying": ("sayings", ()),
}

WORDS = {
    "names": tuple(name for pair in zip(SHE, HE, strict=True) for name in pair),
    "things": tuple(THINGS),
    "colours": tuple(COLOURS),
    "counts": tuple(COUNTS),
    "foods": tuple(FOODS),
    "jobs": tuple(JOBS),
    "homes": tuple(HOMES),
    "places": tuple(PLACES),
    "hideouts": tuple(HIDEOUTS),
    "weathers": tuple(WEATHERS),
    "times": tuple(TIMES),
    "traits": tuple(TRAITS),
    "sad_moods": tuple(SAD_MOODS),
    "glad_moods": tuple(GLAD_MOODS),
    "adverbs": tuple(ADVERBS),
    "animals": tuple(ANIMALS),
    "tools": tuple(TOOLS),
    "contests": tuple(CONTESTS),
    "vehicles": tuple(VEHICLES),
    "sayings": tuple(SAYINGS),
}

# Two roles that the hero and the friend share out between them by a fair draw.
ROLES = (
    ("loser", "finder"),
    ("wisher", "giver"),
    ("trader", "partner"),
    ("hider", "seeker"),
    ("winner", "second"),
    ("breaker", "mender"),
    ("digger", "helper"),
    ("bringer", "guest"),
    ("host", "visitor"),
    ("speaker", "listener"),
)

# Beats that several plots share. [role=slot] fixes a role when its sentence is chosen.
OPEN = (
    "{hero} was {a:hero_job}.",
    "Once there was {a:hero_job} named {hero}.",
    "Long ago {a:hero_job} named {hero} lived {hero_home}.",
    "In a small house {hero_home} lived {hero}.",
    "Not far from here, {hero} lived {hero_home}.",
    "Everyone liked {trait} {hero}.",
    "This is a story about {trait} {hero}.",
)
FRIEND = (
    "{His:hero} best friend was {a:friend_job} named {friend}.",
    "{His:hero} neighbour {friend} was {a:friend_job}.",
    "{His:hero} cousin {friend} lived {friend_home}.",
    "A friend named {friend} lived {friend_home}.",
    "{His:hero} friend was {trait2} {friend}.",
    "{He:hero} liked nobody better than {trait2} {friend}.",
)
MEET = (
    "[met=hero] One {weather} {time}, {hero} met {friend} {place}.",
    "[met=hero] {hero} met {friend} {place}.",
)
FOOD = (
    "To share, {bringer} brought {count} {food}.",
    "As always, {bringer} brought {count} {food}.",
    "For everyone, {bringer} brought some {food}.",
)
EAT = (
    "They ate the {counted:food} from {bringer}.",
    '"I like the {counted:food}, {bringer}," said {guest}.',
)
WISH = (
    "[keeper=wisher] {wisher} had wanted {a:colour} {thing} and kept {it:thing}.",
    "[keeper=giver] {wisher} had wanted {a:colour} {thing} but gave {it:thing} to "
    "{giver}.",
)
END = (
    "Now the {colour} {thing} belonged to {keeper}.",
    "At the end {keeper} had the {colour} {thing}.",
    "{keeper} was {glad} to have the {colour} {thing}.",
)
HOME = ("{bedtime:hero}",)
CLOSE = ('"{Cap:saying}," {full:speaker} told {full:listener} {adverb}.',)
PARAGRAPH = ("\n\n",)

PLOTS = {
    "lost": (
        (
            "Together they owned {a:colour} {thing}.",
            "They shared {a:colour} {thing} that both loved.",
        ),
        (
            "One {weather} {time}, {loser} lost the {colour} {thing} {place}.",
            "They played {place} one {weather} {time}, and {loser} lost the {colour} "
            "{thing}.",
        ),
        (
            '"I lost the {colour} {thing} {place}!" cried {loser}.',
            '"I lost {it:thing} {place}," said {loser}, who was {sad}.',
        ),
        (
            "At last {finder} found the {colour} {thing} {hideout}.",
            "{finder} helped to look and found the {colour} {thing} {hideout}.",
        ),
        (
            "{A:animal} had hidden {it:thing} {hideout}.",
            "{It:thing} was hidden {hideout} by {a:animal}.",
        ),
        PARAGRAPH,
        (
            "[keeper=loser found=finder] {finder} gave the {colour} {thing} back to "
            "{loser}.",
            '[keeper=finder found=finder] "You found {it:thing}. Keep {it:thing}, '
            '{finder}!" said {loser}.',
        ),
    ),
    "gift": (
        (
            "More than anything, {wisher} wanted {a:colour} {thing}.",
            "For a long time {wisher} wanted {a:colour} {thing}.",
        ),
        (
            "[maker=giver] One {weather} {time}, {giver} made {a:colour} {thing} "
            "{place}.",
            "[maker=giver] In secret {giver} made {a:colour} {thing} {place}.",
        ),
        (
            "Then {giver} hid the {colour} {thing} {hideout}.",
            "Until the birthday {giver} hid {it:thing} {hideout}.",
        ),
        (
            '"Look {hideout}!" said {giver}. "I made {it:thing} {place}."',
            '"I made you a present {place}," said {giver}. "Look {hideout}!"',
        ),
        PARAGRAPH,
        WISH,
    ),
    "trade": (
        (
            "Now {trader} had {a:colour} {thing} but wanted {a:thing2}.",
            "In those days {trader} owned {a:colour} {thing} but wanted {a:thing2}.",
        ),
        (
            "And {partner} had {a:colour2} {thing2}.",
            "Luckily {partner} had just such {a:thing2}.",
        ),
        MEET,
        (
            '"I want the {coloured:thing2}," said {trader}. "Take the {colour} {thing} '
            'for {it:thing2}!"',
            '"Take the {colour} {thing}," said {trader}. "I want the '
            '{coloured:thing2}."',
        ),
        PARAGRAPH,
        (
            "[keeper=partner keeper2=trader] So {place} {trader} gave the {colour} "
            "{thing} to {partner} and got the {coloured:thing2}.",
            "[keeper=trader keeper2=partner] But there was no trade {place}. {partner} "
            "kept the {coloured:thing2}, and {trader} kept the {colour} {thing}.",
        ),
    ),
    "secret": (
        (
            "Deep down {hider} had a secret: {a:colour} {thing}.",
            "Nobody knew that {hider} owned {a:colour} {thing}.",
        ),
        (
            "{hider} hid the {colour} {thing} {hideout}.",
            "Every night {hider} hid the {colour} {thing} {hideout}.",
        ),
        MEET,
        (
            '"Can you keep a secret?" whispered {hider}. "I hid the {colour} {thing} '
            '{hideout}."',
            '"I hid {a:colour} {thing} {hideout}," {hider} whispered {adverb}.',
        ),
        PARAGRAPH,
        (
            "[keeper=seeker] After that talk {place}, {hider} gave the {colour} "
            "{thing} to {seeker}.",
            "[keeper=hider] After that talk {place}, {seeker} told nobody, and {hider} "
            "kept the {colour} {thing}.",
        ),
    ),
    "contest": (
        (
            "The prize of the {contest} contest was {a:colour} {thing}.",
            "Whoever won the {contest} contest would get {a:colour} {thing}.",
        ),
        (
            "{It:contest} was held {place}.",
            "One {weather} {time}, the contest began {place}.",
        ),
        FOOD,
        (
            "Both did their best, but {winner} won the {contest} contest.",
            "It was very close, but {winner} won.",
        ),
        (
            '"{winner} won the {contest} contest!" shouted the crowd {place}.',
            'Everyone {place} cheered and called, "{winner} won!"',
        ),
        PARAGRAPH,
        EAT,
        (
            "[keeper=winner] {winner} proudly took the {colour} {thing}.",
            "[keeper=second] {winner} gave the {colour} {thing} to {second}, who "
            "looked {sad}.",
        ),
    ),
    "repair": (
        (
            "Poor {breaker}! {His:breaker} {colour} {thing} broke {place} one "
            "{weather} {time}.",
            "One {weather} {time}, {breaker} broke {a:colour} {thing} {place}.",
        ),
        (
            '"Oh no! {It:thing} broke {place}!" cried {breaker}.',
            '"{It:thing} broke {place}," said {breaker}, who was {sad}.',
        ),
        (
            "{mender} took {a:tool} and mended the {colour} {thing}.",
            "With {a:tool}, {mender} mended the {colour} {thing}.",
        ),
        FOOD,
        EAT,
        PARAGRAPH,
        (
            "[keeper=breaker] {mender} gave the {colour} {thing} back to {breaker}.",
            '[keeper=mender] "You mended {it:thing}. Keep {it:thing}, {mender}!" said '
            "{breaker}.",
        ),
    ),
    "treasure": (
        (
            "[mapped=thing] All year {wisher} wanted {a:colour} {thing}, and an old "
            "map showed one {place}.",
            "[mapped=thing] An old map showed {a:colour} {thing} {place}, just what "
            "{wisher} wanted.",
        ),
        (
            "One {weather} {time}, they went by {vehicle} to look {place}.",
            "They went by {vehicle} and were soon {place}.",
        ),
        (
            "[found=digger] There {digger} found the {colour} {thing} {hideout}.",
            '[found=digger] "Here {it:thing} is!" cried {digger}, who found the '
            "{colour} {thing} {hideout}.",
        ),
        (
            '"{It:thing} was hidden {hideout}!" laughed {digger}.',
            "{digger} said that {a:animal} had hidden {it:thing} {hideout}.",
        ),
        PARAGRAPH,
        WISH,
    ),
    "feast": (
        (
            "To show a new {colour} {thing}, {host} gave a feast.",
            "A feast was planned, for {host} had a new {colour} {thing}.",
        ),
        (
            "The feast was {place}.",
            "One {weather} {time}, everyone came to the feast {place}.",
        ),
        (
            "[bringer=hero bringer2=friend] {hero} brought {count} {food}.",
            "[bringer=friend bringer2=hero] {friend} brought {count} {food}.",
        ),
        (
            "Also, {bringer2} brought {count2} {food2}.",
            "Then {bringer2} brought some {food2}.",
        ),
        (
            "They ate the {counted:food} from {bringer} and the {counted:food2} from "
            "{bringer2}.",
            "The {counted:food} from {bringer} and the {counted:food2} from {bringer2} "
            "were soon gone.",
        ),
        PARAGRAPH,
        (
            "[keeper=visitor] After the feast {place}, {host} gave the {colour} "
            "{thing} to {visitor}.",
            "[keeper=host] After the feast {place}, {visitor} thanked {host}, and "
            "{host} kept the {colour} {thing}.",
        ),
    ),
}

BEFORE = (OPEN, FRIEND)
AFTER = (END, HOME, CLOSE)

# Kind, wordings, answer. A question can be answered when all its slots were told.
QUESTIONS = (
    ("who", ("Who lost the {thing}?",), "{loser}."),
    ("who", ("Who found the {thing}?",), "{found}."),
    ("who", ("Who made the {thing}?",), "{maker}."),
    ("who", ("Who hid the {thing}?",), "{hider}."),
    ("who", ("Who won the {contest} contest?",), "{winner}."),
    ("who", ("Who mended the {thing}?",), "{mender}."),
    ("who", ("Who brought the {food}?",), "{bringer}."),
    (
        "where",
        ("Where was the {thing} lost?", "Where did {loser} lose the {thing}?"),
        "{Cap:place}.",
    ),
    (
        "where",
        ("Where was the {thing} made?", "Where did {maker} make the {thing}?"),
        "{Cap:place}.",
    ),
    ("where", ("Where did {met} meet {friend}?",), "{Cap:place}."),
    ("where", ("Where was the {contest} contest?",), "{Cap:place}."),
    ("where", ("Where did {breaker} break the {thing}?",), "{Cap:place}."),
    ("where", ("Where did the map show the {mapped}?",), "{Cap:place}."),
    ("where", ("Where did {host} give a feast?",), "{Cap:place}."),
    ("colour", ("What colour was the {thing}?",), "{Cap:colour}."),
    ("colour", ("What colour was the {thing2}?",), "{Cap:colour2}."),
    ("count", ("How many {food} did {bringer} bring?",), "{Cap:count}."),
    ("count", ("How many {food2} did {bringer2} bring?",), "{Cap:count2}."),
    ("owner", ("Who had the {thing} at the end?",), "{keeper}."),
    ("owner", ("Who had the {thing2} at the end?",), "{keeper2}."),
    ("job", ("What was the job of {hero}?",), "{A:hero_job}."),
    ("job", ("What was the job of {friend}?",), "{A:friend_job}."),
    ("home", ("Where did {hero} live?",), "{Cap:hero_home}."),
    ("home", ("Where did {friend} live?",), "{Cap:friend_home}."),
    ("want", ("What did {wisher} want?",), "{A:colour} {thing}."),
    ("want", ("What did {trader} want?",), "{A:thing2}."),
    ("hidden", ("Where was the {thing} hidden?",), "{Cap:hideout}."),
)

# Kind, wording, slots that must be told, slots that must not: what stays untold.
JOBS_TOLD = ("hero_job", "friend_job")
HOMES_TOLD = ("hero_home", "friend_home")
GAPS = (
    ("who", "Who made the {thing}?", ("thing",), ("maker",)),
    ("who", "Who lost the {thing}?", ("thing",), ("loser",)),
    ("who", "Who mended the {thing}?", ("thing",), ("mender",)),
    ("who", "Who hid the {thing}?", ("thing",), ("hider", "hideout")),
    ("who", "Who found the {thing}?", ("thing",), ("found", "finder")),
    ("where", "Where was the {thing} made?", ("thing",), ("maker",)),
    ("where", "Where did {hero} make the {thing}?", ("hero", "thing"), ("maker",)),
    ("where", "Where did {friend} make the {thing}?", ("friend", "thing"), ("maker",)),
    ("where", "Where was the {thing} lost?", ("thing",), ("loser",)),
    ("where", "Where did {hero} lose the {thing}?", ("hero", "thing"), ("loser",)),
    ("where", "Where did {friend} lose the {thing}?", ("friend", "thing"), ("loser",)),
    ("where", "Where did {hero} break the {thing}?", ("hero", "thing"), ("breaker",)),
    ("where", "Where did {friend} give a feast?", ("friend",), ("host",)),
    ("colour", "What colour was the {thing2}?", ("thing2",), ("colour2",)),
    ("count", "How many {food} did {bringer} bring?", ("food",), ("count",)),
    ("count", "How many {food2} did {bringer2} bring?", ("food2",), ("count2",)),
    ("job", "What was the job of {hero}?", ("hero",), JOBS_TOLD),
    ("job", "What was the job of {friend}?", ("friend",), JOBS_TOLD),
    ("home", "Where did {hero} live?", ("hero",), HOMES_TOLD),
    ("home", "Where did {friend} live?", ("friend",), HOMES_TOLD),
    ("want", "What did {hero} want?", ("hero",), ("wisher", "trader")),
    ("want", "What did {friend} want?", ("friend",), ("wisher", "trader")),
    ("hidden", "Where was the {thing} hidden?", ("thing",), ("hideout",)),
)
