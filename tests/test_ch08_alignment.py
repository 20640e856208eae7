"""Chapter 8: the loss by hand and by trl, pairs labelled by the world, a real run.

The module is always reached as `alignment.name`, so that a bug planted in it is met.
"""

import json
import math
import shutil
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ch01_data.storyworld import UNANSWERABLE, Question, generate
from ch02_tokenization.tokenization import SPECIAL_TOKENS, Tokenizer, train_bpe
from ch04_transformer.pretrained import save_pretrained
from ch04_transformer.transformer import ModelConfig, Transformer
from ch05_pretraining.checkpoint import save_checkpoint
from ch05_pretraining.optimizers import AdamW
from ch05_pretraining.pretraining import Batch, load_model, next_token_loss
from ch07_finetuning.evaluation import Asked
from ch07_finetuning.finetuning import CHAT_TEMPLATE
from ch08_alignment import alignment
from ch08_alignment.alignment import AlignConfig, Pair, PreferenceBatch, PreferenceRows

# Ids 0 to 255 are the bytes; then come the five special tokens, in their order.
BYTES = train_bpe(["no merges"], 261, SPECIAL_TOKENS)
END_OF_TEXT, USER, ASSISTANT, SYSTEM, END = range(256, 261)
IGNORE = -100
# Sums of a dozen float32 log-probabilities of size 5, added up in another order.
close = partial(torch.testing.assert_close, atol=1e-4, rtol=1e-5)

PAIRS = [
    Pair("Ann ran.", "Who ran?", "Ann.", "Bob."),
    Pair("Bob had a red hat.", "What colour was the hat?", "Red.", UNANSWERABLE),
    Pair("Bob slept.", "Where?", UNANSWERABLE, "In a barn."),
    Pair("Cy hid a key.", "Who hid a key?", "Cy.", "A key."),
]


def build(seed=0, vocab_size=261, context_length=64):
    """Make a small model whose logits differ from token to token."""
    shape = dict(d_model=24, n_layers=2, n_heads=2, d_ff=32)
    torch.manual_seed(seed)
    model = Transformer(ModelConfig(vocab_size, context_length, **shape)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3 if parameter.dim() > 1 else 1)
    return model


def random_batch(seed=0):
    """Draw tokens, targets of which some do not count, and (4, 9) of each."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(261, (4, 9), generator=generator)
    targets = torch.randint(261, (4, 9), generator=generator)
    counted = torch.rand(4, 9, generator=generator) < 0.6
    return Batch(tokens, targets.where(counted, torch.tensor(IGNORE)))


def preference_batch(rows):
    """Take all pairs of a data set as one batch."""
    return PreferenceBatch(*map(torch.from_numpy, rows.rows(range(len(rows)))))


# The probability of an answer


class Sayer(torch.nn.Module):
    """Gives every position the same probabilities: 1/2, 1/4, 1/8, 1/8."""

    def forward(self, tokens):
        logits = torch.tensor([1 / 2, 1 / 4, 1 / 8, 1 / 8]).log()
        return logits.expand(*tokens.shape, 4)


def test_an_answers_log_probability_by_hand():
    """Targets 0, 1, 3 cost (1 + 2 + 3) ln 2 = 4.1589; targets 2, 2 cost 6 ln 2 too.

    The first row counts three of four places, the second two: sums, not means.
    """
    targets = torch.tensor([[IGNORE, 0, 1, 3], [2, IGNORE, 2, IGNORE]])
    found = alignment.sequence_log_probs(
        Sayer(), Batch(torch.zeros_like(targets), targets)
    )
    close(found, torch.tensor([-6.0, -6.0]) * math.log(2))


def test_a_row_without_targets_is_certain():
    batch = Batch(torch.zeros(2, 3).long(), torch.full((2, 3), IGNORE))
    assert alignment.sequence_log_probs(Sayer(), batch).tolist() == [0, 0]


def test_log_probabilities_equal_a_loop_over_tokens():
    model, batch = build(), random_batch()
    with torch.no_grad():
        logits = model(batch.tokens).double()
        found = alignment.sequence_log_probs(model, batch)
    for row in range(4):
        total = 0.0
        for place, target in enumerate(batch.targets[row].tolist()):
            if target != IGNORE:
                powers = logits[row, place].exp()
                total += (powers[target] / powers.sum()).log().item()
        assert found[row].item() == pytest.approx(total, abs=1e-4)


def test_padding_adds_nothing():
    """Three more tokens on the right, not counted, whatever they are."""
    model, batch = build(), random_batch()
    more = torch.randint(261, (4, 3), generator=torch.Generator().manual_seed(9))
    longer = Batch(
        torch.cat((batch.tokens, more), 1),
        torch.cat((batch.targets, torch.full_like(more, IGNORE)), 1),
    )
    with torch.no_grad():
        close(
            alignment.sequence_log_probs(model, longer),
            alignment.sequence_log_probs(model, batch),
        )


def test_the_prompt_is_read_but_not_counted():
    """Counting the prompt too changes the sum; another prompt changes it as well."""
    model, rows = build(), PreferenceRows(PAIRS[:1], BYTES, build())
    tokens, targets, reference = rows.rows([0])
    prompt_too = np.concatenate((tokens[:, 1:], targets[:, -1:]), axis=1)
    with torch.no_grad():
        counted = alignment.sequence_log_probs(
            model, Batch(torch.tensor(tokens), torch.tensor(prompt_too))
        )
        other = tokens.copy()
        other[:, 2] = ord("E")  # "Enn ran."
        asked_otherwise = alignment.sequence_log_probs(
            model, Batch(torch.tensor(other), torch.tensor(targets))
        )
    assert (counted.numpy() < reference - 1).all()
    assert (np.abs(asked_otherwise.numpy() - reference) > 1e-3).all()


# The loss


def test_the_loss_at_the_reference_is_ln_2():
    """Nothing has moved: both rewards are 0, sigmoid(0) = 1/2, -ln(1/2) = ln 2."""
    chosen, rejected = torch.randn(2, 7, generator=torch.Generator().manual_seed(0))
    loss, good, bad = alignment.dpo_loss(chosen, rejected, chosen, rejected, beta=3.0)
    assert loss.item() == pytest.approx(math.log(2), abs=1e-6)
    assert good.tolist() == bad.tolist() == [0] * 7


def test_the_loss_of_two_pairs_by_hand():
    """beta 0.5. Pair 1: chosen -2 (was -4), rejected -5 (was -3): rewards 1 and -1,
    margin 2, -ln sigmoid(2) = ln(1 + e^-2) = 0.126928. Pair 2: chosen -6 (was -4),
    rejected -6 (was -6): rewards -1 and 0, margin -1, ln(1 + e) = 1.313262.
    Mean: 0.720095.
    """
    policy_chosen, policy_rejected = torch.tensor([[-2.0, -6.0], [-5.0, -6.0]])
    reference_chosen, reference_rejected = torch.tensor([[-4.0, -4.0], [-3.0, -6.0]])
    loss, good, bad = alignment.dpo_loss(
        policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta=0.5
    )
    assert loss.item() == pytest.approx(0.720095, abs=1e-6)
    assert (good.tolist(), bad.tolist()) == ([1, -1], [-1, 0])
    assert not good.requires_grad and not bad.requires_grad


def test_the_gradient_raises_the_chosen_and_lowers_the_rejected():
    """At the reference each pulls by beta / 2 (over the batch), in opposite ways."""
    chosen = torch.randn(5, generator=torch.Generator().manual_seed(1)).requires_grad_()
    rejected = chosen.detach().clone().requires_grad_()
    reference = chosen.detach()
    loss, _, _ = alignment.dpo_loss(chosen, rejected, reference, reference, beta=0.2)
    loss.backward()
    close(chosen.grad, torch.full((5,), -0.2 / 2 / 5))
    close(rejected.grad, torch.full((5,), 0.2 / 2 / 5))


@settings(max_examples=50, deadline=None)
@given(st.floats(-30, 30), st.floats(0.01, 2))
def test_a_pair_that_is_settled_pulls_less(margin, beta):
    """The pull is beta * sigmoid(-beta * margin): the share of doubt that is left."""
    chosen = torch.tensor([margin], dtype=torch.float64, requires_grad=True)
    zero = torch.zeros(1, dtype=torch.float64)
    loss, _, _ = alignment.dpo_loss(chosen, zero, zero, zero, beta=beta)
    loss.backward()
    doubt = 1 / (1 + math.exp(beta * margin))
    assert chosen.grad.item() == pytest.approx(-beta * doubt, rel=1e-9)
    expected = math.log1p(math.exp(-beta * margin))
    assert loss.item() == pytest.approx(expected, rel=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1000), st.floats(-9, 9))
def test_only_the_change_against_the_reference_counts(seed, shift):
    generator = torch.Generator().manual_seed(seed)
    four = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    moved = four + torch.tensor([shift, 0, shift, 0], dtype=torch.float64)[:, None]
    for ours, theirs in zip(alignment.dpo_loss(*four), alignment.dpo_loss(*moved)):
        close(ours, theirs)


def test_a_large_margin_does_not_overflow():
    far, zero = torch.tensor([-1e4]), torch.zeros(1)
    loss, _, _ = alignment.dpo_loss(far, zero, zero, zero, beta=1.0)
    assert loss.item() == 1e4


def test_the_loss_equals_trls(tmp_path):
    """Policy and reference differ; trl tokenizes, pads, sums and compares by itself."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    folders = [tmp_path / "policy", tmp_path / "reference"]
    for seed, folder in enumerate(folders):
        save_pretrained(build(seed), folder, BYTES, CHAT_TEMPLATE)
    content = [f"{pair.story}\n\n{pair.question}" for pair in PAIRS]
    columns = [
        {
            "prompt": [{"role": "user", "content": text}],
            "chosen": [{"role": "assistant", "content": pair.chosen}],
            "rejected": [{"role": "assistant", "content": pair.rejected}],
        }
        for text, pair in zip(content, PAIRS)
    ]
    policy, reference = map(AutoModelForCausalLM.from_pretrained, folders)
    trainer = DPOTrainer(
        policy,
        ref_model=reference,
        args=DPOConfig(
            output_dir=str(tmp_path),
            use_cpu=True,
            bf16=False,
            report_to=[],
            max_length=128,
            per_device_train_batch_size=4,
            disable_tqdm=True,
            beta=0.3,
        ),
        train_dataset=Dataset.from_list(columns),
        processing_class=AutoTokenizer.from_pretrained(folders[0]),
    )
    batch = next(iter(trainer.get_train_dataloader()))
    with torch.no_grad():
        theirs = trainer.compute_loss(trainer.model, batch)
    rows = PreferenceRows(PAIRS, BYTES, build(1))
    ours = preference_batch(rows)
    for ids, said, row in zip(ours.tokens, ours.targets, range(8)):  # the same tokens
        length = int((said != IGNORE).nonzero().max()) + 1
        prefix = batch["input_ids"][:, :length].tolist()
        assert ids[:length].tolist() in prefix, f"row {row} is not among trl's"
    with torch.no_grad():
        loss = alignment.preference_loss_fn(0.3)(build(0), ours)
    assert abs(loss.item() - math.log(2)) > 0.01, "nothing to compare at the reference"
    torch.testing.assert_close(loss, theirs, atol=1e-5, rtol=1e-5)


# The pairs


def asked(story, text, truth, answers):
    """Let one question be answered several times."""
    question = Question("who", text, truth, truth != UNANSWERABLE)
    return [Asked(story, question, answer) for answer in answers]


def test_the_three_lessons_by_hand():
    """A fourth question is always answered rightly, a fifth never: no lesson."""
    given_answers = [
        *asked("S", "Who ran?", "Ann.", ["Bob.", "Ann.", "Cy.", "Bob."]),
        *asked("S", "Where?", UNANSWERABLE, ["In a barn.", UNANSWERABLE]),
        *asked("S", "Who hid?", "Cy.", ["Cy.", UNANSWERABLE]),
        *asked("S", "Who slept?", "Dan.", ["Dan.", "Dan."]),
        *asked("S", "Who sang?", "Eve.", ["Ann.", "Bob."]),
    ]
    pairs = alignment.preference_pairs(given_answers)
    assert sorted(pairs) == sorted(
        [
            Pair("S", "Who ran?", "Ann.", "Bob."),
            Pair("S", "Who ran?", "Ann.", "Cy."),
            Pair("S", "Where?", UNANSWERABLE, "In a barn."),
            Pair("S", "Who hid?", "Cy.", UNANSWERABLE),
        ]
    )
    assert alignment.pair_counts(pairs) == {
        "right over wrong": 2,
        "admitted over invented": 1,
        "answer over refusal": 1,
    }


def test_the_same_words_about_another_story_are_another_question():
    mixed = asked("S", "Who ran?", "Ann.", ["Ann."])
    mixed += asked("Z", "Who ran?", "Ann.", ["Bob."])
    assert alignment.preference_pairs(mixed) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(0, 2)] * 2, st.integers(0, 3)), max_size=30),
    st.randoms(),
)
def test_the_truth_is_always_chosen_and_never_rejected(answers, order):
    words = ["Ann.", "Bob.", "Cy.", UNANSWERABLE]
    truth = {(s, q): words[(s + q) % 4] for s in range(3) for q in range(3)}
    given_answers = [
        each
        for s, q, said in answers
        for each in asked(f"S{s}", f"Q{q}", truth[s, q], [words[said]])
    ]
    pairs = alignment.preference_pairs(given_answers)
    said = {(each.story, each.question.text, each.answer) for each in given_answers}
    for story, text, chosen, rejected in pairs:
        assert chosen == truth[int(story[1]), int(text[1])] != rejected
        assert {(story, text, chosen), (story, text, rejected)} <= said
    assert sum(alignment.pair_counts(pairs).values()) == len(pairs)
    order.shuffle(given_answers)
    assert sorted(alignment.preference_pairs(given_answers)) == sorted(pairs)


def some_pairs(right, admitted, answered):
    """Make so many pairs of each lesson."""
    pairs = [Pair("S", f"Q{i}", "Ann.", "Bob.") for i in range(right)]
    pairs += [Pair("S", f"U{i}", UNANSWERABLE, "Bob.") for i in range(admitted)]
    return pairs + [Pair("S", f"A{i}", "Ann.", UNANSWERABLE) for i in range(answered)]


@settings(max_examples=40, deadline=None)
@given(*[st.integers(0, 6)] * 3, st.randoms())
def test_refusing_is_praised_as_often_as_it_is_blamed(right, admit, answer, order):
    pairs = some_pairs(right, admit, answer)
    order.shuffle(pairs)
    kept = alignment.balance(pairs)
    counts = alignment.pair_counts(kept)
    assert counts["right over wrong"] == right
    assert counts["admitted over invented"] == min(admit, answer)
    assert counts["answer over refusal"] == min(admit, answer)
    assert set(kept) <= set(pairs)


# The rows


def test_a_row_by_hand():
    """S, two line ends, Q; then Yo and its end token, which alone have targets.

    tokens   256 257  S \\n \\n  Q 260 258   Y   o
    targets   -   -   -   -  -  -   -   Y   o 260
    """
    rows = PreferenceRows([Pair("S", "Q", "Yo", "N")], BYTES, build())
    tokens, targets, _ = rows.rows([0])
    assert tokens[0].tolist() == [256, 257, *b"S\n\nQ", 260, 258, *b"Yo"]
    assert targets[0].tolist() == [IGNORE] * 7 + [*b"Yo", 260]
    assert tokens[1].tolist() == [256, 257, *b"S\n\nQ", 260, 258, *b"N", 256]
    assert targets[1].tolist() == [IGNORE] * 7 + [*b"N", 260, IGNORE]


def test_the_chosen_half_comes_first():
    rows = PreferenceRows(PAIRS, BYTES, build())
    assert len(rows) == 4
    _, targets, _ = rows.rows([2, 0])
    said = [BYTES.decode(row[row != IGNORE].tolist()) for row in targets]
    expected = [PAIRS[2].chosen, PAIRS[0].chosen, PAIRS[2].rejected, PAIRS[0].rejected]
    assert said == [answer + "<|end|>" for answer in expected]


def test_the_cached_reference_equals_a_fresh_one():
    """With 40 pairs, 80 rows, more than one chunk of the cache is needed."""
    many = [
        pair._replace(story=f"{pair.story} {i}") for i in range(10) for pair in PAIRS
    ]
    rows = PreferenceRows(many, BYTES, build())
    tokens, targets, reference = rows.rows([39, 3, 17])
    with torch.no_grad():
        fresh = alignment.sequence_log_probs(
            build(), Batch(torch.from_numpy(tokens), torch.from_numpy(targets))
        )
    close(torch.from_numpy(reference), fresh)
    assert len(set(reference.round(3))) == 6


def test_text_that_looks_like_a_special_token_stays_text():
    rows = PreferenceRows([Pair("<|end|>", "?", "<|end|>", "x")], BYTES, build())
    tokens, targets, _ = rows.rows([0])
    assert (tokens[0] == END).sum() == 1 and (targets[0] == END).sum() == 1


# Learning


def test_a_few_steps_raise_the_margin_of_every_pair():
    model, rows = build(), PreferenceRows(PAIRS, BYTES, build())
    batch, loss_fn = preference_batch(rows), alignment.preference_loss_fn(0.1)
    optimizer = AdamW(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(10):
        loss = loss_fn(model, batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(math.log(2), abs=1e-5)
    assert losses[-1] < losses[0] - 0.1
    with torch.no_grad():
        policy = alignment.sequence_log_probs(model, batch)
    rewards = (policy - batch.reference).chunk(2)
    assert (rewards[0] > rewards[1]).all()


# The run


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A tuned model with two answers to everything, which it gives by turns.

    One is that the story does not say; the other is often right in the stories to come.
    """
    folder = tmp_path_factory.mktemp("run")
    stories = list(generate(3, alignment.PAIR_SEED))
    answers = [q.answer for story in stories for q in story.questions if q.answerable]
    common = max(sorted(set(answers)), key=answers.count)
    texts = [story.text for story in stories]
    common_words = [UNANSWERABLE * 99, common * 99]
    tokenizer = train_bpe([*texts, *common_words], 400, SPECIAL_TOKENS)
    tokenizer.save(folder / "tokenizer")
    torch.manual_seed(0)
    shape = dict(d_model=24, n_layers=1, n_heads=2, d_ff=32)
    model = Transformer(ModelConfig(400, 512, **shape))
    pairs = [Pair(text, "Who?", UNANSWERABLE, common) for text in texts]
    rows = PreferenceRows(pairs, tokenizer, model)
    tokens, targets, _ = map(torch.from_numpy, rows.rows(range(3)))
    optimizer = AdamW(model.parameters(), lr=1e-2)
    for _ in range(80):
        next_token_loss(model, Batch(tokens, targets)).backward()
        optimizer.step()
        optimizer.zero_grad()
    save_checkpoint(folder / "sft", 80, model, state={"model": asdict(model.config)})
    return folder


def config_for(run, out, **changes):
    """Describe a short alignment of the run's tuned model."""
    return AlignConfig(
        **{
            "out": str(out),
            "base": str(run / "sft"),
            "tokenizer": str(run / "tokenizer"),
            "n_stories": 3,
            "samples": 4,
            "steps": 4,
            "batch_size": 2,
            "warmup_steps": 1,
            "checkpoint_every": 2,
            "precision": "fp32",
            **changes,
        }
    )


@pytest.fixture(scope="module")
def aligned(tuned):
    """The folder of a run of two steps, made by the command."""
    arguments = ["--base", str(tuned / "sft"), "--tokenizer", str(tuned / "tokenizer")]
    arguments += ["--n-stories", "3", "--steps", "2", "--batch-size", "2"]
    arguments += ["--precision", "fp32", "--out", str(tuned / "dpo")]
    assert alignment.main(arguments) == 0
    return tuned / "dpo"


def test_the_command_leaves_a_run(aligned):
    names = {path.name for path in aligned.iterdir()}
    assert {"pairs.jsonl", "metrics.jsonl", "config.json", "step-000002"} <= names


def test_the_model_meets_its_own_answers(tuned, aligned):
    """It admits and guesses by turns, so questions of both kinds give pairs.

    What the file holds is what the model says again, labelled by the world.
    """
    pairs = alignment.read_pairs(aligned / "pairs.jsonl")
    counts = alignment.pair_counts(pairs)
    assert counts["admitted over invented"] == counts["answer over refusal"] >= 1
    truth = {
        (story.text, question.text): question.answer
        for story in generate(3, alignment.PAIR_SEED)
        for question in story.questions
    }
    assert all(truth[pair.story, pair.question] == pair.chosen for pair in pairs)
    tokenizer = Tokenizer.load(tuned / "tokenizer")
    config = config_for(tuned, "unused")
    again = alignment.sample_pairs(load_model(tuned / "sft"), tokenizer, config)
    assert again == pairs


def test_pairs_survive_their_file(tmp_path):
    odd = Pair("é\u2028\n", '"q"', "<|end|>", "\\")
    (tmp_path / "pairs.jsonl").write_text(json.dumps(odd._asdict()) + "\n")
    assert alignment.read_pairs(tmp_path / "pairs.jsonl") == [odd]


def test_the_tuned_model_is_left_as_it_was(tuned, aligned):
    base, ours = (load_model(tuned / name).state_dict() for name in ("sft", "dpo"))
    (checkpoint,) = (tuned / "sft").iterdir()
    assert checkpoint.name == "step-000080"
    assert any(not torch.equal(base[name], ours[name]) for name in base)


class Stopped(Exception):
    """Stands for Ctrl-C."""


def test_a_stopped_run_goes_on_and_does_not_ask_again(
    tuned, aligned, tmp_path, monkeypatch
):
    calls, ask = [], alignment.ask

    def counted(*arguments, **options):
        calls.append(1)
        return ask(*arguments, **options)

    def stop(step, model):
        if step.step == 3:
            raise Stopped

    monkeypatch.setattr(alignment, "ask", counted)
    config = config_for(tuned, tmp_path / "stopped")
    with pytest.raises(Stopped):
        alignment.align(config, callbacks=[stop])
    assert len(calls) == 1
    resumed = alignment.align(config)
    assert len(calls) == 1, "the second start sampled its pairs anew"
    (tmp_path / "unbroken").mkdir()
    shutil.copy(tmp_path / "stopped" / "pairs.jsonl", tmp_path / "unbroken")
    unbroken = alignment.align(config_for(tuned, tmp_path / "unbroken"))
    for name, value in unbroken.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name
    diary = (tmp_path / "stopped" / "metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line)["loss"] for line in diary]
    assert len(losses) == 4
    # The cache and the policy add up the same numbers in batches of another size.
    assert losses[0] == pytest.approx(math.log(2), abs=1e-4)


def test_too_few_pairs_are_refused_and_the_folder_stays_usable(
    tuned, aligned, tmp_path
):
    """At no heat all answers are alike; a later, better try must sample."""
    config = config_for(tuned, tmp_path, temperature=1e-6, n_stories=1)
    with pytest.raises(ValueError, match="gave only 0 pairs.* needs 2") as refused:
        alignment.align(config)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "pairs.jsonl").exists()
    better = replace(config, temperature=1.0, n_stories=3, steps=1)
    alignment.align(better)
    kept = alignment.read_pairs(tmp_path / "pairs.jsonl")
    assert kept == alignment.read_pairs(aligned / "pairs.jsonl")


@pytest.mark.parametrize(
    "wrong, said",
    [
        (["--base", "nowhere"], "nowhere"),
        (["--tokenizer", "nowhere"], "nowhere"),
        (["--temperature", "1e-6"], "gave only 0 pairs"),
        (["--samples", "1"], "samples is 1"),
        (["--temperature", "0"], "temperature is 0.0; it must be positive"),
        (["--beta", "-1"], "beta is -1.0; it must be positive"),
        (["--n-stories", "0"], "n_stories is 0"),
        (["--steps", "0"], "steps is 0"),
        (["--batch-size", "0"], "batch_size is 0"),
    ],
)
def test_the_command_refuses_in_one_line(tuned, tmp_path, capsys, wrong, said):
    right = ["--base", str(tuned / "sft"), "--tokenizer", str(tuned / "tokenizer")]
    out = tmp_path / "out"
    status = alignment.main([*right, "--n-stories", "1", "--out", str(out), *wrong])
    error = capsys.readouterr().err
    assert status == 2
    assert error.startswith("error: ") and error.count("\n") == 1 and said in error
    assert not out.exists(), "something half-written is left"
