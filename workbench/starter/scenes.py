"""The little stories that two people tell each other: what is said, what it comes to, what one may ask.

Every scene is a table row; `dialogues.py` draws the slots and speaks the lines. `{a}` and `{b}` are the two
people, `{a_her}` and the like their pronouns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.starter import words

Turn = tuple[str, tuple[str, ...]]
"""Who speaks (`a` or `b`) and the ways to say it."""


@dataclass(frozen=True)
class Scene:
    """One course that a conversation can take."""

    topic: str
    slots: Mapping[str, tuple[str, ...]]
    """Slot names, joined by `|`, to the table they are drawn from."""
    turns: tuple[Turn, ...]
    summary: str
    questions: Mapping[str, str]


INVITE = (
    "Do you want to {activity} {place} {day}?",
    "Shall we {activity} {place} {day}?",
    "I would like to {activity} {place} {day}. Are you coming?",
    "I have an idea: we could {activity} {place} {day}.",
)
INVITE_BEFORE = tuple(line.replace("{day}", "{old_day}") for line in INVITE)

SCENES = (
    Scene(
        "outing",
        {"activity|place": words.OUTINGS, "day": words.DAYS, "hour": words.HOURS},
        (
            ("a", INVITE),
            (
                "b",
                (
                    "I would love to. What time?",
                    "Great idea! When shall we meet?",
                    "Yes, gladly. At what time?",
                ),
            ),
            ("a", ("How about {hour}?", "Let's meet at {hour}.", "Is {hour} fine?")),
            ("b", ("Perfect, I will be there.", "Fine, see you at {hour}.", "Good, that suits me.")),
        ),
        "{a} and {b} will {activity} {place} {day}. They meet at {hour}.",
        {
            "What will they do?": "{activity}",
            "Where will they go?": "{place}",
            "Which day is it?": "{day}",
            "What time do they meet?": "at {hour}",
        },
    ),
    Scene(
        "outing",
        {"activity|place": words.OUTINGS, "old_day": words.DAYS, "day": words.DAYS},
        (
            ("a", INVITE_BEFORE),
            (
                "b",
                (
                    "I am busy {old_day}. How about going {day}?",
                    "I can't come {old_day}. Can we do it {day}?",
                    "Sorry, not {old_day}. I am free {day}.",
                ),
            ),
            ("a", ("Yes, that works for me.", "Sure, no problem.", "All right, I have time then too.")),
        ),
        "{a} and {b} will {activity} {place} {day}, because {b} has no time {old_day}.",
        {
            "What will they do?": "{activity}",
            "Where will they go?": "{place}",
            "Which day is it?": "{day}",
            "When is {b} busy?": "{old_day}",
        },
    ),
    Scene(
        "outing",
        {"activity|place": words.OUTINGS, "day": words.DAYS, "duty": words.DUTIES},
        (
            ("a", INVITE),
            (
                "b",
                (
                    "Sorry, I can't. I have to {duty}.",
                    "I would love to, but I must {duty}.",
                    "That sounds nice, but I need to {duty}.",
                ),
            ),
            (
                "a",
                ("What a pity. Maybe next time!", "Too bad. Another time, then.", "Oh no. I will miss you."),
            ),
        ),
        "{a} wants to {activity} {place} {day}. {b} can't come, because {b_she} has to {duty}.",
        {
            "What does {a} want to do?": "{activity}",
            "Why does {b} stay away?": "{b_she} has to {duty}",
            "Which day is it?": "{day}",
        },
    ),
    Scene(
        "loan",
        {"item|purpose": words.LOANS, "day": words.DAYS[:-2]},
        (
            (
                "a",
                (
                    "Can I borrow your {item}? I want to {purpose}.",
                    "I would like to {purpose}. May I use your {item}?",
                    "Could you lend me your {item}? I need it to {purpose}.",
                ),
            ),
            (
                "b",
                (
                    "Sure, but I need it back {day}.",
                    "Of course. Please bring it back {day}.",
                    "Yes, you can keep it. I only need it again {day}.",
                ),
            ),
            ("a", ("I promise!", "No problem, I will.", "You will have it back in time.")),
        ),
        "{b} lends {a} a {item} to {purpose}. {a} will bring it back {day}.",
        {
            "What does {a} borrow?": "a {item}",
            "What does {a} want to do?": "{purpose}",
            "When does {b} need it back?": "{day}",
        },
    ),
    Scene(
        "loan",
        {"item|purpose": words.LOANS, "third": words.PEOPLE},
        (
            (
                "a",
                (
                    "Can I borrow your {item}? I want to {purpose}.",
                    "I would like to {purpose}. May I use your {item}?",
                    "Could you lend me your {item}? I need it to {purpose}.",
                ),
            ),
            (
                "b",
                (
                    "I am sorry, I gave it to {third}.",
                    "I don't have it. {third} is using it.",
                    "It is not here. I lent it to {third}.",
                ),
            ),
            (
                "a",
                (
                    "Then I will ask {third}.",
                    "Good to know. I will call {third}.",
                    "I see. I will talk to {third}.",
                ),
            ),
        ),
        "{a} needs a {item} to {purpose}. {b} lent it to {third}, so {a} will ask {third}.",
        {
            "What does {a} need?": "a {item}",
            "Who has it now?": "{third}",
            "What does {a} want to do?": "{purpose}",
        },
    ),
    Scene(
        "dinner",
        {"dish": words.DISHES, "side": words.SIDES, "day": words.DAYS},
        (
            (
                "a",
                (
                    "I am cooking {dish} {day}. Are you coming?",
                    "Would you like to eat with me {day}? There will be {dish}.",
                    "Come to my place {day}! I will make {dish}.",
                ),
            ),
            (
                "b",
                (
                    "With pleasure! Shall I bring {side}?",
                    "Oh, lovely. I can bring {side}.",
                    "Yes, please! I will take {side} with me.",
                ),
            ),
            ("a", ("That would be great.", "Perfect, I look forward to it.", "Very kind of you.")),
        ),
        "{a} will cook {dish} {day}. {b} is coming and will bring {side}.",
        {
            "What will {a} cook?": "{dish}",
            "What will {b} bring?": "{side}",
            "When is the dinner?": "{day}",
        },
    ),
    Scene(
        "dinner",
        {"old_dish": words.DISHES, "dish": words.DISHES, "hour": words.HOURS[4:]},
        (
            (
                "a",
                (
                    "What shall we eat tonight? I could make {old_dish}.",
                    "I am hungry. Do you want {old_dish}?",
                ),
            ),
            (
                "b",
                (
                    "Not again! I would rather have {dish}.",
                    "We had that yesterday. How about {dish}?",
                    "Hmm, I would like {dish} more.",
                ),
            ),
            (
                "a",
                (
                    "Fine, then we eat at {hour}.",
                    "All right. It will be ready at {hour}.",
                    "Good, come at {hour}.",
                ),
            ),
        ),
        "{b} would rather have {dish} than {old_dish}. They will eat at {hour}.",
        {
            "What does {b} want to eat?": "{dish}",
            "What was the first idea?": "{old_dish}",
            "What time will they eat?": "at {hour}",
        },
    ),
    Scene(
        "repair",
        {"item|fault": words.BREAKDOWNS, "day": words.DAYS},
        (
            (
                "a",
                (
                    "I have a problem with my {item}.",
                    "I need help with my {item}.",
                    "My {item} drives me mad!",
                ),
            ),
            ("b", ("What is wrong with it?", "Oh dear, what happened?", "Tell me, what is the matter?")),
            ("a", ("It {fault}.", "Look, it {fault}.", "I think it is old. It {fault}.")),
            (
                "b",
                (
                    "I can fix it {day}.",
                    "I will repair it {day}.",
                    "I have time {day}. I will have a look at it.",
                ),
            ),
        ),
        "{a}'s {item} {fault}. {b} will repair it {day}.",
        {
            "What is broken?": "the {item}",
            "What is wrong with it?": "it {fault}",
            "When will {b} repair it?": "{day}",
        },
    ),
    Scene(
        "repair",
        {"item|fault": words.BREAKDOWNS, "third": words.PEOPLE},
        (
            (
                "a",
                (
                    "My {item} {fault}.",
                    "I am so angry, my {item} {fault}.",
                    "Can you help me? My {item} {fault}.",
                ),
            ),
            (
                "b",
                (
                    "I am no good at that. Ask {third}!",
                    "I can't help you, but {third} can.",
                    "You should call {third}. That is the right person.",
                ),
            ),
            ("a", ("Good idea.", "I will do that.", "Let's hope for the best.")),
        ),
        "{a}'s {item} {fault}. {b} says that {third} can help.",
        {
            "What is broken?": "the {item}",
            "What is wrong with it?": "it {fault}",
            "Who can help?": "{third}",
        },
    ),
    Scene(
        "health",
        {"illness": words.ILLNESSES, "comfort": words.COMFORTS, "day": words.DAYS},
        (
            (
                "a",
                (
                    "I don't feel well. I have {illness}.",
                    "I must stay in bed with {illness}.",
                    "I woke up with {illness}.",
                ),
            ),
            (
                "b",
                (
                    "Poor you! Do you need anything?",
                    "Oh no! Can I do something for you?",
                    "Get well soon! What do you need?",
                ),
            ),
            (
                "a",
                ("Some company and {comfort} would be nice.", "I would love {comfort}.", "Maybe {comfort}."),
            ),
            ("b", ("I will come by {day}.", "I will visit you {day} with that.", "You will get that {day}.")),
        ),
        "{a} has {illness}. {b} will visit {a_him} {day} and bring {comfort}.",
        {
            "What is wrong with {a}?": "{a_she} has {illness}",
            "What will {b} bring?": "{comfort}",
            "When will {b} come?": "{day}",
        },
    ),
    Scene(
        "health",
        {"illness": words.ILLNESSES, "activity|place": words.OUTINGS, "day": words.DAYS},
        (
            (
                "a",
                (
                    "I can't {activity} with you {day}. I have {illness}.",
                    "We can't {activity} {day}, because I have {illness}.",
                    "I have {illness}, so I can't {activity} {day}.",
                ),
            ),
            (
                "b",
                (
                    "Never mind, stay in bed.",
                    "Then rest and drink a lot of tea.",
                    "That is a pity. Get well soon!",
                ),
            ),
            ("a", ("I will try to sleep.", "I will stay at home.", "I hope it is over soon.")),
        ),
        "{a} has {illness} and can't {activity} {day}. {b} tells {a_him} to rest.",
        {
            "What is wrong with {a}?": "{a_she} has {illness}",
            "What did they want to do?": "{activity}",
            "Which day is it?": "{day}",
        },
    ),
    Scene(
        "lost",
        {"item|it": words.LOST, "old_spot": words.SPOTS, "spot": words.SPOTS},
        (
            (
                "a",
                (
                    "Have you seen my {item}?",
                    "I can't find my {item}.",
                    "I need my {item}. I have looked all day.",
                ),
            ),
            ("b", ("Did you look {old_spot}?", "Have a look {old_spot}.", "Maybe {old_spot}?")),
            ("a", ("No, nothing there.", "I looked there twice.", "I only found dust there.")),
            (
                "b",
                (
                    "Wait, I saw {it} {spot}!",
                    "Look {spot}, I think I saw {it} there.",
                    "Here! I found {it} {spot}.",
                ),
            ),
        ),
        "{a} is looking for {a_her} {item}. {b} saw {it} {spot}.",
        {
            "What is {a} looking for?": "{a_her} {item}",
            "Where did {b} see {it}?": "{spot}",
            "Where did {a} look first?": "{old_spot}",
        },
    ),
    Scene(
        "delay",
        {"mishap": words.MISHAPS, "delay": words.DELAYS, "place": words.PLACES},
        (
            (
                "a",
                ("I {mishap}. I will be {delay} late.", "I am sorry, I {mishap} and will be {delay} late."),
            ),
            (
                "b",
                (
                    "Don't worry, I will wait {place}.",
                    "No problem. You will find me {place}.",
                    "Take your time, I am {place}.",
                ),
            ),
            ("a", ("I will hurry!", "I am on my way.", "Please don't go away.")),
        ),
        "{a} {mishap} and will be {delay} late. {b} will wait {place}.",
        {
            "Why is {a} late?": "{a_she} {mishap}",
            "How late will {a} be?": "{delay}",
            "Where does {b} wait?": "{place}",
        },
    ),
    Scene(
        "birthday",
        {
            "gift|reason": words.GIFTS,
            "old_gift|": tuple(g.split("|")[0] + "|" for g in words.GIFTS),
            "third": words.PEOPLE,
        },
        (
            (
                "a",
                (
                    "It is {third}'s birthday soon. What shall we buy?",
                    "What can we give {third} as a present?",
                ),
            ),
            ("b", ("How about {old_gift}?", "Maybe {old_gift}?", "We could buy {old_gift}.")),
            (
                "a",
                (
                    "No, {third} {reason}. Let's take {gift}.",
                    "I think {gift} is better. You know, {third} {reason}.",
                    "{third} {reason}, so I would say {gift}.",
                ),
            ),
            ("b", ("You are right.", "Good, I will get it.", "Yes, that is better.")),
        ),
        "{a} and {b} will give {third} {gift} for {third_her} birthday, because {third_she} {reason}.",
        {
            "Who has a birthday?": "{third}",
            "What will they give?": "{gift}",
            "What was the first idea?": "{old_gift}",
        },
    ),
    Scene(
        "news",
        {"news": words.NEWS, "activity|place": words.OUTINGS, "day": words.DAYS},
        (
            (
                "a",
                ("Guess what, I {news}!", "I have good news. I {news}!", "You won't believe it: I {news}!"),
            ),
            ("b", ("Congratulations! We must celebrate.", "That is wonderful!", "I am so proud of you!")),
            ("a", ("Let's {activity} {place} {day}.", "Then let us {activity} {place} {day}.")),
            ("b", ("I would not miss it.", "Yes, let's do that.", "I am looking forward to it.")),
        ),
        "{a} {news}. {a} and {b} will {activity} {place} {day} to celebrate.",
        {
            "What is the news?": "{a} {news}",
            "How will they celebrate?": "{activity}",
            "Which day is it?": "{day}",
            "Where will they go?": "{place}",
        },
    ),
    Scene(
        "travel",
        {"city": words.CITIES, "vehicle": words.VEHICLES, "stay": words.STAYS, "chore": words.CHORES},
        (
            (
                "a",
                (
                    "I am travelling to {city} {vehicle}.",
                    "I am going to {city} {vehicle}!",
                    "My bags are packed. I go to {city} {vehicle}.",
                ),
            ),
            (
                "b",
                ("How nice! How long will you stay?", "Lucky you! For how long?", "When will you be back?"),
            ),
            (
                "a",
                (
                    "For {stay}. Can you {chore}?",
                    "I stay there for {stay}. Who will {chore}?",
                    "After {stay}. Could you {chore}?",
                ),
            ),
            ("b", ("Of course, I will.", "I can do that for you.", "Sure, have a good trip!")),
        ),
        "{a} travels to {city} {vehicle} for {stay}. {b} will {chore}.",
        {
            "Where does {a} go?": "to {city}",
            "How does {a} travel?": "{vehicle}",
            "How long does {a} stay?": "{stay}",
            "What will {b} do?": "{chore}",
        },
    ),
)
