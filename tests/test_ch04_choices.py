"""Chapter 4: norms side by side, pre- and post-norm, initialisation, the reference.

Golden: reach and post-norm worked by hand. Parity: torch's encoder layer with the norm
before and behind, and a decoder of sixty lines. Property: who leaks, what grows with
depth, what a start leaves as it was.
"""

import copy
import math
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ch04_transformer import choices
from ch04_transformer.choices import (
    INITIALISATIONS,
    PLACES,
    PostNormBlock,
    company_effect,
    from_stream,
    gradient_norms,
    influences,
    initialised,
    main,
    mode_losses,
    reach,
    stream_variances,
    stream_writers,
)
from ch04_transformer.feed_forward import FeedForward, gelu
from ch04_transformer.transformer import (
    BatchNorm,
    LayerNorm,
    ModelConfig,
    RMSNorm,
    Transformer,
    TransformerBlock,
)
from tests.reference_model import ReferenceModel

SIZES = dict(vocab_size=31, d_model=20, n_layers=3, n_heads=5, d_ff=28)
NORMS = [RMSNorm, LayerNorm, BatchNorm]
DEEP = dict(vocab_size=64, d_model=48, n_layers=16, n_heads=4, d_ff=128)


def with_norm(norm, seed=0, sizes=SIZES) -> Transformer:
    torch.manual_seed(seed)
    return Transformer(
        ModelConfig(**sizes), block=partial(TransformerBlock, norm=norm), norm=norm
    )


def tokens_of(shape, seed=1, high=31):
    return torch.randint(high, shape, generator=torch.Generator().manual_seed(seed))


# -------------------------------------------------------- norms side by side


def test_reach_by_hand():
    """Two sequences of two: of 10 in all, 4 itself, 1 past, 2 future, 3 others."""
    influence = torch.zeros(2, 2, 2, 2)
    influence[0, 0, 0, 0] = influence[1, 1, 1, 1] = 2.0
    influence[0, 1, 0, 0] = 1.0
    influence[1, 0, 1, 1] = 2.0
    influence[0, 1, 1, 0] = 3.0
    assert reach(influence) == pytest.approx((0.4, 0.1, 0.2, 0.3))


def test_influences_by_hand():
    """y = 3 x leaves every vector to itself, and three times any gradient."""
    found = influences(lambda x: 3 * x, torch.randn(2, 3, 4)).flatten(2).flatten(0, 1)
    assert (found > 0).equal(torch.eye(6).bool())
    diagonal = found.diagonal()
    assert torch.allclose(diagonal, diagonal[0].expand(6))


@pytest.mark.parametrize("norm", NORMS)
def test_only_batch_norm_in_training_hears_the_future_and_the_neighbours(norm):
    model = with_norm(norm)
    for training in (True, False):
        asked = partial(from_stream, model.train(training))
        found = reach(influences(asked, torch.randn(3, 4, 20)))
        leaks = norm is BatchNorm and training
        assert (found.future > 0.01, found.others > 0.01) == (leaks, leaks)
        assert found.itself > 0 and found.past > 0
        assert leaks or (found.future, found.others) == (0, 0)


@pytest.mark.parametrize("norm", NORMS)
def test_only_batch_norm_in_training_changes_a_text_with_its_company(norm):
    model, text = with_norm(norm), tokens_of((6,))
    companies = [tokens_of((3, 6), seed) for seed in (2, 3)]
    before = copy.deepcopy(model.state_dict())
    for training in (True, False):
        effect = company_effect(model.train(training), text, companies)
        if norm is BatchNorm and training:
            assert effect > 0.01
        else:
            assert effect < 1e-6
    assert all(v.equal(before[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize("norm", NORMS)
def test_only_batch_norm_is_another_function_in_use(norm):
    model, tokens = with_norm(norm), tokens_of((2, 7))
    model(10 * tokens % 31)  # running averages of something
    trained, used = mode_losses(model, tokens[:, :-1], tokens[:, 1:])
    assert (abs(trained - used) > 1e-3) == (norm is BatchNorm)
    assert model.training, "the model is left in its mode"


def test_from_stream_is_the_model_behind_its_embedding():
    for tied in (True, False):
        model = Transformer(ModelConfig(**SIZES, tie_embeddings=tied))
        tokens = tokens_of((2, 5))
        found = from_stream(model, model.embedding(tokens))
        assert torch.allclose(found, model(tokens), atol=1e-6)


# ------------------------------------------------------- pre- and post-norm


def test_post_norm_by_hand():
    """Attention is silent and w2 adds (6, -1): (1, 7) is normed, added to, normed.

    (1, 7) / 5 = (0.2, 1.4); plus (6, -1) is (6.2, 0.4), mean square (38.44 + 0.16) / 2
    = 19.3.
    """

    class Constant(nn.Module):
        def __init__(self, d_model, d_ff):
            super().__init__()

        def forward(self, x):
            return torch.tensor([6.0, -1.0]).expand_as(x)

    config = ModelConfig(vocab_size=3, d_model=2, n_heads=1, norm_eps=1e-12)
    block = PostNormBlock(config, feed_forward=Constant)
    nn.init.zeros_(block.attention.out_proj.weight)
    y = block(torch.tensor([[[1.0, 7.0]]]))
    by_hand = torch.tensor([[[6.2, 0.4]]]) / math.sqrt(19.3)
    assert torch.allclose(y, by_hand, atol=1e-5)


@pytest.mark.parametrize("first", [True, False], ids=["pre-norm", "post-norm"])
def test_both_places_equal_torchs_encoder_layer(first):
    """Torch's layer knows no rotation, so all our tokens stand at position 0."""
    torch.manual_seed(0)
    theirs = nn.TransformerEncoderLayer(
        12, 3, 20, 0.0, F.gelu, 1e-5, batch_first=True, norm_first=first, bias=False
    )
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.4)
    make = TransformerBlock if first else PostNormBlock
    config = ModelConfig(d_model=12, n_heads=3, d_ff=20, norm_eps=1e-5)
    feed_forward = partial(FeedForward, activation=gelu)
    ours = make(config, norm=LayerNorm, feed_forward=feed_forward)
    q, k, v = theirs.self_attn.in_proj_weight.detach().chunk(3)
    weights = {
        "attention_norm.weight": theirs.norm1.weight,
        "attention.q_proj.weight": q,
        "attention.k_proj.weight": k,
        "attention.v_proj.weight": v,
        "attention.out_proj.weight": theirs.self_attn.out_proj.weight,
        "ffn_norm.weight": theirs.norm2.weight,
        "ffn.w1.weight": theirs.linear1.weight,
        "ffn.w2.weight": theirs.linear2.weight,
    }
    zeros = {f"{name}_norm.bias": torch.zeros(12) for name in ("attention", "ffn")}
    ours.load_state_dict({**weights, **zeros})
    x = torch.randn(2, 6, 12)
    hidden = torch.ones(6, 6).triu(1).bool()  # theirs: True = may not attend
    with torch.no_grad():
        expected = theirs(x, src_mask=hidden)
        found = ours(x, positions=torch.zeros(6))
    assert torch.allclose(found, expected, atol=2e-5)


def test_post_norm_has_the_names_of_pre_norm_and_other_logits():
    config, tokens = ModelConfig(**SIZES), tokens_of((2, 5))
    pre, post = Transformer(config), Transformer(config, block=PostNormBlock)
    post.load_state_dict(pre.state_dict())
    assert not torch.allclose(pre(tokens), post(tokens), atol=1e-2)
    stream = post.embedding(tokens)
    for block in post.blocks:
        stream = block(stream)
        sizes = stream.square().mean(-1)
        assert torch.allclose(sizes, torch.ones(2, 5), atol=1e-3)


def test_post_norm_is_causal_and_takes_a_mask():
    model = Transformer(ModelConfig(**SIZES), block=PostNormBlock, norm=nn.Identity)
    reacts = influences(partial(from_stream, model), torch.randn(1, 5, 20))[0, :, 0]
    assert (reacts > 0).equal(torch.ones(5, 5).tril().bool())
    tokens = tokens_of((1, 5))
    alone = model(tokens, mask=torch.eye(5).bool())
    assert torch.allclose(alone[:, 0], model(tokens)[:, 0], atol=1e-6)
    assert not torch.allclose(alone[:, 4], model(tokens)[:, 4], atol=1e-3)


def loss_of(model, shape=(4, 24)):
    high = model.config.vocab_size
    logits = model(tokens_of(shape, high=high)).flatten(0, 1)
    return F.cross_entropy(logits, tokens_of(shape, 2, high).flatten())


def test_gradient_norms_equal_those_of_backward():
    model = Transformer(ModelConfig(**SIZES))
    found = gradient_norms(model, loss_of(model))
    loss_of(model).backward()
    for norm, block in zip(found, model.blocks, strict=True):
        whole = torch.cat([p.grad.flatten() for p in block.parameters()])
        assert norm == pytest.approx(whole.norm().item(), rel=1e-4)


def end_gradients(place: str, n_layers: int) -> tuple[float, float]:
    """The gradient norms of the first and of the last block, writers undivided."""
    torch.manual_seed(0)
    model = PLACES[place](ModelConfig(**{**DEEP, "n_layers": n_layers}))
    choices.undivide(model)
    found = gradient_norms(model, loss_of(model, (8, 32)))
    return found[0], found[-1]


def test_gradients_of_the_last_block_shrink_with_depth_in_pre_norm_alone():
    """Xiong et al. 2020, theorem 1: by sqrt(L) where the stream grows, else not."""
    pre, post = ([end_gradients(p, n)[1] for n in (4, 16)] for p in PLACES)
    assert 1.5 < pre[0] / pre[1] < 2.7  # sqrt(16 / 4) = 2
    assert 0.5 < post[0] / post[1] < 1.2


def test_gradients_of_the_first_block_grow_with_depth_in_post_norm_alone():
    pre, post = ([end_gradients(p, n)[0] for n in (4, 16)] for p in PLACES)
    assert pre[1] < 2 * pre[0] and post[1] > 3 * post[0]


# ------------------------------------------------------------ initialisation


def fresh(name: str, seed: int = 0, **changes) -> Transformer:
    torch.manual_seed(seed)
    return initialised(ModelConfig(**{**DEEP, **changes}), INITIALISATIONS[name])


def deviations(model: Transformer) -> dict[str, float]:
    block = model.blocks[0]
    parts = dict(
        embedding=model.embedding,
        q=block.attention.q_proj,
        out=block.attention.out_proj,
        w1=block.ffn.w1,
        w2=block.ffn.w2,
    )
    return {name: part.weight.std().item() for name, part in parts.items()}


def test_each_start_draws_the_deviations_it_says():
    """D = 48, F = 128, L = 16: what writes is divided by sqrt(32)."""
    root, small = math.sqrt(32), 0.02 / math.sqrt(32)
    d, f = 48**-0.5, 128**-0.5
    expected = {
        "divided": (d, d, d / root, d, f / root),
        "undivided": (d, d, d, d, f),
        "GPT-2": (0.02, 0.02, small, 0.02, small),
        "torch": (1, *(d / math.sqrt(3) for _ in range(3)), f / math.sqrt(3)),
        "zero": (d, d, 0, d, 0),
    }
    assert list(expected) == list(INITIALISATIONS)
    for name, wanted in expected.items():
        found = list(deviations(fresh(name)).values())
        assert found == pytest.approx(wanted, rel=0.06), name


def test_every_block_has_two_matrices_that_write_into_the_stream():
    model = fresh("divided")
    written = list(stream_writers(model))
    assert len(written) == 2 * 16
    assert {w.weight.shape[0] for w in written} == {48}
    embedding = model.embedding(tokens_of((1, 4)))
    for writer in written:
        nn.init.zeros_(writer.weight)
    passed = embedding
    for block in model.blocks:
        passed = block(passed)
    assert passed.equal(embedding), "nothing else writes"


def test_the_stream_grows_with_depth_unless_its_writers_are_divided():
    tokens = tokens_of((2, 16))
    found = {name: stream_variances(fresh(name), tokens) for name in INITIALISATIONS}
    assert all(len(variances) == 17 for variances in found.values())
    growth = {name: v[-1] / v[0] for name, v in found.items()}
    # Each half adds as much as the one before: what 16 blocks add is 4 times what 4 do.
    added = found["undivided"][-1] - found["undivided"][0]
    early = found["undivided"][4] - found["undivided"][0]
    assert 2.5 < added / early < 6
    assert growth["zero"] == 1 and growth["undivided"] > 4 * growth["divided"]
    spread = [
        stream_variances(fresh("divided", n_layers=n), tokens)[-1] for n in (4, 16)
    ]
    assert 0.6 < spread[1] / spread[0] < 1.6, "divided, depth does not matter"


def test_a_silent_model_is_its_embedding_and_its_head():
    model, tokens = fresh("zero"), tokens_of((2, 5))
    direct = F.linear(model.norm(model.embedding(tokens)), model.output_weight())
    assert torch.allclose(model(tokens), direct, atol=1e-6)
    gradient = gradient_norms(model, loss_of(model))
    assert min(gradient) > 0, "its writers can still learn"


# ------------------------------------------------------------- the reference


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("kv_heads", [6, 2, 1], ids=["multi", "grouped", "one"])
def test_sixty_plain_lines_give_the_same_logits(kv_heads, tied):
    torch.manual_seed(0)
    shape = dict(d=20, d_ff=28, heads=6, kv_heads=kv_heads, width=8)
    theirs = ReferenceModel(31, 3, tied, **shape).double()
    config = ModelConfig(
        vocab_size=31,
        d_model=20,
        n_layers=3,
        n_heads=6,
        n_kv_heads=kv_heads,
        d_head=8,
        d_ff=28,
        norm_eps=1e-5,
        rope_theta=500.0,
        tie_embeddings=tied,
    )
    ours = Transformer(config)
    ours.load_state_dict(theirs.state_dict())  # strict: every name, and no other
    tokens = tokens_of((3, 13))
    with torch.no_grad():
        expected, found = theirs.float()(tokens), ours(tokens)
    scale = expected.abs().max().item()
    assert scale > 1
    assert (found - expected).abs().max().item() < 1e-6 * scale


def test_the_reference_has_at_most_sixty_lines_and_none_of_the_books():
    text = Path(__file__).with_name("reference_model.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert "from ch0" not in text and "import ch0" not in text


# --------------------------------------------------------------- the command


def test_the_command_prints_a_row_for_each_place_and_each_start(capsys):
    assert main(["--n-layers", "3", "--d-model", "16", "--d-ff", "24"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line[2:14].strip() for line in lines if line.startswith("  ")]
    assert names == [*PLACES, *INITIALISATIONS]


def test_the_command_refuses_bad_sizes_in_one_line(capsys):
    assert main(["--n-heads", "7"]) == 2
    assert capsys.readouterr().err == (
        "error: d_model 64 is not a multiple of n_heads 7\n"
    )
