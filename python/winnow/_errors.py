"""What can go wrong. Every exception has `code`, the runtime's number for it
(winnow/runtime.h), or None where the runtime was not reached."""


class Error(Exception):
    code = None


class InvalidArgumentError(Error):
    """An array, a name or an option that does not fit the model."""

    code = 1


class VersionError(Error):
    """The model and the runtime are of versions that do not fit."""

    code = 2


class CPUUnsupportedError(Error):
    """This CPU lacks instructions that the model was compiled for."""

    code = 3


class WeightsError(Error):
    """The weights are absent, or not those of the compile."""

    code = 4


class OutOfMemoryError(Error):
    code = 5


class RunCheckError(Error):
    """A check inside the model failed, such as an index outside its table."""

    code = 6


class FileError(Error):
    """The system refused a file or a thread."""

    code = 7


class BusyError(Error):
    """The context is running another call."""

    code = 8


class CapacityError(Error):
    """An output needs more room than it was given; a session gives it."""

    code = 9


class NotFoundError(Error):
    """No driver, or no compiled model where one was expected."""


class CompileError(Error):
    """`winnow compile` failed; `returncode` is its exit status and the message
    is what it said."""

    def __init__(self, message, returncode):
        super().__init__(message)
        self.returncode = returncode


BY_CODE = {cls.code: cls for cls in Error.__subclasses__() if cls.code is not None}
