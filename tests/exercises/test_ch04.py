"""Checks of chapter 4's exercises, from basic to subtle, one mechanism each.

A tolerance of 1e-5 is a few units in the last place of float32 sums of size 1.
"""

import copy
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from ch04_transformer.transformer import ModelConfig, Transformer


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def same(a: Tensor, b: Tensor, tolerance: float = 1e-5) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, atol=tolerance, rtol=tolerance)


def rounded(x: Tensor) -> list[float]:
    return [round(value, 3) for value in x.tolist()]


def make_model(**changes: object) -> Transformer:
    """A small model whose every parameter is off its starting value."""
    sizes = dict(
        vocab_size=23, context_length=16, d_model=12, n_layers=3, n_heads=3, d_ff=20
    )
    torch.manual_seed(0)
    model = Transformer(ModelConfig(**(sizes | changes)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return model.eval()


TOKENS = torch.tensor([[3, 1, 4, 1, 5, 9, 2], [6, 5, 3, 5, 8, 9, 7]])


# 4.1 RMSNorm


def test_4_1_by_hand(impl) -> None:
    """(1, 7): squares 1 and 49, mean 25, root 5, so (1/5, 7/5)."""
    y = impl.RMSNorm(2)(torch.tensor([1.0, 7.0]))
    assert y.shape == (2,), f"(1, 7) became a tensor of shape {tuple(y.shape)}"
    assert same(y, torch.tensor([0.2, 1.4])), (
        f"(1, 7) gives {rounded(y)} instead of (0.2, 1.4): divide by the root of the "
        "mean of the squares (not of their sum), and subtract no mean"
    )


def test_4_1_each_vector_is_divided_by_its_own_size(impl) -> None:
    x = noise(2, 3, 8)
    x[1, 2] *= 100
    y = impl.RMSNorm(8)(x)
    sizes = y.square().mean(-1)
    assert same(sizes, torch.ones(2, 3), 1e-3), (
        "some vectors have not size 1 afterwards: is the mean taken over the last axis "
        "alone, with keepdim=True?"
    )


def test_4_1_epsilon_stands_inside_the_root(impl) -> None:
    """(1, 7) with epsilon 11: the root of 25 + 11 is 6."""
    y = impl.RMSNorm(2, eps=11.0)(torch.tensor([1.0, 7.0]))
    assert not same(y, torch.tensor([1 / 16, 7 / 16])), (
        "epsilon was added to the root: add it to the mean square, before the root"
    )
    assert same(y, torch.tensor([1 / 6, 7 / 6])), (
        f"(1, 7) with epsilon 11 gives {rounded(y)} instead of (1/6, 7/6): is eps of "
        "the constructor used?"
    )


def test_4_1_scales_are_a_parameter(impl) -> None:
    norm = impl.RMSNorm(3)
    names = [name for name, _ in norm.named_parameters()]
    assert names == ["weight"], (
        f"the parameters are {names} instead of ['weight']: nn.Parameter makes a "
        "tensor learnable, and its name decides whether a checkpoint fits"
    )
    assert same(norm.weight, torch.ones(3)), "the scales must be 1 at the start"
    norm.weight.data = torch.tensor([1.0, 10.0, 100.0])
    y = norm(torch.tensor([2.0, 2.0, 2.0]))
    assert same(y, torch.tensor([1.0, 10.0, 100.0])), (
        "scales of 1, 10 and 100 do not scale the three coordinates: multiply after "
        "the division (before it, the division would take their size out again)"
    )


def test_4_1_half_precision_does_not_overflow(impl) -> None:
    y = impl.RMSNorm(2).half()(torch.tensor([300.0, -300.0], dtype=torch.float16))
    assert y.dtype == torch.float16, (
        f"float16 went in and {y.dtype} came out: turn back with .to(x.dtype)"
    )
    assert y.tolist() == [1.0, -1.0], (
        f"(300, -300) in float16 gives {y.tolist()} instead of (1, -1): 300 squared is "
        "too large for float16, so square in float32"
    )


def test_4_1_equals_torch(impl) -> None:
    norm = impl.RMSNorm(8, eps=1e-3)
    norm.weight.data = noise(8, seed=2)
    x = 0.1 * noise(2, 3, 8)
    expected = F.rms_norm(x, (8,), norm.weight, 1e-3)
    assert same(norm(x), expected), "torch.nn.functional.rms_norm gives other numbers"


# 4.2 SwiGLUFeedForward


def test_4_2_names_and_shapes_fit_a_checkpoint(impl) -> None:
    layer = impl.SwiGLUFeedForward(3, 5)
    shapes = {name: tuple(p.shape) for name, p in layer.named_parameters()}
    expected = {"w1.weight": (5, 3), "w2.weight": (3, 5), "w3.weight": (5, 3)}
    assert shapes == expected, (
        f"the parameters are {shapes}, a checkpoint holds {expected}: three nn.Linear "
        "with bias=False; w1 and w3 widen, w2 narrows"
    )


def hand_made(impl) -> nn.Module:
    """w1 x = (ln 3, 0), w3 x = (4 / ln 3, 5) for x = (1, 0)."""
    layer = impl.SwiGLUFeedForward(2, 2)
    layer.w1.weight.data = torch.tensor([[math.log(3), 9.0], [0.0, 9.0]])
    layer.w3.weight.data = torch.tensor([[4 / math.log(3), 9.0], [5.0, 9.0]])
    layer.w2.weight.data = torch.tensor([[2.0, 7.0], [-1.0, 7.0]])
    return layer


def test_4_2_by_hand(impl) -> None:
    """silu(ln 3) = 3/4 ln 3; gated = (3, 0); w2 gives (6, -3)."""
    y = hand_made(impl)(torch.tensor([1.0, 0.0]))
    bare = torch.tensor([2 * 3 / math.log(3) + 17.5, -3 / math.log(3) + 17.5])
    assert not same(y, bare, 1e-3), (
        "the gate is a bare sigmoid: silu(a) is a * sigmoid(a)"
    )
    assert same(y, torch.tensor([6.0, -3.0])), (
        f"the worked example gives {rounded(y)} instead of (6, -3): silu goes around "
        "w1 x alone, then times w3 x, then w2"
    )


def test_4_2_a_closed_gate_lets_nothing_through(impl) -> None:
    layer = hand_made(impl)
    layer.w1.weight.data.zero_()
    y = layer(torch.tensor([1.0, 0.0]))
    assert same(y, torch.zeros(2)), (
        "with w1 = 0 something still comes out: is the gate multiplied (not added)?"
    )


def test_4_2_equals_the_formula(impl) -> None:
    layer, x = impl.SwiGLUFeedForward(6, 10), noise(2, 3, 6)
    for number, parameter in enumerate(layer.parameters()):
        parameter.data = noise(*parameter.shape, seed=number)
    w1, w2, w3 = (getattr(layer, name).weight for name in ("w1", "w2", "w3"))
    a = x @ w1.T
    expected = (a / (1 + torch.exp(-a)) * (x @ w3.T)) @ w2.T
    assert same(layer(x), expected, 1e-4), (
        "random weights give other numbers than w2(silu(w1 x) * w3 x): is the "
        "activation SiLU (not GELU or ReLU), and is it around w1 (not w3)?"
    )


# 4.3 logit_lens


@torch.no_grad()
def test_4_3_has_one_entry_more_than_the_model_has_blocks(impl) -> None:
    shape = tuple(impl.logit_lens(make_model(), TOKENS).shape)
    assert shape == (4, 2, 7, 23), (
        f"the shape is {shape} instead of (L + 1, B, T, V) = (4, 2, 7, 23): the "
        "embeddings count too, and the head makes V numbers of each vector"
    )


@torch.no_grad()
def test_4_3_the_last_entry_is_what_the_model_says(impl) -> None:
    model = make_model()
    assert same(impl.logit_lens(model, TOKENS)[-1], model(TOKENS)), (
        "the last entry differs from model(tokens): is each block given what the one "
        "before it returned, and is the last norm applied, once, at the end?"
    )


@torch.no_grad()
def test_4_3_every_entry_passes_the_last_norm(impl) -> None:
    model = make_model()
    first = F.linear(model.norm(model.embedding(TOKENS)), model.embedding.weight)
    assert same(impl.logit_lens(model, TOKENS)[0], first), (
        "entry 0 is not the head's view of the normed embeddings: each entry needs the "
        "last norm, not only the last one"
    )


@torch.no_grad()
def test_4_3_blocks_that_add_nothing_change_no_entry(impl) -> None:
    model = make_model()
    for block in model.blocks[1:]:
        block.attention.out_proj.weight.zero_()
        block.ffn.w2.weight.zero_()
    lens = impl.logit_lens(model, TOKENS)
    assert same(lens[1], lens[2]) and same(lens[2], lens[3]), (
        "blocks that add nothing to the stream changed the reading: pass the stream on "
        "as the block returned it, and norm only what you read"
    )
    assert not same(lens[0], lens[1], 1e-2), "entry 1 must be read after block 1"


@torch.no_grad()
def test_4_3_an_untied_head_is_used(impl) -> None:
    model = make_model(tie_embeddings=False)
    assert same(impl.logit_lens(model, TOKENS)[-1], model(TOKENS)), (
        "with an untied head the last entry is wrong: use model.output_weight(), which "
        "knows whether there is a head of its own"
    )


@torch.no_grad()
def test_4_3_the_model_is_left_as_it_was(impl) -> None:
    model = make_model()
    before, said = copy.deepcopy(model.state_dict()), model(TOKENS)
    impl.logit_lens(model, TOKENS)
    hooks = [m for m in model.modules() if m._forward_hooks or m._forward_pre_hooks]
    assert not hooks, "a hook is still in place: remove it, or do without"
    now = model.state_dict()
    changed = [name for name in now if not now[name].equal(before[name])]
    assert not changed and same(model(TOKENS), said), (
        f"the model has changed ({', '.join(changed) or 'not in its weights'}): work "
        "on what the blocks return and write nothing back"
    )


# 4.4 fold_norms

FOLDS = {
    "plain": {},
    "grouped": dict(n_heads=4, n_kv_heads=2, d_head=6),
    "untied": dict(tie_embeddings=False),
    "biases": dict(qkv_bias=True),
}


def norm_weights(model: nn.Module) -> dict[str, Tensor]:
    return {n: p for n, p in model.named_parameters() if "norm.weight" in n}


@torch.no_grad()
def test_4_4_every_scale_is_one(impl) -> None:
    for name, weight in norm_weights(impl.fold_norms(make_model())).items():
        assert weight.eq(1).all(), (
            f"{name} is not 1 everywhere: was this norm forgotten?"
        )


@torch.no_grad()
def test_4_4_the_logits_stay(impl) -> None:
    model = make_model(tie_embeddings=False)
    folded = impl.fold_norms(model)
    hidden, expected = folded.hidden(TOKENS), model.hidden(TOKENS)
    assert same(hidden * model.norm.weight, expected, 1e-4), (
        "the residual stream at the end differs: the attention norm is read by q_proj, "
        "k_proj and v_proj, the other norm by w1 and w3; scale columns, not rows"
    )
    assert same(folded(TOKENS), model(TOKENS), 1e-4), (
        "the stream is right but the logits differ: the last norm's scales belong into "
        "the columns of the head"
    )


@torch.no_grad()
def test_4_4_a_tied_head_is_untied_first(impl) -> None:
    model = make_model()
    folded = impl.fold_norms(model)
    assert same(folded.embedding.weight, model.embedding.weight), (
        "the embedding has changed, and with it what goes into the first block: a tied "
        "model needs a head of its own before the last norm can be folded"
    )
    assert same(folded(TOKENS), model(TOKENS), 1e-4), (
        "the logits of a tied model change: load model.output_weight() as head.weight"
    )


@torch.no_grad()
def test_4_4_every_kind_of_model(impl) -> None:
    for kind, changes in FOLDS.items():
        model = make_model(**changes)
        folded = impl.fold_norms(model)
        assert same(folded(TOKENS), model(TOKENS), 1e-4), (
            f"the logits of a model with {kind} parts change: are sizes taken from the "
            "config, and biases left alone?"
        )
        assert all(w.eq(1).all() for w in norm_weights(folded).values()), kind


@torch.no_grad()
def test_4_4_the_given_model_is_left_as_it_was(impl) -> None:
    model = make_model(tie_embeddings=False)
    before = copy.deepcopy(model.state_dict())
    folded = impl.fold_norms(model)
    now = model.state_dict()
    changed = [name for name in now if not now[name].equal(before[name])]
    assert not changed, (
        f"{', '.join(changed[:2])} of the given model changed: build a new model, or "
        "copy it with copy.deepcopy"
    )
    folded.blocks[0].ffn.w1.weight.zero_()
    assert model.blocks[0].ffn.w1.weight.any(), (
        "both models share their memory: writing to one changes the other"
    )


# 4.5 from_meta_name

META_NAMES = {
    "layers.3.attention_norm.weight": "model.layers.3.input_layernorm.weight",
    "layers.3.attention.wq.weight": "model.layers.3.self_attn.q_proj.weight",
    "layers.3.attention.wk.weight": "model.layers.3.self_attn.k_proj.weight",
    "layers.3.attention.wv.weight": "model.layers.3.self_attn.v_proj.weight",
    "layers.3.attention.wo.weight": "model.layers.3.self_attn.o_proj.weight",
    "layers.3.ffn_norm.weight": "model.layers.3.post_attention_layernorm.weight",
}
META_GATED = {
    "layers.3.feed_forward.w1.weight": "model.layers.3.mlp.gate_proj.weight",
    "layers.3.feed_forward.w2.weight": "model.layers.3.mlp.down_proj.weight",
    "layers.3.feed_forward.w3.weight": "model.layers.3.mlp.up_proj.weight",
}
META_OUTSIDE = {
    "tok_embeddings.weight": "model.embed_tokens.weight",
    "norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}


def test_4_5_parts_of_a_layer(impl) -> None:
    for name, expected in META_NAMES.items():
        found = impl.from_meta_name(name)
        assert found == expected, (
            f"{name} becomes {found} instead of {expected}: is a shorter name replaced "
            "inside a longer one?"
        )


def test_4_5_the_three_matrices_of_the_gated_layer(impl) -> None:
    for name, expected in META_GATED.items():
        found = impl.from_meta_name(name)
        assert found == expected, (
            f"{name} becomes {found} instead of {expected}: w1 is the gate, w3 goes up "
            "beside it, w2 comes down; an exchange of w1 and w3 raises no error later"
        )


def test_4_5_what_stands_outside_the_layers(impl) -> None:
    for name, expected in META_OUTSIDE.items():
        found = impl.from_meta_name(name)
        assert found == expected, (
            f"{name} becomes {found} instead of {expected}: everything but the head "
            "stands inside `model.`"
        )


def test_4_5_layers_of_two_digits(impl) -> None:
    for number in (0, 10, 31, 126):
        found = impl.from_meta_name(f"layers.{number}.ffn_norm.weight")
        expected = f"model.layers.{number}.post_attention_layernorm.weight"
        assert found == expected, (
            f"layer {number} becomes {found}: does the pattern take all digits?"
        )


def test_4_5_other_names_are_refused(impl) -> None:
    others = ("layers.3.attention.wx.weight", "rope.freqs", "layers.3.norm.weight")
    for name in (*others, "attention_norm.weight", "layers.3.output.weight"):
        try:
            found = impl.from_meta_name(name)
        except ValueError as error:
            assert name in str(error), f"the message does not name {name}"
        else:
            raise AssertionError(
                f"{name} becomes {found}, but there is no such tensor: raise a "
                "ValueError, or its numbers will be lost without a word"
            )


# 4.6 split_attention


def test_4_6_names_and_shapes(impl) -> None:
    shapes = {
        name: tuple(value.shape)
        for name, value in impl.split_attention(noise(4, 12), noise(12)).items()
    }
    expected = {f"{x}_proj.weight": (4, 4) for x in "qkv"}
    expected |= {f"{x}_proj.bias": (4,) for x in "qkv"}
    assert shapes == expected, f"names and shapes are {shapes} instead of {expected}"


def test_4_6_by_hand(impl) -> None:
    """Columns 0 and 1 are the queries', and stand as rows afterwards."""
    weight = torch.tensor([[1.0, 2, 3, 4, 5, 6], [10, 20, 30, 40, 50, 60]])
    split = impl.split_attention(weight, torch.arange(6.0))
    found = split["q_proj.weight"].tolist()
    assert found != [[1, 2], [10, 20]], (
        "the queries' columns are right but not turned over: nn.Linear multiplies by "
        "its matrix transposed"
    )
    assert found == [[1, 10], [2, 20]], f"q_proj.weight is {found}"
    assert split["k_proj.weight"].tolist() == [[3, 30], [4, 40]], "are keys second?"
    assert split["v_proj.weight"].tolist() == [[5, 50], [6, 60]], "are values third?"
    biases = [split[f"{x}_proj.bias"].tolist() for x in "qkv"]
    assert biases == [[0, 1], [2, 3], [4, 5]], f"the biases are {biases}"


def test_4_6_three_layers_say_what_one_said(impl) -> None:
    weight, bias, x = noise(5, 15, seed=2), noise(15, seed=3), noise(7, 5, seed=4)
    split, fused = impl.split_attention(weight, bias), x @ weight + bias
    said = [
        F.linear(x, split[f"{letter}_proj.weight"], split[f"{letter}_proj.bias"])
        for letter in "qkv"
    ]
    assert same(torch.cat(said, dim=1), fused), (
        "three nn.Linear with these numbers do not say what x @ weight + bias says"
    )


def test_4_6_each_piece_has_memory_of_its_own(impl) -> None:
    weight, bias = noise(4, 12), noise(12)
    split = impl.split_attention(weight, bias)
    before = {name: value.clone() for name, value in split.items()}
    weight.zero_(), bias.zero_()
    for name, value in split.items():
        assert value.equal(before[name]), (
            f"{name} changed when the fused tensor was overwritten: clone it"
        )
        assert value.is_contiguous(), (
            f"{name} is not contiguous, and a file cannot hold it: clone after the "
            "transpose keeps its strides, .contiguous() does not"
        )


def test_4_6_wrong_shapes_are_refused(impl) -> None:
    for shapes in (((12, 4), (12,)), ((4, 12), (4,)), ((4, 8), (8,))):
        try:
            impl.split_attention(*(torch.zeros(shape) for shape in shapes))
        except ValueError:
            continue
        raise AssertionError(
            f"shapes {shapes} are split although they are not (D, 3*D) and (3*D,)"
        )


# 4.7 load_balance_loss


def three_tokens() -> tuple[Tensor, Tensor]:
    """Probabilities (3/4, 1/4), (3/4, 1/4) and (1/4, 3/4), each choosing the larger."""
    up = math.log(3)
    logits = torch.tensor([[up, 0.0], [up, 0.0], [0.0, up]])
    return logits, torch.tensor([[0], [0], [1]])


def test_4_7_three_tokens_by_hand(impl) -> None:
    """Loads 2/3, 1/3; probabilities 7/12, 5/12; 2 (14/36 + 5/36) = 19/18."""
    loss = impl.load_balance_loss(*three_tokens())
    assert loss.shape == (), f"the loss has shape {tuple(loss.shape)}: sum over experts"
    found = loss.item()
    assert abs(found - 19 / 36) > 1e-4, "multiply by the number of experts"
    assert abs(found - 2 * (49 + 25) / 144) > 1e-4, (
        "the probabilities are multiplied by themselves: one of the factors is the "
        "load, a share of choices that were counted"
    )
    assert abs(found - 19 / 18) < 1e-5, (
        f"the worked example gives {found:.4f} instead of 19/18 = 1.0556: loads are "
        "2/3 and 1/3, mean probabilities 7/12 and 5/12"
    )


def test_4_7_one_where_even_and_e_where_one_expert_works_alone(impl) -> None:
    even = impl.load_balance_loss(torch.zeros(8, 4), torch.arange(8)[:, None] % 4)
    sure = 50.0 * torch.eye(4)[torch.zeros(8, dtype=torch.int64)]
    alone = impl.load_balance_loss(sure, torch.zeros(8, 1, dtype=torch.int64))
    assert abs(even.item() - 1) < 1e-5, f"an even load gives {even.item():.3f}, not 1"
    assert abs(alone.item() - 4) < 1e-4, (
        f"one expert of 4 alone gives {alone.item():.3f} instead of 4"
    )


def test_4_7_every_choice_counts_and_the_loads_sum_to_one(impl) -> None:
    chosen = torch.tensor([[0, 1], [2, 3], [1, 0], [3, 2]])
    found = impl.load_balance_loss(torch.zeros(4, 4), chosen).item()
    assert abs(found - 2) > 1e-4, (
        "with two choices a token the loads sum to 2: divide by the number of choices, "
        "not of tokens"
    )
    skewed = torch.tensor([[0.0, 0.0, 0.0, 9.0]]).expand(4, 4)
    second = torch.tensor([[0, 3], [1, 3], [2, 3], [0, 3]])
    share = float(skewed[0].softmax(0)[3])
    expected = 4 * (0.5 * share + 0.5 * (1 - share) / 3)
    got = impl.load_balance_loss(skewed, second).item()
    assert abs(found - 1) < 1e-5 and abs(got - expected) < 1e-4, (
        f"two choices a token give {found:.3f} and {got:.3f} instead of 1 and "
        f"{expected:.3f}: do second choices count as first ones do?"
    )


def test_4_7_the_busy_expert_is_pushed_down(impl) -> None:
    logits, chosen = three_tokens()
    logits = logits.clone().requires_grad_()
    loss = impl.load_balance_loss(logits, chosen)
    assert loss.requires_grad, (
        "no gradient reaches the logits: counts have none, but the mean probabilities "
        "must carry one"
    )
    loss.backward()
    pushed = logits.grad.sum(0)
    assert pushed[0] > 0 > pushed[1], (
        "descending must lower the logits of expert 0, who does twice the work: are "
        "probabilities a softmax over experts, averaged over tokens?"
    )


def test_4_7_equals_the_formula(impl) -> None:
    logits = noise(30, 5)
    chosen = logits.topk(2, dim=-1).indices
    powers = logits.exp()
    chance = (powers / powers.sum(1, keepdim=True)).mean(0)
    load = torch.bincount(chosen.flatten(), minlength=5) / 60
    expected = 5 * (load * chance).sum()
    assert same(impl.load_balance_loss(logits, chosen), expected), (
        "random logits give another number than E * sum(load * mean probability)"
    )


# 4.8 attend_latents


def latent_example(n_new: int = 3, n_keys: int = 7) -> tuple[Tensor, ...]:
    """B = 2, H = 5, Dh = 4, R = 6."""
    q, latent = noise(2, 5, n_new, 4, seed=3), noise(2, n_keys, 6, seed=4)
    k_up, v_up = noise(5, 4, 6, seed=5), noise(5, 4, 6, seed=6)
    mask = torch.ones(n_new, n_keys).tril(n_keys - n_new).bool()
    return q, latent, k_up, v_up, mask


def attend_expanded(q, latent, k_up, v_up, mask) -> Tensor:
    """One head at a time, with keys and values built."""
    heads = []
    for h in range(q.shape[1]):
        k, v = latent @ k_up[h].T, latent @ v_up[h].T
        scores = q[:, h] @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
        scores = scores.masked_fill(~mask, -math.inf)
        heads.append(scores.softmax(-1) @ v)
    return torch.stack(heads, dim=1)


def test_4_8_shape(impl) -> None:
    shape = tuple(impl.attend_latents(*latent_example()).shape)
    assert shape == (2, 5, 3, 4), (
        f"the shape is {shape} instead of (B, H, T, Dh) = (2, 5, 3, 4): v_up brings "
        "the average of latents, of width R, back to Dh, head by head"
    )


def test_4_8_equal_scores_give_the_plain_average(impl) -> None:
    q, latent, k_up, v_up, mask = latent_example(n_new=1)
    y = impl.attend_latents(torch.zeros_like(q), latent, k_up, v_up, mask)
    expected = torch.einsum("hdr,br->bhd", v_up, latent.mean(1))[:, :, None]
    assert same(y, expected, 1e-4), (
        "queries of zero look for nothing, and each head must return v_up[h] times "
        "the mean latent: is each head's own v_up used?"
    )


def test_4_8_the_mask_is_kept(impl) -> None:
    q, latent, k_up, v_up, mask = latent_example(n_new=7)
    y = impl.attend_latents(q, latent, k_up, v_up, mask)
    other = latent.clone()
    other[:, 4:] += 1.0
    changed = impl.attend_latents(q, other, k_up, v_up, mask)
    assert same(y[:, :, :4], changed[:, :, :4]), (
        "tokens behind position 3 changed what came before them: True in the mask "
        "means may attend, and all else gets a score of minus infinity"
    )


def test_4_8_equals_attention_with_keys_and_values(impl) -> None:
    example = latent_example()
    q, latent, k_up, v_up, mask = example
    found, expected = impl.attend_latents(*example), attend_expanded(*example)
    wrong = attend_expanded(q * math.sqrt(4 / 6), latent, k_up, v_up, mask)
    assert not same(found, wrong, 1e-4), (
        "scores are divided by sqrt(R): the scores are still those of heads of width "
        "Dh, so the root is that of Dh"
    )
    assert same(found, expected, 1e-4), (
        "the result differs from attention with the keys k_up[h] @ latent and the "
        "values v_up[h] @ latent, scores divided by sqrt(Dh)"
    )


class Largest(TorchDispatchMode):
    """Note how many numbers the largest result of any operation holds."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self.numbers = max(self.numbers, result.numel())
        return result


def test_4_8_no_keys_or_values_are_built(impl) -> None:
    """One new token, 200 in the cache: keys would be 2 * 5 * 200 * 4 = 8,000."""
    example = latent_example(n_new=1, n_keys=200)
    with Largest() as seen:
        impl.attend_latents(*example)
    # Latents have 2 * 200 * 6 = 2,400 numbers and scores 2 * 5 * 200 = 2,000.
    assert seen.numbers < 8_000, (
        f"a tensor of {seen.numbers} numbers was built, as many as the keys of all "
        "heads: carry the query to the latents with k_up, instead of the latents to "
        "the keys, and average latents before v_up"
    )
