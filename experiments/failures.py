"""The ways a command ends other than well: one sentence each, and the exit code that scripts rely on."""

import errno

DONE, FAILED, INVALID, STOPPED = 0, 1, 2, 3

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Failure(Exception):
    """Base of the failures below. ``result`` holds what is known of the run, with the names that ``--json`` prints."""

    status = "failed"
    exit_code = FAILED

    def __init__(self, sentence: str, result: dict | None = None):
        super().__init__(sentence)
        self.result = result or {}


class RunFailed(Failure):
    """The run cannot go on: a non-finite value, no memory, an error in the program."""


class Refused(Failure):
    """Nothing was run: the folder is occupied, cannot be written, or has too little room."""

    status = "invalid"
    exit_code = INVALID


class Stopped(Failure):
    """The run stopped and can be resumed: a signal, a full disk."""

    status = "stopped"
    exit_code = STOPPED


def failure_of(error: BaseException, folder: object) -> Failure:
    """Say in one sentence what broke off the run of a folder, and whether it can go on."""
    from abm.model import ModelError

    resumable = f"go on with: remyelin resume {folder}"
    if isinstance(error, Failure):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Stopped(f"stopped at once; {resumable}")
    if isinstance(error, ModelError):
        return RunFailed(f"{error}; what was kept until then is in {folder}")
    if isinstance(error, MemoryError):
        return RunFailed(f"out of memory; take a smaller grid or fewer cells, or a larger machine, and {resumable}")
    if is_disk_full(error):
        return Stopped(f"the disk is full ({folder}); make room and {resumable}")
    if isinstance(error, OSError):
        return Stopped(f"{folder} can no longer be written: {reason(error)}; mend that and {resumable}")
    return RunFailed(
        f"internal error, please report it: {type(error).__name__}: {error}; the traceback is in {folder}/log.txt"
    )


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or one that caused it, says that a disk, a quota or a file size limit is used up."""
    while error is not None:
        if isinstance(error, OSError) and (error.errno in FULL or "No space left" in str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def reason(error: OSError) -> str:
    """Say why the operating system refused, in lower case and without numbers."""
    return (error.strerror or str(error)).lower()
