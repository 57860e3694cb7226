#include "Lowering.h"

using namespace mlir;
using namespace winnow;

/// Puts the weights and one index per symbol in front of the inputs, and keeps
/// the symbolic shapes of inputs and outputs as attributes.
LogicalResult winnow::prepareEntry(func::FuncOp entry) {
  OpBuilder b(entry.getContext());
  SmallVector<SymbolInfo> symbols = getSymbols(entry);
  auto getShapes = [&](TypeRange types) {
    SmallVector<Attribute> maps;
    for (Type type : types)
      maps.push_back(AffineMapAttr::get(
          AffineMap::get(0, symbols.size(), getDims(type), entry.getContext())));
    return b.getArrayAttr(maps);
  };
  for (Type type : llvm::concat<const Type>(entry.getArgumentTypes(), entry.getResultTypes())) {
    if (!isa<RankedTensorType>(type))
      return entry.emitError("expected tensors as inputs and outputs, got ") << type;
    for (AffineExpr dim : getDims(type))
      if (!dim)
        return entry.emitError("expected every dimension to be static or an expression over "
                               "symbols, got ")
               << type;
  }
  // Callers still see the elements that the model says.
  for (auto [i, type] : llvm::enumerate(entry.getArgumentTypes()))
    if (Type element = getElementTypeOrSelf(type); element != convertElementType(element))
      entry.setArgAttr(i, "winnow.dtype", TypeAttr::get(element));
  for (auto [i, type] : llvm::enumerate(entry.getResultTypes()))
    if (Type element = getElementTypeOrSelf(type); element != convertElementType(element))
      entry.setResultAttr(i, "winnow.dtype", TypeAttr::get(element));
  entry->setAttr("winnow.num_inputs", b.getI64IntegerAttr(entry.getNumArguments()));
  entry->setAttr("winnow.input_dims", getShapes(entry.getArgumentTypes()));
  entry->setAttr("winnow.output_dims", getShapes(entry.getResultTypes()));

  unsigned count = 1 + symbols.size();
  SmallVector<unsigned> positions(count, 0);
  SmallVector<Type> types(count, b.getIndexType());
  types.front() = MemRefType::get({ShapedType::kDynamic}, b.getI8Type());
  SmallVector<DictionaryAttr> attrs(count);
  SmallVector<Location> locs(count, entry.getLoc());
  return entry.insertArguments(positions, types, attrs, locs);
}

/// The start of a buffer, which has room for the largest dims, as a dense one of
/// the dims that the data gave.
static Value trimBuffer(OpBuilder &b, Location loc, Value buffer, ArrayRef<AffineExpr> dims) {
  SmallVector<OpFoldResult> sizes, strides(dims.size());
  Dims inner;
  for (AffineExpr dim : dims)
    sizes.push_back(getFoldedSize(b, loc, dim));
  for (size_t i = dims.size(); i-- > 0; inner.push_back(dims[i]))
    strides[i] = getFoldedSize(b, loc, productDim(inner, b.getContext()));
  auto type = cast<MemRefType>(buffer.getType());
  return memref::ReinterpretCastOp::create(b, loc, type, buffer, b.getIndexAttr(0), sizes, strides);
}

/// Turns the tensor signature into buffers: inputs are read through
/// to_tensor, results are materialised in output arguments.
LogicalResult winnow::finishEntry(func::FuncOp entry) {
  OpBuilder b(entry.getContext());
  Block &body = entry.front();
  b.setInsertionPointToStart(&body);
  auto getBuffer = [](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    return MemRefType::get(tensor.getShape(), tensor.getElementType());
  };
  for (BlockArgument argument : body.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type)
      continue;
    argument.setType(getBuffer(type));
    auto tensor = bufferization::ToTensorOp::create(b, argument.getLoc(), type, argument,
                                                    /*restrict=*/true, /*writable=*/false);
    argument.replaceAllUsesExcept(tensor, tensor);
  }
  auto ret = cast<func::ReturnOp>(body.getTerminator());
  b.setInsertionPoint(ret);
  // Result names move to the output arguments.
  SmallVector<DictionaryAttr> argAttrs;
  for (unsigned i = 0; i < entry.getNumArguments(); ++i)
    argAttrs.push_back(entry.getArgAttrDict(i));
  SmallVector<SymbolInfo> symbols = getSymbols(entry);
  auto outputDims = entry->getAttrOfType<ArrayAttr>("winnow.output_dims");
  for (auto [i, result] : llvm::enumerate(ret.getOperands())) {
    Value out = body.addArgument(getBuffer(result.getType()), result.getLoc());
    ArrayRef<AffineExpr> dims = cast<AffineMapAttr>(outputDims[i]).getValue().getResults();
    if (llvm::any_of(dims, [&](AffineExpr dim) { return dependsOnData(dim, symbols); }))
      out = trimBuffer(b, ret.getLoc(), out, dims);
    auto op = bufferization::MaterializeInDestinationOp::create(b, ret.getLoc(), Type(), result, out);
    op.setRestrict(true);
    op.setWritable(true);
    argAttrs.push_back(entry.getResultAttrDict(i));
  }
  ret->setOperands({});
  entry.removeResAttrsAttr();
  entry.setFunctionType(b.getFunctionType(body.getArgumentTypes(), {}));
  for (DictionaryAttr &attrs : argAttrs)
    if (!attrs)
      attrs = b.getDictionaryAttr({});
  entry.setAllArgAttrs(argAttrs);
  return success();
}
