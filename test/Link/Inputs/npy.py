"""npy.py write FILE TYPE: the numbers 0 to 7 as [2, 4]. npy.py print FILE."""

import sys

import numpy as np

if sys.argv[1] == "write":
    np.save(sys.argv[2], np.arange(8, dtype=sys.argv[3]).reshape(2, 4))
else:
    array = np.load(sys.argv[2])
    print(array.dtype, array.shape, array.ravel().tolist())
