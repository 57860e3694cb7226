// RUN: winnow-opt %s --split-input-file --winnow-simplify-idioms --canonicalize | FileCheck %s

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

// CHECK: code = "simplify.neutral"
// CHECK-SAME: sentence = "dropped an operation with its neutral element at 4 sites"
// CHECK-LABEL: func @neutral_operands
// CHECK-NEXT: return %arg0
func.func @neutral_operands(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %one = winnow.constant dense<1.0> : tensor<3xf32>
  %0 = winnow.add %zero, %x : (tensor<f32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = winnow.mul %0, %one : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %2 = winnow.div %1, %one : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %3 = winnow.sub %2, %zero : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  return %3 : tensor<2x3xf32>
}

// -----

// A neutral operand that gives the result its shape leaves a broadcast.
// CHECK-LABEL: func @neutral_broadcasts
// CHECK-NEXT: %[[B:.*]] = winnow.broadcast_to %arg0 : (tensor<3xf32>) -> tensor<2x3xf32>
// CHECK-NEXT: return %[[B]]
func.func @neutral_broadcasts(%x: tensor<3xf32>) -> tensor<2x3xf32> {
  %zero = winnow.constant dense<0.0> : tensor<2x1xf32>
  %0 = winnow.add %x, %zero : (tensor<3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

// 0 - x and 1 / x are not x, and 1 is not neutral for bits.
// CHECK-LABEL: func @not_neutral
// CHECK: winnow.sub
// CHECK: winnow.div
// CHECK: winnow.and
func.func @not_neutral(%x: tensor<3xf32>, %i: tensor<3xi32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xi32>) {
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %one = winnow.constant dense<1.0> : tensor<f32>
  %bit = winnow.constant dense<1> : tensor<i32>
  %0 = winnow.sub %zero, %x : (tensor<f32>, tensor<3xf32>) -> tensor<3xf32>
  %1 = winnow.div %one, %x : (tensor<f32>, tensor<3xf32>) -> tensor<3xf32>
  %2 = winnow.and %i, %bit : (tensor<3xi32>, tensor<i32>) -> tensor<3xi32>
  return %0, %1, %2 : tensor<3xf32>, tensor<3xf32>, tensor<3xi32>
}

// -----

// CHECK-LABEL: func @powers
// CHECK-DAG: winnow.mul %arg0, %arg0
// CHECK-DAG: %[[A:.*]] = winnow.sqrt %arg0
// CHECK-DAG: winnow.reciprocal %{{.*}}
// CHECK-DAG: winnow.pow %arg0, %{{.*}}
func.func @powers(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  %two = winnow.constant dense<2.0> : tensor<f32>
  %half = winnow.constant dense<0.5> : tensor<f32>
  %minus = winnow.constant dense<-0.5> : tensor<f32>
  %three = winnow.constant dense<3.0> : tensor<f32>
  %0 = winnow.pow %x, %two : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
  %1 = winnow.pow %x, %half : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
  %2 = winnow.pow %x, %minus : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
  %3 = winnow.pow %x, %three : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
  return %0, %1, %2, %3 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
}

// -----

// Only reciprocals of powers of two are exact.
// CHECK-LABEL: func @divisions
// CHECK-DAG: %[[C:.*]] = winnow.constant dense<1.250000e-01> : tensor<f32>
// CHECK-DAG: winnow.mul %arg0, %[[C]]
// CHECK-DAG: winnow.div %arg0, %{{.*}}
func.func @divisions(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %eight = winnow.constant dense<8.0> : tensor<f32>
  %three = winnow.constant dense<3.0> : tensor<f32>
  %0 = winnow.div %x, %eight : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
  %1 = winnow.div %x, %three : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
  return %0, %1 : tensor<3xf32>, tensor<3xf32>
}

// -----

// CHECK-LABEL: func @casts
// CHECK-DAG: %[[A:.*]] = winnow.cast %arg0 : (tensor<3xi1>) -> tensor<3xf32>
// CHECK-DAG: %[[N:.*]] = winnow.cast %arg1 : (tensor<3xf32>) -> tensor<3xi32>
// CHECK-DAG: %[[B:.*]] = winnow.cast %[[N]] : (tensor<3xi32>) -> tensor<3xf32>
// CHECK: return %[[A]], %[[B]]
func.func @casts(%b: tensor<3xi1>, %f: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %0 = winnow.cast %b : (tensor<3xi1>) -> tensor<3xi64>
  %1 = winnow.cast %0 : (tensor<3xi64>) -> tensor<3xf32>
  %2 = winnow.cast %f : (tensor<3xf32>) -> tensor<3xi32>
  %3 = winnow.cast %2 : (tensor<3xi32>) -> tensor<3xf32>
  return %1, %3 : tensor<3xf32>, tensor<3xf32>
}

// -----

// Masks are computed before they are expanded.
// CHECK-LABEL: func @broadcast_sinks
// CHECK-DAG: %[[C:.*]] = winnow.cast %arg0 : (tensor<2x1x1x5xi64>) -> tensor<2x1x1x5xf32>
// CHECK-DAG: %[[S:.*]] = winnow.sub %{{.*}}, %[[C]] : (tensor<f32>, tensor<2x1x1x5xf32>) -> tensor<2x1x1x5xf32>
// CHECK-DAG: %[[A:.*]] = winnow.add %arg1, %[[S]] : (tensor<2x4x5x5xf32>, tensor<2x1x1x5xf32>) -> tensor<2x4x5x5xf32>
// CHECK: return %[[A]]
func.func @broadcast_sinks(%m: tensor<2x1x1x5xi64>, %x: tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32> {
  %one = winnow.constant dense<1.0> : tensor<2x1x5x5xf32>
  %0 = winnow.broadcast_to %m : (tensor<2x1x1x5xi64>) -> tensor<2x1x5x5xi64>
  %1 = winnow.cast %0 : (tensor<2x1x5x5xi64>) -> tensor<2x1x5x5xf32>
  %2 = winnow.sub %one, %1 : (tensor<2x1x5x5xf32>, tensor<2x1x5x5xf32>) -> tensor<2x1x5x5xf32>
  %3 = winnow.add %x, %2 : (tensor<2x4x5x5xf32>, tensor<2x1x5x5xf32>) -> tensor<2x4x5x5xf32>
  return %3 : tensor<2x4x5x5xf32>
}

// -----

// A NaN guard is no identity.
// CHECK-LABEL: func @nan_guard_stays
// CHECK: winnow.is_nan
// CHECK: winnow.select
func.func @nan_guard_stays(%x: tensor<3xf32>) -> tensor<3xf32> {
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %0 = winnow.is_nan %x : (tensor<3xf32>) -> tensor<3xi1>
  %1 = winnow.select %0, %zero, %x : (tensor<3xi1>, tensor<f32>, tensor<3xf32>) -> tensor<3xf32>
  return %1 : tensor<3xf32>
}

// -----

//===----------------------------------------------------------------------===//
// Movement
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @unit_transpose
// CHECK-NEXT: %[[R:.*]] = winnow.reshape %arg0 : (tensor<2x1x3xf32>) -> tensor<1x2x3xf32>
// CHECK-NEXT: return %[[R]]
func.func @unit_transpose(%x: tensor<2x1x3xf32>) -> tensor<1x2x3xf32> {
  %0 = winnow.transpose %x [1, 0, 2] : (tensor<2x1x3xf32>) -> tensor<1x2x3xf32>
  return %0 : tensor<1x2x3xf32>
}

// -----

// What splits and joins whole dimensions moves above the transposes, which meet.
// CHECK-LABEL: func @reshape_between_transposes
// CHECK-NEXT: return %arg0
func.func @reshape_between_transposes(%x: tensor<2x4x5x16xf32>) -> tensor<2x4x5x16xf32> {
  %0 = winnow.reshape %x : (tensor<2x4x5x16xf32>) -> tensor<8x5x16xf32>
  %1 = winnow.transpose %0 [0, 2, 1] : (tensor<8x5x16xf32>) -> tensor<8x16x5xf32>
  %2 = winnow.reshape %1 : (tensor<8x16x5xf32>) -> tensor<2x4x16x5xf32>
  %3 = winnow.transpose %2 [0, 1, 3, 2] : (tensor<2x4x16x5xf32>) -> tensor<2x4x5x16xf32>
  return %3 : tensor<2x4x5x16xf32>
}

// -----

// Joining heads and sizes that are apart needs the transpose.
// CHECK-LABEL: func @joins_what_is_apart
// CHECK-NEXT: winnow.transpose
// CHECK-NEXT: winnow.reshape
func.func @joins_what_is_apart(%x: tensor<2x4x5x16xf32>) -> tensor<2x5x64xf32> {
  %0 = winnow.transpose %x [0, 2, 1, 3] : (tensor<2x4x5x16xf32>) -> tensor<2x5x4x16xf32>
  %1 = winnow.reshape %0 : (tensor<2x5x4x16xf32>) -> tensor<2x5x64xf32>
  return %1 : tensor<2x5x64xf32>
}

// -----

// CHECK-LABEL: func @slice_of_joint_dimension
// CHECK-NEXT: %[[S:.*]] = winnow.slice %arg0 at #{{.*}} step [1, 1] : (tensor<2x192xf32>) -> tensor<2x64xf32>
// CHECK-NEXT: %[[R:.*]] = winnow.reshape %[[S]] : (tensor<2x64xf32>) -> tensor<2x1x4x16xf32>
// CHECK-NEXT: return %[[R]]
func.func @slice_of_joint_dimension(%x: tensor<2x192xf32>) -> tensor<2x1x4x16xf32> {
  %0 = winnow.reshape %x : (tensor<2x192xf32>) -> tensor<2x3x4x16xf32>
  %1 = winnow.slice %0 at affine_map<() -> (0, 1, 0, 0)> step [1, 1, 1, 1] : (tensor<2x3x4x16xf32>) -> tensor<2x1x4x16xf32>
  return %1 : tensor<2x1x4x16xf32>
}

// -----

!wide = tensor<?x3x?xf32, affine_map<()[s0, s1] -> (s0, 3, s1 + 2)>>
!part = tensor<?x2x?xf32, affine_map<()[s0, s1] -> (s0, 2, s1)>>
!row = tensor<1x?xf32, affine_map<()[s0, s1] -> (1, s1 + 2)>>

// Of what is repeated, a part repeats less.
// CHECK-LABEL: func @slice_of_broadcast
// CHECK-NEXT: %[[S:.*]] = winnow.slice %arg0 at #{{.*}} step [1, 1] : (tensor<1x?xf32, #{{.*}}>) -> tensor<1x?xf32
// CHECK-NEXT: %[[B:.*]] = winnow.broadcast_to %[[S]] : {{.*}} -> tensor<?x2x?xf32
// CHECK-NEXT: return %[[B]]
func.func @slice_of_broadcast(%x: !row) -> !part {
  %0 = winnow.broadcast_to %x : (!row) -> !wide
  %1 = winnow.slice %0 at affine_map<()[s0, s1] -> (0, 1, 2)> step [1, 1, 1] : (!wide) -> !part
  return %1 : !part
}

// -----

// A slice of an inner part is not contiguous in the joint dimension.
// CHECK-LABEL: func @slice_of_inner_part
// CHECK-NEXT: winnow.reshape
// CHECK-NEXT: winnow.slice
func.func @slice_of_inner_part(%x: tensor<2x192xf32>) -> tensor<2x12x8xf32> {
  %0 = winnow.reshape %x : (tensor<2x192xf32>) -> tensor<2x12x16xf32>
  %1 = winnow.slice %0 at affine_map<() -> (0, 0, 8)> step [1, 1, 1] : (tensor<2x12x16xf32>) -> tensor<2x12x8xf32>
  return %1 : tensor<2x12x8xf32>
}

// -----

// CHECK-LABEL: func @gather_of_one_row
// CHECK-NEXT: %[[S:.*]] = winnow.slice %arg0 at #{{.*}} step [1, 1, 1] : (tensor<3x2x4xf32>) -> tensor<1x2x4xf32>
// CHECK-NEXT: %[[R:.*]] = winnow.reshape %[[S]] : (tensor<1x2x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: return %[[R]]
func.func @gather_of_one_row(%x: tensor<3x2x4xf32>) -> tensor<2x4xf32> {
  %i = winnow.constant dense<-1> : tensor<i64>
  %0 = winnow.gather %x, %i {axis = 0 : i64} : (tensor<3x2x4xf32>, tensor<i64>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

// A row of a dimension that may be empty must fail at run time.
// CHECK-LABEL: func @gather_of_perhaps_no_row
// CHECK: winnow.gather
func.func @gather_of_perhaps_no_row(%x: tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>) -> tensor<4xf32> {
  %i = winnow.constant dense<0> : tensor<i64>
  %0 = winnow.gather %x, %i {axis = 0 : i64} : (tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>, tensor<i64>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

//===----------------------------------------------------------------------===//
// Indexing
//===----------------------------------------------------------------------===//

!mask = tensor<?x?xi1, affine_map<()[s0, s1] -> (s0, s1)>>
!b = tensor<?xi64, affine_map<()[s0, s1] -> (s0)>>
!s = tensor<?xi64, affine_map<()[s0, s1] -> (s1)>>
!b4 = tensor<?x1x1x1xi64, affine_map<()[s0, s1] -> (s0, 1, 1, 1)>>
!s4 = tensor<1x1x1x?xi64, affine_map<()[s0, s1] -> (1, 1, 1, s1)>>
!bs = tensor<?x1x1x?xi64, affine_map<()[s0, s1] -> (s0, 1, 1, s1)>>
!out = tensor<?x1x1x?xi1, affine_map<()[s0, s1] -> (s0, 1, 1, s1)>>
!flat = tensor<?xi1, affine_map<()[s0, s1] -> (s0 * s1)>>

// TorchScript's mask[batch_index, key_index]: gather(flatten(mask), b * S + s).
// CHECK-LABEL: func @torchscript_mask
// CHECK-NEXT: %[[R:.*]] = winnow.reshape %arg0 : (tensor<?x?xi1, #{{.*}}>) -> tensor<?x1x1x?xi1, #{{.*}}>
// CHECK-NEXT: return %[[R]]
func.func @torchscript_mask(%m: !mask) -> !out {
  %0 = winnow.iota {start = 0 : i64, step = 1 : i64} : !b
  %1 = winnow.iota {start = 0 : i64, step = 1 : i64} : !s
  %2 = winnow.reshape %0 : (!b) -> !b4
  %3 = winnow.reshape %1 : (!s) -> !s4
  %4 = winnow.dim_values affine_map<()[s0, s1] -> (s1)> : tensor<i64>
  %5 = winnow.mul %2, %4 : (!b4, tensor<i64>) -> !b4
  %6 = winnow.add %3, %5 : (!s4, !b4) -> !bs
  %7 = winnow.reshape %m : (!mask) -> !flat
  %8 = winnow.gather %7, %6 {axis = 0 : i64} : (!flat, !bs) -> !out
  return %8 : !out
}

// -----

!mask = tensor<?x?xi1, affine_map<()[s0, s1] -> (s0, s1)>>
!b = tensor<?xi64, affine_map<()[s0, s1] -> (s0)>>
!s = tensor<?xi64, affine_map<()[s0, s1] -> (s1)>>
!b4 = tensor<?x1x1x1xi64, affine_map<()[s0, s1] -> (s0, 1, 1, 1)>>
!s4 = tensor<1x1x1x?xi64, affine_map<()[s0, s1] -> (1, 1, 1, s1)>>
!bs = tensor<?x1x1x?xi64, affine_map<()[s0, s1] -> (s0, 1, 1, s1)>>
!bs1 = tensor<?x1x1x?x1xi64, affine_map<()[s0, s1] -> (s0, 1, 1, s1, 1)>>
!bs2 = tensor<?x1x1x?x2xi64, affine_map<()[s0, s1] -> (s0, 1, 1, s1, 2)>>
!out = tensor<?x1x1x?xi1, affine_map<()[s0, s1] -> (s0, 1, 1, s1)>>

// Dynamo's: gather_nd by tuples of expanded positions.
// CHECK-LABEL: func @dynamo_mask
// CHECK-NEXT: %[[R:.*]] = winnow.reshape %arg0 : (tensor<?x?xi1, #{{.*}}>) -> tensor<?x1x1x?xi1, #{{.*}}>
// CHECK-NEXT: return %[[R]]
func.func @dynamo_mask(%m: !mask) -> !out {
  %0 = winnow.iota {start = 0 : i64, step = 1 : i64} : !b
  %1 = winnow.iota {start = 0 : i64, step = 1 : i64} : !s
  %2 = winnow.reshape %0 : (!b) -> !b4
  %3 = winnow.reshape %1 : (!s) -> !s4
  %4 = winnow.broadcast_to %2 : (!b4) -> !bs
  %5 = winnow.broadcast_to %3 : (!s4) -> !bs
  %6 = winnow.reshape %4 : (!bs) -> !bs1
  %7 = winnow.reshape %5 : (!bs) -> !bs1
  %8 = winnow.concat %6, %7 {axis = 4 : i64} : (!bs1, !bs1) -> !bs2
  %9 = winnow.gather_nd %m, %8 : (!mask, !bs2) -> !out
  return %9 : !out
}

// -----

// The same where all sizes are known and the tuples are a constant.
// CHECK-LABEL: func @constant_tuples
// CHECK-NEXT: %[[R:.*]] = winnow.reshape %arg0 : (tensor<2x3xi1>) -> tensor<2x1x3xi1>
// CHECK-NEXT: return %[[R]]
func.func @constant_tuples(%m: tensor<2x3xi1>) -> tensor<2x1x3xi1> {
  %0 = winnow.constant dense<[[[[0, 0], [0, 1], [0, 2]]], [[[1, 0], [1, 1], [1, 2]]]]> : tensor<2x1x3x2xi64>
  %1 = winnow.gather_nd %m, %0 : (tensor<2x3xi1>, tensor<2x1x3x2xi64>) -> tensor<2x1x3xi1>
  return %1 : tensor<2x1x3xi1>
}

// CHECK-LABEL: func @constant_tuples_out_of_order
// CHECK: winnow.gather_nd
func.func @constant_tuples_out_of_order(%m: tensor<2x3xi1>) -> tensor<2x3xi1> {
  %0 = winnow.constant dense<[[[0, 0], [0, 2], [0, 1]], [[1, 0], [1, 1], [1, 2]]]> : tensor<2x3x2xi64>
  %1 = winnow.gather_nd %m, %0 : (tensor<2x3xi1>, tensor<2x3x2xi64>) -> tensor<2x3xi1>
  return %1 : tensor<2x3xi1>
}

// CHECK-LABEL: func @constant_tuples_of_some_rows
// CHECK: winnow.gather_nd
func.func @constant_tuples_of_some_rows(%m: tensor<4x3xi1>) -> tensor<2x3xi1> {
  %0 = winnow.constant dense<[[[0, 0], [0, 1], [0, 2]], [[1, 0], [1, 1], [1, 2]]]> : tensor<2x3x2xi64>
  %1 = winnow.gather_nd %m, %0 : (tensor<4x3xi1>, tensor<2x3x2xi64>) -> tensor<2x3xi1>
  return %1 : tensor<2x3xi1>
}

// -----

!mask = tensor<?x?xi1, affine_map<()[s0, s1] -> (s0, s1)>>
!b = tensor<?xi64, affine_map<()[s0, s1] -> (s0)>>
!s = tensor<?xi64, affine_map<()[s0, s1] -> (s1)>>
!bcol = tensor<?x1xi64, affine_map<()[s0, s1] -> (s0, 1)>>
!srow = tensor<1x?xi64, affine_map<()[s0, s1] -> (1, s1)>>
!bs = tensor<?x?xi64, affine_map<()[s0, s1] -> (s0, s1)>>
!bs1 = tensor<?x?x1xi64, affine_map<()[s0, s1] -> (s0, s1, 1)>>
!bs2 = tensor<?x?x2xi64, affine_map<()[s0, s1] -> (s0, s1, 2)>>

// Tuples in the other order read a transpose.
// CHECK-LABEL: func @swapped_tuples
// CHECK: winnow.gather_nd
func.func @swapped_tuples(%m: tensor<?x?xi1, affine_map<()[s0, s1] -> (s1, s0)>>) -> !mask {
  %0 = winnow.iota {start = 0 : i64, step = 1 : i64} : !b
  %1 = winnow.iota {start = 0 : i64, step = 1 : i64} : !s
  %2 = winnow.reshape %0 : (!b) -> !bcol
  %3 = winnow.reshape %1 : (!s) -> !srow
  %4 = winnow.broadcast_to %2 : (!bcol) -> !bs
  %5 = winnow.broadcast_to %3 : (!srow) -> !bs
  %6 = winnow.reshape %4 : (!bs) -> !bs1
  %7 = winnow.reshape %5 : (!bs) -> !bs1
  %8 = winnow.concat %7, %6 {axis = 2 : i64} : (!bs1, !bs1) -> !bs2
  %9 = winnow.gather_nd %m, %8 : (tensor<?x?xi1, affine_map<()[s0, s1] -> (s1, s0)>>, !bs2) -> !mask
  return %9 : !mask
}

// -----

// A position is never negative, so that the condition is true and the mask is
// all that is left.
// CHECK-LABEL: func @positions_are_not_negative
// CHECK-NEXT: %[[B:.*]] = winnow.broadcast_to %arg0
// CHECK-NEXT: return %[[B]]
func.func @positions_are_not_negative(%m: tensor<1x?xi1, affine_map<()[s0] -> (1, s0)>>) -> tensor<?x?xi1, affine_map<()[s0] -> (s0, s0)>> {
  %zero = winnow.constant dense<0> : tensor<i64>
  %0 = winnow.iota {start = 0 : i64, step = 1 : i64} : tensor<?xi64, affine_map<()[s0] -> (s0)>>
  %1 = winnow.reshape %0 : (tensor<?xi64, affine_map<()[s0] -> (s0)>>) -> tensor<?x1xi64, affine_map<()[s0] -> (s0, 1)>>
  %2 = winnow.compare ge %1, %zero : (tensor<?x1xi64, affine_map<()[s0] -> (s0, 1)>>, tensor<i64>) -> tensor<?x1xi1, affine_map<()[s0] -> (s0, 1)>>
  %3 = winnow.and %2, %m : (tensor<?x1xi1, affine_map<()[s0] -> (s0, 1)>>, tensor<1x?xi1, affine_map<()[s0] -> (1, s0)>>) -> tensor<?x?xi1, affine_map<()[s0] -> (s0, s0)>>
  return %3 : tensor<?x?xi1, affine_map<()[s0] -> (s0, s0)>>
}

// -----

// A table of positions is sliced where the symbol's bound says it is long
// enough.
// CHECK-LABEL: func @positions_in_a_table
// CHECK: winnow.slice %arg0 at #{{.*}} step [1, 1] : (tensor<64x8xf32>) -> tensor<?x8xf32
// CHECK-NOT: winnow.gather
func.func @positions_in_a_table(%t: tensor<64x8xf32>) -> tensor<1x?x8xf32, affine_map<()[s0] -> (1, s0, 8)>>
    attributes {winnow.symbols = [{name = "seq", min = 1, max = 64}]} {
  %0 = winnow.iota {start = 0 : i64, step = 1 : i64} : tensor<64xi64>
  %1 = winnow.reshape %0 : (tensor<64xi64>) -> tensor<1x64xi64>
  %2 = winnow.slice %1 at affine_map<() -> (0, 0)> step [1, 1] : (tensor<1x64xi64>) -> tensor<1x?xi64, affine_map<()[s0] -> (1, s0)>>
  %3 = winnow.gather %t, %2 {axis = 0 : i64} : (tensor<64x8xf32>, tensor<1x?xi64, affine_map<()[s0] -> (1, s0)>>) -> tensor<1x?x8xf32, affine_map<()[s0] -> (1, s0, 8)>>
  return %3 : tensor<1x?x8xf32, affine_map<()[s0] -> (1, s0, 8)>>
}

// -----

// Without a bound, what is past the table must fail at run time.
// CHECK-LABEL: func @positions_past_a_table
// CHECK: winnow.gather
func.func @positions_past_a_table(%t: tensor<64x8xf32>) -> tensor<?x8xf32, affine_map<()[s0] -> (s0, 8)>> {
  %0 = winnow.iota {start = 0 : i64, step = 1 : i64} : tensor<?xi64, affine_map<()[s0] -> (s0)>>
  %1 = winnow.gather %t, %0 {axis = 0 : i64} : (tensor<64x8xf32>, tensor<?xi64, affine_map<()[s0] -> (s0)>>) -> tensor<?x8xf32, affine_map<()[s0] -> (s0, 8)>>
  return %1 : tensor<?x8xf32, affine_map<()[s0] -> (s0, 8)>>
}

// -----

//===----------------------------------------------------------------------===//
// Reductions, attention and linears
//===----------------------------------------------------------------------===//

// Mean pooling counts tokens once, not once a feature.
// CHECK-LABEL: func @reduce_of_broadcast
// CHECK-NEXT: %[[R:.*]] = winnow.reduce sum %arg0 [1] : (tensor<2x5x1xf32>) -> tensor<2x1xf32>
// CHECK-NEXT: %[[B:.*]] = winnow.broadcast_to %[[R]] : (tensor<2x1xf32>) -> tensor<2x8xf32>
// CHECK-NEXT: return %[[B]]
func.func @reduce_of_broadcast(%x: tensor<2x5x1xf32>) -> tensor<2x8xf32> {
  %0 = winnow.broadcast_to %x : (tensor<2x5x1xf32>) -> tensor<2x5x8xf32>
  %1 = winnow.reduce sum %0 [1] : (tensor<2x5x8xf32>) -> tensor<2x8xf32>
  return %1 : tensor<2x8xf32>
}

// -----

// CHECK-LABEL: func @reduce_of_repeated
// CHECK-NEXT: winnow.broadcast_to
// CHECK-NEXT: winnow.reduce
func.func @reduce_of_repeated(%x: tensor<2x5x1xf32>) -> tensor<2x5xf32> {
  %0 = winnow.broadcast_to %x : (tensor<2x5x1xf32>) -> tensor<2x5x8xf32>
  %1 = winnow.reduce sum %0 [2] : (tensor<2x5x8xf32>) -> tensor<2x5xf32>
  return %1 : tensor<2x5xf32>
}

// -----

// CHECK-LABEL: func @attention_mask
// CHECK-NEXT: %[[A:.*]] = winnow.attention %arg0, %arg0, %arg0 mask(%arg1)
// CHECK-NEXT: return %[[A]]
func.func @attention_mask(%x: tensor<2x5x4x16xf32>, %m: tensor<2x1x1x5xi1>) -> tensor<2x5x4x16xf32> {
  %0 = winnow.broadcast_to %m : (tensor<2x1x1x5xi1>) -> tensor<2x1x5x5xi1>
  %1 = winnow.attention %x, %x, %x mask(%0) {scale = 0.25 : f32} : (tensor<2x5x4x16xf32>, tensor<2x5x4x16xf32>, tensor<2x5x4x16xf32>, tensor<2x1x5x5xi1>) -> tensor<2x5x4x16xf32>
  return %1 : tensor<2x5x4x16xf32>
}

// -----

// Gemm's tokens are flattened before and unflattened after: neither is left.
// CHECK-LABEL: func @flattened_linear
// CHECK-SAME: %[[X:.*]]: tensor<2x5x8xf32>, %[[W:.*]]: tensor
// CHECK-NEXT: %[[L:.*]] = winnow.linear %[[X]], %[[W]] : (tensor<2x5x8xf32>, tensor<8x6xf32>) -> tensor<2x5x6xf32>
// CHECK-NEXT: %[[G:.*]] = winnow.gelu %[[L]]
// CHECK-NEXT: return %[[G]]
func.func @flattened_linear(%x: tensor<2x5x8xf32>, %w: tensor<8x6xf32>) -> tensor<2x5x6xf32> {
  %0 = winnow.reshape %x : (tensor<2x5x8xf32>) -> tensor<10x8xf32>
  %1 = winnow.linear %0, %w : (tensor<10x8xf32>, tensor<8x6xf32>) -> tensor<10x6xf32>
  %2 = winnow.gelu %1 : (tensor<10x6xf32>) -> tensor<10x6xf32>
  %3 = winnow.reshape %2 : (tensor<10x6xf32>) -> tensor<2x5x6xf32>
  return %3 : tensor<2x5x6xf32>
}

// -----

// Sequence-first attention's transposes meet around its linears.
// CHECK-LABEL: func @sequence_first_linear
// CHECK-SAME: %[[X:.*]]: tensor<2x5x8xf32>, %[[W:.*]]: tensor
// CHECK-NEXT: %[[L:.*]] = winnow.linear %[[X]], %[[W]] : (tensor<2x5x8xf32>, tensor<8x6xf32>) -> tensor<2x5x6xf32>
// CHECK-NEXT: return %[[L]]
func.func @sequence_first_linear(%x: tensor<2x5x8xf32>, %w: tensor<8x6xf32>) -> tensor<2x5x6xf32> {
  %0 = winnow.transpose %x [1, 0, 2] : (tensor<2x5x8xf32>) -> tensor<5x2x8xf32>
  %1 = winnow.linear %0, %w : (tensor<5x2x8xf32>, tensor<8x6xf32>) -> tensor<5x2x6xf32>
  %2 = winnow.transpose %1 [1, 0, 2] : (tensor<5x2x6xf32>) -> tensor<2x5x6xf32>
  return %2 : tensor<2x5x6xf32>
}

// -----

// A transpose of the features themselves is needed.
// CHECK-LABEL: func @linear_of_transposed_features
// CHECK-NEXT: winnow.transpose
// CHECK-NEXT: winnow.linear
func.func @linear_of_transposed_features(%x: tensor<2x8x5xf32>, %w: tensor<8x6xf32>) -> tensor<10x6xf32> {
  %0 = winnow.transpose %x [0, 2, 1] : (tensor<2x8x5xf32>) -> tensor<2x5x8xf32>
  %1 = winnow.linear %0, %w : (tensor<2x5x8xf32>, tensor<8x6xf32>) -> tensor<2x5x6xf32>
  %2 = winnow.reshape %1 : (tensor<2x5x6xf32>) -> tensor<10x6xf32>
  return %2 : tensor<10x6xf32>
}

// -----

// Opset converters flatten an old softmax's input.
// CHECK-LABEL: func @flattened_softmax
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: %[[P:.*]] = winnow.softmax %[[X]] {axis = 3 : i64} : (tensor<2x4x5x6xf32>) -> tensor<2x4x5x6xf32>
// CHECK-NEXT: return %[[P]]
func.func @flattened_softmax(%x: tensor<2x4x5x6xf32>) -> tensor<2x4x5x6xf32> {
  %0 = winnow.reshape %x : (tensor<2x4x5x6xf32>) -> tensor<40x6xf32>
  %1 = winnow.softmax %0 {axis = 1 : i64} : (tensor<40x6xf32>) -> tensor<40x6xf32>
  %2 = winnow.reshape %1 : (tensor<40x6xf32>) -> tensor<2x4x5x6xf32>
  return %2 : tensor<2x4x5x6xf32>
}

// -----

// A softmax over joined dimensions is another one.
// CHECK-LABEL: func @softmax_over_joined
// CHECK-NEXT: winnow.reshape
// CHECK-NEXT: winnow.softmax
func.func @softmax_over_joined(%x: tensor<2x5x6xf32>) -> tensor<2x30xf32> {
  %0 = winnow.reshape %x : (tensor<2x5x6xf32>) -> tensor<2x30xf32>
  %1 = winnow.softmax %0 {axis = 1 : i64} : (tensor<2x30xf32>) -> tensor<2x30xf32>
  return %1 : tensor<2x30xf32>
}

// -----

!q = tensor<?x?x4x8xf32, affine_map<()[s0, s1] -> (s0, s1, 4, 8)>>
!few = tensor<?x2x?x8xf32, affine_map<()[s0, s1] -> (s0, 2, s1, 8)>>
!one = tensor<?x2x1x?x8xf32, affine_map<()[s0, s1] -> (s0, 2, 1, s1, 8)>>
!two = tensor<?x2x2x?x8xf32, affine_map<()[s0, s1] -> (s0, 2, 2, s1, 8)>>
!many = tensor<?x4x?x8xf32, affine_map<()[s0, s1] -> (s0, 4, s1, 8)>>

// Keys and values that are repeated for groups of heads are read where they are.
// CHECK-LABEL: func @head_repeat
// CHECK: %[[K:.*]] = winnow.transpose %arg1 [0, 2, 1, 3] : (tensor<?x2x?x8xf32
// CHECK: %[[V:.*]] = winnow.transpose %arg2 [0, 2, 1, 3]
// CHECK: winnow.attention %arg0, %[[K]], %[[V]]
func.func @head_repeat(%q: !q, %k: !few, %v: !few) -> !q {
  %k1 = winnow.reshape %k : (!few) -> !one
  %k2 = winnow.broadcast_to %k1 : (!one) -> !two
  %k3 = winnow.reshape %k2 : (!two) -> !many
  %k4 = winnow.transpose %k3 [0, 2, 1, 3] : (!many) -> !q
  %v1 = winnow.reshape %v : (!few) -> !one
  %v2 = winnow.broadcast_to %v1 : (!one) -> !two
  %v3 = winnow.reshape %v2 : (!two) -> !many
  %v4 = winnow.transpose %v3 [0, 2, 1, 3] : (!many) -> !q
  %0 = winnow.attention %q, %k4, %v4 {scale = 0.5 : f32} : (!q, !q, !q) -> !q
  return %0 : !q
}

// -----

!q = tensor<2x3x4x8xf32>
!few = tensor<2x2x3x8xf32>
!one = tensor<2x1x2x3x8xf32>
!two = tensor<2x2x2x3x8xf32>
!many = tensor<2x4x3x8xf32>

// All heads and then all of them again: head 1 would be another one.
// CHECK-LABEL: func @head_tile
// CHECK: winnow.broadcast_to
// CHECK: winnow.attention
func.func @head_tile(%q: !q, %k: !few) -> !q {
  %k1 = winnow.reshape %k : (!few) -> !one
  %k2 = winnow.broadcast_to %k1 : (!one) -> !two
  %k3 = winnow.reshape %k2 : (!two) -> !many
  %k4 = winnow.transpose %k3 [0, 2, 1, 3] : (!many) -> !q
  %0 = winnow.attention %q, %k4, %k4 {scale = 0.5 : f32} : (!q, !q, !q) -> !q
  return %0 : !q
}

// -----

!x = tensor<2x3x4x8xf32>
!t = tensor<2x4x3x8xf32>

// CHECK-LABEL: func @transpose_below_rotary
// CHECK: %[[C:.*]] = winnow.reshape %arg1 : (tensor<3x4xf32>) -> tensor<1x3x1x4xf32>
// CHECK: %[[S:.*]] = winnow.reshape %arg1
// CHECK: %[[R:.*]] = winnow.rotary %arg0, %[[C]], %[[S]]
// CHECK-NEXT: return %[[R]]
func.func @transpose_below_rotary(%x: !x, %a: tensor<3x4xf32>) -> !x {
  %0 = winnow.transpose %x [0, 2, 1, 3] : (!x) -> !t
  %1 = winnow.rotary %0, %a, %a : (!t, tensor<3x4xf32>, tensor<3x4xf32>) -> !t
  %2 = winnow.transpose %1 [0, 2, 1, 3] : (!t) -> !x
  return %2 : !x
}

// -----

// A triangle as numbers, an integer mask of it, and a boolean one again.
// CHECK-LABEL: func @choice
// CHECK-NEXT: return %arg0
func.func @choice(%c: tensor<4x4xi1>) -> tensor<4x4xi1> {
  %one = winnow.constant dense<1.0> : tensor<f32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %none = winnow.constant dense<0> : tensor<i64>
  %0 = winnow.select %c, %one, %zero : (tensor<4x4xi1>, tensor<f32>, tensor<f32>) -> tensor<4x4xf32>
  %1 = winnow.cast %0 : (tensor<4x4xf32>) -> tensor<4x4xi64>
  %2 = winnow.compare gt %1, %none : (tensor<4x4xi64>, tensor<i64>) -> tensor<4x4xi1>
  return %2 : tensor<4x4xi1>
}

// -----

// (1 - mask) * low
// CHECK-LABEL: func @choice_of_cast
// CHECK-DAG: %[[LOW:.*]] = winnow.constant dense<-1.000000e+09>
// CHECK-DAG: %[[ZERO:.*]] = winnow.constant dense<-0.000000e+00>
// CHECK: winnow.select %arg0, %[[ZERO]], %[[LOW]]
func.func @choice_of_cast(%c: tensor<4xi1>) -> tensor<4xf32> {
  %one = winnow.constant dense<1.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e9> : tensor<f32>
  %0 = winnow.cast %c : (tensor<4xi1>) -> tensor<4xf32>
  %1 = winnow.sub %one, %0 : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = winnow.mul %1, %low : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// -----

!i = tensor<?xi64, affine_map<()[s0] -> (s0)>>
!j = tensor<?xi64, affine_map<()[s0] -> (s0 + 1)>>
!b = tensor<?xi1, affine_map<()[s0] -> (s0)>>

// How Whisper looks for packed sequences: positions follow each other, so that
// no sequence begins, and the running count stays 0.
// CHECK-LABEL: func @consecutive
// CHECK: %[[ZERO:.*]] = winnow.constant dense<0>
// CHECK: %[[R:.*]] = winnow.broadcast_to %[[ZERO]]
// CHECK: return %[[R]]
func.func @consecutive() -> !i attributes {winnow.symbols = [{name = "s", min = 0, max = 64}]} {
  %one = winnow.constant dense<1> : tensor<i64>
  %first = winnow.constant dense<-1> : tensor<1xi64>
  %p = winnow.iota {start = 0 : i64, step = 1 : i64} : !i
  %c = winnow.concat %first, %p {axis = 0 : i64} : (tensor<1xi64>, !i) -> !j
  %a = winnow.slice %c at affine_map<()[s0] -> (1)> step [1] : (!j) -> !i
  %b = winnow.slice %c at affine_map<()[s0] -> (0)> step [1] : (!j) -> !i
  %d = winnow.sub %a, %b : (!i, !i) -> !i
  %e = winnow.compare ne %d, %one : (!i, tensor<i64>) -> !b
  %n = winnow.cast %e : (!b) -> !i
  %s = winnow.cumsum %n {axis = 0 : i64} : (!i) -> !i
  return %s : !i
}

// -----

!b = tensor<4x?x3xf32, affine_map<()[s0] -> (4, s0, 3)>>
!c = tensor<?x4x3xf32, affine_map<()[s0] -> (s0, 4, 3)>>

// Copies change their shape freely.
// CHECK-LABEL: func @reshape_of_copies
// CHECK-NEXT: %[[R:.*]] = winnow.broadcast_to %arg0 : (tensor<1x1x3xf32>) -> tensor<?x4x3xf32
// CHECK-NEXT: return %[[R]]
func.func @reshape_of_copies(%x: tensor<1x1x3xf32>) -> !c {
  %0 = winnow.broadcast_to %x : (tensor<1x1x3xf32>) -> !b
  %1 = winnow.reshape %0 : (!b) -> !c
  return %1 : !c
}

// -----

!q = tensor<2x3x4x16xf32>

// Masks that hide nothing. Rows without any key stay what they are.
// CHECK-LABEL: func @empty_masks
// CHECK-NEXT: %[[A:.*]] = winnow.attention %arg0, %arg0, %arg0 {nan_to_zero, scale = 2.500000e-01 : f32}
// CHECK-NEXT: winnow.attention %[[A]], %[[A]], %[[A]] {scale = 2.500000e-01 : f32}
func.func @empty_masks(%q: !q) -> !q {
  %visible = winnow.constant dense<true> : tensor<1x1x1x1xi1>
  %zero = winnow.constant dense<0.0> : tensor<1x1x3x3xf32>
  %0 = winnow.attention %q, %q, %q mask(%visible) {nan_to_zero, scale = 0.25 : f32} : (!q, !q, !q, tensor<1x1x1x1xi1>) -> !q
  %1 = winnow.attention %0, %0, %0 mask(%zero) {scale = 0.25 : f32} : (!q, !q, !q, tensor<1x1x3x3xf32>) -> !q
  return %1 : !q
}

// -----

!q = tensor<2x3x4x16xf32>

// CHECK-LABEL: func @hiding_mask
// CHECK: winnow.attention {{.*}} mask(
func.func @hiding_mask(%q: !q) -> !q {
  %hidden = winnow.constant dense<false> : tensor<1x1x1x1xi1>
  %0 = winnow.attention %q, %q, %q mask(%hidden) {nan_to_zero, scale = 0.25 : f32} : (!q, !q, !q, tensor<1x1x1x1xi1>) -> !q
  return %0 : !q
}

// -----

// A permutation of what a linear reads is one of its weight.

// CHECK-LABEL: func @permuted_features
// CHECK-DAG: %[[A:.*]] = winnow.constant dense<{{.*}}> : tensor<2x3x2xf32>
// CHECK-DAG: %[[T:.*]] = winnow.transpose %[[A]] [1, 0, 2] : (tensor<2x3x2xf32>) -> tensor<3x2x2xf32>
// CHECK-DAG: %[[W:.*]] = winnow.reshape %[[T]] : (tensor<3x2x2xf32>) -> tensor<6x2xf32>
// CHECK-DAG: %[[X:.*]] = winnow.reshape %arg0 : (tensor<5x3x2xf32>) -> tensor<5x6xf32>
// CHECK: winnow.linear %[[X]], %[[W]] :
func.func @permuted_features(%x: tensor<5x3x2xf32>) -> tensor<5x2xf32> {
  %w = winnow.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 10.0], [11.0, 12.0]]> : tensor<6x2xf32>
  %0 = winnow.transpose %x [0, 2, 1] : (tensor<5x3x2xf32>) -> tensor<5x2x3xf32>
  %1 = winnow.reshape %0 : (tensor<5x2x3xf32>) -> tensor<5x6xf32>
  %2 = winnow.linear %1, %w : (tensor<5x6xf32>, tensor<6x2xf32>) -> tensor<5x2xf32>
  return %2 : tensor<5x2xf32>
}

// -----

// CHECK-LABEL: func @permuted_features_of_transposed_weight
// CHECK-DAG: winnow.transpose %{{.*}} [0, 2, 1] : (tensor<2x2x3xf32>) -> tensor<2x3x2xf32>
// CHECK: winnow.linear %{{.*}}, %{{.*}} {transpose_weight}
func.func @permuted_features_of_transposed_weight(%x: tensor<5x3x2xf32>) -> tensor<5x2xf32> {
  %w = winnow.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [7.0, 8.0, 9.0, 10.0, 11.0, 12.0]]> : tensor<2x6xf32>
  %0 = winnow.transpose %x [0, 2, 1] : (tensor<5x3x2xf32>) -> tensor<5x2x3xf32>
  %1 = winnow.reshape %0 : (tensor<5x2x3xf32>) -> tensor<5x6xf32>
  %2 = winnow.linear %1, %w {transpose_weight} : (tensor<5x6xf32>, tensor<2x6xf32>) -> tensor<5x2xf32>
  return %2 : tensor<5x2xf32>
}

// -----

// Rows move as well: the transpose stays.
// CHECK-LABEL: func @permuted_rows_and_features
// CHECK: winnow.transpose %arg0
func.func @permuted_rows_and_features(%x: tensor<5x3x2xf32>) -> tensor<3x2xf32> {
  %w = winnow.constant dense<1.0> : tensor<10x2xf32>
  %0 = winnow.transpose %x [1, 2, 0] : (tensor<5x3x2xf32>) -> tensor<3x2x5xf32>
  %1 = winnow.reshape %0 : (tensor<3x2x5xf32>) -> tensor<3x10xf32>
  %2 = winnow.linear %1, %w : (tensor<3x10xf32>, tensor<10x2xf32>) -> tensor<3x2xf32>
  return %2 : tensor<3x2xf32>
}
