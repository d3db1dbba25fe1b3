"""Texts in, vectors out."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any, Iterable, Mapping, Optional, Sequence, Union

from ._progress import Callback, callback
from ._semsearch import NativeModel

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ._similarity import Similarity

    Vectors = npt.NDArray[np.float32]


class Embedder:
    """A sentence-transformers model, computed by semsearch's own encoder.

    A text's vector has the same bits whatever other texts are encoded with it, and from whichever thread.
    Any number of threads may use one embedder; other threads of Python go on while it computes.

    Args:
        model: A name on the Hugging Face Hub, where ``sentence-transformers/`` may be left out, or a directory. Default: the variable ``SEMSEARCH_MODEL``, else
            ``sentence-transformers/all-MiniLM-L6-v2``.
        revision: A commit, tag or branch on the Hub.
        precision: ``"auto"``, ``"f32"``, ``"bf16"``, ``"f16"`` (on a GPU) or ``"int8"``. ``"auto"`` is bf16 where the
            processor multiplies such numbers, else f32.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        threads: Threads that compute; as many as there are cores, if ``None``. The first embedder of a process decides.
        prompts: Texts that are put before texts, by name, beside the model's own ``query`` and ``document``.
        truncate_dim: Components that are kept of a vector; all, if ``None``.
        pooling: ``"mean"``, ``"cls"``, ``"max"`` or ``"last"``; the model's own, if ``None``.
        max_length: Tokens that are kept of a text; the model's own number, if ``None``.
        normalize: Whether vectors are scaled to length 1; the model's own setting, if ``None``.
        offline: Never use the network. The variable ``HF_HUB_OFFLINE`` does the same.

    Raises:
        ModelError: The model is not found, is damaged, or cannot be computed here.
        ValueError: An argument has a value that is not possible.
    """

    def __init__(
        self,
        model: Union[str, os.PathLike[str], None] = None,
        *,
        revision: Optional[str] = None,
        precision: str = "auto",
        device: str = "auto",
        threads: Optional[int] = None,
        prompts: Optional[Mapping[str, str]] = None,
        truncate_dim: Optional[int] = None,
        pooling: Optional[str] = None,
        max_length: Optional[int] = None,
        normalize: Optional[bool] = None,
        offline: bool = False,
    ) -> None:
        named = os.fspath(model) if model is not None else os.environ.get("SEMSEARCH_MODEL") or None
        if named is not None and "/" not in named and not os.path.exists(named):
            # The short names that sentence-transformers knows.
            named = f"sentence-transformers/{named}"
        for name, number in {"threads": threads, "truncate_dim": truncate_dim, "max_length": max_length}.items():
            if number is not None and number < 1:
                raise ValueError(f"{name}: {number} is less than 1")
        self._native = NativeModel(
            named, revision, device, precision, pooling, max_length, normalize, truncate_dim, threads, offline
        )
        query, document = self._native.prompts
        #: Prompts by name.
        self.prompts: dict[str, str] = {"query": query, "document": document, **(prompts or {})}

    def encode(
        self,
        texts: Union[str, Iterable[str]],
        *,
        prompt_name: Optional[str] = None,
        prompt: Optional[str] = None,
        progress: Union[bool, Callback, None] = None,
        normalize_embeddings: Optional[bool] = None,
        batch_size: Optional[int] = None,
        show_progress_bar: Optional[bool] = None,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
    ) -> Vectors:
        """The vectors of texts.

        Args:
            texts: A text; a list or another iterable of texts; or a column of pandas, polars or Arrow. A column of Arrow is
                read where it lies.
            prompt_name: The name of one of ``prompts``, which is put before each text.
            prompt: A prompt itself.
            progress: ``True`` shows a line on the terminal. A function is called with the texts and tokens done.
            normalize_embeddings: ``True`` scales vectors to length 1, also if the model does not.
            batch_size: Accepted for scripts that have it. It is not needed: batches are made by tokens, without padding.
            show_progress_bar: The same as ``progress``.
            convert_to_numpy: Must be ``True``.
            convert_to_tensor: Must be ``False``; ``torch.from_numpy(vectors)`` makes a tensor.

        Returns:
            float32: ``[dim]`` for a text, ``[texts, dim]`` for several.

        Raises:
            TypeError: An element is not a string.
            ValueError: There is no such prompt, or a text is null.
            ModelError: Encoding failed.
        """
        if batch_size is not None:
            warnings.warn("batch_size is not needed: batches are made by tokens, without padding", stacklevel=2)
        if convert_to_tensor or not convert_to_numpy:
            raise ValueError("encode gives arrays of numpy: torch.from_numpy(vectors) makes a tensor")
        before = self._prompt(prompt_name, prompt)
        one = isinstance(texts, str)
        several: Any = [texts] if isinstance(texts, str) else texts
        total = len(several) if hasattr(several, "__len__") else None
        report, end = callback(progress if progress is not None else show_progress_bar, total)
        try:
            vectors: Vectors = self._native.encode(several, before, report)
        finally:
            end()
        if normalize_embeddings and not self._native.normalized:
            import numpy as np

            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
        if not one:
            return vectors
        vector: Vectors = vectors[0]
        return vector

    def encode_query(self, texts: Union[str, Iterable[str]], **options: Any) -> Vectors:
        """The vectors of queries: :meth:`encode` with the prompt for queries."""
        return self.encode(texts, **{"prompt_name": "query", **options})

    def encode_document(self, texts: Union[str, Iterable[str]], **options: Any) -> Vectors:
        """The vectors of documents: :meth:`encode` with the prompt for documents."""
        return self.encode(texts, **{"prompt_name": "document", **options})

    def similarity(
        self,
        first: Union[Vectors, Sequence[str]],
        second: Union[Vectors, Sequence[str], None] = None,
    ) -> Similarity:
        """The cosine of each vector of ``first`` with each of ``second``. In a notebook it is shown as a heat map.

        Args:
            first: Vectors ``[n, dim]``, or texts.
            second: Vectors ``[m, dim]``, or texts. Default: ``first``.

        Returns:
            A matrix of numpy, float32 ``[n, m]``. If texts were given, they are its labels.
        """
        from ._similarity import similarity

        return similarity(self, first, first if second is None else second)

    def count_tokens(self, text: str) -> int:
        """The tokens of a text, special ones included, before it is cut at :attr:`max_length`."""
        return self._native.count_tokens(text)

    @property
    def id(self) -> str:
        """The model's name on the Hub, or its directory."""
        return self._native.id

    @property
    def revision(self) -> Optional[str]:
        """The model's revision on the Hub; ``None`` for a directory."""
        return self._native.revision

    @property
    def dim(self) -> int:
        """Components of a vector."""
        return self._native.dim

    def get_sentence_embedding_dimension(self) -> int:
        """The same as :attr:`dim`, by sentence-transformers' name."""
        return self.dim

    @property
    def max_length(self) -> int:
        """Tokens that are kept of a text, special ones included."""
        return self._native.max_length

    @property
    def precision(self) -> str:
        """The arithmetic in use: ``"f32"``, ``"bf16"``, ``"f16"`` or ``"int8"``."""
        return self._native.precision

    @property
    def device(self) -> str:
        """What computes, for a person to read."""
        return self._native.device

    @property
    def pooling(self) -> str:
        """How the vectors of tokens become a text's vector."""
        return self._native.pooling

    @property
    def normalized(self) -> bool:
        """Whether vectors have length 1."""
        return self._native.normalized

    def __repr__(self) -> str:
        return f"Embedder({self.id!r}, precision={self.precision!r}, dim={self.dim})"

    def _prompt(self, name: Optional[str], prompt: Optional[str]) -> str:
        if name is not None and prompt is not None:
            raise ValueError("name a prompt, or give one: not both")
        if name is None:
            return prompt or ""
        if name not in self.prompts:
            raise ValueError(f"no prompt {name!r}: there are {', '.join(map(repr, self.prompts))}")
        return self.prompts[name]
