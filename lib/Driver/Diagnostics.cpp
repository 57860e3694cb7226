#include "Diagnostics.h"
#include "winnow/Support/Quote.h"

#include "mlir/IR/Location.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

std::string winnow::describeLocation(mlir::Location loc) {
  std::string text;
  loc->walk([&](mlir::Location inner) {
    if (auto name = mlir::dyn_cast<mlir::NameLoc>(inner)) {
      text = "node " + quote(name.getName());
      return mlir::WalkResult::interrupt();
    }
    if (auto file = mlir::dyn_cast<mlir::FileLineColLoc>(inner)) {
      text = file.getFilename().str() + ":" + std::to_string(file.getLine()) + ":" +
             std::to_string(file.getColumn());
      return mlir::WalkResult::interrupt();
    }
    return mlir::WalkResult::advance();
  });
  return text;
}

void winnow::printDiagnostic(const mlir::Diagnostic &diagnostic, bool quiet, StringRef indent) {
  StringRef kind = "note";
  switch (diagnostic.getSeverity()) {
  case mlir::DiagnosticSeverity::Error:
    kind = "error";
    break;
  case mlir::DiagnosticSeverity::Warning:
    kind = "warning";
    break;
  default:
    break;
  }
  if (quiet && kind == "note" && indent.empty())
    return;
  errs() << indent << "winnow: " << kind << ": ";
  std::string where = describeLocation(diagnostic.getLocation());
  if (!where.empty())
    errs() << where << ": ";
  errs() << diagnostic.str() << "\n";
  for (const mlir::Diagnostic &note : diagnostic.getNotes()) {
    // The op itself, printed, says nothing to who wrote no MLIR.
    if (!StringRef(note.str()).starts_with("see current operation"))
      printDiagnostic(note, quiet, "  ");
  }
}
