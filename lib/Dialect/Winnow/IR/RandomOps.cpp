#include "InferType.h"

using namespace mlir;
using namespace winnow;

LogicalResult RandomOp::verify() {
  Type element = getResult().getType().getElementType();
  bool isBits = getKind() == RandomKind::Bits;
  // C1
  if (isBits != isa<IntegerType>(element))
    return emitOpError("expected ") << (isBits ? "integer" : "float") << " elements for "
                                    << stringifyRandomKind(getKind()) << ", got " << element;
  // C2
  if (getIteration() && getIteration().getType().getRank() != 0)
    return emitOpError("expected an iteration of rank 0, got ") << getIteration().getType();
  return success();
}
