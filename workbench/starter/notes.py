"""Notes and exercises for the starter's other instructions: feelings, headlines, reports, kinds of things."""

from __future__ import annotations

from random import Random

from workbench.starter import words


def note(rng: Random) -> dict[str, str]:
    """Make one row of exercises.

    Returns:
        Columns `note`, `feeling`, `headline`, `keywords`, `question`, `answer` (about the note); `speaker`,
        `said`, `reported` (direct speech and its report); `facts`, `sentence`; `thing`, `kind`.
    """
    about = event(rng) if rng.random() < 0.6 else review(rng)
    return about | speech(rng) | facts(rng) | kind_of_thing(rng)


def event(rng: Random) -> dict[str, str]:
    """Something that happened to somebody, with an ending that tells the feeling."""
    name, deed, place = rng.choice(words.PEOPLE), rng.choice(words.DEEDS), rng.choice(words.PLACES)
    colour, thing, weekday = rng.choice(words.COLOURS), rng.choice(words.OBJECTS), rng.choice(words.WEEKDAYS)
    feeling = rng.choice(("positive", "negative"))
    ending = rng.choice(words.GLAD_ENDINGS if feeling == "positive" else words.SAD_ENDINGS)
    questions = {
        f"Who {deed} a {colour} {thing}?": name,
        f"What colour was the {thing}?": colour,
        "Where was it?": place,
        "Which day was it?": f"on {weekday}",
    }
    question, answer = rng.choice(tuple(questions.items()))
    return {
        "note": f"{name} {deed} a {colour} {thing} {place} on {weekday}. {ending}",
        "feeling": feeling,
        "headline": f"{name} and the {colour} {thing}",
        "keywords": f"{name}, {thing}, {bare(place)}, {weekday}",
        "question": question,
        "answer": answer,
    }


def review(rng: Random) -> dict[str, str]:
    """An opinion about an evening out."""
    feeling = rng.choice(("positive", "negative"))
    first, second = rng.sample(words.GOOD if feeling == "positive" else words.BAD, 2)
    what, part = rng.choice(words.EVENTS).split("|")
    place, weekday = rng.choice(words.PLACES), rng.choice(words.WEEKDAYS)
    questions = {
        f"How was the {what}?": first,
        f"How was the {part}?": second,
        "Where was it?": place,
        "Which day was it?": f"on {weekday}",
    }
    question, answer = rng.choice(tuple(questions.items()))
    return {
        "note": f"The {what} {place} on {weekday} was {first} and the {part} was {second}.",
        "feeling": feeling,
        "headline": f"A {first} {what}" if first[0] not in "aeiou" else f"An {first} {what}",
        "keywords": f"{what}, {part}, {bare(place)}, {weekday}",
        "question": question,
        "answer": answer,
    }


def bare(place: str) -> str:
    """The place without its preposition and article: `at the lake` -> `lake`."""
    return place.split(" the ")[-1]


def speech(rng: Random) -> dict[str, str]:
    """Something said in the first person, and the same as others tell it."""
    name = rng.choice(words.PEOPLE)
    she, her = words.she(name), words.her(name)
    activity, place = rng.choice(words.OUTINGS).split("|")
    item, fault = rng.choice(words.BREAKDOWNS).split("|")
    lost = rng.choice(words.LOST).split("|")[0]
    tool, purpose = rng.choice(words.LOANS).split("|")
    day, spot, dish = rng.choice(words.DAYS), rng.choice(words.SPOTS), rng.choice(words.DISHES)
    mishap, delay = rng.choice(words.MISHAPS), rng.choice(words.DELAYS)
    city, vehicle, illness = rng.choice(words.CITIES), rng.choice(words.VEHICLES), rng.choice(words.ILLNESSES)
    feeling, news, duty = rng.choice(words.FEELINGS), rng.choice(words.NEWS), rng.choice(words.DUTIES)
    said, reported = rng.choice(
        (
            (f"I will {activity} {place} {day}.", f"{name} will {activity} {place} {day}."),
            (f"I want to {purpose} {day}.", f"{name} wants to {purpose} {day}."),
            (f"I can't {activity}, I have to {duty}.", f"{name} can't {activity}, {she} has to {duty}."),
            (f"My {item} {fault}.", f"{name}'s {item} {fault}."),
            (f"I found my {lost} {spot}.", f"{name} found {her} {lost} {spot}."),
            (f"I am looking for my {lost}.", f"{name} is looking for {her} {lost}."),
            (f"I need a {tool} to {purpose}.", f"{name} needs a {tool} to {purpose}."),
            (f"I {mishap} and I am {delay} late.", f"{name} {mishap} and {she} is {delay} late."),
            (f"I travel to {city} {vehicle}.", f"{name} travels to {city} {vehicle}."),
            (f"I have {illness} and I stay at home.", f"{name} has {illness} and {she} stays at home."),
            (f"I will cook {dish} {day}.", f"{name} will cook {dish} {day}."),
            (f"I am {feeling} because I {news}.", f"{name} is {feeling} because {she} {news}."),
        )
    )
    return {"speaker": name, "said": said, "reported": reported}


def facts(rng: Random) -> dict[str, str]:
    """A plan as a list of facts, in any order, and as a sentence."""
    name, day = rng.choice(words.PEOPLE), rng.choice(words.DAYS)
    plan, place = rng.choice(words.OUTINGS).split("|")
    entries = [f"who: {name}", f"plan: {plan}", f"where: {place}", f"when: {day}"]
    rng.shuffle(entries)
    return {"facts": "; ".join(entries), "sentence": f"{name} will {plan} {place} {day}."}


def kind_of_thing(rng: Random) -> dict[str, str]:
    """A thing and its kind."""
    kind = rng.choice(tuple(words.KINDS))
    return {"thing": rng.choice(words.KINDS[kind]), "kind": kind}
