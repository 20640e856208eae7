"""Planted mistakes of chapter 6: each must be rejected by a check with a message."""

import math

import torch

from ch06_generation.solutions import longest_start


def keep_nucleus__drops_the_token_that_crosses(logits, top_p):
    ordered, order = logits.sort(dim=-1, descending=True)
    total = ordered.softmax(dim=-1).cumsum(dim=-1)
    ordered = ordered.masked_fill(total > top_p, -math.inf)
    return torch.empty_like(logits).scatter(-1, order, ordered)


def keep_nucleus__leaves_the_row_sorted(logits, top_p):
    ordered, _ = logits.sort(dim=-1, descending=True)
    probs = ordered.softmax(dim=-1)
    return ordered.masked_fill(probs.cumsum(dim=-1) - probs >= top_p, -math.inf)


def keep_nucleus__lets_one_more_in(logits, top_p):
    ordered, order = logits.sort(dim=-1, descending=True)
    probs = ordered.softmax(dim=-1)
    ordered = ordered.masked_fill(probs.cumsum(dim=-1) - probs > top_p, -math.inf)
    return torch.empty_like(logits).scatter(-1, order, ordered)


def keep_nucleus__undoes_the_order_the_wrong_way(logits, top_p):
    ordered, order = logits.sort(dim=-1, descending=True)
    probs = ordered.softmax(dim=-1)
    ordered = ordered.masked_fill(probs.cumsum(dim=-1) - probs >= top_p, -math.inf)
    return ordered.gather(-1, order)


def keep_nucleus__returns_probabilities(logits, top_p):
    probs, order = logits.softmax(dim=-1).sort(dim=-1, descending=True)
    probs = probs.masked_fill(probs.cumsum(dim=-1) - probs >= top_p, -math.inf)
    return torch.empty_like(logits).scatter(-1, order, probs)


class Keeping:
    """A cache that joins old and new and keeps what `choose` picks."""

    def __init__(self, window):
        self.window, self.kept = window, None

    def append(self, k, v):
        if self.kept is not None:
            k = torch.cat((self.kept[0], k), dim=2)
            v = torch.cat((self.kept[1], v), dim=2)
        self.kept = self.choose(k), self.choose(v)
        return k, v


class WindowCache__keeps_everything(Keeping):
    def choose(self, x):
        return x


class WindowCache__keeps_the_oldest(Keeping):
    def choose(self, x):
        return x[:, :, : self.window - 1]


class WindowCache__keeps_one_too_few(Keeping):
    def choose(self, x):
        return x[:, :, max(x.shape[2] - (self.window - 2), 0) :]


class WindowCache__keeps_one_too_many(Keeping):
    def choose(self, x):
        return x[:, :, -self.window :]


class WindowCache__takes_minus_zero_for_nothing(Keeping):
    def choose(self, x):
        return x[:, :, -(self.window - 1) :]


class WindowCache__cuts_what_it_returns(Keeping):
    def choose(self, x):
        return x[:, :, max(x.shape[2] - (self.window - 1), 0) :]

    def append(self, k, v):
        k, v = super().append(k, v)
        return k[:, :, -self.window :], v[:, :, -self.window :]


def stop_at__looks_at_each_piece_alone(pieces, stop):
    for piece in pieces:
        places = [piece.find(string) for string in stop if string in piece]
        if places:
            yield piece[: min(places)]
            return
        yield piece


def stop_at__shows_the_stop_string(pieces, stop):
    held = ""
    for piece in pieces:
        held += piece
        places = [held.find(s) + len(s) for s in stop if s in held]
        if places:
            yield held[: min(places)]
            return
        safe = len(held) - longest_start(held, stop)
        if safe:
            yield held[:safe]
        held = held[safe:]
    if held:
        yield held


def stop_at__forgets_what_it_held(pieces, stop):
    held = ""
    for piece in pieces:
        held += piece
        places = [held.find(string) for string in stop if string in held]
        safe = min(places) if places else len(held) - longest_start(held, stop)
        if safe:
            yield held[:safe]
        if places:
            return
        held = held[safe:]


def stop_at__waits_for_the_end(pieces, stop):
    text = "".join(pieces)
    places = [text.find(string) for string in stop if string in text]
    yield text[: min(places, default=len(text))]


def stop_at__holds_back_a_fixed_length(pieces, stop):
    held, longest = "", max(map(len, stop), default=1)
    for piece in pieces:
        held += piece
        places = [held.find(string) for string in stop if string in held]
        safe = min(places) if places else max(len(held) - longest + 1, 0)
        if safe:
            yield held[:safe]
        if places:
            return
        held = held[safe:]
    if held:
        yield held


def stop_at__takes_the_first_in_the_list(pieces, stop):
    held = ""
    for piece in pieces:
        held += piece
        places = [held.find(string) for string in stop if string in held]
        safe = places[0] if places else len(held) - longest_start(held, stop)
        if safe:
            yield held[:safe]
        if places:
            return
        held = held[safe:]
    if held:
        yield held
