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


def put(sizes, capacity, choose, order=None):
    rows, room = [], []
    places = sorted(range(len(sizes)), key=lambda i: -sizes[i])
    for place in places if order is None else order:
        size = sizes[place]
        fitting = [i for i, left in enumerate(room) if left >= size]
        if fitting:
            row = choose(fitting, room)
        else:
            row = len(rows)
            rows.append([])
            room.append(capacity)
        rows[row].append(place)
        room[row] -= size
    return rows


def checked(sizes, capacity):
    if any(size > capacity for size in sizes):
        raise ValueError("too long")


def least_room(fitting, room):
    return min(fitting, key=room.__getitem__)


def best_fit__takes_the_first_row_with_room(sizes, capacity):
    checked(sizes, capacity)
    return put(sizes, capacity, lambda fitting, room: fitting[0])


def best_fit__takes_the_emptiest_row(sizes, capacity):
    checked(sizes, capacity)
    return put(sizes, capacity, lambda rows, room: max(rows, key=room.__getitem__))


def best_fit__takes_documents_as_they_come(sizes, capacity):
    checked(sizes, capacity)
    return put(sizes, capacity, least_room, order=range(len(sizes)))


def best_fit__looks_at_the_last_row_only(sizes, capacity):
    checked(sizes, capacity)
    rows, left = [], 0
    for place in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        if sizes[place] > left:
            rows.append([])
            left = capacity
        rows[-1].append(place)
        left -= sizes[place]
    return rows


def best_fit__leaves_the_last_place_empty(sizes, capacity):
    checked(sizes, capacity)
    rows, room = [], []
    for place in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        fitting = [i for i, left in enumerate(room) if left > sizes[place]]
        if not fitting:
            fitting = [len(rows)]
            rows.append([])
            room.append(capacity)
        row = least_room(fitting, room)
        rows[row].append(place)
        room[row] -= sizes[place]
    return rows


def best_fit__gives_sizes_instead_of_places(sizes, capacity):
    checked(sizes, capacity)
    rows = put(sizes, capacity, least_room)
    return [[sizes[place] for place in row] for row in rows]


def best_fit__finds_equal_sizes_by_their_value(sizes, capacity):
    checked(sizes, capacity)
    rows = put(sizes, capacity, least_room)
    return [[list(sizes).index(sizes[place]) for place in row] for row in rows]


def best_fit__sorts_the_list_it_was_given(sizes, capacity):
    checked(sizes, capacity)
    rows = put(sizes, capacity, least_room)
    sizes.sort(reverse=True)
    return rows


def best_fit__lets_a_long_document_overflow(sizes, capacity):
    return put(sizes, capacity, least_room)


def best_fit__opens_a_row_for_nothing(sizes, capacity):
    checked(sizes, capacity)
    return put(sizes, capacity, least_room) or [[]]


def fewest_tokens__takes_the_longest_first(data, tokens):
    known, found = set(tokens) - {b""}, []
    while data:
        sizes = [n for n in range(1, len(data) + 1) if data[:n] in known]
        if not sizes:
            raise ValueError("no token")
        found.append(data[: max(sizes)])
        data = data[max(sizes) :]
    return found


def fewest_tokens__calls_itself(data, tokens):
    known, seen = set(tokens) - {b""}, {}

    def cut(rest):
        if not rest:
            return []
        if rest not in seen:
            sizes = [n for n in range(1, min(len(rest), 8) + 1) if rest[:n] in known]
            tails = [(rest[:n], cut(rest[n:])) for n in sizes]
            tails = [[head, *tail] for head, tail in tails if tail is not None]
            seen[rest] = min(tails, key=len, default=None)
        return seen[rest]

    if (found := cut(data)) is None:
        raise ValueError("no cut")
    return found


def steps(data, tokens, better, fallback=None):
    known = set(tokens) - {b""}
    longest = max(map(len, known), default=0)
    count, last = [0], [b""]
    for end in range(1, len(data) + 1):
        best = None
        for size in range(1, min(longest, end) + 1):
            part = data[end - size : end]
            before = count[end - size]
            if part in known and before is not None:
                if best is None or better(before + 1, best[0]):
                    best = (before + 1, part)
        best = best or (fallback, data[end - 1 : end] if fallback else b"")
        count.append(best[0])
        last.append(best[1])
    if count[-1] is None:
        raise ValueError("no cut")
    found, end = [], len(data)
    while end:
        found.append(last[end])
        end -= len(last[end])
    return found


def fewest_tokens__reads_the_cut_backwards(data, tokens):
    return steps(data, tokens, lambda new, old: new < old)


def fewest_tokens__takes_the_most_tokens(data, tokens):
    return steps(data, tokens, lambda new, old: new > old)[::-1]


def fewest_tokens__keeps_the_first_cut_it_finds(data, tokens):
    return steps(data, tokens, lambda new, old: False)[::-1]


def fewest_tokens__makes_tokens_up_where_there_are_none(data, tokens):
    return steps(data, tokens, lambda new, old: new < old, fallback=1)[::-1]


def fewest_tokens__knows_tokens_of_two_bytes_at_most(data, tokens):
    short = [token for token in tokens if len(token) <= 2]
    return steps(data, short, lambda new, old: new < old)[::-1]


def fewest_tokens__gives_an_empty_list_for_the_impossible(data, tokens):
    try:
        return steps(data, tokens, lambda new, old: new < old)[::-1]
    except ValueError:
        return []
