"""The one error a user is meant to read, and the one that comes from the machine."""


class CytolapseError(Exception):
    """The input or the result is bad.

    The message names the value that is wrong, where it stands and what to do. The command line prints it to stderr
    without a traceback and exits with 1.
    """


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the memory did not suffice: torch tells that of a GPU and of a CPU in two ways, numpy in a third."""
    told = ("out of memory", "allocate memory")
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(t in str(error) for t in told))
