//===- Report.h - What a compile says about its result --------------------===//

#ifndef WINNOW_LINK_REPORT_H
#define WINNOW_LINK_REPORT_H

#include "winnow/Link/Artifact.h"
#include "winnow/Link/ModelInterface.h"
#include "winnow/Link/Weights.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include <string>
#include <utility>
#include <vector>

namespace winnow {

struct ReportData {
  /// The forms of the model, itself first.
  llvm::ArrayRef<ModelInterface> models;
  WeightsSummary weights;
  std::vector<ArtifactFile> files;
  /// Free-form parts in the order they are to be read: ("passes", [...]).
  std::vector<std::pair<std::string, llvm::json::Value>> sections;
};

/// Writes `<name>.json`: no time, no folder, no order that varies, so that
/// equal compiles make equal reports.
llvm::Error writeReport(llvm::StringRef path, const ReportData &report);

} // namespace winnow

#endif // WINNOW_LINK_REPORT_H
