#include "Arguments.h"
#include "Diagnostics.h"

#include "winnow/Driver/Driver.h"
#include "winnow/Pipeline/Pipeline.h"
#include "winnow/Support/Quote.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace winnow;

namespace {
/// What `winnow check` knows about a model.
struct CheckResult {
  ImportFindings findings;
  /// Faults of the model, and what the import had to assume.
  std::vector<std::string> errors, remarks;

  bool isSupported() const { return errors.empty() && findings.unsupported.empty(); }
};
} // namespace

static CheckResult check(StringRef path, const ImportOptions &options) {
  CheckResult result;
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.getDiagEngine().registerHandler([&](mlir::Diagnostic &diagnostic) {
    std::string where = describeLocation(diagnostic.getLocation());
    bool isError = diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
    (isError ? result.errors : result.remarks)
        .push_back(where.empty() ? diagnostic.str() : where + ": " + diagnostic.str());
    return mlir::success();
  });
  importONNX(path, context, options, &result.findings);
  return result;
}

//===----------------------------------------------------------------------===//
// For people
//===----------------------------------------------------------------------===//

static StringRef getKindName(Unsupported::Kind kind) {
  static constexpr StringLiteral names[] = {"node", "input", "initializer", "output"};
  return names[static_cast<size_t>(kind)];
}

static std::string getOpName(const Unsupported &part) {
  if (part.kind != Unsupported::Kind::Node)
    return getKindName(part.kind).str();
  return escapeName(part.domain.empty() ? part.op : part.domain + "." + part.op);
}

/// Lines of at most `width` characters, each after `indent` spaces.
static void printWrapped(raw_ostream &os, StringRef text, size_t indent, size_t width) {
  size_t column = 0;
  SmallVector<StringRef> words;
  text.split(words, ' ', -1, false);
  for (StringRef word : words) {
    if (column && column + 1 + word.size() > width) {
      os << "\n";
      column = 0;
    }
    if (!column)
      os.indent(indent);
    else
      os << " ";
    column = (column ? column + 1 : indent) + word.size();
    os << word;
  }
  os << "\n";
}

/// `text` in `width` columns; of a name that is too long, the end says most.
static std::string fit(StringRef text, size_t width) {
  if (text.size() <= width)
    return text.str() + std::string(width - text.size(), ' ');
  return "..." + text.take_back(width - 3).str();
}

static void printTable(raw_ostream &os, ArrayRef<Unsupported> unsupported) {
  size_t terminal = sys::Process::StandardOutColumns();
  size_t width = std::min<size_t>(std::max<size_t>(terminal ? terminal : 80, 60), 160);
  size_t opWidth = 8, dtypeWidth = 8;
  for (const Unsupported &part : unsupported) {
    opWidth = std::min<size_t>(std::max(opWidth, getOpName(part).size()), width / 3);
    dtypeWidth = std::min<size_t>(std::max(dtypeWidth, part.dtype.size()), 16);
  }
  size_t nameWidth = width - opWidth - dtypeWidth - 11;
  auto row = [&](StringRef op, StringRef opset, StringRef dtype, StringRef name) {
    std::string line = fit(op, opWidth) + "  " + fit(opset, 5) + "  " + fit(dtype, dtypeWidth) +
                       "  " + fit(name, nameWidth);
    os << StringRef(line).rtrim() << "\n";
  };
  row("OPERATOR", "OPSET", "DTYPE", "NAME");
  // Equal reasons in a row are said once, below the last.
  for (auto [i, part] : llvm::enumerate(unsupported)) {
    row(getOpName(part), part.opset ? std::to_string(part.opset) : "-",
        part.dtype.empty() ? "-" : part.dtype, escapeName(part.name));
    std::string reason = part.reason + (part.hint.empty() ? "" : "; " + part.hint);
    if (!part.scope.empty() && !StringRef(part.name).starts_with(part.scope))
      printWrapped(os, "in " + escapeName(part.scope), 4, width);
    bool isRepeated = i + 1 < unsupported.size() && unsupported[i + 1].op == part.op &&
                      unsupported[i + 1].reason == part.reason &&
                      unsupported[i + 1].hint == part.hint;
    if (!isRepeated)
      printWrapped(os, reason, 4, width);
  }
}

static std::string countOf(size_t number, StringRef what) {
  return std::to_string(number) + " " + what.str() + (number == 1 ? "" : "s");
}

static void printHuman(raw_ostream &os, StringRef path, const CheckResult &result) {
  const ImportFindings &found = result.findings;
  for (const std::string &remark : result.remarks)
    os << "note: " << remark << "\n";
  for (const std::string &error : result.errors)
    os << "error: " << error << "\n";
  if (!found.unsupported.empty())
    printTable(os, found.unsupported);
  // The verdict is the last line.
  os << escapeName(path) << ": ";
  if (result.isSupported()) {
    os << "supported, " << countOf(found.numNodes, "node") << "\n";
    return;
  }
  size_t nodes = llvm::count_if(found.unsupported, [](const Unsupported &part) {
    return part.kind == Unsupported::Kind::Node;
  });
  size_t tensors = found.unsupported.size() - nodes;
  SmallVector<std::string> parts;
  if (!result.errors.empty())
    parts.push_back("the model has " + countOf(result.errors.size(), "error"));
  if (tensors)
    parts.push_back(countOf(tensors, "input, output or initializer") + " of other types");
  if (nodes)
    parts.push_back(countOf(nodes, "node") + " of " + std::to_string(found.numNodes));
  if (found.numUnchecked)
    parts.push_back(countOf(found.numUnchecked, "node") + " behind them checked by name only");
  os << "not supported: " << join(parts, ", ") << "\n";
}

//===----------------------------------------------------------------------===//
// For programs
//===----------------------------------------------------------------------===//

static void printJSON(raw_ostream &os, StringRef path, const CheckResult &result) {
  json::OStream json(os, 2);
  auto text = [&](StringRef key, StringRef value) { json.attribute(key, json::fixUTF8(value)); };
  auto list = [&](StringRef key, ArrayRef<std::string> values) {
    json.attributeArray(key, [&] {
      for (const std::string &value : values)
        json.value(json::fixUTF8(value));
    });
  };
  json.object([&] {
    json.attribute("format", "winnow-check");
    json.attribute("version", 1);
    text("model", path);
    json.attribute("supported", result.isSupported());
    json.attribute("nodes", result.findings.numNodes);
    json.attribute("unchecked", result.findings.numUnchecked);
    json.attributeArray("unsupported", [&] {
      for (const Unsupported &part : result.findings.unsupported)
        json.object([&] {
          json.attribute("kind", getKindName(part.kind));
          text("name", part.name);
          text("scope", part.scope);
          text("domain", part.domain);
          text("op", part.op);
          json.attribute("opset", part.opset);
          text("dtype", part.dtype);
          text("reason", part.reason);
          text("hint", part.hint);
        });
    });
    list("errors", result.errors);
    list("notes", result.remarks);
  });
  os << "\n";
}

/// The tables of docs/operators.md, one a domain: one line an operator, its
/// versions joined.
static void printOperators(raw_ostream &os) {
  MapVector<StringRef, MapVector<StringRef, std::string>> domains;
  int64_t end = 0;
  for (const SupportedOperator &row : getSupportedOperators()) {
    std::string &text = domains[row.domain][row.name];
    std::string last = std::to_string(row.maxOpset);
    if (!text.empty() && end + 1 == row.minOpset)
      text = StringRef(text).rsplit('-').first.str() + "-" + last;
    else
      text += (text.empty() ? "" : ", ") + std::to_string(row.minOpset) + "-" + last;
    end = row.maxOpset;
  }
  for (const auto &[domain, operators] : domains) {
    if (!domain.empty())
      os << "\n## " << domain << "\n\n";
    os << "| operator | opsets |\n|---|---|\n";
    for (const auto &[name, text] : operators)
      os << "| " << name << " | " << text << " |\n";
  }
}

int winnow::runCheck(const opt::InputArgList &args, ArrayRef<std::string> positional) {
  if (args.hasArg(OPT_operators)) {
    if (!positional.empty())
      return reportUsage("expected no model with --operators, got '" + positional.front() + "'");
    printOperators(outs());
    return kExitSuccess;
  }
  if (positional.size() != 1)
    return reportUsage("expected one model, got " + Twine(positional.size()));
  ImportOptions options;
  if (int code = parseImportOptions(args, options))
    return code;
  StringRef path = positional.front();
  if (!sys::fs::exists(path)) {
    errs() << "winnow: error: cannot open '" << path << "': no such file\n";
    return kExitFailure;
  }
  CheckResult result = check(path, options);
  if (args.hasArg(OPT_json))
    printJSON(outs(), path, result);
  else
    printHuman(outs(), path, result);
  return result.isSupported() ? kExitSuccess : kExitFailure;
}
