"""Llama-family models and sentencepiece tokenizers of odd shapes, and what transformers computes.

DIR/tokenizer-*: tokenizer.model, and case.json with texts, ids and decoded texts.
DIR/model-*: a folder as transformers saves it, and expected.safetensors: ids and logits of one
sequence, prompts of several lengths and their greedy continuations.
DIR/refiner: a whole refiner folder with an adapter, and case.json.
"""

import argparse
import json
import random
import shutil
from pathlib import Path

import sentencepiece
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM, LlamaTokenizer, MistralConfig, MistralForCausalLM

WORDS = "a small large red blue green star house tree moon at the top left right on navy background make it bigger".split()
TEXTS = [
    "", " ", "  ", "a", "a red star", "  leading and   inner  spaces  ", "Prompt: a red star\nFeedback: bigger\nRefined:",
    "tab\there\r\n", "\n\n", "日本語 café e\u0301 ﬁ", "🌟 star", "<s> </s> <unk> [INST]", "1234 3.14", "UPPER Case", "\u2581under", "x" * 200,
    "\u00a0nbsp\u3000", "a\u200bb", "\x01\x7f", "don't (stop)",
]  # fmt: skip


def train(folder, **options):
    folder.mkdir(parents=True)
    r = random.Random(3)
    corpus = [" ".join(r.choice(WORDS) for _ in range(12)) for _ in range(300)] + [
        "Prompt: a red star\nFeedback: make it bigger\nRefined: a large red star", "don't (stop) 3.14", "UPPER Case"] * 5  # fmt: skip
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_prefix=str(folder / "tokenizer"), bos_id=1, eos_id=2, unk_id=0, pad_id=-1,
        minloglevel=2, num_threads=1, **options,
    )  # fmt: skip
    (folder / "tokenizer.vocab").unlink()
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))


def tokenizer_cases(out):
    kinds = {
        "bytes": dict(vocab_size=420, model_type="bpe", byte_fallback=True, normalization_rule_name="identity",
                      remove_extra_whitespaces=False, split_digits=True, allow_whitespace_only_pieces=True),
        "nfkc": dict(vocab_size=150, model_type="unigram", hard_vocab_limit=False),
        "plain": dict(vocab_size=130, model_type="bpe", normalization_rule_name="identity", add_dummy_prefix=False),
    }  # fmt: skip
    for name, options in kinds.items():
        folder = out / f"tokenizer-{name}"
        spm = train(folder, **options)
        rows = [{"text": t, "ids": spm.encode(t), "decoded": spm.decode(spm.encode(t)), "known": spm.unk_id() not in spm.encode(t)} for t in TEXTS]
        generated = []
        if name == "bytes":
            reference = LlamaTokenizer(vocab={spm.id_to_piece(i): i for i in range(spm.get_piece_size())}, merges=[])
            r = random.Random(5)
            words = [i for i in range(3, spm.get_piece_size()) if not spm.is_byte(i)]
            for count in (1, 2, 5, 20):
                for _ in range(10):
                    ids = [r.choice(words) for _ in range(count)]
                    ids += spm.encode("é日🌟") if count > 2 else []
                    ids += [2]
                    generated.append({"ids": ids, "text": reference.decode(ids, skip_special_tokens=True)})
        case = {"pieces": spm.get_piece_size(), "bos": spm.bos_id(), "eos": spm.eos_id(), "rows": rows, "generated": generated}
        (folder / "case.json").write_text(json.dumps(case))


def randomize(model):
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "norm" in name:
                p.normal_(1, 0.2)
            elif name.endswith("bias"):
                p.normal_(0, 0.3)
            else:
                p.normal_(0, 1.2 / p.shape[-1] ** 0.5)


def write_model(folder, model, prompt_lengths=(1, 2, 7, 20), new_tokens=16):
    model.save_pretrained(folder)
    vocab = model.config.vocab_size
    ids = torch.randint(0, vocab, (2, 23))
    expected = {"ids": ids}
    with torch.no_grad():
        expected["logits"] = model(ids).logits.contiguous()
        for n in prompt_lengths:
            prompt = torch.randint(0, vocab, (1, n))
            run = model.generate(
                prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=new_tokens,
                eos_token_id=None, pad_token_id=0,
            )  # fmt: skip
            expected[f"prompt{n}"] = prompt[0]
            expected[f"new{n}"] = run[0, n:].contiguous()
    save_file(expected, folder / "expected.safetensors")


def model_cases(out):
    base = dict(vocab_size=131, hidden_size=48, intermediate_size=76, num_hidden_layers=3, num_attention_heads=4,
                num_key_value_heads=2, max_position_embeddings=64, bos_token_id=1, eos_token_id=2)  # fmt: skip
    llama3 = dict(rope_type="llama3", rope_theta=5e4, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                  original_max_position_embeddings=32)  # fmt: skip
    cases = {
        "gqa": LlamaConfig(**base),
        "mha": LlamaConfig(**(base | dict(num_key_value_heads=4, hidden_size=40, rms_norm_eps=1e-5))),
        "mqa-tied": LlamaConfig(**(base | dict(num_attention_heads=6, num_key_value_heads=1, num_hidden_layers=2, tie_word_embeddings=True))),
        "biases": LlamaConfig(**base, attention_bias=True, mlp_bias=True),
        "head-dim": LlamaConfig(**(base | dict(num_attention_heads=3, num_key_value_heads=3)), head_dim=10, hidden_act="gelu_pytorch_tanh"),
        "linear": LlamaConfig(**base, rope_parameters=dict(rope_type="linear", rope_theta=500.0, factor=3.0)),
        "llama3": LlamaConfig(**base, rope_parameters=llama3),
        "mistral": MistralConfig(**base, sliding_window=None),
        "mistral-window": MistralConfig(**base, sliding_window=9),
    }  # fmt: skip
    for at, (name, config) in enumerate(cases.items()):
        torch.manual_seed(at)
        kind = MistralForCausalLM if isinstance(config, MistralConfig) else LlamaForCausalLM
        model = kind(config).eval()
        randomize(model)
        model.tie_weights()
        write_model(out / f"model-{name}", model)

    # Configs as transformers 4 wrote them; rope_type was once called type.
    for name in ("linear", "llama3"):
        old = out / f"model-{name}-old"
        shutil.copytree(out / f"model-{name}", old)
        config = json.loads((old / "config.json").read_text())
        parameters = config.pop("rope_parameters")
        config["rope_theta"] = parameters.pop("rope_theta")
        if name == "linear":
            parameters["type"] = parameters.pop("rope_type")
        config["rope_scaling"] = parameters
        (old / "config.json").write_text(json.dumps(config))
    # A tied model whose file holds the head all the same, and inverse frequencies as a buffer.
    spare = out / "model-mqa-tied-old"
    shutil.copytree(out / "model-mqa-tied", spare)
    state = load_file(spare / "model.safetensors")
    state["lm_head.weight"] = state["model.embed_tokens.weight"].clone()
    state["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.zeros(4)
    save_file(state, spare / "model.safetensors", {"format": "pt"})
    # Shards.
    torch.manual_seed(40)
    model = LlamaForCausalLM(cases["gqa"]).eval()
    randomize(model)
    write_model(out / "model-shards", model)
    (out / "model-shards/model.safetensors").unlink()
    model.save_pretrained(out / "model-shards", max_shard_size="60KB")
    assert (out / "model-shards/model.safetensors.index.json").exists()


def refiner_case(out):
    folder = out / "refiner"
    spm = train(folder, vocab_size=420, model_type="bpe", byte_fallback=True, normalization_rule_name="identity",
                remove_extra_whitespaces=False)  # fmt: skip
    torch.manual_seed(77)
    config = LlamaConfig(vocab_size=spm.get_piece_size() + 4, hidden_size=60, intermediate_size=100, num_hidden_layers=2,
                         num_attention_heads=6, num_key_value_heads=3, max_position_embeddings=160, bos_token_id=1, eos_token_id=2)  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    randomize(model)
    model.save_pretrained(folder)
    template = "Rewrite the prompt of a picture as the words after it want.\nWas: {prompt}\nWanted: {feedback}\nBecomes:"
    (folder / "refiner.json").write_text(json.dumps({"template": template, "stop": ["\n"], "max_new_tokens": 12}))
    adapted = get_peft_model(
        model, LoraConfig(r=3, lora_alpha=5, target_modules=["q_proj", "v_proj", "down_proj"], init_lora_weights=False)
    ).eval()
    adapted.save_pretrained(folder / "adapter")
    rows = []
    for prompt, feedback in [("a red star", "make it bigger"), ("a blue house", "no house"), ("x", "y"), (" ".join(WORDS), "日本 café")]:
        ids = [1] + spm.encode(template.replace("{prompt}", prompt).replace("{feedback}", feedback))
        for with_adapter in (True, False):
            guard = adapted.disable_adapter() if not with_adapter else torch.no_grad()
            with torch.no_grad(), guard:
                run = adapted.generate(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                                       do_sample=False, max_new_tokens=12, eos_token_id=2, pad_token_id=0)  # fmt: skip
            rows.append({"prompt": prompt, "feedback": feedback, "adapter": with_adapter, "input_ids": ids, "tokens": run[0, len(ids) :].tolist()})
    (folder / "case.json").write_text(json.dumps({"rows": rows}))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    torch.set_num_threads(1)
    tokenizer_cases(out)
    model_cases(out)
    refiner_case(out)


if __name__ == "__main__":
    main()
