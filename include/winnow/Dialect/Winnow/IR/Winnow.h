//===- Winnow.h - The winnow dialect --------------------------------------===//

#ifndef WINNOW_DIALECT_WINNOW_IR_WINNOW_H
#define WINNOW_DIALECT_WINNOW_IR_WINNOW_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "winnow/Dialect/Winnow/IR/WinnowDialect.h.inc"
#include "winnow/Dialect/Winnow/IR/WinnowEnums.h.inc"
#include "winnow/Dialect/Winnow/IR/WinnowInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "winnow/Dialect/Winnow/IR/WinnowAttributes.h.inc"

#define GET_OP_CLASSES
#include "winnow/Dialect/Winnow/IR/WinnowOps.h.inc"

#endif // WINNOW_DIALECT_WINNOW_IR_WINNOW_H
