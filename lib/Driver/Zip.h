//===- Zip.h - The part of the zip format that .npz files use -------------===//

#ifndef WINNOW_LIB_DRIVER_ZIP_H
#define WINNOW_LIB_DRIVER_ZIP_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <vector>

namespace winnow {

struct ZipMember {
  std::string name;
  uint16_t method = 0; ///< 0 stored, 8 deflated
  uint32_t crc = 0;
  uint64_t packedBytes = 0, bytes = 0;
  uint64_t headerOffset = 0;
};

/// The central directory, all of it checked against the file's size.
llvm::Expected<std::vector<ZipMember>> readZipDirectory(llvm::StringRef file);

/// A member's bytes, its checksum compared. Stored members are not copied:
/// `storage` is used for deflated ones only.
llvm::Expected<llvm::StringRef> extractZipMember(llvm::StringRef file,
                                                 const ZipMember &member,
                                                 std::vector<char> &storage);

/// Writes an archive of stored members, each with the date of 1 January 1980.
class ZipWriter {
public:
  explicit ZipWriter(llvm::raw_ostream &os) : os(os) {}
  /// The member's bytes are the pieces, one after the other.
  void add(llvm::StringRef name, llvm::ArrayRef<llvm::StringRef> pieces);
  void finish();

private:
  llvm::raw_ostream &os;
  std::vector<ZipMember> members;
  uint64_t position = 0;
};

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_ZIP_H
