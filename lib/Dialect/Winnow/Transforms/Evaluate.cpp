#include "Elements.h"
#include "Evaluate.h"
#include "Utils.h"
#include "winnow/Dialect/Winnow/IR/Rational.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

std::optional<Elements> winnow::loadElements(ElementsAttr attr) {
  auto type = dyn_cast<RankedTensorType>(attr.getShapedType());
  if (!type)
    return std::nullopt;
  Elements elements{type, {}, {}};
  auto dense = dyn_cast<DenseElementsAttr>(attr);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    bool isSplat = false;
    if (blob && type.getElementType().isInteger(1)) {
      // A byte for each, where dense elements would have a bit.
      if (static_cast<int64_t>(blob->getData().size()) != type.getNumElements())
        return std::nullopt;
      for (char byte : blob->getData())
        elements.ints.push_back(byte != 0);
      return elements;
    }
    if (!blob || !DenseElementsAttr::isValidRawBuffer(type, blob->getData(), isSplat) || isSplat)
      return std::nullopt;
    ArrayRef<char> data = blob->getData();
    std::vector<char> cleared;
    // MLIR takes the other bits of the byte for zeros.
    if (unsigned width = type.getElementTypeBitWidth(); width < 8) {
      for (char byte : data)
        cleared.push_back(byte & ((1 << width) - 1));
      data = cleared;
    }
    dense = DenseElementsAttr::getFromRawBuffer(type, data);
  }
  if (!dense)
    return std::nullopt;
  if (elements.isFloat()) {
    for (APFloat value : dense.getValues<APFloat>())
      elements.floats.push_back(value.convertToDouble());
    return elements;
  }
  if (elements.isBits()) {
    for (const APFloat &value : dense.getValues<APFloat>())
      elements.ints.push_back(value.bitcastToAPInt().getZExtValue());
    return elements;
  }
  if (!type.getElementType().isInteger() || type.getElementTypeBitWidth() > 64)
    return std::nullopt;
  for (const APInt &value : dense.getValues<APInt>())
    elements.ints.push_back(elements.isUnsigned() ? static_cast<int64_t>(value.getZExtValue())
                                                  : value.getSExtValue());
  return elements;
}

DenseElementsAttr winnow::storeElements(const Elements &elements) {
  if (elements.isFloat()) {
    auto floatType = cast<FloatType>(elements.type.getElementType());
    SmallVector<APFloat> values;
    for (double number : elements.floats) {
      APFloat value(number);
      bool losesInfo;
      value.convert(floatType.getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
      values.push_back(value);
    }
    return DenseElementsAttr::get(elements.type, values);
  }
  if (elements.isBits()) {
    SmallVector<char> bytes(elements.ints.begin(), elements.ints.end());
    return DenseElementsAttr::getFromRawBuffer(elements.type, bytes);
  }
  SmallVector<APInt> values;
  for (int64_t number : elements.ints)
    values.emplace_back(elements.type.getElementTypeBitWidth(), number, /*isSigned=*/true,
                        /*implicitTrunc=*/true);
  return DenseElementsAttr::get(elements.type, values);
}

//===----------------------------------------------------------------------===//
// Movement
//===----------------------------------------------------------------------===//

static bool evaluateGather(GatherOp op, ArrayRef<Elements> in, Elements &out) {
  ArrayRef<int64_t> data = in[0].type.getShape(), indices = in[1].type.getShape();
  SmallVector<int64_t> dataStrides = getStrides(data), indexStrides = getStrides(indices);
  size_t axis = op.getAxis(), numIndices = indices.size();
  bool inRange = true;
  forEachIndex(out.type.getShape(), [&](int64_t to, ArrayRef<int64_t> index) {
    int64_t at = 0, from = 0;
    for (size_t i = 0; i < numIndices; ++i)
      at += index[axis + i] * indexStrides[i];
    int64_t picked = in[1].ints[at];
    picked += picked < 0 ? data[axis] : 0;
    inRange &= picked >= 0 && picked < data[axis];
    if (!inRange)
      return;
    for (size_t i = 0; i < data.size(); ++i)
      from += dataStrides[i] * (i < axis    ? index[i]
                                : i == axis ? picked
                                            : index[i + numIndices - 1]);
    out.copy(to, in[0], from);
  });
  return inRange;
}

static void evaluateRationals(RationalAttr rational, const Elements &in, Elements &out) {
  int64_t groups = rational.getNumGroups();
  int64_t channels = groups == 1 ? 1 : in.type.getShape().back();
  for (int64_t group = 0; group < groups; ++group) {
    SmallVector<double> numerator = rational.getNumeratorOf(group);
    SmallVector<double> denominator = rational.getDenominatorOf(group);
    for (int64_t i = 0; i < out.size(); ++i)
      if (i % channels / (channels / groups) == group)
        out.floats[i] = evaluateRational(rational.getKind(), numerator, denominator, in.floats[i]);
  }
}

static bool evaluateMovement(Operation *op, ArrayRef<Elements> in, Elements &out) {
  return TypeSwitch<Operation *, bool>(op)
      .Case([&](ReshapeOp) {
        out.floats = in[0].floats;
        out.ints = in[0].ints;
        return true;
      })
      .Case([&](BroadcastToOp) {
        SmallVector<int64_t> strides = getStrides(in[0].type.getShape());
        forEachIndex(out.type.getShape(), [&](int64_t to, ArrayRef<int64_t> index) {
          out.copy(to, in[0], getBroadcastOffset(in[0].type.getShape(), strides, index));
        });
        return true;
      })
      .Case([&](TransposeOp transpose) {
        SmallVector<int64_t> strides = getStrides(in[0].type.getShape());
        forEachIndex(out.type.getShape(), [&](int64_t to, ArrayRef<int64_t> index) {
          int64_t from = 0;
          for (auto [i, dim] : llvm::enumerate(transpose.getPermutation()))
            from += index[i] * strides[dim];
          out.copy(to, in[0], from);
        });
        return true;
      })
      .Case([&](SliceOp slice) {
        SmallVector<int64_t> strides = getStrides(in[0].type.getShape());
        AffineMap starts = slice.getStarts();
        if (!llvm::all_of(starts.getResults(), llvm::IsaPred<AffineConstantExpr>))
          return false;
        forEachIndex(out.type.getShape(), [&](int64_t to, ArrayRef<int64_t> index) {
          int64_t from = 0;
          for (size_t i = 0; i < index.size(); ++i)
            from += strides[i] * (*getConstantDim(starts.getResult(i)) +
                                  index[i] * slice.getSteps()[i]);
          out.copy(to, in[0], from);
        });
        return true;
      })
      .Case([&](ConcatOp concat) {
        size_t axis = concat.getAxis();
        forEachIndex(out.type.getShape(), [&](int64_t to, ArrayRef<int64_t> index) {
          SmallVector<int64_t> local(index);
          const Elements *from = in.begin();
          while (local[axis] >= from->type.getDimSize(axis))
            local[axis] -= (from++)->type.getDimSize(axis);
          SmallVector<int64_t> strides = getStrides(from->type.getShape());
          int64_t offset = 0;
          for (size_t i = 0; i < local.size(); ++i)
            offset += local[i] * strides[i];
          out.copy(to, *from, offset);
        });
        return true;
      })
      .Case([&](GatherOp gather) { return evaluateGather(gather, in, out); })
      .Case([&](GroupRationalOp op) {
        evaluateRationals(op.getRational(), in[0], out);
        return true;
      })
      .Case([&](IotaOp iota) {
        for (int64_t i = 0; i < out.size(); ++i) {
          int64_t value = iota.getStart() + i * iota.getStep();
          if (out.isFloat())
            out.floats[i] = value;
          else
            out.ints[i] = normalize(out, value);
        }
        return true;
      })
      .Case([&](DimValuesOp dims) {
        for (auto [i, expr] : llvm::enumerate(dims.getValues().getResults())) {
          std::optional<int64_t> value = getConstantDim(simplifyAffineExpr(
              expr, /*numDims=*/0, dims.getValues().getNumSymbols()));
          if (!value)
            return false;
          out.ints[i] = normalize(out, *value);
        }
        return true;
      })
      .Default([](Operation *) { return false; });
}

DenseElementsAttr winnow::evaluate(Operation *op, ArrayRef<ElementsAttr> operands) {
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type || !type.hasStaticShape() || type.getEncoding())
    return nullptr;
  Type elementType = type.getElementType();
  if (!isa<FloatType>(elementType) && elementType.getIntOrFloatBitWidth() > 64)
    return nullptr;
  SmallVector<Elements> in;
  for (ElementsAttr operand : operands) {
    std::optional<Elements> elements = loadElements(operand);
    if (!elements)
      return nullptr;
    in.push_back(std::move(*elements));
  }
  Elements out{type, {}, {}};
  out.resize();
  bool isKnown = isa<ElementwiseOpInterface>(op) && !isa<GeluOp, BitcastOp>(op)
                     ? evaluateElementwise(op, in, out)
                     : evaluateMovement(op, in, out);
  return isKnown ? storeElements(out) : nullptr;
}

Value winnow::foldConstants(OpBuilder &builder, Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || isa<ConstantOp>(op))
    return value;
  SmallVector<ElementsAttr> elements = llvm::map_to_vector(op->getOperands(), getConstantElements);
  if (llvm::is_contained(elements, nullptr))
    return value;
  DenseElementsAttr known = evaluate(op, elements);
  return known ? ConstantOp::create(builder, op->getLoc(), value.getType(), known).getResult() : value;
}
