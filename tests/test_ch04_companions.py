"""Chapter 4: what lies beside the weights goes where they go."""

import json
from dataclasses import fields

import pytest
import torch
from transformers import AutoTokenizer

from ch02_tokenization.tokenization import SPECIAL_TOKENS, train_bpe
from ch04_transformer.companions import (
    COMPANIONS,
    main,
    read_chat_template,
    read_end_ids,
    read_token_ids,
    read_token_names,
)
from ch04_transformer.families import FAMILIES, TRAINING_ALONE
from ch04_transformer.pretrained import load_pretrained, save_pretrained
from ch04_transformer.pretrained import main as write_anew
from tests.checkpoints import (
    CASES,
    assert_equal_logits,
    gpt2,
    llama,
    opened_by_transformers,
    our_model,
    tokens_of,
)

TEMPLATE = "{% for message in messages %}<|user|>{{ message['content'] }}{% endfor %}"
TEXT = "Mara found the red key. She didn't open the old door; the door was open!\n" * 9


def greedy(folder, **options):
    prompt = tokens_of(5, batch=1)
    theirs = opened_by_transformers(folder)
    options = dict(max_new_tokens=20, do_sample=False, pad_token_id=0) | options
    said = theirs.generate(prompt, attention_mask=torch.ones_like(prompt), **options)
    return said[0, 5:].tolist()


def set_in_json(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.fixture
def published(tmp_path):
    """A folder as transformers writes one, with all that can lie beside the weights."""
    folder = tmp_path / "published"
    tokenizer = train_bpe([TEXT], 300, SPECIAL_TOKENS)
    model = our_model(vocab_size=len(tokenizer))
    save_pretrained(model, folder, tokenizer, TEMPLATE)
    theirs = opened_by_transformers(folder)
    theirs.save_pretrained(folder)
    AutoTokenizer.from_pretrained(folder).save_pretrained(folder)
    assert {*COMPANIONS} < {path.name for path in folder.iterdir()}
    return folder


def rewrite(folder, out):
    assert write_anew(["--model", str(folder), "--out", str(out)]) == 0
    return out


def test_a_folder_written_anew_keeps_what_lies_beside_its_weights(published, tmp_path):
    out = rewrite(published, tmp_path / "out")
    for name in COMPANIONS:
        assert (out / name).read_bytes() == (published / name).read_bytes(), name
    assert read_token_ids(out) == read_token_ids(published)
    assert len(read_token_ids(out)) == 3
    messages = [dict(role="user", content="Is the door open?")]
    one, two = (
        AutoTokenizer.from_pretrained(folder).apply_chat_template(
            messages, return_dict=False
        )
        for folder in (published, out)
    )
    assert one == two and len(one) > 5


@pytest.mark.parametrize("where", ["config.json", "generation_config.json"])
def test_a_folder_written_anew_stops_at_the_same_token(where, published, tmp_path):
    """The end is a token that this model says, where the file says it and nowhere else.

    `generation_config.json`, where it is, has the last word.
    """
    if where == "config.json":
        (published / "generation_config.json").unlink()
    free = greedy(published, eos_token_id=None)
    end = free[6]
    assert len(free) == 20
    set_in_json(published / where, eos_token_id=[end, 299])
    stopped = greedy(published)
    assert stopped == free[: free.index(end) + 1]
    out = rewrite(published, tmp_path / "out")
    assert greedy(out) == stopped
    assert read_end_ids(out) == {end, 299}
    set_in_json(published / where, eos_token_id=end)
    assert greedy(rewrite(published, out)) == stopped
    assert read_end_ids(out) == {end}


def test_a_folder_can_be_written_over_itself(published):
    before = {name: (published / name).read_bytes() for name in COMPANIONS}
    ids, said = read_token_ids(published), greedy(published, eos_token_id=None)
    rewrite(published, published)
    assert before == {name: (published / name).read_bytes() for name in COMPANIONS}
    assert read_token_ids(published) == ids
    assert greedy(published, eos_token_id=None) == said


def test_what_a_folder_does_not_say_is_not_made_up(tmp_path):
    """A field that is left out means what the family means by it; null means none."""
    model = our_model()
    save_pretrained(model, tmp_path / "in")
    path = tmp_path / "in" / "config.json"
    values = json.loads(path.read_text()) | dict(pad_token_id=None, bos_token_id=7)
    del values["eos_token_id"]
    path.write_text(json.dumps(values))
    out = rewrite(tmp_path / "in", tmp_path / "out")
    assert read_token_ids(out) == dict(bos_token_id=7, pad_token_id=None)
    assert read_end_ids(out) == set()
    assert not [name for name in COMPANIONS if (out / name).exists()]


def test_a_later_save_is_not_overruled_by_an_older_one(published):
    """A template of its own file, and an end of generation_config.json, come first."""
    tokenizer = train_bpe([TEXT], 290, SPECIAL_TOKENS)
    model = our_model(vocab_size=len(tokenizer))
    set_in_json(published / "generation_config.json", eos_token_id=3)
    save_pretrained(model, published, tokenizer, "another")
    theirs = AutoTokenizer.from_pretrained(published)
    assert theirs.chat_template == read_chat_template(published) == "another"
    ends = [tokenizer.special_id(name) for name in ("<|endoftext|>", "<|end|>")]
    assert opened_by_transformers(published).generation_config.eos_token_id == ends
    assert read_end_ids(published) == {*ends}
    # A folder without companions leaves none of them either.
    save_pretrained(model, published.parent / "bare")
    save_pretrained(model, published, beside=published.parent / "bare")
    assert not [name for name in COMPANIONS if (published / name).exists()]


def test_of_two_tokenizers_none_is_chosen(published, tmp_path):
    tokenizer = train_bpe([TEXT], 290, SPECIAL_TOKENS)
    model = our_model(vocab_size=len(tokenizer))
    with pytest.raises(ValueError, match="two tokenizers, one given and one beside"):
        save_pretrained(model, tmp_path / "out", tokenizer, beside=published)
    assert not (tmp_path / "out").exists()


def test_a_template_is_read_from_wherever_a_version_put_it(published):
    assert read_chat_template(published) == TEMPLATE
    (published / "chat_template.jinja").unlink()
    assert read_chat_template(published) is None
    settings = published / "tokenizer_config.json"
    set_in_json(settings, chat_template="in the settings")
    assert read_chat_template(published) == "in the settings"
    several = [dict(name="tool_use", template="1"), dict(name="default", template="2")]
    set_in_json(settings, chat_template=several)
    assert read_chat_template(published) == "2"
    assert AutoTokenizer.from_pretrained(published).get_chat_template() == "2"
    (published / "chat_template.jinja").write_text("in a file", encoding="utf-8")
    assert read_chat_template(published) == "in a file"


def test_the_names_of_tokens_are_those_that_transformers_gives_a_template(published):
    theirs = AutoTokenizer.from_pretrained(published).special_tokens_map
    assert read_token_names(published) == theirs and len(theirs) == 3
    settings = published / "tokenizer_config.json"
    added = dict(__type="AddedToken", content="<|user|>", normalized=False)
    set_in_json(settings, bos_token=added, pad_token=None, add_bos_token=True)
    theirs = AutoTokenizer.from_pretrained(published).special_tokens_map
    found = read_token_names(published)
    assert found == theirs == dict(bos_token="<|user|>", eos_token="<|endoftext|>")


@pytest.mark.parametrize("name", ["tokenizer_config.json", "generation_config.json"])
def test_a_damaged_companion_is_named(name, published):
    (published / name).write_text("[1]")
    read = read_chat_template if name.startswith("tok") else read_end_ids
    (published / "chat_template.jinja").unlink()
    with pytest.raises(ValueError, match=rf"{name} holds no named values"):
        read(published)


def test_the_command_says_what_lies_beside_a_model(published, tmp_path, capsys):
    assert main(["--model", str(published)]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in COMPANIONS) and TEMPLATE in said
    assert "eos_token_id" in said
    assert main(["--model", str(tmp_path / "absent")]) == 2
    assert "is no model folder" in capsys.readouterr().err


# -------------------------------------------------- what matters in training alone

DROPOUTS = [
    pytest.param(make, name, id=f"{make.__name__}.{name}")
    for make, names in (
        (llama, ["attention_dropout"]),
        (gpt2, ["attn_pdrop", "embd_pdrop", "resid_pdrop"]),
    )
    for name in names
]


@pytest.mark.parametrize("make, name", DROPOUTS)
@torch.no_grad()
def test_dropout_matters_in_training_alone(make, name, tmp_path):
    others = dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), 0.0)
    others = others if make is gpt2 else {}
    theirs = make(**{**others, name: 0.5}).build()
    theirs.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())[name] == 0.5
    assert name in TRAINING_ALONE
    ours = load_pretrained(tmp_path)
    assert_equal_logits(ours, theirs, lengths=(17,))
    asked = theirs.train()(tokens_of(17)).logits
    assert (asked - ours(tokens_of(17))).abs().max() > 1e-2
    # Whoever trains what was opened here trains without it.
    assert ours.train()(tokens_of(17)).equal(ours.eval()(tokens_of(17)))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.title)
def test_every_dropout_of_a_family_is_among_what_matters_in_training_alone(family):
    case = next(c for c in CASES.values() if c.config.model_type == family.model_type)
    names = {field.name for field in fields(case.config) if "drop" in field.name}
    # This one belongs to another head than that of a language model.
    assert names - {"summary_first_dropout"} <= TRAINING_ALONE <= family.inert
    assert names
