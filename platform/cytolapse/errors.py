"""The one error a user is meant to read."""


class CytolapseError(Exception):
    """The input or the result is bad.

    The message names the value that is wrong, where it stands and what to do. The command line prints it to stderr
    without a traceback and exits with 1.
    """
