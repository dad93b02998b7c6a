"""Speaks the scenes: seeded dialogues of three to eight turns with their summary and questions."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from workbench.starter import words
from workbench.starter.scenes import SCENES, Scene

MOST_TURNS = 8
Line = tuple[str, str]
"""The speaker and what is said."""

GREETINGS = (
    ("Hi {b}!", "Hi {a}, how are you?"),
    ("Hello {b}, do you have a minute?", "Sure, what is it?"),
    ("Good morning, {b}.", "Good morning, {a}!"),
    ("{b}, are you there?", "Yes, what is new?"),
)
CALLS = ("Hi {b}! ", "{b}, listen. ", "Hello {b}. ", "Oh, {b}! ", "By the way, {b}: ")
FAREWELLS = (
    ("See you, {a}!", "Bye, {b}!"),
    ("Thank you so much!", "You are welcome."),
    ("Say hello to your family!", "I will, bye!"),
    ("You are a real friend.", "So are you."),
)


def dialogue(rng: Random) -> dict[str, str]:
    """Make one dialogue.

    Returns:
        Columns `topic`, `dialogue` (a line per turn), `summary`, `question` and `answer`.
    """
    scene = rng.choice(SCENES)
    slots = draw_slots(scene, rng)
    lines = frame([(slots[who], rng.choice(ways).format(**slots)) for who, ways in scene.turns], slots, rng)
    question, answer = rng.choice(tuple(scene.questions.items()))
    return {
        "topic": scene.topic,
        "dialogue": "\n".join(f"{name}: {text}" for name, text in lines),
        "summary": scene.summary.format(**slots),
        "question": question.format(**slots),
        "answer": answer.format(**slots),
    }


def draw_slots(scene: Scene, rng: Random) -> dict[str, str]:
    """Fill the slots of a scene; no value is drawn twice, so that an old and a new plan always differ."""
    a, b = rng.sample(words.PEOPLE, 2)
    slots = {"a": a, "b": b}
    for names, table in scene.slots.items():
        row = rng.choice([entry for entry in table if not taken(entry, slots)])
        slots.update(zip(names.split("|"), row.split("|"), strict=True))
    pronouns = {
        f"{who}_{word.__name__}": word(slots[who])
        for who in ("a", "b", "third")
        if who in slots
        for word in (words.she, words.her, words.him)
    }
    return slots | pronouns


def taken(entry: str, slots: dict[str, str]) -> bool:
    """Whether a part of this table row already stands in a slot."""
    return not set(entry.split("|")).isdisjoint(slots.values())


def frame(core: Sequence[Line], slots: dict[str, str], rng: Random) -> list[Line]:
    """Put a greeting before the core and a farewell behind it, sometimes, and while there is room."""
    lines = list(core)
    opening = rng.random()
    if opening < 0.3:
        hello, answer = (text.format(**slots) for text in rng.choice(GREETINGS))
        lines[:0] = [(slots["a"], hello), (slots["b"], answer)]
    elif opening < 0.7:
        lines[0] = (slots["a"], rng.choice(CALLS).format(**slots) + lines[0][1])
    if rng.random() < 0.35 and len(lines) + 2 <= MOST_TURNS:
        lines += farewell(lines[-1][0], slots, rng)
    return lines


def farewell(last_speaker: str, slots: dict[str, str], rng: Random) -> list[Line]:
    """Two closing turns, begun by the one who did not speak last."""
    first, second = (slots["b"], slots["a"]) if last_speaker == slots["a"] else (slots["a"], slots["b"])
    texts = (text.format(a=second, b=first) for text in rng.choice(FAREWELLS))
    return list(zip((first, second), texts, strict=True))
