"""What a model keeps by heart: canaries in its training text, measured afterwards."""

from collections.abc import Sequence

import numpy as np

from ch01_data.canaries import CanarySpace, plan_canaries, plant_canaries
from ch01_data.measured import spread
from ch01_data.sources import Document
from ch01_data.storyworld import generate
from ch02_tokenization.tokenization import SPECIAL_TOKENS, train_bpe
from ch04_transformer.transformer import Transformer
from ch05_pretraining.memorisation import measure_exposures
from common.laboratory import SEEDS, Laboratory

STORIES, VOCABULARY, STEPS = 3_000, 2_048, 300
COPIES, EACH = (0, 1, 4, 16, 64), 6


def memorisation(
    stories: int = STORIES, steps: int = STEPS, seeds: Sequence[int] = SEEDS
) -> dict:
    """Train on stories with canaries in them and measure how many bits each tells."""
    documents = [
        Document(story.document, str(number))
        for number, story in enumerate(generate(stories, 0, "train"))
    ]
    tokenizer = train_bpe(
        [document.text for document in documents], VOCABULARY, SPECIAL_TOKENS
    )
    space = CanarySpace()
    sampled: dict[int, list[float]] = {copies: [] for copies in COPIES}
    fitted: dict[int, list[float]] = {copies: [] for copies in COPIES}
    for seed in seeds:
        plan = plan_canaries(stories, COPIES, EACH, seed=seed, space=space)
        planted = plant_canaries(documents, plan, seed=seed)
        texts = [document.text for document in planted]
        laboratory = Laboratory.of(texts, tokenizer, [])
        found = measure_exposures(
            laboratory.trained(Transformer, seed, steps=steps),
            tokenizer,
            plan,
            space,
            context_length=laboratory.config.context_length,
            seed=seed,
        )
        for copies in COPIES:
            these = [item for item in found if item.copies == copies]
            sampled[copies].append(float(np.mean([item.sampled for item in these])))
            fitted[copies].append(float(np.mean([item.fitted for item in these])))
    return {
        "unit": "bits",
        "stories": stories,
        "steps": steps,
        "epochs": steps * 8 / len(laboratory.rows),
        "canaries_for_each_count": EACH,
        "space_bits": float(np.log2(space.size)),
        "sampled": {str(copies): spread(v) for copies, v in sampled.items()},
        "fitted": {str(copies): spread(v) for copies, v in fitted.items()},
    }
