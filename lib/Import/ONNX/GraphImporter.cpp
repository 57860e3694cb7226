#include "GraphImporter.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace winnow::import {

/// Inlined functions and branches inside each other.
static constexpr unsigned kMaxNesting = 64;
/// More lines than anyone reads.
static constexpr size_t kMaxListed = 200;

std::string quote(StringRef name) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << '\'';
  llvm::printEscapedString(name, stream);
  stream << '\'';
  return text;
}

static bool isDefaultDomain(StringRef domain) { return domain.empty() || domain == "ai.onnx"; }
static StringRef getDomainKey(StringRef domain) { return isDefaultDomain(domain) ? "" : domain; }

/// Every name that some node or output reads, in any graph: an output that is
/// not among them need not exist.
static void collectUses(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
                        llvm::StringSet<> &uses) {
  for (const onnx::NodeProto &node : nodes) {
    for (const std::string &input : node.input())
      uses.insert(input);
    for (const onnx::AttributeProto &attr : node.attribute()) {
      if (!attr.has_g())
        continue;
      collectUses(attr.g().node(), uses);
      for (const onnx::ValueInfoProto &output : attr.g().output())
        uses.insert(output.name());
    }
  }
}

GraphImporter::GraphImporter(LoadedModel &loaded, const ImportOptions &options, Symbols &symbols,
                             TensorReader &tensors, Location modelLoc)
    : loaded(loaded), model(loaded.proto), modelLoc(modelLoc), options(options), symbols(symbols),
      tensors(tensors), context(modelLoc.getContext()), builder(context) {
  collectUses(model.graph().node(), uses);
  for (const onnx::ValueInfoProto &output : model.graph().output())
    uses.insert(output.name());
  for (const onnx::FunctionProto &function : model.functions()) {
    collectUses(function.node(), uses);
    uses.insert(function.output().begin(), function.output().end());
  }
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

bool GraphImporter::error(Location loc, const Twine &message) {
  emitError(loc) << message;
  return false;
}

/// The operator; a message's location names the node.
std::string GraphImporter::describe(const onnx::NodeProto &node, const Scope &scope) const {
  std::string op = isDefaultDomain(node.domain()) ? node.op_type()
                                                  : node.domain() + "." + node.op_type();
  auto opset = scope.opsets->find(getDomainKey(node.domain()));
  if (opset == scope.opsets->end())
    return op;
  return op + ", opset " + std::to_string(opset->second);
}

/// The module that a node came from, in the exporter's words.
static std::string getONNXScope(const onnx::NodeProto &node) {
  for (const onnx::StringStringEntryProto &entry : node.metadata_props())
    if (entry.key() == "namespace")
      return entry.value();
  auto [path, last] = StringRef(node.name()).rsplit('/');
  return last.empty() ? "" : path.str();
}

bool GraphImporter::refuse(const onnx::NodeProto &node, StringRef name, const Twine &reason,
                           const Twine &hint, Scope &scope, Location loc) {
  std::string line = "node " + quote(name) + " (" + describe(node, scope) + ")";
  if (std::string where = getONNXScope(node); !where.empty())
    line += " in " + quote(where);
  line += ": " + reason.str();
  if (!hint.isTriviallyEmpty() && !hint.str().empty())
    line += "; " + hint.str();
  unsupported.push_back(line);
  return poisonOutputs(node, scope, loc);
}

bool GraphImporter::poisonOutputs(const onnx::NodeProto &node, Scope &scope, Location loc) {
  for (const std::string &output : node.output()) {
    ImportedValue poison;
    poison.isPoisoned = true;
    if (!output.empty() && !define(output, poison, scope, loc))
      return false;
  }
  return true;
}

bool GraphImporter::reportUnsupported() {
  if (unsupported.empty())
    return true;
  InFlightDiagnostic diagnostic = emitError(modelLoc);
  diagnostic << unsupported.size()
             << (unsupported.size() == 1 ? " node is not supported:" : " nodes are not supported:");
  for (const std::string &line : ArrayRef(unsupported).take_front(kMaxListed))
    diagnostic << "\n  " << line;
  if (unsupported.size() > kMaxListed)
    diagnostic << "\n  and " << unsupported.size() - kMaxListed << " more";
  return false;
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

ImportedValue *GraphImporter::lookup(StringRef name, const Scope &scope) const {
  for (const Scope *s = &scope; s; s = s->parent)
    if (ImportedValue *value = s->values.lookup(name))
      return value;
  return nullptr;
}

bool GraphImporter::define(StringRef name, ImportedValue value, Scope &scope, Location loc) {
  if (lookup(name, scope))
    return error(loc, "the name " + quote(name) + " is defined twice");
  value.name = name.str();
  arena.push_back(std::move(value));
  scope.values[name] = &arena.back();
  return true;
}

bool GraphImporter::readOpsets(
    const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto> &imports, Opsets &opsets,
    Location loc) {
  for (const onnx::OperatorSetIdProto &import : imports) {
    StringRef domain = getDomainKey(import.domain());
    auto [it, inserted] = opsets.try_emplace(domain, import.version());
    if (!inserted && it->second != import.version())
      return error(loc, "expected one opset version for domain " + quote(domain) + ", got " +
                            Twine(it->second) + " and " + Twine(import.version()));
    if (domain.empty() && (import.version() < 1 || import.version() > kMaxOpset))
      return error(loc, "expected an opset from 1 to " + Twine(kMaxOpset) + ", got " +
                            Twine(import.version()));
  }
  return true;
}

//===----------------------------------------------------------------------===//
// The graph's borders
//===----------------------------------------------------------------------===//

bool GraphImporter::importInitializers(const onnx::GraphProto &graph, Scope &scope) {
  if (graph.sparse_initializer_size())
    return error(modelLoc, "sparse initializers are not supported; save the weights densely");
  for (const onnx::TensorProto &tensor : graph.initializer()) {
    Location loc = NameLoc::get(builder.getStringAttr(tensor.name()));
    if (tensor.name().empty())
      return error(modelLoc, "expected an initializer with a name, got none");
    std::string message;
    ImportedValue value;
    value.type = getTensorType(tensor, context, message);
    value.initializer = &tensor;
    // An initializer of an odd type matters only to the node that reads it.
    if (!value.type)
      value.isPoisoned = true;
    bool isNegative = llvm::any_of(tensor.dims(), [](int64_t dim) { return dim < 0; });
    if (isNegative)
      return error(modelLoc, "initializer " + quote(tensor.name()) + ": " + message);
    if (value.type && isa<IntegerType>(value.type.getElementType()) &&
        getSmallSize(value.type.getShape())) {
      ElementsAttr attr = tensors.read(tensor, tensor.name(), message);
      if (!attr)
        return error(modelLoc, "initializer " + quote(tensor.name()) + ": " + message);
      value.known = getKnownTensor(attr);
    }
    if (!value.type && uses.contains(tensor.name()))
      unsupported.push_back("initializer " + quote(tensor.name()) + ": " + message);
    if (!define(tensor.name(), value, scope, loc))
      return false;
  }
  return true;
}

/// A dimension's name: the model's, or one made of the input's name.
static std::string getDimName(const onnx::ValueInfoProto &input, int index) {
  const onnx::TensorShapeProto::Dimension &dim = input.type().tensor_type().shape().dim(index);
  if (dim.has_dim_param() && !dim.dim_param().empty())
    return dim.dim_param();
  return input.name() + "_dim" + std::to_string(index);
}

bool GraphImporter::importInputs(const onnx::GraphProto &graph, Scope &scope,
                                 func::FuncOp func) {
  SmallVector<Type> types;
  SmallVector<StringRef> names;
  for (const onnx::ValueInfoProto &input : graph.input()) {
    Location loc = NameLoc::get(builder.getStringAttr(input.name()));
    if (ImportedValue *value = lookup(input.name(), scope)) {
      // Until IR version 3 an initializer had to be an input too.
      if (!value->initializer)
        return error(modelLoc, "the name " + quote(input.name()) + " is defined twice");
      continue;
    }
    if (input.name().empty())
      return error(modelLoc, "expected an input with a name, got none");
    if (!input.type().has_tensor_type())
      return error(modelLoc, "input " + quote(input.name()) +
                            ": expected a tensor, got another or no type");
    std::string message;
    Type elementType = getElementType(input.type().tensor_type().elem_type(), context, message);
    if (!elementType)
      return error(modelLoc, "input " + quote(input.name()) + ": " + message);
    if (!input.type().tensor_type().has_shape())
      return error(modelLoc, "input " + quote(input.name()) +
                            ": expected a shape, got none; its rank must be known");
    Dims dims;
    const auto &shape = input.type().tensor_type().shape();
    for (int i = 0; i < shape.dim_size(); ++i) {
      if (!shape.dim(i).has_dim_value()) {
        dims.push_back(symbols.get(getDimName(input, i)));
        continue;
      }
      if (shape.dim(i).dim_value() < 0)
        return error(modelLoc, "input " + quote(input.name()) + ": expected dimensions of 0 or more, got " +
                              Twine(shape.dim(i).dim_value()));
      dims.push_back(builder.getAffineConstantExpr(shape.dim(i).dim_value()));
    }
    ImportedValue value;
    value.type = winnow::getTensorType(dims, elementType, symbols.size());
    value.value = func.getBody().front().addArgument(value.type, loc);
    types.push_back(value.type);
    names.push_back(input.name());
    if (!define(input.name(), value, scope, loc))
      return false;
  }
  func.setFunctionType(FunctionType::get(context, types, {}));
  for (auto [i, name] : llvm::enumerate(names))
    func.setArgAttr(i, "winnow.name", builder.getStringAttr(name));
  return true;
}

bool GraphImporter::importOutputs(const onnx::GraphProto &graph, Scope &scope,
                                  func::FuncOp func) {
  SmallVector<Value> results;
  SmallVector<Type> types;
  llvm::StringSet<> seen;
  if (graph.output_size() == 0)
    return error(modelLoc, "expected a graph with outputs, got none");
  for (const onnx::ValueInfoProto &output : graph.output()) {
    Location loc = NameLoc::get(builder.getStringAttr(output.name()));
    ImportedValue *value = lookup(output.name(), scope);
    if (!value)
      return error(modelLoc, "output " + quote(output.name()) + " is not computed by any node");
    if (!seen.insert(output.name()).second)
      return error(modelLoc, "output " + quote(output.name()) + " is listed twice");
    if (value->isPoisoned)
      continue;
    onnx::NodeProto none;
    OpImporter op(none, quote(output.name()), 0, loc, builder, symbols, tensors, {value});
    Value result = op.in(0);
    if (!result)
      return error(modelLoc, "output " + quote(output.name()) + ": " + op.getFailure().message);
    int32_t declared = output.type().tensor_type().elem_type();
    std::string message;
    if (declared && getElementType(declared, context, message) != value->type.getElementType())
      return error(modelLoc, "output " + quote(output.name()) + ": expected elements of " +
                            getDataTypeName(declared) + " as declared, got another type from its node");
    results.push_back(result);
    types.push_back(result.getType());
  }
  if (!reportUnsupported())
    return false;
  func::ReturnOp::create(builder, func.getLoc(), results);
  func.setFunctionType(
      FunctionType::get(context, func.getFunctionType().getInputs(), types));
  for (auto [i, output] : llvm::enumerate(graph.output()))
    func.setResultAttr(i, "winnow.name", builder.getStringAttr(output.name()));
  return true;
}

GraphImporter::Outcome GraphImporter::run(ModuleOp module) {
  const onnx::GraphProto &graph = model.graph();
  Location loc = modelLoc;
  Opsets opsets;
  Scope scope;
  scope.opsets = &opsets;
  builder.setInsertionPointToEnd(module.getBody());
  auto func = func::FuncOp::create(builder, loc, "main", FunctionType::get(context, {}, {}));
  builder.setInsertionPointToEnd(&func.getBody().emplaceBlock());
  if (!readOpsets(model.opset_import(), opsets, loc) || !importInitializers(graph, scope) ||
      !importInputs(graph, scope, func))
    return Outcome::Failed;
  bool isImported = importNodes(graph.node(), scope);
  if (restart)
    return Outcome::Restart;
  if (!isImported || !importOutputs(graph, scope, func)) {
    if (!isImported)
      reportUnsupported();
    return Outcome::Failed;
  }
  func->setAttr("winnow.entry", builder.getUnitAttr());
  setSymbols(func, symbols.getLive());
  return Outcome::Done;
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

bool GraphImporter::importNodes(const Nodes &nodes, Scope &scope) {
  for (auto [index, node] : llvm::enumerate(nodes)) {
    if (!importNode(node, index, scope))
      return false;
  }
  return true;
}

/// An inlined node with the call's attributes in place of the function's.
static onnx::NodeProto substitute(const onnx::NodeProto &node, const onnx::NodeProto &call,
                                  const onnx::FunctionProto &function) {
  onnx::NodeProto result = node;
  result.clear_attribute();
  for (const onnx::AttributeProto &attr : node.attribute()) {
    if (attr.ref_attr_name().empty()) {
      *result.add_attribute() = attr;
      continue;
    }
    const onnx::AttributeProto *actual = nullptr;
    for (const onnx::AttributeProto &other : function.attribute_proto())
      if (other.name() == attr.ref_attr_name())
        actual = &other;
    for (const onnx::AttributeProto &other : call.attribute())
      if (other.name() == attr.ref_attr_name())
        actual = &other;
    // One that the call leaves out is left out here too.
    if (!actual)
      continue;
    onnx::AttributeProto *copy = result.add_attribute();
    *copy = *actual;
    copy->set_name(attr.name());
  }
  return result;
}

bool GraphImporter::importNode(const onnx::NodeProto &original, size_t index, Scope &scope) {
  std::string name = scope.prefix + (original.name().empty()
                                         ? original.op_type() + "#" + std::to_string(index)
                                         : original.name());
  Location loc = NameLoc::get(builder.getStringAttr(name));
  if (++numNodes > options.maxNodes)
    return error(loc, "expected at most " + Twine(options.maxNodes) + " nodes, got more");

  const onnx::NodeProto *node = &original;
  if (scope.call) {
    bool refers = llvm::any_of(original.attribute(), [](const onnx::AttributeProto &attr) {
      return !attr.ref_attr_name().empty();
    });
    if (refers) {
      loaded.substituted.push_back(substitute(original, *scope.call, *scope.function));
      node = &loaded.substituted.back();
      substitutedBytes += node->ByteSizeLong();
      if (substitutedBytes > options.maxConstantFoldBytes)
        return error(loc, "the attributes of inlined functions exceed the limit (maxConstantFoldBytes)");
    }
  }

  SmallVector<ImportedValue *> inputs;
  bool isPoisoned = false;
  for (const std::string &input : node->input()) {
    ImportedValue *value = input.empty() ? nullptr : lookup(input, scope);
    if (!input.empty() && !value)
      return error(loc, describe(*node, scope) + " reads " + quote(input) +
                            ", which no input, initializer or earlier node defines; nodes must be "
                            "sorted and free of cycles");
    isPoisoned |= value && value->isPoisoned;
    inputs.push_back(value);
  }

  if (!isDefaultDomain(node->domain())) {
    for (const onnx::FunctionProto &function : model.functions())
      if (function.name() == node->op_type() && function.domain() == node->domain() &&
          function.overload() == node->overload())
        return isPoisoned ? poisonOutputs(*node, scope, loc)
                          : importCall(*node, function, name, loc, inputs, scope);
    return refuse(*node, name, "the operator's domain is not supported",
                  node->domain() == "com.microsoft"
                      ? "export the model without ONNX Runtime's graph optimizations"
                      : "",
                  scope, loc);
  }
  if (!scope.opsets->contains(""))
    return error(loc, describe(*node, scope) + ": the model imports no opset of the default domain");
  if (node->op_type() == "If" && inputs.size() == 1 && inputs[0]) {
    if (isPoisoned)
      return poisonOutputs(*node, scope, loc);
    return importIf(*node, name, loc, *inputs[0], scope);
  }
  std::string reason;
  if (!findOp(node->op_type(), scope.opsets->lookup(""), reason))
    return refuse(*node, name, reason, "", scope, loc);
  if (isPoisoned)
    return poisonOutputs(*node, scope, loc);
  return importOp(*node, name, loc, inputs, scope);
}

bool GraphImporter::importOp(const onnx::NodeProto &node, StringRef name, Location loc,
                             const SmallVector<ImportedValue *> &inputs, Scope &scope) {
  int64_t opset = scope.opsets->lookup("");
  std::string reason;
  const OpEntry *entry = findOp(node.op_type(), opset, reason);
  auto invalid = [&](const Twine &message) {
    return error(loc, describe(node, scope) + ": " + message);
  };
  for (int i = 0; i < entry->minInputs; ++i)
    if (i >= static_cast<int>(inputs.size()) || !inputs[i])
      return invalid("expected input " + Twine(i) + ", got none");
  if (static_cast<int>(inputs.size()) > entry->maxInputs)
    return invalid("expected at most " + Twine(entry->maxInputs) + " inputs, got " +
                   Twine(inputs.size()));
  if (node.output_size() == 0)
    return invalid("expected at least one output, got none");
  for (int i = entry->maxOutputs; i < node.output_size(); ++i)
    if (!node.output(i).empty() && uses.contains(node.output(i)))
      return refuse(node, name, "its output " + quote(node.output(i)) + " is not supported", "",
                    scope, loc);

  OpImporter op(node, quote(name), opset, loc, builder, symbols, tensors, inputs);
  entry->import(op);
  const Failure &failure = op.getFailure();
  switch (failure.kind) {
  case Failure::Kind::Restart:
    restart = true;
    return false;
  case Failure::Kind::Invalid:
    return invalid(failure.message);
  case Failure::Kind::Unsupported:
    return refuse(node, name, failure.message, failure.hint, scope, loc);
  case Failure::Kind::None:
    break;
  }
  for (auto [i, output] : llvm::enumerate(op.getOutputs())) {
    if (node.output(i).empty())
      continue;
    ImportedValue value = output;
    if (!value.type) {
      if (uses.contains(node.output(i)))
        return refuse(node, name, "its output " + quote(node.output(i)) + " is not supported", "",
                      scope, loc);
      value.isPoisoned = true;
    }
    if (!define(node.output(i), value, scope, loc))
      return false;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Branches and functions
//===----------------------------------------------------------------------===//

bool GraphImporter::importIf(const onnx::NodeProto &node, StringRef name, Location loc,
                             const ImportedValue &condition, Scope &scope) {
  std::optional<SmallVector<int64_t>> value;
  if (condition.known)
    value = condition.known->getConstants();
  if (!value || value->size() != 1)
    return refuse(node, name, "its condition depends on data or on dynamic dimensions",
                  "if it tests a dimension, fix it with --dim NAME=SIZE", scope, loc);
  const onnx::GraphProto *branch = nullptr;
  for (const onnx::AttributeProto &attr : node.attribute())
    if (attr.name() == ((*value)[0] ? "then_branch" : "else_branch") && attr.has_g())
      branch = &attr.g();
  if (!branch || branch->output_size() != node.output_size())
    return error(loc, describe(node, scope) + ": expected a branch of " +
                          Twine(node.output_size()) + " outputs");
  if (scope.depth >= kMaxNesting)
    return error(loc, "expected at most " + Twine(kMaxNesting) + " nested graphs, got more");
  Scope inner;
  inner.parent = &scope;
  inner.opsets = scope.opsets;
  inner.prefix = name.str() + "/";
  inner.depth = scope.depth + 1;
  inner.call = scope.call;
  inner.function = scope.function;
  if (!importInitializers(*branch, inner) || !importNodes(branch->node(), inner))
    return false;
  for (auto [i, output] : llvm::enumerate(branch->output())) {
    ImportedValue *result = lookup(output.name(), inner);
    if (!result)
      return error(loc, "output " + quote(output.name()) + " of its branch is not computed by any node");
    if (!node.output(i).empty() && !define(node.output(i), *result, scope, loc))
      return false;
  }
  return true;
}

bool GraphImporter::importCall(const onnx::NodeProto &node, const onnx::FunctionProto &function,
                               StringRef name, Location loc,
                               const SmallVector<ImportedValue *> &inputs, Scope &scope) {
  if (llvm::is_contained(callStack, &function))
    return error(loc, "function " + quote(function.name()) + " calls itself");
  if (scope.depth >= kMaxNesting)
    return error(loc, "expected at most " + Twine(kMaxNesting) + " nested calls, got more");
  if (static_cast<int>(inputs.size()) > function.input_size() ||
      node.output_size() > function.output_size())
    return error(loc, describe(node, scope) + ": expected at most " +
                          Twine(function.input_size()) + " inputs and " +
                          Twine(function.output_size()) + " outputs, got " +
                          Twine(inputs.size()) + " and " + Twine(node.output_size()));
  functionOpsets.emplace_back();
  Scope inner;
  inner.opsets = &functionOpsets.back();
  inner.prefix = name.str() + "/";
  inner.depth = scope.depth + 1;
  inner.call = &node;
  inner.function = &function;
  if (!readOpsets(function.opset_import(), functionOpsets.back(), loc))
    return false;
  for (auto [i, input] : llvm::enumerate(inputs))
    if (input && !inner.values.try_emplace(function.input(i), input).second)
      return error(loc, "function " + quote(function.name()) + " has two inputs of one name");
  callStack.push_back(&function);
  bool isImported = importNodes(function.node(), inner);
  callStack.pop_back();
  if (!isImported)
    return false;
  for (int i = 0; i < node.output_size(); ++i) {
    ImportedValue *result = lookup(function.output(i), inner);
    if (!result)
      return error(loc, "output " + quote(function.output(i)) + " of function " +
                            quote(function.name()) + " is not computed by any node");
    if (!node.output(i).empty() && !define(node.output(i), *result, scope, loc))
      return false;
  }
  return true;
}

} // namespace winnow::import
