"""Text in, text out: the LLM facade on a small untrained model, and the terminal chat.

The model knows bytes only, so a token is a character and every length can be counted.
"""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ch02_tokenization.tokenization import SPECIAL_TOKENS, train_bpe
from ch04_transformer.pretrained import save_pretrained
from ch04_transformer.transformer import ModelConfig, Transformer
from ch06_generation.generation import generate
from ch07_finetuning.finetuning import chat_prompt
from common import chat, model
from common.model import LLM

ROOT = Path(__file__).resolve().parents[1]
CONTEXT = 1600  # a story of storyworld has at most some 1,200 characters
MESSAGES = [{"role": "user", "content": "Who found the key?"}]


def build_llm(context_length=CONTEXT):
    """Make a model whose greedy text is neither constant nor over at once."""
    tokenizer = train_bpe(["no merges"], 256 + len(SPECIAL_TOKENS), SPECIAL_TOKENS)
    torch.manual_seed(1)
    shape = dict(d_model=16, n_layers=1, n_heads=2, d_ff=24, rope_theta=100.0)
    network = Transformer(ModelConfig(tokenizer.vocab_size, context_length, **shape))
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() > 1:
                parameter.mul_(4)
    return LLM(network, tokenizer)


@pytest.fixture(scope="module")
def llm():
    return build_llm()


@pytest.fixture(scope="module")
def folder(llm, tmp_path_factory):
    path = tmp_path_factory.mktemp("llm")
    llm.save_pretrained(path)
    return path


# -- the facade -----------------------------------------------------------------------


def test_generate_is_the_text_of_what_chapter_6_generates(llm):
    ids = [llm.tokenizer.end_of_text_id, *b"Once"]
    new = generate(
        llm.model,
        torch.tensor([ids]),
        max_new_tokens=40,
        temperature=0.0,
        stop={llm.tokenizer.end_of_text_id},
    )[0].tolist()
    found = llm.generate("Once", max_new_tokens=40, temperature=0.0)
    expected = [i for i in new if i != llm.tokenizer.end_of_text_id]
    assert found == llm.tokenizer.decode(expected) and len(found) > 5


def test_chat_is_the_text_of_what_chapter_6_generates_in_chat_form(llm):
    ids = chat_prompt(MESSAGES, llm.tokenizer)
    end = llm.tokenizer.special_id("<|end|>")
    new = generate(
        llm.model, torch.tensor([ids]), max_new_tokens=40, temperature=0.0, stop={end}
    )[0].tolist()
    expected = llm.tokenizer.decode([i for i in new if i != end])
    assert llm.chat(MESSAGES, max_new_tokens=40, temperature=0.0) == expected
    pieces = list(llm.stream(MESSAGES, max_new_tokens=40, temperature=0.0))
    assert "".join(pieces) == expected and len(pieces) > 5


def test_the_end_token_ends_a_text_and_is_not_part_of_it(llm, monkeypatch):
    order = [*b"ab", llm.tokenizer.end_of_text_id, *b"cd"]
    columns = (torch.tensor([[i]]) for i in order)
    monkeypatch.setattr(model.generation, "token_columns", lambda *a, **k: columns)
    assert llm.generate("x") == "ab"
    order = [*b"ab", llm.tokenizer.end_of_text_id, llm.tokenizer.special_id("<|end|>")]
    columns = (torch.tensor([[i]]) for i in [*order, *b"cd"])
    assert llm.chat(MESSAGES) == "ab<|endoftext|>"


def test_a_seed_repeats_a_text_and_another_seed_gives_another(llm):
    texts = [llm.generate("Once", seed=seed, max_new_tokens=30) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    answers = [llm.chat(MESSAGES, seed=seed, max_new_tokens=30) for seed in (1, 1, 2)]
    assert answers[0] == answers[1] != answers[2]


def test_a_special_token_in_a_prompt_stays_text(llm, monkeypatch):
    seen = []
    monkeypatch.setattr(
        model.generation, "stream", lambda m, t, ids, **k: seen.append(ids) or iter(())
    )
    llm.generate("<|end|>")
    assert seen == [[llm.tokenizer.end_of_text_id, *b"<|end|>"]]


def test_a_stop_string_ends_a_text_wherever_it_stands(llm):
    whole = llm.generate("Once", max_new_tokens=60, temperature=0.0)
    for start in (0, 7, 20):
        stop = whole[start : start + 5]
        found = llm.generate("Once", [stop], max_new_tokens=60, temperature=0.0)
        assert found == whole[: whole.find(stop)]
    assert llm.generate("Once", ["\0\0"], max_new_tokens=60, temperature=0.0) == whole


@pytest.mark.parametrize(
    ("pieces", "stop", "expected"),
    [
        (["one two", " three"], (), "one two three"),
        (["one t", "wo three"], ("two",), "one "),
        (list("one two three"), ("two", "three"), "one "),
        (list("one two three"), ("three", "two"), "one "),
        (["a", "b", "c"], ("abcd", "bc"), "a"),
        (["ab", "ab", "c"], ("abc",), "ab"),
        (["ends in tw"], ("two",), "ends in tw"),
        (["two at once two"], ("two",), ""),
        ([], ("two",), ""),
    ],
)
def test_stop_strings_are_found_across_pieces(pieces, stop, expected):
    """Worked by hand: "one t" + "wo three" has "two" at 4, so "one " is left."""
    given = list(model.until(iter(pieces), stop))
    assert "".join(given) == expected


def test_text_that_cannot_be_a_stop_string_is_given_at_once():
    pieces = iter(["The key", " is in", " the barn."])
    given = model.until(pieces, ("###",))
    assert next(given) == "The k"  # "ey" might yet begin a stop string of three
    assert next(given) == "ey is "
    assert list(model.until(iter(["a", "b"]), ()))[:2] == ["a", "b"]


@pytest.mark.parametrize("ask", ["generate", "chat", "stream"])
def test_a_prompt_longer_than_the_context_is_refused_with_both_numbers(ask):
    small = build_llm(context_length=40)
    long = "x" * 41
    prompt = long if ask == "generate" else [{"role": "user", "content": long}]
    with pytest.raises(ValueError, match=r"4[2-9] tokens, but it must have 1 to 40"):
        getattr(small, ask)(prompt)


def test_a_text_may_grow_longer_than_the_context():
    small = build_llm(context_length=40)
    found = small.generate("x" * 38, max_new_tokens=100, temperature=0.0)
    assert isinstance(found, str) and found


def test_wrong_settings_and_roles_are_refused_before_anything_is_generated(llm):
    with pytest.raises(ValueError, match="temperature is -1"):
        llm.generate("x", temperature=-1)
    with pytest.raises(ValueError, match="top_k is 0"):
        llm.stream(MESSAGES, top_k=0)
    with pytest.raises(ValueError, match="role 'robot'"):
        llm.chat([{"role": "robot", "content": "x"}])
    with pytest.raises(TypeError):
        llm.generate("x", tempreature=1)


def test_what_is_saved_opens_again_and_answers_alike(llm, folder):
    again = LLM.load(folder)
    options = dict(max_new_tokens=30, temperature=0.0)
    assert again.generate("Once", **options) == llm.generate("Once", **options)
    assert again.chat(MESSAGES, **options) == llm.chat(MESSAGES, **options)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_damaged_or_missing_file_is_named(llm, tmp_path, name):
    llm.save_pretrained(tmp_path)
    (tmp_path / name).write_bytes(b"{")
    with pytest.raises(ValueError, match=name):
        LLM.load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises((ValueError, OSError), match=name):
        LLM.load(tmp_path)


# -- models from elsewhere -------------------------------------------------------------

CHATML = """{% for message in messages %}
<|im_start|>{{ message['role'] }}
{{ message['content'] }}<|im_end|>
{% endfor %}
{% if add_generation_prompt %}
<|im_start|>assistant
{% endif %}"""


@pytest.fixture
def elsewhere(tmp_path):
    """A folder with tokens and a template that are not this book's."""
    names = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    tokenizer = train_bpe(["no merges"], 256 + len(names), names)
    folder = tmp_path / "elsewhere"
    save_pretrained(build_llm().model, folder, tokenizer, CHATML)
    return folder


def answer_of_transformers(folder, **options):
    """Return the text that transformers generates greedily after its own template."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    theirs = AutoModelForCausalLM.from_pretrained(folder)
    ids = tokenizer.apply_chat_template(
        MESSAGES, add_generation_prompt=True, return_tensors="pt", return_dict=False
    )
    options = dict(max_new_tokens=30, do_sample=False, pad_token_id=0) | options
    mask = torch.ones_like(ids)
    return theirs.generate(ids, attention_mask=mask, **options)[0, ids.shape[1] :]


def test_a_model_from_elsewhere_is_spoken_to_by_its_own_template(elsewhere):
    """What it says, and where it stops, is what transformers makes of the folder.

    The end is the seventh token that this model says, named in the file as its end.
    """
    free = answer_of_transformers(elsewhere, eos_token_id=None).tolist()
    end = free[6]
    values = json.loads((elsewhere / "config.json").read_text()) | {"eos_token_id": end}
    (elsewhere / "config.json").write_text(json.dumps(values))
    stopped = answer_of_transformers(elsewhere).tolist()
    assert stopped == free[: free.index(end) + 1] and len(stopped) > 3
    llm = LLM.load(elsewhere)
    said = llm.chat(MESSAGES, max_new_tokens=30, temperature=0.0)
    assert said == llm.tokenizer.decode(stopped[:-1])


def test_a_model_from_elsewhere_is_saved_with_what_lay_beside_it(elsewhere, tmp_path):
    llm = LLM.load(elsewhere)
    llm.save_pretrained(tmp_path / "again")
    again = LLM.load(tmp_path / "again")
    assert again.form.template == llm.form.template == CHATML
    options = dict(max_new_tokens=30, temperature=0.0)
    assert again.chat(MESSAGES, **options) == llm.chat(MESSAGES, **options)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        one, two = (folder / name for folder in (elsewhere, tmp_path / "again"))
        assert one.read_bytes() == two.read_bytes()


def test_a_folder_without_a_template_is_spoken_to_in_the_manner_of_this_book(
    llm, folder, tmp_path
):
    save_pretrained(llm.model, tmp_path, llm.tokenizer)
    assert "chat_template" not in (tmp_path / "tokenizer_config.json").read_text()
    prompts = [LLM.load(place).prompt(MESSAGES) for place in (folder, tmp_path)]
    assert prompts[0] == prompts[1] == chat_prompt(MESSAGES, llm.tokenizer)


def test_the_room_of_a_conversation_is_counted_in_the_models_own_form(elsewhere):
    """CHATML spells a role out and ends lines, where this book has one token."""
    llm = LLM.load(elsewhere)
    messages = [{"role": "user", "content": "A story.\n\nFirst?"}]
    for number in range(60):
        messages.append({"role": "assistant", "content": f"Answer {number}."})
        messages.append({"role": "user", "content": f"Question {number}?"})
    kept = chat.fit(llm, messages, room=32)
    assert len(kept) < len(messages)
    size = len(llm.prompt(kept))
    assert size <= CONTEXT - 32 < size + 90


# -- the terminal ---------------------------------------------------------------------


def talk(monkeypatch, capsys, folder, *lines):
    """Chat in this process; return status, stdout and stderr."""
    text = "".join(line + "\n" for line in lines)
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    status = chat.main(["--model", str(folder)])
    return status, *capsys.readouterr()


def test_a_reader_asks_takes_another_story_and_leaves(folder):
    lines = ["Who is there?", "Where?", "", "/story", "Who?", "x" * 2000, "/quit", "no"]
    done = subprocess.run(
        [sys.executable, "-m", "common.chat", "--model", str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        input="\n".join(lines) + "\n",
        capture_output=True,
        encoding="utf-8",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("model> ") == 3
    assert done.stdout.count("you> ") == 7
    assert done.stdout.count("longer than") == 1


def test_the_end_of_input_ends_the_chat_at_either_prompt(monkeypatch, capsys, folder):
    for lines in ([], ["Who?"], ["/text"]):
        status, out, err = talk(monkeypatch, capsys, folder, *lines)
        assert (status, err) == (0, "") and "you> " in out


def test_a_reader_can_give_a_story_of_their_own(monkeypatch, capsys, folder):
    seen = []
    stream = LLM.stream
    monkeypatch.setattr(
        LLM, "stream", lambda self, m, **o: seen.append(m) or stream(self, m, **o)
    )
    lines = ("/text", "Mia ran.", "Who ran?", "Where?", "/quit")
    assert talk(monkeypatch, capsys, folder, *lines)[0] == 0
    first = {"role": "user", "content": "Mia ran.\n\nWho ran?"}
    assert seen[0] == [first]
    assert [message["role"] for message in seen[1]] == ["user", "assistant", "user"]
    assert (seen[1][0], seen[1][2]["content"]) == (first, "Where?")


def test_a_story_too_long_is_refused_and_the_chat_goes_on(monkeypatch, capsys, folder):
    lines = ("/text", "y" * 2000, "Who?", "/story", "Who?")
    status, out, err = talk(monkeypatch, capsys, folder, *lines)
    assert (status, err) == (0, "")
    assert out.count("choose a shorter story") == 1 and out.count("model> ") == 1


def test_a_missing_model_is_one_line_that_says_how_to_make_it(capsys, tmp_path):
    assert chat.main(["--model", str(tmp_path / "none")]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and "make llm" in line


def test_the_oldest_questions_are_dropped_and_the_story_is_kept(llm):
    """The prompt of n turns is bytes and special tokens, so its length is known."""
    messages = [{"role": "user", "content": "A story.\n\nFirst?"}]
    for number in range(1, 100):
        messages.append({"role": "assistant", "content": f"Answer {number}."})
        messages.append({"role": "user", "content": f"Question {number}?"})
    kept = chat.fit(llm, messages, room=32)
    size = len(chat_prompt(kept, llm.tokenizer))
    assert size <= CONTEXT - 32 < size + 60  # nothing more than needed was dropped
    assert kept[-1] == messages[-1]
    dropped = (len(messages) - len(kept)) // 2
    content = f"A story.\n\nQuestion {dropped}?"
    assert kept[0] == {"role": "user", "content": content}
    assert kept[1:] == messages[len(messages) - len(kept) + 1 :]
    assert chat.fit(llm, messages[:3], room=32) == messages[:3]
