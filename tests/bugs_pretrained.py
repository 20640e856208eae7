"""Mistakes in reading and writing checkpoints: each must turn the named test red."""

from tests.planted import Bug

FAMILIES = "ch04_transformer/families.py"
FIELDS = "ch04_transformer/config_fields.py"
FILES = "ch04_transformer/tensor_files.py"
GPT2 = "ch04_transformer/gpt2.py"
FORMATS = "ch02_tokenization/formats.py"
TEMPLATES = "ch07_finetuning/templates.py"
COMPANIONS = "ch04_transformer/companions.py"
PRETRAINED = "ch04_transformer/pretrained.py"
ATTENTION = "ch03_attention/attention.py"
FAMILIES_TESTS = "tests/test_ch04_families.py"
FIELDS_TESTS = "tests/test_ch04_config_fields.py"
FILES_TESTS = "tests/test_ch04_tensor_files.py"
FORMATS_TESTS = "tests/test_ch02_formats.py"
TEMPLATES_TESTS = "tests/test_ch07_templates.py"
ROOF_TESTS = "tests/test_common_model.py"
COMPANIONS_TESTS = "tests/test_ch04_companions.py"
PRETRAINED_TESTS = "tests/test_ch04_pretrained.py"


def reads(case):
    return (
        f"{FAMILIES_TESTS}::test_what_transformers_saves_says_the_same_here[{case}]",
    )


def writes(case):
    return (f"{FAMILIES_TESTS}::test_what_is_saved_here_says_the_same_there[{case}]",)


BUGS = [
    Bug(
        "gate and up change places in a checkpoint",
        FAMILIES,
        '"model.layers.{}.mlp.gate_proj",\n'
        '    "blocks.{}.ffn.w2": "model.layers.{}.mlp.down_proj",\n'
        '    "blocks.{}.ffn.w3": "model.layers.{}.mlp.up_proj",',
        '"model.layers.{}.mlp.up_proj",\n'
        '    "blocks.{}.ffn.w2": "model.layers.{}.mlp.down_proj",\n'
        '    "blocks.{}.ffn.w3": "model.layers.{}.mlp.gate_proj",',
        reads("Llama 3: llama3, untied"),
    ),
    Bug(
        "the norms of queries and keys change places in a checkpoint",
        FAMILIES,
        '"model.layers.{}.self_attn.q_norm",\n'
        '    "blocks.{}.attention.k_norm": "model.layers.{}.self_attn.k_norm",',
        '"model.layers.{}.self_attn.k_norm",\n'
        '    "blocks.{}.attention.k_norm": "model.layers.{}.self_attn.q_norm",',
        reads("Qwen3"),
    ),
    Bug(
        "the norms of queries and keys are there but not used",
        ATTENTION,
        "            q, k = self.q_norm(q), self.k_norm(k)\n",
        "            pass\n",
        reads("Qwen3"),
    ),
    Bug(
        "queries and keys are turned in the other layout",
        ATTENTION,
        "return rotate_planes(q, angles), rotate_planes(k, angles), v",
        "return rotate_planes(q, angles, True), rotate_planes(k, angles, True), v",
        reads("Qwen2"),
    ),
    Bug(
        "the window of a checkpoint lets one token more in",
        ATTENTION,
        "mask = mask & (key > query - sliding_window)",
        "mask = mask & (key >= query - sliding_window)",
        reads("Mistral: window"),
    ),
    Bug(
        "matrices that lie on their side are not turned",
        PRETRAINED,
        "pieces = (value.T if sideways else value).split",
        "pieces = value.reshape(value.shape[::-1] if sideways else value.shape).split",
        reads("GPT-2: untied"),
    ),
    Bug(
        "matrices are not laid on their side again",
        PRETRAINED,
        "        value = value.T\n",
        "        value = value.reshape(value.shape[::-1])\n",
        writes("GPT-2: untied"),
    ),
    Bug(
        "the fused tensor is taken for values, keys and queries",
        PRETRAINED,
        "for name, piece in zip(held[tensor], pieces, strict=True):",
        "for name, piece in zip(held[tensor], pieces[::-1], strict=True):",
        reads("GPT-2: untied"),
    ),
    Bug(
        "GPT-2's feed-forward layer bends by the exact GELU",
        GPT2,
        "partial(FeedForward, activation=gelu_tanh, bias=True)",
        "partial(FeedForward, bias=True)",
        (
            f"{FAMILIES_TESTS}::test_gelu_is_taken_in_the_form_with_tanh",
            *reads("GPT-2: untied"),
        ),
    ),
    Bug(
        "another name of the same bend is refused",
        FAMILIES,
        '"hidden_act": ("silu", "swish")',
        '"hidden_act": ("silu",)',
        reads("Llama: everything"),
    ),
    Bug(
        "where layers have words for their kinds, the window is forgotten",
        FAMILIES,
        'return values | {"sliding_window": window}\n',
        "return values\n",
        reads("Qwen3: everything"),
    ),
    Bug(
        "GPT-2's attention forgets the mask",
        GPT2,
        "attention=partial(unrotated_attention, out_bias=True),",
        "attention=partial(unrotated_attention, out_bias=True, attend=lambda q, k, v, "
        "mask: torch.softmax(q @ k.mT, -1) @ v),",
        (
            f"{FAMILIES_TESTS}"
            "::test_no_logit_of_gpt2_feels_a_later_token_and_each_feels_all_before",
        ),
    ),
    Bug(
        "the default epsilon stands for the file's",
        FIELDS,
        "            ours[name] = values.pop(theirs)\n",
        '            ours[name] = values.pop(theirs)\n    ours.pop("norm_eps", None)\n',
        reads("Llama 3: llama3, untied"),
    ),
    Bug(
        "an absent window of Mistral is none",
        FAMILIES,
        'COMMON_DEFAULTS | {"num_key_value_heads": 8, "sliding_window": 4096}',
        'COMMON_DEFAULTS | {"num_key_value_heads": 8, "sliding_window": None}',
        (
            f"{FIELDS_TESTS}"
            "::test_a_window_that_is_null_is_none_and_one_that_is_absent_is_4096",
        ),
    ),
    Bug(
        "the kind and the factor of a rotary scaling are forgotten",
        FIELDS,
        '"rope_scaling": None if plain else rope}',
        '"rope_scaling": None}',
        reads("Llama 3: llama3, untied"),
    ),
    Bug(
        "a window counts although the config does not use it",
        FAMILIES,
        'values.pop("use_sliding_window", False) is True',
        'values.pop("use_sliding_window", False) in (True, False)',
        (f"{FIELDS_TESTS}::test_a_window_that_is_not_used_is_none",),
    ),
    Bug(
        "a field that is not known is passed over",
        FIELDS,
        "    if unknown:\n",
        "    if unknown and len(unknown) > 9:\n",
        (f"{FIELDS_TESTS}::test_a_bad_field_is_refused_by_its_own_name",),
    ),
    Bug(
        "a tied model takes its head from the file",
        PRETRAINED,
        "    if not files.read(head).equal(files.read(embedding)):\n",
        "    if files.read(head).shape != files.read(embedding).shape:\n",
        (
            f"{PRETRAINED_TESTS}"
            "::test_a_tied_head_that_is_in_the_file_must_be_the_embedding",
        ),
    ),
    Bug(
        "the config is written before the weights",
        PRETRAINED,
        "    make = partial(_join, model, family, held, dtype)\n",
        "    make = partial(_join, model, family, held, dtype)\n"
        '    write_json(dir / "config.json", config)\n',
        (f"{PRETRAINED_TESTS}::test_a_save_that_is_cut_short_leaves_no_model_folder",),
    ),
    Bug(
        "a folder that is written anew loses what ends its texts",
        COMPANIONS,
        "for name in TOKEN_IDS if name in values}",
        "for name in TOKEN_IDS[:1] if name in values}",
        (f"{COMPANIONS_TESTS}::test_a_folder_written_anew_stops_at_the_same_token",),
    ),
    Bug(
        "the settings of generation stay behind",
        COMPANIONS,
        'COMPANIONS = ("tokenizer.json", SETTINGS, TEMPLATE, GENERATION)',
        'COMPANIONS = ("tokenizer.json", SETTINGS, TEMPLATE)',
        (f"{COMPANIONS_TESTS}::test_a_folder_written_anew_stops_at_the_same_token",),
    ),
    Bug(
        "an older model's template stays beside a new one",
        COMPANIONS,
        "            (dir / name).unlink(missing_ok=True)\n",
        "            pass\n",
        (f"{COMPANIONS_TESTS}::test_a_later_save_is_not_overruled_by_an_older_one",),
    ),
    Bug(
        "white space before a digit is cut as before a letter",
        FORMATS,
        '    r"(?!\\S)", r"(?![^\\s\\p{N}])"\n',
        '    r"(?!\\S)", r"(?!\\S)"\n',
        (f"{FORMATS_TESTS}::test_files_of_the_library_open_with_equal_ids",),
    ),
    Bug(
        "a normalizer of a tokenizer is passed over",
        FORMATS,
        '"normalizer": NORMALIZERS, ',
        "",
        (f"{FORMATS_TESTS}::test_what_would_give_other_tokens_is_refused_by_name",),
    ),
    Bug(
        "text is normalized across special tokens",
        "ch02_tokenization/tokenization.py",
        "        splitter = special_splitter(self._allowed(allowed_special))\n"
        "        if splitter is None:\n",
        "        text = self._normalized(text)\n"
        "        splitter = special_splitter(self._allowed(allowed_special))\n"
        "        if splitter is None:\n",
        (
            f"{FORMATS_TESTS}::test_a_normalizer_stops_at_special_tokens_and_holds_for_every_way_to_encode",
        ),
    ),
    Bug(
        "ByteLevel cuts once more behind a Split",
        FORMATS,
        '== ["Split", "ByteLevel"] and not cuts and isolated',
        '== ["Split", "ByteLevel"] and isolated',
        (f"{FORMATS_TESTS}::test_what_would_give_other_tokens_is_refused_by_name",),
    ),
    Bug(
        "a message can open a turn of its own",
        TEMPLATES,
        "        value = value.replace(name, name[0] + GUARD + name[1:])\n",
        "        pass\n",
        (
            f"{TEMPLATES_TESTS}"
            "::test_what_looks_like_a_special_token_in_a_message_stays_text",
        ),
    ),
    Bug(
        "the line ends of a template's own lines stay",
        TEMPLATES,
        "trim_blocks=True, lstrip_blocks=True",
        "trim_blocks=False, lstrip_blocks=True",
        (
            f"{TEMPLATES_TESTS}"
            "::test_a_conversation_is_written_as_transformers_writes_it",
        ),
    ),
    Bug(
        "every model is spoken to in the manner of this book",
        "common/model.py",
        "Tokenizer.load(dir), read_chat_form(dir))",
        "Tokenizer.load(dir))",
        (
            f"{ROOF_TESTS}"
            "::test_a_model_from_elsewhere_is_spoken_to_by_its_own_template",
        ),
    ),
    Bug(
        "of a lost shard it is not said what it held",
        FILES,
        "_held(shard, places) for shard in",
        "tensor_names(shard) for shard in",
        (f"{FILES_TESTS}::test_what_is_wrong_with_a_shard_is_named",),
    ),
    Bug(
        "old shards stay beside a new file",
        FILES,
        "            path.unlink()\n",
        "            pass\n",
        (f"{FILES_TESTS}::test_a_later_save_leaves_nothing_of_the_earlier",),
    ),
    Bug(
        "a tensor may lie in another shard than the index says",
        FILES,
        "        if name not in held[shard]:\n",
        "        if not any(name in names for names in held.values()):\n",
        (f"{FILES_TESTS}::test_what_is_wrong_with_a_shard_is_named",),
    ),
    Bug(
        "all tensors stay mapped until the last is copied",
        FILES,
        "                return file.get_tensor(name)\n",
        '                self.kept = [*getattr(self, "kept", []), '
        "file.get_tensor(name)]\n"
        "                return self.kept[-1]\n",
        (f"{FILES_TESTS}::test_opening_takes_at_most_a_fifth_more_than_the_weights",),
    ),
]
