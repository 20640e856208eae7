"""Letters: which pairs English hardly has, and so which words nobody can say.

Random letters give themselves away within a word or two. Of the 676 pairs of letters a
third hardly ever occur in English words or in the names of programs, and four of five
random words of six letters have one. The list below was counted, not thought out:
`python -m ch01_data.letters --source pylib` prints it, and does so for any other text.
"""

import argparse
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from string import ascii_lowercase

from ch01_data.files import run_command
from ch01_data.rules import View
from ch01_data.sources import read_texts

MOST = 4e-4  # of the words: a pair that fewer have is rare
LEAST_DOCUMENTS = 3  # a word of fewer documents may be a slip, or noise itself
RARE_PAIRS = frozenset(
    "aa aj aq az bf bg bh bk bq bv bw bx bz cb cj cw cx cz dh dk dq dx dz fb fh fj fk "
    "fm fq fv fw fx fz gb gj gk gq gx hb hg hh hj hk hp hq hv hw hx hz ih ii ij iu iw "
    "iy jb jc jd jf jg jh jj jk jl jm jn jp jq jr jt jv jw jx jy jz kb kc kj km kq kv "
    "kx kz lh lj lq lw lx mc mg mh mj mq mv mw mx mz nx nz oj oq pj pq pv px pz qa qb "
    "qc qd qe qf qg qh qi qj qk ql qm qn qo qp qq qr qs qt qv qw qx qy qz rj rq rx rz "
    "sb sj sx sz tj tq uh uj uq uv uw ux uy uz vb vd vf vg vh vj vk vl vn vp vq vr vs "
    "vt vu vv vw vx vy vz wb wc wf wg wj wk wm wp wq wt wu wv ww wx wy wz xb xf xg xj "
    "xk xn xq xr xu xv xz yh yj yk yq yu yx yy zb zc zd zf zg zh zj zk zl zn zp zq zr "
    "zs zu zv zw zx zy zz".split()
)


def rare_pairs(texts: Iterable[str], most: float = MOST) -> list[str]:
    """Return the pairs of letters that few of the words of the texts have.

    Words are those of four letters or more that stand in at least three documents. A
    word counts once however often it occurs, so a frequent word makes no pair common.
    """
    documents: Counter[str] = Counter()
    for text in texts:
        words = View.of(text).vocabulary
        documents.update(w for w in words if len(w) > 3 and w.isascii() and w.isalpha())
    words = [word for word, n in documents.items() if n >= LEAST_DOCUMENTS]
    counts = Counter(pair for word in words for pair in pairs_of(word))
    every = (a + b for a in ascii_lowercase for b in ascii_lowercase)
    return [pair for pair in every if counts[pair] <= most * len(words)]


def pairs_of(word: str) -> set[str]:
    """Return the different pairs of neighbouring letters of a word."""
    return set(map("".join, zip(word, word[1:])))


@lru_cache(maxsize=1 << 16)
def is_strange(word: str) -> bool:
    """Tell whether a word in lower case has a pair of letters that is rare."""
    return not RARE_PAIRS.isdisjoint(pairs_of(word))


@lru_cache(maxsize=1 << 16)
def judged(word: str) -> bool | None:
    """Tell whether a word is strange; None for a short one, or one of other marks."""
    return (
        is_strange(word)
        if len(word) > 3 and word.isascii() and word.isalpha()
        else None
    )


def main(argv: list[str] | None = None) -> int:
    """Print the pairs of letters that the words of a source hardly have."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--source", required=True, help="pylib, a file, folder or glob")
    parser.add_argument("--most", type=float, default=MOST, help="share of the words")
    arguments = parser.parse_args(argv)
    return run_command(
        lambda: print(*rare_pairs(read_texts(arguments.source), arguments.most))
    )


if __name__ == "__main__":
    raise SystemExit(main())
