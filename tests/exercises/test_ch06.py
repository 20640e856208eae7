"""Checks of the exercises of chapter 6: the nucleus, a window's cache, stop strings."""

import math

import torch

from ch04_transformer.transformer import ModelConfig, Transformer

# Probabilities 0.1, 0.5, 0.15, 0.25: the likeliest is the second, then the last.
FOUR = torch.tensor([[0.1, 0.5, 0.15, 0.25]]).log()


def kept(logits):
    """Return which tokens of one row are still allowed."""
    return [i for i, value in enumerate(logits.tolist()) if value > -math.inf]


# 6.1 keep_nucleus


def test_6_1_the_token_that_crosses_the_line_is_kept(impl):
    found = kept(impl.keep_nucleus(FOUR, 0.6)[0])
    assert found != [1], "0.5 alone does not reach 0.6: keep the token that crosses it"
    assert found == [1, 3], (
        f"of 0.1, 0.5, 0.15, 0.25 the nucleus of 0.6 is tokens 1 and 3, not {found}: "
        "are they sorted downwards, and brought back into their old order?"
    )


def test_6_1_the_likeliest_token_always_stays(impl):
    found = kept(impl.keep_nucleus(FOUR, 0.01)[0])
    assert found == [1], (
        f"top_p 0.01 leaves {found}; the likeliest token, 1, has nothing before it"
    )


def test_6_1_a_line_that_is_reached_exactly_lets_no_more_in(impl):
    halves = torch.tensor([[0.5, 0.25, 0.125, 0.125]]).log()
    found = kept(impl.keep_nucleus(halves, 0.5)[0])
    assert found == [0], f"0.5 reaches 0.5 by itself, but {found} were kept: < or <=?"


def test_6_1_what_is_kept_keeps_its_logit(impl):
    found = impl.keep_nucleus(FOUR, 0.6)[0]
    assert torch.equal(found[[1, 3]], FOUR[0, [1, 3]]), (
        "kept tokens must keep their logits at their old places: did you return "
        "probabilities, or forget to undo the sorting?"
    )


def test_6_1_every_row_has_a_nucleus_of_its_own(impl):
    logits = torch.tensor([[0.0, 9.0, 0.0], [1.0, 1.0, 1.0]])
    sizes = [len(kept(row)) for row in impl.keep_nucleus(logits, 0.9)]
    assert sizes == [1, 3], (
        f"a sure row and an even row keep {sizes} tokens, not [1, 3]: is the sum taken "
        "along the vocabulary?"
    )


def test_6_1_random_rows_agree_with_a_loop(impl):
    logits = 3 * torch.randn(20, 31, generator=torch.Generator().manual_seed(0))
    found = impl.keep_nucleus(logits.clone(), 0.8)
    for row, filtered in zip(logits, found, strict=True):
        total, expected = 0.0, []
        for token in row.argsort(descending=True).tolist():
            if total < 0.8:
                expected.append(token)
            total += row.softmax(0)[token].item()
        assert kept(filtered) == sorted(expected), (
            "a random row keeps other tokens than a loop that adds the likeliest until "
            "0.8 is reached"
        )


# 6.2 WindowCache


def numbered(*positions):
    """Make keys (or values) whose every entry is the number of their position."""
    return (
        torch.tensor(positions, dtype=torch.float).view(1, 1, -1, 1).expand(2, 3, -1, 4)
    )


def feed(cache, *positions):
    """Append keys and values of these positions and return the positions seen."""
    k, v = cache.append(numbered(*positions), 100 + numbered(*positions))
    assert torch.equal(v, k + 100), "keys and values must be kept in the same way"
    return [int(position) for position in k[0, 0, :, 0]]


def test_6_2_the_first_piece_comes_back_whole(impl):
    found = feed(impl.WindowCache(3), 0, 1, 2, 3, 4)
    assert found == [0, 1, 2, 3, 4], (
        f"5 new positions were given and {found} came back: even with a window of 3 "
        "each new query needs its own key, so cut what you keep and not what you return"
    )


def test_6_2_each_new_token_sees_the_window(impl):
    cache = impl.WindowCache(3)
    for position in range(7):
        expected = list(range(max(0, position - 2), position + 1))
        found = feed(cache, position)
        assert found[-1:] == [position], "the newest key must stand last"
        assert len(found) >= len(expected), (
            f"position {position} sees {found}, but a window of 3 is itself and 2 "
            "more: is one too few kept?"
        )
        assert len(found) <= len(expected), (
            f"position {position} gets {found}: a window of 3 reaches back 2 "
            "positions, and what is older should be forgotten"
        )
        assert found == expected, (
            f"position {position} sees {found}: are the oldest kept?"
        )


def test_6_2_a_piece_sees_what_stands_before_it(impl):
    cache = impl.WindowCache(3)
    feed(cache, 0, 1, 2, 3)
    found = feed(cache, 4, 5, 6, 7)
    assert found == [2, 3, 4, 5, 6, 7], (
        f"after 0 to 3 the piece 4 to 7 gets {found}: position 4 reaches back to 2"
    )


def test_6_2_a_window_of_one_sees_only_itself(impl):
    cache = impl.WindowCache(1)
    found = [feed(cache, position) for position in range(3)]
    assert found == [[0], [1], [2]], (
        f"with a window of 1 three tokens see {found}: x[:, :, -0:] is everything"
    )


def test_6_2_a_model_with_a_window_cannot_tell_the_difference(impl):
    torch.manual_seed(0)
    shape = dict(d_model=24, n_layers=2, n_heads=4, n_kv_heads=2, d_ff=20)
    config = ModelConfig(vocab_size=31, context_length=64, sliding_window=6, **shape)
    model, tokens = Transformer(config), torch.randint(31, (2, 40))
    caches = [impl.WindowCache(6) for _ in range(2)]
    with torch.no_grad():
        whole, cut = model(tokens), 0
        for size in [9, 1, 1, 1, 4, 12, 1, 1, 10]:
            places = torch.arange(cut, cut + size)
            piece = model(tokens[:, places], positions=places, cache=caches)
            # float32 sums in another order differ by about 1e-6.
            assert torch.allclose(piece, whole[:, places], atol=1e-4), (
                f"positions {cut} to {cut + size - 1} get other logits than without a "
                "cache: is every key within the window still there, once and in order?"
            )
            cut += size


# 6.3 stop_at


def test_6_3_text_without_a_stop_string_passes_whole(impl):
    for stop in ([], ["END"]):
        found = "".join(impl.stop_at(["The cat", " sat", "."], stop))
        assert found == "The cat sat.", f"{found!r} came out: nothing should be lost"


def test_6_3_the_stop_string_and_what_follows_are_not_shown(impl):
    found = "".join(impl.stop_at(["The cat.END of", " it"], ["END"]))
    assert "END" not in found, "the stop string itself must not be shown"
    assert found == "The cat.", f"{found!r} came out instead of 'The cat.'"


def test_6_3_a_stop_string_may_span_pieces(impl):
    for pieces in (["cat.E", "ND!"], ["cat.", "E", "N", "D", "!"], ["ca", "t.EN", "D"]):
        found = "".join(impl.stop_at(pieces, ["END"]))
        assert found == "cat.", (
            f"{pieces} gave {found!r}: the stop string spans two pieces, so look for "
            "it in all that is held back together"
        )


def test_6_3_what_only_begins_like_a_stop_string_is_text(impl):
    found = "".join(impl.stop_at(["THE E", "N", "EMY EN", "EEND"], ["END"]))
    assert found == "THE ENEMY ENE", f"{found!r}: a false start must come out after all"


def test_6_3_what_is_still_held_at_the_end_comes_out(impl):
    found = "".join(impl.stop_at(["The E", "N"], ["END"]))
    assert found == "The EN", f"{found!r}: the pieces ended, so nothing can follow 'EN'"


def test_6_3_the_first_of_several_stop_strings_counts(impl):
    found = "".join(impl.stop_at(["one. two! three?"], ["?", "!"]))
    assert found == "one. two", f"{found!r}: of several places take the earliest"


def test_6_3_nothing_waits_that_need_not(impl):
    taken = []

    def slow_pieces():
        for piece in ["The ", "cat ", "sE", "Nt.", "END", " more"]:
            taken.append(piece)
            yield piece

    shown = []
    for text in impl.stop_at(slow_pieces(), ["END"]):
        assert text, "an empty piece tells the reader nothing"
        shown.append((text, len(taken)))
    message = f"pieces and how many had been taken by then: {shown}; "
    assert shown[0] == ("The ", 1), message + "show each piece before taking the next"
    assert ("s", 3) in shown, message + "of 'sE' only the E can belong to 'END'"
    assert shown[-1] == ("ENt.", 4), message + "'ENt' is no stop string: let it go"
    assert taken[-1] == "END", "a piece was taken after the stop string: end there"
