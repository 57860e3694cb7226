//===- Header.h - The typed C header of a compiled model ------------------===//

#ifndef WINNOW_LINK_HEADER_H
#define WINNOW_LINK_HEADER_H

#include "winnow/Link/ModelInterface.h"
#include "llvm/Support/Error.h"
#include <string>

namespace winnow {

/// A header for C99 and C++: for each form of the model, itself first, the
/// descriptor, a struct of its symbols, and an inline run function with one typed
/// parameter per tensor.
std::string makeHeader(llvm::ArrayRef<ModelInterface> models);

llvm::Error writeHeader(llvm::StringRef path, llvm::ArrayRef<ModelInterface> models);

} // namespace winnow

#endif // WINNOW_LINK_HEADER_H
