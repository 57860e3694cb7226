#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace winnow {

static constexpr llvm::StringLiteral kSymbols = "winnow.symbols";

SmallVector<SymbolInfo> getSymbols(FunctionOpInterface func) {
  SmallVector<SymbolInfo> symbols;
  auto array = func->getAttrOfType<ArrayAttr>(kSymbols);
  if (!array)
    return symbols;
  for (Attribute attr : array) {
    SymbolInfo info;
    if (auto dict = dyn_cast<DictionaryAttr>(attr)) {
      if (auto name = dict.getAs<StringAttr>("name"))
        info.name = name.getValue().str();
      if (auto min = dict.getAs<IntegerAttr>("min"))
        info.min = min.getInt();
      if (auto max = dict.getAs<IntegerAttr>("max"))
        info.max = max.getInt();
      info.isData = dict.contains("data");
      if (auto bound = dict.getAs<AffineMapAttr>("bound");
          bound && bound.getValue().getNumResults() == 1)
        info.bound = bound.getValue().getResult(0);
    }
    symbols.push_back(info);
  }
  return symbols;
}

void setSymbols(FunctionOpInterface func, ArrayRef<SymbolInfo> symbols) {
  Builder builder(func->getContext());
  SmallVector<Attribute> attrs;
  for (const SymbolInfo &symbol : symbols) {
    SmallVector<NamedAttribute> fields = {
        builder.getNamedAttr("name", builder.getStringAttr(symbol.name)),
        builder.getNamedAttr("min", builder.getI64IntegerAttr(symbol.min)),
        builder.getNamedAttr("max", builder.getI64IntegerAttr(symbol.max))};
    if (symbol.isData)
      fields.push_back(builder.getNamedAttr("data", builder.getUnitAttr()));
    if (symbol.bound)
      fields.push_back(builder.getNamedAttr(
          "bound", AffineMapAttr::get(AffineMap::get(0, symbols.size(), symbol.bound))));
    attrs.push_back(builder.getDictionaryAttr(fields));
  }
  func->setAttr(kSymbols, builder.getArrayAttr(attrs));
}

bool dependsOnData(AffineExpr dim, ArrayRef<SymbolInfo> symbols) {
  bool depends = false;
  dim.walk([&](AffineExpr part) {
    auto symbol = dyn_cast<AffineSymbolExpr>(part);
    depends |= symbol && symbol.getPosition() < symbols.size() &&
               symbols[symbol.getPosition()].isData;
  });
  return depends;
}

bool dependsOnData(AffineExpr dim, Operation *op) {
  auto func = op->getParentOfType<FunctionOpInterface>();
  return func && dependsOnData(dim, getSymbols(func));
}

Dims getDims(Type type) {
  Dims dims;
  auto shaped = dyn_cast<RankedTensorType>(type);
  if (!shaped)
    return dims;
  auto encoding = dyn_cast_or_null<AffineMapAttr>(shaped.getEncoding());
  for (auto [index, size] : llvm::enumerate(shaped.getShape())) {
    if (!ShapedType::isDynamic(size))
      dims.push_back(getAffineConstantExpr(size, type.getContext()));
    else if (encoding && encoding.getValue().getNumResults() == shaped.getShape().size())
      dims.push_back(encoding.getValue().getResult(index));
    else
      dims.push_back(nullptr);
  }
  return dims;
}

unsigned getNumSymbols(Type type) {
  if (auto shaped = dyn_cast<RankedTensorType>(type))
    if (auto encoding = dyn_cast_or_null<AffineMapAttr>(shaped.getEncoding()))
      return encoding.getValue().getNumSymbols();
  return 0;
}

unsigned getNumSymbols(TypeRange types) {
  unsigned count = 0;
  for (Type type : types)
    count = std::max(count, getNumSymbols(type));
  return count;
}

RankedTensorType getTensorType(ArrayRef<AffineExpr> dims, Type elementType,
                               unsigned numSymbols) {
  SmallVector<int64_t> shape;
  Dims simplified;
  bool isStatic = true, isKnown = true;
  for (AffineExpr dim : dims) {
    dim = normalizeDim(dim);
    std::optional<int64_t> constant = getConstantDim(dim);
    shape.push_back(constant.value_or(ShapedType::kDynamic));
    simplified.push_back(dim);
    isStatic &= constant.has_value();
    isKnown &= bool(dim);
  }
  if (isStatic || !isKnown)
    return RankedTensorType::get(shape, elementType);
  auto map = AffineMap::get(0, numSymbols, simplified, elementType.getContext());
  return RankedTensorType::get(shape, elementType, AffineMapAttr::get(map));
}

bool isSameDim(AffineExpr a, AffineExpr b, unsigned numSymbols) {
  if (!a || !b)
    return false;
  if (a == b)
    return true;
  return isConstantDim(normalizeDim(a - b), 0);
}

std::optional<int64_t> getConstantDim(AffineExpr dim) {
  if (auto constant = dyn_cast_or_null<AffineConstantExpr>(dim))
    return constant.getValue();
  return std::nullopt;
}

bool isConstantDim(AffineExpr dim, int64_t value) {
  return getConstantDim(dim) == value;
}

std::optional<AffineExpr> broadcastDim(AffineExpr a, AffineExpr b,
                                       unsigned numSymbols) {
  if (isConstantDim(a, 1))
    return b;
  if (isConstantDim(b, 1) || isSameDim(a, b, numSymbols))
    return a;
  return std::nullopt;
}

FailureOr<Dims> broadcastDims(ArrayRef<Dims> shapes, unsigned numSymbols,
                              std::string *error) {
  Dims result;
  for (const Dims &shape : shapes) {
    // The shapes are aligned at their last dimensions.
    if (shape.size() > result.size()) {
      Dims grown(shape.begin(), shape.begin() + (shape.size() - result.size()));
      grown.append(result);
      result = std::move(grown);
    }
    size_t offset = result.size() - shape.size();
    for (size_t i = 0; i < shape.size(); ++i) {
      std::optional<AffineExpr> dim =
          broadcastDim(result[offset + i], shape[i], numSymbols);
      if (!dim) {
        if (error)
          *error = "dimension " + std::to_string(offset + i) + ": " +
                   toString(result[offset + i]) + " and " + toString(shape[i]);
        return failure();
      }
      result[offset + i] = *dim;
    }
  }
  return result;
}

AffineExpr getNumElements(ArrayRef<AffineExpr> dims, MLIRContext *context) {
  AffineExpr product = getAffineConstantExpr(1, context);
  for (AffineExpr dim : dims) {
    if (!dim)
      return nullptr;
    product = product * dim;
  }
  return product;
}

std::string toString(AffineExpr dim) {
  if (!dim)
    return "?";
  std::string text;
  llvm::raw_string_ostream stream(text);
  dim.print(stream);
  return text;
}

std::string toString(ArrayRef<AffineExpr> dims) {
  std::string text = "[";
  for (auto [index, dim] : llvm::enumerate(dims))
    text += (index ? ", " : "") + toString(dim);
  return text + "]";
}

} // namespace winnow
