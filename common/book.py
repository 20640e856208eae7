"""What the notebooks share: figures in one style, listings, and the run to look into.

Nothing here computes anything. A figure is made without pyplot, so no state survives
a cell and the same numbers give the same bytes.
"""

import importlib
import inspect
import io
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import PIL.Image
from IPython.display import Image, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

ROOT = Path(__file__).resolve().parents[1]

# Okabe and Ito's colours stay apart for colour-blind readers; a dash and a marker of
# its own keep each line apart in black and white as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
HATCHES = ("", "//", "..", "xx", "\\\\", "--", "oo", "||")


def show_source(thing: object) -> None:
    """Show the listing of a function, a class, or a name such as "module.Class.method".

    Raises:  ValueError if no module of that name can be imported.
    """
    thing = _find(thing) if isinstance(thing, str) else thing
    path = Path(inspect.getsourcefile(inspect.unwrap(thing))).resolve()
    place = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name
    source = textwrap.dedent(inspect.getsource(thing)).rstrip()
    listing = f"# {Path(place).as_posix()}\n{source}"
    markdown = f"```python\n{listing}\n```"
    display({"text/markdown": markdown, "text/plain": listing}, raw=True)


def _find(name: str) -> object:
    """Import the longest module that `name` begins with and walk on from there."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            thing = getattr(thing, part)
        return thing
    raise ValueError(f"{name!r} does not begin with the name of a module")


def find_run(folder: str | Path = ROOT / "runs") -> Path:
    """Return the finished run to look into, the full one first, and say which it is.

    Raises:  ValueError if neither is finished.
    """
    for name in ("default", "quick"):
        run = Path(folder) / name
        if (run / "report.json").is_file():
            print(f"using runs/{name}")
            return run
    raise ValueError(
        f"no finished run in {folder}; make a small one with "
        "`python -m common.pipeline --preset quick --out runs/quick`"
    )


def read_results(name: str, folder: Path = ROOT) -> dict:
    """Return what an experiment measured, and say by which command and on what.

    Raises:  ValueError if it has not been run.
    """
    paths = sorted(folder.glob(f"*/results/{name}.json"))
    if not paths:
        raise ValueError(
            f"there is no results/{name}.json; make it with "
            f"python -m common.experiments {name}"
        )
    found = json.loads(paths[0].read_text(encoding="utf-8"))
    cores, processor = (found["machine"][key] for key in ("cores", "processor"))
    seeds = ", ".join(map(str, found["seeds"]))
    cores = f"{cores} core{'s' * (cores > 1)}"
    print(f"{found['command']} (seeds {seeds}; {cores}, {processor})")
    return found


def new_figure(
    x_label: str,
    y_label: str,
    *,
    columns: int = 1,
    titles: Sequence[str] = (),
    size: tuple[float, float] = (6.0, 3.5),
) -> Axes | list[Axes]:
    """Make a figure and return its axes: one, or a list where there are `columns`.

    Units:   size in inches, at 100 dots per inch.
    """
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    row = list(figure.subplots(1, columns, squeeze=False)[0])
    for index, axes in enumerate(row):
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label if index == 0 else "")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.9", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_title(titles[index] if index < len(titles) else "", fontsize=10)
    return row if columns > 1 else row[0]


def draw_line(
    axes: Axes,
    x: Sequence[float],
    y: Sequence[float],
    label: str,
    number: int = 0,
    *,
    markers: bool = True,
    label_at: int = -1,
    offset: tuple[float, float] = (6, 0),
) -> None:
    """Draw line `number` in its own colour, dash and marker, labelled where it ends.

    `label_at` is the index of the point beside which the label stands, `offset` its
    distance from there in points.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    style = number % len(COLOURS)
    axes.plot(
        x,
        y,
        color=COLOURS[style],
        linestyle=DASHES[style],
        marker=MARKERS[style] if markers else None,
        markersize=4,
    )
    axes.annotate(
        label,
        (x[label_at], y[label_at]),
        xytext=offset,
        textcoords="offset points",
        color=COLOURS[style],
        va="center",
        fontsize=9,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
    )


def draw_spreads(
    axes: Axes,
    x: Sequence[float],
    spreads: Sequence[dict],
    label: str,
    number: int = 0,
    **options: object,
) -> None:
    """Draw a line through the means, and at each a bar from least to greatest.

    A spread is what an experiment writes: `mean`, `min`, `max` and `values`; options
    are those of `draw_line`.
    """
    means = [spread["mean"] for spread in spreads]
    draw_line(axes, x, means, label, number, **options)
    lows, highs = ([spread[key] for spread in spreads] for key in ("min", "max"))
    axes.vlines(x, lows, highs, color=COLOURS[number % len(COLOURS)], linewidth=2)


def draw_stacks(
    axes: Axes,
    names: Sequence[str],
    parts: Mapping[str, Sequence[float]],
    *,
    width: float = 0.7,
) -> None:
    """Draw a bar for each name, piled up of its share of each part, and a legend.

    `parts` holds, under the name of each part, one size for each bar; underscores in
    these names are read as spaces.
    """
    height = np.zeros(len(names))
    for number, (label, sizes) in enumerate(parts.items()):
        axes.bar(
            range(len(names)),
            sizes,
            width,
            bottom=height,
            label=label.replace("_", " "),
            color=COLOURS[number % len(COLOURS)],
            hatch=HATCHES[number % len(HATCHES)],
            edgecolor="white",
        )
        height += np.asarray(sizes, dtype=float)
    axes.set_xticks(range(len(names)), names)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], fontsize=8)


def draw_funnel(stages: Sequence[dict]) -> Axes:
    """Draw the documents that each stage of a clean-up left, and what it took.

    Stages are those of a corpus report; those that did not run are left out.
    """
    ran = [stage for stage in stages if stage["ran"]]
    axes = new_figure("documents", "")
    for place, stage in enumerate(ran):
        left = stage["documents_out"]
        gone = stage["documents_in"] - left
        axes.barh(place, left, color=COLOURS[0])
        axes.barh(place, gone, left=left, color=COLOURS[1], hatch="//")
        label = f"{left:,}" + f"   took {gone:,}" * bool(gone)
        axes.annotate(
            label,
            (stage["documents_in"], place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.set_yticks(range(len(ran)), [stage["name"].replace("_", " ") for stage in ran])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.35 * ran[0]["documents_in"])
    return axes


def draw_level(axes: Axes, y: float, label: str) -> None:
    """Draw a dotted level (a floor, a chance rate) across the figure, and label it."""
    axes.axhline(y, color="black", linewidth=0.9, linestyle=":")
    axes.annotate(
        label,
        (0.5, y),
        xycoords=("axes fraction", "data"),
        xytext=(0, -5),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=9,
    )


def heat_map(
    values: Sequence,
    *,
    axes: Axes | None = None,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    title: str = "",
    x_label: str = "key",
    y_label: str = "query",
    around_zero: bool = False,
    limits: tuple[float, float] | None = None,
    number_format: str | None = None,
) -> Axes:
    """Draw a matrix, first row on top; around zero it takes two colours.

    `number_format` (such as "{:.2f}") writes each value into its cell.

    Shape:   values (_, _), a tensor, an array or nested lists.
    """
    grid = np.asarray(values, dtype=float)
    if axes is None:
        axes = new_figure(x_label, y_label, size=(4.5, 3.6))
    low, high = limits or (float(np.nanmin(grid)), float(np.nanmax(grid)))
    if around_zero:
        low, high = -max(abs(low), abs(high)), max(abs(low), abs(high))
    colours = "PuOr" if around_zero else "cividis"
    image = axes.imshow(grid, cmap=colours, vmin=low, vmax=high, aspect="auto")
    axes.grid(False)
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.set_title(title, fontsize=10)
    if len(columns):
        axes.set_xticks(range(len(columns)), columns)
    if len(rows):
        axes.set_yticks(range(len(rows)), rows)
    if number_format:
        _write_numbers(axes, grid, number_format.format, image)
    else:
        axes.figure.colorbar(image, ax=axes, shrink=0.9)
    return axes


def heat_maps(
    matrices: Sequence,
    titles: Sequence[str],
    *,
    height: float = 3.2,
    **keywords: object,
) -> Axes:
    """Draw matrices side by side, each under its title; keywords as for `heat_map`."""
    size = (3.5 * len(matrices), height)
    row = new_figure("", "", columns=len(matrices), size=size)
    for axes, matrix, title in zip(row, matrices, titles, strict=True):
        heat_map(matrix, axes=axes, title=title, **keywords)
    return row[0]


def _write_numbers(
    axes: Axes, grid: np.ndarray, text: Callable[[float], str], image: object
) -> None:
    """Write each value into its cell, light on dark and dark on light."""
    for (row, column), value in np.ndenumerate(grid):
        red, green, blue, _ = image.cmap(image.norm(value))
        bright = 0.3 * red + 0.6 * green + 0.1 * blue > 0.5
        colour = "black" if bright else "white"
        axes.text(column, row, text(value), ha="center", va="center", color=colour)


def show_figure(axes: Axes, alt: str) -> None:
    """Show the whole figure that `axes` belongs to, as a PNG with its alt text."""
    buffer = io.BytesIO()
    # Without this the file names matplotlib's version, and its bytes change with it.
    axes.figure.savefig(buffer, format="png", metadata={"Software": None})
    small = io.BytesIO()
    # 128 colours are enough for lines and letters, and halve what git must keep.
    few = PIL.Image.open(buffer).convert("RGB").quantize(128)
    few.save(small, format="png", optimize=True)
    display(Image(small.getvalue(), alt=alt))


def show_tokens(
    texts: Mapping[str, Sequence[bytes]], alt: str, *, width: int = 68
) -> None:
    """Show texts as rows of coloured boxes, one for each token, under their names.

    A space is written as a dot, a line end as ↵, a byte that is no character by itself
    in hexadecimal. Colours only tell neighbours apart.

    Units:   width in characters.
    """
    placed, line = [], 0
    for name, tokens in texts.items():
        placed.append((line, 0, name, None))
        line, column = line + 1, 0
        for number, label in enumerate(map(token_label, tokens)):
            if column + len(label) > width:
                line, column = line + 1, 0
            placed.append((line, column, label, COLOURS[number % 3]))
            column += len(label) + 0.6
        line += 1.4
    figure = Figure(figsize=(7.0, 0.24 * line), dpi=100)
    axes = figure.add_axes((0.01, 0, 0.98, 1))
    axes.set(xlim=(0, width), ylim=(line - 0.4, -0.6))
    axes.axis("off")
    for y, x, label, colour in placed:
        style = {"va": "center_baseline", "fontsize": 9, "family": "monospace"}
        if colour is None:
            axes.text(x, y, label, **style | {"family": "sans-serif"})
            continue
        size = len(label) + 0.3
        box = Rectangle((x, y - 0.4), size, 0.8, color=colour, alpha=0.25, lw=0)
        axes.add_patch(box)
        axes.text(x + size / 2, y, label, ha="center", **style)
    show_figure(axes, alt)


def token_label(token: bytes) -> str:
    """Return a token as text with visible blanks, or else its bytes in hexadecimal."""
    try:
        text = token.decode()
    except UnicodeDecodeError:
        return token.hex(" ")
    text = text.replace(" ", "·").replace("\n", "↵").replace("\t", "→")
    return text if text.isprintable() else token.hex(" ")
