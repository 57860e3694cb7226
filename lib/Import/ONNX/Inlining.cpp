#include "GraphImporter.h"

using namespace mlir;

namespace winnow::import {

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

const onnx::NodeProto *GraphImporter::substituteAttributes(const onnx::NodeProto &node,
                                                          const Scope &scope, Location loc) {
  auto reference = llvm::find_if(node.attribute(), [](const onnx::AttributeProto &attr) {
    return !attr.ref_attr_name().empty();
  });
  if (reference == node.attribute().end())
    return &node;
  if (!scope.call) {
    error(loc, "attribute " + quote(reference->name()) + " refers to " +
                   quote(reference->ref_attr_name()) + ", expected a function that has it");
    return nullptr;
  }
  loaded.substituted.push_back(substitute(node, *scope.call, *scope.function));
  return addCopiedBytes(loaded.substituted.back().ByteSizeLong(), loc) ? &loaded.substituted.back()
                                                                       : nullptr;
}

bool GraphImporter::addCopiedBytes(int64_t bytes, Location loc) {
  copiedBytes += bytes;
  if (copiedBytes <= options.maxConstantFoldBytes)
    return true;
  return error(loc, "inlined functions and branches take more than " +
                        Twine(options.maxConstantFoldBytes) +
                        " bytes; allow more with --max-constant-fold-bytes");
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
