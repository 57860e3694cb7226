#include "GraphImporter.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace winnow::import {

static bool isDefaultDomain(StringRef domain) { return domain.empty() || domain == "ai.onnx"; }
static StringRef getDomainKey(StringRef domain) { return isDefaultDomain(domain) ? "" : domain; }

/// What a call names a function by; no part of it may hold a NUL.
static std::string getFunctionKey(StringRef domain, StringRef name, StringRef overload) {
  return (domain + Twine('\0') + name + Twine('\0') + overload).str();
}

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

/// Calls `read` with every name from outside that the node or its graphs read.
static void forEachRead(const onnx::NodeProto &node, function_ref<void(StringRef)> read) {
  for (const std::string &input : node.input())
    read(input);
  for (const onnx::AttributeProto &attr : node.attribute()) {
    if (!attr.has_g())
      continue;
    llvm::StringSet<> own;
    for (const onnx::ValueInfoProto &input : attr.g().input())
      own.insert(input.name());
    for (const onnx::TensorProto &initializer : attr.g().initializer())
      own.insert(initializer.name());
    for (const onnx::NodeProto &inner : attr.g().node())
      own.insert(inner.output().begin(), inner.output().end());
    auto readOuter = [&](StringRef name) {
      if (!own.contains(name))
        read(name);
    };
    for (const onnx::NodeProto &inner : attr.g().node())
      forEachRead(inner, readOuter);
    for (const onnx::ValueInfoProto &output : attr.g().output())
      readOuter(output.name());
  }
}

/// The nodes, each behind those that it reads. ONNX asks for that order, but ONNX
/// Runtime takes any, and its conversion to f16 appends casts of inputs. Where
/// there is a cycle, some node comes before one that it reads.
static SmallVector<size_t>
getOrder(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes) {
  llvm::StringMap<size_t> makers;
  for (auto [index, node] : llvm::enumerate(nodes))
    for (const std::string &output : node.output())
      makers.try_emplace(output, index);
  struct Visit {
    size_t node;
    SmallVector<size_t> waiting;
  };
  SmallVector<size_t> order;
  std::vector<bool> isSeen(nodes.size());
  for (size_t first = 0, e = nodes.size(); first < e; ++first) {
    std::vector<Visit> path;
    auto enter = [&](size_t index) {
      if (isSeen[index])
        return;
      isSeen[index] = true;
      path.push_back({index, {}});
      forEachRead(nodes[index], [&](StringRef name) {
        auto maker = name.empty() ? makers.end() : makers.find(name);
        if (maker != makers.end() && !isSeen[maker->second])
          path.back().waiting.push_back(maker->second);
      });
      std::reverse(path.back().waiting.begin(), path.back().waiting.end());
    };
    enter(first);
    while (!path.empty()) {
      if (path.back().waiting.empty()) {
        order.push_back(path.back().node);
        path.pop_back();
      } else {
        enter(path.back().waiting.pop_back_val());
      }
    }
  }
  return order;
}

GraphImporter::GraphImporter(LoadedModel &loaded, const ImportOptions &options, Symbols &symbols,
                             TensorReader &tensors, Location modelLoc)
    : loaded(loaded), model(loaded.proto), modelLoc(modelLoc), options(options), symbols(symbols),
      tensors(tensors), context(modelLoc.getContext()), builder(context), streams{options.seed} {
  collectUses(model.graph().node(), uses);
  for (const onnx::ValueInfoProto &output : model.graph().output())
    uses.insert(output.name());
  for (const onnx::FunctionProto &function : model.functions()) {
    collectUses(function.node(), uses);
    uses.insert(function.output().begin(), function.output().end());
    functions.try_emplace(getFunctionKey(function.domain(), function.name(), function.overload()),
                          &function);
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
  Unsupported found;
  found.name = name.str();
  found.scope = getONNXScope(node);
  found.domain = getDomainKey(node.domain()).str();
  found.op = node.op_type();
  found.opset = scope.opsets->lookup(found.domain);
  for (const std::string &input : node.input())
    if (ImportedValue *value = lookup(input, scope); value && value->type && found.dtype.empty())
      found.dtype = getDtypeName(value->type.getElementType());
  found.reason = reason.str();
  found.hint = hint.str();
  unsupported.push_back(std::move(found));
  return poisonOutputs(node, scope, loc);
}

void GraphImporter::refuseTensor(Unsupported::Kind kind, StringRef name, const Twine &dtype,
                                 const Twine &reason) {
  Unsupported found;
  found.kind = kind;
  found.name = name.str();
  found.dtype = dtype.str();
  found.reason = reason.str();
  unsupported.push_back(std::move(found));
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

bool GraphImporter::passPoison(const onnx::NodeProto &node, Scope &scope, Location loc) {
  ++numUnchecked;
  return poisonOutputs(node, scope, loc);
}

ImportFindings GraphImporter::takeFindings() {
  return {std::move(unsupported), numNodes, numUnchecked};
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
      return error(loc, "expected an opset of the default domain from 1 to " +
                            Twine(kMaxOpset) + ", got " +
                            Twine(import.version()));
  }
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
  // Verifiers ask which symbols are data.
  setSymbols(func, symbols.getLive());
  if (!readOpsets(model.opset_import(), opsets, loc) || !importInitializers(graph, scope) ||
      !importInputs(graph, scope, func))
    return Outcome::Failed;
  for (const auto *values : {&graph.value_info(), &graph.output()})
    for (const onnx::ValueInfoProto &value : *values)
      if (value.type().tensor_type().has_shape())
        declaredRanks[value.name()] = value.type().tensor_type().shape().dim_size();
  bool isImported = importNodes(graph.node(), scope);
  if (restart)
    return Outcome::Restart;
  if (!isImported || !importOutputs(graph, scope, func))
    return Outcome::Failed;
  func->setAttr("winnow.entry", builder.getUnitAttr());
  setSymbols(func, symbols.getLive());
  return Outcome::Done;
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

bool GraphImporter::importNodes(const Nodes &nodes, Scope &scope) {
  return llvm::all_of(getOrder(nodes),
                      [&](size_t index) { return importNode(nodes[index], index, scope); });
}

/// The function for an operator that holds graphs, or null.
GraphImporter::GraphImport GraphImporter::findGraphImport(StringRef domain, StringRef op) {
  if (domain == kPreviewDomain && op == "FlexAttention")
    return &GraphImporter::importFlexAttention;
  if (!domain.empty())
    return nullptr;
  return llvm::StringSwitch<GraphImport>(op)
      .Case("If", &GraphImporter::importIf)
      .Case("Loop", &GraphImporter::importLoop)
      .Case("Scan", &GraphImporter::importScan)
      .Case("SequenceMap", &GraphImporter::importSequenceMap)
      .Default(nullptr);
}

/// What to do about an operator that is not supported.
static StringRef getHint(StringRef domain) {
  if (domain == kMicrosoftDomain)
    return "export the model without ONNX Runtime's graph optimizations";
  if (domain == "com.microsoft.nchwc")
    return "have ONNX Runtime save the model with ORT_ENABLE_EXTENDED, not with layouts that "
           "only some CPUs have";
  return "";
}

bool GraphImporter::importNode(const onnx::NodeProto &original, size_t index, Scope &scope) {
  std::string name = scope.prefix + (original.name().empty()
                                         ? original.op_type() + "#" + std::to_string(index)
                                         : original.name());
  Location loc = NameLoc::get(builder.getStringAttr(name));
  if (++numNodes > options.maxNodes)
    return error(loc, "expected at most " + Twine(options.maxNodes) +
                          " nodes, got more; allow them with --max-nodes");
  // Bodies of loops may be imported twice, so that nested ones are many times.
  if (++numVisits > kMaxVisits * options.maxNodes)
    return error(loc, "expected at most " + Twine(options.maxNodes) +
                          " nodes, got loops in loops that take many more; allow them with "
                          "--max-nodes");
  // Names of inlined nodes grow by those of their callers.
  if (scope.depth > 0 && !addCopiedBytes(name.size(), loc))
    return false;

  const onnx::NodeProto *node = substituteAttributes(original, scope, loc);
  if (!node)
    return false;

  SmallVector<ImportedValue *> inputs;
  bool isPoisoned = false;
  for (const std::string &input : node->input()) {
    ImportedValue *value = input.empty() ? nullptr : lookup(input, scope);
    if (!input.empty() && !value)
      return error(loc, describe(*node, scope) + ": reads " + quote(input) +
                            ", which no input, initializer or node before it defines; nodes must "
                            "be free of cycles");
    isPoisoned |= value && value->isPoisoned;
    inputs.push_back(value);
  }

  StringRef domain = getDomainKey(node->domain());
  if (!domain.empty()) {
    auto function =
        functions.find(getFunctionKey(node->domain(), node->op_type(), node->overload()));
    if (function != functions.end())
      return isPoisoned ? passPoison(*node, scope, loc)
                        : importCall(*node, *function->second, name, loc, inputs, scope);
  }
  if (domain.empty() && !scope.opsets->contains(domain))
    return error(loc, describe(*node, scope) + ": the model imports no opset of the default domain");
  if (auto importGraphs = findGraphImport(domain, node->op_type()))
    return isPoisoned ? passPoison(*node, scope, loc)
                      : (this->*importGraphs)(*node, name, loc, inputs, scope);
  std::string reason;
  const OpEntry *entry = findOp(domain, node->op_type(), scope.opsets->lookup(domain), reason);
  if (!entry)
    return refuse(*node, name, reason, getHint(domain), scope, loc);
  if (isPoisoned)
    return passPoison(*node, scope, loc);
  return importOp(*node, *entry, name, loc, inputs, scope);
}

bool GraphImporter::importOp(const onnx::NodeProto &node, const OpEntry &entry, StringRef name,
                             Location loc, const SmallVector<ImportedValue *> &inputs,
                             Scope &scope) {
  int64_t opset = scope.opsets->lookup(getDomainKey(node.domain()));
  auto invalid = [&](const Twine &message) {
    return error(loc, describe(node, scope) + ": " + message);
  };
  // A list of tensors has no gaps.
  bool isList = entry.maxInputs == kVariadic && getDomainKey(node.domain()).empty();
  int numRequired = std::max<int>(entry.minInputs, isList ? inputs.size() : 0);
  for (int i = 0; i < numRequired; ++i)
    if (i >= static_cast<int>(inputs.size()) || !inputs[i])
      return invalid("expected input " + Twine(i) + ", got none");
  if (static_cast<int>(inputs.size()) > entry.maxInputs)
    return invalid("expected at most " + Twine(entry.maxInputs) + " inputs, got " +
                   Twine(inputs.size()));
  if (node.output_size() == 0)
    return invalid("expected at least one output, got none");
  for (int i = entry.maxOutputs; i < node.output_size(); ++i)
    if (!node.output(i).empty() && uses.contains(node.output(i)))
      return refuse(node, name, "its output " + quote(node.output(i)) + " is not supported", "",
                    scope, loc);

  for (auto [i, input] : llvm::enumerate(inputs))
    if (input && !input->type && !(i == 0 && entry.takesAnyKind))
      return invalid("expected a tensor as input " + Twine(i) + ", got " + input->describeKind());

  OpImporter op(node, quote(name), opset, loc, builder, symbols, tensors, streams, inputs);
  auto rank = declaredRanks.find(node.output(0));
  if (!scope.parent && !scope.function && rank != declaredRanks.end())
    op.declaredRank = rank->second;
  entry.import(op);
  numOps += op.numOps;
  if (numOps > options.maxNodes)
    return invalid("expected a model that is taken apart into at most " + Twine(options.maxNodes) +
                   " operations, got more; allow them with --max-nodes");
  if (op.failed())
    return finishFailed(op, node, name, scope, loc);
  for (auto [i, output] : llvm::enumerate(op.getOutputs())) {
    if (node.output(i).empty())
      continue;
    ImportedValue value = output;
    if (!value.type && !value.sequence && !value.isEmpty) {
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

} // namespace winnow::import
