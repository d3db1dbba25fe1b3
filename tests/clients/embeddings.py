"""Clients of OpenAI's embeddings, as their users write them: OpenAI's own, LangChain, LlamaIndex and Haystack."""

import concurrent.futures
import os
import struct
import subprocess
import sys

import openai
from server import MODEL, URL, reference, texts

client = openai.OpenAI(base_url=f"{URL}/v1", api_key="none", max_retries=0)


def same_bits(found, expected):
    pack = lambda row: struct.pack(f"<{len(row)}f", *row)
    return len(found) == len(expected) and all(pack(a) == pack(b) for a, b in zip(found, expected))


def own_client():
    words = texts(1000)
    expected = reference(words)
    # Without a format, the client asks for base64.
    for more in [{}, {"encoding_format": "float"}, {"encoding_format": "base64"}]:
        answer = client.embeddings.create(model=MODEL, input=words, **more)
        found = [item.embedding for item in answer.data]
        if more.get("encoding_format") == "base64":
            import base64
            found = [struct.unpack("<384f", base64.b64decode(row)) if isinstance(row, str) else row for row in found]
        assert same_bits(found, expected), more
        assert answer.usage.total_tokens > 1000 and [item.index for item in answer.data] == list(range(1000))
    one = client.embeddings.create(model=MODEL, input="a single text")
    assert same_bits([one.data[0].embedding], reference(["a single text"]))
    for wrong, error in [
        ({"model": "text-embedding-3-small", "input": "a"}, openai.NotFoundError),
        ({"model": MODEL, "input": ["a"] * 2049}, openai.BadRequestError),
        ({"model": MODEL, "input": "a", "dimensions": 7}, openai.BadRequestError),
        ({"model": MODEL, "input": ""}, openai.BadRequestError),
        ({"model": MODEL, "input": ["x" * (17 << 20)]}, openai.APIStatusError),
    ]:
        try:
            client.embeddings.create(**wrong)
        except error as refused:
            assert refused.message and refused.status_code < 500, refused
        else:
            raise AssertionError(f"{str(wrong)[:80]} was answered")
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).id == MODEL


def many_at_once():
    words = texts(200)
    expected = reference(words)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        ask = lambda word: client.embeddings.create(model=MODEL, input=word).data[0].embedding
        assert same_bits(list(pool.map(ask, words)), expected)


def langchain():
    from langchain_openai import OpenAIEmbeddings

    model = OpenAIEmbeddings(model=MODEL, base_url=f"{URL}/v1", api_key="none", check_embedding_ctx_length=False)
    words = texts(50)
    assert same_bits(model.embed_documents(words), reference(words))
    assert same_bits([model.embed_query(words[3])], reference([words[3]]))


def llama_index():
    from llama_index.embeddings.openai import OpenAIEmbedding

    model = OpenAIEmbedding(model_name=MODEL, api_base=f"{URL}/v1", api_key="none")
    words = texts(30)
    assert same_bits(model.get_text_embedding_batch(words), reference(words))


def haystack():
    from haystack import Document
    from haystack.components.embedders import OpenAIDocumentEmbedder, OpenAITextEmbedder
    from haystack.utils import Secret

    key = Secret.from_token("none")
    words = texts(30)
    embedder = OpenAIDocumentEmbedder(api_key=key, api_base_url=f"{URL}/v1", model=MODEL, progress_bar=False)
    found = embedder.run([Document(content=word) for word in words])["documents"]
    assert same_bits([document.embedding for document in found], reference(words))
    embedder = OpenAITextEmbedder(api_key=key, api_base_url=f"{URL}/v1", model=MODEL)
    assert same_bits([embedder.run(words[0])["embedding"]], reference([words[0]]))


KNOWN = {"openai": own_client, "at-once": many_at_once, "langchain": langchain, "llama-index": llama_index, "haystack": haystack}

if __name__ == "__main__":
    for name in sys.argv[1:] or KNOWN:
        KNOWN[name]()
        print(f"{name}: ok")
