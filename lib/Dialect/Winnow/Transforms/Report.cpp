#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace winnow;

static constexpr llvm::StringLiteral kReport = "winnow.report";

SmallVector<SiteReport> winnow::getReports(ModuleOp module) {
  SmallVector<SiteReport> reports;
  auto array = module->getAttrOfType<ArrayAttr>(kReport);
  if (!array)
    return reports;
  for (Attribute attr : array) {
    auto dict = dyn_cast<DictionaryAttr>(attr);
    if (!dict)
      continue;
    auto text = [&](StringRef name) {
      auto value = dict.getAs<StringAttr>(name);
      return value ? value.getValue().str() : std::string();
    };
    auto applied = dict.getAs<BoolAttr>("applied");
    reports.push_back({text("pass"), text("location"), applied && applied.getValue(),
                       text("code"), text("sentence")});
  }
  return reports;
}

void winnow::appendReports(ModuleOp module, ArrayRef<SiteReport> reports) {
  if (reports.empty())
    return;
  Builder builder(module.getContext());
  SmallVector<Attribute> attrs;
  if (auto array = module->getAttrOfType<ArrayAttr>(kReport))
    llvm::append_range(attrs, array);
  for (const SiteReport &report : reports) {
    Attribute attr = builder.getDictionaryAttr(
        {builder.getNamedAttr("applied", builder.getBoolAttr(report.applied)),
         builder.getNamedAttr("code", builder.getStringAttr(report.code)),
         builder.getNamedAttr("location", builder.getStringAttr(report.location)),
         builder.getNamedAttr("pass", builder.getStringAttr(report.pass)),
         builder.getNamedAttr("sentence", builder.getStringAttr(report.sentence))});
    // A pass that runs again finds what it refused again.
    if (report.applied || !llvm::is_contained(attrs, attr))
      attrs.push_back(attr);
  }
  module->setAttr(kReport, builder.getArrayAttr(attrs));
}

std::string winnow::getLocationText(Location location) {
  if (auto name = dyn_cast<NameLoc>(location))
    return name.getName().str();
  if (auto file = dyn_cast<FileLineColLoc>(location))
    return (file.getFilename().getValue() + ":" + Twine(file.getLine()) + ":" +
            Twine(file.getColumn()))
        .str();
  if (auto call = dyn_cast<CallSiteLoc>(location))
    return getLocationText(call.getCallee());
  if (auto fused = dyn_cast<FusedLoc>(location))
    for (Location part : fused.getLocations())
      if (std::string text = getLocationText(part); text != "unknown")
        return text;
  return "unknown";
}

SiteReporter::~SiteReporter() {
  for (auto &[code, count] : counts)
    reports.push_back({pass, count.location, true, code.str(),
                       count.what + " at " + std::to_string(count.times) +
                           (count.times == 1 ? " site" : " sites")});
  appendReports(module, reports);
}

void SiteReporter::applied(Location location, StringRef code, const Twine &sentence) {
  reports.push_back({pass, getLocationText(location), true, code.str(), sentence.str()});
}

void SiteReporter::refused(Location location, StringRef code, const Twine &sentence) {
  reports.push_back({pass, getLocationText(location), false, code.str(), sentence.str()});
}

void SiteReporter::counted(Location location, StringRef code, StringRef what) {
  Count &count = counts[code];
  if (count.times++ == 0) {
    count.location = getLocationText(location);
    count.what = what.str();
  }
}
