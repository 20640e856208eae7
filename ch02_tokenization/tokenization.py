"""Byte-level byte-pair encoding: learn a vocabulary from text, then encode and decode.

A tokenizer of this kind has four parts. A *pattern* cuts text into pieces (a word with
the space before it, up to three digits, a run of punctuation); no token reaches across
a cut. The *vocabulary* gives each token's bytes, and begins with all 256 single bytes,
so that any text at all can be written. The *merges* say, in the order in which they
were learned, which two neighbouring tokens become one. The *special tokens* stand for
no text: they mark where a document ends or who speaks.

How merges are learned and applied stands in `bpe.py`, which comes first, and the files
in `formats.py`; here are training from text and the `Tokenizer`.
"""

import argparse
import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import regex
import tiktoken

from ch01_data.files import run_command, write_text
from ch01_data.sources import read_documents
from ch02_tokenization.bpe import learn_merges, merge_piece
from ch02_tokenization.formats import read_gpt2, read_tokenizer_json, tokenizer_json

if TYPE_CHECKING:
    import tokenizers

END_OF_TEXT = "<|endoftext|>"
SPECIAL_TOKENS = (END_OF_TEXT, "<|user|>", "<|assistant|>", "<|system|>", "<|end|>")

# GPT-2 splits off contractions, words, numbers and punctuation, each with the space
# before it. GPT-4 also takes capital contractions, lets a word keep one leading mark,
# cuts numbers after three digits and keeps line ends apart. `(?i:'s)` is spelled out,
# because engines disagree on which letters fold to an s.
GPT2_PATTERN = (
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)
GPT4_PATTERN = (
    r"'(?:[sdmtSDMT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

MAX_CACHED_PIECES = 100_000


def train_bpe(
    texts: Iterable[str],
    vocab_size: int,
    special_tokens: Iterable[str] = (),
    pattern: str = GPT4_PATTERN,
) -> "Tokenizer":
    """Learn a vocabulary of `vocab_size` tokens by merging the most frequent pair.

    Ids 0 to 255 are the bytes, then come the merged tokens in the order in which they
    were learned, then the special tokens. A special token that stands in the text is a
    border: it is not learned from. When every piece has become a single token there is
    nothing left to merge, and the vocabulary stays smaller than `vocab_size`.

    Raises:  ValueError if there is no text, or if `vocab_size` has no room for the 256
             bytes and the special tokens.
    Source:  Sennrich et al. 2016, algorithm 1; on bytes: Radford et al. 2019.
    """
    specials = list(dict.fromkeys(special_tokens))
    n_merges = vocab_size - 256 - len(specials)
    if n_merges < 0:
        raise ValueError(
            f"vocab_size {vocab_size} is too small: 256 bytes and {len(specials)} "
            f"special tokens need at least {256 + len(specials)}"
        )
    texts = [texts] if isinstance(texts, str) else texts
    counts = count_pieces(texts, specials, pattern)
    if not counts:
        raise ValueError("there is no text to learn from; give at least one document")
    merges = learn_merges(counts, n_merges)
    learned = dict.fromkeys(left + right for left, right in merges)
    tokens = [bytes([byte]) for byte in range(256)] + list(learned)
    ids = {name: len(tokens) + i for i, name in enumerate(specials)}
    return Tokenizer(dict(enumerate(tokens)), merges, ids, pattern)


def count_pieces(
    texts: Iterable[str], special_tokens: Collection[str], pattern: str
) -> Counter[str]:
    """Count how often each piece occurs: a corpus has far fewer words than places."""
    counts: Counter[str] = Counter()
    pieces = regex.compile(pattern).findall
    border = special_splitter(special_tokens)
    for text in map(valid_unicode, texts):
        for part in border.split(text) if border else (text,):
            counts.update(pieces(part))
    return counts


def special_splitter(special_tokens: Collection[str]) -> regex.Pattern | None:
    """Return a pattern that finds special tokens, the longest first; None if none."""
    longest_first = sorted(special_tokens, key=len, reverse=True)
    if not longest_first:
        return None
    return regex.compile("|".join(regex.escape(name) for name in longest_first))


class Tokenizer:
    """Turn text into token ids and back, without loss.

    `vocab` maps ids to bytes; it may hold the special tokens or leave them out. When
    built, `self.vocab` holds them all. A lower id was learned earlier and merges first.

    Raises:  ValueError if a byte is missing, if a merge does not fit the vocabulary, or
             if a special token is empty or shares its id or text with another token.
    """

    def __init__(
        self,
        vocab: dict[int, bytes],
        merges: list[tuple[bytes, bytes]],
        special_tokens: dict[str, int],
        pattern: str = GPT4_PATTERN,
    ) -> None:
        self.merges = [(left, right) for left, right in merges]
        self.special_tokens = dict(special_tokens)
        self.pattern = pattern
        special = {i: name.encode() for name, i in self.special_tokens.items()}
        ordinary = {i: token for i, token in vocab.items() if special.get(i) != token}
        self._ranks = {token: i for i, token in ordinary.items()}
        self._check(ordinary)
        self.vocab = dict(sorted((ordinary | special).items()))
        self._find_pieces = regex.compile(pattern).findall
        self._cache: dict[str, list[int]] = {}

    def _check(self, ordinary: dict[int, bytes]) -> None:
        missing = [byte for byte in range(256) if bytes([byte]) not in self._ranks]
        if missing:
            raise ValueError(f"vocab lacks the byte {missing[0]}; it needs all 256")
        if len(self._ranks) != len(ordinary):
            raise ValueError("vocab gives two ids to the same bytes; remove one")
        made = list(dict.fromkeys(left + right for left, right in self.merges))
        for token in {part for pair in self.merges for part in pair}.union(made):
            if token not in self._ranks:
                raise ValueError(f"merges use {token!r}, which is not in vocab")
        ranks = [self._ranks[token] for token in made]
        if ranks != sorted(ranks):
            raise ValueError("merges are not in the order of their tokens' ids")
        if len(set(self.special_tokens.values())) != len(self.special_tokens):
            raise ValueError("two special tokens share one id; give each its own")
        for name, i in self.special_tokens.items():
            if not name or i in ordinary or name.encode() in self._ranks:
                raise ValueError(
                    f"special token {name!r} with id {i} is empty or collides with an "
                    "ordinary token; give it a text and an id of its own"
                )
        if regex.compile(self.pattern).groups:
            raise ValueError("pattern has a capturing group; write (?:...) instead")

    def __len__(self) -> int:
        """Return the number of rows that an embedding of these tokens needs."""
        return max(self.vocab) + 1

    @property
    def vocab_size(self) -> int:
        """The largest id plus one, special tokens included."""
        return len(self)

    @cached_property
    def hash(self) -> str:
        """The SHA-256 of `tokenizer.json`: equal for tokenizers that encode alike."""
        return hashlib.sha256(self._json().encode()).hexdigest()

    def _json(self) -> str:
        return tokenizer_json(
            self.vocab, self.merges, self.special_tokens, self.pattern
        )

    @property
    def end_of_text_id(self) -> int:
        """The id of `<|endoftext|>`."""
        return self.special_id(END_OF_TEXT)

    def special_id(self, name: str) -> int:
        """Return the id of a special token.

        Raises:  ValueError if this tokenizer has no such special token.
        """
        if name not in self.special_tokens:
            known = ", ".join(self.special_tokens) or "none"
            raise ValueError(f"no special token {name!r}; this tokenizer has: {known}")
        return self.special_tokens[name]

    def encode(
        self, text: str, allowed_special: str | Collection[str] = "all"
    ) -> list[int]:
        """Return the token ids of `text`.

        `allowed_special` says which special tokens are read as such: "all", "none", or
        a set of names. One that is not allowed is ordinary text, letter by letter: use
        "none" for text from strangers. Of two that begin alike the longer one is read.

        Raises:  ValueError if `allowed_special` names an unknown special token.
        """
        text = valid_unicode(text)
        splitter = special_splitter(self._allowed(allowed_special))
        if splitter is None:
            return self._encode_ordinary(text)
        ids, begin = [], 0
        for match in splitter.finditer(text):
            ids += self._encode_ordinary(text[begin : match.start()])
            ids.append(self.special_tokens[match.group()])
            begin = match.end()
        return ids + self._encode_ordinary(text[begin:])

    def _allowed(self, allowed_special: str | Collection[str]) -> list[str]:
        if isinstance(allowed_special, str):
            if allowed_special not in ("all", "none"):
                raise ValueError(
                    f"allowed_special is {allowed_special!r}; it must be 'all', "
                    "'none' or a set of special tokens"
                )
            return list(self.special_tokens) if allowed_special == "all" else []
        for name in allowed_special:
            self.special_id(name)
        return list(allowed_special)

    def _encode_ordinary(self, text: str) -> list[int]:
        ids: list[int] = []
        known = self._cache.get
        for piece in self._find_pieces(text):
            ids += known(piece) or self._encode_piece(piece)
        return ids

    def _encode_piece(self, piece: str) -> list[int]:
        data = piece.encode()
        whole = self._ranks.get(data)
        if whole is not None:
            ids = [whole]
        else:
            ids = [self._ranks[token] for token in merge_piece(data, self._ranks)]
        if len(self._cache) >= MAX_CACHED_PIECES:
            self._cache.clear()
        self._cache[piece] = ids
        return ids

    def encode_iterable(
        self,
        texts: Iterable[str],
        allowed_special: str | Collection[str] = "all",
        buffer_characters: int = 65_536,
    ) -> Iterator[int]:
        """Yield the ids of the joined `texts`, holding only a buffer of them at a time.

        The ids are those of `encode("".join(texts))`, wherever the texts are cut.
        """
        splitter = special_splitter(self._allowed(allowed_special))
        buffer, wanted = "", buffer_characters
        for text in texts:
            buffer += text
            if len(buffer) >= wanted:
                cut = self._settled(buffer, splitter)
                yield from self.encode(buffer[:cut], allowed_special)
                buffer = buffer[cut:]
                # A piece longer than the buffer: read on before looking again.
                wanted = max(buffer_characters, 2 * len(buffer))
        yield from self.encode(buffer, allowed_special)

    def _settled(self, buffer: str, splitter: regex.Pattern | None) -> int:
        """Return a cut in `buffer` before which no later text can change the ids."""
        # A special token may have begun in the last characters, so they must wait, and
        # before them the last two pieces: what follows white space can change both.
        longest = max(map(len, self.special_tokens), default=0) if splitter else 0
        limit, cut = max(0, len(buffer) - longest), 0
        for match in splitter.finditer(buffer) if splitter else ():
            if match.start() < limit:
                cut = match.end()
        pieces = self._find_pieces(buffer[cut:limit])
        return cut + sum(map(len, pieces[:-2]))

    def fast_encoder(self, threads: int = 1) -> Callable[[list[str]], list[list[int]]]:
        """Return a function that encodes a list of documents through tiktoken.

        Equal to `encode(text, allowed_special="none")` of each, and several times as
        fast, because tiktoken is compiled and encodes `threads` documents at a time.
        """
        encoding = self.to_tiktoken()
        return lambda texts: encoding.encode_ordinary_batch(texts, num_threads=threads)

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes of the tokens, which may end inside a character.

        Raises:  ValueError if an id is not in the vocabulary.
        """
        try:
            return b"".join([self.vocab[int(i)] for i in ids])
        except KeyError as error:
            raise ValueError(
                f"token id {error} is not in the vocabulary of {len(self)} tokens; was "
                "the text encoded by another tokenizer?"
            ) from error

    def decode(self, ids: Iterable[int], errors: str = "replace") -> str:
        """Return the text of the tokens; bytes that are no UTF-8 become U+FFFD.

        Raises:  ValueError if an id is unknown, or if `errors` is "strict" and the
                 bytes are no UTF-8.
        """
        return self.decode_bytes(ids).decode("utf-8", errors)

    # ------------------------------------------------------------ in and out

    def save(self, folder: str | Path) -> Path:
        """Write `tokenizer.json` into `folder` and return its path."""
        path = Path(folder) / "tokenizer.json"
        write_text(path, self._json())
        return path

    @classmethod
    def load(cls, folder: str | Path) -> "Tokenizer":
        """Read a folder's `tokenizer.json`, or that file itself.

        Raises:  ValueError if it is missing, damaged, or of a kind not taught here.
        """
        path = Path(folder)
        if path.is_dir() or path.suffix != ".json":
            path = path / "tokenizer.json"
        try:
            return cls(*read_tokenizer_json(path.read_text(encoding="utf-8")))
        except FileNotFoundError as error:
            raise ValueError(
                f"{path} does not exist; train a tokenizer first: "
                "python -m ch02_tokenization.tokenization --input TEXT --out FOLDER"
            ) from error
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"{path} is damaged or no byte-level BPE tokenizer of this kind "
                f"({type(error).__name__}: {error}); train or export it again"
            ) from error

    @classmethod
    def from_gpt2(cls, vocab_json: str | Path, merges_txt: str | Path) -> "Tokenizer":
        """Read the two files in which GPT-2's tokenizer was published.

        Raises:  ValueError if they do not fit together.
        """
        vocab = Path(vocab_json).read_text(encoding="utf-8")
        merges = Path(merges_txt).read_text(encoding="utf-8")
        return cls(*read_gpt2(vocab, merges), GPT2_PATTERN)

    def to_tiktoken(self) -> tiktoken.Encoding:
        """Return the same tokenizer as a tiktoken encoding."""
        return tiktoken.Encoding(
            name=self.hash[:12],
            pat_str=self.pattern,
            mergeable_ranks=self._ranks,
            special_tokens=self.special_tokens,
        )

    def to_huggingface(self) -> "tokenizers.Tokenizer":
        """Return the same tokenizer as a `tokenizers.Tokenizer` of Hugging Face.

        `transformers.PreTrainedTokenizerFast(tokenizer_object=...)` takes it as it is.
        """
        import tokenizers  # optional: only readers who compare or export need it

        return tokenizers.Tokenizer.from_str(self._json())


def valid_unicode(text: str) -> str:
    """Return `text`, half surrogate pairs (which UTF-8 cannot write) made U+FFFD."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def main(argv: list[str] | None = None) -> int:
    """Train a tokenizer on text and say what it learned."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--input", required=True, help="a text file, .jsonl, or folder")
    parser.add_argument("--vocab-size", type=int, default=1024, help="tokens in all")
    parser.add_argument("--out", required=True, help="folder for tokenizer.json")
    parser.add_argument(
        "--special-tokens", nargs="*", default=SPECIAL_TOKENS, metavar="TOKEN"
    )
    parser.add_argument("--show", type=int, default=20, help="merges to print")
    args = parser.parse_args(argv)

    def command() -> None:
        texts = [document.text for document in read_documents(args.input)]
        tokenizer = train_bpe(texts, args.vocab_size, args.special_tokens)
        path = tokenizer.save(args.out)
        counts = [len(ids) for ids in tokenizer.fast_encoder()(texts)]
        n_bytes = sum(len(valid_unicode(text).encode()) for text in texts)
        print(f"{path}: {len(tokenizer):,} tokens, {len(tokenizer.merges):,} merges")
        print(
            f"{n_bytes:,} bytes of text become {sum(counts):,} tokens, "
            f"{n_bytes / sum(counts):.2f} bytes per token"
        )
        for left, right in tokenizer.merges[: args.show]:
            joined = (left + right).decode("utf-8", "replace")
            print(f"  {left!r} + {right!r} -> {joined!r}")

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
