"""Duplicates: planted ones are found, chains are joined, and estimates are honest."""

import json
import random

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from ch01_data.dedup import (
    NO_SHINGLE,
    candidate_groups,
    candidate_probability,
    choose_bands,
    exact_duplicates,
    jaccard,
    main,
    minhash,
    near_duplicates,
    shingles,
    word_hashes,
)


def word_grams(text, ngram=5):
    """Return the set of word n-grams as the definition reads."""
    words = text.split()
    if len(words) < ngram:
        return {tuple(words)} if words else set()
    return {tuple(words[i : i + ngram]) for i in range(len(words) - ngram + 1)}


def random_words(rng, n):
    return [f"w{rng.randrange(100_000)}" for _ in range(n)]


def pair_at(rng, similarity, n=204):
    """Return two texts whose word 5-grams have about this Jaccard similarity.

    They share their first words: s shared grams of n - 4 each give s / (2 (n-4) - s).
    """
    grams = n - 4
    shared = round(2 * grams * similarity / (1 + similarity))
    head = random_words(rng, shared + 4)
    rest = n - len(head)
    return [" ".join(head + random_words(rng, rest)) for _ in range(2)]


def brute_force(texts, threshold):
    """Return the clusters by comparing all pairs."""
    sets = [word_grams(text) for text in texts]
    cluster = list(range(len(texts)))
    for i in range(len(texts)):
        for j in range(i):
            if jaccard(sets[i], sets[j]) >= threshold:
                a, b = cluster[i], cluster[j]
                cluster = [min(a, b) if c in (a, b) else c for c in cluster]
    members = {}
    for index, name in enumerate(cluster):
        members.setdefault(name, []).append(index)
    return [group for group in members.values() if len(group) > 1]


def test_shingles_of_a_sentence_counted_by_hand():
    """Seven words have three 5-grams; "a b" has one shingle; no words, none."""
    texts = ["the cat sat on the mat again", "a b", "", "the cat sat on the dog again"]
    values, bounds = shingles(texts)
    assert np.diff(bounds).tolist() == [3, 1, 0, 3]
    first, last = set(values[:3].tolist()), set(values[4:].tolist())
    assert len(first & last) == 1  # "the cat sat on the"


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.text(alphabet="ab \n\t\u00a0\u2003\x1cé漢", max_size=40), max_size=6)
)
def test_shingles_agree_with_sets_of_word_tuples(texts):
    """Equal shingles where the tuples are equal, different ones where they differ."""
    texts = texts or [""]
    values, bounds = shingles(texts, ngram=3)
    names = {}
    for index, text in enumerate(texts):
        words = text.split()
        grams = [tuple(words[i : i + 3]) for i in range(max(len(words) - 2, 0))]
        grams = grams or ([tuple(words)] if words else [])
        found = values[bounds[index] : bounds[index + 1]].tolist()
        assert len(found) == len(grams)
        for gram, value in zip(grams, found, strict=True):
            assert names.setdefault(gram, value) == value
    assert len(set(names.values())) == len(names)


def test_a_word_has_one_hash_wherever_it_stands():
    values, bounds = word_hashes(["alpha beta", "  beta\n", "gamma alpha beta"])
    assert bounds.tolist() == [0, 2, 3, 6]
    assert values[1] == values[2] == values[5] and values[0] == values[4]
    assert len(set(values.tolist())) == 3


def test_a_text_has_one_signature_whatever_stands_beside_it():
    """Long texts fill several blocks; alone or together, the values are the same."""
    rng = random.Random(0)
    texts = [" ".join(random_words(rng, n)) for n in (20_000, 3, 0, 9_000, 40, 30_000)]
    together = minhash(texts, n_permutations=16)
    assert together.dtype == np.uint32 and together.shape == (6, 16)
    for row, text in zip(together, texts, strict=True):
        assert np.array_equal(row, minhash([text], n_permutations=16)[0])
    assert (together[2] == NO_SHINGLE).all()


def test_the_seed_chooses_the_permutations():
    text = ["one two three four five six seven"]
    assert np.array_equal(minhash(text, seed=3), minhash(text, seed=3))
    assert not np.array_equal(minhash(text, seed=3), minhash(text, seed=4))


@pytest.mark.parametrize("similarity", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_signatures_estimate_jaccard_as_well_as_theory_allows(similarity):
    """200 pairs, 128 permutations: the spread of an estimate is sqrt(J(1-J)/128).

    The mean over 200 pairs has a 14th of that; four of those are allowed, and the
    spread itself may be off by a quarter (its own error is 5 %).
    """
    rng = random.Random(round(similarity * 100))
    pairs = [pair_at(rng, similarity) for _ in range(200)]
    exact = np.array([jaccard(word_grams(a), word_grams(b)) for a, b in pairs])
    left, right = (minhash([p[side] for p in pairs], seed=1) for side in (0, 1))
    errors = (left == right).mean(axis=1) - exact
    spread = np.sqrt(exact.mean() * (1 - exact.mean()) / 128)
    assert abs(errors.mean()) < 4 * spread / np.sqrt(200)
    assert 0.75 * spread < errors.std() < 1.25 * spread


def test_estimates_are_as_close_as_those_of_datasketch():
    """Same pairs, same number of permutations: the mean errors are of one size."""
    rng = random.Random(5)
    pairs = [pair_at(rng, rng.uniform(0.2, 0.95)) for _ in range(150)]
    exact = np.array([jaccard(word_grams(a), word_grams(b)) for a, b in pairs])
    left, right = (minhash([p[side] for p in pairs]) for side in (0, 1))
    ours = np.abs((left == right).mean(axis=1) - exact).mean()

    def sketch(text):
        signature = MinHash(num_perm=128, seed=1)
        signature.update_batch([" ".join(g).encode() for g in sorted(word_grams(text))])
        return signature

    estimates = [sketch(a).jaccard(sketch(b)) for a, b in pairs]
    theirs = np.abs(np.array(estimates) - exact).mean()
    assert ours < 1.25 * theirs and ours < 0.04


def test_clusters_equal_those_of_datasketch_where_nothing_is_near_the_threshold():
    rng = random.Random(6)
    texts = [" ".join(random_words(rng, 120)) for _ in range(60)]
    for high in range(10):
        texts += pair_at(rng, 0.97 if high < 8 else 0.3)
    lsh = MinHashLSH(threshold=0.8, num_perm=128)
    signatures = []
    for index, text in enumerate(texts):
        signatures.append(MinHash(num_perm=128))
        signatures[-1].update_batch([" ".join(g).encode() for g in word_grams(text)])
        lsh.insert(index, signatures[-1])
    theirs = {tuple(sorted(lsh.query(s))) for s in signatures}
    assert near_duplicates(texts) == sorted(list(t) for t in theirs if len(t) > 1)


@pytest.mark.parametrize("threshold", [0.5, 0.8])
def test_clusters_equal_brute_force_on_planted_pairs(threshold):
    """Similarities from 0.3 to 1 in steps, each pair well off the threshold's edge."""
    rng = random.Random(7)
    texts = []
    for step in range(60):
        similarity = 0.3 + 0.7 * step / 59
        if abs(similarity - threshold) > 0.02:
            texts += pair_at(rng, similarity)
    rng.shuffle(texts)
    assert near_duplicates(texts, threshold) == brute_force(texts, threshold)


def test_recall_at_the_threshold_and_exactness_of_every_join():
    """500 pairs planted just above 0.8 and 500 just below: found and left alone."""
    rng = random.Random(8)
    texts = []
    for _ in range(500):
        texts += pair_at(rng, 0.81)
        texts += pair_at(rng, 0.78)
    clusters = {tuple(cluster) for cluster in near_duplicates(texts, 0.8)}
    above = [(i, i + 1) for i in range(0, len(texts), 4)]
    found = sum(pair in clusters for pair in above)
    assert found >= 0.99 * len(above)
    assert clusters <= set(above), "a pair below the threshold was joined"


def test_a_chain_is_one_cluster_although_its_ends_differ():
    """Each text moves a window of 200 words on by 10: neighbours have J = 186/206."""
    rng = random.Random(9)
    words = random_words(rng, 400)
    texts = [" ".join(words[start : start + 200]) for start in range(0, 100, 10)]
    ends = jaccard(word_grams(texts[0]), word_grams(texts[-1]))
    assert ends < 0.5
    noise = [" ".join(random_words(rng, 50)) for _ in range(5)]
    assert near_duplicates([*noise, *texts], 0.8) == [list(range(5, 15))]


def test_many_copies_of_one_text_are_one_cluster():
    rng = random.Random(10)
    words = random_words(rng, 80)
    texts = [" ".join([*words[:40], f"copy{i}", *words[40:]]) for i in range(300)]
    assert near_duplicates(texts, 0.8) == [list(range(300))]


def test_texts_without_words_and_short_texts_do_no_harm():
    assert near_duplicates(["", " \n", "", "a", "a b", "a"]) == [[3, 5]]
    assert near_duplicates([]) == []
    assert minhash([]).shape == (0, 128)


def test_clusters_do_not_depend_on_the_run():
    rng = random.Random(11)
    texts = [text for _ in range(40) for text in pair_at(rng, 0.85)]
    assert near_duplicates(texts, seed=1) == near_duplicates(texts, seed=1)


def test_exact_duplicates_are_equal_texts_only():
    texts = ["a b", "a  b", "a b", "", "A b", "", "a b"]
    assert exact_duplicates(texts) == [[0, 2, 6], [3, 5]]


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0])
def test_bands_find_a_pair_at_the_threshold_almost_surely(threshold):
    bands, rows = choose_bands(threshold)
    assert bands * rows <= 128
    assert candidate_probability(threshold, bands, rows) >= 0.998


def test_candidates_follow_the_s_curve():
    """With 8 bands of 4 rows theory and measurement agree within four errors."""
    rng = random.Random(12)
    for similarity in (0.3, 0.6, 0.8):
        pairs = [pair_at(rng, similarity) for _ in range(300)]
        left, right = (minhash([p[i] for p in pairs], 32, seed=2) for i in (0, 1))
        both = np.stack([left, right], axis=1)
        hits = np.mean([any(True for _ in candidate_groups(s, 8, 4)) for s in both])
        exact = np.mean([jaccard(word_grams(a), word_grams(b)) for a, b in pairs])
        expected = candidate_probability(exact, 8, 4)
        error = np.sqrt(expected * (1 - expected) / 300)
        assert abs(hits - expected) < 4 * error + 1e-9, similarity


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.5])
def test_a_threshold_that_is_no_similarity_is_refused(threshold):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        near_duplicates(["a", "b"], threshold)


def test_the_command_names_the_clusters(tmp_path, capsys):
    for name, text in {"a": "one two three", "b": "one two three", "c": "x y"}.items():
        (tmp_path / f"{name}.txt").write_text(text)
    out = tmp_path / "out" / "clusters.json"
    assert main(["--source", str(tmp_path), "--out", str(out)]) == 0
    assert "3 documents" in capsys.readouterr().out
    assert json.loads(out.read_text()) == [["a.txt", "b.txt"]]
