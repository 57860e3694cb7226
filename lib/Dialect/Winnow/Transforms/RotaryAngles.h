//===- RotaryAngles.h - Tables of angles of which only half is needed -----===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_ROTARYANGLES_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_ROTARYANGLES_H

#include "Utils.h"

namespace winnow {

/// Two values whose elements alternate or follow each other along the last
/// dimension of one.
struct Pairs {
  mlir::Value first, second;
  bool interleaved;
};

/// The values that `value` joins: concat of two, or stack of two and a reshape.
std::optional<Pairs> matchPairs(mlir::Value value);

/// The first of each pair of equal elements of `value`: its first half, or with
/// `interleaved` every other element. Null where equality is not proved.
mlir::Value getHalf(mlir::OpBuilder &builder, mlir::Value value, bool interleaved);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_ROTARYANGLES_H
