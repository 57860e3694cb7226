#include "winnow/Dialect/Winnow/IR/Winnow.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

#include "winnow/Dialect/Winnow/IR/WinnowDialect.cpp.inc"
#include "winnow/Dialect/Winnow/IR/WinnowEnums.cpp.inc"
#include "winnow/Dialect/Winnow/IR/WinnowInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "winnow/Dialect/Winnow/IR/WinnowAttributes.cpp.inc"

#define GET_OP_CLASSES
#include "winnow/Dialect/Winnow/IR/WinnowOps.cpp.inc"

void WinnowDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "winnow/Dialect/Winnow/IR/WinnowAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "winnow/Dialect/Winnow/IR/WinnowOps.cpp.inc"
      >();
}

Operation *WinnowDialect::materializeConstant(OpBuilder &builder, Attribute value,
                                              Type type, Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || elements.getShapedType() != type)
    return nullptr;
  return ConstantOp::create(builder, loc, type, cast<TypedAttr>(value));
}
