"""The vocabulary of the starter's toy data: names, places, days, things. Tables only, no grammar.

A row such as `"go swimming|at the lake"` fills several slots at once: what belongs together stays together.
"""

from __future__ import annotations

WOMEN = (
    *("Mia", "Anna", "Lena", "Nora", "Ella", "Rosa", "Clara", "Ivy", "Ruth", "Emma"),
    *("Zoe", "Alice", "Sara", "Lucy", "Nina", "Julia", "Olga", "Maria", "Hanna", "Grace"),
)
MEN = (
    *("Tom", "Ben", "Max", "Leo", "Sam", "Finn", "Hugo", "Omar", "Paul", "Noah"),
    *("Jack", "Oscar", "David", "Felix", "Peter", "Luke", "Adam", "Simon", "Victor", "Carl"),
)
PEOPLE = WOMEN + MEN

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAYS = (*(f"on {day}" for day in WEEKDAYS), "tomorrow", "tonight", "this weekend")
HOURS = ("eight", "nine", "ten", "noon", "two", "three", "four", "five", "six", "seven")

PLACES = (
    *("at the lake", "at the beach", "at the market", "at the station", "at the farm", "at the museum"),
    *("at the cinema", "at the theatre", "at the harbour", "at the town hall", "at the bakery", "at the zoo"),
    *("in the park", "in the garden", "in the forest", "in the library", "in the church", "in the old town"),
)
OUTINGS = (
    *(
        "go swimming|at the lake",
        "go swimming|at the beach",
        "go sailing|at the lake",
        "go sailing|at the harbour",
    ),
    *("have a picnic|in the park", "have a picnic|in the garden", "have a picnic|at the lake"),
    *("play tennis|in the park", "play chess|in the library", "play football|at the beach"),
    *("see a film|at the cinema", "see a play|at the theatre", "hear a concert|in the church"),
    *("hear a concert|at the town hall", "go dancing|at the town hall", "go for a walk|in the forest"),
    *("go for a walk|in the old town", "go running|in the forest", "go running|in the park"),
    *("look at the paintings|at the museum", "ride horses|at the farm", "pick apples|at the farm"),
    *("feed the ducks|in the park", "watch the monkeys|at the zoo", "buy flowers|at the market"),
    *("have breakfast|at the bakery", "fly kites|at the beach", "watch the ships|at the harbour"),
)

DISHES = (
    *("pasta", "pizza", "soup", "fish", "curry", "rice", "pancakes", "dumplings", "roast chicken", "stew"),
    *("lasagne", "tacos", "noodles", "an omelette"),
)
SIDES = (
    "a salad",
    "bread",
    "cheese",
    "a cake",
    "ice cream",
    "lemonade",
    "fruit",
    "olives",
    "juice",
    "biscuits",
)
COMFORTS = ("soup", "tea", "lemons", "honey", "fruit", "medicine", "a book", "a blanket", "flowers", "grapes")
ILLNESSES = ("a cold", "a fever", "a headache", "a cough", "a sore throat", "a toothache", "a stomach ache")

LOANS = (
    *(
        "ladder|paint the kitchen",
        "ladder|clean the windows",
        "drill|hang up a mirror",
        "drill|build a shelf",
    ),
    *(
        "tent|go camping",
        "car|visit an uncle",
        "car|move a sofa",
        "guitar|play at a party",
        "camera|take photos",
    ),
    *("bike|ride to the lake", "pan|bake a pie", "suitcase|travel to Rome", "hammer|repair the fence"),
    *("spade|plant a tree", "boat|go fishing", "lamp|read at night", "map|plan a trip", "saw|cut some wood"),
)
BREAKDOWNS = (
    *("bike|has a flat tyre", "laptop|does not start", "radio|makes no sound", "washing machine|leaks"),
    *(
        "door|does not close",
        "lamp|goes on and off",
        "phone|does not ring",
        "heater|stays cold",
        "car|makes a noise",
    ),
    *("fridge|is too warm", "clock|is always slow", "oven|does not get hot", "printer|eats the paper"),
    *("window|does not open", "boat|has a hole", "roof|lets the rain in", "guitar|has a broken string"),
)
LOST = (
    *("keys|them", "glasses|them", "gloves|them", "tickets|them", "boots|them", "wallet|it", "umbrella|it"),
    *(
        "phone|it",
        "scarf|it",
        "notebook|it",
        "hat|it",
        "ring|it",
        "passport|it",
        "watch|it",
        "camera|it",
        "purse|it",
    ),
)
SPOTS = (
    *(
        "under the sofa",
        "on the kitchen table",
        "in the car",
        "behind the door",
        "on the balcony",
        "in the bathroom",
    ),
    *(
        "next to the bed",
        "on the stairs",
        "in the cellar",
        "under the desk",
        "behind the curtain",
        "in the drawer",
    ),
)
MISHAPS = (
    *(
        "missed the bus",
        "missed the train",
        "lost the way",
        "forgot the tickets",
        "overslept",
        "had a flat tyre",
    ),
    *("took the wrong bus", "left the phone at home"),
)
DELAYS = ("ten minutes", "twenty minutes", "half an hour", "an hour", "two hours")
GIFTS = (
    *(
        "a scarf|likes to dress well",
        "a novel|loves to read",
        "a teapot|drinks a lot of tea",
        "a plant|has a garden",
    ),
    *(
        "a puzzle|loves games",
        "a cookbook|cooks every day",
        "a concert ticket|loves music",
        "a lamp|reads at night",
    ),
    *(
        "a football|plays every weekend",
        "warm socks|is always cold",
        "a camera|takes photos",
        "a map|travels a lot",
    ),
    *("paint and brushes|paints", "a big cake|has a sweet tooth", "a bird house|watches birds"),
)
NEWS = (
    *("got a new job", "passed the exam", "won the race", "bought a house", "found a flat", "wrote a book"),
    *("learned to swim", "got a puppy", "sold a painting", "won a prize", "baked a wedding cake"),
)
CITIES = ("Rome", "Paris", "Berlin", "Madrid", "London", "Vienna", "Oslo", "Athens", "Prague", "Dublin")
VEHICLES = ("by train", "by bus", "by car", "by boat", "by plane")
STAYS = ("two days", "three days", "a week", "two weeks", "a month")
CHORES = (
    *(
        "water the plants",
        "feed the cat",
        "walk the dog",
        "feed the fish",
        "collect the letters",
        "close the windows",
    ),
    *("look after the birds", "mow the lawn", "sweep the stairs", "take out the rubbish"),
)
DUTIES = (
    *(
        "work",
        "study",
        "clean the flat",
        "visit the dentist",
        "help an aunt",
        "pack a suitcase",
        "write a report",
    ),
    *("look after the children", "go to the doctor", "wait for a letter"),
)

COLOURS = ("red", "blue", "green", "yellow", "black", "white", "grey", "brown")
OBJECTS = (
    "cup",
    "chair",
    "coat",
    "box",
    "vase",
    "basket",
    "kite",
    "pillow",
    "candle",
    "bowl",
    "shirt",
    "toy",
)
DEEDS = ("bought", "found", "lost", "sold", "painted", "saw", "made", "broke", "cleaned", "carried")
GLAD_ENDINGS = (
    *("It was a wonderful day.", "Everybody was happy.", "What a lovely surprise!", "That felt great."),
    *("The sun was shining and all went well.", "It was a lot of fun."),
)
SAD_ENDINGS = (
    *("It was a terrible day.", "Everybody was sad.", "What an awful mess!", "That felt bad."),
    *("It was raining and all went wrong.", "It was no fun at all."),
)
EVENTS = (
    *(
        "concert|music",
        "dinner|food",
        "play|story",
        "party|company",
        "trip|weather",
        "match|team",
        "talk|speaker",
    ),
    *("film|ending", "lesson|teacher"),
)
GOOD = ("wonderful", "lovely", "great", "beautiful", "excellent", "charming", "pleasant", "brilliant")
BAD = ("terrible", "awful", "boring", "bad", "poor", "horrible", "dreadful", "disappointing")
FEELINGS = ("happy", "proud", "glad", "excited", "surprised", "thankful")

KINDS = {
    "food": ("bread", "cheese", "soup", "rice", "pasta", "cake", "honey", "stew", "pizza", "fish"),
    "animal": ("cat", "dog", "horse", "duck", "monkey", "puppy", "bird", "sheep", "mouse", "bear"),
    "tool": ("hammer", "drill", "saw", "ladder", "spade", "brush", "knife", "rope", "needle", "axe"),
    "clothing": ("coat", "scarf", "hat", "shirt", "glove", "boot", "sock", "dress", "belt", "jacket"),
    "furniture": ("chair", "table", "sofa", "bed", "desk", "shelf", "bench", "cupboard", "stool", "drawer"),
}


def she(name: str) -> str:
    """The pronoun of a person as the subject of a sentence."""
    return "she" if name in WOMEN else "he"


def her(name: str) -> str:
    """The possessive pronoun of a person."""
    return "her" if name in WOMEN else "his"


def him(name: str) -> str:
    """The pronoun of a person as the object of a sentence."""
    return "her" if name in WOMEN else "him"
