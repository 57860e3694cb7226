#include "winnow/Import/ONNX/Import.h"

#include "GraphImporter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace winnow;
using namespace winnow::import;

/// The dynamic dimensions of the graph's inputs, in order.
static void declareSymbols(const onnx::GraphProto &graph, Symbols &symbols) {
  llvm::StringSet<> initializers;
  for (const onnx::TensorProto &tensor : graph.initializer())
    initializers.insert(tensor.name());
  for (const onnx::ValueInfoProto &input : graph.input()) {
    if (initializers.contains(input.name()))
      continue;
    const onnx::TensorShapeProto &shape = input.type().tensor_type().shape();
    for (int i = 0; i < shape.dim_size(); ++i)
      if (!shape.dim(i).has_dim_value())
        symbols.declare(getDimName(input, i));
  }
}

static LogicalResult applyOverrides(const ImportOptions &options, Symbols &symbols, Location loc) {
  for (const ImportOptions::DimOverride &dim : options.dims) {
    if (dim.min < 0 || dim.min > dim.max)
      return emitError(loc) << "expected bounds 0 <= min <= max for dimension " << quote(dim.name)
                            << ", got " << dim.min << " and " << dim.max;
    // Those that come from data are found on the way.
    if (symbols.isDeclared(dim.name))
      symbols.setBounds(dim.name, dim.min, dim.max);
    else
      symbols.setPendingBounds(dim.name, dim.min, dim.max);
  }
  return success();
}

/// Every dimension that the user named must be there.
static LogicalResult checkOverrides(const Symbols &symbols, Location loc) {
  std::vector<std::string> unknown = symbols.getPendingNames();
  if (unknown.empty())
    return success();
  std::string names;
  for (const std::string &name : symbols.getNames())
    names += (names.empty() ? "" : ", ") + quote(name);
  return emitError(loc) << "no dimension is called " << quote(unknown.front())
                        << "; the model has " << (names.empty() ? "no dynamic dimensions" : names);
}

/// Dynamic dimensions; real models have a few dozen.
static constexpr size_t kMaxSymbols = 1024;

/// More lines than anyone reads.
static constexpr size_t kMaxListed = 200;

std::string Unsupported::describe() const {
  static constexpr StringLiteral kinds[] = {"node ", "input ", "initializer ", "output "};
  std::string line = kinds[static_cast<size_t>(kind)].str() + quote(name);
  if (kind == Kind::Node) {
    line += " (" + (domain.empty() ? "" : domain + ".") + op;
    line += (opset ? ", opset " + std::to_string(opset) : "") + ")";
  }
  if (!scope.empty())
    line += " in " + quote(scope);
  line += ": " + reason;
  return hint.empty() ? line : line + "; " + hint;
}

static void reportUnsupported(ArrayRef<Unsupported> unsupported, Location loc) {
  bool areNodes = llvm::all_of(
      unsupported, [](const Unsupported &part) { return part.kind == Unsupported::Kind::Node; });
  InFlightDiagnostic diagnostic = emitError(loc);
  diagnostic << unsupported.size() << (areNodes ? " node" : " part")
             << (unsupported.size() == 1 ? "" : "s") << (areNodes ? "" : " of the model")
             << (unsupported.size() == 1 ? " is" : " are") << " not supported:";
  for (const Unsupported &part : unsupported.take_front(kMaxListed))
    diagnostic << "\n  " << part.describe();
  if (unsupported.size() > kMaxListed)
    diagnostic << "\n  and " << unsupported.size() - kMaxListed << " more";
}

/// Since IR version 4 an initializer that is an input too is a default, which a
/// caller may override. Here it is a constant.
static void remarkDefaults(const onnx::ModelProto &model, Location loc) {
  if (model.ir_version() < 4)
    return;
  llvm::StringSet<> initializers;
  for (const onnx::TensorProto &tensor : model.graph().initializer())
    initializers.insert(tensor.name());
  size_t count = 0;
  std::string names;
  for (const onnx::ValueInfoProto &input : model.graph().input()) {
    if (!initializers.contains(input.name()) || ++count > 3)
      continue;
    names += (count > 1 ? ", " : "") + quote(input.name());
  }
  if (count > 3)
    names += " and " + std::to_string(count - 3) + " more";
  if (count)
    emitRemark(loc) << "inputs that have initializers are constants: " << names;
}

OwningOpRef<ModuleOp> winnow::importONNX(StringRef path, MLIRContext &context,
                                         const ImportOptions &options, ImportFindings *findings) {
  context.loadDialect<WinnowDialect, arith::ArithDialect, func::FuncDialect, scf::SCFDialect,
                      tensor::TensorDialect>();
  // The path is no part of the module: the same file gives the same bytes.
  Location loc = UnknownLoc::get(&context);
  std::string error;
  std::shared_ptr<LoadedModel> model = loadModel(path, error);
  if (!model) {
    emitError(loc) << path << ": " << error;
    return nullptr;
  }
  if (model->proto.ir_version() < 1 || model->proto.ir_version() > onnx::IR_VERSION) {
    emitError(loc) << path << ": expected an IR version from 1 to " << int64_t(onnx::IR_VERSION) << ", got "
                   << model->proto.ir_version();
    return nullptr;
  }
  if (model->proto.opset_import_size() == 0) {
    emitError(loc) << path << ": expected a model that imports an opset, got none";
    return nullptr;
  }

  Symbols symbols(&context);
  declareSymbols(model->proto.graph(), symbols);
  if (symbols.getNames().size() > kMaxSymbols) {
    emitError(loc) << path << ": expected at most " << kMaxSymbols << " dynamic dimensions, got "
                   << symbols.getNames().size();
    return nullptr;
  }
  if (failed(applyOverrides(options, symbols, loc)))
    return nullptr;
  TensorReader tensors(model, &context, options.maxConstantFoldBytes);
  // Every restart removes a symbol, so that this ends.
  for (int64_t numVisits = 0;;) {
    symbols.beginAttempt();
    OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
    GraphImporter importer(*model, options, symbols, tensors, loc);
    GraphImporter::Outcome outcome = importer.run(*module);
    numVisits += importer.getNumVisits();
    if (outcome == GraphImporter::Outcome::Restart && numVisits > kMaxVisits * options.maxNodes) {
      emitError(loc) << path << ": expected fewer equations between dynamic dimensions; fix some "
                     << "dimensions with --dim NAME=SIZE";
      return nullptr;
    }
    if (outcome == GraphImporter::Outcome::Restart)
      continue;
    ImportFindings found = importer.takeFindings();
    if (!findings && !found.unsupported.empty())
      reportUnsupported(found.unsupported, loc);
    if (findings)
      *findings = std::move(found);
    if (outcome == GraphImporter::Outcome::Failed || failed(checkOverrides(symbols, loc)))
      return nullptr;
    remarkDefaults(model->proto, loc);
    for (const std::string &remark : symbols.getRemarks())
      emitRemark(loc) << remark;
    if (importer.usesRandomNumbers())
      emitRemark(loc) << "the model's random numbers are the same in every run; compile it with "
                         "another --seed for others";
    return module;
  }
}
