"""Indexes: searched, and written."""

from __future__ import annotations

import os
import warnings
from html import escape
from types import TracebackType
from typing import TYPE_CHECKING, Any, Iterable, Iterator, List, Mapping, Optional, Tuple, Union, overload

from ._embedder import Embedder
from ._progress import Callback, callback
from ._semsearch import NativeIndex, NativeWriter

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Path = Union[str, "os.PathLike[str]"]


class Hit:
    """A document that answers a query, or a chunk of one."""

    __slots__ = ("rank", "score", "id", "title", "text", "metadata", "source", "chunk", "scores")

    #: From 1 for the best.
    rank: int
    #: The inner product (a cosine, where vectors have length 1), the squared distance, BM25, or the fused score.
    score: float
    id: str
    title: Optional[str]
    text: str
    #: The other fields of the record.
    metadata: dict[str, Any]
    #: The file that it came from and the line where it begins, if there are any.
    source: Optional[Tuple[str, Optional[int]]]
    #: The number of the chunk, and its first and last character in the document, if the document was cut.
    chunk: Optional[Tuple[int, int, int]]
    #: The dense and the lexical score, where they were computed.
    scores: Tuple[Optional[float], Optional[float]]

    def __init__(
        self,
        rank: int,
        score: float,
        id: str,
        title: Optional[str],
        text: str,
        metadata: dict[str, Any],
        source: Optional[Tuple[str, Optional[int]]],
        chunk: Optional[Tuple[int, int, int]],
        scores: Tuple[Optional[float], Optional[float]],
    ) -> None:
        self.rank, self.score, self.id, self.title, self.text = rank, score, id, title, text
        self.metadata, self.source, self.chunk, self.scores = metadata, source, chunk, scores

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 60 else self.text[:59] + "…"
        return f"Hit(rank={self.rank}, score={self.score:.4f}, id={self.id!r}, text={text!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Hit):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]


class Hits(List[Hit]):
    """The hits of a query, best first. In a notebook they are shown as a table."""

    def _repr_html_(self) -> str:
        if not self:
            return "<p>nothing found</p>"
        rows = "".join(
            f'<tr><td style="text-align:right">{hit.rank}</td><td style="text-align:right">{hit.score:.4f}</td>'
            f'<td style="text-align:left">{escape(hit.id)}</td><td style="text-align:left;white-space:pre-wrap">'
            f"{f'<b>{escape(hit.title)}</b><br>' if hit.title else ''}{escape(_shortened(hit.text))}</td></tr>"
            for hit in self
        )
        return f"<table><thead><tr><th></th><th>score</th><th>id</th><th>text</th></tr></thead><tbody>{rows}</tbody></table>"


def _shortened(text: str) -> str:
    return text if len(text) <= 400 else text[:399] + "…"


class Index:
    """An index that is searched. Any number of threads may use it.

    It stays at the commit that it was opened with; :meth:`reload` takes the newest one.
    """

    def __init__(self, native: NativeIndex) -> None:
        self._native = native

    @staticmethod
    def open(
        path: Optional[Path] = None,
        model: Optional[Embedder] = None,
        *,
        offline: bool = False,
        threads: Optional[int] = None,
    ) -> Index:
        """Opens an index.

        Args:
            path: Its directory, or the address of a database (``postgresql://host/name``). Default: ``.semsearch`` here or
                in the nearest parent directory that has one.
            model: The model that the index was built with. Default: it is loaded when a search needs it. A model that only
                the index names is never downloaded.
            offline: Never use the network.
            threads: Threads that compute, if nothing has computed before in this process.

        Raises:
            StoreError: There is no index, it is damaged, or it was built with another model.
        """
        native = _native_of(model) if model is not None else None
        return Index(NativeIndex(os.fspath(path) if path is not None else None, native, offline, threads))

    @staticmethod
    def create(
        path: Path,
        model: Embedder,
        *,
        replace: bool = False,
        factory: str = "Flat",
        metric: str = "ip",
        language: str = "english",
        query_prompt: Optional[str] = None,
        document_prompt: Optional[str] = None,
        chunk: Optional[bool] = None,
        chunk_tokens: Optional[int] = None,
        chunk_overlap: Optional[int] = None,
        id_field: Optional[str] = None,
        text_field: Optional[str] = None,
        title_field: Optional[str] = None,
        progress: Union[bool, Callback, None] = None,
        wait: float = 0.0,
    ) -> Writer:
        """A writer of a new index. What it is given is committed at the end of ``with``, or not at all.

        Args:
            path: The directory.
            model: The model that embeds the texts.
            replace: Whether an index that is there is replaced. It can be searched until then.
            factory: FAISS's index factory, such as ``"Flat"`` or ``"HNSW32"``.
            metric: ``"ip"`` or ``"l2"``.
            language: The language of words, for lexical search; ``"none"``: no stemming.
            query_prompt: Put before queries; the model's own, if ``None``.
            document_prompt: Put before documents; the model's own, if ``None``.
            chunk: Whether texts over the maximum length are cut into chunks; otherwise they are cut off.
            chunk_tokens: Tokens of a chunk, at most.
            chunk_overlap: Tokens that a chunk shares with the one before it.
            id_field: The field that is the id. Default: ``_id``, ``id`` or ``docid``; without one, an id is made of the content.
            text_field: The field that is the text. Default: the first of ``text``, ``contents``, ``content``, ….
            title_field: The field that is the title. Default: ``title``.
            progress: ``True`` shows a line on the terminal. A function is called with the texts and tokens embedded.
            wait: Seconds to wait for another writer to finish.

        Raises:
            StoreError: There is an index already, or the directory cannot be written.
        """
        for name, number, least in [("chunk_tokens", chunk_tokens, 1), ("chunk_overlap", chunk_overlap, 0)]:
            if number is not None and number < least:
                raise ValueError(f"{name}: {number} is less than {least}")
        if chunk_tokens is not None and chunk_overlap is not None and chunk_overlap >= chunk_tokens:
            raise ValueError(f"chunk_overlap: chunks of {chunk_tokens} tokens cannot share {chunk_overlap}")
        native = NativeWriter(
            os.fspath(path),
            _native_of(model),
            "replace" if replace else "create",
            wait,
            factory,
            metric,
            language,
            (query_prompt, document_prompt),
            (chunk, chunk_tokens, chunk_overlap),
            (id_field, text_field, title_field),
        )
        return Writer(native, progress, (id_field, text_field, title_field))

    @staticmethod
    def update(
        path: Path,
        model: Embedder,
        *,
        id_field: Optional[str] = None,
        text_field: Optional[str] = None,
        title_field: Optional[str] = None,
        progress: Union[bool, Callback, None] = None,
        wait: float = 0.0,
    ) -> Writer:
        """A writer that adds to an index. A record whose id is there replaces the old one; an equal one changes nothing.

        Its arguments are those of :meth:`create`. The settings of the index stay.

        Raises:
            StoreError: There is no index, or it was built with another model.
        """
        fields = (id_field, text_field, title_field)
        none = (None, None)
        native = NativeWriter(
            os.fspath(path), _native_of(model), "update", wait, "Flat", "ip", "english", none, (None, None, None), fields
        )
        return Writer(native, progress, fields)

    @overload
    def search(
        self,
        query: str,
        k: int = ...,
        *,
        mode: str = ...,
        filter: Optional[str] = ...,
        offset: int = ...,
        min_score: Optional[float] = ...,
        fusion: Optional[str] = ...,
        alpha: Optional[float] = ...,
        chunks: bool = ...,
        unique: bool = ...,
        nprobe: Optional[int] = ...,
        ef_search: Optional[int] = ...,
    ) -> Hits: ...
    @overload
    def search(
        self,
        query: Union[List[str], Tuple[str, ...]],
        k: int = ...,
        *,
        mode: str = ...,
        filter: Optional[str] = ...,
        offset: int = ...,
        min_score: Optional[float] = ...,
        fusion: Optional[str] = ...,
        alpha: Optional[float] = ...,
        chunks: bool = ...,
        unique: bool = ...,
        nprobe: Optional[int] = ...,
        ef_search: Optional[int] = ...,
    ) -> List[Hits]: ...
    @overload
    def search(
        self,
        query: npt.NDArray[np.floating[Any]],
        k: int = ...,
        *,
        mode: str = ...,
        filter: Optional[str] = ...,
        offset: int = ...,
        min_score: Optional[float] = ...,
        fusion: Optional[str] = ...,
        alpha: Optional[float] = ...,
        chunks: bool = ...,
        unique: bool = ...,
        nprobe: Optional[int] = ...,
        ef_search: Optional[int] = ...,
    ) -> Union[Hits, List[Hits]]: ...
    def search(
        self,
        query: Any,
        k: int = 10,
        *,
        mode: str = "dense",
        filter: Optional[str] = None,
        offset: int = 0,
        min_score: Optional[float] = None,
        fusion: Optional[str] = None,
        alpha: Optional[float] = None,
        chunks: bool = False,
        unique: bool = False,
        nprobe: Optional[int] = None,
        ef_search: Optional[int] = None,
    ) -> Union[Hits, List[Hits]]:
        """The best hits of a query, or of each of several.

        Args:
            query: A text or several; or a vector ``[dim]`` or several ``[n, dim]``, which need no model.
            k: Hits of a query, at most.
            mode: ``"dense"`` (by meaning), ``"lexical"`` (by words, BM25) or ``"hybrid"`` (both).
            filter: An expression over metadata, such as ``"year >= 2000 and author = \\"Doe\\""``.
            offset: The best hits that are left out, for the next page.
            min_score: The worst score of a hit.
            fusion: How both sides are fused: ``"absolute"``, ``"minmax"`` or ``"rrf"``.
            alpha: The weight of the dense side in the fusion, 0 to 1.
            chunks: Whether chunks are hits. Otherwise a document is one hit, by its best chunk.
            unique: Whether of hits with the same text only the best one is kept.
            nprobe: Lists that a search looks at, for IVF.
            ef_search: Candidates that a search keeps, for HNSW.

        Returns:
            The hits of a query, or a list of them for several.

        Raises:
            ValueError: An argument has a value that is not possible, or a query is empty.
            FilterError: The filter cannot be understood.
            ModelError: The index's model is not on this machine.
            StoreError: The index cannot answer this.
        """
        for name, number, least in [("k", k, 1), ("offset", offset, 0)]:
            if number < least:
                raise ValueError(f"{name}: {number} is less than {least}")
        texts, vectors, one = _asked(query)
        if vectors is not None and mode != "dense":
            raise ValueError(f"a vector has no words: mode {mode!r} needs a text")
        if not all(text.strip() for text in texts):
            raise ValueError("the query is empty")
        if filter is not None:
            self._check(filter)
        answers = self._native.search(
            texts, vectors, mode, k, offset, filter, min_score, fusion, alpha, chunks, unique, nprobe, ef_search
        )
        hits = [Hits(Hit(*hit) for hit in of_query) for of_query in answers]
        return hits[0] if one else hits

    def get(self, id: str) -> Optional[dict[str, Any]]:
        """The whole document with this id: ``id``, ``title``, ``text``, ``metadata``, ``passages``, ``source``."""
        return self._native.get(id)

    def ids(self, filter: Optional[str] = None) -> List[str]:
        """The ids of all documents that a filter lets pass, in the order in which they were indexed."""
        if filter is not None:
            self._check(filter)
        return self._native.ids(filter)

    def remove(self, ids: Iterable[str], *, wait: float = 0.0) -> int:
        """Removes documents, in one commit, and takes that commit. Returns how many there were."""
        return self._native.remove([ids] if isinstance(ids, str) else list(ids), wait)

    def reload(self) -> bool:
        """Takes the newest commit. Returns whether it is another one than before."""
        return self._native.reload()

    @property
    def info(self) -> dict[str, Any]:
        """What the index records about itself: documents, passages, model, precision, metric, ….."""
        return self._native.info()

    @property
    def path(self) -> str:
        """The directory of the index, or the address of its database."""
        return self._native.path

    def _check(self, filter: str) -> None:
        """Warns of a field that no document has: most likely it is misspelled."""
        unknown, known = self._native.unknown_fields(filter)
        for field in unknown:
            there = f"fields are {', '.join(known)}" if known else "no document has metadata"
            warnings.warn(f"no document has the field {field!r} of the filter: {there}", stacklevel=3)

    def __len__(self) -> int:
        return self._native.documents

    def __contains__(self, id: object) -> bool:
        return isinstance(id, str) and self._native.get(id) is not None

    def __repr__(self) -> str:
        return f"Index({self.path!r}, documents={len(self)})"


class Writer:
    """Records in, one commit out. Use it with ``with``: an exception in the block leaves the index as it was.

    A thread of its own embeds and writes while the next records are made.
    """

    def __init__(
        self,
        native: NativeWriter,
        progress: Union[bool, Callback, None],
        fields: Tuple[Optional[str], Optional[str], Optional[str]],
    ) -> None:
        self._native = native
        self._ended = False
        #: Fields that were named and that no record had so far.
        self._missing = {field for field in fields if field is not None}
        self._report, self._end = callback(progress, None)
        #: What was done, once it is committed: documents, passages, added, updated, unchanged, tokens, truncated.
        self.summary: Optional[dict[str, int]] = None

    def add(self, records: Union[Mapping[str, Any], Iterable[Mapping[str, Any]], Any]) -> None:
        """Adds records.

        Args:
            records: A dict, several of them, or a table of pandas, polars or pyarrow. A record has a text, and may have
                an id and a title; its other fields are metadata.

        Raises:
            RecordError: A record has no text, or its id was used before.
            TypeError: A value has no form in JSON.
            Error: Embedding or writing failed.
        """
        for part in _parts(records):
            if self._missing:
                self._missing -= {field for field in self._missing for record in part if _has(record, field)}
            self._native.add(part)
            if self._report is not None:
                self._report(*self._native.done())

    def commit(self) -> dict[str, int]:
        """Commits what was added, and ends the writer. The end of ``with`` does the same."""
        self._ended = True
        try:
            self.summary = self._native.commit()
            if self._report is not None:
                self._report(*self._native.done())
        finally:
            self._end()
        for field in sorted(self._missing) if self.summary["added"] + self.summary["updated"] else []:
            warnings.warn(f"no record has the field {field!r}", stacklevel=2)
        if self.summary["truncated"]:
            count = self.summary["truncated"]
            warnings.warn(f"{count} texts were cut at the model's limit: `chunk=True` cuts them into chunks", stacklevel=2)
        return self.summary

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        exception: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if kind is None:
            if self.summary is None:
                self.commit()
        else:
            self._ended = True
            self._native.abandon()
            self._end()

    def __del__(self) -> None:
        if not getattr(self, "_ended", True):
            warnings.warn("a writer was neither committed nor used with `with`: nothing was written", ResourceWarning)


def _native_of(model: Embedder) -> Any:
    if not isinstance(model, Embedder):
        raise TypeError(f"model is an Embedder, not {type(model).__name__}: semsearch.Embedder(NAME) makes one")
    return model._native


def _asked(query: Any) -> Tuple[List[str], Any, bool]:
    """The texts of a query, or its vectors; and whether it is one query."""
    if isinstance(query, str):
        return [query], None, True
    if query is None or isinstance(query, (bytes, int, float, dict)):
        raise TypeError(f"a query is a text, a vector, or several of them, not {type(query).__name__}")
    if getattr(getattr(query, "dtype", None), "kind", "O") not in ("f", "i", "u"):
        query = list(query)
        if query and all(isinstance(text, str) for text in query):
            return query, None, False
        wrong = next((one for one in query if isinstance(one, (bytes, type(None)))), None)
        if wrong is not None or any(isinstance(one, str) for one in query) or None in query:
            raise TypeError("queries are all texts, or all vectors")
    import numpy as np

    vectors = np.ascontiguousarray(query, dtype=np.float32)
    if vectors.ndim not in (1, 2) or vectors.size == 0:
        raise ValueError("a query is a text, a vector, or several of them")
    return [], np.atleast_2d(vectors), vectors.ndim == 1


def _has(record: Any, path: str) -> bool:
    """Whether a record has a field at this dotted path."""
    if not isinstance(record, Mapping):
        return False
    head, dot, rest = path.partition(".")
    return path in record or (bool(dot) and _has(record.get(head), rest))


#: Records that are given to the writer at a time.
AT_ONCE = 256


def _parts(records: Any) -> Iterator[List[Any]]:
    """The records, in parts."""
    if isinstance(records, Mapping):
        yield [dict(records)]
        return
    if hasattr(records, "to_pylist"):
        # A table of pyarrow.
        records = (record for batch in records.to_batches(AT_ONCE) for record in batch.to_pylist())
    elif hasattr(records, "iter_rows"):
        # A table of polars.
        records = records.iter_rows(named=True)
    elif hasattr(records, "to_dict"):
        # A table of pandas.
        records = records.to_dict("records")
    part: List[Any] = []
    for record in records:
        part.append(dict(record) if isinstance(record, Mapping) else record)
        if len(part) == AT_ONCE:
            yield part
            part = []
    yield part
