"""Byte-level byte-pair encoding: learn a vocabulary from text, then encode and decode.

A tokenizer of this kind has four parts. A *pattern* cuts text into pieces (a word with
the space before it, up to three digits, a run of punctuation); no token reaches across
a cut. The *vocabulary* gives each token's bytes, and begins with all 256 single bytes,
so that any text at all can be written. The *merges* say, in the order in which they
were learned, which two neighbouring tokens become one. The *special tokens* stand for
no text: they mark where a document ends or who speaks. (Some published tokenizers have
a fifth part, a *normalizer*, which rewrites the text before it is cut.)

How text is cut and counted stands in `pieces.py`, how merges are learned and applied in
`bpe.py`, and the files in `formats.py`; here these become training from text and the
`Tokenizer`.
"""

import argparse
import hashlib
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import regex
import tiktoken
from tqdm import tqdm

from ch01_data.files import run_command, write_text
from ch01_data.sources import Document, read_documents
from ch02_tokenization.bpe import learn_merges, merge_piece
from ch02_tokenization.formats import (
    NORMALIZERS,
    read_gpt2,
    read_tokenizer_json,
    tokenizer_json,
)
from ch02_tokenization.pieces import (
    GPT2_PATTERN,
    GPT4_PATTERN,
    MAX_PIECES,
    count_pieces,
    map_in_order,
    settled_pieces,
    special_splitter,
    stretches,
    valid_unicode,
)

if TYPE_CHECKING:
    import tokenizers

END_OF_TEXT = "<|endoftext|>"
SPECIAL_TOKENS = (END_OF_TEXT, "<|user|>", "<|assistant|>", "<|system|>", "<|end|>")

MAX_CACHED_PIECES = 100_000
MAX_CACHED_LENGTH = 256  # characters; longer pieces are rare and seldom come back
MAX_BLANKS = 500_000  # in a row; from a million on tiktoken 0.14 panics


def train_bpe(
    texts: Iterable[str],
    vocab_size: int,
    special_tokens: Iterable[str] = (),
    pattern: str = GPT4_PATTERN,
    processes: int = 1,
    max_pieces: int = MAX_PIECES,
) -> "Tokenizer":
    """Learn a vocabulary of `vocab_size` tokens by merging the most frequent pair.

    Ids 0 to 255 are the bytes, then come the merged tokens in the order in which they
    were learned, then the special tokens. A special token that stands in the text is a
    border: it is not learned from. When every piece has become a single token there is
    nothing left to merge, and the vocabulary stays smaller than `vocab_size`.

    `texts` may be larger than memory: it is read once, and what is kept grows with the
    number of different pieces, up to `max_pieces` (`pieces.count_pieces`). `processes`
    cut and count; the tokenizer is the same for any number of them.

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
    counts = count_pieces(texts, specials, pattern, processes, max_pieces)
    if not counts:
        raise ValueError("there is no text to learn from; give at least one document")
    merges = learn_merges(counts, n_merges)
    learned = dict.fromkeys(left + right for left, right in merges)
    tokens = [bytes([byte]) for byte in range(256)] + list(learned)
    ids = {name: len(tokens) + i for i, name in enumerate(specials)}
    return Tokenizer(dict(enumerate(tokens)), merges, ids, pattern)


class Tokenizer:
    """Turn text into token ids and back, without loss.

    `vocab` maps ids to bytes; it may hold the special tokens or leave them out. When
    built, `self.vocab` holds them all. A lower id was learned earlier and merges first.

    With the normalizer "NFC", letters and accents that have a common character are
    written by it first, so that what comes back may be another spelling of the same.

    Raises:  ValueError if a byte is missing, if a merge does not fit the vocabulary, if
             a special token is empty or shares its id or text with another token, or if
             the normalizer is another one.
    """

    def __init__(
        self,
        vocab: dict[int, bytes],
        merges: list[tuple[bytes, bytes]],
        special_tokens: dict[str, int],
        pattern: str = GPT4_PATTERN,
        normalizer: str | None = None,
    ) -> None:
        if normalizer not in NORMALIZERS:
            raise ValueError(f"normalizer is {normalizer!r}; choose NFC or none")
        self.normalizer = normalizer
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
        parts = self.vocab, self.merges, self.special_tokens, self.pattern
        return tokenizer_json(*parts, self.normalizer)

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
        return self._encode_pieces(self._find_pieces(self._normalized(text)))

    def _normalized(self, text: str) -> str:
        return unicodedata.normalize(self.normalizer, text) if self.normalizer else text

    def _encode_pieces(self, pieces: list[str]) -> list[int]:
        ids: list[int] = []
        known = self._cache.get
        for piece in pieces:
            ids += known(piece) or self._encode_piece(piece)
        return ids

    def _encode_piece(self, piece: str) -> list[int]:
        data = piece.encode()
        whole = self._ranks.get(data)
        if whole is not None:
            ids = [whole]
        else:
            ids = [self._ranks[token] for token in merge_piece(data, self._ranks)]
        if len(piece) <= MAX_CACHED_LENGTH:
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

        The ids are those of `encode("".join(texts))`, wherever the texts are cut. The
        buffer grows where one piece is longer than it is. A tokenizer that normalizes
        holds the whole text: the next character may join the one before it.
        """
        if self.normalizer is not None:
            yield from self.encode("".join(texts), allowed_special)
            return
        splitter = special_splitter(self._allowed(allowed_special))
        buffer, wanted = "", buffer_characters
        for text in stretches(texts, buffer_characters):
            buffer += text
            if len(buffer) >= wanted:
                border, limit = self._safe_borders(buffer, splitter)
                pieces = settled_pieces(buffer[border:limit], self._find_pieces)
                yield from self.encode(buffer[:border], allowed_special)
                yield from self._encode_pieces(pieces)
                buffer = buffer[border + sum(map(len, pieces)) :]
                # A piece longer than the buffer: read on before looking again.
                wanted = max(buffer_characters, 2 * len(buffer))
        yield from self.encode(buffer, allowed_special)

    def _safe_borders(
        self, buffer: str, splitter: regex.Pattern | None
    ) -> tuple[int, int]:
        """Return where the last whole special token ends, and where none has begun.

        One may have begun in the last characters, so they must wait.
        """
        longest = max(map(len, self.special_tokens), default=0) if splitter else 0
        limit, border = max(0, len(buffer) - longest), 0
        for match in splitter.finditer(buffer) if splitter else ():
            if match.start() < limit:
                border = match.end()
        return border, limit

    def fast_encoder(self, threads: int = 1) -> Callable[[list[str]], list[list[int]]]:
        """Return a function that encodes a list of documents through tiktoken.

        Equal to `encode(text, allowed_special="none")` of each, and several times as
        fast, because tiktoken is compiled and encodes `threads` documents at a time.
        """
        encode = self.array_encoder()
        arrays = partial(map_in_order, encode, workers=threads, pool=ThreadPoolExecutor)
        return lambda texts: [ids.tolist() for ids in arrays(texts)]

    def array_encoder(self) -> Callable[[str], np.ndarray]:
        """Return a function that encodes one document through tiktoken, as uint32.

        Equal to `encode(text, allowed_special="none")`, which takes over where tiktoken
        gives up: it cannot look past hundreds of thousands of blanks.

        A character that one library's Unicode tables do not know yet may be a letter to
        the other, and the text be cut elsewhere; on all older ones they agree.
        """
        encoding = self.to_tiktoken()
        # A pattern that names the number itself takes 130 megabytes to compile.
        find_blanks = regex.compile(r"\s{100,}").finditer

        def encode(text: str) -> np.ndarray:
            text = self._normalized(valid_unicode(text))
            if len(text) >= MAX_BLANKS and any(
                len(blanks[0]) >= MAX_BLANKS for blanks in find_blanks(text)
            ):
                return np.array(self.encode(text, "none"), dtype=np.uint32)
            return encoding.encode_to_numpy(text, disallowed_special=())

        return encode

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
        """Return the same tokenizer as a tiktoken encoding.

        It has no normalizer: where this one has, give it normalized text.
        """
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


def main(argv: list[str] | None = None) -> int:
    """Train a tokenizer on text and say what it learned."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--input", required=True, help="a text file, .jsonl, or folder")
    parser.add_argument("--vocab-size", type=int, default=1024, help="tokens in all")
    parser.add_argument("--out", required=True, help="folder for tokenizer.json")
    parser.add_argument(
        "--special-tokens", nargs="*", default=SPECIAL_TOKENS, metavar="TOKEN"
    )
    parser.add_argument("--processes", type=int, default=1, help="cores that count")
    parser.add_argument("--show", type=int, default=20, help="merges to print")
    args = parser.parse_args(argv)

    def command() -> None:
        sample: list[str] = []
        # Nothing is shown in the first second: bad input ends in one line, not in two.
        documents = tqdm(
            read_documents(args.input), "counting", unit=" documents", delay=1
        )
        texts = remember_first(documents, sample)
        tokenizer = train_bpe(
            texts, args.vocab_size, args.special_tokens, processes=args.processes
        )
        path = tokenizer.save(args.out)
        n_tokens = sum(map(len, tokenizer.fast_encoder(args.processes)(sample)))
        n_bytes = sum(len(valid_unicode(text).encode()) for text in sample)
        print(f"{path}: {len(tokenizer):,} tokens, {len(tokenizer.merges):,} merges")
        print(
            f"the first {n_bytes:,} bytes of text become {n_tokens:,} tokens, "
            f"{n_bytes / n_tokens:.2f} bytes per token"
        )
        for left, right in tokenizer.merges[: args.show]:
            joined = (left + right).decode("utf-8", "replace")
            print(f"  {left!r} + {right!r} -> {joined!r}")

    return run_command(command)


def remember_first(
    documents: Iterable[Document], first: list[str], characters: int = 1 << 22
) -> Iterator[str]:
    """Yield the documents' texts, and append the first of them to `first`."""
    for document in documents:
        if characters > 0:
            first.append(document.text)
            characters -= len(document.text)
        yield document.text


if __name__ == "__main__":
    raise SystemExit(main())
