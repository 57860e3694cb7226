//===- Linker.h - Running the system's linker driver ----------------------===//

#ifndef WINNOW_LIB_LINK_LINKER_H
#define WINNOW_LIB_LINK_LINKER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace winnow {

/// A C compiler driver that can link: `requested`, or the first that the
/// system has.
llvm::Expected<std::string> findLinkerDriver(llvm::StringRef requested);

/// Runs the driver; its own words are in the error when it fails.
llvm::Error runLinkerDriver(llvm::StringRef driver,
                            llvm::ArrayRef<std::string> arguments);

} // namespace winnow

#endif // WINNOW_LIB_LINK_LINKER_H
