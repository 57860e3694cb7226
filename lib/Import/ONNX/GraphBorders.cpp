#include "GraphImporter.h"

using namespace mlir;

namespace winnow::import {

bool GraphImporter::importInitializers(const onnx::GraphProto &graph, Scope &scope) {
  for (const onnx::TensorProto &tensor : graph.initializer())
    if (!importInitializer(tensor, scope))
      return false;
  for (const onnx::SparseTensorProto &sparse : graph.sparse_initializer()) {
    // One that no node reads is not worth its dense size.
    const std::string &name = sparse.values().name();
    if (!name.empty() && !uses.contains(name))
      continue;
    std::string message;
    const onnx::TensorProto *dense = tensors.densify(sparse, message);
    if (!dense)
      return error(modelLoc, "sparse initializer " + quote(name) + ": " + message);
    if (!importInitializer(*dense, scope))
      return false;
  }
  return true;
}

bool GraphImporter::importInitializer(const onnx::TensorProto &tensor, Scope &scope) {
  if (tensor.name().empty())
    return error(modelLoc, "expected an initializer with a name, got none");
  std::string message;
  ImportedValue value;
  value.initializer = &tensor;
  if (!getElementType(tensor.data_type(), context, message)) {
    // An odd type matters only to the node that reads it.
    value.isPoisoned = true;
    if (uses.contains(tensor.name()))
      refuseTensor(Unsupported::Kind::Initializer, tensor.name(),
                   getDataTypeName(tensor.data_type()), message);
    return define(tensor.name(), value, scope, modelLoc);
  }
  value.type = getTensorType(tensor, context, message);
  if (!value.type)
    return error(modelLoc, "initializer " + quote(tensor.name()) + ": " + message);
  if (isa<IntegerType>(value.type.getElementType()) && getSmallSize(value.type.getShape())) {
    ElementsAttr attr = tensors.read(tensor, tensor.name(), message);
    if (!attr)
      return error(modelLoc, "initializer " + quote(tensor.name()) + ": " + message);
    value.known = getKnownTensor(attr);
  }
  return define(tensor.name(), value, scope, modelLoc);
}

std::string getDimName(const onnx::ValueInfoProto &input, int index) {
  const onnx::TensorShapeProto::Dimension &dim = input.type().tensor_type().shape().dim(index);
  if (dim.has_dim_param() && !dim.dim_param().empty())
    return dim.dim_param();
  return input.name() + "_dim" + std::to_string(index);
}

/// The kind of a type that is no tensor, in the standard's words.
static StringRef getNonTensorKind(const onnx::TypeProto &type) {
  return type.has_sequence_type()        ? "sequence"
         : type.has_map_type()           ? "map"
         : type.has_optional_type()      ? "optional"
         : type.has_sparse_tensor_type() ? "sparse tensor"
                                         : "";
}

bool GraphImporter::refuseInput(const onnx::ValueInfoProto &input, const Twine &dtype,
                                const Twine &reason, Scope &scope, Location loc) {
  refuseTensor(Unsupported::Kind::Input, input.name(), dtype, reason);
  ImportedValue poison;
  poison.isPoisoned = true;
  return define(input.name(), poison, scope, loc);
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
    std::string message;
    if (StringRef kind = getNonTensorKind(input.type()); !kind.empty()) {
      if (!refuseInput(input, kind, (kind.starts_with("o") ? "expected a tensor, got an " : "expected a tensor, got a ") + kind, scope, loc))
        return false;
      continue;
    }
    if (!input.type().has_tensor_type())
      return error(modelLoc, "input " + quote(input.name()) + ": expected a type, got none");
    Type elementType = getElementType(input.type().tensor_type().elem_type(), context, message);
    if (!elementType) {
      std::string dtype = getDataTypeName(input.type().tensor_type().elem_type());
      if (!refuseInput(input, dtype, message, scope, loc))
        return false;
      continue;
    }
    if (!input.type().tensor_type().has_shape())
      return error(modelLoc, "input " + quote(input.name()) +
                            ": expected a shape, got none; its rank must be known");
    Dims dims;
    const auto &shape = input.type().tensor_type().shape();
    if (shape.dim_size() > kMaxRank)
      return error(modelLoc, "input " + quote(input.name()) + ": expected a rank of at most " +
                                 Twine(kMaxRank) + ", got " + Twine(shape.dim_size()));
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
    if (!value->type) {
      refuseTensor(Unsupported::Kind::Output, output.name(), "",
                   "expected a tensor, got " + value->describeKind());
      continue;
    }
    onnx::NodeProto none;
    OpImporter op(none, quote(output.name()), 0, loc, builder, symbols, tensors, streams, {value});
    Value result = op.in(0);
    if (!result)
      return error(modelLoc, "output " + quote(output.name()) + ": " + op.getFailure().message);
    int32_t declared = output.type().tensor_type().elem_type();
    std::string message;
    Type expected = declared ? getElementType(declared, context, message)
                             : value->type.getElementType();
    if (!expected)
      return error(modelLoc, "output " + quote(output.name()) + ": " + message);
    if (expected != value->type.getElementType())
      return error(modelLoc, "output " + quote(output.name()) + ": expected elements of " +
                            getDtypeName(expected) + " as declared, got " +
                            getDtypeName(value->type.getElementType()));
    results.push_back(result);
    types.push_back(result.getType());
  }
  if (!unsupported.empty())
    return false;
  func::ReturnOp::create(builder, func.getLoc(), results);
  func.setFunctionType(
      FunctionType::get(context, func.getFunctionType().getInputs(), types));
  for (auto [i, output] : llvm::enumerate(graph.output()))
    func.setResultAttr(i, "winnow.name", builder.getStringAttr(output.name()));
  return true;
}

} // namespace winnow::import
