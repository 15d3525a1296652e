"""Tiny models with random weights, in folders as a hub would give them."""

from pathlib import Path

import torch
import transformers as hf
from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE, WordLevel
from tokenizers.pre_tokenizers import Split
from tokenizers.trainers import BpeTrainer

MARKS = ["<|endoftext|>", "<|im_end|>", "<unk>", "<|im_start|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>", "<pad>"]
LETTERS = sorted(
    {
        *"说话人语气愤怒恼火生高兴开心愉快悲伤难过沮丧平静淡冷，速较。声音听起来很量适中这段透着的情绪今天饭好吃你怎么又迟到了？我明去南方门口有"
    }
    | {*"的请用一句中文描述感和方式话：音 system\nYou are a helpful assistant.userAudio 1:"}
)
VOCABULARY = len(MARKS) + len(LETTERS) + 3  # rows that no token has, as in the large models


BYTES = 320


def tokenizer(*, chat: bool = False, bert: bool = False) -> hf.PreTrainedTokenizerFast:
    """A tokeniser of single characters."""
    marks = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"] if bert else MARKS
    words = Tokenizer(
        WordLevel({word: k for k, word in enumerate([*marks, *LETTERS])}, unk_token=marks[3 if bert else 2])
    )
    words.pre_tokenizer = Split(Regex(r"[\s\S]"), "isolated")
    if bert:
        found = hf.PreTrainedTokenizerFast(
            tokenizer_object=words, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]"
        )
    else:
        found = hf.PreTrainedTokenizerFast(
            tokenizer_object=words, pad_token="<pad>", eos_token="<|im_end|>", unk_token="<unk>"
        )
        if chat:
            found.add_special_tokens({"additional_special_tokens": MARKS[3:7]})
    return found


def byte_level() -> hf.PreTrainedTokenizerFast:
    """A byte-pair encoding over bytes, as Qwen2 has."""
    words = Tokenizer(BPE())
    words.pre_tokenizer, words.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=BYTES - 3,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=MARKS,
        show_progress=False,
    )
    words.train_from_iterator(["".join(LETTERS)] * 3, trainer)
    return hf.PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<|im_end|>")


def _kept(model: hf.PreTrainedModel, folder: Path, words: hf.PreTrainedTokenizerFast | None = None) -> str:
    model.save_pretrained(folder)
    if words is not None:
        words.save_pretrained(folder)
    return str(folder)


def whisper(folder: Path) -> str:
    torch.manual_seed(1)
    config = hf.WhisperConfig(
        d_model=16, encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=32, decoder_layers=1,
        decoder_attention_heads=2, decoder_ffn_dim=32, num_mel_bins=80, max_source_positions=100, vocab_size=20,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, max_target_positions=16,
    )  # fmt: skip
    return _kept(hf.WhisperModel(config), folder)


def hubert(folder: Path) -> str:
    torch.manual_seed(2)
    config = hf.HubertConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, conv_dim=(8,) * 7,
        num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    return _kept(hf.HubertModel(config), folder)


def gpt2(folder: Path) -> str:
    torch.manual_seed(3)
    config = hf.GPT2Config(
        vocab_size=VOCABULARY, n_embd=16, n_layer=2, n_head=2, n_positions=256, bos_token_id=1, eos_token_id=2
    )
    return _kept(hf.GPT2LMHeadModel(config), folder, tokenizer(bert=True))


def bart(folder: Path) -> str:
    torch.manual_seed(4)
    config = hf.BartConfig(
        vocab_size=VOCABULARY, d_model=16, encoder_layers=1, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=256,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, forced_eos_token_id=None,
        init_std=0.2,
    )  # fmt: skip
    return _kept(hf.BartForConditionalGeneration(config), folder, tokenizer(bert=True))


TEXT = {"vocab_size": VOCABULARY, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
TEXT |= {"num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 512}
TEXT |= {"pad_token_id": 7, "bos_token_id": None, "eos_token_id": 1}
AUDIO = {"d_model": 16, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 32}


def qwen2(folder: Path) -> str:
    torch.manual_seed(5)
    return _kept(
        hf.Qwen2ForCausalLM(hf.Qwen2Config(**TEXT | {"vocab_size": BYTES}, tie_word_embeddings=True)),
        folder,
        byte_level(),
    )


def qwen2_audio(folder: Path) -> str:
    torch.manual_seed(6)
    config = hf.Qwen2AudioConfig(
        audio_config=AUDIO | {"num_mel_bins": 80, "max_source_positions": 100},
        text_config=TEXT,
        audio_token_index=MARKS.index("<|AUDIO|>"),
    )
    return _kept(hf.Qwen2AudioForConditionalGeneration(config), folder, tokenizer(chat=True))


def omni(folder: Path) -> str:
    torch.manual_seed(7)
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e6}
    config = hf.Qwen2_5OmniThinkerConfig(
        text_config=TEXT | {"rope_parameters": rope},
        audio_config=AUDIO | {"num_mel_bins": 128, "output_dim": 16, "n_window": 50, "max_source_positions": 1500},
        vision_config={"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16},
        vision_start_token_id=5, audio_token_id=4, image_token_id=7, video_token_id=7,
    )  # fmt: skip
    return _kept(hf.Qwen2_5OmniThinkerForConditionalGeneration(config), folder, tokenizer(chat=True))
