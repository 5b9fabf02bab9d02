"""Llama-family models and sentencepiece tokenizers of odd shapes, and what transformers computes.

DIR/tokenizer-*: tokenizer.model, and case.json with texts, ids and decoded texts.
DIR/model-*: a folder as transformers saves it, and expected.safetensors: ids and logits of one
sequence, prompts of several lengths and their greedy continuations.
DIR/refiner: a whole refiner folder with an adapter, and case.json.
DIR/chat-*: tokenizer.model and tokenizer_config.json of a family's chat model, and case.json with
conversations as transformers renders and tokenizes them.
"""

import argparse
import json
import os
import random
import shutil
from pathlib import Path

os.environ["TORCHDYNAMO_DISABLE"] = "1"  # compiling bitsandbytes' fallbacks would take minutes

import sentencepiece
import torch
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn import Linear4bit
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    BitsAndBytesConfig,
    GemmaConfig,
    GemmaForCausalLM,
    GemmaTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaTokenizer,
    MistralConfig,
    MistralForCausalLM,
)
from transformers.tokenization_utils_base import generate_merges

WORDS = "a small large red blue green star house tree moon at the top left right on navy background make it bigger".split()
TEXTS = [
    "", " ", "  ", "a", "a red star", "  leading and   inner  spaces  ", "Prompt: a red star\nFeedback: bigger\nRefined:",
    "tab\there\r\n", "\n\n", "日本語 café e\u0301 ﬁ", "🌟 star", "<s> </s> <unk> [INST]", "1234 3.14", "UPPER Case", "\u2581under", "x" * 200,
    "\u00a0nbsp\u3000", "a\u200bb", "\x01\x7f", "don't (stop)",
]  # fmt: skip


def train(folder, **options):
    folder.mkdir(parents=True)
    options = dict(bos_id=1, eos_id=2, unk_id=0, pad_id=-1) | options
    r = random.Random(3)
    corpus = [" ".join(r.choice(WORDS) for _ in range(12)) for _ in range(300)] + [
        "Prompt: a red star\nFeedback: make it bigger\nRefined: a large red star", "don't (stop) 3.14", "UPPER Case"] * 5  # fmt: skip
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_prefix=str(folder / "tokenizer"),
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
                p.normal_(0 if isinstance(model, GemmaForCausalLM) else 1, 0.2)
            elif name.endswith("bias"):
                p.normal_(0, 0.3)
            else:
                p.normal_(0, 1.2 / p.shape[-1] ** 0.5)


def write_model(folder, model, prompt_lengths=(1, 2, 7, 20), new_tokens=16, save=True):
    if save:
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
        "dynamic": LlamaConfig(**base, rope_parameters=dict(rope_type="dynamic", rope_theta=500.0, factor=3.0)),
        "gemma": GemmaConfig(**(base | dict(num_attention_heads=3, num_key_value_heads=1)), head_dim=10),
        "linear": LlamaConfig(**base, rope_parameters=dict(rope_type="linear", rope_theta=500.0, factor=3.0)),
        "llama3": LlamaConfig(**base, rope_parameters=llama3),
        "mistral": MistralConfig(**base, sliding_window=None),
        "mistral-window": MistralConfig(**base, sliding_window=9),
    }  # fmt: skip
    for at, (name, config) in enumerate(cases.items()):
        torch.manual_seed(at)
        kinds = {"mistral": MistralForCausalLM, "gemma": GemmaForCausalLM}
        model = kinds.get(config.model_type, LlamaForCausalLM)(config).eval()
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
    # A config that ties what the file holds apart: transformers believes the file.
    apart = out / "model-own-head"
    shutil.copytree(out / "model-gqa", apart)
    config = json.loads((apart / "config.json").read_text())
    (apart / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": True}))
    found = LlamaForCausalLM.from_pretrained(apart)
    assert torch.equal(found.lm_head.weight, load_file(apart / "model.safetensors")["lm_head.weight"])
    # Gemma's first files name the activation's tanh form "gelu".
    old = out / "model-gemma-old"
    shutil.copytree(out / "model-gemma", old)
    config = json.loads((old / "config.json").read_text())
    config["hidden_act"] = "gelu"
    (old / "config.json").write_text(json.dumps(config))
    # Shards.
    torch.manual_seed(40)
    model = LlamaForCausalLM(cases["gqa"]).eval()
    randomize(model)
    write_model(out / "model-shards", model)
    (out / "model-shards/model.safetensors").unlink()
    model.save_pretrained(out / "model-shards", max_shard_size="60KB")
    assert (out / "model-shards/model.safetensors.index.json").exists()


def unpacked(model):
    """A model loaded in 4 bits with dense linears again, which compute the same on every machine."""
    for name, module in list(model.named_modules()):
        if isinstance(module, Linear4bit):
            state = module.weight.quant_state
            shape, state.shape = state.shape, (state.shape.numel(),)  # as one row: see make_nf4.py
            state.dtype = torch.float32  # as gemm_4bit does it for activations of this type
            dense = torch.nn.Linear(shape[1], shape[0], bias=False)
            dense.weight.data = dequantize_4bit(module.weight.data, state).reshape(shape)
            model.set_submodule(name, dense)
    return torch.nn.Module.float(model)  # transformers' own refuses models that were packed


def four_bit_cases(out):
    """Checkpoints that bitsandbytes packed, with and without double quantisation, and a QLoRA on one."""
    torch.manual_seed(90)
    config = LlamaConfig(vocab_size=131, hidden_size=80, intermediate_size=112, num_hidden_layers=2, num_attention_heads=4,
                         num_key_value_heads=2, max_position_embeddings=64, bos_token_id=1, eos_token_id=2)  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    randomize(model)
    dense = out / "model-dense-of-nf4"
    model.save_pretrained(dense)
    for name, double, kind, dtype in (("nf4", True, "nf4", torch.float16), ("nf4-plain-absmax", False, "nf4", torch.float32),
                                      ("fp4", True, "fp4", torch.float32)):  # fmt: skip
        options = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type=kind, bnb_4bit_use_double_quant=double)

        def load(folder, **more):
            return AutoModelForCausalLM.from_pretrained(folder, device_map="cpu", dtype=dtype, **more).eval()

        folder = out / f"model-{name}"
        load(dense, quantization_config=options).save_pretrained(folder)
        if kind == "fp4":
            continue
        write_model(folder, unpacked(load(folder)), save=False)
        if name == "nf4":
            torch.manual_seed(91)
            lora = LoraConfig(r=2, lora_alpha=6, target_modules=["q_proj", "o_proj", "up_proj"], init_lora_weights=False)
            get_peft_model(unpacked(load(folder)), lora).save_pretrained(folder / "adapter")
            adapted = PeftModel.from_pretrained(unpacked(load(folder)), folder / "adapter").eval()
            ids = torch.randint(0, 131, (1, 19))
            with torch.no_grad():
                save_file({"ids": ids, "logits": adapted(input_ids=ids).logits.contiguous()}, folder / "adapted.safetensors")


# Chat templates as short as those of the families allow; what they write is what the families' do.
LLAMA2 = (
    "{% if messages[0].role == 'system' %}{% set s = '<<SYS>>\\n' + messages[0].content + '\\n<</SYS>>\\n\\n' %}{% set messages = messages[1:] %}"
    "{% endif %}{% for m in messages %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + (s if loop.first else '') + m.content + ' [/INST]' }}"
    "{% else %}{{ ' ' + m.content + ' ' + eos_token }}{% endif %}{% endfor %}"
)
ROLES = (
    "{% for m in messages %}{{ '<|user|>\n' if m.role == 'user' else '<|system|>\n' if m.role == 'system' else '<|assistant|>\n' }}"
    "{{ m.content + eos_token + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
INST = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ OPEN + m.content + CLOSE }}{% else %}{{ BEFOREm.content + eos_tokenAFTER }}"
    "{% endif %}{% endfor %}"
)
TURNS = (
    "{{ bos_token }}{% for m in messages %}{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else 'user') + '\n' + m.content + '<end_of_turn>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def inst(opening, closing, before="", after=""):
    return INST.replace("OPEN", repr(opening)).replace("CLOSE", repr(closing)).replace("BEFORE", before).replace("AFTER", after)


def chat_cases(out):
    llama = dict(vocab_size=420, model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
                 allow_whitespace_only_pieces=True, split_digits=True)  # fmt: skip
    gemma = llama | dict(add_dummy_prefix=False, pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", bos_piece="<bos>", eos_piece="<eos>",
                         user_defined_symbols=["<start_of_turn>", "<end_of_turn>"], vocab_size=430)  # fmt: skip
    cases = {  # template, sentencepiece options, legacy, added tokens, whether it knows a system role
        "llama2": (LLAMA2, llama, False, [], True),
        "zephyr": (ROLES, llama, False, [], True),
        "zephyr-legacy": (ROLES, llama, True, [], True),
        "mistral-v01": (inst("[INST] ", " [/INST]", after=" + ' '"), llama, True, [], False),
        "mistral-v02": (inst(" [INST] ", " [/INST]", before="' ' + "), llama, False, [], False),
        "mistral-v03": (inst("[INST] ", "[/INST]", before="' ' + "), llama | dict(control_symbols=["[INST]", "[/INST]"]), False, ["[INST]", "[/INST]"], False),
        "gemma": (TURNS, gemma, False, ["<start_of_turn>", "<end_of_turn>"], False),
        "chatml": (CHATML, llama, False, ["<|im_start|>", "<|im_end|>"], True),
    }
    dialogues = [
        ("Rewrite the prompt.", [], "Prompt: a red star\nFeedback: make it bigger"),
        ("Rewrite: ", [("a red star", "a large red star"), ("no house", "a tree\nNegative: house")], "don't (stop) 3.14 日本"),
    ]  # fmt: skip
    for name, (template, options, legacy, added, has_system) in cases.items():
        folder = out / f"chat-{name}"
        spm = train(folder, **options)
        pieces = {spm.id_to_piece(i): i for i in range(spm.get_piece_size())}
        merges = generate_merges(pieces, {piece: spm.get_score(i) for piece, i in pieces.items()})
        if name == "gemma":
            tokenizer = GemmaTokenizer(vocab=pieces, merges=merges)
        else:
            tokenizer = LlamaTokenizer(vocab=pieces, merges=merges, legacy=legacy)
        if added:
            tokenizer.add_special_tokens({"additional_special_tokens": added})
        tokenizer.chat_template = template
        rows = []
        for system, exchanges, user in dialogues:
            messages = [{"role": "system", "content": system}] if has_system else []
            users = [*(u for u, _ in exchanges), user]
            users[0] = users[0] if has_system else f"{system}\n\n{users[0]}"
            for i, text in enumerate(users):
                messages.append({"role": "user", "content": text})
                if i < len(exchanges):
                    messages.append({"role": "assistant", "content": exchanges[i][1]})
            rows.append({
                "system": system, "exchanges": exchanges, "user": user,
                "text": tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True),
                "ids": tokenizer.apply_chat_template(messages, add_generation_prompt=True)["input_ids"],
            })  # fmt: skip
        tokens = {str(tokenizer.convert_tokens_to_ids(t)): {"content": t, "special": True} for t in added}
        config = {"chat_template": template, "legacy": legacy, "added_tokens_decoder": tokens}
        if name == "chatml":  # as older folders declare them
            del config["added_tokens_decoder"]
            (folder / "added_tokens.json").write_text(json.dumps({v["content"]: int(k) for k, v in tokens.items()}))
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
        (folder / "case.json").write_text(json.dumps({"rows": rows}))
        if name in ("gemma", "zephyr"):  # whole refiners, without a refiner.json
            torch.manual_seed(60)
            sizes = dict(vocab_size=440, hidden_size=24, intermediate_size=30, num_hidden_layers=1, num_attention_heads=2,
                         num_key_value_heads=1, max_position_embeddings=4096)  # fmt: skip
            config = GemmaConfig(**sizes, head_dim=10) if name == "gemma" else LlamaConfig(**sizes)
            AutoModelForCausalLM.from_config(config).save_pretrained(folder)


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
    four_bit_cases(out)
    chat_cases(out)
    refiner_case(out)


if __name__ == "__main__":
    main()
