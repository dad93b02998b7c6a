"""Configuration files of models, tokenizers and adapters, read against allow-lists and written anew.

A library that reads a foreign `config.json` may import what it names: custom code (`auto_map`), kernels
(`_attn_implementation…`), arguments for a tokenizer. So only keys that describe the architectures below pass,
and only with plain values; a key of a future library is dropped until it is entered here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from store.errors import BadInput, near

Family = Literal["causal", "seq2seq"]

MAX_BYTES = 64 * 1024 * 1024  # a tokenizer's added tokens can be many
MAX_DEPTH = 6
MAX_TEXT = 100_000  # a chat template is the longest honest text
DTYPES = frozenset({"float32", "float16", "bfloat16", "float64"})

# model_type=architecture, as transformers names them.
_CAUSAL = """
    llama=LlamaForCausalLM mistral=MistralForCausalLM mixtral=MixtralForCausalLM
    ministral=MinistralForCausalLM qwen2=Qwen2ForCausalLM qwen2_moe=Qwen2MoeForCausalLM
    qwen3=Qwen3ForCausalLM qwen3_moe=Qwen3MoeForCausalLM gemma=GemmaForCausalLM gemma2=Gemma2ForCausalLM
    gemma3_text=Gemma3ForCausalLM phi=PhiForCausalLM phi3=Phi3ForCausalLM gpt2=GPT2LMHeadModel
    gpt_neo=GPTNeoForCausalLM gpt_neox=GPTNeoXForCausalLM gptj=GPTJForCausalLM opt=OPTForCausalLM
    bloom=BloomForCausalLM falcon=FalconForCausalLM stablelm=StableLmForCausalLM
    starcoder2=Starcoder2ForCausalLM olmo=OlmoForCausalLM olmo2=Olmo2ForCausalLM
    granite=GraniteForCausalLM cohere=CohereForCausalLM cohere2=Cohere2ForCausalLM
    smollm3=SmolLM3ForCausalLM codegen=CodeGenForCausalLM gpt_bigcode=GPTBigCodeForCausalLM
    mpt=MptForCausalLM xglm=XGLMForCausalLM biogpt=BioGptForCausalLM helium=HeliumForCausalLM
    glm=GlmForCausalLM glm4=Glm4ForCausalLM nemotron=NemotronForCausalLM
"""
_SEQ2SEQ = """
    t5=T5ForConditionalGeneration mt5=MT5ForConditionalGeneration umt5=UMT5ForConditionalGeneration
    longt5=LongT5ForConditionalGeneration bart=BartForConditionalGeneration
    mbart=MBartForConditionalGeneration marian=MarianMTModel pegasus=PegasusForConditionalGeneration
    pegasus_x=PegasusXForConditionalGeneration blenderbot=BlenderbotForConditionalGeneration
    blenderbot-small=BlenderbotSmallForConditionalGeneration m2m_100=M2M100ForConditionalGeneration
    led=LEDForConditionalGeneration bigbird_pegasus=BigBirdPegasusForConditionalGeneration
    prophetnet=ProphetNetForConditionalGeneration plbart=PLBartForConditionalGeneration
"""

# What older files of the same weights call them.
_ALIASES = {"T5WithLMHeadModel": "T5ForConditionalGeneration", "BartModel": "BartForConditionalGeneration"}


@dataclass(frozen=True)
class Architecture:
    """A kind of model that can be trained here: transformers' name of its class, and its family."""

    name: str
    family: Family


def _architectures() -> dict[str, Architecture]:
    families: tuple[tuple[str, Family], ...] = ((_CAUSAL, "causal"), (_SEQ2SEQ, "seq2seq"))
    pairs = ((entry.split("="), family) for table, family in families for entry in table.split())
    return {model_type: Architecture(name, family) for (model_type, name), family in pairs}


ARCHITECTURES = _architectures()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The keys of those architectures' configurations; what is not here is dropped.
CONFIG_KEYS = _words("""
    _remove_final_layer_norm _sliding_window_pattern activation activation_dropout activation_function
    add_bias_logits add_cross_attention add_final_layer_norm alibi
    apply_residual_connection_post_layernorm attention_bias attention_dropout attention_heads
    attention_layers attention_multiplier attention_probs_dropout_prob attention_softmax_in_fp32
    attention_type attention_types attention_window attn_config attn_logit_softcapping attn_pdrop
    bad_words_ids bias block_size bos_token_id clip_qkv d_ff d_kv d_model decoder_attention_heads
    decoder_ffn_dim decoder_layerdrop decoder_layers decoder_sparse_step decoder_start_token_id
    decoder_vocab_size dense_act_fn disable_ngram_loss do_blenderbot_90_layernorm do_layer_norm_before
    dropout dropout_rate early_stopping emb_dropout_prob emb_pdrop embd_pdrop embed_dropout
    embedding_dropout embedding_fraction embedding_multiplier enable_bias encoder_attention_heads
    encoder_attention_type encoder_ffn_dim encoder_layerdrop encoder_layers encoder_no_repeat_ngram_size
    eos_token_id eps expansion_ratio extra_pos_embeddings feed_forward_proj ffn_config ffn_dim
    ffn_hidden_size final_layer_norm final_logit_softcapping forced_bos_token_id forced_eos_token_id
    global_block_size head_dim hidden_act hidden_activation hidden_dropout hidden_dropout_prob hidden_size
    init_std initializer_factor initializer_range intermediate_size is_decoder is_encoder_decoder
    is_gated_act layer_norm_elementwise_affine layer_norm_eps layer_norm_epsilon layer_types layerdrop
    learned_pos_emb length_penalty local_radius logit_scale logits_scaling max_decoder_position_embeddings
    max_encoder_position_embeddings max_length max_position_embeddings max_seq_len max_window_layers
    min_length mlp_bias mlp_only_layers model_type moe_intermediate_size multi_query n_ctx n_embd n_embed
    n_head n_heads n_inner n_layer n_layers n_positions n_special new_decoder_architecture ngram no_bias
    no_repeat_ngram_size no_rope_layer_interval no_rope_layers norm_eps norm_epsilon norm_topk_prob
    norm_type normalize_before normalize_embedding num_attention_heads num_beams num_buckets
    num_decoder_attention_heads num_decoder_layers num_encoder_attention_heads num_encoder_layers
    num_experts num_experts_per_tok num_global_tokens num_heads num_hidden_layers num_key_value_heads
    num_kv_heads num_layers num_ln_in_parallel_attn num_local_experts num_random_blocks
    original_max_position_embeddings pad_token_id parallel_attn partial_rotary_factor
    predict_special_tokens pretraining_tp qk_layernorm qkv_bias query_pre_attn_scalar
    relative_attention_max_distance relative_attention_num_buckets relative_max_distance
    reorder_and_upcast_attn resid_dropout resid_pdrop residual_dropout residual_multiplier rms_norm_eps
    rope_local_base_freq rope_parameters rope_pct rope_ratio rope_scaling rope_theta rotary rotary_dim
    rotary_emb_base rotary_pct router_aux_loss_coef router_jitter_noise scale_attention_softmax_in_fp32
    scale_attn_by_inverse_layer_idx scale_attn_weights scale_decoder_outputs scale_embedding sep_token_id
    seq_length share_encoder_decoder_embeddings shared_expert_intermediate_size sliding_window
    sliding_window_pattern slow_but_exact stagger_local_blocks static_position_embeddings
    tie_word_embeddings use_bias use_bidirectional_attention use_cache use_parallel_residual use_qk_norm
    use_qkv_bias use_sliding_window vocab_size window_size word_embed_proj_dim
    """)

GENERATION_KEYS = _words("""
    bad_words_ids begin_suppress_tokens bos_token_id decoder_start_token_id diversity_penalty do_sample
    early_stopping encoder_no_repeat_ngram_size encoder_repetition_penalty eos_token_id epsilon_cutoff
    eta_cutoff exponential_decay_length_penalty force_words_ids forced_bos_token_id forced_eos_token_id
    guidance_scale length_penalty max_length max_new_tokens min_length min_new_tokens min_p
    no_repeat_ngram_size num_beam_groups num_beams num_return_sequences pad_token_id penalty_alpha
    remove_invalid_values renormalize_logits repetition_penalty suppress_tokens temperature top_k top_p
    typical_p use_cache
    """)

TOKENIZER_KEYS = _words("""
    add_bos_token add_eos_token add_prefix_space added_tokens_decoder additional_special_tokens bos_token
    chat_template clean_up_tokenization_spaces cls_token do_lower_case do_lowercase_and_remove_accent
    eos_token errors extra_ids extra_special_tokens keep_accents lang_codes legacy legacy_behaviour
    mask_token mask_token_sent max_length model_input_names model_max_length offset pad_to_multiple_of
    pad_token pad_token_type_id padding_side remove_space sep_token separate_vocabs source_lang
    space_between_special_tokens spaces_between_special_tokens split_special_tokens sp_model_kwargs
    src_lang stride strip_accents target_lang tgt_lang tokenizer_class trim_offsets truncation_side
    truncation_strategy unk_token use_default_system_prompt
    """)

# Without auto_mapping, megatron_*, tokenizer_* and loftq/eva settings: PEFT imports or loads what they name.
ADAPTER_KEYS = _words("""
    adapter_layers adapter_len alpha alpha_pattern base_model_name_or_path beta1 beta2 bias block_share
    coft decompose_both decompose_factor deltaT encoder_dropout encoder_hidden_size encoder_num_layers
    encoder_reparameterization_type ensure_weight_tying eps exclude_modules fan_in_fan_out
    feedforward_modules inference_mode init_ia3_weights init_lora_weights init_r init_weights
    layer_replication layers_pattern layers_to_transform lora_alpha lora_bias lora_dropout mini_r
    miss_dropout module_dropout modules_to_save num_attention_heads num_layers num_transformer_submodules
    num_virtual_tokens oft_block_size orth_reg_weight peft_type peft_version prefix_projection
    prompt_tuning_init r rank_dropout rank_dropout_scale rank_pattern target_modules target_parameters
    target_r task_type tfinal tinit token_dim total_step trainable_token_indices use_dora
    use_effective_conv2d use_rslora
    mh_adapter non_linearity output_adapter reduction_factor scaling
    """)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object of a JSON file.

    Raises:
        BadInput: the file is missing, too large, or not a JSON object.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInput(f"{path} is larger than 64 MiB", "get the original file")
        value = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", "name a complete folder") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not valid JSON: {error}", "get the original file") from error
    if not isinstance(value, dict):
        raise BadInput(f"{path} holds no JSON object", "get the original file")
    return value


def allowed(document: dict[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    """Return the known keys of a document that have plain values: scalars, lists and tables of them."""
    return {key: value for key, value in document.items() if key in keys and _is_plain(value, MAX_DEPTH)}


def _is_plain(value: Any, depth: int) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT
    if isinstance(value, (list, dict)):
        members = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(_is_plain(member, depth - 1) for member in members)
    return value is None or isinstance(value, (bool, int, float))


def clean_model_config(document: dict[str, Any]) -> tuple[dict[str, Any], Architecture]:
    """Return a model's configuration with known keys only, and its architecture.

    Raises:
        BadInput: the architecture is unknown, no language model, needs its own code, or is quantised.
    """
    architecture = _architecture(document)
    if document.get("quantization_config"):
        raise BadInput(
            "the model's weights are quantised already (its config has a quantization_config)",
            "add the original model; the method `qlora` quantises it while loading",
        )
    cleaned = allowed(document, CONFIG_KEYS)
    cleaned["architectures"] = [architecture.name]
    dtype = document.get("dtype", document.get("torch_dtype"))
    if dtype in DTYPES:
        cleaned["dtype"] = dtype
    vocabulary = cleaned.get("vocab_size")
    if type(vocabulary) is not int or vocabulary < 1:
        raise BadInput(
            f"the model's config.json has vocab_size {vocabulary!r}", "get the original config.json"
        )
    return cleaned, architecture


def _architecture(document: dict[str, Any]) -> Architecture:
    model_type = document.get("model_type")
    known = ARCHITECTURES.get(model_type) if isinstance(model_type, str) else None
    if known is None:
        hint = near(str(model_type), ARCHITECTURES)
        own_code = " (it brings its own code, which is never run)" if document.get("auto_map") else ""
        raise BadInput(
            f"model type {model_type!r} is not supported{own_code}",
            f"use one of {', '.join(ARCHITECTURES)}" + (f"; {hint} is the nearest" if hint else ""),
        )
    named = document.get("architectures") or [known.name]
    first = named[0] if isinstance(named, list) else named
    if _ALIASES.get(first, first) != known.name:
        raise BadInput(f"{first!r} does not generate text", f"use a checkpoint of {known.name}")
    return known


def clean_tokenizer_config(document: dict[str, Any]) -> dict[str, Any]:
    """Return a tokenizer's configuration with known keys only."""
    cleaned = allowed(document, TOKENIZER_KEYS)
    if not re.fullmatch(r"[A-Za-z0-9_]{1,80}", str(cleaned.get("tokenizer_class", "None"))):
        del cleaned["tokenizer_class"]
    return cleaned


def dump(document: dict[str, Any]) -> str:
    """Return JSON as our cards and rewritten configurations are written."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
