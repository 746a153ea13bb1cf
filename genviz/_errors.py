"""Error classes. Each message says what was expected, what came, and what to do next."""

from __future__ import annotations


class GenvizError(Exception):
    """Base of every error that genviz raises on purpose; the CLI prints it in one line.

    Attributes
    ----------
    exit_code
        Exit status of the command line: 1 for a problem with data or environment, 2 for misuse.
    """

    exit_code = 1


class UsageError(GenvizError, ValueError):
    """An argument or a combination of arguments that cannot be meant."""

    exit_code = 2


class DataError(GenvizError, ValueError):
    """Input data that breaks the AnnData contract: counts, genes, coordinates, pixels."""


class MissingKeyError(GenvizError, KeyError):
    """A slot of an AnnData object that is needed and absent."""

    def __str__(self) -> str:
        # KeyError would print the repr of the message, quotes and escapes included.
        return str(self.args[0]) if self.args else ""


class FileFormatError(GenvizError, OSError):
    """A file that cannot be read as what it claims to be: truncated, damaged or of another kind."""


class CheckpointError(GenvizError, ValueError):
    """A checkpoint that is damaged, newer than this version, or made for other data."""


class DownloadError(GenvizError, OSError):
    """A file that could not be fetched, or whose bytes do not match the manifest."""


class MissingDependencyError(GenvizError, ImportError):
    """An optional package that is not installed."""


class TrainingStopped(KeyboardInterrupt):
    """Training was ended by hand; the message says how to go on in Python, the command line says it in its own words.

    Parameters
    ----------
    folder
        Run folder with the finished epochs; None: nothing was kept.
    """

    def __init__(self, folder: object = None) -> None:
        self.folder = folder
        kept = (
            f"Finished epochs are in {folder}: go on with resume=True."
            if folder
            else "Nothing was kept: pass out_dir= next time."
        )
        super().__init__(f"Training was stopped. {kept}")
