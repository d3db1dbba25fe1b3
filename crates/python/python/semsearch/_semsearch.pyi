import os
from typing import Any, Callable, Iterable, List, Optional, Tuple, Union, final

import numpy as np
import numpy.typing as npt

__all__ = ["VERSION", "NativeIndex", "NativeModel", "NativeWriter", "evaluate"]

VERSION: str

@final
class NativeModel:
    def __new__(
        cls,
        model: Optional[str],
        revision: Optional[str],
        device: str,
        precision: str,
        pooling: Optional[str],
        max_length: Optional[int],
        normalize: Optional[bool],
        truncate_dim: Optional[int],
        threads: Optional[int],
        offline: bool,
    ) -> NativeModel: ...
    def encode(
        self, texts: Iterable[str], prompt: str, progress: Optional[Callable[[int, int], None]]
    ) -> npt.NDArray[np.float32]: ...
    def count_tokens(self, text: str) -> int: ...
    @property
    def id(self) -> str: ...
    @property
    def revision(self) -> Optional[str]: ...
    @property
    def directory(self) -> os.PathLike[str]: ...
    @property
    def dim(self) -> int: ...
    @property
    def max_length(self) -> int: ...
    @property
    def precision(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def pooling(self) -> str: ...
    @property
    def normalized(self) -> bool: ...
    @property
    def prompts(self) -> Tuple[str, str]: ...

@final
class NativeIndex:
    def __new__(
        cls,
        path: Optional[str],
        model: Optional[NativeModel],
        offline: bool,
        threads: Optional[int],
    ) -> NativeIndex: ...
    def search(
        self,
        queries: List[str],
        vectors: Optional[npt.NDArray[np.float32]],
        mode: str,
        k: int,
        offset: int,
        filter: Optional[str],
        min_score: Optional[float],
        fusion: Optional[str],
        alpha: Optional[float],
        chunks: bool,
        unique: bool,
        nprobe: Optional[int],
        ef_search: Optional[int],
    ) -> List[List[Tuple[Any, ...]]]: ...
    def unknown_fields(self, filter: str) -> Tuple[List[str], List[str]]: ...
    def get(self, id: str) -> Optional[dict[str, Any]]: ...
    def ids(self, filter: Optional[str]) -> List[str]: ...
    def remove(self, ids: List[str], wait: float) -> int: ...
    def reload(self) -> bool: ...
    def info(self) -> dict[str, Any]: ...
    @property
    def path(self) -> str: ...
    @property
    def documents(self) -> int: ...

@final
class NativeWriter:
    def __new__(
        cls,
        path: str,
        model: NativeModel,
        how: str,
        wait: float,
        factory: str,
        metric: str,
        language: str,
        prompts: Tuple[Optional[str], Optional[str]],
        chunks: Tuple[Optional[bool], Optional[int], Optional[int]],
        fields: Tuple[Optional[str], Optional[str], Optional[str]],
    ) -> NativeWriter: ...
    def add(self, records: List[Any]) -> None: ...
    def done(self) -> Tuple[int, int]: ...
    def commit(self) -> dict[str, int]: ...
    def abandon(self) -> None: ...

def evaluate(
    run: Union[str, dict[str, dict[str, float]]],
    qrels: Union[str, dict[str, dict[str, float]]],
    metrics: List[str],
) -> List[Tuple[str, float, List[Tuple[str, float]]]]: ...
