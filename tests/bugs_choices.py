"""Planted bugs of chapter 4's parts: feed-forwards, experts, latents, places."""

from tests.planted import Bug

FEED_FORWARD = "ch04_transformer/feed_forward.py"
EXPERTS = "ch04_transformer/experts.py"
LATENT = "ch04_transformer/latent_attention.py"
CHOICES = "ch04_transformer/choices.py"
FEED_FORWARD_TESTS = "tests/test_ch04_feed_forward.py"
EXPERTS_TESTS = "tests/test_ch04_experts.py"
LATENT_TESTS = "tests/test_ch04_latent_attention.py"
CHOICES_TESTS = "tests/test_ch04_choices.py"

BUGS = [
    Bug(
        "squared ReLU squares what is negative too",
        FEED_FORWARD,
        "return relu(x).square()",
        "return x.square()",
        (f"{FEED_FORWARD_TESTS}::test_activations_by_hand",),
    ),
    Bug(
        "the tanh in GELU is cubic in the wrong place",
        FEED_FORWARD,
        "(x + 0.044715 * x**3)",
        "(x + 0.044715 * x**2)",
        (f"{FEED_FORWARD_TESTS}::test_activations_equal_torchs_forward_and_backward",),
    ),
    Bug(
        "an ungated layer is no wider than the gated one",
        FEED_FORWARD,
        "d_ff * 3 // 2",
        "d_ff",
        (
            f"{FEED_FORWARD_TESTS}"
            "::test_half_as_wide_again_has_the_parameters_of_the_gated_layer",
        ),
    ),
    Bug(
        "the shares of the chosen experts do not sum to one",
        EXPERTS,
        "return best.softmax(dim=-1), chosen",
        "return logits.softmax(dim=-1).gather(-1, chosen), chosen",
        (f"{EXPERTS_TESTS}::test_the_softmax_runs_over_the_chosen_by_hand",),
    ),
    Bug(
        "answers of the second expert overwrite those of the first",
        EXPERTS,
        "mixed.index_add(0, token, answer.to(mixed.dtype))",
        "mixed.index_copy(0, token, answer.to(mixed.dtype))",
        (f"{EXPERTS_TESTS}::test_equals_mixtral_where_no_token_is_dropped",),
    ),
    Bug(
        "second choices queue with the first",
        EXPERTS,
        "    queue = F.one_hot(chosen.T.flatten(), n_experts)  # (_, E)\n"
        "    place = (queue.cumsum(dim=0) * queue).sum(dim=-1)\n"
        "    return (place <= capacity).view(chosen.T.shape).T\n",
        "    queue = F.one_hot(chosen.flatten(), n_experts)\n"
        "    place = (queue.cumsum(dim=0) * queue).sum(dim=-1)\n"
        "    return (place <= capacity).view(chosen.shape)\n",
        (f"{EXPERTS_TESTS}::test_first_choices_queue_before_second_ones_by_hand",),
    ),
    Bug(
        "a token is dropped in use too",
        EXPERTS,
        "if self.capacity_factor is None or not self.training:",
        "if self.capacity_factor is None:",
        (f"{EXPERTS_TESTS}::test_capacity_by_hand",),
    ),
    Bug(
        "full experts serve on",
        EXPERTS,
        "mine = (routing.chosen == number) & routing.kept",
        "mine = routing.chosen == number",
        (
            f"{EXPERTS_TESTS}"
            "::test_a_token_that_finds_its_experts_full_adds_nothing_and_is_counted",
        ),
    ),
    Bug(
        "the balance loss looks at loads alone, which have no gradient",
        EXPERTS,
        "(expert_load(chosen, n_experts) * probability).sum()",
        "expert_load(chosen, n_experts).square().sum() + 0 * probability.sum()",
        (f"{EXPERTS_TESTS}::test_the_gradient_pushes_down_whom_most_tokens_choose",),
    ),
    Bug(
        "the balance loss is not added",
        EXPERTS,
        "return loss + weight * torch.stack(extra).mean()",
        "return loss + 0 * weight * torch.stack(extra).mean()",
        (
            f"{EXPERTS_TESTS}"
            "::test_the_balanced_loss_is_the_plain_one_and_the_mean_of_the_layers",
        ),
    ),
    Bug(
        "absorbed scores are divided by the root of the wide width",
        LATENT,
        "    wide = wide * math.sqrt(wide.shape[-1] / narrow)\n",
        "",
        (f"{LATENT_TESTS}::test_absorbed_equals_expanded_forward_and_backward",),
    ),
    Bug(
        "the rotary key is not turned",
        LATENT,
        "return latent, rotate_planes(k_rotary, angles, interleaved=True)",
        "return latent, k_rotary",
        (f"{LATENT_TESTS}::test_only_distances_between_tokens_matter",),
    ),
    Bug(
        "the latent is cached before its norm",
        LATENT,
        "latent = self.kv_norm(self.kv_down(x))[:, None]",
        "latent = self.kv_down(x)[:, None]",
        (f"{LATENT_TESTS}::test_three_tokens_by_hand",),
    ),
    Bug(
        "keys and values take each other's way up",
        LATENT,
        "k_up, v_up = self._per_head(self.k_up), self._per_head(self.v_up)",
        "v_up, k_up = self._per_head(self.k_up), self._per_head(self.v_up)",
        (f"{LATENT_TESTS}::test_equals_deepseeks_attention",),
    ),
    Bug(
        "new latents attend as if they came first",
        LATENT,
        "causal_mask(x.shape[1], latent.shape[2], self.sliding_window, x.device)",
        "causal_mask(x.shape[1], x.shape[1], self.sliding_window, x.device)",
        (f"{LATENT_TESTS}::test_a_cache_of_latents_changes_nothing",),
    ),
    Bug(
        "post-norm forgets its second addition",
        CHOICES,
        "return self.ffn_norm(x + self.ffn(x))",
        "return self.ffn_norm(self.ffn(x))",
        (f"{CHOICES_TESTS}::test_both_places_equal_torchs_encoder_layer",),
    ),
    Bug(
        "the norm of post-norm stands before the addition",
        CHOICES,
        "x = self.attention_norm(x + attended)",
        "x = x + self.attention_norm(attended)",
        (f"{CHOICES_TESTS}::test_post_norm_by_hand",),
    ),
    Bug(
        "GPT-2's writers are not divided",
        CHOICES,
        "scale_writers(model, 1 / math.sqrt(2 * model.config.n_layers))",
        "scale_writers(model, 1.0)",
        (f"{CHOICES_TESTS}::test_each_start_draws_the_deviations_it_says",),
    ),
    Bug(
        "neighbours count as the past",
        CHOICES,
        "    others[rows, :, rows] = 0.0\n",
        "",
        (f"{CHOICES_TESTS}::test_reach_by_hand",),
    ),
]
