"""python -m winnow ARGS: the driver, with these arguments."""

import os
import sys

from ._driver import find_driver
from ._errors import Error


def main():
    try:
        driver = find_driver()
    except Error as error:
        print(f"winnow: error: {error}", file=sys.stderr)
        return 1
    sys.stdout.flush()
    os.execv(driver, [driver, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
