"""Planted mistakes of chapter 7: each must be rejected by a check with a message."""

import numpy as np

from ch07_finetuning.finetuning import ROLES, chat_prompt, render_chat


def check_roles(messages):
    for message in messages:
        if message["role"] not in ROLES:
            raise ValueError(f"no role {message['role']}")


def parts(messages, tokenizer, allowed="none"):
    """Yield role token, content ids, end token, and whether the assistant speaks."""
    check_roles(messages)
    end = tokenizer.special_id("<|end|>")
    for message in messages:
        role = tokenizer.special_id(f"<|{message['role']}|>")
        content = tokenizer.encode(message["content"], allowed)
        yield role, content, end, message["role"] == "assistant"


def render_chat__does_not_mark_the_end(messages, tokenizer):
    ids, marks = [tokenizer.end_of_text_id], [False]
    for role, content, end, said in parts(messages, tokenizer):
        ids += [role, *content, end]
        marks += [False, *[said] * len(content), False]
    return ids, marks


def render_chat__marks_the_role_token(messages, tokenizer):
    ids, marks = [tokenizer.end_of_text_id], [False]
    for role, content, end, said in parts(messages, tokenizer):
        ids += [role, *content, end]
        marks += [said] * (len(content) + 2)
    return ids, marks


def render_chat__marks_everything(messages, tokenizer):
    ids, _ = render_chat(messages, tokenizer)
    return ids, [False] + [True] * (len(ids) - 1)


def render_chat__shifts_already(messages, tokenizer):
    ids, marks = render_chat(messages, tokenizer)
    return ids, [*marks[1:], False]


def render_chat__marks_the_last_answer_only(messages, tokenizer):
    ids, marks = render_chat(messages, tokenizer)
    begin = max((i for i, token in enumerate(ids) if token == 258), default=0)
    return ids, [said and place > begin for place, said in enumerate(marks)]


def render_chat__reads_special_tokens_in_text(messages, tokenizer):
    ids, marks = [tokenizer.end_of_text_id], [False]
    for role, content, end, said in parts(messages, tokenizer, "all"):
        ids += [role, *content, end]
        marks += [False, *[said] * (len(content) + 1)]
    return ids, marks


def render_chat__opens_every_message(messages, tokenizer):
    ids, marks = [], []
    for role, content, end, said in parts(messages, tokenizer):
        ids += [tokenizer.end_of_text_id, role, *content, end]
        marks += [False, False, *[said] * (len(content) + 1)]
    return ids, marks


def render_chat__puts_lines_between(messages, tokenizer):
    ids, marks = [tokenizer.end_of_text_id], [False]
    for role, content, end, said in parts(messages, tokenizer):
        ids += [role, 10, *content, end]
        marks += [False, False, *[said] * (len(content) + 1)]
    return ids, marks


def render_chat__lets_anyone_speak(messages, tokenizer):
    roles = [
        message["role"] if message["role"] in ROLES else "user" for message in messages
    ]
    known = [{**m, "role": role} for m, role in zip(messages, roles)]
    return render_chat(known, tokenizer)


def shorten(messages, tokenizer, room, step=2, opened=True):
    rest = list(messages)
    while len(chat_prompt(rest, tokenizer)) - (not opened) > room:
        if len(rest) <= step:
            raise ValueError("too long")
        rest = rest[step:]
    return rest


def fit_conversation__drops_the_system_message(messages, tokenizer, room):
    if len(chat_prompt(messages, tokenizer)) <= room:
        return list(messages)
    spoken = [message for message in messages if message["role"] != "system"]
    return shorten(spoken, tokenizer, room)


def with_system(messages, tokenizer, room, **options):
    system = [message for message in messages[:1] if message["role"] == "system"]
    taken = len(chat_prompt(system, tokenizer)) - 2
    rest = shorten(messages[len(system) :], tokenizer, room - taken, **options)
    return system + rest


def fit_conversation__drops_one_message_at_a_time(messages, tokenizer, room):
    return with_system(messages, tokenizer, room, step=1)


def fit_conversation__forgets_the_opened_turn(messages, tokenizer, room):
    return with_system(messages, tokenizer, room, opened=False)


def fit_conversation__deletes_from_the_callers_list(messages, tokenizer, room):
    kept = with_system(messages, tokenizer, room)
    messages[:] = kept
    return messages


def fit_conversation__gives_too_long_a_prompt(messages, tokenizer, room):
    try:
        return with_system(messages, tokenizer, room)
    except ValueError:
        return list(messages[-1:])


def fit_conversation__keeps_the_last_message_only(messages, tokenizer, room):
    system = [message for message in messages[:1] if message["role"] == "system"]
    kept = [*system, messages[-1]]
    if len(chat_prompt(kept, tokenizer)) > room:
        raise ValueError("too long")
    return kept


def fit_conversation__drops_the_newest(messages, tokenizer, room):
    kept = list(messages)
    while len(chat_prompt(kept, tokenizer)) > room:
        if len(kept) < 3:
            raise ValueError("too long")
        kept = [*kept[:-3], kept[-1]]
    return kept


def drawn(values, level, samples, seed, size=None):
    generator = np.random.default_rng(seed)
    draws = generator.integers(0, len(values), (samples, size or len(values)))
    means = np.asarray(values, dtype=float)[draws].mean(axis=1)
    return means, [(1 - level) / 2, (1 + level) / 2]


def gains_of(before, after):
    if len(before) != len(after) or not len(after):
        raise ValueError("no pairs")
    return np.asarray(after, dtype=float) - np.asarray(before, dtype=float)


def paired_interval__draws_the_lists_separately(
    before, after, level=0.95, samples=2000, seed=0
):
    gains_of(before, after)
    first, cuts = drawn(before, level, samples, seed)
    second, _ = drawn(after, level, samples, seed + 1)
    low, high = np.quantile(second - first, cuts)
    return float(low), float(high)


def paired_interval__turns_the_sign(before, after, level=0.95, samples=2000, seed=0):
    means, cuts = drawn(gains_of(after, before), level, samples, seed)
    low, high = np.quantile(means, cuts)
    return float(low), float(high)


def paired_interval__ignores_the_level(before, after, level=0.95, samples=2000, seed=0):
    means, cuts = drawn(gains_of(before, after), 0.95, samples, seed)
    low, high = np.quantile(means, cuts)
    return float(low), float(high)


def paired_interval__cuts_all_on_each_side(
    before, after, level=0.95, samples=2000, seed=0
):
    means, _ = drawn(gains_of(before, after), level, samples, seed)
    low, high = np.quantile(means, [1 - level, level])
    return float(min(low, high)), float(max(low, high))


def paired_interval__draws_a_fixed_number(
    before, after, level=0.95, samples=2000, seed=0
):
    means, cuts = drawn(gains_of(before, after), level, samples, seed, size=30)
    low, high = np.quantile(means, cuts)
    return float(low), float(high)


def paired_interval__draws_single_questions(
    before, after, level=0.95, samples=2000, seed=0
):
    means, cuts = drawn(gains_of(before, after), level, samples, seed, size=1)
    low, high = np.quantile(means, cuts)
    return float(low), float(high)


def paired_interval__cuts_off_the_longer(
    before, after, level=0.95, samples=2000, seed=0
):
    n = min(len(before), len(after))
    if not n:
        raise ValueError("no pairs")
    means, cuts = drawn(gains_of(before[:n], after[:n]), level, samples, seed)
    low, high = np.quantile(means, cuts)
    return float(low), float(high)
