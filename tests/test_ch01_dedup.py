"""Duplicates: planted ones are found, chains are joined, and estimates are honest."""

import json
import multiprocessing
import random
import tracemalloc
from fractions import Fraction
from itertools import islice, pairwise

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from ch01_data import near_copies
from ch01_data.dedup import (
    exact_duplicates,
    exact_labels,
    main,
    minhash,
    near_duplicates,
    near_labels,
)
from ch01_data.joining import UnionFind, clusters_of, equal_groups, jaccard
from ch01_data.minhash import (
    NO_SHINGLE,
    candidate_probability,
    choose_bands,
    fold_bands,
)
from ch01_data.minhash import main as minhash_main
from ch01_data.near_copies import chain_of_copies, invented_words, s_curve
from ch01_data.shingles import (
    MULTIPLIER,
    Reread,
    scramble,
    shingle_sets,
    shingles,
    span_hashes,
    word_hashes,
)
from ch01_data.sources import read_texts

PLANTED = [step / 100 for step in range(40, 101, 2)]  # similarities


def word_grams(text, ngram=5):
    """Return the set of word n-grams as the definition reads."""
    words = text.split()
    if len(words) < ngram:
        return {tuple(words)} if words else set()
    return {tuple(words[i : i + ngram]) for i in range(len(words) - ngram + 1)}


def random_words(rng, n):
    return [f"w{rng.randrange(100_000)}" for _ in range(n)]


def pair_at(rng, similarity):
    """Return two texts of about 200 words that are as similar as this."""
    copies = near_copies.near_copies(rng, similarity)
    return [copies.left, copies.right]


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


def test_a_pair_exactly_on_the_threshold_is_joined():
    """80 of 90 5-grams shared: Jaccard 80 / 100; and 79 / 101 is too little."""
    rng = random.Random(20)
    for wanted, expected in ((0.8, [[0, 1]]), (79 / 101, [])):
        copies = near_copies.near_copies(rng, wanted, n_grams=90)
        assert copies.similarity == Fraction(wanted).limit_denominator(101)
        assert near_duplicates([copies.left, copies.right], 0.8) == expected


def test_copies_cut_short_are_found_whatever_their_order():
    """Of 200 5-grams the pieces have 190, 170, 150 and 100: 0.8 joins the first three.

    150 / 170 is above 0.8 although 150 / 200 is not; 100 / 150 is below.
    """
    rng = random.Random(21)
    words = random_words(rng, 204)
    lengths = [204, 194, 174, 154, 104]
    for order in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [3, 0, 4, 2, 1]):
        texts = [" ".join(words[: lengths[i]]) for i in order]
        expected = sorted(place for place, i in enumerate(order) if i < 4)
        assert near_duplicates(texts, 0.8) == [expected]


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


@pytest.mark.parametrize(("bands", "rows"), [(8, 4), (21, 6)])
def test_candidates_follow_the_s_curve(bands, rows):
    """600 pairs a point: theory and measurement agree within four standard errors."""
    asked = [0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    curve = list(s_curve(asked, bands, rows, pairs=600, seed=2))
    for point, wanted in zip(curve, asked, strict=True):
        assert abs(point.similarity - wanted) < 0.005
        expected = candidate_probability(point.similarity, bands, rows)
        assert point.expected == expected
        error = (expected * (1 - expected) / 600) ** 0.5
        assert point.error == pytest.approx(error)
        assert abs(point.measured - expected) < 4 * error + 1e-9, wanted
    assert curve[0].measured == 0 and curve[-1].measured == 1


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.5])
def test_a_threshold_that_is_no_similarity_is_refused(threshold):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        near_duplicates(["a", "b"], threshold)


# --- the pieces, each by itself ------------------------------------------------------


@pytest.mark.parametrize("block", [1, 3, 8, 1 << 15])
def test_runs_have_the_polynomial_that_the_docstring_gives(monkeypatch, block):
    """By Python's own integers, with blocks that cut runs everywhere."""
    monkeypatch.setattr("ch01_data.shingles.BLOCK", block)
    rng = random.Random(block)
    numbers = [rng.randrange(2**64) for _ in range(16)]
    starts = sorted(rng.randrange(17) for _ in range(30))
    ends = np.maximum(sorted(rng.randrange(17) for _ in range(30)), starts)
    found = span_hashes(np.array(numbers, np.uint64), np.array(starts), ends)
    polynomials = [
        sum(
            (number + 1) * MULTIPLIER**place
            for place, number in enumerate(numbers[start:end])
        )
        % 2**64
        for start, end in zip(starts, ends)
    ]
    expected = scramble(np.array(polynomials, dtype=np.uint64))
    assert np.array_equal(found, expected)


def test_a_word_longer_than_a_block_has_one_hash(monkeypatch):
    texts = ["x" * 100 + " y", "y " + "x" * 100, "x" * 99]
    whole = word_hashes(texts)[0]
    monkeypatch.setattr("ch01_data.shingles.BLOCK", 7)
    assert np.array_equal(word_hashes(texts)[0], whole)
    assert whole[0] == whole[3] and len(set(whole.tolist())) == 3


def test_sets_are_in_order_and_hold_each_shingle_once():
    values, bounds = shingle_sets(["a b a b a b", "", "c"], ngram=2)
    assert bounds.tolist() == [0, 2, 2, 3]
    every, _ = shingles(["a b a b a b"], ngram=2)
    assert sorted(set(every.tolist())) == values[:2].tolist()
    assert shingle_sets(["a", "a", "", "a b"])[1].tolist() == [0, 1, 2, 2, 3]


@pytest.mark.parametrize("ngram", [1, 2, 5, 8])
def test_near_copies_are_exactly_as_similar_as_they_say(ngram):
    rng = random.Random(ngram)
    for _ in range(150):
        wanted, n_grams = rng.random(), rng.randrange(20, 120)
        copies = near_copies.near_copies(rng, wanted, n_grams, ngram)
        left, right = (word_grams(t, ngram) for t in (copies.left, copies.right))
        assert len(left) == len(right) == n_grams
        assert Fraction(len(left & right), len(left | right)) == copies.similarity
        assert abs(copies.similarity - wanted) <= 1 / n_grams


def test_a_chain_is_as_similar_as_it_says_and_its_ends_are_not():
    """Ten texts, four changes a link: neighbours share 180 of 220, ends 20 of 380."""
    texts, similarity = chain_of_copies(random.Random(0), 10)
    sets = [word_grams(text) for text in texts]
    assert similarity == Fraction(180, 220)
    for left, right in pairwise(sets):
        assert Fraction(len(left & right), len(left | right)) == similarity
    assert len(sets[0] & sets[-1]) == 20
    with pytest.raises(ValueError, match="need 280 n-grams, they have 200"):
        chain_of_copies(random.Random(0), 15)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2**64 - 1)), max_size=30))
def test_groups_are_the_places_of_equal_keys(keys):
    places = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    columns = np.array(keys, dtype=np.uint64).reshape(-1, 2)
    members, bounds = equal_groups(columns[:, 0], columns[:, 1])
    found = [members[a:b].tolist() for a, b in pairwise(bounds)]
    assert sorted(found) == sorted(g for g in places.values() if len(g) > 1)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30))
def test_union_find_connects_what_edges_connect(edges):
    label = list(range(20))
    for left, right in edges:
        low, high = sorted((label[left], label[right]))
        label = [low if each == high else each for each in label]
    joined = UnionFind(20)
    joined.join(edges)
    assert joined.labels().tolist() == label == [joined.find(i) for i in range(20)]
    clusters = clusters_of(np.array(label))
    assert clusters == [
        [i for i in range(20) if label[i] == low]
        for low in sorted(set(label))
        if label.count(low) > 1
    ]


def test_a_band_agrees_exactly_where_all_its_rows_agree():
    rng = np.random.default_rng(0)
    signatures = rng.integers(3, size=(400, 7), dtype=np.uint32)
    signatures[7] = NO_SHINGLE
    keys = fold_bands(signatures, bands=2, rows=3)
    assert keys.shape == (400, 2) and (keys[7] == 0).all()
    assert (np.delete(keys, 7, axis=0) != 0).all()
    for band in range(2):
        part = signatures[:, 3 * band : 3 * band + 3]
        same = (part[:, None] == part).all(axis=2)
        assert np.array_equal(same, keys[:, None, band] == keys[:, band])


# --- the whole, however it is cut up -------------------------------------------------


def planted_corpus(rng, noise=200):
    """Return texts and pairs (i, j, exact similarity): copies and chains, shuffled."""
    texts = [" ".join(invented_words(rng, 60)) for _ in range(noise)]
    pairs = []
    for similarity in PLANTED * 8:
        copies = near_copies.near_copies(rng, similarity)
        pairs.append((len(texts), len(texts) + 1, copies.similarity))
        texts += [copies.left, copies.right]
    for changed in (2, 3, 4):
        chain, similarity = chain_of_copies(rng, 8, changed)
        first = len(texts)
        pairs += [(first + i, first + i + 1, similarity) for i in range(7)]
        texts += chain
    order = rng.sample(range(len(texts)), len(texts))
    place = {old: new for new, old in enumerate(order)}
    return [texts[i] for i in order], [(place[i], place[j], s) for i, j, s in pairs]


@pytest.mark.parametrize("threshold", [0.7, 0.8])
def test_planted_copies_and_chains_are_found_at_two_thresholds(threshold):
    """Copies at 0.4 to 1.0: of those at the threshold or above, 0.99 are joined.

    Of those below none is, unless a chain leads from one to the other.
    """
    rng = random.Random(f"planted {threshold}")
    texts, pairs = planted_corpus(rng)
    labels = near_labels([texts], threshold)
    due = [(i, j) for i, j, s in pairs if s >= threshold]
    assert len(due) > 80
    assert sum(labels[i] == labels[j] for i, j in due) >= 0.99 * len(due)
    allowed = UnionFind(len(texts))
    allowed.join(due)
    for cluster in clusters_of(labels):
        assert len({allowed.find(index) for index in cluster}) == 1


def test_damaged_pages_of_the_python_library_are_found():
    """Real text, with its repeated n-grams: the similarity is counted from tuples."""
    rng = random.Random(3)
    found = islice(read_texts("pylib"), 150)
    originals = [
        text for text in dict.fromkeys(t[:4000] for t in found) if text.strip()
    ]
    copies = []
    for number, text in enumerate(originals):
        words = text.split(" ")
        for place in rng.sample(range(len(words)), round(len(words) * number / 4000)):
            words[place] = "damaged"
        copies.append(" ".join(words))
    sets = [(word_grams(a), word_grams(b)) for a, b in zip(originals, copies)]
    exact = [jaccard(a, b) for a, b in sets]
    labels = near_labels([originals, copies], 0.7)
    due = [i for i, similarity in enumerate(exact) if similarity >= 0.7]
    joined = [labels[i] == labels[i + len(originals)] for i in range(len(originals))]
    assert len(due) >= 60 and sum(joined[i] for i in due) >= 0.99 * len(due)
    alone = [i for i in range(len(originals)) if exact[i] < 0.7 and joined[i]]
    assert len(alone) <= 0.05 * len(originals)  # through a third text, if at all


@pytest.fixture(scope="module")
def mixed_texts():
    rng = random.Random(13)
    texts, _ = planted_corpus(rng, noise=50)
    return [*texts, "", " ", "a b", "a b", texts[0]]


def as_clusters(labels):
    return clusters_of(np.asarray(labels))


def test_batches_do_not_matter(mixed_texts):
    expected = near_labels([mixed_texts]).tolist()
    assert len(set(expected)) < len(expected) - 100
    rng = random.Random(14)
    for n_cuts in (0, 3, 40, len(mixed_texts)):
        cuts = sorted(rng.choices(range(len(mixed_texts) + 1), k=n_cuts))
        edges = [0, *cuts, len(mixed_texts)]
        batches = [mixed_texts[a:b] for a, b in pairwise(edges)]
        assert near_labels(batches).tolist() == expected
        assert exact_labels(batches).tolist() == exact_labels([mixed_texts]).tolist()


def test_the_order_of_documents_does_not_matter(mixed_texts):
    rng = random.Random(15)
    order = rng.sample(range(len(mixed_texts)), len(mixed_texts))
    shuffled = near_duplicates([mixed_texts[i] for i in order])
    back = sorted(sorted(order[i] for i in cluster) for cluster in shuffled)
    assert back == near_duplicates(mixed_texts)


def test_processes_do_not_matter(mixed_texts, tmp_path):
    batches = [mixed_texts[i : i + 50] for i in range(0, len(mixed_texts), 50)]
    expected = near_labels(batches)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = near_labels(batches, run=pool.imap, folder=tmp_path)
    assert np.array_equal(found, expected)
    assert not list(tmp_path.iterdir())


def test_comparing_in_small_batches_gives_the_same_clusters(monkeypatch, mixed_texts):
    """Whatever the size of batches and readings, and in whichever order they come."""

    def backwards(function, items):
        return [function(item) for item in list(items)[::-1]][::-1]

    expected = near_labels([mixed_texts], 0.5).tolist()
    monkeypatch.setattr("ch01_data.joining.BATCH_MEMBERS", 3)
    assert near_labels([mixed_texts], 0.5, run=backwards).tolist() == expected


def test_a_group_of_hundreds_is_compared_in_full_up_to_its_limit(monkeypatch):
    """40 pairs that all share a key: each is found, unless the limit is lower."""
    rng = random.Random(16)
    pairs = [pair_at(rng, 0.9) for _ in range(40)]
    texts = [text for pair in pairs for text in pair]
    one_key = np.ones((80, 1), dtype=np.uint64)
    monkeypatch.setattr("ch01_data.dedup.band_keys", lambda texts, **_: one_key)
    monkeypatch.setattr("ch01_data.dedup.choose_bands", lambda *_: (1, 1))
    assert near_duplicates(texts) == [[i, i + 1] for i in range(0, 80, 2)]
    monkeypatch.setattr("ch01_data.joining.MAX_PIVOTS", 5)
    assert 3 <= len(near_duplicates(texts)) <= 5


def test_texts_that_cannot_be_read_twice_are_refused():
    texts = ["one two three", "one two three"]
    with pytest.raises(ValueError, match="2 texts at the first reading and 0 at the"):
        near_duplicates(iter(texts))
    readings = iter([[["a b"]], [["a b", "a b"]]])
    with pytest.raises(ValueError, match="had 1 texts at the first reading and 2"):
        near_labels(Reread(lambda: next(readings)))
    readings = iter([[["a b"]], [["a b"], ["c"]]])
    with pytest.raises(ValueError, match="had 0 texts at the first reading and 1"):
        near_labels(Reread(lambda: next(readings)))


def test_memory_grows_by_less_than_a_quarter_byte_for_each_byte_of_text():
    """Python's and NumPy's allocations beside the texts; a tenth are near copies."""
    rng = random.Random(17)
    words = invented_words(rng, 20_000)
    texts = [" ".join(rng.choices(words, k=133)) for _ in range(4800)]
    texts = [copy for t in texts for copy in ([t, t + " x"] if t < "1a" else [t])]

    def peak(n):
        tracemalloc.start()
        found = near_duplicates(texts[:n])
        exact_duplicates(texts[:n])
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(found) > 0.06 * n
        return highest

    grown = peak(len(texts)) - peak(1200)
    more = sum(map(len, texts[1200:]))
    assert more > 3_000_000 and grown < 0.25 * more


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["", "a", "a ", "\ud800", "\ud801", "b", "ab"])))
def test_exact_duplicates_are_found_all_and_nothing_else(texts):
    places = {}
    for place, text in enumerate(texts):
        places.setdefault(text, []).append(place)
    expected = [group for group in places.values() if len(group) > 1]
    assert exact_duplicates(texts) == sorted(expected)


# --- commands ------------------------------------------------------------------------


def test_the_command_names_the_clusters(tmp_path, capsys):
    for name, text in {"a": "one two three", "b": "one two three", "c": "x y"}.items():
        (tmp_path / f"{name}.txt").write_text(text)
    out = tmp_path / "out" / "clusters.json"
    assert main(["--source", str(tmp_path), "--out", str(out)]) == 0
    assert "3 documents" in capsys.readouterr().out
    assert json.loads(out.read_text()) == [["a.txt", "b.txt"]]


def test_the_other_commands_print_their_tables(tmp_path, capsys):
    assert minhash_main([]) == 0
    assert "21 bands of 6 entries, 168 bytes" in capsys.readouterr().out
    assert near_copies.main(["--pairs", "20"]) == 0
    assert "     1.000    1.0000    1.0000 0.0000" in capsys.readouterr().out
    assert minhash_main(["--threshold", "2"]) == 2
    assert "must be above 0 and at most 1" in capsys.readouterr().err
