#include "winnow/Dialect/Winnow/IR/Entries.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace winnow;

SmallVector<func::FuncOp> winnow::getEntries(ModuleOp module) {
  SmallVector<func::FuncOp> entries;
  for (func::FuncOp func : module.getOps<func::FuncOp>())
    if (func->hasAttr(kEntry))
      entries.push_back(func);
  return entries;
}

func::FuncOp winnow::getMainEntry(ModuleOp module) {
  for (func::FuncOp entry : getEntries(module))
    if (getEntryForm(entry).empty())
      return entry;
  return nullptr;
}

StringRef winnow::getEntryForm(func::FuncOp entry) {
  auto form = entry->getAttrOfType<StringAttr>(kEntry);
  return form ? form.getValue() : StringRef();
}

std::string winnow::getEntryName(StringRef name, StringRef form) {
  return (form.empty() ? name : name + "." + form).str();
}

LogicalResult winnow::verifyEntries(ModuleOp module, StringRef contract) {
  llvm::StringMap<unsigned> counts;
  for (func::FuncOp entry : getEntries(module))
    ++counts[getEntryForm(entry)];
  if (counts[""] != 1)
    return module.emitError(contract) << ": expected one entry function, got " << counts[""];
  for (func::FuncOp entry : getEntries(module))
    if (StringRef form = getEntryForm(entry); counts[form] > 1)
      return entry.emitError(contract) << ": expected one entry named '" << form << "', got "
                                       << counts[form];
  return success();
}
