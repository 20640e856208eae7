"""The 5-gram baseline: by hand, against slow dictionaries, as a distribution."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ch01_data.ngram import KneserNey, byte_shard, estimate_discounts, main

EOT = 0


class SlowKneserNey:
    """The same model, written as its definition reads, with dictionaries and loops."""

    def __init__(self, order, sequences, vocab_size):
        self.vocab_size = vocab_size
        self.counts = {k: Counter() for k in range(1, order + 1)}
        for sequence in sequences:
            for end in range(1, len(sequence)):
                if end - order + 1 >= 0:
                    gram = tuple(sequence[end - order + 1 : end + 1])
                    self.counts[order][gram] += 1
        for k in range(1, order):
            before = defaultdict(set)
            for sequence in sequences:
                for end in range(1, len(sequence)):
                    start = end - k + 1
                    gram = tuple(sequence[start : end + 1])
                    if start > 0:
                        before[gram].add(sequence[start - 1])
                    elif start == 0:
                        self.counts[k][gram] += 1
            for gram, tokens in before.items():
                self.counts[k][gram] += len(tokens)
        self.discounts = {
            k: estimate_discounts(np.array(list(counts.values()), dtype=int))
            for k, counts in self.counts.items()
        }

    def probability(self, context, token, k):
        """Return p_k(token | the last k-1 tokens of the context)."""
        if k == 0:
            return 1 / self.vocab_size
        lower = self.probability(context, token, k - 1)
        if len(context) < k - 1:
            return lower
        context = tuple(context[len(context) - k + 1 :])
        after = {g[-1]: c for g, c in self.counts[k].items() if g[:-1] == context}
        total = sum(after.values())
        if total == 0:
            return lower
        taken = {w: self.discounts[k][min(c, 3) - 1] for w, c in after.items()}
        share = (after.get(token, 0) - taken.get(token, 0)) / total
        return share + sum(taken.values()) / total * lower

    def log_prob(self, sequence, order):
        return [
            math.log(self.probability(sequence[:i], sequence[i], order))
            for i in range(1, len(sequence))
        ]


def skewed_sequences(n=40, vocab_size=9, seed=0):
    """Return random sequences in which each token depends on the one before."""
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.full(vocab_size - 1, 0.3), size=vocab_size)
    sequences = []
    for length in rng.integers(0, 30, size=n):
        row = [EOT]
        for _ in range(length):
            row.append(1 + int(rng.choice(vocab_size - 1, p=table[row[-1]])))
        sequences.append([*row, EOT])
    return sequences


def test_bigram_probabilities_worked_out_by_hand():
    """Sequences 0 1 2 0 and 0 1 1 0, vocabulary 0..3, order 2, discounts 1/2, 1, 3/2.

    Bigrams: 01 twice, 12, 20, 11, 10 once each.
    Unigram counts are different predecessors: 0 after {2, 1} = 2, 1 after {0, 1} = 2,
    2 after {1} = 1, together 5. Discounted: 1 of 0, 1 of 1, 1/2 of 2; gamma = 1/2.
        p1(0) = (2 - 1)/5 + 1/2 * 1/4 = 13/40        p1(1) the same
        p1(2) = (1 - 1/2)/5 + 1/8     =  9/40        p1(3) = 1/8 = 5/40
    After 1: three bigrams 12, 11, 10, each counted once and discounted by 1/2;
    gamma = 3/2 / 3 = 1/2.
        p2(2 | 1) = 1/2 / 3 + 1/2 * 9/40 = 67/240    p2(3 | 1) = 1/2 * 5/40 = 1/16
    After 0: 01 twice, discounted by 1; gamma = 1/2.
        p2(1 | 0) = 1/2 + 1/2 * 13/40 = 53/80
    """
    model = KneserNey(2).fit([[0, 1, 2, 0], [0, 1, 1, 0]], vocab_size=4)
    assert model.discounts == [(0.5, 1.0, 1.5)] * 2
    assert model.next_probabilities([]) == pytest.approx(
        [13 / 40, 13 / 40, 9 / 40, 5 / 40]
    )
    assert model.next_probabilities([1])[2] == pytest.approx(67 / 240)
    assert model.next_probabilities([1])[3] == pytest.approx(1 / 16)
    expected = [math.log(53 / 80), math.log(67 / 240)]
    assert model.log_prob([0, 1, 2])[:2] == pytest.approx(expected)


def test_discounts_follow_the_formula():
    """n1 = 4, n2 = 2, n3 = 1, n4 = 1: Y = 4/8; D1 = 1/2, D2 = 2 - 3/4, D3 = 3 - 2."""
    counts = np.array([1, 1, 1, 1, 2, 2, 3, 4, 9])
    assert estimate_discounts(counts) == pytest.approx((0.5, 1.25, 1.0))


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_the_arrays_agree_with_the_dictionaries(order):
    """Sums of at most 30 terms in another order: 1e-12 is generous."""
    sequences = skewed_sequences()
    fast = KneserNey(order).fit(sequences, vocab_size=9)
    slow = SlowKneserNey(order, sequences, 9)
    for sequence in [*sequences[:12], [0, 8, 1, 8, 2, 7, 3, 3, 3, 0], [5, 5]]:
        expected = slow.log_prob(sequence, order)
        assert fast.log_prob(sequence) == pytest.approx(expected, abs=1e-12)


sequence_lists = st.lists(
    st.lists(st.integers(0, 4), min_size=1, max_size=8), min_size=1, max_size=6
).filter(lambda rows: any(len(row) > 1 for row in rows))


@settings(max_examples=60, deadline=None)
@given(sequence_lists, st.lists(st.integers(0, 5), max_size=7), st.integers(1, 5))
def test_every_corpus_gives_the_slow_answer_and_a_distribution(rows, context, order):
    fast = KneserNey(order).fit(rows, vocab_size=6)
    probabilities = fast.next_probabilities(context)
    slow = SlowKneserNey(order, rows, 6)
    expected = [slow.probability(context, token, order) for token in range(6)]
    assert probabilities == pytest.approx(expected, abs=1e-12)
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-12)
    assert probabilities.min() > 0


@pytest.mark.parametrize(
    "context", [[], [0], [0, 3], [3, 1, 4, 1, 5], [8, 8, 8, 8], [7, 0, 0, 0, 2]]
)
def test_probabilities_sum_to_one_after_seen_and_unseen_contexts(context):
    model = KneserNey(5).fit(skewed_sequences(), vocab_size=50)
    probabilities = model.next_probabilities(context)
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-12)
    assert probabilities[20:].min() > 0, "a token that was never seen is impossible"


def test_a_shard_is_counted_as_its_sequences_are():
    sequences = skewed_sequences()
    tokens = np.array([t for row in sequences for t in row[1:-1]], dtype=np.uint16)
    offsets = np.cumsum([0, *(len(row) - 2 for row in sequences)])
    whole = KneserNey(5).fit(sequences, vocab_size=9)
    shard = KneserNey(5).fit_documents(tokens, offsets, EOT, vocab_size=9)
    expected = np.concatenate([whole.log_prob(row) for row in sequences])
    assert np.array_equal(shard.log_prob_documents(tokens, offsets, EOT), expected)


def test_documents_do_not_see_one_another():
    """Scoring two documents together or apart gives the same numbers."""
    model = KneserNey(3).fit(skewed_sequences(), vocab_size=9)
    tokens, offsets = np.array([1, 2, 3, 4, 5]), np.array([0, 2, 5])
    together = model.log_prob_documents(tokens, offsets, EOT)
    apart = [model.log_prob([EOT, 1, 2, EOT]), model.log_prob([EOT, 3, 4, 5, EOT])]
    assert np.array_equal(together, np.concatenate(apart))


def test_longer_contexts_predict_text_better():
    """On English letters a context of one character beats none, and four beat one."""
    text = "the cat sat on the mat and the rat sat on the hat and that was that. " * 3
    texts = [text[i : i + 60] for i in range(0, len(text), 20)]
    tokens, offsets = byte_shard(texts[:-2])
    scored = byte_shard(texts[-2:])
    losses = [
        -KneserNey(order)
        .fit_documents(tokens, offsets, 256, 257)
        .log_prob_documents(*scored, 256)
        .mean()
        for order in (1, 2, 5)
    ]
    assert losses[0] > losses[1] + 0.5 > losses[2] + 0.5


def test_a_distribution_of_trigrams_is_learned_to_its_entropy():
    """4,000 sequences of 20 tokens from a known second-order source.

    With 72,000 tokens for 64 contexts of 8 outcomes the excess loss of counting is
    about (8 - 1) * 64 / (2 * 72,000) = 0.003 nats; 0.01 leaves room for chance.
    """
    rng = np.random.default_rng(0)
    table = rng.dirichlet(np.ones(8), size=(8, 8))
    rows = np.zeros((4400, 22), dtype=np.int64)
    rows[:, 1:3] = rng.integers(0, 8, size=(4400, 2))
    for i in range(3, 22):
        cumulative = table[rows[:, i - 2], rows[:, i - 1]].cumsum(axis=1)
        rows[:, i] = (rng.random((4400, 1)) > cumulative).sum(axis=1).clip(max=7)
    model = KneserNey(3).fit(rows[:4000], vocab_size=8)
    scores = np.stack([model.log_prob(row)[2:] for row in rows[4000:]])
    truth = np.log(table[rows[4000:, 1:-2], rows[4000:, 2:-1], rows[4000:, 3:]])
    assert abs(truth.mean() - scores.mean()) < 0.01


def test_wrong_use_is_refused_with_the_numbers():
    with pytest.raises(ValueError, match=r"from 0 to 9.*0\.\.8"):
        KneserNey(2).fit([[0, 9]], vocab_size=9)
    model = KneserNey(2).fit([[0, 1, 0]], vocab_size=3)
    with pytest.raises(ValueError, match="another tokenizer"):
        model.log_prob([0, 3])
    with pytest.raises(ValueError, match="call fit first"):
        KneserNey(2).log_prob([0, 1])
    with pytest.raises(ValueError, match="order is 0"):
        KneserNey(0)


def test_the_command_prints_bits_per_byte(tmp_path, capsys):
    path = tmp_path / "a.txt"
    path.write_text("the cat sat on the mat. " * 50)
    assert main(["--train", str(path), "--validation", str(path)]) == 0
    assert "bits per byte on 1,200 bytes" in capsys.readouterr().out
    assert main(["--train", str(tmp_path / "no"), "--validation", str(path)]) == 2
    assert capsys.readouterr().err.startswith("error: no such file or folder")
