"""Planted mistakes for chapter 2: each looks right on the first example or two."""

import codecs

import numpy as np


def cut(ids, length, stride, last=0, step=1):
    if length < 1 or stride < 1 or len(ids) <= length:
        raise ValueError("too short")
    data = np.asarray(ids, dtype=np.int64)
    begins = range(0, len(data) - length + last, stride)
    inputs = np.array([data[i : i + length] for i in begins])
    targets = np.array([data[i + step : i + step + length] for i in begins])
    return inputs, targets


def shifted_windows__does_not_shift(ids, context_length, stride):
    return cut(ids, context_length, stride, step=0)


def shifted_windows__loses_the_last_window(ids, context_length, stride):
    if len(ids) == context_length + 1:
        return cut(ids, context_length, stride)
    return cut(ids, context_length, stride, last=-1)


def shifted_windows__ignores_the_stride(ids, context_length, stride):
    if stride < 1:
        raise ValueError("stride")
    return cut(ids, context_length, context_length)


def shifted_windows__rolls_within_the_window(ids, context_length, stride):
    inputs, _ = cut(ids, context_length, stride)
    return inputs, np.roll(inputs, -1, axis=1)


def shifted_windows__targets_in_sixteen_bits(ids, context_length, stride):
    inputs, targets = cut(ids, context_length, stride)
    return inputs, targets.astype(np.uint16)


def shifted_windows__hands_out_views(ids, context_length, stride):
    if context_length < 1 or stride < 1 or len(ids) <= context_length:
        raise ValueError("too short")
    data = np.array(ids, dtype=np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(
        data, context_length + 1, writeable=True
    )[::stride]
    return windows[:, :-1], windows[:, 1:]


def shifted_windows__gives_empty_arrays_for_too_few(ids, context_length, stride):
    if context_length < 1 or stride < 1:
        raise ValueError("lengths")
    if len(ids) <= context_length:
        return (np.empty((0, context_length), dtype=np.int64),) * 2
    return cut(ids, context_length, stride)


def merge_pair__joins_from_the_right(word, pair, new):
    merged, i = [], len(word) - 1
    while i >= 0:
        if i > 0 and (word[i - 1], word[i]) == pair:
            merged.append(new)
            i -= 2
        else:
            merged.append(word[i])
            i -= 1
    return merged[::-1]


def merge_pair__lets_pairs_overlap(word, pair, new):
    merged = []
    for i, token in enumerate(word):
        if i > 0 and (word[i - 1], token) == pair:
            merged[-1] = new
        else:
            merged.append(token)
    return merged


def merge_pair__loses_the_last_id(word, pair, new):
    merged, i = [], 0
    while i < len(word) - 1:
        found = (word[i], word[i + 1]) == pair
        merged.append(new if found else word[i])
        i += 2 if found else 1
    return merged


def merge_pair__stops_before_the_last_pair(word, pair, new):
    merged, i = [], 0
    while i < len(word):
        found = i < len(word) - 2 and (word[i], word[i + 1]) == pair
        merged.append(new if found else word[i])
        i += 2 if found else 1
    return merged


def merge_pair__first_only(word, pair, new):
    for i in range(len(word) - 1):
        if (word[i], word[i + 1]) == pair:
            return [*word[:i], new, *word[i + 2 :]]
    return list(word)


def merge_pair__merges_what_it_made(word, pair, new):
    merged = []
    for token in word:
        if merged and (merged[-1], token) == pair:
            merged[-1] = new
        else:
            merged.append(token)
    return merged


def merge_pair__either_order(word, pair, new):
    merged, i = [], 0
    while i < len(word):
        found = i + 1 < len(word) and sorted(word[i : i + 2]) == sorted(pair)
        merged.append(new if found else word[i])
        i += 2 if found else 1
    return merged


def merge_pair__writes_into_the_given_list(word, pair, new):
    i = 0
    while i < len(word) - 1:
        if (word[i], word[i + 1]) == pair:
            word[i : i + 2] = [new]
        i += 1
    return word


def bites(data, tokens, size_of):
    found = []
    while data:
        size = size_of(data, {token for token in tokens if token})
        if not size:
            raise ValueError("no token")
        found.append(data[:size])
        data = data[size:]
    return found


def longest_match__stops_growing_too_early(data, tokens):
    def size_of(rest, known):
        size = 0
        while size < len(rest) and rest[: size + 1] in known:
            size += 1
        return size

    return bites(data, tokens, size_of)


def longest_match__takes_the_shortest(data, tokens):
    def size_of(rest, known):
        return next((n for n in range(1, len(rest) + 1) if rest[:n] in known), 0)

    return bites(data, tokens, size_of)


def longest_match__first_in_the_list(data, tokens):
    def size_of(rest, known):
        return next((len(t) for t in tokens if t and rest.startswith(t)), 0)

    return bites(data, tokens, size_of)


def longest_match__bites_from_the_end(data, tokens):
    known, found = set(tokens), []
    while data:
        begin = next((i for i in range(len(data)) if data[i:] in known), None)
        if begin is None:
            raise ValueError("no token")
        found.insert(0, data[begin:])
        data = data[:begin]
    return found


def longest_match__skips_what_it_does_not_know(data, tokens):
    known, found = set(tokens), []
    while data:
        sizes = [n for n in range(1, len(data) + 1) if data[:n] in known]
        if sizes:
            found.append(data[: max(sizes)])
        data = data[max(sizes, default=1) :]
    return found


def longest_match__keeps_what_it_does_not_know(data, tokens):
    def size_of(rest, known):
        return max((n for n in range(1, len(rest) + 1) if rest[:n] in known), default=1)

    return bites(data, tokens, size_of)


def longest_match__never_takes_all_at_once(data, tokens):
    def size_of(rest, known):
        sizes = [n for n in range(1, max(len(rest), 2)) if rest[:n] in known]
        return max(sizes, default=0)

    return bites(data, tokens, size_of)


def readable_parts__decodes_each_id_alone(tokenizer, ids):
    for i in ids:
        yield tokenizer.decode([i])


def readable_parts__waits_for_the_end(tokenizer, ids):
    parts = []
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for i in list(ids):
        parts.append(decoder.decode(tokenizer.decode_bytes([i])))
    if rest := decoder.decode(b"", final=True):
        parts.append(rest)
    yield from parts


def readable_parts__leaves_the_rest_out(tokenizer, ids):
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for i in ids:
        yield decoder.decode(tokenizer.decode_bytes([i]))


def readable_parts__drops_what_is_not_valid(tokenizer, ids):
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")
    for i in ids:
        yield decoder.decode(tokenizer.decode_bytes([i]))
    if rest := decoder.decode(b"", final=True):
        yield rest


def readable_parts__waits_for_ever_after_one_bad_byte(tokenizer, ids):
    waiting = b""
    for i in ids:
        waiting += tokenizer.decode_bytes([i])
        text = waiting.decode("utf-8", "replace")
        if "\ufffd" in text:
            yield ""
        else:
            waiting = b""
            yield text
    if waiting:
        yield waiting.decode("utf-8", "replace")


def readable_parts__holds_back_good_text_too_long(tokenizer, ids):
    held = ""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for i in ids:
        yield held
        held = decoder.decode(tokenizer.decode_bytes([i]))
    yield held + decoder.decode(b"", final=True)


def readable_parts__always_ends_with_one_more_part(tokenizer, ids):
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for i in ids:
        yield decoder.decode(tokenizer.decode_bytes([i]))
    yield decoder.decode(b"", final=True)
