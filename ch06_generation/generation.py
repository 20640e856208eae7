"""Generation: from logits to text, one token at a time, without doing work twice.

In reading order: the cache, the filters that shape a distribution, one step, the loop
that yields a column of tokens at a time, and two ways to use it: `generate` for whole
batches of ids, `stream` for text as it is made.
"""

import argparse
import codecs
import math
from collections.abc import Collection, Iterable, Iterator
from itertools import takewhile

import torch
from torch import Tensor

from ch01_data.files import run_command
from ch02_tokenization.tokenization import Tokenizer
from ch04_transformer.pretrained import load_pretrained
from ch04_transformer.transformer import ModelConfig, Transformer

# Below this, logits / temperature may overflow; the limit is the likeliest token.
GREEDY_BELOW = 1e-6


class LayerKVCache:
    """Keys and values of one layer, in memory that is taken once.

    Shape:   keys and values (B, K, capacity, Dh), of which `length` are filled.
    """

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        self.keys, self.values, self.length = keys, values, 0

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values (B, K, T, Dh), return all so far (B, K, S, Dh).

        Raises:  ValueError if they do not fit.
        """
        stop, capacity = self.length + k.shape[2], self.keys.shape[2]
        if stop > capacity:
            raise ValueError(
                f"the cache holds {capacity} positions, but {stop} are needed; "
                "shorten the prompt or start a new cache"
            )
        self.keys[:, :, self.length : stop] = k
        self.values[:, :, self.length : stop] = v
        self.length = stop
        return self.keys[:, :, :stop], self.values[:, :, :stop]


class KVCache:
    """One LayerKVCache for each block: what attention has seen so far.

    It takes 2 * L * B * K * capacity * Dh numbers, whether filled or not (attention of
    another kind says itself what it keeps); `capacity` is the context length unless
    fewer positions are asked for.
    """

    def __init__(
        self, model: Transformer, batch_size: int, capacity: int | None = None
    ) -> None:
        empty = model.embedding.weight.new_zeros
        capacity = capacity or model.config.context_length
        self.layers = [
            LayerKVCache(
                *(
                    empty(batch_size, heads, capacity, width)
                    for heads, width in block.attention.cache_shapes()
                )
            )
            for block in model.blocks
        ]

    @property
    def length(self) -> int:
        """How many positions are stored."""
        return self.layers[0].length

    def __getitem__(self, index: int) -> LayerKVCache:
        return self.layers[index]

    def __len__(self) -> int:
        return len(self.layers)


def filter_logits(
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
) -> Tensor:
    """Sharpen or flatten a distribution, then forbid its unlikely tokens with -inf.

    Temperature 0 keeps the likeliest token alone (greedy). The filters act one after
    the other, each on what the one before has left. Tokens that tie with the last one
    kept by top_k or min_p stay too.

    Shape:   (B, V)  ->  (B, V).
    Raises:  ValueError if a setting is out of range.
    Source:  top-k: Fan et al. 2018, section 5.1; top-p: Holtzman et al. 2020, eq. 2;
             min-p: Nguyen et al. 2024, section 3.
    """
    check_sampling(temperature, top_k, top_p, min_p)
    if temperature < GREEDY_BELOW:
        best = logits.argmax(dim=-1, keepdim=True)  # (B, 1)
        return torch.full_like(logits, -math.inf).scatter(-1, best, 0.0)  # (B, V)
    logits = logits / temperature  # (B, V)
    if top_k is not None and top_k < logits.shape[-1]:
        least = logits.topk(top_k, dim=-1).values[..., -1:]  # (B, 1)
        logits = logits.masked_fill(logits < least, -math.inf)  # (B, V)
    if top_p is not None and top_p < 1:
        logits = keep_nucleus(logits, top_p)  # (B, V)
    if min_p is not None:
        probs = logits.softmax(dim=-1)  # (B, V)
        least = min_p * probs.amax(dim=-1, keepdim=True)  # (B, 1)
        logits = logits.masked_fill(probs < least, -math.inf)  # (B, V)
    return logits


def keep_nucleus(logits: Tensor, top_p: float) -> Tensor:
    """Keep the fewest likeliest tokens whose probabilities reach top_p together.

    Shape:   (B, V)  ->  (B, V), all others -inf.
    Source:  Holtzman et al. 2020, eq. 2.
    """
    ordered, order = logits.sort(dim=-1, descending=True)
    probs = ordered.softmax(dim=-1)  # (B, V)
    # What stands before a token decides: the one that crosses top_p is still kept.
    before = probs.cumsum(dim=-1) - probs  # (B, V)
    ordered = ordered.masked_fill(before >= top_p, -math.inf)  # (B, V)
    return torch.empty_like(logits).scatter(-1, order, ordered)  # (B, V)


def check_sampling(
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
) -> None:
    """Refuse sampling settings that make no distribution.

    Raises:  ValueError that names the setting, its value and its range.
    """
    if not 0 <= temperature < math.inf:
        raise ValueError(
            f"temperature is {temperature}; it must be 0 (greedy) or a positive number"
        )
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k is {top_k}; it must be at least 1 (leave it out: all)")
    for name, value in (("top_p", top_p), ("min_p", min_p)):
        if value is not None and not 0 < value <= 1:
            raise ValueError(f"{name} is {value}; it must be above 0 and at most 1")


def check_prompt(
    config: ModelConfig,
    tokens: Tensor,
    max_new_tokens: int,
    left_padding: Tensor | None,
) -> None:
    """Refuse a prompt that the model cannot continue.

    Raises:  ValueError that names what is wrong, its value and its range.
    """
    length, context = tokens.shape[1], config.context_length
    if not 1 <= length <= context:
        raise ValueError(
            f"the prompt has {length} tokens, but it must have 1 to {context} (the "
            f"model's context); {'shorten it' if length else 'give at least one'}"
        )
    least, greatest = tokens.min().item(), tokens.max().item()
    if least < 0 or greatest >= config.vocab_size:
        raise ValueError(
            f"the prompt has token {least if least < 0 else greatest}, but the model "
            f"knows 0 to {config.vocab_size - 1}; was it encoded by another tokenizer?"
        )
    if max_new_tokens < 0:
        raise ValueError(f"max_new_tokens is {max_new_tokens}; it must be 0 or more")
    if left_padding is not None:
        if left_padding.shape != (len(tokens),):
            raise ValueError(
                f"left_padding has shape {tuple(left_padding.shape)}; {len(tokens)} "
                "rows need one number each"
            )
        if left_padding.min() < 0 or left_padding.max() >= length:
            raise ValueError(
                f"left_padding is {left_padding.tolist()}, but each must be 0 to "
                f"{length - 1}: every row needs a token of its own"
            )


def sample(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draw one token a row: (B, V)  ->  (B, 1)."""
    return torch.multinomial(logits.softmax(dim=-1), 1, generator=generator)  # (B, 1)


def next_logits(
    model: Transformer, new: Tensor, cache: KVCache, left_padding: Tensor | None = None
) -> Tensor:
    """Read new tokens behind what the cache holds; return what may follow the last.

    Only the last position goes through the head: nobody asks what follows the others.

    Shape:   new (B, T)  ->  (B, V), float32.
    """
    positions, mask = None, None
    if left_padding is not None:
        positions, mask = hide_padding(cache.length, new.shape[1], left_padding)
    hidden = model.hidden(new, positions=positions, mask=mask, cache=cache)  # (B, T, D)
    return (hidden[:, -1] @ model.output_weight().T).float()  # (B, V)


def hide_padding(
    start: int, n_queries: int, left_padding: Tensor
) -> tuple[Tensor, Tensor]:
    """Return positions that begin behind each row's padding, and a mask that hides it.

    Shape:   left_padding (B,)  ->  positions (B, T), mask (B, 1, T, S).
    """
    keys = torch.arange(start + n_queries, device=left_padding.device)  # (S,)
    queries = keys[start:]  # (T,)
    real = keys >= left_padding[:, None]  # (B, S)
    # A padded query must see something, or its softmax is 0/0: it sees itself.
    itself = queries[:, None] == keys  # (T, S)
    mask = real[:, None, None, :] | itself  # (B, 1, T, S)
    positions = (queries - left_padding[:, None]).clamp(min=0)  # (B, T)
    return positions, mask


def token_columns(
    model: Transformer,
    tokens: Tensor,
    *,
    max_new_tokens: int,
    left_padding: Tensor | None = None,
    generator: torch.Generator | None = None,
    **sampling: float | int | None,
) -> Iterator[Tensor]:
    """Return an iterator over the next token of every row, (B, 1) each.

    The settings are those of `filter_logits`. What is wrong with them or with the
    prompt is said at once, not when the first token is asked for. The model is put
    into evaluation mode.

    Shape:   tokens (B, T); left_padding (B,): how many leading tokens do not count.
    Raises:  ValueError if the prompt does not fit or a setting is out of range.
    """
    check_prompt(model.config, tokens, max_new_tokens, left_padding)
    check_sampling(**sampling)
    model.eval()
    return _columns(model, tokens, max_new_tokens, left_padding, generator, sampling)


@torch.inference_mode()
def _columns(
    model: Transformer,
    tokens: Tensor,
    max_new_tokens: int,
    left_padding: Tensor | None,
    generator: torch.Generator | None,
    sampling: dict,
) -> Iterator[Tensor]:
    """Read the prompt once, then one column at a time; slide when the context is full.

    To slide is to begin again with the newest half of the text. Moving on by one
    token instead would change every key's position, and so cost a full pass a token.
    """
    context = model.config.context_length
    capacity = min(context, tokens.shape[1] + max_new_tokens)
    cache, text, new = KVCache(model, len(tokens), capacity), tokens, tokens
    for _ in range(max_new_tokens):
        if cache.length + new.shape[1] > capacity:
            cache = KVCache(model, len(tokens), capacity)
            dropped = text.shape[1] - max(context // 2, 1)
            text = new = text[:, dropped:]
            if left_padding is not None:
                left_padding = (left_padding - dropped).clamp(min=0)  # (B,)
        logits = next_logits(model, new, cache, left_padding)  # (B, V)
        new = sample(filter_logits(logits, **sampling), generator)  # (B, 1)
        text = torch.cat((text, new), dim=1)
        yield new


def generate(
    model: Transformer,
    tokens: Tensor,
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    stop: Collection[int] = (),
    generator: torch.Generator | None = None,
    left_padding: Tensor | None = None,
) -> Tensor:
    """Continue every row until it has met a stop token or the limit.

    A row's stop token is part of the result, and what follows it is that token again.
    Once the context is full, the model goes on from the newest half of the text.

    Shape:   tokens (B, T); left_padding (B,): how many leading tokens do not count
             ->  new tokens (B, at most max_new_tokens).
    Raises:  ValueError if the prompt does not fit or a setting is out of range.
    """
    steps = token_columns(
        model,
        tokens,
        max_new_tokens=max_new_tokens,
        left_padding=left_padding,
        generator=generator,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
    )
    stops = torch.tensor(sorted(stop), dtype=torch.long, device=tokens.device)
    stopped = torch.zeros_like(tokens[:, :1], dtype=torch.bool)  # (B, 1)
    columns = []
    for column in steps:
        if columns:
            column = torch.where(stopped, columns[-1], column)  # (B, 1)
        columns.append(column)
        stopped = torch.isin(column, stops)  # (B, 1)
        if stopped.all():
            break
    return torch.cat(columns, dim=1) if columns else tokens[:, :0]


def stream(
    model: Transformer,
    tokenizer: Tokenizer,
    ids: list[int],
    *,
    max_new_tokens: int,
    stop: Collection[int] = (),
    generator: torch.Generator | None = None,
    **sampling: float | int | None,
) -> Iterator[str]:
    """Return an iterator over text as it is made, never half of a character.

    The stop token itself is not part of the text.

    Raises:  ValueError if the prompt does not fit or a setting is out of range.
    """
    prompt = torch.tensor([ids], device=model.embedding.weight.device)
    columns = token_columns(
        model, prompt, max_new_tokens=max_new_tokens, generator=generator, **sampling
    )
    new = takewhile(lambda i: i not in stop, (column.item() for column in columns))
    return whole_characters(tokenizer.decode_bytes([i]) for i in new)


def whole_characters(pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield the text of UTF-8 bytes, each character once its last byte has come.

    Bytes that are no UTF-8 become U+FFFD.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for piece in pieces:
        text = decoder.decode(piece)
        if text:
            yield text
    rest = decoder.decode(b"", final=True)
    if rest:
        yield rest


def main(argv: list[str] | None = None) -> int:
    """Continue a prompt with a trained model."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default="runs/default/model", help="model folder")
    parser.add_argument("--prompt", default="", help="text to continue")
    parser.add_argument("--max-new-tokens", type=int, default=100, help="tokens")
    parser.add_argument("--temperature", type=float, default=1.0, help="0 is greedy")
    parser.add_argument("--top-k", type=int, help="keep the k likeliest tokens")
    parser.add_argument("--top-p", type=float, help="keep this share of probability")
    parser.add_argument("--min-p", type=float, help="share of the likeliest's")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    def continue_prompt() -> None:
        model, tokenizer = load_pretrained(args.model), Tokenizer.load(args.model)
        end = tokenizer.end_of_text_id
        pieces = stream(
            model,
            tokenizer,
            [end, *tokenizer.encode(args.prompt, allowed_special="none")],
            max_new_tokens=args.max_new_tokens,
            stop={end},
            generator=torch.Generator().manual_seed(args.seed),
            temperature=args.temperature,
            top_k=args.top_k,
            top_p=args.top_p,
            min_p=args.min_p,
        )
        print(args.prompt, end="", flush=True)
        for piece in pieces:
            print(piece, end="", flush=True)
        print()

    return run_command(continue_prompt)


if __name__ == "__main__":
    raise SystemExit(main())
