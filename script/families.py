#!/usr/bin/env python3
"""Reference vectors and scores of tiny models, one of each supported family: script/families.py [DIRECTORY]

Tests in Rust read these files, build the same models, and compare. A file has no weights: a generator, which is simple
enough to write twice, makes them from each tensor's name. What transformers computes from them in float64 is in the
file, with the configuration, the tokenizer and the texts. DIRECTORY is crates/encoder/tests/families without an
argument. The same versions write the same bytes.

    python3 -m venv target/families
    target/families/bin/pip install torch==2.15.0 transformers==5.24.0
    target/families/bin/python script/families.py

The keys of a file:
    config, tokenizer   config.json and tokenizer.json
    tensors             [name, shape, scale, offset], then the type if it is not F32, then the values of integers
    texts, ids          texts, and the tokens that the model reads for each of them
    pooling, vectors    each text's vector: the mean of its tokens' vectors, which then gets the length 1
    pairs, logits       for a model that scores pairs: the numbers of two texts, and what the model says of them
    ids, types          for such a model: the tokens of the first pairs, and the types of these tokens
"""

import inspect
import itertools
import json
import os
import pathlib
import string
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
import transformers
from safetensors import safe_open
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.pre_tokenizers import ByteLevel

ROOT = pathlib.Path(__file__).resolve().parent.parent
HIDDEN, INNER, TOKENS = 32, 48, 64

# Each is one token after a space, in every tokenizer here.
WORDS = ["sea", "of", "the", "a", "is", "to", "in", "it"]

# An accent, another script, a wide letter, words of two parts, and words that most tokenizers here do not know.
FOREIGN = "Café 海船 ｆ ship running 2!"


# Weights


def generator(name):
    """Numbers from -1 up to 1, which `name` alone decides."""
    state = 0x811C9DC5
    for byte in name.encode():
        state = (state ^ byte) * 0x01000193 % 2**32
    while True:
        state = (state * 1664525 + 1013904223) % 2**32
        yield (state >> 8) / 2**23 - 1


def weights(name, shape, scale, offset):
    """A tensor's values, as 32-bit floats."""
    numbers = itertools.islice(generator(name), int(np.prod(shape)))
    return np.array([number * scale + offset for number in numbers]).astype(np.float32).reshape(shape)


def row(name, shape):
    """A tensor's line in the file. The values are such that every part of a model changes its vectors."""
    if name.endswith("bias"):
        return [name, shape, 0.3, 0]
    if len(shape) == 1:
        return [name, shape, 0.5, 1]
    # Tables, and the one row of a classifier.
    large = name.rsplit(".", 2)[-2].endswith("embeddings") or "relative_attention_bias" in name or shape[0] == 1
    return [name, shape, 1 if large else 0.3, 0]


# Tokenizers


def special(names, first=0):
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return [{"id": first + number, "content": name, **flags} for number, name in enumerate(names)]


def template(cls, sep, pair):
    """How special tokens go around a text or a pair of texts. `pair` is the types of the second text and its end."""
    part = lambda kind, name, number: {kind: {"id": name, "type_id": number}}
    first = [part("SpecialToken", cls[0], 0), part("Sequence", "A", 0), part("SpecialToken", sep[0], 0)]
    second = [part("Sequence", "B", pair), part("SpecialToken", sep[0], pair)]
    if cls[0] == "<s>":
        second.insert(0, part("SpecialToken", sep[0], 0))
    tokens = {name: {"id": name, "ids": [number], "tokens": [name]} for name, number in (cls, sep)}
    return {"type": "TemplateProcessing", "single": first, "pair": first + second, "special_tokens": tokens}


def bert_processing(cls, sep):
    """The same as the template of BERT's newer files, in fewer words."""
    return {"type": "BertProcessing", "sep": sep, "cls": cls}


def roberta_processing(cls, sep):
    return {"type": "RobertaProcessing", "sep": sep, "cls": cls, "trim_offsets": True, "add_prefix_space": False}


def tokenizer(added, normalizer, pre_tokenizer, post_processor, model):
    parts = {"normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "post_processor": post_processor}
    fields = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, **parts, "decoder": None}
    return Tokenizer.from_str(json.dumps({**fields, "model": model}))


def wordpiece(specials, post_processor):
    names = [*specials, *WORDS, *"red fox cafe ship run ##ning ! 海".split()]
    normalizer = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None}
    model = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##"}
    model |= {"max_input_chars_per_word": 100, "vocab": {name: number for number, name in enumerate(names)}}
    normalizer |= {"lowercase": True}
    return tokenizer(special(specials), normalizer, {"type": "BertPreTokenizer"}, post_processor, model)


def bert_tokenizer(templated=False):
    cls, sep = ("[CLS]", 2), ("[SEP]", 3)
    post_processor = template(cls, sep, 1) if templated else bert_processing(cls, sep)
    return wordpiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]"], post_processor)


def mpnet_tokenizer():
    names = ["<s>", "<pad>", "</s>", "[UNK]"]
    return wordpiece(names, roberta_processing(("<s>", 0), ("</s>", 2)))


def static_tokenizer():
    return wordpiece(["[PAD]", "[UNK]"], None)


def unigram():
    names = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [f"▁{word}" for word in WORDS] + ["▁red", "▁ship", "▁caf", "▁run", "ning", "▁", *"aelnopst", *"éf!海船"]
    scored = [[piece, -2 - number / 8] for number, piece in enumerate(pieces)]
    vocab = [[name, 0] for name in names] + scored
    spaces = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    normalizer = {"type": "Sequence", "normalizers": [{"type": "NFKC"}, spaces]}
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    model = {"type": "Unigram", "unk_id": 3, "vocab": vocab}
    return tokenizer(special(names), normalizer, metaspace, template(("<s>", 0), ("</s>", 2), 0), model)


def byte_level(first, last, bytes_, normalizer, post_processor):
    merges = []
    for word in WORDS:
        merges += [("Ġ" + word[:end], word[end]) for end in range(len(word))]
    merges = list(dict.fromkeys(merges))
    names = [*first, *bytes_, *(left + right for left, right in merges), *last]
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "fuse_unk": False}
    model |= {"end_of_word_suffix": "", "vocab": {name: number for number, name in enumerate(names)}, "merges": merges}
    split = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    added = special(first) + special(last, len(names) - len(last))
    return tokenizer(added, normalizer, split, post_processor(names), model)


def roberta_tokenizer():
    post_processor = lambda names: roberta_processing(("<s>", 0), ("</s>", 2))
    return byte_level(["<s>", "<pad>", "</s>", "<unk>"], [], sorted(ByteLevel.alphabet()), None, post_processor)


def modernbert_tokenizer():
    post_processor = lambda names: template(("[CLS]", names.index("[CLS]")), ("[SEP]", names.index("[SEP]")), 1)
    # For a smaller file, only the bytes of ASCII and of the texts.
    pieces = ByteLevel(add_prefix_space=False).pre_tokenize_str(string.printable.strip() + FOREIGN)
    bytes_ = sorted({byte for piece, _ in pieces for byte in piece})
    return byte_level([], ["[UNK]", "[CLS]", "[SEP]", "[PAD]"], bytes_, {"type": "NFC"}, post_processor)


# Configurations


def config(kind, architecture, words, **values):
    labels = {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
    head = {"architectures": [architecture], "model_type": kind, "vocab_size": words.get_vocab_size()}
    return head | (labels if architecture.endswith("Classification") else {}) | values


def bert_config(kind, architecture, words, **values):
    """BERT's keys, which RoBERTa, XLM-RoBERTa and MPNet share."""
    sizes = {"hidden_size": HIDDEN, "intermediate_size": INNER, "num_attention_heads": 4, "num_hidden_layers": 2}
    usual = {"hidden_act": "gelu", "max_position_embeddings": TOKENS, "type_vocab_size": 2, "pad_token_id": 0}
    return config(kind, architecture, words, **sizes | usual | {"layer_norm_eps": 1e-12} | values)


def roberta_config(kind, architecture, words):
    ids = {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1}
    places = {"max_position_embeddings": TOKENS + 2, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
    return bert_config(kind, architecture, words, **places, **ids)


def mpnet_config(architecture, words):
    values = roberta_config("mpnet", architecture, words) | {"relative_attention_num_buckets": 32}
    del values["type_vocab_size"]
    return values


def distilbert_config(architecture, words):
    sizes = {"dim": HIDDEN, "hidden_dim": INNER, "n_heads": 4, "n_layers": 2, "max_position_embeddings": TOKENS}
    rest = {"activation": "gelu", "sinusoidal_pos_embds": False, "pad_token_id": 0}
    return config("distilbert", architecture, words, **sizes, **rest)


def modernbert_config(architecture, words, **values):
    """The keys of the published files, which are older than those that transformers writes today."""
    sizes = {"hidden_size": HIDDEN, "intermediate_size": INNER, "num_attention_heads": 2, "num_hidden_layers": 4}
    layers = {"global_attn_every_n_layers": 3, "local_attention": 8}
    rope = {"global_rope_theta": 8000.0, "local_rope_theta": 500.0, "position_embedding_type": "absolute"}
    biases = {"attention_bias": False, "mlp_bias": False, "norm_bias": False, "norm_eps": 1e-5}
    ids = {"cls_token_id": "[CLS]", "sep_token_id": "[SEP]", "pad_token_id": "[PAD]"}
    rest = {"hidden_activation": "gelu", "max_position_embeddings": TOKENS}
    ids = {key: words.token_to_id(token) for key, token in ids.items()}
    return config("modernbert", architecture, words, **sizes, **layers, **rope, **biases, **rest, **ids, **values)


def nomic_config(words):
    """As transformers writes it."""
    rope = {"rope_theta": 500.0, "rope_type": "default"}
    rest = {"num_attention_heads": 2, "hidden_act": "silu", "head_dim": HIDDEN // 2, "rope_parameters": rope}
    return bert_config("nomic_bert", "NomicBertModel", words, **rest)


def nomic_original_config(words):
    """As the model's authors wrote it."""
    sizes = {"n_embd": HIDDEN, "n_head": 2, "n_inner": INNER, "n_layer": 2, "n_positions": TOKENS, "type_vocab_size": 2}
    rope = {"rotary_emb_base": 500, "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False}
    rope |= {"rotary_emb_scale_base": None, "rotary_scaling_factor": None, "max_trained_positions": TOKENS}
    biases = {"mlp_fc1_bias": False, "mlp_fc2_bias": False, "qkv_proj_bias": False}
    rest = {"activation_function": "swiglu", "layer_norm_epsilon": 1e-12, "prenorm": False, "parallel_block": False}
    rest |= {"causal": False, "use_rms_norm": False}
    return config("nomic_bert", "NomicBertModel", words, **sizes, **rope, **biases, **rest)


# Texts


def filled(words, start, tokens, first=0):
    """`start` and as many words as it takes to get `tokens` tokens, special ones included."""
    text, more = start, itertools.islice(itertools.cycle(WORDS), first, None)
    while len(words.encode(text)) < tokens:
        text = f"{text} {next(more)}".strip()
    return text


def hard(words):
    """Texts that not every tokenizer knows well."""
    pad = "<pad>" if words.token_to_id("<pad>") is not None else "[PAD]"
    return [f"{pad} red {pad} sea", FOREIGN]


def single_texts(words, few):
    pads, foreign = hard(words)
    starts = [("", 2), ("a", 3), ("Red  fox", 7), (pads, 17), (foreign, 33), ("The SHIP", TOKENS + 16)]
    return [filled(words, start, tokens) for start, tokens in ([starts[2], starts[4]] if few else starts)]


def pair_texts(words, lengths):
    return [filled(words, "", tokens + 2, first) for first, tokens in enumerate(lengths)] + hard(words)


def pairs_of(name, texts, count):
    """The first pairs have each way to be cut: not at all, the first text, the second, both, and no text at all."""
    short, long, longer = 3, len(texts) - 4, len(texts) - 3
    known = [[short, short + 1], [longer, short], [short, longer], [longer, long], [0, 0]]
    number = generator(name)
    index = lambda: int((next(number) + 1) / 2 * len(texts))
    return known + [[index(), index()] for _ in range(count - len(known))]


# Models


def digits(values):
    return [float(f"{value:.8g}") for value in values]


def tensors_of(model_class, settings):
    """The tensors in a file that transformers writes for such a model."""
    with tempfile.TemporaryDirectory() as directory:
        model_class(settings).save_pretrained(directory)
        with safe_open(f"{directory}/model.safetensors", "pt") as file:
            return [row(name, file.get_slice(name).get_shape()) for name in file.keys()]


def load(values):
    """A model as transformers loads it from files, in float64, and its tensors."""
    model_class = getattr(transformers, values["architectures"][0])
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        (directory / "config.json").write_text(json.dumps(values))
        settings = model_class.config_class.from_pretrained(directory)
        tensors = tensors_of(model_class, settings)
        made = {line[0]: torch.from_numpy(weights(*line)) for line in tensors}
        save_file(made, directory / "model.safetensors", {"format": "pt"})
        model, found = model_class.from_pretrained(directory, dtype=torch.float64, output_loading_info=True)
    if any(found.values()):
        sys.exit(f"error: the tensors of {model_class.__name__} have other names: {found}")
    return model.eval(), tensors


def encoder(words):
    """The tokenizer as transformers calls it, with truncation."""
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=words, model_max_length=TOKENS)

    def encode(text):
        # A list of one: transformers ignores an empty second text of a pair that is in no list.
        tokens = fast([text], truncation=True, return_token_type_ids=True)
        return {key: rows[0] for key, rows in tokens.items()}

    return encode


def embedding_file(shown, words, few=False, read=None):
    """`shown` is in the file, and transformers reads `read` if that is another form of it."""
    model, tensors = load(read or shown)
    texts, encode, ids, vectors = single_texts(words, few), encoder(words), [], []
    for text in texts:
        ids.append(encode(text)["input_ids"])
        given = torch.tensor([ids[-1]])
        mean = model(input_ids=given, attention_mask=torch.ones_like(given)).last_hidden_state[0].mean(0)
        vectors.append(digits((mean / mean.norm()).tolist()))
    parts = {"config": shown, "tokenizer": json.loads(words.to_str()), "tensors": tensors, "texts": texts, "ids": ids}
    return parts | {"pooling": "mean", "vectors": vectors}


def rerank_file(name, shown, words, count=20):
    model, tensors = load(shown)
    texts, encode = pair_texts(words, [0, 1, 2, 3, 7, 31, 40, 66]), encoder(words)
    taken = inspect.signature(model.forward).parameters
    pairs = pairs_of(name, texts, count)
    encoded = [encode((texts[first], texts[second])) for first, second in pairs]
    logits = []
    for tokens in encoded:
        given = {key: torch.tensor([values]) for key, values in tokens.items() if key in taken}
        logits.append(digits(model(**given).logits[0].tolist()))
    ids, types = ([tokens[key] for tokens in encoded[:5]] for key in ("input_ids", "token_type_ids"))
    parts = {"config": shown, "tokenizer": json.loads(words.to_str()), "tensors": tensors, "texts": texts}
    return parts | {"pairs": pairs, "ids": ids, "types": types, "logits": logits}


def static_file(mapped):
    """A table of tokens' vectors. With `mapped`, tokens share rows and have factors."""
    words = static_tokenizer()
    count = words.get_vocab_size()
    rows = count // 2 if mapped else count
    tensors, values = [["embeddings", [rows, HIDDEN], 1, 0]], [number * 7 % rows for number in range(count)]
    if mapped:
        tensors += [["mapping", [count], 0, 0, "I64", values], ["weights", [count], 0.5, 1, "F64"]]
    settings = {"model_type": "model2vec", "architectures": ["StaticModel"], "normalize": True}
    settings |= {"embedding_dtype": "float32"} | ({"vocabulary_quantization": rows} if mapped else {})
    table = weights(*tensors[0]).astype(np.float64)
    if mapped:
        table = table[values] * weights(*tensors[2][:4]).astype(np.float64)[:, None]
    # Unknown words are no tokens, and they do not count among the 512.
    long = "xyz " + "a " * 506 + "red " * 6 + "sea " * 20
    texts = single_texts(words, True) if mapped else ["", "xyz", *single_texts(words, False)[1:-1], long]
    unknown = words.token_to_id("[UNK]")
    ids = [[token for token in words.encode(text).ids if token != unknown][:512] for text in texts]
    means = [table[tokens].mean(0) if tokens else np.zeros(HIDDEN) for tokens in ids]
    vectors = [digits(mean / (np.linalg.norm(mean) or 1)) for mean in means]
    parts = {"config": settings, "tokenizer": json.loads(words.to_str()), "tensors": tensors}
    return parts | {"texts": texts, "ids": ids, "pooling": "mean", "vectors": vectors}


def embedding_files():
    words, pieces, ships = bert_tokenizer(), unigram(), mpnet_tokenizer()
    settings = bert_config("bert", "BertModel", bert_tokenizer(True))
    yield "bert", embedding_file(settings, bert_tokenizer(True))
    for act in ("gelu_new", "relu"):
        values = settings | {"hidden_act": act, "num_hidden_layers": 1}
        yield f"bert-{act.replace('_', '-')}", embedding_file(values, words, few=True)
    yield "roberta", embedding_file(roberta_config("roberta", "RobertaModel", roberta_tokenizer()), roberta_tokenizer())
    yield "xlm-roberta", embedding_file(roberta_config("xlm-roberta", "XLMRobertaModel", pieces), pieces)
    yield "mpnet", embedding_file(mpnet_config("MPNetModel", ships), ships)
    yield "distilbert", embedding_file(distilbert_config("DistilBertModel", words), words)
    settings = modernbert_config("ModernBertModel", modernbert_tokenizer())
    yield "modernbert", embedding_file(settings, modernbert_tokenizer())
    yield "nomic-bert-original", embedding_file(nomic_original_config(words), words, read=nomic_config(words))
    yield "nomic_bert", embedding_file(nomic_config(words) | {"num_hidden_layers": 1}, words, few=True)
    yield "model2vec", static_file(False)
    yield "model2vec-weights", static_file(True)


def rerank_files():
    words, pieces, ships = bert_tokenizer(), unigram(), mpnet_tokenizer()
    classifier = "ForSequenceClassification"
    one = {"num_hidden_layers": 1}
    settings = bert_config("bert", f"Bert{classifier}", bert_tokenizer(True)) | one
    yield "rerank-bert", rerank_file("rerank-bert", settings, bert_tokenizer(True), 200)
    settings = roberta_config("xlm-roberta", f"XLMRoberta{classifier}", pieces) | one
    yield "rerank-roberta", rerank_file("rerank-roberta", settings, pieces)
    yield "rerank-mpnet", rerank_file("rerank-mpnet", mpnet_config(f"MPNet{classifier}", ships) | one, ships)
    settings = distilbert_config(f"DistilBert{classifier}", words) | {"n_layers": 1}
    yield "rerank-distilbert", rerank_file("rerank-distilbert", settings, words)
    for name, pooling in (("rerank-modernbert", "mean"), ("rerank-modernbert-cls", "cls")):
        rest = {"classifier_pooling": pooling, "classifier_activation": "gelu", "classifier_bias": False}
        yield name, rerank_file(name, modernbert_config(f"ModernBert{classifier}", words, **rest), words)


def main():
    directory = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "crates/encoder/tests/families")
    directory.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    with torch.no_grad():
        for name, parts in itertools.chain(embedding_files(), rerank_files()):
            text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
            (directory / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
