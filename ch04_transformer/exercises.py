"""Exercises of chapter 4: rebuild parts, look into the model, and rewrite it.

`make exercises CH=04` copies this file to answers/ and grades what you write there.
"""

from torch import Tensor, nn

from ch04_transformer.transformer import Transformer


class RMSNorm(nn.Module):
    """Rebuild RMSNorm: divide each vector by its root mean square, then scale.

    The scales are a parameter named `weight`, one for each coordinate, 1 at the start.
    Epsilon is added to the mean square before the root is taken. Whatever the precision
    of x, squares and root are computed in float32; the result has the dtype of x.

    Shape:   (..., D)  ->  (..., D).
    Source:  Zhang and Sennrich 2019, eq. 4.

    Hint: nn.Parameter(torch.ones(d_model)) makes the scales. Take x.float() first,
    average its squares over the last axis with keepdim=True, and turn back with
    .to(x.dtype) before you multiply by the scales. No mean is subtracted.
    """

    def __init__(self, d_model: int, eps: float = 1e-6) -> None:
        raise NotImplementedError("exercise 4.1")

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis of x."""
        raise NotImplementedError("exercise 4.1")


class SwiGLUFeedForward(nn.Module):
    """Rebuild the gated feed-forward layer: w2(silu(w1 x) * w3 x).

    Its three linear layers have no bias and are called w1, w2 and w3: w1 and w3 widen
    from D to F, w2 narrows from F to D.

    Shape:   (B, T, D)  ->  (B, T, D).
    Source:  Shazeer 2020, eq. 6.

    Hint: silu(a) is a times the sigmoid of a, and torch.nn.functional has it. Only what
    comes out of w1 goes through it; the product is taken coordinate by coordinate.
    """

    def __init__(self, d_model: int, d_ff: int) -> None:
        raise NotImplementedError("exercise 4.2")

    def forward(self, x: Tensor) -> Tensor:
        """Apply the gated layer to each position by itself."""
        raise NotImplementedError("exercise 4.2")


def logit_lens(model: Transformer, tokens: Tensor) -> Tensor:
    """Read out what the model would predict if it ended after each block.

    Entry 0 reads the embeddings, entry i the residual stream after block i; each is
    passed through the model's last norm and its head, so that the last entry is what
    the model itself says. The model is left as it was.

    Shape:   tokens (B, T)  ->  (L + 1, B, T, V).
    Source:  nostalgebraist 2020, "interpreting GPT: the logit lens".

    Hint: you need no hooks. Walk through the model as Transformer.hidden does, starting
    with model.embedding(tokens), and keep the stream after each of model.blocks.
    model.output_weight() is the head, tied or not.
    """
    raise NotImplementedError("exercise 4.3")


def fold_norms(model: Transformer) -> Transformer:
    """Build a model with equal logits in which every norm's scales are 1.

    A scale that stands before a matrix can be multiplied into its columns: W (g * x) is
    (W * g) x. The scales of the last norm go into the head; where the head is tied to
    the embedding, the new model needs a head of its own, because the embedding must
    stay as it is. The model that was given is left as it was.

    Hint: dataclasses.replace(model.config, tie_embeddings=False) is the new config;
    load the old weights and model.output_weight() under the name head.weight. Three
    matrices read the stream behind the attention norm, two behind the other.
    Multiplying a matrix of shape (out, in) by a vector of length in scales its columns.
    Mind the biases: they are added after the product.
    """
    raise NotImplementedError("exercise 4.4")


def from_meta_name(name: str) -> str:
    """Translate a tensor's name in Meta's own Llama files into Hugging Face's.

    Meta's names, for layer 3, and the other family's:

        tok_embeddings.weight             model.embed_tokens.weight
        layers.3.attention_norm.weight    model.layers.3.input_layernorm.weight
        layers.3.attention.wq.weight      model.layers.3.self_attn.q_proj.weight
        layers.3.ffn_norm.weight          model.layers.3.post_attention_layernorm.weight
        layers.3.feed_forward.w1.weight   model.layers.3.mlp.gate_proj.weight
        norm.weight                       model.norm.weight
        output.weight                     lm_head.weight

    wk, wv and wo become k_proj, v_proj and o_proj as wq becomes q_proj. w1, w2 and w3
    are the three matrices of exercise 4.2: the gate, down_proj and up_proj.

    Raises:  ValueError that holds the name if it is none of these.

    Hint: take the name apart with re.fullmatch and a group for the number, which may
    have several digits; then look the rest up in a dictionary. Replacing parts of the
    string one after the other goes wrong, because "norm" is in "attention_norm".
    """
    raise NotImplementedError("exercise 4.5")


def split_attention(weight: Tensor, bias: Tensor) -> dict[str, Tensor]:
    """Split the fused matrix of GPT-2's attention for three nn.Linear.

    GPT-2 computes x @ weight + bias: the first D columns make the queries, the next D
    the keys, the last D the values. nn.Linear computes x @ weight.T + bias. Return the
    six tensors under the names q_proj.weight, q_proj.bias, k_proj.weight and so on,
    contiguous and each with memory of its own.

    Shape:   weight (D, 3*D), bias (3*D,)  ->  three of (D, D) and three of (D,).
    Raises:  ValueError if the shapes are others.

    Hint: weight.T has the queries' rows first, and chunk(3) cuts it into three. What
    chunk returns looks into the old memory; clone gives it a new one. All three pieces
    are square, so a forgotten transpose raises no error.
    """
    raise NotImplementedError("exercise 4.6")


def load_balance_loss(logits: Tensor, chosen: Tensor) -> Tensor:
    """Rebuild the loss that keeps a mixture's experts equally busy.

    It is E times the sum over experts of two shares, multiplied: the load, which is the
    share of all choices that fell on the expert, and the mean over tokens of the
    router's probability for it. Probabilities are a softmax over all experts, the
    chosen and the others. An even load gives 1, one expert alone gives E, for any
    number of choices a token.

    Shape:   logits (B*T, E), chosen (B*T, k), the experts' numbers  ->  scalar.
    Source:  Fedus et al. 2022, eq. 4 to 6 (there for k = 1).

    Hint: torch.nn.functional.one_hot(chosen.flatten(), n_experts) has a row for each
    choice; its mean over rows is the load. Counting has no gradient, and needs none:
    the loss learns through the probabilities.
    """
    raise NotImplementedError("exercise 4.7")


def attend_latents(
    q: Tensor, latent: Tensor, k_up: Tensor, v_up: Tensor, mask: Tensor
) -> Tensor:
    """Attend to a cache of latents without ever building keys or values.

    Head h's key for a token is k_up[h] @ latent and its value v_up[h] @ latent. The
    result must be that of attention with these keys and values, scores divided by
    sqrt(Dh). But no tensor with keys or values of all heads, of H * S * Dh numbers, may
    arise on the way: with a long cache and one new token it would be most of the work.

    Shape:   q (B, H, T, Dh), latent (B, S, R), k_up and v_up (H, Dh, R), mask
             broadcastable to (B, H, T, S), True = may attend  ->  (B, H, T, Dh).
    Source:  DeepSeek-AI 2024, "DeepSeek-V2", section 2.1.2.

    Hint: q . (k_up latent) = (k_up^T q) . latent, so carry the queries to the latents
    first; q @ k_up does it for all heads at once. An average of v_up latent is v_up
    times the average of the latents. Which width does the root belong to?
    """
    raise NotImplementedError("exercise 4.8")
