"""What goes wrong when weights are fetched from the Hugging Face Hub, in one message with the ways out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from genviz._errors import DownloadError, GenvizError
from genviz.features.timm_models import TimmModel


@contextmanager
def explained(name: str, model: TimmModel) -> Iterator[None]:
    """Turn errors of the hub's client into ours.

    Parameters
    ----------
    name
        The encoder's short name.
    model
        Where its weights are.

    Raises
    ------
    GenvizError
        When the authors ask for an agreement, or the login is not accepted.
    DownloadError
        When the weights are not on this computer and cannot be had.
    """
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        yield
    except RepositoryNotFoundError as err:  # GatedRepoError is one; without a login the hub answers 401
        raise GenvizError(
            f"Expected access to the weights of encoder {name!r}; the Hugging Face Hub refuses it: their "
            f"authors ask for an agreement first. Accept the terms at {model.page}, then run `hf auth login` "
            "(older versions: `huggingface-cli login`) or set HF_TOKEN; or use encoder='morphology'."
        ) from err
    except Exception as err:
        # Errors of httpx (under its own name or a vendored one) are no OSError, those of requests are.
        if not isinstance(err, OSError) and not type(err).__module__.startswith("httpx"):
            raise
        first_line = (str(err).splitlines() or [""])[0]
        raise DownloadError(
            f"Expected the weights of encoder {name!r} in the Hugging Face cache or on the network; got "
            f"neither ({type(err).__name__}: {first_line}). Connect once; or copy a filled cache folder here "
            "and set HF_HOME to it; or load a local file with TimmEncoder.from_checkpoint; or use "
            "encoder='morphology'."
        ) from err
