"""What the notebooks stand on: the same numbers give the same bytes, listings are real."""

import pytest
from IPython.utils.capture import capture_output

from ch03_attention import attention
from common import book


def shown(function, *arguments) -> dict:
    """Return the one rich output of a call, by its mime type."""
    with capture_output() as captured:
        function(*arguments)
    (output,) = captured.outputs
    return output.data


def draw() -> object:
    axes = book.new_figure("step", "loss (nats per token)")
    for number in range(8):  # more lines than colours
        book.draw_line(axes, [0, 1, 2], [number, 2, 1], f"line {number}", number)
    book.draw_level(axes, 0.5, "floor")
    return axes


def test_a_figure_is_the_same_bytes_each_time_and_carries_its_alt_text() -> None:
    first, second = (shown(book.show_figure, draw(), "what to see") for _ in range(2))
    assert first["image/png"] == second["image/png"]
    with capture_output() as captured:
        book.show_figure(draw(), "what to see")
    assert captured.outputs[0].metadata["image/png"]["alt"] == "what to see"


def test_heat_maps_share_a_figure_and_centre_on_zero_when_asked() -> None:
    axes = book.heat_maps([[[1, -3]], [[0, 2]]], ["a", "b"], around_zero=True)
    first, second = (a for a in axes.figure.axes if a.images)
    assert first.images[0].get_clim() == (-3, 3) and first.get_title() == "a"
    assert second.images[0].get_clim() == (-2, 2)


def test_a_listing_is_the_source_itself() -> None:
    name = "ch03_attention.attention.CausalSelfAttention.forward"
    listing = shown(book.show_source, name)["text/plain"]
    assert listing.startswith("# ch03_attention/attention.py\ndef forward(\n    self,")
    assert (
        listing
        == shown(book.show_source, attention.CausalSelfAttention.forward)["text/plain"]
    )
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
