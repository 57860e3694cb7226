//===- OutputFile.h - Files that appear whole or not at all ---------------===//

#ifndef WINNOW_SUPPORT_OUTPUTFILE_H
#define WINNOW_SUPPORT_OUTPUTFILE_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace winnow {

/// Lets `write` fill a temporary file beside `path` and then renames it. A full
/// disk, an error of `write` or a signal leaves what was at `path` before.
/// (llvm::writeToOutput ends the process when a write fails.)
llvm::Error
writeOutputFile(llvm::StringRef path,
                llvm::function_ref<llvm::Error(llvm::raw_ostream &)> write);

} // namespace winnow

#endif // WINNOW_SUPPORT_OUTPUTFILE_H
