"""What notebooks stand on: the same numbers give the same bytes, listings are real."""

import pytest
from IPython.display import Image

from ch03_attention import attention
from common import book


@pytest.fixture
def shown(monkeypatch) -> list:
    """Collect what would be displayed in a notebook."""
    outputs = []
    monkeypatch.setattr(book, "display", lambda value, raw=False: outputs.append(value))
    return outputs


def draw() -> object:
    axes = book.new_figure("step", "loss (nats per token)")
    for number in range(8):  # more lines than colours
        book.draw_line(axes, [0, 1, 2], [number, 2, 1], f"line {number}", number)
    book.draw_level(axes, 0.5, "floor")
    return axes


def test_a_figure_is_the_same_bytes_each_time_and_has_its_alt_text(shown) -> None:
    for _ in range(2):
        book.show_figure(draw(), "what to see")
    first, second = shown
    assert isinstance(first, Image) and first.data.startswith(b"\x89PNG")
    assert first.data == second.data
    assert first.alt == "what to see"


def test_heat_maps_share_a_figure_and_centre_on_zero_when_asked() -> None:
    axes = book.heat_maps([[[1, -3]], [[0, 2]]], ["a", "b"], around_zero=True)
    first, second = (part for part in axes.figure.axes if part.images)
    assert first.images[0].get_clim() == (-3, 3) and first.get_title() == "a"
    assert second.images[0].get_clim() == (-2, 2)


def test_a_listing_is_the_source_itself(shown) -> None:
    book.show_source("ch03_attention.attention.CausalSelfAttention.forward")
    book.show_source(attention.CausalSelfAttention.forward)
    by_name, by_object = shown
    assert by_name == by_object
    start = "# ch03_attention/attention.py\ndef forward(\n    self,"
    assert by_name["text/plain"].startswith(start)
    assert by_name["text/markdown"].startswith("```python\n" + start)


def test_a_listing_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="'no_such.name' does not begin"):
        book.show_source("no_such.name")


def test_the_finished_run_is_found_the_full_one_first(tmp_path, capsys) -> None:
    with pytest.raises(ValueError, match="--preset quick"):
        book.find_run(tmp_path)
    (tmp_path / "default").mkdir()  # begun, not finished
    for name in ("quick", "default"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "report.json").write_text("{}")
        assert book.find_run(tmp_path) == tmp_path / name
        assert capsys.readouterr().out == f"using runs/{name}\n"


@pytest.mark.parametrize(
    ("token", "label"),
    [
        (b" key", "·key"),
        (b"\n\t", "↵→"),
        ("é".encode(), "é"),
        ("é".encode()[:1], "c3"),
        (b"\xe2\x82", "e2 82"),
        (b"\x00", "00"),
    ],
)
def test_a_token_is_labelled_so_that_each_sign_shows(token, label) -> None:
    assert book.token_label(token) == label


def test_every_token_gets_a_box_and_no_line_is_too_long(shown, monkeypatch) -> None:
    drawn = []
    show = book.show_figure
    monkeypatch.setattr(
        book, "show_figure", lambda a, alt: (drawn.append(a), show(a, alt))
    )
    tokens = {"words": [b" red", b" key"] * 30, "bytes": [b"\xc3"]}
    for _ in range(2):
        book.show_tokens(tokens, "boxes", width=40)
    axes = drawn[0]
    assert [text.get_text() for text in axes.texts].count("·key") == 30
    assert len(axes.patches) == 61 and len(axes.texts) == 63
    assert max(box.get_x() + box.get_width() for box in axes.patches) <= 40.5
    assert len({box.get_y() for box in axes.patches}) > 5, "lines wrap"
    assert shown[0].data == shown[1].data and shown[0].alt == "boxes"


def test_a_funnel_shows_the_stages_that_ran():
    stages = [
        {"name": "read", "ran": True, "documents_in": 10, "documents_out": 9},
        {"name": "toxicity", "ran": False, "documents_in": 9, "documents_out": 9},
        {"name": "near_duplicates", "ran": True, "documents_in": 9, "documents_out": 4},
    ]
    axes = book.draw_funnel(stages)
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "read",
        "near duplicates",
    ]
    assert [bar.get_width() for bar in axes.patches] == [9, 1, 4, 5]
    assert [text.get_text() for text in axes.texts] == ["9   took 1", "4   took 5"]


def test_stacked_bars_stand_on_each_other() -> None:
    axes = book.new_figure("", "MB")
    book.draw_stacks(axes, ["a", "b"], {"low": [1, 2], "high": [3, 4]})
    low, high = axes.containers
    assert [bar.get_y() for bar in low] == [0, 0]
    assert [bar.get_y() for bar in high] == [1, 2]
    assert [bar.get_height() for bar in high] == [3, 4]
    # The legend is read from the top, as the bars are.
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["high", "low"]
