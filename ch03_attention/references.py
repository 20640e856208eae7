"""Do heads find the word that another word refers to?

The storyworld knows what each of its words stands for. Two places ask for an earlier
word: a pronoun that has just been read, and the token before a word that comes back.

    Mia was a baker. Her best friend ...        ... a red kite. ... lost the red kite
    ---       -----  ---                              --- ----            --- ---
    true      wrong  the query                     wrong  true      the query, `kite`

In the first the reference is there to be understood, in the second it must be known to
guess the next token. A head finds it if, of all tokens in the words that the world put
there before, the one that it looks at most belongs to a word for the same thing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ch01_data.mentions import Mention, stories_with_mentions
from ch01_data.storyworld_words import SHE
from ch02_tokenization.tokenization import Tokenizer
from ch03_attention.heads import head_weights


@dataclass(frozen=True)
class Reference:
    """A place in a row of tokens that asks for an earlier word.

    `word` is the pronoun, or the word that comes back, and `kind` the kind of what it
    stands for. `query` is the token that asks: the pronoun's last one, or the one
    before the word. Candidates are (first token, one past the last) in the order of the
    text; `kinds` and `true` say of each what it is and whether it is meant.
    """

    story: int
    word: str
    pronoun: bool
    kind: str
    query: int
    candidates: tuple[tuple[int, int], ...]
    kinds: tuple[str, ...]
    true: tuple[bool, ...]


@dataclass(frozen=True)
class TokenizedStory:
    """A story as a model reads it, with all that refers back in it.

    Shape:   tokens (1, T).
    """

    text: str
    tokens: Tensor
    references: tuple[Reference, ...]


def read_story(
    number: int, text: str, found: Sequence[Mention], tokenizer: Tokenizer
) -> TokenizedStory:
    """Turn a story and its mentions into tokens and references.

    The end-of-text token opens the story, as in training.
    """
    ids = tokenizer.encode(text, allowed_special=())
    sizes = [len(tokenizer.vocab[i]) for i in ids]
    # The token of each character, the opening one counted; stories are plain ASCII.
    token_at = [place for place, size in enumerate(sizes, 1) for _ in range(size)]
    references = []
    for mention in found:
        words = [w for w in found if not w.pronoun and w.stop <= mention.start]
        true = tuple(word.entity == mention.entity for word in words)
        first = token_at[mention.start]
        if any(true):
            spans = [(token_at[w.start], token_at[w.stop - 1] + 1) for w in words]
            reference = Reference(
                story=number,
                word=text[mention.start : mention.stop],
                pronoun=mention.pronoun,
                kind=mention.kind,
                query=token_at[mention.stop - 1] if mention.pronoun else first - 1,
                candidates=tuple(spans),
                kinds=tuple(word.kind for word in words),
                true=true,
            )
            references.append(reference)
    tokens = torch.tensor([[tokenizer.end_of_text_id, *ids]])  # (1, T)
    return TokenizedStory(text, tokens, tuple(references))


def read_stories(
    stories: Iterable[tuple[str, Sequence[Mention]]], tokenizer: Tokenizer
) -> list[TokenizedStory]:
    """Read stories with their mentions, numbered from 0."""
    pairs = enumerate(stories)
    return [read_story(i, text, found, tokenizer) for i, (text, found) in pairs]


def two_people(
    n: int, seed: int = 0, split: str = "validation"
) -> Iterator[tuple[str, list[Mention]]]:
    """Yield openings of stories that name a she and a he, and end in a pronoun.

    The storyworld never says "she" where two people were named; here the pronoun tells
    by its gender alone whom it means. Only the names are candidates. Each such opening
    comes twice, with either pronoun; n stories are looked through.
    """
    for text, found in stories_with_mentions(n, seed, split):
        named = [m for m in found if m.kind == "names" and not m.pronoun]
        first = {m.entity: m for m in reversed(named)}
        names = {key: text[m.start : m.stop] for key, m in first.items()}
        if (names["hero"] in SHE) == (names["friend"] in SHE):
            continue
        end = text.index(".", first["friend"].stop) + 1
        before = [m for m in named if m.stop <= end]
        for entity, name in names.items():
            pronoun = "She" if name in SHE else "He"
            asked = Mention(end + 1, end + 1 + len(pronoun), entity, "names", True)
            yield f"{text[:end]} {pronoun}", [*before, asked]


def favourites(weights: Tensor, reference: Reference) -> Tensor:
    """Return which candidate holds the token that each head looks at most.

    Tokens that belong to no candidate do not count.

    Shape:   weights (1, H, T, S)  ->  (H,), indices of candidates.
    """
    row = weights[0, :, reference.query]  # (H, S)
    most = [row[:, start:stop].amax(1) for start, stop in reference.candidates]
    return torch.stack(most, dim=1).argmax(1)  # (H,)


def references_found(
    model: nn.Module, stories: Sequence[TokenizedStory]
) -> tuple[list[Reference], Tensor]:
    """Say of each reference and each head whether the head finds it.

    Shape:   the references, and (_, L*H), bool: heads counted layer by layer.
    """
    references, found = [], []
    for story in stories:
        layers = head_weights(model, story.tokens) if story.references else []
        for reference in story.references:
            true = torch.tensor(reference.true)
            picks = [true[favourites(weights, reference)] for weights in layers]
            found.append(torch.cat(picks))
            references.append(reference)
    return references, torch.stack(found)  # _; (_, L*H)


def most_recent(reference: Reference, kinds: Sequence[str] = ()) -> bool:
    """Say whether the nearest word before, of these kinds, is a true one.

    Without kinds any word counts. Where there is no such word, it is missed.
    """
    pairs = zip(reference.kinds, reference.true, strict=True)
    fitting = [true for kind, true in pairs if not kinds or kind in kinds]
    return bool(fitting) and fitting[-1]


def chance(reference: Reference) -> float:
    """Return how often a candidate that is drawn blindly would be a true one."""
    return sum(reference.true) / len(reference.true)
