"""CLIP tokenizers and text encoders of odd shapes, and what transformers computes from them.

DIR/tokenizer-*: a folder as transformers reads it, and case.json with texts and their ids.
DIR/model-*: a text encoder as transformers saves it, and expected.safetensors.
"""

import argparse
import json
import random
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPTokenizer

INPUTS = ["tests/data/models/scenes/tokenizer"]
PACK = Path(__file__).resolve().parents[2] / "tests/data/models/scenes/tokenizer"

TEXTS = [
    "", " ", "\n", "a", "A", "a small red star at the top left on a navy background",
    "A LARGE   Red star, at the top-left!! (don't) café 42 日本",
    "it's we're I'd you'll they've I'm can't 'S 'T '' ' s", "!'s \"'re\" ''d", "don’t ‘quoted’ “text”",
    "1234567890 3.14 1,000 ½ ² ٣ 五 Ⅷ", "a1b2c3", "x_y-z/w\\v|u",
    "<|startoftext|>", "<|endoftext|>", "a<|startoftext|>b<|endoftext|>c", "<|STARTOFTEXT|>! <|EndOfText|>x",
    "<|startoftext", "<|startoftext|>!!", "!<|endoftext|>!", "<| endoftext |>", "<||>", "<|end<|endoftext|>of|>",
    "! !! !!! a!b ! c", "é", "e\u0301", "e\u0301\u0323", "e\u0323\u0301", "\u0301e", "a\u0301\u0301", "ａｂｃ", "ﬁ", "Å Å Å",
    "한국어 \u1112\u1161\u11ab", "\u1100\u1161", "\uac00\u11a8", "\u1100\u1161\u11a7", "ÀÉÎÕÜ ß ẞ ſ", "İI ıi ΑΣ Σ ς ǅ Ǆ", "ПРИВЕТ мир",
    "שָׁלוֹם", "مرحبا", "नमस्ते", "ไทย", "日本語のテキスト", "中文。测试", "🌟", "a🌟b", "👩‍👩‍👧‍👦 👍🏽 🇩🇪", "☃️", "𝔘𝔫𝔦 𝒳", "𐐀𐐁",
    "tab\there", "line\nbreak\r\nnext", "\u00a0nbsp\u2003em\u3000cjk\u200bzwsp\u2028ls\u0085nel", "\x00nul\x01\x1f\x7f\x80\x9f",
    "\ufeffbom", "\ufffd", "\ufffe\uffff", "\U000e0001\U0010ffff", "(((((", ":;,.?!@#$%^&*", "....", "a" * 100, "ab" * 300, "!?" * 60,
    "word " * 80, "日" * 90, "e\u0301" * 40, "\u0344\u0340\u0341\u0374\u037e\u0387", "\u0958\u0b5c\ufb1d\ufb2a\u2adc",
    "\u1e9b\u0323", "q\u0307\u0323", "\u0f73\u0f75", "\u0cc6\u0cc2\u0cd5", "\u09c7\u09be", "\U000110a5\U000110ba", "\U0001d15f",
    "\ua7cb\u1c89\U00010d50", "foo<mark>bar", "foo <mark> bar", "foo<MARK>bar", "x Zone y", "xzoney", " ZONE ", "café au lait CAFÉ",
]

ALPHABET = list("aAbBzZ019 '!.,-_<|>()sStTrReEvVmMlLdD\t\n") + [
    "\u0301", "\u0323", "\u0308", "\u0345", "é", "É", "ß", "İ", "Σ", "ж", "Ж", "日", "한", "\u1100", "\u1161", "\u11a8", "🌟", "½", "²",
    "\u00a0", "\u200d", "\u2028", "\u00ad", "\x00", "\x85", "’", "<|startoftext|>", "<|endoftext|>", "'s", "'re", "star ", "red ",
]  # fmt: skip


def fuzz(seed, count):
    r = random.Random(seed)
    texts = ["".join(r.choice(ALPHABET) for _ in range(r.randint(1, 40))) for _ in range(count)]
    anything = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
    texts += ["".join(chr(r.choice(anything)) for _ in range(r.randint(1, 12))) for _ in range(count)]
    texts += ["".join(chr(r.randrange(0x250)) for _ in range(r.randint(1, 30))) for _ in range(count)]
    return texts


def every_character():
    """Code points of the scripts in use, each beside a letter, in blocks that fit one text."""
    points = [c for c in range(0x20, 0x3100)] + list(range(0xA640, 0xABFF)) + list(range(0xF900, 0xFFFF))
    points += list(range(0x10400, 0x10500)) + list(range(0x11000, 0x11400)) + list(range(0x1D100, 0x1D200)) + list(range(0x1F300, 0x1F700))
    texts = []
    for at in range(0, len(points), 64):
        texts.append(" ".join("a" + chr(c) + "b" + chr(c) for c in points[at : at + 64]))
    return texts


def write_case(folder, texts):
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    length = min(tokenizer.model_max_length, 77)
    rows = []
    for text in texts:
        plain = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        padded = tokenizer(text, padding="max_length", truncation=True, max_length=length)
        at = [0]
        for c in text:
            at.append(at[-1] + len(c.encode()))
        rows.append(
            {
                "text": text,
                "ids": plain.input_ids,
                "padded": padded.input_ids,
                "spans": [[at[a], at[b]] for a, b in plain.offset_mapping] if text.isascii() else None,
            }
        )
    case = {
        "bos": tokenizer.bos_token_id, "eos": tokenizer.eos_token_id, "pad": tokenizer.pad_token_id,
        "length": length, "rows": rows,
    }  # fmt: skip
    (folder / "case.json").write_text(json.dumps(case))


def write_json(path, value):
    path.write_text(json.dumps(value))


def tokenizer_cases(out):
    texts = TEXTS + fuzz(1, 150)
    pack = out / "tokenizer-pack"
    shutil.copytree(PACK, pack)
    write_case(pack, texts + every_character())

    # Special tokens as objects, looked for in normalised text, as in Stable Diffusion 2.1's folder.
    objects = out / "tokenizer-objects"
    shutil.copytree(PACK, objects)
    token = lambda content: {"content": content, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    bos, eos = token("<|startoftext|>"), token("<|endoftext|>")
    write_json(objects / "special_tokens_map.json", {"bos_token": bos, "eos_token": eos, "pad_token": "!", "unk_token": eos})
    write_json(
        objects / "tokenizer_config.json",
        {"bos_token": bos | {"__type": "AddedToken"}, "do_lower_case": True, "eos_token": eos | {"__type": "AddedToken"},
         "model_max_length": 31, "pad_token": "<|endoftext|>", "tokenizer_class": "CLIPTokenizer"},
    )  # fmt: skip
    write_case(objects, texts + fuzz(2, 100))

    # tokenizer.json alone, with tokens that the vocabulary lacks and that take white space along.
    single = out / "tokenizer-single"
    grown = CLIPTokenizer.from_pretrained(objects)
    grown.add_tokens([AddedToken("<mark>", lstrip=True, rstrip=True, normalized=False), AddedToken("Zone", normalized=True)])
    grown.save_pretrained(single)
    assert not (single / "vocab.json").exists()
    write_case(single, texts + fuzz(3, 100))

    # A vocabulary of another corpus that lacks most bytes, so that there are unknown ones.
    trained = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    trained.normalizer = normalizers.Lowercase()
    trained.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, end_of_word_suffix="</w>", special_tokens=["<|startoftext|>", "<|endoftext|>"]
    )
    corpus = [t.replace("\x00", "") for t in TEXTS[:16]] * 3 + ["the quick brown fox jumps over the lazy dog", "日本語 日本"] * 4
    trained.train_from_iterator(corpus, trainer)
    model = json.loads(trained.to_str())["model"]
    poor = out / "tokenizer-poor"
    poor.mkdir()
    write_json(poor / "vocab.json", model["vocab"])
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    (poor / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    write_json(poor / "tokenizer_config.json", {"model_max_length": 13, "tokenizer_class": "CLIPTokenizer"})
    write_case(poor, texts + fuzz(4, 100))


def randomize(model):
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(0, 0.4 / max(1, p.shape[-1] if p.dim() else 1) ** 0.5)
    for name, p in model.named_parameters():
        if "norm" in name and name.endswith("weight"):
            p.data += 1


def model_cases(out):
    shapes = {
        "wide": dict(hidden_size=96, intermediate_size=200, num_hidden_layers=2, num_attention_heads=3, vocab_size=211,
                     max_position_embeddings=19, hidden_act="quick_gelu", eos_token_id=210, bos_token_id=209),
        "deep": dict(hidden_size=40, intermediate_size=72, num_hidden_layers=7, num_attention_heads=5, vocab_size=97,
                     max_position_embeddings=77, hidden_act="gelu", eos_token_id=2, layer_norm_eps=1e-4),
        "single-head": dict(hidden_size=24, intermediate_size=100, num_hidden_layers=1, num_attention_heads=1, vocab_size=60,
                            max_position_embeddings=8, hidden_act="gelu_new", eos_token_id=7),
    }  # fmt: skip
    for name, shape in shapes.items():
        torch.manual_seed(len(name))
        folder = out / f"model-{name}"
        model = CLIPTextModel(CLIPTextConfig(**shape)).eval()
        randomize(model)
        model.save_pretrained(folder)
        n = shape["max_position_embeddings"]
        ids = torch.randint(8, shape["vocab_size"] - 1, (3, n))
        ids[0, n // 2 :] = shape["eos_token_id"]
        ids[1, n - 1] = shape["eos_token_id"]
        ids[2, 1] = shape["eos_token_id"]
        with torch.no_grad():
            result = model(ids)
            short = model(ids[:, : n // 2 + 1])
        save_file(
            {"ids": ids, "last_hidden_state": result.last_hidden_state, "pooler_output": result.pooler_output,
             "short_hidden_state": short.last_hidden_state.contiguous(), "short_pooler_output": short.pooler_output},
            folder / "expected.safetensors",
        )  # fmt: skip
        # The same weights under the names of transformers 4, with its buffer and a projection.
        old = out / f"model-{name}-old"
        shutil.copytree(folder, old)
        state = {f"text_model.{k.removeprefix('text_model.')}": v for k, v in load_file(folder / "model.safetensors").items()}
        state["text_model.embeddings.position_ids"] = torch.arange(n).unsqueeze(0)
        state["text_projection.weight"] = torch.zeros(5, shape["hidden_size"])
        save_file(state, old / "model.safetensors")

    # A whole CLIPModel, of which the text tower is wanted.
    torch.manual_seed(5)
    folder = out / "model-tower"
    text = dict(hidden_size=36, intermediate_size=50, num_hidden_layers=2, num_attention_heads=2, vocab_size=83,
                max_position_embeddings=11, eos_token_id=82, bos_token_id=81)  # fmt: skip
    vision = dict(hidden_size=16, intermediate_size=20, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4)
    clip = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=6)).eval()
    randomize(clip)
    clip.save_pretrained(folder)
    ids = torch.randint(0, 83, (2, 11))
    ids[:, 9] = 82
    with torch.no_grad():
        result = clip.text_model(ids)
    save_file(
        {"ids": ids, "last_hidden_state": result.last_hidden_state, "pooler_output": result.pooler_output},
        folder / "expected.safetensors",
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    torch.set_num_threads(1)
    tokenizer_cases(out)
    model_cases(out)


if __name__ == "__main__":
    main()
