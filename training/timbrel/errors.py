"""The one exception that a user is meant to read."""


class UserError(Exception):
    """A mistake of the user's, or a condition of the machine, told in one line.

    The message says what is wrong, where, and what to do about it. The command line prints it as
    it is and exits with 1; everything else that is raised is a defect of Timbrel's own and keeps
    its stack trace.
    """


class InterruptionError(UserError):
    """Ctrl-C, where there is more to say than that the same command goes on."""
