r"""How fast each plane of a rotary head turns, and how to slow it for longer texts.

A model that was trained on texts of 128 tokens has never seen the angles that position
500 gives its slow planes. Each rule here makes positions beyond the trained length look
like positions within it, and each pays another price:

    linear   every plane slower by the factor: neighbours grow hard to tell apart
    ntk      a larger theta: the fastest plane is kept, the slowest slowed by the factor
    llama3   planes by how often they turn within the trained length: fast ones kept,
             slow ones slowed by the factor, a passage between
    yarn     the same with a passage by the plane's number, and sharper scores
"""

import argparse
import math
from collections.abc import Mapping

import torch
from torch import Tensor

from ch01_data.files import run_command

# What a scaling must hold beside its rope_type, and what it may hold.
NEEDED = {
    "default": set(),
    "linear": {"factor"},
    "llama3": {
        "factor",
        "low_freq_factor",
        "high_freq_factor",
        "original_max_position_embeddings",
    },
    "ntk": {"factor"},
    "yarn": {"factor", "original_max_position_embeddings"},
}
OPTIONAL = {
    "yarn": {
        "attention_factor",
        "beta_fast",
        "beta_slow",
        "mscale",
        "mscale_all_dim",
        "truncate",
    },
}


def check_rope_scaling(scaling: Mapping) -> None:
    """Refuse a scaling that is unknown, incomplete, or says more than is honoured.

    An optional number may be None, which means that it is not given.

    Raises:  ValueError that names the kind, or the field.
    """
    kind, given = scaling.get("rope_type"), set(scaling) - {"rope_type"}
    if kind not in NEEDED:
        known = ", ".join(NEEDED)
        raise ValueError(f"rope_type is {kind!r}, but only {known} are known")
    missing = NEEDED[kind] - given
    unknown = given - NEEDED[kind] - OPTIONAL.get(kind, set())
    if missing or unknown:
        wrong = min(missing | unknown)
        problem = "missing" if wrong in missing else "not known"
        raise ValueError(f"rope_scaling of rope_type {kind!r}: {wrong!r} is {problem}")
    for name in sorted(given):
        _check_value(name, scaling[name], name in NEEDED[kind])


def _check_value(name: str, value: object, needed: bool) -> None:
    """Refuse what is no positive number, and for `truncate` what is neither yes nor no.

    A factor below 1 would speed the planes up.
    """
    if name == "truncate":
        if not isinstance(value, bool):
            raise ValueError(f"rope_scaling: truncate is {value!r}; give true or false")
        return
    if value is None and not needed:
        return
    least = 1 if name == "factor" else 0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"rope_scaling: {name} is {value!r}; it must be a number")
    if not least <= value < math.inf or value == 0:
        wanted = "1 or more" if least else "positive"
        raise ValueError(f"rope_scaling: {name} is {value}; it must be {wanted}")


def with_original_length(
    scaling: Mapping | None, context_length: int
) -> Mapping | None:
    """Say of yarn that the model was trained at its full length, if nothing else is.

    This is what transformers does with a file that does not say.
    """
    name = "original_max_position_embeddings"
    if scaling and scaling.get("rope_type") == "yarn" and name not in scaling:
        return {**scaling, name: context_length}
    return scaling


def rotary_frequencies(
    d_head: int, theta: float = 10000.0, scaling: Mapping | None = None
) -> Tensor:
    """Return the angle per position of each of the Dh/2 planes, fastest first.

    Shape:   (Dh/2,), float32.
    Units:   radians per position.
    Raises:  ValueError if d_head is odd or the scaling is not one that is known.
    Source:  Su et al. 2021, section 3.2.2; "linear": Chen et al. 2023, section 2.3.
    """
    if d_head % 2:
        raise ValueError(f"d_head is {d_head}, but rotary positions need an even width")
    scaling = scaling or {"rope_type": "default"}
    check_rope_scaling(scaling)
    kind = scaling["rope_type"]
    if kind == "ntk":
        theta = ntk_theta(d_head, theta, scaling["factor"])
    planes = torch.arange(0, d_head, 2, dtype=torch.float32)
    frequencies = 1.0 / theta ** (planes / d_head)
    if kind in ("default", "ntk"):
        return frequencies
    if kind == "linear":
        return frequencies / scaling["factor"]
    if kind == "llama3":
        keep = kept_by_turns(frequencies, scaling)
    else:
        keep = kept_by_number(d_head, theta, scaling)
    return frequencies * (keep + (1.0 - keep) / scaling["factor"])


def ntk_theta(d_head: int, theta: float, factor: float) -> float:
    """Return the theta at which the slowest plane turns slower by exactly `factor`.

    Plane i turns by theta ** (-2i / Dh). For the last one, i = Dh/2 - 1, the exponent
    is -(Dh - 2) / Dh, so theta must grow by factor ** (Dh / (Dh - 2)).

    Raises:  ValueError if there is a single plane, both fastest and slowest.
    Source:  Peng et al. 2023 (YaRN), definition 1.
    """
    if d_head <= 2:
        raise ValueError(f"d_head is {d_head}, but ntk needs two planes or more: 4")
    return theta * factor ** (d_head / (d_head - 2))


def kept_by_turns(frequencies: Tensor, scaling: Mapping) -> Tensor:
    """Say by llama3's rule which share of each plane's speed is kept as it is.

    All of it, if the plane makes `high_freq_factor` whole turns or more within the
    trained length; none, if `low_freq_factor` or fewer; between them in proportion.

    Shape:   frequencies (Dh/2,)  ->  (Dh/2,), from 0 to 1.
    Raises:  ValueError if the two factors leave no room between them.
    Source:  the model files of Llama 3.1 (Dubey et al. 2024).
    """
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    if low >= high:
        raise ValueError(
            f"rope_scaling: low_freq_factor {low} must be less than "
            f"high_freq_factor {high}"
        )
    turns = scaling["original_max_position_embeddings"] * frequencies / (2 * math.pi)
    return ((turns - low) / (high - low)).clamp(0.0, 1.0)


def kept_by_number(d_head: int, theta: float, scaling: Mapping) -> Tensor:
    """Say by YaRN's rule which share of each plane's speed is kept as it is.

    Between the plane that makes `beta_fast` turns within the trained length and the one
    that makes `beta_slow`, the share falls by equal steps from plane to plane. Their
    numbers are whole ones, rounded outwards, unless `truncate` is false.

    Shape:   (Dh/2,), from 1 to 0.
    Raises:  ValueError if theta is at most 1: no plane would be slower than another.
    Source:  Peng et al. 2023 (YaRN), section 3.2; that the passage goes by number is
             from their code.
    """
    if theta <= 1:
        raise ValueError(f"theta is {theta}, but yarn needs one greater than 1")
    length = scaling["original_max_position_embeddings"]

    def plane_of(turns: float) -> float:
        """Solve length * theta ** (-2i / Dh) = 2 pi turns for the plane's number i."""
        return d_head * math.log(length / (turns * 2 * math.pi)) / (2 * math.log(theta))

    first = plane_of(scaling.get("beta_fast") or 32)
    last = plane_of(scaling.get("beta_slow") or 1)
    if scaling.get("truncate", True):
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, d_head - 1)
    # A passage of no width would divide by zero; transformers widens it by as much.
    width = last - first or 0.001
    planes = torch.arange(d_head // 2, dtype=torch.float32)
    return 1.0 - ((planes - first) / width).clamp(0.0, 1.0)


def attention_factor(scaling: Mapping | None) -> float:
    """Return by what YaRN multiplies rotated queries and keys; 1 for every other kind.

    Scores grow by its square: over a longer text each query has more keys to choose
    from, and a sharper softmax makes up for it.

    Source:  Peng et al. 2023 (YaRN), eq. 22 (0.1 ln s + 1); mscale and mscale_all_dim:
             the model files of DeepSeek-V2.
    """
    if not scaling or scaling["rope_type"] != "yarn":
        return 1.0
    if scaling.get("attention_factor") is not None:
        return float(scaling["attention_factor"])

    def sharpness(strength: float) -> float:
        return 0.1 * strength * math.log(scaling["factor"]) + 1.0

    above, below = scaling.get("mscale"), scaling.get("mscale_all_dim")
    if above and below:
        return sharpness(above) / sharpness(below)
    return sharpness(1.0)


def example_scalings(factor: float, length: int) -> dict[str, dict]:
    """Return one scaling of every kind, with the usual settings.

    Units:   `length` is the trained one, in tokens.
    """
    trained = {"original_max_position_embeddings": length}
    turns = {"low_freq_factor": 1.0, "high_freq_factor": 4.0}
    return {
        "default": {"rope_type": "default"},
        "linear": {"rope_type": "linear", "factor": factor},
        "ntk": {"rope_type": "ntk", "factor": factor},
        "llama3": {"rope_type": "llama3", "factor": factor, **trained, **turns},
        "yarn": {"rope_type": "yarn", "factor": factor, **trained},
    }


def main(argv: list[str] | None = None) -> int:
    """Print how many tokens one turn of each plane takes, under every rule."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--d-head", type=int, default=16, help="width of a head")
    parser.add_argument("--theta", type=float, default=10000.0, help="base of speeds")
    parser.add_argument("--factor", type=float, default=4.0, help="times the length")
    parser.add_argument("--length", type=int, default=128, help="trained, in tokens")
    args = parser.parse_args(argv)

    def show() -> None:
        for name, scaling in example_scalings(args.factor, args.length).items():
            speeds = rotary_frequencies(args.d_head, args.theta, scaling)
            turns = "".join(f"{2 * math.pi / speed:>10.1f}" for speed in speeds)
            print(f"{name:<8}{turns}   scores x {attention_factor(scaling) ** 2:.3f}")

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
