//===- Npz.h - NumPy's array files ----------------------------------------===//
//
// Reads .npy (versions 1 to 3, C and Fortran order) and .npz (stored and
// deflated, zip64) and writes both. The files may come from anyone: whatever is
// in them, the answer is an array or an error.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_DRIVER_NPZ_H
#define WINNOW_DRIVER_NPZ_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace winnow {

/// A dense, row-major array.
struct Array {
  int32_t dtype = 0; ///< WINNOW_DTYPE_*
  std::vector<int64_t> shape;
  std::vector<char> data;
};

using NamedArray = std::pair<std::string, Array>;

/// `what` names the bytes in errors, such as "'x.npy'".
llvm::Expected<Array> parseNpy(llvm::StringRef bytes, const llvm::Twine &what);
llvm::Expected<Array> readNpy(llvm::StringRef path);
llvm::Error writeNpy(llvm::StringRef path, const Array &array);

/// The header that precedes the data of such an array.
std::string makeNpyHeader(int32_t dtype, llvm::ArrayRef<int64_t> shape);

/// Arrays in the order of the file, keyed as numpy.load keys them.
llvm::Expected<std::vector<NamedArray>> readNpz(llvm::StringRef path);
/// Stored, not deflated, as numpy.savez does; equal arrays make equal bytes.
llvm::Error writeNpz(llvm::StringRef path, llvm::ArrayRef<NamedArray> arrays);

} // namespace winnow

#endif // WINNOW_DRIVER_NPZ_H
