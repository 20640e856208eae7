"""Every shape comment of the book is executed, attached to a value, and true.

A module that has shape comments needs a driver here: a function that runs all of its
annotated lines and says, with `checker.sizes`, how large each letter is. Only a run in
which the letters of a claim have different sizes proves it, so that a swapped order
shows (S is not T, and H*Dh is not D wherever a module allows it).
"""

import ast
import importlib
import importlib.util
import tempfile
from pathlib import Path

import pytest
import torch

from tests.shape_comments import LOOKS_LIKE_A_SHAPE, ShapeChecker, comments_by_line

ROOT = Path(__file__).resolve().parents[1]
DRIVERS = {}


def drives(name):
    """Register a driver for the module `name`."""

    def register(driver):
        DRIVERS[name] = driver
        return driver

    return register


class Growing:
    """A cache of one layer that already holds `past` keys and values."""

    def __init__(self, past, n_kv_heads, d_head, batch):
        self.k = self.v = torch.randn(batch, n_kv_heads, past, d_head)

    def append(self, k, v):
        return torch.cat((self.k, k), dim=2), torch.cat((self.v, v), dim=2)


class GrowingLatents:
    """A cache of one layer that already holds `past` latents and rotary keys."""

    def __init__(self, past, rank, rotary_width, batch):
        self.latents = torch.randn(batch, 1, past, rank)
        self.keys = torch.randn(batch, 1, past, rotary_width)

    def append(self, latents, keys):
        joined = torch.cat((self.latents, latents), dim=2)
        return joined, torch.cat((self.keys, keys), dim=2)


class GrowingLayers(list):
    """Caches of all layers, and how many positions they hold."""

    length = 2


# The drivers, in the book's order


@drives("ch02_tokenization.shards")
def drive_shards(checker):
    from ch02_tokenization.shards import PackedRows, encode_corpus, shifted_windows

    tokenizer = tiny_tokenizer()
    with tempfile.TemporaryDirectory() as folder:
        shard = encode_corpus(["to be or", "not to"], tokenizer, folder + "/s")
        rows = PackedRows(shard, 9, tokenizer.end_of_text_id)
        with checker.sizes(B=2, T=9):
            rows.rows([0, 1])
    with checker.sizes(B=2, T=5):
        shifted_windows(range(12), 5, 6)


@drives("ch03_attention.attention")
def drive_attention(checker):
    from ch03_attention.attention import (
        CausalSelfAttention,
        causal_mask,
        document_mask,
        scaled_dot_product_attention,
    )

    with checker.sizes(B=2, H=6, K=3, T=5, S=7, Dh=4, D=10):
        q, k = torch.randn(2, 6, 5, 4), torch.randn(2, 3, 7, 4)
        mask = causal_mask(5, 7, sliding_window=3)
        scaled_dot_product_attention(q, k, k, mask)
        layer = CausalSelfAttention(10, 6, 3, d_head=4)
        layer(
            torch.randn(2, 5, 10),
            positions=torch.arange(2, 7),
            cache=Growing(2, 3, 4, batch=2),
        )
    with checker.sizes(B=2, H=6, K=3, T=5, Dh=4, D=10):
        layer(torch.randn(2, 5, 10))
        document_mask(torch.randint(3, (2, 5)), 0)


@drives("ch03_attention.positions")
def drive_positions(checker):
    from ch03_attention.positions import document_positions

    with checker.sizes(B=2, T=5):
        document_positions(torch.randint(3, (2, 5)), 0)


@drives("ch03_attention.sinks")
def drive_sinks(checker):
    from ch03_attention.sinks import sink_share, window_with_sinks

    with checker.sizes(B=2, H=6, T=5, S=7):
        window_with_sinks(5, 7, sliding_window=3, n_sinks=1)
        sink_share(torch.rand(2, 6, 5, 7))


@drives("ch03_attention.flash")
def drive_flash(checker):
    from ch03_attention.flash import flash_attend, flash_attention

    q, k = torch.randn(2, 6, 5, 4), torch.randn(2, 3, 7, 4)
    q.requires_grad_()
    mask = torch.ones(5, 7, dtype=torch.bool)
    with checker.sizes(B=2, H=6, K=3, T=5, S=7, Dh=4):
        flash_attention(q, k, k, block_size=3).sum().backward()
        flash_attend(q, k, k, mask, block_size=3)


@drives("ch03_attention.heads")
def drive_heads(checker):
    from ch03_attention.heads import (
        induction_score,
        previous_token_score,
        repeated_tokens,
        silenced,
    )

    with checker.sizes(B=2, H=6, T=8):
        weights = torch.rand(2, 6, 8, 8)
        previous_token_score(weights)
        induction_score(weights, 4)
        repeated_tokens(range(9), 2, 4, torch.Generator())
    model = tiny_model()
    with checker.sizes(B=2, T=5, H=6, Dh=4), silenced(model, 0, 1):
        model(torch.randint(13, (2, 5)))


@drives("ch03_attention.references")
def drive_references(checker):
    from ch01_data.mentions import Mention
    from ch03_attention.references import read_stories, references_found
    from ch04_transformer.transformer import ModelConfig, Transformer

    shape = dict(d_model=12, n_layers=2, n_heads=3, d_ff=11)
    model = Transformer(ModelConfig(vocab_size=257, context_length=16, **shape))
    found = [Mention(0, 2, "a", "names", False), Mention(9, 12, "a", "names", True)]
    with checker.sizes(T=13):
        stories = read_stories([("to be or not", found)], tiny_tokenizer())
    with checker.sizes(S=13, H=3, L=2):
        references_found(model, stories)


@drives("ch04_transformer.transformer")
def drive_transformer(checker):
    from ch04_transformer.transformer import ModelConfig, Transformer

    shape = dict(d_model=10, n_layers=1, n_heads=6, n_kv_heads=3, d_head=4, d_ff=11)
    config = ModelConfig(vocab_size=13, context_length=16, **shape)
    model = Transformer(config, position_embedding=torch.nn.Embedding)
    cache = GrowingLayers([Growing(2, 3, 4, batch=2)])
    with checker.sizes(B=2, H=6, K=3, T=5, S=7, Dh=4, D=10, F=11, V=13):
        model(torch.randint(13, (2, 5)), cache=cache)
        model(torch.randint(13, (2, 5)))


@drives("ch04_transformer.feed_forward")
def drive_feed_forward(checker):
    from ch04_transformer.feed_forward import FeedForward

    with checker.sizes(B=2, T=5, D=10, F=11):
        FeedForward(10, 11)(torch.randn(2, 5, 10))


@drives("ch04_transformer.experts")
def drive_experts(checker):
    from ch04_transformer.experts import MixtureOfExperts, load_balance_loss

    layer = MixtureOfExperts(7, 11, n_experts=4, top_k=3)
    x = torch.randn(2, 5, 7)
    with checker.sizes(B=2, T=5, D=7, E=4):
        layer(x)
        routing = layer.router(x.flatten(0, 1))
        load_balance_loss(routing.logits, routing.chosen)


@drives("ch04_transformer.latent_attention")
def drive_latent_attention(checker):
    from ch04_transformer.latent_attention import (
        LatentAttention,
        attend_absorbed,
        attend_expanded,
    )

    for attend in (attend_expanded, attend_absorbed):
        layer = LatentAttention(10, 3, d_head=4, rank=9, rotary_width=6, attend=attend)
        x, past = torch.randn(2, 5, 10), GrowingLatents(2, 9, 6, batch=2)
        with checker.sizes(B=2, H=3, T=5, S=7, Dh=4, D=10, R=9):
            layer(x, positions=torch.arange(2, 7), cache=past)
    with checker.sizes(B=2, H=3, T=5, Dh=4, D=10, R=9):
        layer(x)


@drives("ch04_transformer.choices")
def drive_choices(checker):
    from ch04_transformer.choices import (
        PostNormBlock,
        company_effect,
        from_stream,
        influences,
        mode_losses,
        reach,
        stream_variances,
    )

    model, tokens = tiny_model(), torch.randint(13, (2, 3))
    x = torch.randn(2, 3, 10)
    with checker.sizes(B=2, T=3, D=10, V=13):
        reach(influences(PostNormBlock(model.config), x))
        from_stream(model, x)
        company_effect(model, tokens[0], [tokens[1:], tokens[:1]])
        mode_losses(model, tokens, tokens)
        stream_variances(model, tokens)


def tiny_model(context_length=16):
    from ch04_transformer.transformer import ModelConfig, Transformer

    shape = dict(d_model=10, n_layers=1, n_heads=6, n_kv_heads=3, d_head=4, d_ff=11)
    return Transformer(ModelConfig(13, context_length, **shape))


def tiny_tokenizer():
    from ch02_tokenization.tokenization import END_OF_TEXT, train_bpe

    return train_bpe(["to be or not"], 257, [END_OF_TEXT])


@drives("ch05_pretraining.pretraining")
def drive_pretraining(checker):
    from ch04_transformer.transformer import ModelConfig, Transformer
    from ch05_pretraining.pretraining import Batch, document_nats, next_token_loss

    tokens = torch.randint(13, (2, 5))
    with checker.sizes(B=2, T=5, V=13):
        next_token_loss(tiny_model(), Batch(tokens, tokens))
    shape = dict(context_length=16, d_model=12, n_layers=1, n_heads=2, d_ff=11)
    model = Transformer(ModelConfig(vocab_size=257, **shape))
    with checker.sizes(B=2, T=3, V=257):
        document_nats(model, tiny_tokenizer(), ["ok", "no"], 16)


@drives("ch06_generation.generation")
def drive_generation(checker):
    from ch06_generation.generation import (
        KVCache,
        filter_logits,
        generate,
        hide_padding,
        next_logits,
        token_columns,
    )

    tokens, padding = torch.randint(13, (2, 5)), torch.tensor([0, 1])
    with checker.sizes(B=2, V=13):
        for sampling in ({"temperature": 0}, dict(top_k=9, top_p=0.9, min_p=0.01)):
            filter_logits(torch.randn(2, 13), **sampling)
    with checker.sizes(B=2, T=5, S=7):
        hide_padding(2, 5, padding)
    with torch.no_grad(), checker.sizes(B=2, T=5, D=10, V=13):
        next_logits(tiny_model(), tokens, KVCache(tiny_model(), 2))
    # A full context slides: half of it is read again, with S = T as at the start.
    steps = token_columns(tiny_model(6), tokens, max_new_tokens=3, left_padding=padding)
    for n_read, n_keys in ((5, 5), (1, 6), (3, 3)):
        with checker.sizes(B=2, T=n_read, S=n_keys, D=10, V=13):
            next(steps)
    with checker.sizes(B=2, T=1, D=10, V=13):
        generate(tiny_model(), tokens[:, :1], max_new_tokens=2)


@drives("ch07_finetuning.finetuning")
def drive_finetuning(checker):
    from ch07_finetuning.finetuning import ChatBatch, chat_loss

    tokens = torch.randint(13, (2, 5))
    batch = ChatBatch(tokens, tokens, torch.arange(5).expand(2, 5), tokens * 0)
    with checker.sizes(B=2, T=5, V=13):
        chat_loss(tiny_model(), batch)


@drives("ch08_alignment.alignment")
def drive_alignment(checker):
    from ch05_pretraining.pretraining import Batch
    from ch08_alignment.alignment import dpo_loss, sequence_log_probs

    tokens = torch.randint(13, (2, 5))
    with checker.sizes(B=2, T=5, V=13):
        sequence_log_probs(tiny_model(), Batch(tokens, tokens))
        dpo_loss(*torch.randn(4, 2))


# The test of all modules


def annotated_modules():
    """List every module that has a comment which could be meant as a shape."""
    found = []
    for path in sorted([*ROOT.glob("ch*/**/*.py"), *ROOT.glob("common/**/*.py")]):
        comments = comments_by_line(path.read_text(encoding="utf-8")).values()
        if any(LOOKS_LIKE_A_SHAPE.search(comment) for comment, _ in comments):
            found.append(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return found


@pytest.mark.parametrize("name", annotated_modules())
def test_shape_comments_are_true(name):
    assert name in DRIVERS, f"{name} has shape comments but no driver here"
    checker = ShapeChecker(importlib.import_module(name))
    torch.manual_seed(0)
    with checker:
        DRIVERS[name](checker)
    assert not checker.problems(), "\n".join(checker.problems())


@pytest.mark.parametrize("name", sorted(set(DRIVERS) & set(annotated_modules())))
def test_each_comment_would_be_refused_in_reverse(name):
    """What proves a module's comments proves them wrong when read backwards."""
    checker = ShapeChecker(importlib.import_module(name))
    turned = set()
    for line, claims in checker.claims.items():
        for number, claim in enumerate(claims):
            if claim and claim[::-1] != claim and len(set(map(ast.unparse, claim))) > 1:
                claims[number] = claim[::-1]
                turned.add(line)
    torch.manual_seed(0)
    with checker:
        DRIVERS[name](checker)
    refused = {int(problem.split(":")[1]) for problem in checker.wrong}
    assert refused == turned


def test_no_driver_outlives_its_module():
    assert set(DRIVERS) <= set(annotated_modules())


# The checker itself: planted comments, true and false

SIZES = dict(B=2, T=5, D=3, H=4)


def check(source, folder, run="f()", **sizes):
    """Write a module, run it under the checker, and return the problems."""
    path = folder / "planted.py"
    path.write_text("import torch\n\n" + source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("planted", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    checker = ShapeChecker(module)
    with checker, checker.sizes(**(sizes or SIZES)):
        if run:
            eval(run, vars(module))
    return checker.problems()


X = "def f(x=torch.zeros(2, 5, 3)):\n"
TRUE = {
    "assignment": "    y = x.transpose(1, 2)  # (B, D, T)\n    return y",
    "annotated": "    y: torch.Tensor = x[0]  # (T, D)\n    return y",
    "augmented": "    x[0] += 1.0  # (T, D)\n    return x",
    "attribute": "    x.other = x.flatten(1)  # (B, T*D)\n    return x",
    "return": "    return x.sum(-1)  # (B, T)",
    "scalar": "    return x.sum()  # ()",
    "any size": "    return x[:, 1:]  # (B, _, D)",
    "arithmetic": "    return x.flatten()[1:]  # (B*T*D - 1,)",
    "half": "    return x.flatten()  # (H*B*T*D//H,)",
    "tuple, one claim": "    a, b = x, x + 1  # (B, T, D)\n    return a",
    "tuple, several": "    a, (b, c) = x, (x[0], 1)  # (B, T, D); (T, D); _\n",
    "starred": "    a, *b = x  # (T, D); _\n",
    "returned tuple": "    return x, x[0, 0]  # (B, T, D); (D,)",
    "for": "    for row in x:  # (T, D)\n        row += 1",
    "with": "    import contextlib\n"
    "    with contextlib.nullcontext(x) as y:  # (B, T, D)\n        y += 1",
    "yield": "    yield x  # (B, T, D)",
    "one line if": "    if len(x): y = x[0]  # (T, D)\n",
    "chain": "    y = (\n        x.sum(1)  # (B, D)\n        .sum(0)  # (D,)\n    )\n",
    "argument": "    y = torch.stack(\n        [\n            x[0],  # (T, D)\n"
    "            x[1],\n        ],\n        dim=1,\n    )  # (T, B, D)\n",
    "keyword": "    torch.sum(\n        input=x[0],  # (T, D)\n        dim=0,\n    )",
    "closure": "    def inner():\n        return x[0]  # (T, D)\n    return inner()",
    "lambda": "    g = (\n        lambda z: z[0]  # (T, D)\n    )\n    return g(x)",
}
FALSE = {
    "swapped order": ("    y = x + 1  # (T, B, D)\n", "but the shape is"),
    "swapped in a tuple": ("    a, b = x, x  # (B, D, T)\n", "but the shape is"),
    "second of a tuple": ("    a, b = x, x[0]  # (B, T, D); (D, T)\n", "the shape is"),
    "too many claims": ("    a, b = x, x  # (B, T, D); _; _\n", "3 claims on 2"),
    "too few dimensions": ("    return x  # (B, T)", "the shape is (2, 5, 3)"),
    "wrong number": ("    return x  # (B, 4, D)", "but the shape is"),
    "wrong product": ("    return x.flatten(1)  # (B, H*D)", "but the shape is"),
    "only at times": ("    for i in (5, 4):\n        x = x[:, :i]  # (B, T, D)\n", "4"),
    "no shape": ("    y = [1]  # (B,)\n", "claimed of a list"),
    "none": ("    y = None  # (B,)\n", "claimed of a NoneType"),
    "never executed": ("    if not len(x):\n        y = x  # (B, T, D)\n", "never"),
    "after a return": ("    return x\n    y = x  # (B, T, D)\n", "never"),
    "unknown letter": ("    return x  # (B, X, D)", "'X' is not a letter"),
    "a word": ("    return x  # (batch, T, D)", "'batch' is not a letter"),
    "no size given": ("    return x  # (B, T, V)", "never executed"),
    "words beside it": ("    return x  # logits (B, T, D)", "more than shapes"),
    "words behind it": ("    return x  # (B, T, D) logits", "more than shapes"),
    "no tuple": ("    return x[:, 0, 0]  # (B)", "is no tuple"),
    "on its own line": ("    # (B, T, D)\n    return x", "trailing"),
    "on a pass": ("    pass  # (B, T, D)\n", "attached to nothing"),
    "on an else": (
        "    if len(x):\n        y = x\n    else:  # (B, T, D)\n        y = 1\n",
        "attached to nothing",
    ),
    "on a bare return": ("    return  # (B,)\n", "attached to nothing"),
    "two statements": ("    y = x; z = x[0]  # (T, D)\n", "attached to nothing"),
}


@pytest.mark.parametrize("body", TRUE.values(), ids=TRUE)
def test_a_true_comment_is_accepted(body, tmp_path):
    run = "list(f())" if "yield" in body else "f()"
    assert not check(X + body, tmp_path, run)


@pytest.mark.parametrize("body", TRUE.values(), ids=TRUE)
def test_every_kind_of_comment_is_looked_at(body, tmp_path):
    """With other sizes of the letters the accepted comments above are false."""
    run = "list(f())" if "yield" in body else "f()"
    problems = check(X + body, tmp_path, run, B=12, T=15, D=13, H=14)
    assert problems or body.endswith("# ()")
    assert check(X + body, tmp_path, run=None), "not run, and yet accepted"


@pytest.mark.parametrize(("body", "said"), FALSE.values(), ids=FALSE)
def test_a_false_comment_is_refused(body, said, tmp_path):
    problems = check(X + body, tmp_path)
    assert len(problems) == 1 and said in problems[0], problems


def test_methods_defaults_and_decorated_functions_are_checked(tmp_path):
    source = (
        "import functools\n"
        "class A:\n"
        "    @property\n"
        "    def p(self): return torch.zeros(5)  # (D,)\n"
        "    @staticmethod\n"
        "    def s(): return torch.zeros(5)  # (D,)\n"
        "    @functools.lru_cache\n"
        "    def c(self): return torch.zeros(5)  # (D,)\n"
        "    def d(\n"
        "        self,\n"
        "        x,  # (D,)\n"
        "    ):\n"
        "        '''Doc.'''\n"
        "        return x\n"
    )
    run = "(A().p, A.s(), A().c(), A().d(torch.zeros(5)))"
    problems = check(source, tmp_path, run)
    assert len(problems) == 4 and all("the shape is (5,)" in p for p in problems)


def test_code_is_as_before_once_the_check_is_over(tmp_path):
    path = tmp_path / "planted.py"
    path.write_text("def f(x):\n    return x  # (B,)\n", encoding="utf-8")
    spec = importlib.util.spec_from_file_location("planted", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    before = module.f.__code__
    with ShapeChecker(module) as checker:
        assert module.f.__code__ is not before
        module.f("called without sizes")
    assert module.f.__code__ is before and not hasattr(module, "__shape_probe__")
    assert len(checker.problems()) == 1 and "never" in checker.problems()[0]


def test_letters_of_one_size_prove_nothing(tmp_path):
    body = "def f(x=torch.zeros(2, 2, 3)):\n    return x  # (T, B, D)\n"
    never = ["planted.py:4: never executed with known and different sizes"]
    assert check(body, tmp_path, B=2, T=2, D=3) == never
    body = "def f(x=torch.zeros(1, 1)):\n    return x  # (B, 1)\n"
    assert check(body, tmp_path, B=1) == never
    body = "def f(x=torch.zeros(2, 2, 3)):\n    return x  # (T, B, V)\n"
    assert "but the shape is" in check(body, tmp_path, B=2, T=2, V=4)[0]


def test_prose_in_brackets_is_no_claim(tmp_path):
    body = "    y = x  # (555) 010-4477\n    return x  # see (above) f(x, y)\n"
    assert not check(X + body, tmp_path, run=None)
